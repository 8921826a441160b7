"""RFC 6962 Merkle trees (SHA-256): roots, and proofs that a leaf or an older tree is part of a tree.

Proofs are made from hashes of complete subtrees, asked for as `node(level, index)`: the tree hash of the 2**level
leaves from leaf `index << level` on. A list in memory, a store of hashes or recomputation can all answer that.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import starmap

Node = Callable[[int, int], bytes]
"""(level, index) → the 32-byte hash of that complete subtree."""

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the 32-byte hash of one leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the 32-byte tree hash over leaf hashes, in order (RFC 6962, 2.1).

    Pairing level by level, an odd last node going up unchanged, gives the RFC's tree without its recursion.

    >>> root([]).hex()[:8], root([leaf_hash(b"")]).hex()[:8]
    ('e3b0c442', '6e340b9c')
    """
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = _pairs(level)
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


class Tree:
    """A tree that grows and forgets: it keeps the hashes of its complete subtrees only, one a bit of its size.

    `completed(level, index, hash)` is told of every subtree above the leaves as it becomes complete, so that a store
    can keep what proofs will ask for.
    """

    def __init__(self, completed: Callable[[int, int, bytes], object] | None = None) -> None:
        self._completed = completed
        self._size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def restore(cls, size: int, node: Node, completed: Callable[[int, int, bytes], object] | None = None) -> "Tree":
        """Return the tree of `size` leaves whose complete subtrees `node` knows, to go on from there."""
        tree = cls(completed)
        tree._size = size
        tree._peaks = list(starmap(node, complete_subtrees(0, size)))
        return tree

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash (32 bytes); see `extend`."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes, in order; if `leaves` raises, none of them, and nobody is told of any."""
        sha256, peaks, size = hashlib.sha256, self._peaks.copy(), self._size
        completed: list[tuple[int, int, bytes]] | None = None if self._completed is None else []
        for peak in leaves:
            index, level = size, 0
            while index & 1:
                peak = sha256(b"\x01" + peaks.pop() + peak).digest()
                index >>= 1
                if completed is not None:
                    level += 1
                    completed.append((level, index, peak))
            peaks.append(peak)
            size += 1
        if self._completed is not None:
            for subtree in completed or ():
                self._completed(*subtree)
        self._peaks, self._size = peaks, size

    def append_subtree(self, level: int, subtree: bytes) -> None:
        """Add the hash of the next 2**level leaves at once. Raises ValueError where no such subtree begins."""
        if self._size & ((1 << level) - 1):
            raise ValueError(f"no subtree of 2**{level} leaves begins at the leaf {self._size}")
        self._size += 1 << level
        index = (self._size >> level) - 1
        while index & 1:
            subtree = pair(self._peaks.pop(), subtree)
            index, level = index >> 1, level + 1
            if self._completed is not None:
                self._completed(level, index, subtree)
        self._peaks.append(subtree)

    def root(self) -> bytes:
        """Return the 32-byte tree hash over all leaves so far."""
        return _fold(self._peaks)


def nodes_of(leaves: Sequence[bytes]) -> Node:
    """Return what answers for the complete subtrees over these leaf hashes; it keeps all their hashes in memory."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        levels.append(_pairs(levels[-1]))
    return lambda level, index: levels[level][index]


class SparseNodes:
    """Answers for the complete subtrees of a tree too large for memory, told of them by `Tree(nodes.completed)`.

    It keeps the hashes from level `lowest` up, for forty million leaves under a megabyte, and makes the lower ones anew
    from leaf hashes: `read(begin, end)` returns those from `begin` to before `end`, fewer than 2**lowest at a time.
    """

    def __init__(self, read: Callable[[int, int], Sequence[bytes]], lowest: int = 12) -> None:
        self._read, self._lowest = read, lowest
        self._kept: list[list[bytes]] = []

    def completed(self, level: int, _index: int, subtree: bytes) -> None:
        """Keep what proofs will ask for; subtrees of a level come in order."""
        above = level - self._lowest
        if above >= 0:
            if above == len(self._kept):
                self._kept.append([])
            self._kept[above].append(subtree)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree. Raises IndexError for one that is not complete."""
        if level >= self._lowest:
            return self._kept[level - self._lowest][index]
        leaves = self._read(index << level, (index + 1) << level)
        if len(leaves) != 1 << level:
            raise IndexError(f"subtree {index} of level {level} is not complete: {len(leaves)} leaves")
        return root(leaves)


def complete_subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (level, index) of the fewest complete subtrees over the leaves from `begin` to before `end`, in order.

    >>> list(complete_subtrees(3, 10))
    [(0, 3), (2, 1), (1, 4)]
    """
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        yield level, begin >> level
        begin += 1 << level


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """Return the audit path of the leaf `index` in the tree of its first `size` leaves (RFC 6962, 2.1.1).

    Raises IndexError for a leaf that the tree does not have.
    """
    if not 0 <= index < size:
        raise IndexError(f"a tree of {size} leaves has no leaf {index}")
    return _siblings(node, 0, index, size)


def consistency_path(node: Node, old_size: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `size` leaves begins with the tree of `old_size` leaves (RFC 6962, 2.1.2).

    It is empty where there is nothing to prove: from the empty tree, and between equal sizes. Raises IndexError if
    the old tree is the larger.
    """
    if not 0 <= old_size <= size:
        raise IndexError(f"a tree of {size} leaves does not begin with a tree of {old_size}")
    if old_size in (0, size):
        return []
    level, index = _last_complete_subtree(old_size)
    # Alone, that subtree is the old tree itself, and whoever verifies has its root.
    start = [node(level, index)] if index else []
    return start + _siblings(node, level, index, size)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` shows that the tree of `size` leaves with this root has the leaf hash `leaf` at `index`."""
    if not 0 <= index < size:
        return False
    sides = _sides(index, size - 1)
    if len(sides) != len(path) or not _are_hashes([leaf, *path]):
        return False
    for (_, sibling_is_left), sibling in zip(sides, path, strict=True):
        leaf = pair(sibling, leaf) if sibling_is_left else pair(leaf, sibling)
    return leaf == root


def root_ending_with(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the 32-byte root of the tree that ends with the leaf `index`, from its audit path in one of `size` leaves.

    What stands left of it is the same in both; so a path that leads to the larger tree's root shows, too, that this one
    begins with the smaller. `path` must have been verified.
    """
    for (_, sibling_is_left), sibling in zip(_sides(index, size - 1), path, strict=True):
        if sibling_is_left:
            leaf = pair(sibling, leaf)
    return leaf


def sided_path(node: Node, index: int, size: int) -> list[tuple[bool, bytes]]:
    """Return the audit path of the leaf `index`, each hash with whether it stands on the left.

    So a path can be followed without the tree's size. Raises IndexError for a leaf that the tree does not have.
    """
    path = inclusion_path(node, index, size)
    return [(left, sibling) for (_, left), sibling in zip(_sides(index, size - 1), path, strict=True)]


def followed(leaf: bytes, path: Iterable[tuple[bool, bytes]]) -> bytes:
    """Return the 32-byte root that a leaf hash and its `sided_path` lead to."""
    for is_left, sibling in path:
        leaf = pair(sibling, leaf) if is_left else pair(leaf, sibling)
    return leaf


def verify_consistency(old_size: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether `path` shows that the tree of `size` leaves begins with the one of `old_size`, by their roots alone."""
    if not 0 <= old_size <= size or not _are_hashes([old_root, root, *path]):
        return False
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old_size == size:
        return not path and old_root == root
    level, index = _last_complete_subtree(old_size)
    sides = _sides(index, (size - 1) >> level)
    start, path = (path[:1], path[1:]) if index else ([old_root], path)
    if not start or len(sides) != len(path):
        return False
    old = new = start[0]
    for (_, sibling_is_left), sibling in zip(sides, path, strict=True):
        if sibling_is_left:
            old, new = pair(sibling, old), pair(sibling, new)
        else:
            new = pair(new, sibling)
    return old == old_root and new == root


def pair(left: bytes, right: bytes) -> bytes:
    """Return the hash over two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _pairs(level: Sequence[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    return [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """The tree hash over neighbouring complete subtrees, the largest first."""
    if not subtrees:
        return EMPTY_ROOT
    *larger, folded = subtrees
    for subtree in reversed(larger):
        folded = pair(subtree, folded)
    return folded


def _last_complete_subtree(size: int) -> tuple[int, int]:
    """(level, index) of the smallest of the complete subtrees that a tree of `size` leaves is made of."""
    level = (size & -size).bit_length() - 1
    return level, (size >> level) - 1


def _sides(index: int, last: int) -> list[tuple[int, bool]]:
    """Where the node `index` of a row that ends with the node `last` has siblings on its way up to the root.

    (levels above that row, whether the sibling is the left one); a last node without a neighbour goes up alone.
    """
    sides = []
    level = 0
    while last:
        if index & 1 or index < last:
            sides.append((level, bool(index & 1)))
        index, last, level = index >> 1, last >> 1, level + 1
    return sides


def _siblings(node: Node, level: int, index: int, size: int) -> list[bytes]:
    """The tree hashes beside the subtree (level, index) and beside what it becomes, up to the root."""
    path = []
    for above, _ in _sides(index, (size - 1) >> level):
        begin = ((index >> above) ^ 1) << (level + above)
        end = min(begin + (1 << (level + above)), size)
        path.append(_fold(list(starmap(node, complete_subtrees(begin, end)))))
    return path


def _are_hashes(hashes: Iterable[bytes]) -> bool:
    return all(len(one) == HASH_BYTES for one in hashes)
