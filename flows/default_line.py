"""The `line.toml` that a demonstration starts with: every part emulated, every setting shown with what it means."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from flows.errors import FlowError
from flows.run_folder import RunFolder
from flows.settings import StaffKind
from stations.deadlines import ALLOWANCES
from stations.patrol.rules import PLACE

KINDS: Final = (
    ("book", "book-personalizer"),
    ("card", "card-personalizer"),
    ("reader", "document-reader"),
    ("scale", "mt-sics-scale"),
    ("label", "sato-label-printer"),
    ("swipe", "rte-mrz-reader"),
    ("air", "modbus-climate"),
    ("dust", "modbus-particle-counter"),
)
"""Prefix of the machine's id, and its driver."""
IN_THE_ROOM: Final = frozenset({"book", "card", "air", "dust"})
"""Those that stand in the zone, or tell its air."""

MADE_ON: Final = ("book", "card")
"""Prefixes of the machines that the default patrol looks at."""
MOST_POINTS: Final = 20
"""Of them; a line of more has further rounds."""

HEAD: Final = """\
# The line of one document centre. Every key can be overridden by the environment: PASSLINE_TRAY_SIZE=50,
# PASSLINE_PREFECT__PORT=4300. A wrong key or value is refused with its line.

mode = "emulated"        # "production" refuses every emulator and emulated staff
centre = "{centre}"          # goes into every job's identity: never change it while documents are under way
tray_size = {tray_size}           # applications that travel together, 1 to 1000
speed = {speed:g}               # the emulators' time is divided by this; 1 = real time, 0 = no machine time
seed = {seed}                 # where emulated chance starts

[database]
# url = "postgresql+psycopg://passline@localhost/passline"   # left out: passline.db in this folder

[prefect]
own_server = true        # started and stopped with the line
port = 0                 # 0 = any free one
# api_url = "http://127.0.0.1:4200/api"                      # with own_server = false

[staff]
kind = {staff:<18}# "desks": people at their screens
people_per_station = 3   # at least 2: two hands deface, destroy and settle
shift = "day"

{desks}# Hours of working time that each station may take; time nodes are set backwards from the deadline with them.
{allowances}
[acceptance]             # an acceptance after the offices close, or on a day off, counts as of the next working day
closes = "18:00"
later_is_next_day = true # false: every acceptance counts as of its own day

[thresholds]             # from where on the board raises an alarm
offer_age_min = 30       # minutes that an offer stays unanswered
blanks_low = 20          # blanks left in a machine

[vault]
reserve_share = 0.05     # of the orders, issued besides them for what is spoiled, 0 to 1
reserve = 10             # blanks issued besides that
days_ahead = 5           # working days that the stock must last for; emulated: what is on the line
[alarms]                 # docs/running-the-line.md, Alarms
look_every_s = 5.0       # 0.1 to 60
discrepancy_min = 60     # minutes that a count difference stays open before it is an alarm
# [[alarms.targets]]     # who is told outside; the address is a secret and never in this file
# name = "duty"
# file = "keys/duty.target"   # or environment = "DUTY_TARGET": wecombot://…, dingtalk://…, mailtos://…, jsons://…

# [pages.oidc]           # sign in to read the pages through the centre's OpenID issuer: docs/people.md
# issuer = "https://id.centre.example"      # as it writes its own name
# client_id = "passline"
# secret_file = "keys/oidc.secret"          # or secret_environment = "OIDC_SECRET": never in this file
# claim = "staff_code"                      # the claim that holds the staff code; one that people can't set themselves
# address = "https://10.0.0.5:8475"         # where browsers reach these pages

# [on_call]              # who comes when an emergency waits and no shift is open: docs/running-the-line.md
# keeper = ["p-0101", "p-0102"]        # at least two keepers, operators and inspectors,
# operator = ["p-0201", "p-0202"]      # one reviewer, packer and mailer; more of them: [on_call.least], keeper = 3
# inspector = ["p-0401", "p-0402"]
# reviewer = ["p-0501"]
# packer = ["p-0601"]
# mailer = ["p-0701"]
# [[on_call.targets]]    # told outside a shift alone, beside [[alarms.targets]]
# name = "night"
# file = "keys/night.target"

[review]                 # from where on a rule suspects; docs/review.md has every limit
photo_age_months = 6     # a photo is no older than this, 1 to 120
renewal_months = 6       # a document that runs out within these may be asked for anew, 0 to 120
face_width_min_mm = 13   # of the box that the extra passline[faces] finds, on a print of 33 mm
face_width_max_mm = 22
second_share = 0.0       # of all passes: another reviewer decides them again, 0 to 1
second_classes = []      # and every pass of these: "emergency", "expedited", "normal"
# photo_width_min_px = 354, sharpness_min = 0.11, brightness_min = 70, signs_from_years = 16 …

[qc]
swipe_share = 1.0        # share of the documents that are drawn through the swipe reader too, 0 to 1

[weighing]               # what a parcel may weigh more or less, at packing and mailing; never half a document of it
tolerance_g = 2          # 0 to 2
tolerance_share = 0.02   # of what it must weigh, where that is more, 0 to 0.1

# [mailing]
# scale = "scale-02"     # a scale at the mailers' desk; left out: they type what it shows, docs/mailing.md

{climate}[log]                    # the handoff log's seals
own_sealer = true        # started and stopped with the line
seal_every_s = 2.0       # 0.1 to 4
heartbeat_s = 60.0       # the witness says this often that it still sees the same log
witness = "emulated"     # a real one, under another administration: "http://10.0.0.9:8474", and its key
# witness_key = "ministry.example/witness+…"
keep_numbers_years = 11  # after its last record, before an application's numbers may be erased; 10 to 100

{gate}[emulation]
spoil_rate = 0.01        # share of the documents that emulated machines spoil, 0 to 1

[logging]
level = "warning"        # debug, info, warning, error
form = "auto"            # terminal, json; auto = readable on a terminal, JSON otherwise
"""

DESKS: Final = """\
[desks]
review = "emulated"      # "people": reviewers decide at their desks, docs/review-desk.md
personalization = "emulated"   # "people": operators load and empty the machines, docs/machines-desk.md
packing = "emulated"     # "people": packers match and pack at theirs, docs/packing-desk.md
mailing = "emulated"     # "people": mailers weigh at their desk, and drivers sign there, docs/mailing.md
qc = "emulated"          # "people": inspectors decide at theirs, docs/qc-desk.md

"""
"""Only where staff is emulated: real people are at all desks."""

GATE: Final = """\
[gate]                   # docs/gate.md; without it nobody must be inside to sign
enter_reader = "face-01" # at the outer door
leave_reader = "face-02" # at the inner door
shower = "shower-01"
core = ["vault", "personalization"]   # only who is inside signs there
min_inside = 2           # fewer, and not nobody, is an alarm
min_quality = 80         # how well a face must fit, in percent

"""
GATE_KINDS: Final = (("face", "osdp-face-reader", 2), ("shower", "modbus-air-shower", 1))

DEVICE: Final = """
[[devices]]
id = "{id}"
driver = "{driver}"
port = "emulator://{id}"   # a real one: /dev/serial/by-id/…, socket://10.0.0.5:4001
serial = "{serial}"      # refused if the machine says another
mode = "emulated"
"""
CLIMATE: Final = """\
[climate.core]           # a zone of the room; docs/climate.md
temperature_min_c = 18   # each limit may be left out
temperature_max_c = 26
humidity_min_percent = 30
humidity_max_percent = 65
{iso_class:<25}# particles by ISO 14644-1, or particles_max_m3, where a sensor counts them
grace_s = {grace_s:<15g}# seconds outside, or without an answer, before its machines are suspended, 0 to 86400
every_s = {every_s:<15g}# seconds between two looks, 0.1 to 600

"""
ZONE: Final = 'zone = "core"\n'


PATROL: Final = """
[[patrol]]               # docs/patrol.md: who walks it answers every item at every point; overdue, it is an alarm
name = "machines"
every_min = 60           # 5 to 10080
points = [{points}]
items = [
    {{ id = "covers", english = "Covers are closed and whole", chinese = "罩盖关好且完好" }},
    {{ id = "sound", english = "No unusual noise, smell or heat", chinese = "无异响、异味、过热" }},
    {{ id = "cables", english = "Cables and plugs sit firmly", chinese = "线缆和插头牢固" }},
]
"""


class LineExistsError(FlowError):
    """A line.toml is there already; it is never written over."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file
        self.next_step = f"Go on with `passline run --dir {file.parent}`, or name a new folder."

    def __str__(self) -> str:
        return f"{self.file} is there already and is not written over."


def write_default(
    folder: RunFolder,
    *,
    centre: str = "demo",
    books: int = 2,
    cards: int = 2,
    readers: int = 1,
    small: int = 1,
    air: int = 1,
    dust: int = 0,
    grace_s: float = 300.0,
    every_s: float = 10.0,
    gate: bool = True,
    staff: StaffKind = StaffKind.EMULATED,
    tray_size: int = 25,
    speed: float = 60.0,
    seed: int = 0,
) -> Path:
    """Write an emulated line's `line.toml` and return its path; `small` scales, label printers and swipe readers each.

    `air`: climate sensors of the zone that the machines stand in; without one there is no zone; `dust`: particle
    counters of it, which then has a limit of particles; it is looked
    at `every_s` seconds and may be outside its limits for `grace_s`. `gate`: whether there is one, with its two face
    readers and its air shower. `staff`: who works there; of real people it has every desk.

    Raises LineExistsError rather than write over one.
    """
    folder.make()
    head = HEAD.format(
        centre=centre,
        tray_size=tray_size,
        speed=speed,
        seed=seed,
        staff=f'"{staff.value}"',
        desks=DESKS if staff is StaffKind.EMULATED else "",
        allowances=_allowances(),
        climate=CLIMATE.format(
            grace_s=grace_s, every_s=every_s, iso_class="iso_class = 8" if dust else "# iso_class = 8"
        )
        if air
        else "",
        gate=GATE if gate else "",
    )
    counts = {
        "book": books,
        "card": cards,
        "reader": readers,
        "scale": small,
        "label": small,
        "swipe": small,
        "air": air,
        "dust": dust if air else 0,
    }
    text = head + "".join([*_devices(counts), *(_gate_devices() if gate else ())]) + _patrol(counts)
    # Whole or not there: who writes it may be killed.
    begun = folder.configuration.with_suffix(".new")
    begun.write_text(text, encoding="utf-8")
    try:
        folder.configuration.hardlink_to(begun)
    except FileExistsError as error:
        raise LineExistsError(folder.configuration) from error
    finally:
        begun.unlink()
    return folder.configuration


def emulated_serial(device_id: str) -> str:
    """The serial number that the emulator of `device_id` says it has.

    >>> emulated_serial("book-01")
    'EMU-BOOK-01'
    """
    return f"EMU-{device_id.upper()}"


def _devices(counts: dict[str, int]) -> Iterator[str]:
    for prefix, driver in KINDS:
        for number in range(1, counts[prefix] + 1):
            device_id = f"{prefix}-{number:02}"
            entry = DEVICE.format(id=device_id, driver=driver, serial=emulated_serial(device_id))
            yield entry + (ZONE if counts["air"] and prefix in IN_THE_ROOM else "")


def _patrol(counts: dict[str, int]) -> str:
    machines = [f"{prefix}-{number:02}" for prefix in MADE_ON for number in range(1, counts[prefix] + 1)]
    points = [*machines[:MOST_POINTS], f"{PLACE}server-room"]
    return PATROL.format(points=", ".join(f'"{point}"' for point in points))


def _gate_devices() -> Iterator[str]:
    for prefix, driver, count in GATE_KINDS:
        for number in range(1, count + 1):
            device_id = f"{prefix}-{number:02}"
            # A face reader's serial is a decimal number.
            serial = f"2031{number}" if prefix == "face" else emulated_serial(device_id)
            yield DEVICE.format(id=device_id, driver=driver, serial=serial)


def _allowances() -> str:
    tables = []
    for service_class, usual in ALLOWANCES.items():
        lines = [f"{station} = {allowance / timedelta(hours=1):g}" for station, allowance in usual.items()]
        tables.append("\n".join([f"[allowances.{service_class}]", *lines, ""]))
    return "\n".join(tables)
