"""Refusals of whole batches."""

from stations.errors import StationError


class BatchRefusedError(StationError):
    """A batch is cut off, altered or not a batch: nothing of it is loaded."""

    def __init__(self, batch: str, place: str, reason: str) -> None:
        super().__init__(batch, place, reason)
        self.batch, self.place, self.reason = batch, place, reason

    def __str__(self) -> str:
        return f"batch {self.batch} is refused whole: {self.place} {self.reason}; ask the sender for it again"


class BatchBusyError(StationError):
    """Somebody else is loading the same batch right now; their chunks stand, this load stops."""

    def __init__(self, batch: str, line: int) -> None:
        super().__init__(batch, line)
        self.batch, self.line = batch, line

    def __str__(self) -> str:
        return (
            f"batch {self.batch} is being loaded elsewhere beyond line {self.line}; wait for that load and look again"
        )


class EmulatedBatchError(StationError):
    """A production line was given a generated batch."""

    def __init__(self, batch: str) -> None:
        super().__init__(batch)
        self.batch = batch

    def __str__(self) -> str:
        return f"batch {self.batch} is emulated and this is a production line; load it in a run of mode emulated"


class CalendarMovedError(StationError):
    """Another calendar was set while deadlines were reckoned by this one; what was changed by then has its records."""

    def __str__(self) -> str:
        return (
            "another calendar was set meanwhile, and deadlines are reckoned by that one; "
            "look at it with `passline calendar show`, and set yours again if it is the right one"
        )
