"""The rules of a shift, as data: who must be there, what is looked at first, where blanks are counted, what differs."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from handoff_logs.records import State
from stations.people import STAFFING, Role
from stations.shift.errors import (
    ChecklistError,
    ChecklistItemError,
    CountMissingError,
    CountTwiceError,
    CrewShortError,
    CrewStationError,
    CrewTwiceError,
    OnCallShortError,
    ShiftNameError,
    ShiftReasonError,
)

LEADS: Final = (Role.LEAD,)
"""Who opens and closes a shift, and decides that one is forced."""
SECONDS: Final = (
    *(Role.LEAD, Role.KEEPER, Role.OPERATOR, Role.INSPECTOR),
    *(Role.REVIEWER, Role.PACKER, Role.MAILER, Role.CLERK),
)
"""Who may count and sign beside a lead."""
EMULATED_LEADS: Final = ("e-lead-1", "e-lead-2", "e-lead-3")

CREW: Final[Mapping[str, int]] = {
    # Blanks change hands under two signatures, and a void has two hands.
    "vault": 2,
    "personalization": 2,
    "qc": 2,
    "intake": 0,
    "review": 1,
    "packing": 1,
    "mailing": 1,
}
"""The fewest people of each station."""
ON_CALL: Final = "on-call"
"""The name of the shift that is opened for an emergency while no other is."""

COUNTED: Final = ("vault", "personalization")
"""Stations where blanks lie: both are counted, also where the log has none."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_REASON: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)

Crew = Mapping[str, Sequence[str]]
"""Staff codes by station."""


class Moment(StrEnum):
    """The act of a shift for which blanks are counted."""

    OPENING = "opening"
    CLOSE = "close"
    HAND_OVER = "hand-over"
    RELIEF = "relief"
    RETURN = "return"


class Ending(StrEnum):
    """How a shift was closed."""

    BALANCED = "balanced"
    FORCED = "forced"


FORCED_AT: Final = (Moment.OPENING, Moment.CLOSE)
"""What a shift's case is of; a hand-over ends its shift as a close does."""
PASSED_ON: Final = frozenset({"offer-unanswered", "handoff-refused", "difference-open"})
"""What keeps a shift from closing and yet is handed over, by list: the next shift answers for it."""


class Returning(StrEnum):
    """How an evacuation ended: by a count without a difference, or by two people with a reason."""

    COUNTED = "counted"
    FORCED = "forced"


class Passed(StrEnum):
    """What passes to the next shift by list."""

    OFFER = "offer"
    """Nobody has answered it."""
    REFUSED = "refused"
    """Its sender has not taken it back."""
    CASE = "case"
    """Nobody has settled what a count did not find."""


class Item(NamedTuple):
    """One item of the checklist."""

    id: str
    english: str
    chinese: str


CHECKLIST: Final = (
    Item("gate", "The gate works; nobody is inside who is not named for this shift.", "门禁正常，无名单外人员在内。"),
    Item(
        "keys", "All keys and seals of safes and cabinets are there and whole.", "保险柜、文件柜的钥匙和封条齐全完好。"
    ),
    Item("climate", "Temperature and humidity are within their limits.", "温度和湿度在规定范围内。"),
    Item(
        "machines",
        "Machines are clean, their covers closed, their stop buttons tried.",
        "设备清洁，罩盖关好，急停试过。",
    ),
    Item(
        "readers", "Readers, scanners and the scale pass their check piece.", "读卡器、扫描枪和电子秤已用校验件试过。"
    ),
    Item("voiding", "The void bin is locked, the punch is at its place.", "作废箱已上锁，打孔器在位。"),
    Item("clock", "The line's clock agrees with the wall's.", "系统时钟与墙钟一致。"),
    Item("cases", "Open offers and cases of the last shift were read.", "已阅上一班未答复的交接和未结的差异。"),
)


class What(StrEnum):
    """How a counted piece and the log differ."""

    MISSING = "missing"
    """The log has it at this station, and nobody scanned it."""
    SURPLUS = "surplus"
    """It was scanned here, and the log has it elsewhere, ended or missing."""
    MISPLACED = "misplaced"
    """It is at the right station and in the wrong place of it."""
    UNKNOWN = "unknown"
    """No blank of this serial was ever received."""


class Scan(NamedTuple):
    """One piece that two people scanned; `place` is empty where they named the station alone."""

    station: str
    place: str
    serial: str


class Logged(NamedTuple):
    """Where the log has a blank, or the document that it became (`kind`)."""

    serial: str
    kind: str
    state: str
    station: str
    place: str


class Difference(NamedTuple):
    """One piece on which count and log differ: where it was counted, and how and where the log has it."""

    serial: str
    what: What
    station: str
    place: str
    logged: str


LYING: Final = frozenset({State.HELD, State.VOID, State.DOUBT})
"""States of a blank that lies at its station."""
BETWEEN: Final = frozenset({State.OFFERED, State.REFUSED, State.VOID_OFFERED, State.VOID_REFUSED})
"""States of a blank on its way: it may lie on either side, and is an open offer, not a difference."""


def check_name(name: str) -> str:
    """The name, if a shift can bear it. Raises `ShiftNameError`."""
    if _NAME.fullmatch(name) is None:
        raise ShiftNameError
    return name


def check_reason(reason: str | None) -> str | None:
    """The reason, if it can be one. Raises `ShiftReasonError`."""
    if reason is not None and _REASON.fullmatch(reason) is None:
        raise ShiftReasonError
    return reason


def check_crew(crew: Crew) -> None:
    """Raise `CrewStationError`, `CrewTwiceError` or `CrewShortError` unless each station has its people."""
    _check_places(crew)
    for station, needed in CREW.items():
        if len(crew.get(station, ())) < needed:
            raise CrewShortError(station, len(crew.get(station, ())), needed)


def check_on_call(crew: Crew, least: Mapping[str, int]) -> None:
    """Raise `CrewStationError`, `CrewTwiceError` or `OnCallShortError` unless each station has its people.

    `least`: the fewest of each; the missing roles are told all at once, for each is a telephone call.
    """
    _check_places(crew)
    have = {station: len(crew.get(station, ())) for station in least}
    if short := tuple((role_at(at).value, have[at], needed) for at, needed in least.items() if have[at] < needed):
        raise OnCallShortError(short)


def _check_places(crew: Crew) -> None:
    if unknown := next((station for station in crew if station not in CREW), None):
        raise CrewStationError(unknown, tuple(CREW))
    times = Counter(code for codes in crew.values() for code in codes)
    if twice := next((code for code, count in times.items() if count > 1), None):
        raise CrewTwiceError(twice)


def role_at(station: str) -> Role:
    """The role of those who stand at a station.

    >>> role_at("vault").value
    'keeper'
    """
    return STAFFING[station][0]


def check_items(confirmed: Iterable[str]) -> None:
    """Raise `ChecklistItemError` or `ChecklistError` unless every item was confirmed, one by one or by `all`."""
    known, said = {item.id for item in CHECKLIST}, set(confirmed)
    if strange := next(iter(sorted(said - known - {"all"})), None):
        raise ChecklistItemError(strange)
    if "all" not in said and said != known:
        raise ChecklistError(tuple(item.id for item in CHECKLIST if item.id not in said))


def check_count(scans: Sequence[Scan], stations: Iterable[str], needed: Iterable[str] = COUNTED) -> None:
    """Raise `CountMissingError` unless all `needed` are among `stations`; and `CountTwiceError`."""
    counted = set(stations)
    if missing := tuple(station for station in needed if station not in counted):
        raise CountMissingError(missing)
    times = Counter(scan.serial for scan in scans)
    if twice := tuple(sorted(serial for serial, count in times.items() if count > 1)):
        raise CountTwiceError(twice)


def compare(scans: Sequence[Scan], logged: Mapping[str, Logged]) -> Iterator[Difference]:
    """What differs between a count and the log; `logged` has every blank that lies somewhere, and all that was scanned.

    A document is no blank any more, wherever it was scanned.
    """
    seen = {scan.serial: scan for scan in scans}
    for scan in scans:
        known = logged.get(scan.serial)
        if known is None:
            yield Difference(scan.serial, What.UNKNOWN, scan.station, scan.place, "")
        elif (what := _differs(scan, known)) is not None:
            yield Difference(scan.serial, what, scan.station, scan.place, _told(known))
    for known in logged.values():
        if known.serial not in seen and known.kind == "blank" and known.state in LYING:
            yield Difference(known.serial, What.MISSING, known.station, "", _told(known))


def compare_held(
    scans: Sequence[Scan], held: Mapping[str, Logged], known: Mapping[str, Logged]
) -> Iterator[Difference]:
    """What differs between a count and what one person answers for (`held`), by serial; `known`: all that was scanned.

    What others of the station answer for is no difference.
    """
    seen = {scan.serial: scan for scan in scans}
    for one in held.values():
        if one.serial not in seen:
            yield Difference(one.serial, What.MISSING, one.station, "", _told(one))
    for scan in scans:
        one_known = known.get(scan.serial)
        if one_known is None:
            yield Difference(scan.serial, What.UNKNOWN, scan.station, scan.place, "")
        elif one_known.state not in BETWEEN and (one_known.state not in LYING or one_known.station != scan.station):
            yield Difference(scan.serial, What.SURPLUS, scan.station, scan.place, _told(one_known))
        elif scan.serial in held and scan.place and one_known.place != scan.place:
            yield Difference(scan.serial, What.MISPLACED, scan.station, scan.place, _told(one_known))


def _differs(scan: Scan, known: Logged) -> What | None:
    if known.kind != "blank" or known.state in BETWEEN:
        return None
    if known.state not in LYING or known.station != scan.station:
        return What.SURPLUS
    return What.MISPLACED if scan.place and known.place != scan.place else None


def _told(known: Logged) -> str:
    return f"{known.state} at {known.station}, {known.place}"
