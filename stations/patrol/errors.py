"""What a patrol refuses."""

from stations.errors import StationError

_SHOWN = 5


class UnknownPatrolError(StationError):
    """The plan has no patrol of this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        there = f"there are {', '.join(self.known)}" if self.known else "name some under [[patrol]] in line.toml"
        return f"the plan has no patrol {self.name[:40]!r}; nothing was recorded, {there}"


class NotOnPlanError(StationError):
    """An answer to something that this patrol does not ask."""

    def __init__(self, patrol: str, point: str, item: str) -> None:
        super().__init__(patrol, point, item)
        self.patrol, self.point, self.item = patrol, point, item

    def __str__(self) -> str:
        return (
            f"patrol {self.patrol} does not ask for {self.item[:40]!r} at {self.point[:40]!r}; nothing was recorded,"
            f" see passline patrol plan {self.patrol}"
        )


class AnswersMissingError(StationError):
    """Items that nobody answered; a round is whole or is none."""

    def __init__(self, patrol: str, missing: tuple[str, ...]) -> None:
        super().__init__(patrol, missing)
        self.patrol, self.missing = patrol, missing

    def __str__(self) -> str:
        more = f" and {len(self.missing) - _SHOWN} more" if len(self.missing) > _SHOWN else ""
        return (
            f"not answered in patrol {self.patrol}: {', '.join(self.missing[:_SHOWN])}{more}; nothing was recorded,"
            " look at each and answer ok or bad"
        )


class TextRefusedError(StationError):
    """What is not in order says what is wrong, in words that can be kept and shown; the words are not repeated."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where

    def __str__(self) -> str:
        return (
            f"{self.where}: say what is wrong or was done, in one line of at most 500 characters, and only where"
            " something is; nothing was recorded"
        )


class HoldRefusedError(StationError):
    """This point can't be held: only what makes documents is."""

    def __init__(self, point: str, holdable: tuple[str, ...]) -> None:
        super().__init__(point, holdable)
        self.point, self.holdable = point, holdable

    def __str__(self) -> str:
        return (
            f"{self.point} can't be held, for the line draws nothing on it; nothing was recorded. Held can be"
            f" {', '.join(self.holdable) or 'no machine of this line'}"
        )


class TooManyPhotosError(StationError):
    """A round bears a few photographs."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"a round bears {self.most} photographs at most; nothing was recorded, leave some out"


class PhotoRefusedError(StationError):
    """A file is no photograph that can be kept; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the photograph {self.reason}; nothing was recorded, take another (JPEG or PNG)"


class PhotoUnknownError(StationError):
    """No photograph of this hash is kept."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256

    def __str__(self) -> str:
        return f"no photograph {self.sha256[:64]} is kept; passline patrol findings names those that are"


class RoundIdError(StationError):
    """A round's id is of another form; forms bring one of their own."""

    def __str__(self) -> str:
        return "a round's id is 32 hexadecimal digits; nothing was recorded, open the round again"


class RoundTakenError(StationError):
    """Another round was recorded under this id: by another person, or with other answers."""

    def __init__(self, round_id: str, person: str) -> None:
        super().__init__(round_id, person)
        self.round_id, self.person = round_id, person

    def __str__(self) -> str:
        return (
            f"round {self.round_id} was recorded by {self.person} with other answers; these were not, open the round"
            " again and walk it"
        )


class NotInShiftError(StationError):
    """Only somebody of the open shift walks a round in it."""

    def __init__(self, person: str, shift: str) -> None:
        super().__init__(person, shift)
        self.person, self.shift = person, shift

    def __str__(self) -> str:
        return (
            f"{self.person} is not named for shift {self.shift}; nothing was recorded, somebody of the shift or a lead"
            " walks the round"
        )


class UnknownFindingError(StationError):
    """No finding has this number."""

    def __init__(self, finding: int) -> None:
        super().__init__(finding)
        self.finding = finding

    def __str__(self) -> str:
        return f"there is no finding {self.finding}; passline patrol findings --all lists them"


class StepRefusedError(StationError):
    """A finding stands elsewhere than this step needs, or is another's to do; nothing was recorded."""

    def __init__(self, finding: int, step: str, state: str, person: str | None) -> None:
        super().__init__(finding, step, state, person)
        self.finding, self.step, self.state, self.person = finding, step, state, person

    def __str__(self) -> str:
        by = f" by {self.person}" if self.person else ""
        to_do = {
            "found": "somebody takes it first",
            "taken": "who took it mends it, another may take it over",
            "mended": "somebody else looks at it and closes it, or returns it",
            "returned": "somebody takes it again",
            "checked": "it is at its end",
        }[self.state]
        return f"finding {self.finding} is {self.state}{by} and can't be {self.step} now; nothing was recorded: {to_do}"


class FindingMovedError(StationError):
    """The database refused what was true a moment before: somebody else acted at the same time."""

    def __str__(self) -> str:
        return "somebody acted at the same moment, or signed in too long ago; nothing was recorded, look again"
