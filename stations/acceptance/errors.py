"""What can be refused of a count at a desk."""

from stations.errors import StationError


class CountOverError(StationError):
    """Somebody's count of a tray is over: closed, given up, or not finished in its time."""

    def __init__(self, count_id: str) -> None:
        super().__init__(count_id)
        self.count_id = count_id

    def __str__(self) -> str:
        return f"count {self.count_id} is over and takes no more scans; ask for the next tray and count anew"


class CountTakenError(StationError):
    """Another one was quicker to count what was about to be assigned."""

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "another desk was given that tray at this moment; ask again for the next one"


class ScanRefusedError(StationError):
    """What was scanned can be no number of a piece or a parcel; `length` in characters."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"what was scanned ({self.length} characters) is no number of a piece or parcel; scan it again"


class NothingOfferedError(StationError):
    """No tray is offered to the station that nobody counts."""

    def __init__(self, station: str) -> None:
        super().__init__(station)
        self.station = station

    def __str__(self) -> str:
        return f"no tray waits to be counted at {self.station}; ask again when one is handed on"


class EmptyCountError(StationError):
    """Nothing was scanned of a tray, and nobody said that it is empty: everything in it would be missing."""

    def __init__(self, count_id: str) -> None:
        super().__init__(count_id)
        self.count_id = count_id

    def __str__(self) -> str:
        return (
            f"count {self.count_id} has no scan, and all that was handed over would become cases; scan what lies in the"
            " tray, or say that it is empty"
        )
