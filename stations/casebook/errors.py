"""What the casebook refuses. Nothing of what was typed is repeated: it may be personal data."""

from stations.errors import StationError


class CaseIdError(StationError):
    """A case's id is of another form; desks and commands make one for each case."""

    def __str__(self) -> str:
        return "a case's id is 32 hexadecimal digits; nothing was written, load the desk anew"


class UnknownCaseError(StationError):
    """The book has no case of this id."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self.case_id = case_id

    def __str__(self) -> str:
        return f"the casebook has no case {self.case_id[:32]!r}; passline casebook list names those that stand"


class CaseOverError(StationError):
    """The case was corrected or withdrawn by a further entry, which is the one that stands or ended it."""

    def __init__(self, case_id: str, by: str | None) -> None:
        super().__init__(case_id, by)
        self.case_id, self.by = case_id, by

    def __str__(self) -> str:
        how = f"was corrected by case {self.by}; name that one" if self.by else "was withdrawn, and stays so"
        return f"case {self.case_id[:32]} {how}. Nothing was written"


class CaseTakenError(StationError):
    """Another case was written under this id."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self.case_id = case_id

    def __str__(self) -> str:
        return f"another case stands under {self.case_id[:32]}; this one was not written, load the desk anew"


class NoVerdictError(StationError):
    """A case is written of one's own return or hold, while it is fresh and stands."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(decision_id)
        self.decision_id = decision_id

    def __str__(self) -> str:
        return (
            f"verdict {self.decision_id[:32]} is no return or hold of yours of the last half hour that stands; no case"
            " was written"
        )


class ReasonNotCaseError(StationError):
    """The reason is none of a review item, or none of the items that the verdict names."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.reason[:40]!r} is no reason that this case can have; no case was written, choose one that the"
            " verdict names (passline review items lists them all)"
        )


class WordsRefusedError(StationError):
    """How it was seen is said in a few words about nobody; the words are not repeated."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the words {self.why}; no case was written, say how it was seen and nothing of whose it was"


class CharactersRefusedError(StationError):
    """A case of a name has one character, and what it was taken for: one character, or letters for a reading."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.why}; no case was written. A case has one character and what it was taken for, never a name"


class CutOutRefusedError(StationError):
    """No such piece is cut out of a picture for this item, or the picture can't be read; `why` says which."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"no picture for this case: {self.why}; no case was written, write it without one"


class NotWriterError(StationError):
    """A case is corrected by who wrote it or by a lead."""

    def __init__(self, case_id: str, writer: str) -> None:
        super().__init__(case_id, writer)
        self.case_id, self.writer = case_id, writer

    def __str__(self) -> str:
        return f"case {self.case_id} is {self.writer}'s; nothing was written, they or a lead correct it"


class NothingToCorrectError(StationError):
    """The correction says what the case says already."""

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self.case_id = case_id

    def __str__(self) -> str:
        return f"case {self.case_id} says that already; nothing was written"


class NoSuchRuleError(StationError):
    """No rule of review has this name: some items are a person's alone."""

    def __init__(self, rule: str, known: tuple[str, ...]) -> None:
        super().__init__(rule, known)
        self.rule, self.known = rule, known

    def __str__(self) -> str:
        return f"no rule is called {self.rule[:40]!r}; nothing was attached. Rules: {', '.join(self.known)}"


class NotTriableError(StationError):
    """The case kept no figures that this rule could be run on."""

    def __init__(self, case_id: str, rule: str) -> None:
        super().__init__(case_id, rule)
        self.case_id, self.rule = case_id, rule

    def __str__(self) -> str:
        return (
            f"rule {self.rule} can't be run on case {self.case_id}: it kept no figures for it, without saying whose"
            " they are; nothing was attached"
        )


class AttachedBeforeError(StationError):
    """The case is a test of this rule already."""

    def __init__(self, case_id: str, rule: str) -> None:
        super().__init__(case_id, rule)
        self.case_id, self.rule = case_id, rule

    def __str__(self) -> str:
        return f"case {self.case_id} is a test of rule {self.rule} already; nothing was written"


class BookBusyError(StationError):
    """Somebody wrote at the same moment, or the sign-in is too old; the database refused."""

    def __str__(self) -> str:
        return (
            "somebody wrote at the same moment, or your sign-in is too old; nothing was written, sign in and try again"
        )


class NotEmulatedError(StationError):
    """Catch rates are of seeded defects, which an emulated line alone has."""

    def __str__(self) -> str:
        return "this is a production line: no defect is seeded here, and no reviewer is measured by them"


class TruthUnreadableError(StationError):
    """The list of seeded defects is none."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__(file, line)
        self.file, self.line = file, line

    def __str__(self) -> str:
        where = f"line {self.line} of {self.file}" if self.line else self.file
        return f"{where} is no list of seeded defects; name the file of passline intake generate --truth"
