"""What review refuses."""

from stations.errors import StationError


class HoldListLineError(StationError):
    """A line of a hold list is no resident ID number; nothing of the list was taken. The line is not repeated."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(line, problem)
        self.line, self.problem = line, problem

    def __str__(self) -> str:
        return (
            f"line {self.line} of the hold list is no resident ID number: {self.problem}. The list in force stays as it"
            " is; correct the line and set the list again."
        )


class HoldListUnreadableError(StationError):
    """A hold list's file can't be read as text; the list in force stays."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem)
        self.file, self.problem = file, problem

    def __str__(self) -> str:
        return f"{self.file} can't be read: {self.problem}. The list in force stays; name a text file in UTF-8."


class HoldListDiffersError(StationError):
    """The file of the hold list in force is gone or is not the one on record."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256

    def __str__(self) -> str:
        return (
            f"the hold list's file is not the one on record ({self.sha256[:12]}); until it is set again, every item of"
            " it is a person's: passline review hold-list set FILE"
        )
