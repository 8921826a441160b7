"""What is hashed, and how."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs import merkle
from handoff_logs.records import UNIT_FIELDS, Birth, Kind, canonical, new_id, unit_hash

SCALARS = st.none() | st.booleans() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1)
ROWS = st.fixed_dictionaries(dict.fromkeys(UNIT_FIELDS, SCALARS))


@given(st.dictionaries(st.text("abc_xyz", min_size=1), SCALARS))
def test_canonical_is_sorted_compact_json(record: dict[str, str | int | bool | None]) -> None:
    expected = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    assert canonical(record) == expected


@pytest.mark.parametrize("value", [1.5, 2**53, float("nan"), b"x", [1]])
def test_what_languages_write_differently_is_not_hashed(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"a": value})  # type: ignore[dict-item]


@given(ROWS)
def test_a_unit_row_is_hashed_as_its_canonical_encoding(row: dict[str, str | int | bool | None]) -> None:
    leaf = hashlib.sha256(b"\x00" + canonical(row)).digest()
    assert unit_hash([row[field] for field in UNIT_FIELDS]) == leaf


def test_one_and_true_are_hashed_apart() -> None:
    assert canonical({"a": 1}) != canonical({"a": True})


def test_merkle_roots_are_those_of_the_reference_implementation() -> None:
    """Leaves and roots of RFC 6962's own test data (Certificate Transparency's reference tree)."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert {size: merkle.root(hashes[:size]).hex() for size in roots} == roots


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(name) == 32 and name[12] == "7" and name[16] in "89ab" for name in ids)
    assert [name[:13] for name in ids] == sorted(name[:13] for name in ids)


def test_a_number_is_kept_only_as_a_salted_hash() -> None:
    birth = Birth(new_id(), Kind.BLANK, "E12345678")
    assert birth.number_hash == hashlib.sha256(f"{birth.salt}E12345678".encode()).hexdigest()
    assert Birth(new_id(), Kind.BLANK, "E12345678").number_hash != birth.number_hash
    assert Birth(new_id(), Kind.BLANK).number_hash is None
