"""What the register of alarms refuses."""

from datetime import UTC, datetime

from stations.errors import StationError


class UnknownKindError(StationError):
    """No such kind of alarm is among the rules."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(kind, known)
        self.kind, self.known = kind, known

    def __str__(self) -> str:
        return f"there is no kind of alarm {self.kind}; nothing was raised. There are {', '.join(self.known)}"


class BadSubjectError(StationError):
    """What an alarm is about has another form; it is not repeated, for it may be a person's data."""

    def __str__(self) -> str:
        return (
            "an alarm is about a machine, a station or a unit by its code: letters, digits and : / . _ - between them,"
            " 40 at most; nothing was raised"
        )


class UnknownAlarmError(StationError):
    """No alarm has this number."""

    def __init__(self, alarm: int) -> None:
        super().__init__(alarm)
        self.alarm = alarm

    def __str__(self) -> str:
        return f"there is no alarm {self.alarm}; `passline alarms list --all` names all"


class AlarmOverError(StationError):
    """The alarm's cause is gone; there is nothing left to take."""

    def __init__(self, alarm: int, cleared_us: int) -> None:
        super().__init__(alarm, cleared_us)
        self.alarm, self.cleared_us = alarm, cleared_us

    def __str__(self) -> str:
        return f"alarm {self.alarm} has been over since {_local(self.cleared_us)}; nothing was recorded"


class AlreadyAcknowledgedError(StationError):
    """Somebody took the alarm before."""

    def __init__(self, alarm: int, person: str, at_us: int) -> None:
        super().__init__(alarm, person, at_us)
        self.alarm, self.person, self.at_us = alarm, person, at_us

    def __str__(self) -> str:
        return f"{self.person} acknowledged alarm {self.alarm} at {_local(self.at_us)} and sees to it; ask them"


def _local(time_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
