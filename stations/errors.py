"""Refusals of the stations: typed, with their facts as positional attributes so that they survive pickling."""

from typing import ClassVar


class StationError(Exception):
    """Something a station refuses; every refusal of this package is one of these.

    `exit_code`: what a command ends with that was refused so.
    """

    exit_code: ClassVar[int] = 2


class UnknownApplicationError(StationError):
    """No such application is on file."""

    def __init__(self, application_id: str) -> None:
        super().__init__(application_id)
        self.application_id = application_id

    def __str__(self) -> str:
        return f"application {self.application_id} is not on file; look its number up with `passline logs document`"


class ApplicationStateError(StationError):
    """An application is not in the state that an act needs; nothing was changed."""

    def __init__(self, application_id: str, state: str, wanted: str) -> None:
        super().__init__(application_id, state, wanted)
        self.application_id, self.state, self.wanted = application_id, state, wanted

    def __str__(self) -> str:
        return (
            f"application {self.application_id} is {self.state} and cannot become {self.wanted}; "
            "read its state again and decide anew"
        )


class ApplicationStoppedError(StationError):
    """The application was stopped: its units go to quarantine until two people release or void them."""

    def __init__(self, application_id: str) -> None:
        super().__init__(application_id)
        self.application_id = application_id

    def __str__(self) -> str:
        return (
            f"application {self.application_id} is stopped; put its units in quarantine until two people "
            "void or release them"
        )


class KeyFileError(StationError):
    """A key file is missing, of the wrong length or open to others; no personal data is read or written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"key file {self.path} {self.reason}"


class SealBrokenError(StationError):
    """An encrypted field does not open: altered, moved to another record, or sealed under another key."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about

    def __str__(self) -> str:
        return f"the personal data of {self.about} does not open; check that keys and database belong to the same run"


class NobodyOnDutyError(StationError):
    """An act needs people of a station, and too few are on duty there; nothing was changed."""

    def __init__(self, station: str, shift: str, needed: int, named: int) -> None:
        super().__init__(station, shift, needed, named)
        self.station, self.shift, self.needed, self.named = station, shift, needed, named

    def __str__(self) -> str:
        return (
            f"{self.station} needs {self.needed} for this act and shift {self.shift} names {self.named or 'nobody'}"
            f" there; have them sign in, or name them when the next shift opens:"
            f" passline shift open NAME --crew {self.station}=CODE,CODE"
        )
