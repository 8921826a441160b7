"""What proves a record: its leaf in the log's tree, the first checkpoint over it, the witness that saw it first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from handoff_logs.reading import Reading, Row

AT_ONCE: Final = 500
"""Records asked for by one statement."""

# Numbers of records, read from the log itself, are put in as they are: a statement has as many as it needs.
_SEALS: Final = """
SELECT event.seq, event.event_id, event.offer_id, event.count_expected, event.count_counted, event.last_position,
       event.key_id, event.second_key_id, leaf.epoch, leaf.leaf_index, (
           SELECT min(size) FROM seal_checkpoint AS checkpoint
           WHERE checkpoint.epoch = leaf.epoch AND checkpoint.size > leaf.leaf_index) AS size
FROM custody_event AS event LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq
WHERE event.seq IN ({seqs})
"""
_CORRECTIONS: Final = """
SELECT wrong.seq AS wrong_seq, event.seq, event.corrects_field, event.corrects_value, event.reason, event.person,
       event.second_person, event.happened_us
FROM custody_event AS wrong JOIN custody_event AS event ON event.corrects = wrong.event_id
WHERE wrong.seq IN ({seqs}) ORDER BY event.seq
"""
_COSIGNED: Final = """
SELECT witness, min(time_s) AS time_s FROM seal_cosignature WHERE epoch = :epoch AND size >= :size
GROUP BY witness ORDER BY 2, 1
"""


@dataclass(frozen=True, slots=True)
class Witnessing:
    """A witness, and when it first saw the log reach over a record (microseconds UTC)."""

    witness: str
    time_us: int


@dataclass(frozen=True, slots=True)
class Seal:
    """How far a record is sealed.

    `leaf_index` is None until it is in the tree, `size` (of the first checkpoint over it) until a root over it is
    signed; `witnessed` is empty until a witness saw one.
    """

    leaf_index: int | None
    size: int | None
    key_ids: tuple[str, ...]
    witnessed: tuple[Witnessing, ...]


def evidence(reading: Reading, seqs: Iterable[int]) -> dict[int, Row]:
    """Return by record number what the log has beside its columns: `seal`, counts, the offer answered, corrections."""
    seen: dict[tuple[int, int], tuple[Witnessing, ...]] = {}
    found: dict[int, Row] = {}
    for some in _portions(sorted(set(seqs))):
        for row in reading.rows(_in(_SEALS, some)):
            keys = tuple(filter(None, (row["key_id"], row["second_key_id"])))
            witnessed: tuple[Witnessing, ...] = ()
            if row["size"] is not None:
                place = row["epoch"], row["size"]
                if place not in seen:
                    seen[place] = _witnessed(reading, *place)
                witnessed = seen[place]
            seal = Seal(row["leaf_index"], row["size"], keys, witnessed)
            found[row["seq"]] = row | {"seal": seal, "corrections": []}
        for correction in reading.rows(_in(_CORRECTIONS, some)):
            found[correction["wrong_seq"]]["corrections"].append(correction)
    return found


def _witnessed(reading: Reading, epoch: int, size: int) -> tuple[Witnessing, ...]:
    rows = reading.rows(_COSIGNED, epoch=epoch, size=size)
    return tuple(Witnessing(row["witness"], row["time_s"] * 1_000_000) for row in rows)


def _in(sql: str, seqs: Sequence[int]) -> str:
    return sql.format(seqs=", ".join(str(int(seq)) for seq in seqs))


def _portions(seqs: Sequence[int]) -> Iterator[list[int]]:
    coming = iter(seqs)
    while some := list(islice(coming, AT_ONCE)):
        yield some
