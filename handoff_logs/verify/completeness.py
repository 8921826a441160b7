"""Step 4: nothing is missing, nothing is twice, nothing waits too long."""

from collections.abc import Mapping
from typing import Any

from handoff_logs.reading import Reading, Row
from handoff_logs.verify.bounds import LEAF_OF_EVENT, Bounds
from handoff_logs.verify.consistency import CHECKPOINT_RULE, Sealed
from handoff_logs.verify.problems import Limits, Problem

_NUMBERED = (
    "SELECT {key} AS key_id, count(*), min({number}), max({number}), count(DISTINCT {number}) FROM custody_event"
    " WHERE {key} IS NOT NULL OR {number} IS NOT NULL GROUP BY {key}"
)
_COLUMNS = (("key_id", "key_number"), ("second_key_id", "second_key_number"))

_UNSEALED = (
    f"SELECT event.event_id, event.written_us FROM custody_event AS event LEFT JOIN {LEAF_OF_EVENT}"  # noqa: S608
    " WHERE event.seq > :after AND event.seq <= :last AND leaf.event_seq IS NULL AND event.written_us < :before_us"
    " ORDER BY event.seq"
)
_OLDEST_LEAF = (
    "SELECT min(event.written_us) FROM seal_leaf AS leaf JOIN custody_event AS event ON event.seq = leaf.event_seq"
    " WHERE leaf.epoch = :epoch AND leaf.leaf_index >= :size"
)
_NEWEST = "SELECT max(written_us) FROM custody_event"
_OPEN = (
    "SELECT offer.event_id, offer.from_station, offer.to_station, offer.count_expected AS unit_count,"
    " offer.happened_us AS offered_us, :now_us - offer.happened_us AS age_us, offer.emulated"
    " FROM custody_event AS offer WHERE offer.act = 'offer' AND NOT EXISTS (SELECT 1 FROM custody_event AS answer"
    " WHERE answer.handoff_id = offer.event_id AND answer.act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back')"
    " AND answer.act IN ('accept', 'refuse', 'withdraw')) ORDER BY offer.happened_us"
)


def counted(reading: Reading, read: Mapping[str, int]) -> list[Problem]:
    """Return the tables that have other rows than those that belong to an event, a leaf or a tree of the log."""
    problems = []
    for table, rows in sorted(read.items()):
        ((stored,),) = reading.tuples(f"SELECT count(*) FROM {table}")  # noqa: S608 own names
        if stored != rows:
            problems.append(Problem(3, "every row belongs to the log, once", table))
    return problems


def newest_us(reading: Reading, sealed: Sealed) -> int:
    """Return the log's own present: its newest written or cosigned time, so that a copy is judged as of its end."""
    ((written_us,),) = reading.tuples(_NEWEST)
    return max(written_us or 0, sealed.cosigned_s * 1_000_000)


def key_numbers(reading: Reading) -> list[Problem]:
    """Return the keys whose records are not numbered from 1 without a gap: one was removed before it was sealed."""
    problems = []
    for key, number in _COLUMNS:
        for key_id, count, lowest, highest, distinct in reading.tuples(_NUMBERED.format(key=key, number=number)):
            if (count, lowest, distinct) != (highest, 1, count):
                problems.append(Problem(4, "a key numbers its records without a gap", str(key_id)))
    return problems


def waiting(reading: Reading, bounds: Bounds, sealed: Sealed, limits: Limits, is_witnessed: bool) -> list[Problem]:
    """Return what has no leaf, no checkpoint or no witness for longer than it may (the last is of step 5)."""
    now_us = newest_us(reading, sealed)
    before_us = int(now_us - limits.unsealed_s * 1e6)
    problems = [
        Problem(4, "nothing is unsealed for long", event_id)
        for event_id, _ in reading.tuples(
            _UNSEALED,
            epoch=bounds.epoch,
            size=bounds.size,
            after=bounds.after,
            last=bounds.last,
            before_us=before_us,
        )
    ]
    if sealed.tree is None:
        return problems
    epoch, size = sealed.tree.epoch, sealed.tree.size
    if sealed.signed_size < size and _is_old(reading, epoch, sealed.signed_size, now_us, limits.unsealed_s):
        problems.append(Problem(4, CHECKPOINT_RULE, f"{epoch}/{sealed.signed_size}"))
    if (
        is_witnessed
        and sealed.cosigned_size < size
        and _is_old(reading, epoch, sealed.cosigned_size, now_us, limits.unwitnessed_s)
    ):
        problems.append(Problem(5, "no leaf is unwitnessed for long", f"{epoch}/{sealed.cosigned_size}"))
    return problems


def is_emulated(reading: Reading) -> bool:
    """Whether any record says that something in it was emulated."""
    return bool(reading.tuples("SELECT 1 FROM custody_event WHERE emulated LIMIT 1"))


def _is_old(reading: Reading, epoch: int, size: int, now_us: int, limit_s: float) -> bool:
    ((oldest_us,),) = reading.tuples(_OLDEST_LEAF, epoch=epoch, size=size)
    return oldest_us is not None and now_us - oldest_us >= limit_s * 1e6


def open_offers(reading: Reading, now_us: int) -> list[Row]:
    """Return every offer without an answer, the oldest first, with its age."""
    rows: list[dict[str, Any]] = reading.rows(_OPEN, now_us=now_us)
    return [row | {"emulated": bool(row["emulated"])} for row in rows]
