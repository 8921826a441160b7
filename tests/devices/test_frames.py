"""Frames: what is sent comes back, what is damaged is dropped, and nothing that arrives can hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.frames import CANCEL, FLAG, Frame, FrameDecoder, FrameKind, decode_frame, encode_frame

MAX_PAYLOAD = 64
FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameKind),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=MAX_PAYLOAD),
    st.booleans(),
)
NASTY = st.lists(st.sampled_from([b"\x7e", b"\x7d", b"\x1a", b"\x5e", b"\x5d", b"\x3a", b"\x01"])).map(b"".join)


@given(FRAMES | st.builds(Frame, st.just(FrameKind.DATA), st.just(0x7E), st.just(0x1A), NASTY))
def test_a_frame_comes_back_as_it_was_sent(frame: Frame) -> None:
    sent = encode_frame(frame)
    assert sent[:1] == sent[-1:] == FLAG
    assert FLAG not in sent[1:-1]
    assert CANCEL not in sent
    assert decode_frame(sent[1:-1]) == frame


@given(st.lists(FRAMES, max_size=5), st.integers(1, 30))
def test_frames_come_back_in_order_however_the_stream_is_cut(frames: list[Frame], size: int) -> None:
    stream = b"".join(encode_frame(frame) for frame in frames)
    decoder = FrameDecoder(MAX_PAYLOAD)
    got = [frame for at in range(0, len(stream), size) for frame in decoder.feed(stream[at : at + size])]
    assert got == frames


@given(st.lists(st.binary(max_size=400) | NASTY, max_size=20))
def test_any_bytes_leave_the_decoder_bounded_and_ready(pieces: list[bytes]) -> None:
    decoder = FrameDecoder(MAX_PAYLOAD)
    for piece in pieces:
        decoder.feed(piece)
        assert decoder.held_bytes <= 2 * (MAX_PAYLOAD + 7)
    good = Frame(FrameKind.DATA, 1, 2, b"after the noise")
    # The first flag ends the noise; what it ended may swallow one frame, never two.
    assert good in decoder.feed(FLAG + encode_frame(good))


@given(FRAMES, st.data())
def test_a_flipped_bit_never_yields_another_frame(frame: Frame, data: st.DataObject) -> None:
    sent = bytearray(encode_frame(frame))
    at = data.draw(st.integers(1, len(sent) - 2))
    sent[at] ^= 1 << data.draw(st.integers(0, 7))
    assert FrameDecoder(MAX_PAYLOAD).feed(bytes(sent)) == []


def test_cancel_abandons_the_frame_it_stands_in() -> None:
    decoder = FrameDecoder(MAX_PAYLOAD)
    frame = Frame(FrameKind.DATA, 3, 4, b"whole")
    sent = encode_frame(frame)
    assert decoder.feed(sent[:6] + CANCEL + sent[1:]) == [frame]
    assert decoder.discarded == 0


def test_a_frame_beyond_the_bound_is_dropped_and_the_next_one_taken() -> None:
    decoder = FrameDecoder(MAX_PAYLOAD)
    giant = FLAG + bytes(100_000)
    assert decoder.feed(giant) == []
    frame = Frame(FrameKind.ACK, 0, 9)
    assert decoder.feed(encode_frame(frame)) == [frame]
    assert decoder.discarded == 1


@pytest.mark.parametrize("stuffed", [b"\x7d", b"\x7d\x7d\x5e", b"\x7d\x41", b"", b"\x02\x00\x00"])
def test_bytes_that_no_sender_writes_are_no_frame(stuffed: bytes) -> None:
    assert decode_frame(stuffed) is None
