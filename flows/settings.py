"""What a line is made of: `line.toml` in the run's folder, overridden by `PASSLINE_…` in the environment.

A nested key is written with two underscores in the environment: `PASSLINE_PREFECT__PORT=4300`.
"""

from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from flows.makers import MAKES
from flows.run_folder import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX
from stations.climate.rules import ISO_CLASSES, Figure, Range, Zone
from stations.deadlines import ALLOWANCES
from stations.packing.rules import MOST_TOLERANCE_G, USUAL, Tolerance
from stations.patrol.rules import Item, Patrol
from stations.people import STAFFING
from stations.personalization.rules import blank_kind
from stations.review.second import SecondLooks
from stations.review.thresholds import Thresholds
from stations.vault.rules import Reserve

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,30}$", description="small letters, digits and hyphens, a letter first, 31 at most"
    ),
]
"""A name that people and file systems can both bear."""


Point = Annotated[
    str,
    Field(
        pattern=r"^(place:)?[a-z][a-z0-9-]{0,30}$",
        description="a machine's id, or place: and a name of small letters, digits and hyphens",
    ),
]
"""Where a patrol looks."""


Hours = Annotated[float | None, Field(gt=0, le=240)]
"""Hours of working time; None where the usual value stands."""


def crosses_safely(address: object) -> bool:
    """Whether what is sent to an address is hidden on its way, or stays on this computer.

    >>> crosses_safely("https://id.centre"), crosses_safely("http://127.0.0.1:9000"), crosses_safely("http://id.centre")
    (True, True, False)
    """
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
        )
    except ValueError:
        return False


class Mode(StrEnum):
    """Whether emulated parts may take part."""

    EMULATED = "emulated"
    PRODUCTION = "production"


class StaffKind(StrEnum):
    """Who works the stations."""

    EMULATED = "emulated"
    DESKS = "desks"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Section):
    """Where custody and line tables live."""

    url: str | None = Field(
        None,
        pattern=r"^(sqlite:///|postgresql\+psycopg://).+",
        description="sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME",
    )


class PrefectSettings(_Section):
    """The Prefect server that the flows report to."""

    own_server: bool = True
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the line's own server; 0 takes a free one."""
    api_url: str | None = Field(None, pattern=r"^https?://.+/api$", description="http://HOST:PORT/api")
    """The address of a server run by others, when `own_server` is false."""


class StaffSettings(_Section):
    """Who works the stations, and in which shift."""

    kind: StaffKind = StaffKind.EMULATED
    people_per_station: Annotated[int, Field(ge=2, le=50)] = 3
    """At least two: defacing, destroying and settling need four hands."""
    shift: Name = "day"


class Desk(StrEnum):
    """Who decides at a station."""

    EMULATED = "emulated"
    PEOPLE = "people"


class DesksSettings(_Section):
    """The stations where people decide at their desks, on a page; all others are left to `[staff]`."""

    review: Desk = Desk.EMULATED
    personalization: Desk = Desk.EMULATED
    qc: Desk = Desk.EMULATED
    packing: Desk = Desk.EMULATED
    mailing: Desk = Desk.EMULATED

    @property
    def open(self) -> bool:
        """Whether people work at any of them."""
        return Desk.PEOPLE in self.by_station().values()

    def by_station(self) -> dict[str, Desk]:
        """Who decides, by station."""
        return {station: getattr(self, station) for station in type(self).model_fields}


class StationHours(_Section):
    """Working hours that each station may take of an application's time; left out: the centre's usual allowance."""

    review: Hours = None
    personalization: Hours = None
    qc: Hours = None
    packing: Hours = None
    mailing: Hours = None


class AllowanceSettings(_Section):
    """Allowances by service class; time nodes are set backwards from the deadline with them."""

    normal: StationHours = StationHours()
    expedited: StationHours = StationHours()
    emergency: StationHours = StationHours()

    def by_class(self) -> dict[str, dict[str, timedelta]]:
        """Service class to station to allowance: what is set here over the usual ones."""
        allowances = {}
        for service_class, usual in ALLOWANCES.items():
            hours = getattr(self, service_class).model_dump(exclude_none=True)
            allowances[service_class] = {
                **usual,
                **{station: timedelta(hours=value) for station, value in hours.items()},
            }
        return allowances


class AcceptanceSettings(_Section):
    """As of which day an application counts as accepted."""

    closes: str = Field("18:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM")
    """When the accepting offices close."""
    later_is_next_day: bool = True
    """Whether what is accepted after that, or on a day that is not worked, counts as of the next working day."""

    @property
    def until(self) -> time | None:
        """Until when an acceptance counts as of its own day; None: always."""
        return time.fromisoformat(self.closes) if self.later_is_next_day else None


class ThresholdSettings(_Section):
    """From where on the board raises an alarm."""

    offer_age_min: Annotated[int, Field(ge=1, le=10_080)] = 30
    """Minutes that an offer may stay unanswered."""
    blanks_low: Annotated[int, Field(ge=0, le=10_000)] = 20
    """Blanks left in a machine."""


class VaultSettings(_Section):
    """What the vault issues beyond the orders, and how far ahead it looks."""

    reserve_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the orders that is issued besides them, for what is spoiled."""
    reserve: Annotated[int, Field(ge=0, le=1_000)] = 10
    """Blanks that are issued besides that."""
    days_ahead: Annotated[int, Field(ge=1, le=60)] = 5
    """Working days that the stock must last for."""

    @property
    def kept(self) -> Reserve:
        """What is issued beyond the orders."""
        return Reserve(self.reserve_share, self.reserve)


class QcSettings(_Section):
    """How QC checks."""

    swipe_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the documents that are drawn through the swipe reader too, where the line has one."""


class MailingSettings(_Section):
    """What mailing's desk has."""

    scale: Name | None = None
    """A scale of its own, by its id; None: what the display shows is typed."""


class WeighingSettings(_Section):
    """What a parcel may weigh more or less at packing and at mailing; never half of the lightest document in it."""

    tolerance_g: Annotated[int, Field(ge=0, le=MOST_TOLERANCE_G)] = USUAL.least_g
    """Grams, whatever is inside."""
    tolerance_share: Annotated[float, Field(ge=0, le=0.1)] = USUAL.share
    """Share of what it must weigh, where that is more."""

    @property
    def tolerance(self) -> Tolerance:
        """The same as the rules have it."""
        return Tolerance(self.tolerance_g, self.tolerance_share)


Luma = Annotated[float, Field(ge=0, le=255)]
Share = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[int, Field(ge=1, le=5_000)]
Millimetres = Annotated[float, Field(ge=1, le=33)]
PrintHeight = Annotated[float, Field(ge=0, le=48)]
Years = Annotated[int, Field(ge=1, le=30)]
Months = Annotated[int, Field(ge=0, le=120)]


class ReviewSettings(_Section):
    """The limits of review's checks (`stations.review.thresholds.Thresholds` says what each is measured in)."""

    photo_width_min_px: Pixels = 354
    photo_width_max_px: Pixels = 480
    photo_height_min_px: Pixels = 472
    photo_height_max_px: Pixels = 640
    photo_ratio_min: Annotated[float, Field(ge=0.1, le=10)] = 0.68
    photo_ratio_max: Annotated[float, Field(ge=0.1, le=10)] = 0.77
    """Width by height."""
    photo_age_months: Annotated[int, Field(ge=1, le=120)] = 6
    brightness_min: Luma = 70.0
    brightness_max: Luma = 235.0
    dark_share_max: Share = 0.5
    bright_share_max: Share = 0.6
    side_difference_max: Luma = 40.0
    background_brightness_min: Luma = 160.0
    background_spread_max: Luma = 25.0
    background_colour_max: Luma = 70.0
    sharpness_min: Annotated[float, Field(ge=0, le=8)] = 0.11
    """As a share of the contrast."""
    face_width_min_mm: Millimetres = 13.0
    face_width_max_mm: Millimetres = 22.0
    """Of the finder's box, from cheek to cheek, on a print of 33 mm."""
    face_off_middle_max: Share = 0.1
    face_roll_max_deg: Annotated[float, Field(ge=0, le=90)] = 8.0
    face_turn_max: Share = 0.25
    crown_min_mm: PrintHeight = 3.0
    crown_max_mm: PrintHeight = 5.0
    """From the upper edge of a print of 48 mm to the crown."""
    head_min_mm: PrintHeight = 28.0
    head_max_mm: PrintHeight = 33.0
    """From crown to chin."""
    ink_share_min: Share = 0.002
    ink_share_max: Share = 0.5
    ink_darkness_min: Luma = 150.0
    signs_from_years: Years = 16
    adult_years: Years = 16
    """From this age nobody's consent is needed."""
    guardian_years: Years = 18
    renewal_months: Months = 6
    """A document that runs out within these may be asked for anew."""
    address_characters: Annotated[int, Field(ge=1, le=120)] = 8
    second_share: Share = 0.0
    """Of all passes; another reviewer decides them again."""
    second_classes: frozenset[Literal["normal", "expedited", "emergency"]] = frozenset()
    """Service classes of which every pass is decided again."""

    def second_looks(self) -> SecondLooks:
        """Which passes are decided again."""
        return SecondLooks(self.second_share, self.second_classes)

    def thresholds(self, hold_lists: Path) -> Thresholds:
        """The limits as the rules have them; `hold_lists`: where the hold list's files are."""
        return Thresholds(
            photo_width_px=(self.photo_width_min_px, self.photo_width_max_px),
            photo_height_px=(self.photo_height_min_px, self.photo_height_max_px),
            photo_ratio=(self.photo_ratio_min, self.photo_ratio_max),
            photo_age_months=self.photo_age_months,
            brightness=(self.brightness_min, self.brightness_max),
            dark_share=self.dark_share_max,
            bright_share=self.bright_share_max,
            side_difference=self.side_difference_max,
            background_brightness=self.background_brightness_min,
            background_spread=self.background_spread_max,
            background_colour=self.background_colour_max,
            sharpness=self.sharpness_min,
            face_width_mm=(self.face_width_min_mm, self.face_width_max_mm),
            face_off_middle=self.face_off_middle_max,
            face_roll_deg=self.face_roll_max_deg,
            face_turn=self.face_turn_max,
            crown_mm=(self.crown_min_mm, self.crown_max_mm),
            head_mm=(self.head_min_mm, self.head_max_mm),
            ink_share=(self.ink_share_min, self.ink_share_max),
            ink_darkness=self.ink_darkness_min,
            signs_from_age=self.signs_from_years,
            adult_age=self.adult_years,
            guardian_age=self.guardian_years,
            renewal_months=self.renewal_months,
            address_characters=self.address_characters,
            hold_lists=hold_lists,
        )


Celsius = Annotated[float | None, Field(ge=-40, le=85)]
Percent = Annotated[float | None, Field(ge=0, le=100)]


class ClimateSettings(_Section):
    """The limits of one zone's air, each where it is given, and how long it may be outside."""

    temperature_min_c: Celsius = None
    temperature_max_c: Celsius = None
    humidity_min_percent: Percent = None
    humidity_max_percent: Percent = None
    iso_class: Annotated[int | None, Field(ge=3, le=9)] = None
    """The class of ISO 14644-1 whose particles of 0.5 µm and more it may have."""
    particles_max_m3: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    """The same as a number, in a cubic metre."""
    grace_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Seconds that the air may be outside, or a sensor silent, before the zone is suspended."""
    every_s: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    """Seconds between two looks."""

    @property
    def limits(self) -> dict[Figure, Range]:
        """What is within the limits, by figure."""
        particles = self.particles_max_m3 if self.iso_class is None else ISO_CLASSES[self.iso_class]
        given = {
            Figure.TEMPERATURE: (self.temperature_min_c, self.temperature_max_c),
            Figure.HUMIDITY: (self.humidity_min_percent, self.humidity_max_percent),
            Figure.PARTICLES: (None, particles),
        }
        return {figure: ends for figure, ends in given.items() if ends != (None, None)}


class EmulationSettings(_Section):
    """The misfortune of emulated machines, by seeded chance."""

    spoil_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the documents that a machine spoils."""


class PatrolItem(_Section):
    """One item of a patrol's checklist, in both languages."""

    id: Name
    english: str = Field(min_length=1, max_length=120, description="one sentence in English, 120 characters at most")
    chinese: str = Field(min_length=1, max_length=120, description="one sentence in Chinese, 120 characters at most")


class PatrolSettings(_Section):
    """One round: where it leads, what is looked at there, and how often."""

    name: Name
    every_min: Annotated[int, Field(ge=5, le=10_080)]
    """Minutes from one round to the next."""
    points: Annotated[
        tuple[Point, ...], Field(min_length=1, description="machines of this line, or place:NAME for any other place")
    ]
    items: Annotated[tuple[PatrolItem, ...], Field(min_length=1, description="tables with id, english and chinese")]

    @property
    def patrol(self) -> Patrol:
        """The round as the rules have it."""
        items = tuple(Item(each.id, each.english, each.chinese) for each in self.items)
        return Patrol(self.name, self.every_min, self.points, items)


class GateSettings(_Section):
    """The gate of the core area: its machines, the stations behind it, and who must be inside."""

    enter_reader: Name
    """The face reader at the outer door."""
    leave_reader: Name
    """The face reader at the inner door."""
    shower: Name
    """The air shower between them."""
    core: Annotated[tuple[str, ...], Field(min_length=1, description="stations")] = ("vault", "personalization")
    """The stations inside: only who is inside signs there."""
    min_inside: Annotated[int, Field(ge=1, le=50)] = 2
    """Fewer than this, and not nobody, is an alarm."""
    min_quality: Annotated[int, Field(ge=0, le=100)] = 80
    """How well a face must fit, in percent."""

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines' names."""
        return self.enter_reader, self.leave_reader, self.shower


class AlarmTarget(_Section):
    """Somewhere that alarms are told, an address of apprise's.

    The address is a secret: it is in a file of its owner's alone or in the environment, never here.
    """

    name: Name
    file: str | None = Field(
        None,
        min_length=1,
        description="a file with the address in it, from the run's folder on; exactly this or environment",
    )
    environment: str | None = Field(
        None, pattern=r"^[A-Z][A-Z0-9_]{0,63}$", description="the name of a variable with the address: capitals"
    )


class AlarmSettings(_Section):
    """From where on something is an alarm, and who is told outside."""

    targets: tuple[AlarmTarget, ...] = ()
    prefect_block: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]{1,60}/[a-z0-9-]{1,60}$",
        description="TYPE/NAME of a notification block in Prefect, such as custom-webhook/duty",
    )
    """What Prefect's own automation sends alarms through, beside the targets; it keeps that secret itself."""
    look_every_s: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    """Seconds between two looks for what is the matter."""
    discrepancy_min: Annotated[int, Field(ge=0, le=10_080)] = 60
    """Minutes that a count difference may stay open."""


class OidcSettings(_Section):
    """The centre's OpenID issuer, which proves who somebody is; what they may do the register of people says alone.

    The client's secret is in a file of its owner's alone or in the environment, never here.
    """

    issuer: str = Field(
        pattern=r"^https?://[!-~]+[^/\s]$", max_length=200, description="https://…, as the issuer writes its own name"
    )
    client_id: str = Field(pattern=r"^[!-~]{1,200}$", description="this line's name at the issuer")
    secret_file: str | None = Field(
        None,
        min_length=1,
        description="a file with the client's secret, from the run's folder on; exactly this or secret_environment",
    )
    secret_environment: str | None = Field(
        None, pattern=r"^[A-Z][A-Z0-9_]{0,63}$", description="the name of a variable with the secret: capitals"
    )
    claim: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$", description="the name of the claim that holds the staff code"
    )
    """One that people can't set themselves."""
    address: str = Field(
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$", description="https://HOST[:PORT], where browsers reach the pages"
    )
    scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,64}$", description="a scope")], ...] = ()
    """What is asked for beside `openid`, where the claim needs it."""
    acr: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,200}$", description="a level of assurance")], ...] = ()
    """Levels of assurance, one of which the issuer must vouch for; none: any will do."""
    amr: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,64}$", description="a method, such as otp")], ...] = ()
    """Ways of showing oneself, all of which the issuer must have seen."""
    max_age_s: Annotated[int, Field(ge=30, le=28_800)] = 300
    """Seconds since the person showed themselves to the issuer, at most."""
    ca_file: str | None = Field(
        None, min_length=1, description="a PEM file with the authority of the issuer's certificate, from the folder on"
    )
    """None: the public authorities."""


class PagesSettings(_Section):
    """The pages in a browser."""

    oidc: OidcSettings | None = None
    """None: people sign in by code and password alone."""


Codes = tuple[Annotated[str, Field(pattern=r"^[a-z]-[a-z0-9-]{1,16}$", description="a staff code, p-0417")], ...]
AtLeastTwo = Annotated[int, Field(ge=2, le=50)]
AtLeastOne = Annotated[int, Field(ge=1, le=50)]


class OnCallLeast(_Section):
    """The fewest people of each role without whom no on-call shift is opened.

    Never fewer than a usual shift has: blanks change hands under two signatures, and a void has two hands.
    """

    keeper: AtLeastTwo = 2
    operator: AtLeastTwo = 2
    inspector: AtLeastTwo = 2
    reviewer: AtLeastOne = 1
    packer: AtLeastOne = 1
    mailer: AtLeastOne = 1


class OnCallSettings(_Section):
    """Who comes when an emergency waits and no shift is open: staff codes by role."""

    keeper: Codes = ()
    operator: Codes = ()
    inspector: Codes = ()
    reviewer: Codes = ()
    packer: Codes = ()
    mailer: Codes = ()
    least: OnCallLeast = OnCallLeast()
    targets: tuple[AlarmTarget, ...] = ()
    """Who is told outside a shift, beside the usual targets, and nothing of what happens in one."""

    def codes_by_station(self) -> dict[str, tuple[str, ...]]:
        """Those on call, by the station of their role."""
        return {station: getattr(self, role) for station, role in _on_call_stations()}

    def least_by_station(self) -> dict[str, int]:
        """The fewest of them, by station."""
        return {station: getattr(self.least, role) for station, role in _on_call_stations()}


def _on_call_stations() -> list[tuple[str, str]]:
    roles = {station: role.value for station, (role, _) in STAFFING.items()}
    return [(station, role) for station, role in roles.items() if role in OnCallLeast.model_fields]


class LogSettings(_Section):
    """How the handoff log is sealed, and who witnesses it."""

    own_sealer: bool = True
    """Whether the line starts and stops the sealer; false where `passline logs seal` runs as a service of its own."""
    seal_every_s: Annotated[float, Field(ge=0.1, le=4)] = 2.0
    """Seconds between two looks for unsealed records."""
    heartbeat_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Seconds between two cosignatures of a log that does not grow."""
    witness: str | None = Field(
        None, pattern=r"^(emulated|https?://.+)$", description="http://HOST:PORT of a witness, or emulated"
    )
    keep_numbers_years: Annotated[int, Field(ge=10, le=100)] = 11
    """Years after its last record before an application's numbers may be erased: documents are valid for ten."""
    witness_key: str | None = Field(None, description="the witness's public key, as `passline witness init` prints it")


class LoggingSettings(_Section):
    """What the program says of itself; never personal data."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    form: Literal["auto", "terminal", "json"] = "auto"
    """`auto`: readable on a terminal, JSON otherwise."""


class DeviceSettings(_Section):
    """One machine of the line."""

    id: Name
    driver: Name
    port: str = Field(
        pattern=r"^(emulator://|socket://|rfc2217://|/dev/).+",
        description="/dev/serial/by-id/…, socket://HOST:PORT, rfc2217://HOST:PORT or emulator://ID",
    )
    serial: str = Field(min_length=1, max_length=64, description="the machine's serial number, 1 to 64 characters")
    """What the machine must say its serial number is."""
    mode: Mode = Mode.PRODUCTION
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 115_200
    """Bits a second of a real serial line."""
    ideal_cycle_s: Annotated[float | None, Field(gt=0, le=3600)] = None
    """Seconds a document that effectiveness is measured against; left out: the driver's usual ones."""
    zone: Annotated[
        str | None, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="the name of a zone under [climate]")
    ] = None
    """Where a personalizer stands, and whose air a climate sensor tells."""

    @property
    def is_sensor(self) -> bool:
        """True for what tells a zone's air."""
        return self.zone is not None and self.driver not in MAKES

    @property
    def emulated(self) -> bool:
        """True when nothing real is on the other end."""
        return self.mode is Mode.EMULATED or self.port.startswith("emulator://")


class LineSettings(BaseSettings):
    """A whole line. Read it with `flows.configuration.read_settings`, which refuses with file and line."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=ENVIRONMENT_DELIMITER,
        env_ignore_empty=True,
    )

    mode: Mode
    centre: Name
    tray_size: Annotated[int, Field(ge=1, le=1000)] = 25
    """Applications that travel together."""
    speed: Annotated[float, Field(ge=0, le=100_000)] = 1.0
    """Emulated machines' time is divided by this; 0 means no machine time at all."""
    seed: Annotated[int, Field(ge=0)] = 0
    """What emulated chance starts from."""
    database: DatabaseSettings = DatabaseSettings()
    prefect: PrefectSettings = PrefectSettings()
    staff: StaffSettings = StaffSettings()
    desks: DesksSettings = DesksSettings()
    allowances: AllowanceSettings = AllowanceSettings()
    acceptance: AcceptanceSettings = AcceptanceSettings()
    thresholds: ThresholdSettings = ThresholdSettings()
    qc: QcSettings = QcSettings()
    weighing: WeighingSettings = WeighingSettings()
    mailing: MailingSettings = MailingSettings()
    vault: VaultSettings = VaultSettings()
    alarms: AlarmSettings = AlarmSettings()
    review: ReviewSettings = ReviewSettings()
    emulation: EmulationSettings = EmulationSettings()
    climate: dict[Name, ClimateSettings] = {}
    gate: GateSettings | None = None
    """None: the line has no gate, and nobody must be inside."""
    on_call: OnCallSettings | None = None
    """None: nobody is on call, and no shift is opened for an emergency."""
    log: LogSettings = LogSettings()
    logging: LoggingSettings = LoggingSettings()
    pages: PagesSettings = PagesSettings()
    patrol: tuple[PatrolSettings, ...] = ()
    devices: Annotated[tuple[DeviceSettings, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _real_people_at_all_desks(cls, given: Any) -> Any:
        """Where real people work the stations, they do so at every desk that is not said to be otherwise."""
        if not isinstance(given, dict) or not isinstance(given.get("staff"), dict):
            return given
        desks = given.get("desks", {})
        if given["staff"].get("kind") != StaffKind.DESKS or not isinstance(desks, dict):
            return given
        return given | {"desks": dict.fromkeys(DesksSettings.model_fields, Desk.PEOPLE) | desks}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is pydantic-settings')
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is pydantic-settings')
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is pydantic-settings')
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file; nothing else."""
        return env_settings, init_settings

    @property
    def stock_asked(self) -> tuple[int, Reserve]:
        """Working days that blanks must last for, and the reserve beside them; an emulated supplier brings what is
        ordered when the line starts, so nothing beyond the orders is asked of its stock.
        """
        if self.mode is Mode.EMULATED:
            return 0, Reserve(0.0, 0)
        return self.vault.days_ahead, self.vault.kept

    @property
    def patrols(self) -> tuple[Patrol, ...]:
        """The plan of rounds."""
        return tuple(each.patrol for each in self.patrol)

    @property
    def personalizers(self) -> tuple[str, ...]:
        """The ids of the machines that personalize: those that blanks are drawn on, and that a finding may hold."""
        return tuple(device.id for device in self.devices if device.driver in MAKES)

    @property
    def blank_kinds(self) -> dict[str, str]:
        """The kind of blank, "book" or "card", that each of them takes."""
        return {device.id: blank_kind(MAKES[device.driver]) for device in self.devices if device.driver in MAKES}

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones with their limits, sensors and machines."""
        return tuple(
            Zone(
                name,
                climate.limits,
                climate.grace_s,
                climate.every_s,
                tuple(device.id for device in self.devices if device.zone == name and device.is_sensor),
                tuple(device.id for device in self.devices if device.zone == name and not device.is_sensor),
            )
            for name, climate in self.climate.items()
        )

    @property
    def real_staff(self) -> bool:
        """Whether real people work the stations, at real machines or EMULATED ones."""
        return self.staff.kind is StaffKind.DESKS

    @property
    def gate_emulated(self) -> bool:
        """Whether the line has a gate, and an emulated one."""
        machines = () if self.gate is None else self.gate.machines
        return any(device.emulated for device in self.devices if device.id in machines)

    @property
    def emulated(self) -> bool:
        """True when anything here is emulated: then every record and screen says so."""
        return (
            self.mode is Mode.EMULATED
            or self.staff.kind is StaffKind.EMULATED
            or any(device.emulated for device in self.devices)
        )
