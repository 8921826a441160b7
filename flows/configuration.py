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
from flows.run_folder import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX, RunFolder
from flows.settings import LineSettings, Mode, StaffKind
from flows.toml_places import Place, line_numbers, line_of

OWN_TARGET: Final = "prefect"
"""The name of the target of alarms that every line has."""
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
    field = _model_at(place[:-1]).model_fields[place[-1]]
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
    yield from _on_call_contradictions(settings, fault)
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


def _target_contradictions(
    settings: LineSettings, fault: Callable[[Place, str, str], SettingFault]
) -> Iterator[SettingFault]:
    names = {OWN_TARGET}
    for position, target in enumerate(settings.alarms.targets):
        place: Place = ("alarms", "targets", position)
        if (target.file is None) == (target.environment is None):
            yield fault(place, "must say where its address is", "file or environment, one of them")
        if target.name in names:
            yield fault((*place, "name"), f"is {target.name!r}, which is taken", "")
        names.add(target.name)
        if target.environment is not None and target.environment.startswith(ENVIRONMENT_PREFIX):
            allowed = f"any name that does not begin with {ENVIRONMENT_PREFIX}"
            yield fault((*place, "environment"), "is a setting's own variable", allowed)


def _model_at(place: Place) -> type[BaseModel]:
    model: type[BaseModel] = LineSettings
    for part in place:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            candidates = [annotation, *get_args(annotation)]
            model = next(one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel))
    return model


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _near(word: str, choices: list[str]) -> str:
    return next(iter(difflib.get_close_matches(word, choices, n=1, cutoff=0.6)), "")
