"""What is refused of a stop and its end."""

from stations.errors import StationError


class UnknownNumberError(StationError):
    """No application has this number. The number itself is personal and is not repeated."""

    def __str__(self) -> str:
        return "No application has this number; nothing was changed. Look it up: passline logs document NUMBER."


class NotStoppableError(StationError):
    """The application has ended, or is stopped already."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        if self.state == "stopped":
            return "The application is stopped already: passline applications stopped."
        return f"The application is {self.state}: it is no more on the line and can't be stopped; nothing was changed."


class NotStoppedError(StationError):
    """Only a stopped application can be released or ended."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return f"The application is {self.state}, not stopped; nothing was changed."


class StillUnderWayError(StationError):
    """A unit of the application is not yet where two people can take it."""

    def __init__(self, kind: str, state: str, station: str, place: str) -> None:
        super().__init__(kind, state, station, place)
        self.kind, self.state, self.station, self.place = kind, state, station, place

    def __str__(self) -> str:
        return (
            f"Its {self.kind} is {self.state} at {self.station} ({self.place}): its station puts it into quarantine"
            " when it next touches it, and then two people can end or release it; nothing was changed."
        )


class MachineHasItError(StationError):
    """A machine works on the application, or nobody knows yet what it made."""

    def __init__(self, machine: str, state: str) -> None:
        super().__init__(machine, state)
        self.machine, self.state = machine, state

    def __str__(self) -> str:
        return (
            f"{self.machine} has a job of it ({self.state}): wait for its result, or settle it"
            " (passline devices settle); nothing was changed."
        )


class PieceNotVoidedError(StationError):
    """A spoiled piece of the application has not been voided by two people."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"A piece that {self.machine} spoiled for it is not voided yet; void it first. Nothing was changed."
