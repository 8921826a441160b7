"""What the packing desk refuses. What does not match is no refusal: it is stored, and stops its piece."""

from stations.errors import StationError


class MatchIdError(StationError):
    """A match's id is of another form; desks make one for each."""

    def __str__(self) -> str:
        return "a match's id is 32 hexadecimal digits; nothing was stored, load the desk anew"


class MatchTakenError(StationError):
    """Other codes, or another packer's, were stored under this id."""

    def __init__(self, match_id: str, by: str) -> None:
        super().__init__(match_id, by)
        self.match_id, self.by = match_id, by

    def __str__(self) -> str:
        return (
            f"under {self.match_id} other codes of {self.by} are stored, and that stands; these were not stored, load"
            " the desk anew and scan the piece again"
        )


class ScanIncompleteError(StationError):
    """Fewer than three codes came, and they contradict each other in nothing yet."""

    def __init__(self, parts: str) -> None:
        super().__init__(parts)
        self.parts = parts

    def __str__(self) -> str:
        return f"only {self.parts or 'nothing'} was scanned; nothing was stored, scan document, order and envelope"


class UnknownBoxError(StationError):
    """No box is called so."""

    def __init__(self, box_id: str) -> None:
        super().__init__(box_id)
        self.box_id = box_id

    def __str__(self) -> str:
        return f"there is no box {self.box_id[:32]}; nothing was changed, load the desk anew"


class UnknownAskError(StationError):
    """Nothing that was asked is called so, or its answer is another."""

    def __init__(self, ask_id: str) -> None:
        super().__init__(ask_id)
        self.ask_id = ask_id

    def __str__(self) -> str:
        return f"nothing was asked under {self.ask_id[:32]} that this answers; load the desk anew"


class PackedElsewhereError(StationError):
    """Somebody else decided the same at the same moment, or the sign-in is over; nothing was stored."""

    def __str__(self) -> str:
        return "nothing was stored: it changed at that moment, or your sign-in is over; load the desk anew"


class LeftAtDeskError(StationError):
    """The line stops while it waits for somebody at the desk; the next run asks again."""

    def __init__(self, label: str, what: str) -> None:
        super().__init__(label, what)
        self.label, self.what = label, what

    def __str__(self) -> str:
        return f"nobody told of parcel {self.label} that it is {self.what}; it stays at packing, and the next run asks"


class UnknownLabelError(StationError):
    """No parcel that waits at packing bears this label."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label

    def __str__(self) -> str:
        return f"no parcel {self.label[:32]} waits at packing; look it up with `passline logs document`"


class TooLateToUndoMatchError(StationError):
    """The match is not the packer's last one, its box is closed, or a parcel was made of it."""

    def __init__(self, match_id: str) -> None:
        super().__init__(match_id)
        self.match_id = match_id

    def __str__(self) -> str:
        return (
            f"match {self.match_id[:32]} is not your last one of an open box or a tray that waits; it stands. Tell the"
            " lead where the piece lies, if it lies wrong"
        )


class StillTakenOutError(StationError):
    """The piece's match was undone, and the line has not booked that yet."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"the match of {self.serial} was undone and the line is taking it out; scan it again in a moment"


class NotOnShelfError(StationError):
    """Nothing on packing's hold shelf has this number, or it can't be decided so."""

    def __init__(self, number: str, resolution: str) -> None:
        super().__init__(number, resolution)
        self.number, self.resolution = number, resolution

    def __str__(self) -> str:
        return (
            f"{self.number[:40]} does not lie on packing's hold shelf, or is nothing that ends as {self.resolution};"
            " nothing was changed. passline packing shelf lists what lies there and how each may end"
        )


class DecidedOnShelfError(StationError):
    """Two people have decided this stay on the shelf already."""

    def __init__(self, number: str, resolution: str, first: str, second: str) -> None:
        super().__init__(number, resolution, first, second)
        self.number, self.resolution, self.first, self.second = number, resolution, first, second

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} decided of {self.number[:40]}: {self.resolution}; that stands, and"
            " nothing was changed"
        )
