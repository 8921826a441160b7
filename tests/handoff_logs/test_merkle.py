"""Trees and proofs are RFC 6962's, and a proof that was touched anywhere proves nothing."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs import merkle

LARGEST = 256
ENTRIES = [i.to_bytes(2, "big") for i in range(LARGEST)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
NODES = merkle.nodes_of(LEAVES)

REFERENCE_ENTRIES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
"""The tree that Certificate Transparency's implementations test themselves with; so are the proofs below."""
REFERENCE_INCLUSION = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
REFERENCE_CONSISTENCY = {
    (1, 1): (),
    (1, 8): REFERENCE_INCLUSION[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
    (6, 7): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}

SIZES = st.integers(1, LARGEST)
OTHER_SIZES = st.one_of(st.integers(-2, LARGEST + 2), st.just(2**40))


# The definitions of RFC 6962, 2.1, word by word: lists of leaves cut in two, and nothing remembered but their hashes.


def split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1


@cache
def mth(begin: int, end: int) -> bytes:
    if begin == end:
        return hashlib.sha256().digest()
    if end - begin == 1:
        return hashlib.sha256(b"\x00" + ENTRIES[begin]).digest()
    middle = begin + split(end - begin)
    return hashlib.sha256(b"\x01" + mth(begin, middle) + mth(middle, end)).digest()


def audit_path(index: int, begin: int, end: int) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + split(end - begin)
    if index < middle:
        return [*audit_path(index, begin, middle), mth(middle, end)]
    return [*audit_path(index, middle, end), mth(begin, middle)]


def subproof(old_end: int, begin: int, end: int, old_tree_whole: bool) -> list[bytes]:
    if old_end == end:
        return [] if old_tree_whole else [mth(begin, end)]
    middle = begin + split(end - begin)
    if old_end <= middle:
        return [*subproof(old_end, begin, middle, old_tree_whole), mth(middle, end)]
    return [*subproof(old_end, middle, end, False), mth(begin, middle)]


def flipped(path: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The path with each of its bits turned once."""
    for place, one in enumerate(path):
        number = int.from_bytes(one, "big")
        for bit in range(256):
            yield [*path[:place], (number ^ (1 << bit)).to_bytes(32, "big"), *path[place + 1 :]]


def misshapen(path: Sequence[bytes], more: bytes) -> Iterator[list[bytes]]:
    """The path shortened, lengthened or reordered at each place, and with hashes that are none."""
    for place in range(len(path)):
        yield [*path[:place], *path[place + 1 :]]
        yield [*path[:place], path[place][:-1], *path[place + 1 :]]
        yield [*path[:place], path[place] + b"\0", *path[place + 1 :]]
        for other in range(place):
            swapped = list(path)
            swapped[place], swapped[other] = swapped[other], swapped[place]
            yield swapped
    for place in range(len(path) + 1):
        for one in (more, b"", bytes(32)):
            yield [*path[:place], one, *path[place:]]


def test_every_leaf_of_every_tree_is_proved_as_the_rfc_says() -> None:
    for size in range(1, LARGEST + 1):
        root = mth(0, size)
        for index in range(size):
            path = merkle.inclusion_path(NODES, index, size)
            assert path == audit_path(index, 0, size)
            assert merkle.verify_inclusion(LEAVES[index], index, size, path, root)


def test_every_tree_is_proved_to_begin_with_every_smaller_one_as_the_rfc_says() -> None:
    for size in range(1, LARGEST + 1):
        for old_size in range(1, size + 1):
            path = merkle.consistency_path(NODES, old_size, size)
            assert path == subproof(old_size, 0, size, True)
            assert merkle.verify_consistency(old_size, size, path, mth(0, old_size), mth(0, size))


def test_the_reference_trees_and_proofs_of_certificate_transparency() -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in REFERENCE_ENTRIES]
    node, roots = merkle.nodes_of(leaves), [merkle.root(leaves[:size]) for size in range(len(leaves) + 1)]
    for (index, size), expected in REFERENCE_INCLUSION.items():
        path = [bytes.fromhex(one) for one in expected]
        assert merkle.inclusion_path(node, index, size) == path
        assert merkle.verify_inclusion(leaves[index], index, size, path, roots[size])
    for (old_size, size), expected in REFERENCE_CONSISTENCY.items():
        path = [bytes.fromhex(one) for one in expected]
        assert merkle.consistency_path(node, old_size, size) == path
        assert merkle.verify_consistency(old_size, size, path, roots[old_size], roots[size])


def test_another_implementation_makes_the_same_proofs() -> None:
    """pymerkle hashes as the RFC says; its paths begin with the proved leaf, and name the old tree's own subtrees."""
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in ENTRIES[:40]:
        other.append_entry(entry)
    for size in range(1, 41):
        assert other.get_root(size) == merkle.root(LEAVES[:size])
        for index in range(size):
            path = merkle.inclusion_path(NODES, index, size)
            assert other.prove_inclusion(index + 1, size).path == [LEAVES[index], *path]


def test_a_growing_tree_has_the_root_of_its_leaves_at_every_size() -> None:
    tree = merkle.Tree()
    assert tree.root() == merkle.EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, start=1):
        tree.append(leaf)
        assert (tree.size, tree.root()) == (size, mth(0, size))


@given(SIZES, SIZES)
def test_a_tree_goes_on_from_what_a_store_kept(first: int, second: int) -> None:
    kept: dict[tuple[int, int], bytes] = {(0, index): leaf for index, leaf in enumerate(LEAVES)}
    before, size = sorted((first, second))
    merkle.Tree(lambda level, index, one: kept.__setitem__((level, index), one)).extend(LEAVES[:before])
    tree = merkle.Tree.restore(
        before, lambda level, index: kept[level, index], lambda level, index, one: kept.update({(level, index): one})
    )
    tree.extend(LEAVES[before:size])
    assert (tree.size, tree.root()) == (size, mth(0, size))
    path = merkle.consistency_path(lambda level, index: kept[level, index], before, size)
    assert merkle.verify_consistency(before, size, path, mth(0, before), tree.root())


@pytest.mark.parametrize("lowest", [1, 3, 7, 9])
def test_a_tree_too_large_for_memory_makes_the_same_proofs(lowest: int) -> None:
    asked: list[int] = []

    def read(begin: int, end: int) -> list[bytes]:
        asked.append(end - begin)
        return LEAVES[begin:end]

    nodes = merkle.SparseNodes(read, lowest)
    merkle.Tree(nodes.completed).extend(LEAVES[:203])
    for other in range(203):
        assert merkle.inclusion_path(nodes.node, other, 203) == merkle.inclusion_path(NODES, other, 203)
        assert merkle.consistency_path(nodes.node, other, 203) == merkle.consistency_path(NODES, other, 203)
    assert max(asked) < 1 << lowest
    for level, index in ((0, 300), (1, 128), (9, 0)):
        with pytest.raises(IndexError):
            nodes.node(level, index)


def test_a_batch_that_breaks_off_leaves_the_tree_as_it_was() -> None:
    told: list[tuple[int, int, bytes]] = []
    tree = merkle.Tree(lambda *subtree: told.append(subtree))
    tree.extend(LEAVES[:3])
    with pytest.raises(ZeroDivisionError):
        tree.extend(LEAVES[3 + 1 // (i - 2)] for i in range(5))
    assert (tree.size, tree.root(), told) == (3, mth(0, 3), [(1, 0, mth(0, 2))])


def test_a_proof_over_forty_million_leaves_asks_for_a_few_dozen_hashes() -> None:
    asked: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        asked.append((level, index))
        return hashlib.sha256(f"{level}/{index}".encode()).digest()

    size = 40_000_000
    merkle.inclusion_path(node, size // 3, size)
    merkle.consistency_path(node, size - 5_001, size)
    assert len(asked) < 80
    assert all((index + 1) << level <= size for level, index in asked)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 13])
def test_an_inclusion_proof_touched_anywhere_proves_nothing(size: int) -> None:
    root = mth(0, size)
    for index in range(size):
        leaf, path = LEAVES[index], merkle.inclusion_path(NODES, index, size)
        for touched in (*flipped(path), *misshapen(path, root)):
            assert not merkle.verify_inclusion(leaf, index, size, touched, root)
        for (other_leaf,) in flipped([leaf]):
            assert not merkle.verify_inclusion(other_leaf, index, size, path, root)
        for (other_root,) in flipped([root]):
            assert not merkle.verify_inclusion(leaf, index, size, path, other_root)


@pytest.mark.parametrize(("old_size", "size"), [(1, 2), (1, 8), (3, 7), (4, 7), (6, 8), (7, 7), (7, 13), (8, 13)])
def test_a_consistency_proof_touched_anywhere_proves_nothing(old_size: int, size: int) -> None:
    old_root, root = mth(0, old_size), mth(0, size)
    path = merkle.consistency_path(NODES, old_size, size)
    for touched in (*flipped(path), *misshapen(path, root), *misshapen(path, old_root)):
        assert not merkle.verify_consistency(old_size, size, touched, old_root, root)
    for (other,) in flipped([root]):
        assert not merkle.verify_consistency(old_size, size, path, old_root, other)
    for (other,) in flipped([old_root]):
        assert not merkle.verify_consistency(old_size, size, path, other, root)


def test_bytes_moved_from_one_hash_to_its_neighbour_prove_nothing() -> None:
    """What is hashed together has the same bytes then, and only the lengths tell."""
    root, (sibling,) = mth(0, 2), merkle.inclusion_path(NODES, 0, 2)
    assert merkle.verify_inclusion(LEAVES[0], 0, 2, [sibling], root)
    assert not merkle.verify_inclusion(LEAVES[0] + sibling[:1], 0, 2, [sibling[1:]], root)
    assert not merkle.verify_inclusion(LEAVES[0][:-1], 0, 2, [LEAVES[0][-1:] + sibling], root)
    assert not merkle.verify_consistency(1, 2, [sibling[1:]], LEAVES[0] + sibling[:1], root)


@given(SIZES, st.data())
def test_a_proof_holds_for_its_own_place_only(size: int, data: st.DataObject) -> None:
    """A path says nothing of the size above the last fork, so the root is held to the size by whoever signed both."""
    index = data.draw(st.integers(0, size - 1))
    path, root = merkle.inclusion_path(NODES, index, size), mth(0, size)
    other = data.draw(st.integers(-2, LARGEST + 2).filter(lambda place: place != index))
    assert not merkle.verify_inclusion(LEAVES[index], other, size, path, root)
    old_size = data.draw(st.integers(1, size))
    path, old_root = merkle.consistency_path(NODES, old_size, size), mth(0, old_size)
    other = data.draw(OTHER_SIZES.filter(lambda place: place != old_size))
    assert not merkle.verify_consistency(other, size, path, old_root, root)


@pytest.mark.parametrize(
    ("old_size", "size", "old_root", "root", "path"),
    [
        (0, 5, mth(0, 1), mth(0, 5), []),
        (0, 5, merkle.EMPTY_ROOT, mth(0, 5), [mth(0, 5)]),
        (0, 0, merkle.EMPTY_ROOT, mth(0, 5), []),
        (5, 0, mth(0, 5), merkle.EMPTY_ROOT, []),
        (5, 4, mth(0, 5), mth(0, 4), []),
        (5, 5, mth(0, 5), mth(0, 4), []),
        (-1, 5, merkle.EMPTY_ROOT, mth(0, 5), []),
        (4, 5, mth(0, 4)[:-1], mth(0, 5), [LEAVES[4]]),
        (3, 5, mth(0, 3), mth(0, 5), []),
    ],
)
def test_trees_that_do_not_follow_each_other_are_refused(
    old_size: int, size: int, old_root: bytes, root: bytes, path: list[bytes]
) -> None:
    assert not merkle.verify_consistency(old_size, size, path, old_root, root)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    assert merkle.verify_consistency(0, 9, merkle.consistency_path(NODES, 0, 9), merkle.EMPTY_ROOT, mth(0, 9))


def test_no_proof_is_made_for_what_a_tree_does_not_have() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(IndexError, match="no leaf"):
            merkle.inclusion_path(NODES, index, size)
    with pytest.raises(IndexError, match="does not begin"):
        merkle.consistency_path(NODES, 4, 3)


@given(size=st.integers(1, LARGEST), data=st.data())
def test_subtrees_between_leaves_make_the_same_tree_and_every_path_of_a_leaf(size: int, data: st.DataObject) -> None:
    """Some leaves, and the largest subtrees that have none of them: nothing else is needed to prove these leaves."""
    own = sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=12)))
    known: dict[tuple[int, int], bytes] = {}
    tree = merkle.Tree(lambda level, index, subtree: known.setdefault((level, index), subtree))
    for begin, end in zip([0, *(leaf + 1 for leaf in own)], [*own, size], strict=True):
        for level, index in merkle.complete_subtrees(begin, end):
            known[level, index] = NODES(level, index)
            tree.append_subtree(level, NODES(level, index))
        if end < size:
            known[0, end] = LEAVES[end]
            tree.append(LEAVES[end])
    assert (tree.size, tree.root()) == (size, merkle.root(LEAVES[:size]))
    for leaf in own:
        path = merkle.inclusion_path(lambda level, index: known[level, index], leaf, size)
        assert path == merkle.inclusion_path(NODES, leaf, size)


def test_a_subtree_begins_only_where_one_of_its_size_may() -> None:
    tree = merkle.Tree()
    tree.append(LEAVES[0])
    with pytest.raises(ValueError, match="begins at the leaf 1"):
        tree.append_subtree(1, NODES(1, 0))
    assert (tree.size, tree.root()) == (1, LEAVES[0])
