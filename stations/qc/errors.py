"""What the QC desk refuses: each says of which piece, how it stands, and what to do next."""

from stations.errors import StationError


class PieceNotHereError(StationError):
    """No piece with this serial waits at QC: it was never counted in, or went on."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"piece {self.serial} does not wait at QC; count its tray first, or put a strange piece to quarantine"


class PieceNotReadError(StationError):
    """A piece that no reader has read back yet."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"piece {self.serial} was not read back yet; scan it again when the readers have had it"


class PieceStoppedError(StationError):
    """The application of a piece was stopped: the piece is not inspected."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"piece {self.serial} is stopped; put it to quarantine, where two people release or void it"


class PieceOfAnotherError(StationError):
    """Whoever reviewed an application inspects no piece of it."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"piece {self.serial} is for another inspector; lay it back and take the next one"


class PieceInOtherHandsError(StationError):
    """Another inspector has the piece in hand."""

    def __init__(self, serial: str, inspector: str) -> None:
        super().__init__(serial, inspector)
        self.serial, self.inspector = serial, inspector

    def __str__(self) -> str:
        return f"piece {self.serial} is in the hand of {self.inspector}; take the next one"


class PieceDecidedError(StationError):
    """A decision on the piece stands."""

    def __init__(self, serial: str, outcome: str) -> None:
        super().__init__(serial, outcome)
        self.serial, self.outcome = serial, outcome

    def __str__(self) -> str:
        return f"piece {self.serial} is decided ({self.outcome}); take the next one, or have whoever decided undo it"


class NotInHandError(StationError):
    """The piece is not, or no more, in this inspector's hand; nothing is shown or stored."""

    def __init__(self, hold_id: str) -> None:
        super().__init__(hold_id)
        self.hold_id = hold_id

    def __str__(self) -> str:
        return f"you do not have the piece of {self.hold_id[:32]} in hand, or its time is over; scan it again"


class ReadOftenError(StationError):
    """The piece was read as often as a piece is read."""

    def __init__(self, serial: str, times: int) -> None:
        super().__init__(serial, times)
        self.serial, self.times = serial, times

    def __str__(self) -> str:
        return f"piece {self.serial} was read {self.times} times; it is not read again, decide by what was read"


class InspectionTakenError(StationError):
    """Another decision was stored under this id."""

    def __init__(self, decision_id: str, by: str, outcome: str) -> None:
        super().__init__(decision_id, by, outcome)
        self.decision_id, self.by, self.outcome = decision_id, by, outcome

    def __str__(self) -> str:
        return (
            f"under {self.decision_id} {self.by} stored {self.outcome}, and that stands; this decision was not stored,"
            " load the desk anew"
        )


class InspectionIdError(StationError):
    """A decision's id is of another form; desks make one for each decision."""

    def __str__(self) -> str:
        return "a decision's id is 32 hexadecimal digits; nothing was stored, load the desk anew"


class CodesRefusedError(StationError):
    """The defect codes are not those of this outcome: none for a pass, some of the list for a fail."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(outcome, why)
        self.outcome, self.why = outcome, why

    def __str__(self) -> str:
        return f"a {self.outcome} with these codes is none: {self.why}; nothing was stored, choose again"


class ReaderBarsPassError(StationError):
    """A reader found what no eye can see; `codes` are its defect codes, separated by one space."""

    def __init__(self, serial: str, codes: str) -> None:
        super().__init__(serial, codes)
        self.serial, self.codes = serial, codes

    def __str__(self) -> str:
        return (
            f"piece {self.serial} can't be passed by eye: its reader found {self.codes}; nothing was stored, have"
            " it read again or fail it"
        )


class UnknownInspectionError(StationError):
    """No decision of this id stands that this person may touch."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(decision_id)
        self.decision_id = decision_id

    def __str__(self) -> str:
        return f"there is no decision {self.decision_id[:32]} for you; nothing was changed"


class InspectionBookedError(StationError):
    """The decision was booked, or two have signed for it: it is not undone any more."""

    def __init__(self, serial: str, outcome: str) -> None:
        super().__init__(serial, outcome)
        self.serial, self.outcome = serial, outcome

    def __str__(self) -> str:
        return (
            f"the {self.outcome} of piece {self.serial} is signed for or booked; nothing was undone, tell the lead, who"
            " can stop its application"
        )


class ActedAtOnceError(StationError):
    """Somebody acted at the same moment, or signed in too long ago; the database refused."""

    def __str__(self) -> str:
        return "somebody acted at the same moment, or your sign-in is too old; nothing was stored, scan the piece again"
