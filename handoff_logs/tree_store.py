"""The log's tree as the database keeps it: every leaf, and the hashes of every 256, 65,536, … of them."""

from collections.abc import Sequence
from typing import Protocol

from handoff_logs import merkle
from handoff_logs.merkle import Node

STEP = 8
"""Levels between one kept hash and the next: a proof reads at most 2**STEP hashes a kept level."""
MAX_LEVEL = 32


class Hashes(Protocol):
    """Answers for hashes in hex, in order: rows of (hash,)."""

    def __call__(self, sql: str, **parameters: int) -> Sequence[str]:
        """Run a SELECT of one column of hashes with `:name` parameters."""
        ...


LEAVES = (
    "SELECT leaf_hash AS hash FROM seal_leaf WHERE epoch = :epoch AND leaf_index >= :first AND leaf_index < :end"
    " ORDER BY leaf_index"
)
NODES = (
    "SELECT hash FROM seal_node WHERE epoch = :epoch AND level = :level AND node_index >= :first AND node_index < :end"
    " ORDER BY node_index"
)


class MissingHashError(LookupError):
    """A hash of the tree is not in the database: rows were deleted."""


def is_kept(level: int) -> bool:
    """Say whether hashes of this level are stored.

    >>> [level for level in range(20) if is_kept(level)]
    [8, 16]
    """
    return 0 < level <= MAX_LEVEL and level % STEP == 0


def stored(hashes: Hashes, epoch: int) -> Node:
    """Return what answers for any complete subtree of a sealed tree. It raises MissingHashError for one it lacks."""

    def node(level: int, index: int) -> bytes:
        base = min(level - level % STEP, MAX_LEVEL)
        first, end = index << (level - base), (index + 1) << (level - base)
        if base:
            found = hashes(NODES, epoch=epoch, level=base, first=first, end=end)
        else:
            found = hashes(LEAVES, epoch=epoch, first=first, end=end)
        if len(found) != end - first:
            raise MissingHashError(f"level {base}, {first} to {end - 1}")
        return merkle.root([bytes.fromhex(hash_) for hash_ in found])

    return node
