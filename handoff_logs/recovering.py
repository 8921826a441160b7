"""Whether a database is behind what is known outside it: by its signers' numbers, the log's own notes, the witness.

A key's number file and the log's notes are written after the database has what they speak of, so they are read first
and the database after them: more than in the database is then never a matter of the moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff_logs.kept_notes import SEALED, KeptNotes
from handoff_logs.reading import Reading

LOSS: Final = "loss"
"""Why the keys of a log were revoked whose newest records are lost."""

_NUMBER: Final = (
    "SELECT coalesce((SELECT max(key_number) FROM custody_event WHERE key_id = :key_id), 0) AS number,"
    " coalesce((SELECT max(second_key_number) FROM custody_event WHERE second_key_id = :key_id), 0) AS second_number,"
    " EXISTS (SELECT 1 FROM custody_register WHERE register = 'key' AND subject = :key_id AND field = 'revoked'"
    " AND value = :loss) AS lost"
)
_SIZE: Final = (
    "SELECT origin.epoch, origin.origin, coalesce((SELECT max(size) FROM seal_checkpoint AS point"
    " WHERE point.epoch = origin.epoch), 0) AS size FROM seal_origin AS origin ORDER BY origin.epoch DESC LIMIT 1"
)

_NAMED: Final = (
    "SELECT origin FROM seal_origin UNION SELECT value AS origin FROM custody_register"
    " WHERE register = 'origin' AND field IN ('after', 'lost')"
)


@dataclass(frozen=True, slots=True)
class Given:
    """The last number that a key gave to a committed record, as its file knows."""

    owner: str
    key_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeyBehind:
    """The database has `has` records of a key that gave `given` numbers."""

    owner: str
    key_id: str
    has: int
    given: int


@dataclass(frozen=True, slots=True)
class SealsBehind:
    """The database has `size` sealed leaves of a log of which `by` knows `known`: `log`, or a witness's name."""

    by: str
    origin: str
    size: int
    known: int


@dataclass(frozen=True, slots=True)
class Outside:
    """What is known outside the database: the keys' numbers, who knows which size of which log, by (who, origin, size).

    `unfinished`: a loss is being declared.
    """

    given: tuple[Given, ...] = ()
    sealed: tuple[tuple[str, str, int], ...] = ()
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How a database stands to what is known outside it.

    `other_history`: the witness that cosigned other records than these. `unfinished`: a loss was declared, and its keys
    were not brought to their places.
    """

    keys: tuple[KeyBehind, ...] = ()
    seals: tuple[SealsBehind, ...] = ()
    other_history: str | None = None
    unfinished: bool = False

    @property
    def current(self) -> bool:
        """Whether nothing outside knows more."""
        return not (self.keys or self.seals or self.other_history or self.unfinished)


def numbers_given(folder: Path) -> tuple[Given, ...]:
    """Return the last number of every key in a folder of signing keys, retired ones too, without opening the keys."""
    found = []
    for path in sorted([*folder.glob("*.key"), *folder.glob("*.retired")]):
        owner, key_id, _ = path.name.rsplit(".", 2)
        try:
            number = int(path.with_suffix(".number").read_bytes() or b"0")
        except FileNotFoundError:
            number = 0
        found.append(Given(owner.replace("-", ":", 1), key_id, number))
    return tuple(found)


def sealed_size(log_folder: Path) -> tuple[tuple[str, str, int], ...]:
    """Return what the log's key remembers of its last seal, as (`log`, origin, size); nothing before the first."""
    kept = KeptNotes(log_folder).read(SEALED)
    return (("log", kept[0].origin, kept[0].size),) if kept else ()


def compare(outside: Outside, reading: Reading | None) -> State:
    """Say by what the database is behind what was known outside it before it was asked; None: there is no database.

    The keys and the tree of a declared loss are behind for good, and are not counted.
    """
    if reading is None:
        keys = tuple(KeyBehind(one.owner, one.key_id, 0, one.number) for one in outside.given if one.number)
        seals = tuple(SealsBehind(by, origin, 0, known) for by, origin, known in outside.sealed if known)
        return State(keys, seals, unfinished=outside.unfinished)
    behind = []
    for one in outside.given:
        if one.number == 0:
            continue
        (row,) = reading.rows(_NUMBER, key_id=one.key_id, loss=LOSS)
        has = max(row["number"], row["second_number"])
        if has < one.number and not row["lost"]:
            behind.append(KeyBehind(one.owner, one.key_id, has, one.number))
    now = {row["origin"]: row["size"] for row in reading.rows(_SIZE)}
    ended = {row["origin"] for row in reading.rows(_NAMED)} - now.keys()
    seals = tuple(
        SealsBehind(by, origin, now.get(origin, 0), known)
        for by, origin, known in outside.sealed
        if known > now.get(origin, 0) and origin not in ended
    )
    return State(tuple(behind), seals, unfinished=outside.unfinished)
