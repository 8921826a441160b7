"""What review refuses. A late verdict is told who decided instead, and what."""

from stations.errors import StationError
from stations.offices import OFFICES


class UnknownLeaseError(StationError):
    """Nothing that this reviewer holds, or held, is called so; or it is of another revision or round."""

    def __init__(self, lease_id: str) -> None:
        super().__init__(lease_id)
        self.lease_id = lease_id

    def __str__(self) -> str:
        return (
            f"no application was given to you under lease {self.lease_id[:32]} in this revision and round; nothing was"
            " stored, take the next one"
        )


class LateVerdictError(StationError):
    """The lease is over, so the verdict came too late.

    `ended` says how (`LeaseEnd`); `by` and `outcome` are what stands now, None where it waits for another reviewer.
    """

    def __init__(self, application_id: str, ended: str, by: str | None, outcome: str | None) -> None:
        super().__init__(application_id, ended, by, outcome)
        self.application_id, self.ended, self.by, self.outcome = application_id, ended, by, outcome

    def __str__(self) -> str:
        over = {
            "decided": "was decided before",
            "lapsed": "was not decided in time",
            "given_up": "was given up",
            "withdrawn": "was taken back by the line",
        }[self.ended]
        gone = "it was stopped" if self.ended == "withdrawn" else "it goes to another reviewer"
        stands = f"{self.by} decided {self.outcome}" if self.by else gone
        return f"application {self.application_id} {over} and your verdict was not stored: {stands}; take the next one"


class NotItsTurnError(StationError):
    """Another application is to be decided first: only the current one is shown, and nobody picks."""

    def __init__(self, lease_id: str, first: str) -> None:
        super().__init__(lease_id, first)
        self.lease_id, self.first = lease_id, first

    def __str__(self) -> str:
        return f"lease {self.lease_id} is not the next; nothing was stored, decide {self.first} first"


class DecisionTakenError(StationError):
    """Another verdict was stored under this id: by another person, on another lease, or with another outcome."""

    def __init__(self, decision_id: str, by: str, outcome: str) -> None:
        super().__init__(decision_id, by, outcome)
        self.decision_id, self.by, self.outcome = decision_id, by, outcome

    def __str__(self) -> str:
        return (
            f"under {self.decision_id} {self.by} stored {self.outcome}, and that stands; this verdict was not stored,"
            " load the desk anew"
        )


class DecisionIdError(StationError):
    """A verdict's id is of another form; desks make one for each verdict."""

    def __str__(self) -> str:
        return "a verdict's id is 32 hexadecimal digits; nothing was stored, load the desk anew"


class ReasonsRefusedError(StationError):
    """The reasons are not those of this outcome: none for a pass, codes of review items for all others."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(outcome, why)
        self.outcome, self.why = outcome, why

    def __str__(self) -> str:
        return f"a {self.outcome} with these reasons is none: {self.why}; nothing was stored, choose again"


class UnknownDecisionError(StationError):
    """This reviewer stored no verdict under this id."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(decision_id)
        self.decision_id = decision_id

    def __str__(self) -> str:
        return f"you stored no verdict {self.decision_id[:32]}; nothing was undone"


class TooLateToUndoError(StationError):
    """The verdict is on record: its tray went on, or waits for what is decided again. It is put right further on."""

    def __init__(self, application_id: str, outcome: str) -> None:
        super().__init__(application_id, outcome)
        self.application_id, self.outcome = application_id, outcome

    def __str__(self) -> str:
        return (
            f"your {self.outcome} of application {self.application_id} was booked; nothing was undone, tell the lead,"
            " who can stop the application"
        )


class HeldElsewhereError(StationError):
    """Somebody acted at the same moment, or signed in too long ago; the database refused."""

    def __str__(self) -> str:
        return "somebody acted at the same moment, or your sign-in is too old; nothing was stored, load the desk anew"


class NotHeldError(StationError):
    """Personal data is shown to whoever holds the application, and to nobody else."""

    def __init__(self, lease_id: str) -> None:
        super().__init__(lease_id)
        self.lease_id = lease_id

    def __str__(self) -> str:
        return f"you do not hold the application of lease {self.lease_id[:32]}, or its time is over; nothing is shown"


class UnknownOfficeError(StationError):
    """No accepting office is called so; nothing was sent."""

    def __init__(self, office: str) -> None:
        super().__init__(office)
        self.office = office

    def __str__(self) -> str:
        return f"no accepting office is called {self.office[:20]!r}; nothing was sent, name one of {', '.join(OFFICES)}"


class AnswersUnreadableError(StationError):
    """A file of answers can't be read as text; nothing of it was taken."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem)
        self.file, self.problem = file, problem

    def __str__(self) -> str:
        return f"{self.file} can't be read: {self.problem}. Nothing was taken; name a text file in UTF-8."


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
