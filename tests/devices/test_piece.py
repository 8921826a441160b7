"""What is made onto a piece can be read back whole, or is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import MalformedError
from devices.piece import PieceData, decode_chip, encode_chip

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FILES = st.dictionaries(NAMES, st.binary(max_size=40), max_size=4)
PIECES = st.builds(
    PieceData,
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=3).map(tuple),
    st.dictionaries(NAMES, TEXTS, max_size=4),
    st.binary(max_size=60),
    FILES,
)


@given(PIECES)
def test_a_piece_comes_back_as_it_was_built(piece: PieceData) -> None:
    assert PieceData.decode(piece.encode()) == piece


@given(PIECES)
def test_the_front_of_a_piece_is_read_from_its_first_bytes(piece: PieceData) -> None:
    front = PieceData(piece.kind, piece.serial, piece.mrz)
    assert PieceData.decode_front(piece.encode()) == PieceData.decode_front(front.encode()) == front


@given(FILES)
def test_a_chip_comes_back_as_it_was_written(chip: dict[str, bytes]) -> None:
    assert decode_chip(encode_chip(chip)) == chip


@given(st.binary(max_size=80) | PIECES.map(lambda piece: piece.encode()[:-3]))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    for read in (PieceData.decode, PieceData.decode_front, decode_chip):
        with suppress(MalformedError):
            read(data)


def test_the_same_data_give_the_same_bytes_in_any_order() -> None:
    one = PieceData("passport", "E1", (), {"a": "1", "b": "2"}, b"", {"DG1": b"1", "DG2": b"2"})
    two = PieceData("passport", "E1", (), {"b": "2", "a": "1"}, b"", {"DG2": b"2", "DG1": b"1"})
    assert one.encode() == two.encode()


def test_a_piece_without_kind_or_serial_is_refused() -> None:
    with pytest.raises(MalformedError):
        PieceData.decode(b"")
    with pytest.raises(MalformedError):
        decode_chip(PieceData("passport", "E1", ()).encode())
