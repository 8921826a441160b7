"""What is refused of rolls."""

from stations.errors import StationError


class RollNumberError(StationError):
    """What is no number of a roll."""

    def __str__(self) -> str:
        return "a roll's number is capitals, digits and - between them, 20 at most; nothing was recorded, read it again"


class RollPiecesError(StationError):
    """A count of pieces that no roll has."""

    def __init__(self, pieces: int, least: int, most: int) -> None:
        super().__init__(pieces, least, most)
        self.pieces, self.least, self.most = pieces, least, most

    def __str__(self) -> str:
        return f"a roll has {self.least} to {self.most} pieces, not {self.pieces}; nothing was recorded, count again"


class RollCodeError(StationError):
    """What goes into the log for good and is no code."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is letters, digits and / . - between them, 40 at most; nothing was recorded"


class RollTwiceError(StationError):
    """One roll of laminate is named twice in one act."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"roll {self.number} is named twice; nothing was recorded, read the numbers again"


class RollUnknownError(StationError):
    """No roll of this number was ever received."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"no roll {self.number} was received; nothing was recorded, read its number again or receive it first"


class RollKnownError(StationError):
    """A delivered roll whose number another delivery had."""

    def __init__(self, number: str, note: str, pieces: int) -> None:
        super().__init__(number, note, pieces)
        self.number, self.note, self.pieces = number, note, pieces

    def __str__(self) -> str:
        return (
            f"roll {self.number} was received before, {self.pieces} pieces on note {self.note}; nothing was recorded, "
            "look at the roll and the note again"
        )


class RollMoveError(StationError):
    """An act that does not follow from what was recorded last of a roll."""

    def __init__(self, number: str, act: str, last: str, place: str) -> None:
        super().__init__(number, act, last, place)
        self.number, self.act, self.last, self.place = number, act, last, place

    def __str__(self) -> str:
        at = f", and is at {self.place}" if self.place else ""
        return (
            f"roll {self.number} can't be {self.act}: it was {self.last} last{at}; nothing was recorded, see "
            "`passline rolls list`"
        )


class RollKindError(StationError):
    """A roll on a machine that takes another kind."""

    def __init__(self, number: str, kind: str, machine: str, takes: str) -> None:
        super().__init__(number, kind, machine, takes)
        self.number, self.kind, self.machine, self.takes = number, kind, machine, takes

    def __str__(self) -> str:
        return f"roll {self.number} is for a {self.kind} and {self.machine} makes a {self.takes}; nothing was recorded"


class RollOnMachineError(StationError):
    """A machine that has a roll already."""

    def __init__(self, number: str, machine: str, mounted: str) -> None:
        super().__init__(number, machine, mounted)
        self.number, self.machine, self.mounted = number, machine, mounted

    def __str__(self) -> str:
        return (
            f"{self.machine} has roll {self.mounted} on; roll {self.number} stays where it is, take the other off first"
        )


class PieceInWorkError(StationError):
    """A machine with a piece that may have been laminated and is not booked."""

    def __init__(self, machine: str, number: str) -> None:
        super().__init__(machine, number)
        self.machine, self.number = machine, number

    def __str__(self) -> str:
        return (
            f"{self.machine} has a piece in work whose outcome is not booked; nothing was recorded of roll "
            f"{self.number}. Let the line finish it, or settle it (`passline devices settle`), then do it again"
        )


class RollAtOnceError(StationError):
    """Somebody else recorded something of the roll or its machine in the same moment."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return (
            f"somebody else recorded an act of roll {self.number} or its machine at this moment, or you signed in more "
            "than five minutes ago; nothing was recorded, see `passline rolls list` and do it again if it still holds"
        )
