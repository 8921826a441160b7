"""What part of a log one verification covers: all that is committed when it begins, or what is new since another."""

from dataclasses import dataclass

from handoff_logs.reading import Reading

LEAF_OF_EVENT = (
    "seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " AND (leaf.epoch < :epoch OR (leaf.epoch = :epoch AND leaf.leaf_index < :size))"
)
"""Joins an event's leaf: those only that were there when verification began, should the log grow meanwhile."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree of the log as the auditor knew it: its epoch, size and root (32 bytes)."""

    epoch: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """The log as it is verified: its newest tree's epoch and size (0, 0 without one), its highest `seq`.

    `after` is the `seq` and `known` the tree up to which an earlier run has verified; 0 and None for a full run.
    """

    epoch: int
    size: int
    last: int
    after: int = 0
    known: Tree | None = None

    @property
    def is_full(self) -> bool:
        """Whether every record is verified."""
        return self.known is None


def bounds_of(reading: Reading, known: Tree | None = None) -> Bounds:
    """Return the bounds of a verification that begins now."""
    ((epoch,),) = reading.tuples("SELECT coalesce(max(epoch), 0) FROM seal_leaf")
    ((size,),) = reading.tuples(
        "SELECT coalesce(max(leaf_index), -1) + 1 FROM seal_leaf WHERE epoch = :epoch", epoch=epoch
    )
    ((last,),) = reading.tuples("SELECT coalesce(max(seq), 0) FROM custody_event")
    if known is None:
        return Bounds(epoch, size, last, after=-(2**62))
    # The lowest number that has no leaf in the known tree: some higher ones may have been verified already.
    ((first,),) = reading.tuples(
        "SELECT coalesce(min(event.seq), :beyond) FROM custody_event AS event"
        " LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
        " WHERE leaf.event_seq IS NULL OR leaf.epoch > :epoch OR (leaf.epoch = :epoch AND leaf.leaf_index >= :size)",
        beyond=last + 1,
        epoch=known.epoch,
        size=known.size,
    )
    return Bounds(epoch, size, last, first - 1, known)
