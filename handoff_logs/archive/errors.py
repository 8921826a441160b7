"""Why an archive is not made, not read, or is not what it has to be."""

from handoff_logs.errors import HandoffLogError


class YearRefusedError(HandoffLogError):
    """No year that can be archived now."""

    def __init__(self, year: int, fault: str) -> None:
        super().__init__(year, fault)
        self.year, self.fault = year, fault

    def __str__(self) -> str:
        return f"{self.year} is not archived: {self.fault}; nothing was written"


class RowsNotSealedError(HandoffLogError):
    """Records of the year's units are not under a checkpoint that may be archived."""

    def __init__(self, year: int, records: int, is_witnessed: bool) -> None:
        super().__init__(year, records, is_witnessed)
        self.year, self.records, self.is_witnessed = year, records, is_witnessed

    def __str__(self) -> str:
        lacking = "sealed and witnessed" if self.is_witnessed else "sealed"
        return (
            f"{self.records} records of units born in {self.year} are not {lacking} yet; nothing was written; let the"
            " sealer run and ask again in a moment"
        )


class ArchiveTakenError(HandoffLogError):
    """The folder that was to be made is there."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is there already; nothing was written; name a new folder with --out"


class MalformedArchiveError(HandoffLogError):
    """A folder that is not written as docs/archive.md says; `place` says where, as `units.jsonl.gz line 3`."""

    def __init__(self, place: str, fault: str) -> None:
        super().__init__(place, fault)
        self.place, self.fault = place, fault

    def __str__(self) -> str:
        return f"this archive can't be read at {self.place}: {self.fault}; nothing of it was used; take another copy"


class BrokenArchiveError(HandoffLogError):
    """An archive that is well written and does not hold."""

    def __init__(self, place: str, fault: str) -> None:
        super().__init__(place, fault)
        self.place, self.fault = place, fault

    def __str__(self) -> str:
        return (
            f"this archive does not hold at {self.place}: {self.fault}; rely on nothing in it, and keep it as evidence"
        )


class NoRoomError(HandoffLogError):
    """SQLite could not keep an archive's rows while they were verified or opened."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return (
            f"there was no room for the archive's rows ({self.fault}); nothing was opened; they need some seven times"
            " the archive's size where --out is, or for a check in the folder that SQLITE_TMPDIR names (/var/tmp)"
        )


class BrokenLogError(HandoffLogError):
    """What was taken from the log does not verify, so it was not put away."""

    def __init__(self, rule: str, subject: str) -> None:
        super().__init__(rule, subject)
        self.rule, self.subject = rule, subject

    def __str__(self) -> str:
        return (
            f"the log itself does not hold ({self.rule}: {self.subject}); no archive was made; see"
            " `passline logs verify`"
        )


class ArchivesUnlinkedError(HandoffLogError):
    """Two archives whose trees nothing shows to be one log's."""

    def __init__(self, year: int, other: int, size: int) -> None:
        super().__init__(year, other, size)
        self.year, self.other, self.size = year, other, size

    def __str__(self) -> str:
        return (
            f"the archive of {self.year} does not show that its log begins with the {self.size} records under that of"
            f" {self.other}; nothing was opened; open each by itself, or make the archive of {self.year} again now that"
            f" the one of {self.other} is recorded"
        )
