"""Why a proof is not made, not read, or does not hold."""

from handoff_logs.errors import HandoffLogError


class MalformedProofError(HandoffLogError):
    """A file that is not written as docs/proofs.md says; `place` says where, as `events[3].event.act`."""

    def __init__(self, place: str, fault: str) -> None:
        super().__init__(place, fault)
        self.place, self.fault = place, fault

    def __str__(self) -> str:
        return f"this proof can't be read at {self.place}: {self.fault}; nothing of it was used; ask for it again"


class BrokenProofError(HandoffLogError):
    """A proof that is well written and does not hold; `place` names the record."""

    def __init__(self, place: str, fault: str) -> None:
        super().__init__(place, fault)
        self.place, self.fault = place, fault

    def __str__(self) -> str:
        return f"this proof does not hold at {self.place}: {self.fault}; rely on nothing in it, and keep it as evidence"


class UnknownNumberError(HandoffLogError):
    """The log knows nothing under this number."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"the log does not know the number {self.number}; check it, or ask another run's folder with --dir"


class NotSealedError(HandoffLogError):
    """The log has no checkpoint, or none of this size."""

    def __init__(self, size: int | None, newest: int | None) -> None:
        super().__init__(size, newest)
        self.size, self.newest = size, newest

    def __str__(self) -> str:
        if self.newest is None:
            return "the log is not sealed yet: it has signed no checkpoint; start its sealer and ask again"
        return f"the log signed no checkpoint of {self.size} records; its newest has {self.newest}"


class KeyNeverChangedError(HandoffLogError):
    """The log's key is its first one: there is no change to prove."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.origin = origin

    def __str__(self) -> str:
        return f"{self.origin} has had one key, and no next one that is sealed; its log.pub is as it was"


class SpansOriginsError(HandoffLogError):
    """Records under two origins: between them a loss was declared, and one checkpoint can't cover both."""

    def __init__(self, number: str, epochs: tuple[int, ...]) -> None:
        super().__init__(number, epochs)
        self.number, self.epochs = number, epochs

    def __str__(self) -> str:
        named = " and ".join(map(str, self.epochs))
        return (
            f"the records of {self.number} or of the keys that signed them are in the log's trees {named}; one proof"
            " covers one tree; verify the whole log instead"
        )


class MistypedLineError(HandoffLogError):
    """A printed line that was not copied or heard as it was printed."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return f"this is no line of a log as it was printed: {self.fault}; compare it with the paper, letter by letter"


class LineNotContainedError(HandoffLogError):
    """The log is not what its printed line says it was."""

    def __init__(self, line: str, fault: str) -> None:
        super().__init__(line, fault)
        self.line, self.fault = line, fault

    def __str__(self) -> str:
        return f"the log no longer contains {self.line}: {self.fault}; stop, keep the paper and call the auditor"
