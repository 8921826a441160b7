"""Frames of the swipe reader, byte by byte as its public manual describes them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devices.mrz_reader.frames import LONGEST_FRAME, SOH, Swipe, SwipeDecoder, block_check, decode_swipe, encode_swipe

# The specimens of ICAO Doc 9303 (passport), and of the permit cards' one line.
PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
PERMIT = ("CSCA32732010<2901178<8108038<2",)
CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
PERMIT_FRAME = bytes.fromhex(
    "01 27 00 4f 55 02 30 0d 0d"
    "43 53 43 41 33 32 37 33 32 30 31 30 3c 32 39 30 31 31 37 38 3c 38 31 30 38 30 33 38 3c 32"
    "0d 03 15"
)

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"


def lines_of(count: int, longest: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.tuples(*[st.text(CHARACTERS, min_size=1, max_size=longest)] * count)


SWIPES = st.builds(Swipe, lines_of(1, 44) | lines_of(2, 44) | lines_of(3, 30), st.integers(0, 255))


def passport_frame() -> bytes:
    """Put together by hand: length from "OU" to BCC, exclusive or from the length on."""
    body = b"OU\x02" + b"0\r" + PASSPORT[0].encode() + b"\r" + PASSPORT[1].encode() + b"\r\x03"
    length = bytes((len(body) + 1, 0))
    check = 0
    for byte in length + body:
        check ^= byte
    return b"\x01" + length + body + bytes((check,))


@pytest.mark.parametrize(("frame", "lines"), [(PERMIT_FRAME, PERMIT), (passport_frame(), PASSPORT)])
def test_the_bottom_line_is_always_line_three(frame: bytes, lines: tuple[str, ...]) -> None:
    assert decode_swipe(frame) == Swipe(lines)
    assert encode_swipe(Swipe(lines)) == frame


def test_padding_is_removed_and_fillers_are_kept() -> None:
    frame = encode_swipe(Swipe(("P<CHN", "E00000001<<")))
    assert b"P<CHN" + b"_" * 39 + b"\rE00000001<<" + b"_" * 33 + b"\r" in frame
    assert decode_swipe(frame) == Swipe(("P<CHN", "E00000001<<"))


@given(st.lists(SWIPES, max_size=5), st.integers(1, 150))
def test_swipes_come_back_in_order_however_the_stream_is_cut(swipes: list[Swipe], size: int) -> None:
    stream = b"".join(map(encode_swipe, swipes))
    decoder = SwipeDecoder()
    assert [got for at in range(0, len(stream), size) for got in decoder.feed(stream[at : at + size])] == swipes
    assert (decoder.damaged, decoder.held_bytes) == (0, 0)


@given(SWIPES, st.data())
def test_a_flipped_bit_is_never_another_zone(swipe: Swipe, data: st.DataObject) -> None:
    sent = bytearray(encode_swipe(swipe))
    sent[data.draw(st.integers(0, len(sent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert decode_swipe(bytes(sent)) is None


@given(SWIPES, SWIPES, st.data())
def test_a_frame_cut_short_does_not_take_the_next_one_with_it(cut: Swipe, whole: Swipe, data: st.DataObject) -> None:
    frame = encode_swipe(cut)
    begun = frame[: data.draw(st.integers(1, len(frame) - 1))]
    assume(begun + SOH != frame)  # the next frame's first byte may be the very check that was lost
    decoder = SwipeDecoder()
    assert decoder.feed(begun) == []
    assert decoder.feed(encode_swipe(whole)) == [whole]
    assert decoder.damaged >= 1


@given(
    st.lists(st.binary(max_size=300) | st.sampled_from([SOH, b"\x01\x27\x00OU\x02", PERMIT_FRAME[:-1]]), max_size=20)
)
def test_any_bytes_leave_the_decoder_bounded_and_ready(pieces: list[bytes]) -> None:
    decoder = SwipeDecoder()
    for piece in pieces:
        decoder.feed(piece)
        assert decoder.held_bytes < LONGEST_FRAME
    # What the noise ended with may swallow one frame, by its first byte, never two.
    assert Swipe(PERMIT) in decoder.feed(PERMIT_FRAME * 2)


def framed(text: bytes) -> bytes:
    """A frame around any text, with a right length and check."""
    body = b"OU\x020" + text + b"\x03"
    counted = bytes((len(body) + 1, 0)) + body
    return SOH + counted + bytes((block_check(counted),))


@pytest.mark.parametrize(
    "text",
    [
        b"\r\r\r",
        b"\r\r" + b"_" * 30 + b"\r",
        b"\r\r" + b"A" * 31 + b"\r",
        b"A" * 30 + b"\r\r" + b"A" * 30 + b"\r",
        b"\r" + b"A" * 30 + b"\r" + b"A" * 30 + b"\r",
        b"\r" + b"A" * 30 + b"\r" + b"A" * 44 + b"\r",
        b"A" * 44 + b"\r" + b"A" * 44 + b"\r" + b"A" * 44 + b"\r",
        b"\r\r" + b"A" * 29 + b"\x7f\r",
        b"\r\r" + b"A" * 30,
    ],
)
def test_a_zone_of_another_shape_is_dropped_and_counted(text: bytes) -> None:
    decoder = SwipeDecoder()
    assert decoder.feed(framed(text) + PERMIT_FRAME) == [Swipe(PERMIT)]
    assert decoder.damaged >= 1


@pytest.mark.parametrize("lines", [(), ("",), ("A_",), ("A\n",), ("Ä",), ("A" * 45,), ("A",) * 4, ("A" * 31,) * 3])
def test_no_frame_is_made_of_what_no_document_bears(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="lines"):
        encode_swipe(Swipe(lines))


def test_three_lines_of_a_card_go_round() -> None:
    assert decode_swipe(encode_swipe(Swipe(CARD))) == Swipe(CARD)
