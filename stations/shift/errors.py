"""What a shift refuses."""

from datetime import UTC, datetime

from stations.errors import StationError

_SHOWN = 5


def _some(words: tuple[str, ...]) -> str:
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


class ShiftNameError(StationError):
    """A shift's name goes into custody records for good."""

    def __str__(self) -> str:
        return (
            "a shift's name is small letters, digits and hyphens, a letter first, 31 at most; no shift was opened, "
            "give one like early or night-2"
        )


class ShiftReasonError(StationError):
    """A reason goes into the log for good, and is no sentence."""

    def __str__(self) -> str:
        return "a reason is small letters, digits and hyphens, 40 at most; nothing was recorded, give one like recount"


class ShiftOpenError(StationError):
    """Another shift is open, and one is at a time; no shift was opened."""

    def __init__(self, name: str, opened_us: int) -> None:
        super().__init__(name, opened_us)
        self.name, self.opened_us = name, opened_us

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.opened_us / 1_000_000, UTC).astimezone()
        return (
            f"shift {self.name} is open since {since:%Y-%m-%d %H:%M}; no other was opened, close it first: "
            "passline shift close"
        )


class NoShiftOpenError(StationError):
    """No shift is open that could be closed; nothing was changed."""

    def __str__(self) -> str:
        return "no shift is open; nothing was closed, open one with passline shift open NAME"


class SameShiftNameError(StationError):
    """A shift would be handed over to one of its own name; nothing was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"shift {self.name} is the one that is open; nothing was handed over, give the next one a name of its own: "
            "passline shift hand-over NAME"
        )


class LineEvacuatedError(StationError):
    """The line is evacuated: no shift begins, ends or changes hands until two people have counted."""

    def __init__(self, reason: str, ordered_us: int) -> None:
        super().__init__(reason, ordered_us)
        self.reason, self.ordered_us = reason, ordered_us

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.ordered_us / 1_000_000, UTC).astimezone()
        return (
            f"the line is evacuated since {since:%Y-%m-%d %H:%M} ({self.reason}); nothing was changed, come back by a "
            "count of two people: passline shift return"
        )


class NotEvacuatedError(StationError):
    """Nobody has left, so nobody comes back."""

    def __str__(self) -> str:
        return "the line is not evacuated; nothing was recorded, see passline shift status"


class ShiftMovedError(StationError):
    """The database refused what was true a moment before: something on the line changed meanwhile."""

    def __str__(self) -> str:
        return (
            "something on the line changed while its shift was opened or closed; nothing of the shift was changed, "
            "look at passline shift status and do it again"
        )


class NothingToRelieveError(StationError):
    """A person who stands in no crew of the open shift and answers for nothing, or was relieved already."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code, self.why = code, why

    def __str__(self) -> str:
        return f"{self.code} {self.why}; nobody was relieved, see passline shift status"


class RelieverRefusedError(StationError):
    """A person who may not take over what an absent one answers for; nobody was relieved."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code, self.why = code, why

    def __str__(self) -> str:
        return (
            f"{self.code} can't take over: {self.why}; nobody was relieved, name a lead or a person of that station "
            "with --by"
        )


class RelieverSignsError(StationError):
    """Whoever is absent signs nothing, and whoever takes over is no witness of it; nobody was relieved."""

    def __init__(self, code: str, hand: str) -> None:
        super().__init__(code, hand)
        self.code, self.hand = code, hand

    def __str__(self) -> str:
        return (
            f"{self.code} can't sign as {self.hand} here; nobody was relieved. A lead and a witness sign, neither is "
            "absent, and the witness takes nothing over"
        )


class CrewShortError(StationError):
    """A station has fewer people than it needs; no shift was opened."""

    def __init__(self, station: str, people: int, needed: int) -> None:
        super().__init__(station, people, needed)
        self.station, self.people, self.needed = station, people, needed

    def __str__(self) -> str:
        return (
            f"{self.station} has {self.people} of the {self.needed} people that it needs; no shift was opened, name "
            f"them with --crew {self.station}=CODE,CODE"
        )


class OnCallShortError(StationError):
    """Fewer people are on call than an emergency needs; no shift was opened.

    `short`: of each missing role its name, how many are there and how many are needed.
    """

    def __init__(self, short: tuple[tuple[str, int, int], ...]) -> None:
        super().__init__(short)
        self.short = short

    def __str__(self) -> str:
        missing = ", ".join(f"{role} ({people} of {needed})" for role, people, needed in self.short)
        return (
            f"on call there are too few people: {missing}; no shift was opened and nothing was changed. Name others in "
            "line.toml, [on_call], who are enrolled and have that role (passline people list)"
        )


class CrewTwiceError(StationError):
    """One person at two stations could sign both sides of a handoff; no shift was opened."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} is named twice, and nobody stands at two stations of a shift; no shift was opened"


class CrewRefusedError(StationError):
    """A person who may not stand at a station; no shift was opened."""

    def __init__(self, code: str, station: str, why: str) -> None:
        super().__init__(code, station, why)
        self.code, self.station, self.why = code, station, why

    def __str__(self) -> str:
        return f"{self.code} can't stand at {self.station}: {self.why}; no shift was opened, see passline people list"


class CrewStationError(StationError):
    """A station that a shift has no people at; no shift was opened."""

    def __init__(self, station: str, known: tuple[str, ...]) -> None:
        super().__init__(station, known)
        self.station, self.known = station, known

    def __str__(self) -> str:
        return f"there is no station {self.station}; no shift was opened, name one of {', '.join(self.known)}"


class ChecklistError(StationError):
    """Items of the checklist that nobody confirmed; no shift was opened."""

    def __init__(self, items: tuple[str, ...]) -> None:
        super().__init__(items)
        self.items = items

    def __str__(self) -> str:
        return (
            f"not confirmed: {', '.join(self.items)}; no shift was opened. Go round (passline shift checklist), then "
            "name each with --confirm, or --confirm all"
        )


class ChecklistItemError(StationError):
    """An item that the checklist does not have; no shift was opened."""

    def __init__(self, item: str) -> None:
        super().__init__(item)
        self.item = item

    def __str__(self) -> str:
        return f"the checklist has no item {self.item}; no shift was opened, see passline shift checklist"


class CountFileError(StationError):
    """A file that is no count; nothing was recorded."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return (
            f"{self.file} {self.reason}; nothing was recorded. Give STATION=FILE with a serial a line, or one file "
            "with the columns station,place,serial"
        )


class CountTwiceError(StationError):
    """Serials that were scanned twice; nothing was recorded."""

    def __init__(self, serials: tuple[str, ...]) -> None:
        super().__init__(serials)
        self.serials = serials

    def __str__(self) -> str:
        return f"scanned twice: {_some(self.serials)}; nothing was recorded, look at these pieces and scan again"


class CountMissingError(StationError):
    """Stations that were not counted; nothing was recorded."""

    def __init__(self, stations: tuple[str, ...]) -> None:
        super().__init__(stations)
        self.stations = stations

    def __str__(self) -> str:
        return (
            f"{', '.join(self.stations)} was not counted; nothing was recorded. Count every station that has blanks; "
            "one where none lie has a line of its own: STATION,PLACE,"
        )


class CountUndecidedError(StationError):
    """A count that would have to read standard input which the passwords come from, or that names a station twice."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self.given = given

    def __str__(self) -> str:
        return f"{self.given} can't be read beside what else was given; nothing was recorded, put the count into a file"


class CountUnknownError(StationError):
    """No count has this id."""

    def __init__(self, count_id: str) -> None:
        super().__init__(count_id)
        self.count_id = count_id

    def __str__(self) -> str:
        return f"there is no count {self.count_id}; passline shift counts lists them"


class ShiftUnknownError(StationError):
    """No shift has this id."""

    def __init__(self, shift: str) -> None:
        super().__init__(shift)
        self.shift = shift

    def __str__(self) -> str:
        return f"there is no shift {self.shift[:40]}; passline shift list names them"


class NoShiftYetError(StationError):
    """There is no shift to report."""

    def __str__(self) -> str:
        return "no shift was closed yet, and so there is nothing to report; passline shift status shows an open one"


class NothingToSettleError(StationError):
    """A shift that was neither opened nor closed by force, or whose case is closed; nothing was recorded."""

    def __init__(self, shift: str) -> None:
        super().__init__(shift)
        self.shift = shift

    def __str__(self) -> str:
        return f"shift {self.shift} has no open case; nothing was recorded, see passline shift status"


class SettledByForcersError(StationError):
    """The two who forced a shift can't alone close its case; nothing was recorded."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first, second)
        self.first, self.second = first, second

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} forced it themselves; nothing was recorded, one of the two who close its "
            "case must be somebody else"
        )
