"""The link delivers each payload once and in order, over a line that loses, doubles and damages bytes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import LinkDownError, LinkFullError, PayloadTooLargeError
from devices.frames import FLAG, Frame, FrameDecoder, FrameKind, encode_frame
from devices.link import LEAST_PAYLOAD, Link, LinkTimes

NONCE = b"12345678"
STEP_S = 0.01


class Line:
    """Two links and a virtual clock; `trouble` is the share of turns in which bytes are lost, doubled or damaged."""

    def __init__(self, seed: int = 0, trouble: float = 0.0, window: int = 8) -> None:
        self.host = Link(window=window, times=LinkTimes(attempts=200))
        self.machine = Link(window=window, times=LinkTimes(attempts=200))
        self.chance, self.trouble = random.Random(seed), trouble
        self.now_s = 0.0
        self.at_host: list[bytes] = []
        self.at_machine: list[bytes] = []

    def connect(self, nonce: bytes = NONCE, sizes: tuple[int, int] = (4096, 8)) -> None:
        self.host.connect(nonce)
        self.turn_until(lambda: self.host.connected)
        self.host.agree(*sizes)
        self.machine.agree(*sizes)

    def turn_until(self, done: object, turns: int = 20_000) -> None:
        for _ in range(turns):
            if done():  # type: ignore[operator]
                return
            self.turn()
        raise AssertionError("the links never got there")

    def turn(self) -> None:
        self.now_s += STEP_S
        self.host.tick(self.now_s)
        self.machine.tick(self.now_s)
        self.at_machine += self.machine.receive(self.spoil(self.host.outgoing()))
        self.at_host += self.host.receive(self.spoil(self.machine.outgoing()))

    def spoil(self, data: bytes) -> bytes:
        if not data or self.chance.random() >= self.trouble:
            return data
        at = self.chance.randrange(len(data))
        kind = self.chance.randrange(4)
        if kind == 0:
            return data[:at] + data[at + 1 :]
        if kind == 1:
            return data + data
        if kind == 2:
            return data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
        return data[:at]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.binary(min_size=1, max_size=300), max_size=30),
    st.lists(st.binary(min_size=1, max_size=300), max_size=30),
    st.sampled_from([1, 2, 8]),
)
def test_everything_arrives_once_and_in_order_over_a_bad_line(
    seed: int, down: list[bytes], up: list[bytes], window: int
) -> None:
    line = Line(seed, trouble=0.3, window=window)
    line.connect(sizes=(4096, window))
    for payload in down:
        line.host.send(payload)
    for payload in up:
        line.machine.send(payload)
    line.turn_until(lambda: len(line.at_machine) >= len(down) and len(line.at_host) >= len(up))
    assert (line.at_machine, line.at_host) == (down, up)


@given(st.lists(st.binary(max_size=300) | st.binary(max_size=40).map(lambda b: FLAG + b + FLAG), max_size=20))
def test_any_bytes_are_taken_without_error_and_without_memory(noise: list[bytes]) -> None:
    line = Line()
    line.connect()
    for data in noise:
        line.host.receive(data)
        line.machine.receive(data)
        assert len(line.machine.outgoing()) < 1000
    line.host.send(b"still here")
    line.machine.receive(FLAG)
    line.turn_until(lambda: b"still here" in line.at_machine or line.host.down)
    assert not line.host.down


@given(
    st.lists(
        st.builds(Frame, st.sampled_from(FrameKind), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=9))
    )
)
def test_sound_frames_that_make_no_sense_are_taken_without_error(frames: list[Frame]) -> None:
    line = Line()
    line.connect()
    line.host.send(b"x")
    line.host.outgoing()
    for frame in frames:
        line.host.receive(encode_frame(frame))
        line.machine.receive(encode_frame(frame))
        line.host.outgoing()
        line.machine.outgoing()


def test_a_retransmitted_frame_is_delivered_once_and_acknowledged_again() -> None:
    line = Line()
    line.connect()
    line.host.send(b"once")
    sent = line.host.outgoing()
    assert line.machine.receive(sent) == [b"once"]
    assert line.machine.receive(sent) == []
    assert [frame.kind for frame in FrameDecoder(64).feed(line.machine.outgoing())] == [FrameKind.ACK]


def test_a_gap_is_reported_once_and_filled_at_once() -> None:
    line = Line()
    line.connect()
    for payload in (b"a", b"b", b"c", b"d"):
        line.host.send(payload)
    frames = [encode_frame(frame) for frame in FrameDecoder(64).feed(line.host.outgoing())]
    line.machine.receive(frames[0])
    for frame in frames[2:]:
        line.machine.receive(frame)
    naks = FrameDecoder(64).feed(line.machine.outgoing())
    assert [(frame.kind, frame.ack) for frame in naks] == [(FrameKind.NAK, 1)]
    line.host.receive(encode_frame(naks[0]))
    again = line.host.outgoing()
    assert line.machine.receive(again) == [b"b", b"c", b"d"]
    assert all(frame.retransmission for frame in FrameDecoder(64).feed(again))


def test_the_window_bounds_what_is_on_the_line() -> None:
    line = Line()
    line.connect(sizes=(512, 3))
    for number in range(10):
        line.host.send(bytes((number,)))
    assert len(FrameDecoder(64).feed(line.host.outgoing())) == 3
    assert line.host.outgoing() == b""


def test_acknowledgements_ride_on_replies() -> None:
    line = Line()
    line.connect()
    line.host.send(b"question")
    line.machine.receive(line.host.outgoing())
    line.machine.send(b"answer")
    frames = FrameDecoder(64).feed(line.machine.outgoing())
    assert [(frame.kind, frame.ack) for frame in frames] == [(FrameKind.DATA, 1)]


def test_nothing_of_an_earlier_session_is_delivered_in_a_later_one() -> None:
    line = Line()
    line.connect()
    line.host.send(b"of the first session")
    late = line.host.outgoing()
    second = Link()
    second.connect(b"87654321")
    assert line.machine.receive(late + second.outgoing()) == []
    assert line.machine.sessions == 2


def test_a_repeated_reset_is_answered_and_ends_nothing() -> None:
    line = Line()
    line.connect()
    line.machine.receive(encode_frame(Frame(FrameKind.RESET, 0, 0, NONCE, retransmission=True)))
    assert line.machine.sessions == 1
    line.machine.send(b"still numbered")
    line.host.receive(line.machine.outgoing())
    assert line.host.connected


def test_a_machine_that_restarted_ends_the_session_at_once() -> None:
    line = Line()
    line.connect()
    line.host.send(b"hello?")
    restarted = Link()
    restarted.receive(line.host.outgoing())
    line.host.receive(restarted.outgoing())
    assert line.host.down
    with pytest.raises(LinkDownError):
        line.host.send(b"more")


def test_a_silent_peer_takes_the_link_down_after_bounded_attempts() -> None:
    link = Link(times=LinkTimes(attempts=3))
    link.connect(NONCE)
    sendings = 0
    now_s = 0.0
    while not link.down:
        sendings += bool(link.outgoing())
        now_s += STEP_S
        link.tick(now_s)
    assert sendings == 3
    assert not link.connected


def test_what_may_wait_is_bounded_and_refusal_adds_nothing() -> None:
    host = Link(max_waiting_bytes=1000)
    with pytest.raises(LinkDownError):
        host.send(b"too early")
    machine = Link()
    host.connect(NONCE)
    machine.receive(host.outgoing())
    host.receive(machine.outgoing())
    with pytest.raises(PayloadTooLargeError):
        host.send(bytes(LEAST_PAYLOAD + 1))
    host.send(bytes(500))
    host.send(bytes(500))
    with pytest.raises(LinkFullError) as refusal:
        host.send(b"!")
    assert (refusal.value.waiting, refusal.value.limit) == (1000, 1000)
