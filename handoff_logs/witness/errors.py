"""Refusals of the witness and of its client. Facts are positional, so every error survives pickling."""

from handoff_logs.errors import HandoffLogError


class WitnessError(HandoffLogError):
    """Anything that keeps a checkpoint from being witnessed."""


class FolderTakenError(WitnessError):
    """The folder for a new witness holds something."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is not empty, and a witness is never made over another; name a new folder with --dir"


class NoWitnessError(WitnessError):
    """The folder holds no key of a witness."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"there is no witness's key in {self.folder}; make a witness with `passline witness init`"


class UnsafeKeyError(WitnessError):
    """The private key can't be trusted to be the witness's alone, or is none."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return f"{self.path} is not used as a key: {self.fault}"


class StoreLostError(WitnessError):
    """The witness no longer knows what it cosigned, or the store is another's."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return (
            f"{self.path} {self.fault}; a witness that forgot what it cosigned must not cosign again:"
            " make a new one in a new folder, and give its key to the log"
        )


class AddressTakenError(WitnessError):
    """The witness can't answer on the address it was given."""

    def __init__(self, host: str, port: int, detail: str) -> None:
        super().__init__(host, port, detail)
        self.host, self.port, self.detail = host, port, detail

    def __str__(self) -> str:
        return (
            f"the witness can't answer on {self.host} port {self.port}: {self.detail}; name others with --host, --port"
        )


class StoreBusyError(WitnessError):
    """The store stayed locked or could not be written; nothing was cosigned."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"the witness's store could not be written ({self.detail}); nothing was cosigned, ask again"


class KeyChangedOtherwiseError(WitnessError):
    """Another key than this one is known to follow the log's old key: the old key vouched for two."""

    def __init__(self, origin: str, known: str, told: str) -> None:
        super().__init__(origin, known, told)
        self.origin, self.known, self.told = origin, known, told

    def __str__(self) -> str:
        return (
            f"the old key of {self.origin} is followed by {self.known}, as this witness has it, and by {self.told} in"
            " this file: it signed over two keys; nothing was accepted, keep the file as evidence and call the centre's"
            " administration"
        )


class NoKeyChangeError(WitnessError):
    """A file that shows no change of a log's key."""

    def __str__(self) -> str:
        return "this file shows no change of a log's key; ask for the one that `passline logs prove-key` writes"


class ClockBehindError(WitnessError):
    """The witness's clock shows less than what it has already signed; nothing was cosigned."""

    def __init__(self, now_s: int, signed_s: int) -> None:
        super().__init__(now_s, signed_s)
        self.now_s, self.signed_s = now_s, signed_s

    def __str__(self) -> str:
        return (
            f"the witness's clock is {self.signed_s - self.now_s} s behind what it last signed; nothing was cosigned,"
            " put the clock right"
        )


class UnreachableError(WitnessError):
    """No answer, or none for now; sealing goes on, and the age of the last cosignature is the alarm."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(url, detail)
        self.url, self.detail = url, detail

    def __str__(self) -> str:
        return (
            f"the witness at {self.url} did not cosign: {self.detail}; ask again, the checkpoint is not witnessed yet"
        )


class OldSizeError(WitnessError):
    """The witness last cosigned another size of this log, not larger than the checkpoint; prove from there."""

    def __init__(self, url: str, asked: int, known: int) -> None:
        super().__init__(url, asked, known)
        self.url, self.asked, self.known = url, asked, known

    def __str__(self) -> str:
        return (
            f"the witness at {self.url} last cosigned {self.known} leaves and not {self.asked};"
            f" ask again with a proof from {self.known}"
        )


class RolledBackError(WitnessError):
    """The witness has cosigned a larger tree of this log: this log was rolled back, or its records are lost."""

    def __init__(self, url: str, origin: str, size: int, known: int) -> None:
        super().__init__(url, origin, size, known)
        self.url, self.origin, self.size, self.known = url, origin, size, known

    def __str__(self) -> str:
        return (
            f"{self.origin} has {self.size} leaves here, and the witness at {self.url} has cosigned {self.known}:"
            " this log was rolled back; seal nothing and find the missing records"
        )


class TwoHistoriesError(WitnessError):
    """What the witness cosigned is no beginning of this log."""

    def __init__(self, url: str, origin: str, size: int, old_size: int) -> None:
        super().__init__(url, origin, size, old_size)
        self.url, self.origin, self.size, self.old_size = url, origin, size, old_size

    def __str__(self) -> str:
        return (
            f"{self.origin} with {self.size} leaves does not continue the {self.old_size} that the witness at"
            f" {self.url} cosigned: there are two histories; seal nothing, and keep both checkpoints as evidence"
        )


class RefusedError(WitnessError):
    """The witness will not cosign this: an unknown log, a signature it doesn't know, a request it can't read."""

    def __init__(self, url: str, status: int, detail: str) -> None:
        super().__init__(url, status, detail)
        self.url, self.status, self.detail = url, status, detail

    def __str__(self) -> str:
        return f"the witness at {self.url} refused with {self.status}: {self.detail}"


class StrangeKeyError(RefusedError):
    """The witness does not know the key that signed: the log's key changed, and the witness was not told."""

    def __str__(self) -> str:
        return (
            f"the witness at {self.url} does not know the log's key that signed (403); sealing goes on, not witnessed."
            " If the log's key was changed, give those who run the witness the file of `passline logs prove-key`; they"
            " run `passline witness accept FILE`"
        )


class FalseAnswerError(WitnessError):
    """The answer is not this witness's cosignature of this checkpoint."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(url, detail)
        self.url, self.detail = url, detail

    def __str__(self) -> str:
        return f"the answer from {self.url} is not believed: {self.detail}; check the address and the witness's key"
