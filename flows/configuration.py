"""Reading `line.toml`: what is wrong in it is named with its place, the allowed values and a near match."""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError as EnvironmentUnreadableError

from devices.registry import BUILT_IN, GROUP
from flows.errors import FlowError
from flows.makers import MAKES, SCALES
from flows.run_folder import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX, RunFolder
from flows.settings import AlarmTarget, Desk, LineSettings, Mode, StaffKind, crosses_safely
from flows.toml_places import Place, line_numbers, line_of
from stations.climate.rules import Figure
from stations.patrol.rules import MOST_ANSWERS, OTHER, PLACE
from stations.people import STAFFING

OWN_TARGET: Final = "prefect"
"""The name of the target of alarms that every line has."""
TELLS: Final = {
    "modbus-climate": frozenset({Figure.TEMPERATURE, Figure.HUMIDITY}),
    "modbus-particle-counter": frozenset({Figure.PARTICLES}),
}
"""The built-in drivers of climate sensors, and what they measure; one of another package may measure anything."""
CLIMATE_DRIVERS: Final = " or ".join(TELLS)
LIMIT_KEYS: Final = {
    Figure.TEMPERATURE: ("temperature_min_c", "temperature_max_c"),
    Figure.HUMIDITY: ("humidity_min_percent", "humidity_max_percent"),
    Figure.PARTICLES: ("iso_class", "particles_max_m3"),
}
LEAST_GRACE_S: Final = 1.0
"""A zone without a grace is looked at this often at least."""
FACE_READERS: Final = ("osdp-face-reader",)
AIR_SHOWERS: Final = ("modbus-air-shower",)
"""Drivers of a gate's machines."""
CORE_STATIONS: Final = tuple(station for station in STAFFING if station not in ("intake", "carrier"))
"""Stations that may lie inside: not where the offices deliver, nor an outside party."""
NOT_SETTINGS: Final = frozenset({"PASSLINE_DEBUG", "PASSLINE_CACHE_DIR"})
"""Variables of this prefix that belong to the program, not to a line."""


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One thing wrong in the configuration.

    `source` is `line.toml:LINE` or an environment variable's name, `place` the dotted key.
    """

    source: str
    place: str
    problem: str
    allowed: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        parts = [f"{self.source}: {self.place} {self.problem}"]
        if self.suggestion:
            parts.append(f"did you mean {self.suggestion}?")
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        return "; ".join(parts)


class SettingsError(FlowError):
    """The configuration is refused whole; nothing was started."""

    next_step = "Correct line.toml (or the environment variable) and start again; nothing was started."

    def __init__(self, file: str, faults: tuple[SettingFault, ...]) -> None:
        super().__init__(file, faults)
        self.file, self.faults = file, faults

    def __str__(self) -> str:
        count = f"{len(self.faults)} things are" if len(self.faults) > 1 else "one thing is"
        return "\n  ".join([f"{self.file} is refused: {count} wrong.", *map(str, self.faults)])


def read_settings(folder: RunFolder) -> LineSettings:
    """The checked settings of a run folder, the environment's overrides applied.

    Raises RunFolderMissingError, ConfigurationUnreadableError, or SettingsError with every fault found.
    """
    content = folder.configured()
    where = _Where(folder)
    if unknown := [*_unknown_keys(content, where), *_unknown_variables()]:
        raise SettingsError(str(folder.configuration), tuple(unknown))
    try:
        settings = LineSettings(**content)
    except EnvironmentUnreadableError as error:
        key = "".join(re.findall(r'field "(\w+)"', str(error)))
        fault = SettingFault(ENVIRONMENT_PREFIX + key.upper(), key, "is not JSON, as lists and tables must be there")
        raise SettingsError(str(folder.configuration), (fault,)) from None
    except ValidationError as error:
        faults = tuple(_fault(detail, where) for detail in error.errors())
        raise SettingsError(str(folder.configuration), faults) from None
    if contradictions := tuple(_contradictions(settings, where)):
        raise SettingsError(str(folder.configuration), contradictions)
    return settings


class _Where:
    """Finds where a value came from: the environment goes before the file."""

    def __init__(self, folder: RunFolder) -> None:
        self._lines = line_numbers(folder.configuration.read_text("utf-8"))

    def source(self, place: Place) -> str:
        for length in range(len(place), 0, -1):
            variable = ENVIRONMENT_PREFIX + ENVIRONMENT_DELIMITER.join(str(part) for part in place[:length]).upper()
            if os.environ.get(variable):
                return variable
        line = line_of(self._lines, place)
        return f"line.toml:{line}" if line else "line.toml"


def _unknown_keys(content: Mapping[str, Any], where: _Where) -> Iterator[SettingFault]:
    # Before pydantic-settings sees them: it takes some keys that begin with an underscore for its own arguments.
    for key in content:
        if key not in LineSettings.model_fields:
            yield _unknown(where.source((key,)), (key,), LineSettings)


def _unknown_variables() -> Iterator[SettingFault]:
    # pydantic-settings passes over variables it doesn't know; a mistyped override must not go unnoticed.
    for variable in sorted(os.environ):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in NOT_SETTINGS:
            continue
        key = variable.removeprefix(ENVIRONMENT_PREFIX).split(ENVIRONMENT_DELIMITER)[0].lower()
        if key not in LineSettings.model_fields:
            yield _unknown(variable, (key,), LineSettings)


def _unknown(source: str, place: Place, model: type[BaseModel]) -> SettingFault:
    key, known = str(place[-1]), list(model.model_fields)
    return SettingFault(source, _dotted(place), "is no setting", ", ".join(known), _near(key, known))


def _fault(detail: Any, where: _Where) -> SettingFault:
    place: Place = detail["loc"]
    source, dotted = where.source(place), _dotted(place)
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(source, place, _model_at(place[:-1]))
        case "missing":
            return SettingFault(source, dotted, "is missing", _allowed(place))
        case "model_type":
            return SettingFault(source, dotted, f"must be a table: [{dotted}]")
        case _:
            choices = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
            message = detail["msg"].removeprefix("Input ").removeprefix("String ")
            problem = f"is {detail['input']!r}" + ("" if choices else f" and {message}")
            return SettingFault(source, dotted, problem, _allowed(place), _near(str(detail["input"]), choices))


def _allowed(place: Place) -> str:
    """What may stand at `place`, in words: choices, range, or the field's own description."""
    if not isinstance(place[-1], str):
        return ""
    field = _model_at(place[:-1]).model_fields.get(place[-1])
    if field is None:  # the name of a table itself
        return "small letters, digits and hyphens, a letter first, 31 at most"
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    if kind is bool:
        return "true, false"
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    ends = {name: getattr(rule, name) for rule in field.metadata for name in ("gt", "ge", "le") if hasattr(rule, name)}
    if "le" in ends:
        return f"more than {ends['gt']:g} to {ends['le']:g}" if "gt" in ends else f"{ends['ge']:g} to {ends['le']:g}"
    return field.description or ""


def _contradictions(settings: LineSettings, where: _Where) -> Iterator[SettingFault]:
    """What is wrong between settings that are each right alone."""

    def fault(place: Place, problem: str, allowed: str = "") -> SettingFault:
        return SettingFault(where.source(place), _dotted(place), problem, allowed)

    if not settings.prefect.own_server and settings.prefect.api_url is None:
        yield fault(("prefect", "own_server"), "is false, so prefect.api_url must name a server")
    if settings.prefect.own_server and settings.prefect.api_url is not None:
        yield fault(("prefect", "api_url"), "names a server, so prefect.own_server must be false")
    yield from _target_contradictions(settings, fault)
    yield from _oidc_contradictions(settings, fault)
    yield from _climate_contradictions(settings, fault)
    yield from _gate_contradictions(settings, fault)
    yield from _on_call_contradictions(settings, fault)
    yield from _review_contradictions(settings, fault)
    scales = [device.id for device in settings.devices if device.driver in SCALES]
    if settings.mailing.scale is not None and settings.mailing.scale not in scales:
        yield fault(("mailing", "scale"), f"is {settings.mailing.scale!r}, which is no scale", ", ".join(scales))
    drivers = sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})
    seen: set[str] = set()
    for position, device in enumerate(settings.devices):
        # A port is one machine's: the second that opens it is never let in.
        for name, value in (("id", device.id), ("port", device.port)):
            if value in seen:
                yield fault(("devices", position, name), f"is {value!r}, which another device has already")
            seen.add(value)
        if device.driver not in drivers:
            place: Place = ("devices", position, "driver")
            problem, near = f"is {device.driver!r}, which no driver answers to", _near(device.driver, drivers)
            yield SettingFault(where.source(place), _dotted(place), problem, ", ".join(drivers), near)
        if device.port.startswith("emulator://") and device.mode is Mode.PRODUCTION:
            yield fault(("devices", position, "mode"), "is 'production' on an emulator's port", Mode.EMULATED.value)
        if settings.mode is Mode.PRODUCTION and device.emulated:
            yield fault(("devices", position, "mode"), f"makes {device.id} an emulator, refused in a production line")
    yield from _patrol_contradictions(settings, where)
    for station, decides in settings.desks.by_station().items():
        if settings.real_staff and decides is not Desk.PEOPLE:
            yield fault(("desks", station), "is 'emulated' where real people work the stations", Desk.PEOPLE.value)
    if settings.mode is Mode.PRODUCTION and settings.staff.kind is StaffKind.EMULATED:
        yield fault(("staff", "kind"), "is 'emulated', refused in a production line", StaffKind.DESKS.value)


def _on_call_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    """Nobody stands at two stations of a shift; found now, not in the night."""
    if settings.on_call is None:
        return
    seen: dict[str, str] = {}
    for role in type(settings.on_call.least).model_fields:
        for position, code in enumerate(getattr(settings.on_call, role)):
            if code in seen:
                yield fault(("on_call", role, position), f"is {code!r}, who is on call as {seen[code]} already", "")
            seen[code] = role


def _review_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    """A range whose ends are the wrong way round would let nothing pass."""
    for lowest, low in settings.review.model_dump().items():
        highest = lowest.replace("_min", "_max")
        if highest != lowest and (high := getattr(settings.review, highest, None)) is not None and low >= high:
            yield fault(("review", highest), f"is {high:g}", f"more than {lowest}, {low:g}")


def _target_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    names = {OWN_TARGET}
    named: list[tuple[Place, AlarmTarget]] = [
        (("alarms", "targets", position), target) for position, target in enumerate(settings.alarms.targets)
    ]
    if settings.on_call is not None:
        named += [
            (("on_call", "targets", position), target) for position, target in enumerate(settings.on_call.targets)
        ]
    for place, target in named:
        if (target.file is None) == (target.environment is None):
            yield fault(place, "must say where its address is", "file or environment, one of them")
        if target.name in names:
            yield fault((*place, "name"), f"is {target.name!r}, which is taken", "")
        names.add(target.name)
        if target.environment is not None and target.environment.startswith(ENVIRONMENT_PREFIX):
            allowed = f"any name that does not begin with {ENVIRONMENT_PREFIX}"
            yield fault((*place, "environment"), "is a setting's own variable", allowed)


def _oidc_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    oidc = settings.pages.oidc
    if oidc is None:
        return
    place: Place = ("pages", "oidc")
    if (oidc.secret_file is None) == (oidc.secret_environment is None):
        yield fault(place, "must say where the client's secret is", "secret_file or secret_environment, one of them")
    if oidc.secret_environment is not None and oidc.secret_environment.startswith(ENVIRONMENT_PREFIX):
        allowed = f"any name that does not begin with {ENVIRONMENT_PREFIX}"
        yield fault((*place, "secret_environment"), "is a setting's own variable", allowed)
    for key, address in (("issuer", oidc.issuer), ("address", oidc.address)):
        if not crosses_safely(address):
            yield fault((*place, key), f"is {address!r}, which would cross the network in the clear", "https://…")


def _patrol_contradictions(settings: LineSettings, where: _Where) -> Iterator[SettingFault]:
    """What is wrong in the plan of rounds: points that aren't there, names twice, more than a person can answer."""
    machines, names = [device.id for device in settings.devices], set[str]()
    for position, patrol in enumerate(settings.patrol):
        place: Place = ("patrol", position)

        def fault(key: str, problem: str, allowed: str = "", near: str = "", place: Place = place) -> SettingFault:
            return SettingFault(where.source((*place, key)), _dotted((*place, key)), problem, allowed, near)

        if patrol.name in names:
            yield fault("name", f"is {patrol.name!r}, which another patrol has already")
        names.add(patrol.name)
        for point in patrol.points:
            if not point.startswith(PLACE) and point not in machines:
                allowed = f"{', '.join(machines)}, or {PLACE}NAME"
                yield fault(
                    "points", f"has {point!r}, which is no machine of this line", allowed, _near(point, machines)
                )
        for key, each in (("points", patrol.points), ("items", tuple(item.id for item in patrol.items))):
            if twice := next((one for number, one in enumerate(each) if one in each[:number]), None):
                yield fault(key, f"has {twice!r} twice")
        if any(item.id == OTHER for item in patrol.items):
            yield fault("items", f"has {OTHER!r}, which every point has by itself")
        if sum(1 for _ in patrol.patrol.cells) > MOST_ANSWERS:
            yield fault("points", f"and items ask for more than {MOST_ANSWERS} answers a round", "shorter rounds")


def _climate_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    for name, zone in settings.climate.items():
        place: Place = ("climate", name)
        sensors = [device for device in settings.devices if device.zone == name and device.is_sensor]
        if not zone.limits:
            yield fault(place, "has no limit", "a limit of temperature, humidity or particles")
        if not sensors:
            yield fault(place, "has no sensor", f'a device with zone = "{name}", such as a {CLIMATE_DRIVERS}')
        if zone.iso_class is not None and zone.particles_max_m3 is not None:
            yield fault((*place, "particles_max_m3"), "is given beside iso_class", "one of them")
        told = frozenset[Figure]().union(*(TELLS.get(each.driver, frozenset(Figure)) for each in sensors))
        for missing in (each for each in zone.limits if sensors and each not in told):
            key = next(key for key in LIMIT_KEYS[missing] if getattr(zone, key) is not None)
            can = " or ".join(driver for driver, figures in TELLS.items() if missing in figures)
            yield fault(
                (*place, key), f"can't be watched: no sensor of {name} tells {missing}", f"left out, or a {can}"
            )
        for figure, low, high in (
            ("temperature_max_c", zone.temperature_min_c, zone.temperature_max_c),
            ("humidity_max_percent", zone.humidity_min_percent, zone.humidity_max_percent),
        ):
            if low is not None and high is not None and low >= high:
                yield fault((*place, figure), f"is {high:g}", f"more than the least, {low:g}")
        if zone.every_s > max(zone.grace_s, LEAST_GRACE_S):
            yield fault((*place, "every_s"), f"is {zone.every_s:g}", f"no more than grace_s, {zone.grace_s:g}")
    for position, device in enumerate(settings.devices):
        at: Place = ("devices", position, "zone")
        belongs = device.driver in MAKES or device.driver in TELLS
        if device.zone is None:
            if settings.climate and belongs:
                yield fault(at[:-1], f"({device.id}) names no zone", ", ".join(settings.climate))
        elif device.zone not in settings.climate:
            known = ", ".join(settings.climate) or "a zone under [climate]"
            yield fault(at, f"is {device.zone!r}, which is no zone", known)
        elif device.driver in BUILT_IN and not belongs:
            yield fault(at, f"is of {device.id}, which tells no climate and makes no documents", "left out")


def _gate_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    gate = settings.gate
    if gate is None:
        return
    devices = {device.id: device for device in settings.devices}
    for key, kinds in (("enter_reader", FACE_READERS), ("leave_reader", FACE_READERS), ("shower", AIR_SHOWERS)):
        name = getattr(gate, key)
        if name not in devices or devices[name].driver not in kinds:
            able = ", ".join(device.id for device in settings.devices if device.driver in kinds)
            yield fault(("gate", key), f"is {name!r}, which is no device of {' or '.join(kinds)}", able)
    if gate.enter_reader == gate.leave_reader:
        problem = f"is {gate.leave_reader!r}, as enter_reader is: nobody could tell who comes and who goes"
        yield fault(("gate", "leave_reader"), problem, "another reader, at the inner door")
    for position, station in enumerate(gate.core):
        if station not in CORE_STATIONS or station in gate.core[:position]:
            problem = f"is {station!r}, which is {'twice in it' if station in CORE_STATIONS else 'no station inside'}"
            yield fault(("gate", "core", position), problem, ", ".join(CORE_STATIONS))
    emulated = {devices[name].emulated for name in gate.machines if name in devices}
    if len(emulated) > 1:
        yield fault(("gate",), "has real and emulated machines: an emulated one would let real people through", "")
    elif emulated == {False} and settings.staff.kind is StaffKind.EMULATED:
        yield fault(("gate",), "is real, which emulated staff can't pass", f"staff.kind = {StaffKind.DESKS.value!r}")


def _model_at(place: Place) -> type[BaseModel]:
    model: type[BaseModel] = LineSettings
    named = False
    for part in place:
        if named:
            named = False
        elif isinstance(part, str):
            annotation = model.model_fields[part].annotation
            named = get_origin(annotation) is dict
            candidates = [annotation, *get_args(annotation)]
            model = next(one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel))
    return model


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _near(word: str, choices: list[str]) -> str:
    return next(iter(difflib.get_close_matches(word, choices, n=1, cutoff=0.6)), "")
