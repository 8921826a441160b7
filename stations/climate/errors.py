"""What is refused of the climate's acts."""

from datetime import UTC, datetime

from stations.errors import StationError


class UnknownZoneError(StationError):
    """The line has no such zone."""

    def __init__(self, zone: str, known: tuple[str, ...]) -> None:
        super().__init__(zone, known)
        self.zone, self.known = zone, known

    def __str__(self) -> str:
        there_are = f"there are: {', '.join(self.known)}" if self.known else "it has none; line.toml names them"
        return f"the line has no zone {self.zone}; {there_are}"


class NotSuspendedError(StationError):
    """Nothing is to be resumed."""

    def __init__(self, zone: str) -> None:
        super().__init__(zone)
        self.zone = zone

    def __str__(self) -> str:
        return f"{self.zone} is not suspended; nothing was recorded. passline climate status says how it stands"


class StillOutsideError(StationError):
    """The air is outside its limits; one lead alone may not go on in it."""

    def __init__(self, zone: str, since_us: int) -> None:
        super().__init__(zone, since_us)
        self.zone, self.since_us = zone, since_us

    def __str__(self) -> str:
        return (
            f"the air of {self.zone} is outside its limits since {_moment(self.since_us)}, and it stays suspended; put"
            " it right, or two people accept it for a time: --accept-min MINUTES --second CODE"
        )


class NotLookedError(StationError):
    """Nobody knows how the air is: `looked_us` is when it was last looked at, None for never."""

    def __init__(self, zone: str, looked_us: int | None) -> None:
        super().__init__(zone, looked_us)
        self.zone, self.looked_us = zone, looked_us

    def __str__(self) -> str:
        last = "never" if self.looked_us is None else f"last at {_moment(self.looked_us)}"
        return (
            f"the air of {self.zone} was looked at {last}, and it stays suspended; start the line, which looks at it,"
            " or two people accept it for a time: --accept-min MINUTES --second CODE"
        )


class ResumeReasonError(StationError):
    """A reason goes into the log for good, and is no sentence."""

    def __str__(self) -> str:
        return "a reason is small letters, digits and hyphens, 40 at most; nothing was recorded, give one like repaired"


class AcceptedTimeError(StationError):
    """Air outside its limits is accepted for a while only."""

    def __init__(self, minutes: int, most: int) -> None:
        super().__init__(minutes, most)
        self.minutes, self.most = minutes, most

    def __str__(self) -> str:
        return (
            f"{self.minutes} is no time for which such air can be accepted: 1 to {self.most} minutes; nothing changed"
        )


class ZoneSuspendedError(StationError):
    """The machine stands in a suspended zone: nothing is drawn on it."""

    def __init__(self, machine: str, zone: str) -> None:
        super().__init__(machine, zone)
        self.machine, self.zone = machine, zone

    def __str__(self) -> str:
        return (
            f"{self.machine} stands in {self.zone}, which is suspended for its climate: nothing was written; a lead"
            f" resumes it: passline climate resume {self.zone}"
        )


class SuspendedZoneChangedError(StationError):
    """line.toml would take a machine out of a suspended zone; nothing was started."""

    def __init__(self, machine: str, zone: str) -> None:
        super().__init__(machine, zone)
        self.machine, self.zone = machine, zone

    def __str__(self) -> str:
        return (
            f"line.toml takes {self.machine} out of {self.zone}, which is suspended for its climate; put the zone back,"
            f" or have a lead resume it first: passline climate resume {self.zone}"
        )


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone().isoformat(" ", "seconds")
