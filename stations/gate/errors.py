"""What the gate refuses."""

from stations.errors import StationError


class PassageUnderWayError(StationError):
    """Another passage is under way, and one is at a time; nothing was recorded."""

    def __init__(self, number: int, person: str | None) -> None:
        super().__init__(number, person)
        self.number, self.person = number, person

    def __str__(self) -> str:
        return (
            f"passage {self.number} of {self.person or 'somebody'} is under way; nothing was recorded, wait for its "
            "end, or settle that person first: passline gate settle"
        )


class NothingToSettleAtGateError(StationError):
    """A person is where the log has them, and no passage of theirs is open; nothing was recorded."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(code, found)
        self.code, self.found = code, found

    def __str__(self) -> str:
        return f"{self.code} is {self.found} already and no passage of theirs is open; nothing was recorded"


class OwnPassageError(StationError):
    """Nobody settles where they themselves are; nothing was recorded."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} can't settle where {self.code} is; nothing was recorded, let two others sign"


class NobodyOfThisCodeError(StationError):
    """Nobody of a code is known, so nothing can be settled of them."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"nobody of the code {self.code} is enrolled or inside; nothing was recorded, check the code"


class GateMovedError(StationError):
    """The database refused what was true a moment before: another program or person was first."""

    def __str__(self) -> str:
        return "somebody else was at the gate's records first; nothing was recorded, look at passline gate status"


class NotPassedError(StationError):
    """EMULATED staff did not get through the emulated gate after several tries."""

    def __init__(self, code: str, direction: str, why: str) -> None:
        super().__init__(code, direction, why)
        self.code, self.direction, self.why = code, direction, why

    def __str__(self) -> str:
        return (
            f"EMULATED: {self.code} did not get {self.direction} through the gate ({self.why}) and is where they "
            "were; look at passline gate status and start again"
        )


class NoShiftToAdmitError(StationError):
    """No shift is open into which somebody could be admitted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"no shift is open, so {self.code} can't be admitted to one; nothing was recorded, open the shift first"


class AdmissionTimeError(StationError):
    """An admission would end in the past, or too far in the future; times are in microseconds."""

    def __init__(self, until_us: int, longest_us: int) -> None:
        super().__init__(until_us, longest_us)
        self.until_us, self.longest_us = until_us, longest_us

    def __str__(self) -> str:
        hours = self.longest_us // 3_600_000_000
        return f"an admission ends within the next {hours} hours; nothing was recorded, name another time with --until"


class OwnAdmissionError(StationError):
    """The person to be admitted is the lead who signs; nobody lets themselves in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} can't admit {self.code}; nothing was recorded, let another lead sign"
