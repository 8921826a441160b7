"""Any bytes at all, on either end of the line: only the package's own errors, bounded memory, and no blank moves.

`--streams 100000` tries so many streams on each end; the suite tries a few hundred.
"""

import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from faulty_machine import BLANKS, MACHINE, SERIAL, Books
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import devices
from devices.book_personalizer.driver import BookPersonalizer
from devices.book_personalizer.emulator import emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.world import World
from devices.errors import DeviceError
from devices.fake_transport import FakeTransport
from devices.frames import CANCEL, ESCAPE, FLAG, Frame, FrameDecoder, FrameKind, encode_frame
from devices.jobs import JobIntent, JobState
from devices.link import Link
from devices.messages import CODES, Counters, Feed, Hello, HelloReply, Prepare, ReturnBlank, Start, decode, encode
from devices.recovery import recover
from devices.session import Patience

ID, JOB = "a" * 32, "1" * 32
IMPATIENT = Patience(session_s=1.0, reply_s=0.1, motion_s=0.1, longest_s=0.1, poll_s=0.05)
MOVES = (Feed, Prepare, Start, ReturnBlank)
MAY_GROW_BYTES = 1 << 17
PORTION = 400
"""Streams tried at once: Hypothesis remembers all of a portion, and gets slower with it."""

PAYLOADS = st.binary(max_size=40) | st.builds(
    lambda code, request, rest: bytes((code,)) + request.to_bytes(2, "big") + rest,
    st.sampled_from(list(CODES)),
    st.integers(0, 12),
    st.binary(max_size=150),
)
FRAMES = st.builds(
    Frame, st.sampled_from(list(FrameKind)), st.integers(0, 255), st.integers(0, 255), PAYLOADS, st.booleans()
).map(encode_frame)
PIECES = st.binary(max_size=60) | FRAMES | st.sampled_from([FLAG, CANCEL, ESCAPE, FLAG * 50, bytes(5000)])
STREAMS = st.lists(PIECES, max_size=12).flatmap(
    lambda pieces: st.just(pieces) | st.permutations(pieces) | st.just([piece[:-1] for piece in pieces])
)


def assert_bounded(streams: Callable[..., None], check: Callable[[Sequence[bytes]], None]) -> None:
    """Try all streams; none of the package's memory may be left of the first portion, which is traced."""
    tracemalloc.start()
    try:
        before = held_bytes()
        streams(check, 0, PORTION)
        assert held_bytes() - before < MAY_GROW_BYTES
    finally:
        tracemalloc.stop()
    streams(check, PORTION)


@pytest.fixture
def streams(request: pytest.FixtureRequest) -> Callable[[Callable[[Sequence[bytes]], None], int, int | None], None]:
    """Tries a check on as many streams as the option says, in portions of other streams each."""
    wanted = request.config.getoption("--streams")

    def run(check: Callable[[Sequence[bytes]], None], begin: int, end: int | None = None) -> None:
        for tried in range(begin, min(wanted, end or wanted), PORTION):
            examples = settings(max_examples=min(PORTION, wanted - tried), database=None)
            seed(tried)(examples(given(STREAMS)(check)))()

    return run


def held_bytes() -> int:
    """How many bytes the package's own code has allocated and still holds, since tracing began."""
    ours = tracemalloc.Filter(inclusive=True, filename_pattern=str(Path(devices.__file__).parent / "*"))
    return sum(one.size for one in tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename"))


class Sayer:
    """A machine that answers the first HELLO, and everything after that with whatever it was given to say."""

    next_deadline_s = None

    def __init__(self, stream: Sequence[bytes]) -> None:
        self._link, self._stream, self._greeted = Link(), list(stream), False

    def turn(self, data: bytes, now_s: float) -> bytes:
        self._link.tick(now_s)
        for payload in self._link.receive(data):
            message = decode(payload)
            if isinstance(message, Hello) and not self._greeted:
                self._greeted = True
                facts = (message.request, 1, 4096, 8, "book-personalizer", SERIAL, "1", ID, True, ID, 1, 9, 0)
                self._link.send(encode(HelloReply(*facts, Counters(0, 0, 0, 0, 0), ())))
        said = self._link.outgoing()
        return said + self._stream.pop(0) if self._greeted and self._stream else said


def test_any_bytes_from_a_machine_raise_only_device_errors_and_move_nothing(streams) -> None:
    def check(stream: Sequence[bytes]) -> None:
        sent: list[bytes] = []

        def line(direction: str, data: bytes) -> bytes:
            if direction == "to machine":
                sent.append(data)
            return data

        driver = BookPersonalizer(MACHINE, SERIAL, True, FakeTransport(Sayer(stream), line), patience=IMPATIENT)
        books = Books()
        books.open_intents = lambda machine: [JobIntent(JOB, MACHINE, SERIAL, ID, 3, JobState.INTENT)]  # type: ignore[method-assign]
        with suppress(DeviceError):
            recover(driver, books)
        driver.close()
        told = [frame for frame in FrameDecoder(4096).feed(b"".join(sent)) if frame.kind is FrameKind.DATA]
        assert not [message for frame in told if isinstance(message := decode(frame.payload), MOVES)]

    check([])
    assert_bounded(streams, check)


def test_any_bytes_to_a_machine_move_no_blank_and_stay_out_of_its_journal(streams, tmp_path: Path) -> None:
    machine = emulate(EmulatorSetup(MACHINE, SERIAL, tmp_path, tmp_path / "world"))
    machine.control({"do": "load", "blanks": [[serial, "shelf:book"] for serial in BLANKS]})
    journal, tally = tmp_path / "journal", World(tmp_path / "world").tallies / MACHINE
    known = journal.read_bytes(), tally.read_bytes()
    now_s = 0.0

    def check(stream: Sequence[bytes]) -> None:
        nonlocal now_s
        for piece in stream:
            now_s += 1.0
            machine.turn(piece, now_s)

    check([bytes(5000)])
    assert_bounded(streams, check)
    assert (journal.read_bytes(), tally.read_bytes()) == known
    machine.close()
