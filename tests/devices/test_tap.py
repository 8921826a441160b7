"""Whoever listens at a machine's port hears all of it, and the line doesn't feel it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices import tap as taps
from devices.emulation.hands import Hands
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import TapTakenError
from devices.piece import PieceData
from devices.registry import DeviceEntry, make_transport, open_personalizer
from devices.roles import Personalizer
from devices.tap import MOST_PIECE_BYTES, TAP_NAME, Direction, Listener, Piece, Tap

ENTRY = DeviceEntry("book-01", "book-personalizer", "emulator://book-01", "BP-1", "emulated")
WAIT_S = 10.0
DOCUMENTS = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A machine's folder whose name is longer than a socket's address may be."""
    return tmp_path / ("long" * 30) / "machines" / "book-01"


@pytest.fixture
def listener(folder: Path) -> Iterator[Listener]:
    listening = Listener(folder)
    yield listening
    listening.close()


def heard(listener: Listener, count: int) -> list[Piece]:
    """The next `count` pieces."""
    pieces: list[Piece] = []
    give_up_s = time.monotonic() + WAIT_S
    while len(pieces) < count:
        assert time.monotonic() < give_up_s
        pieces += listener.receive(0.1)
    return pieces


def test_what_goes_by_is_heard_in_order_with_its_direction_and_time(folder: Path, listener: Listener) -> None:
    tap = Tap(folder / TAP_NAME)
    before_us = time.time_ns() // 1000
    tap.tell(Direction.TO_MACHINE, b"question")
    tap.tell(Direction.TO_HOST, b"answer")
    pieces = heard(listener, 2)
    assert [(piece.direction, piece.data, piece.dropped) for piece in pieces] == [
        (Direction.TO_MACHINE, b"question", 0),
        (Direction.TO_HOST, b"answer", 0),
    ]
    assert before_us <= pieces[0].at_us <= pieces[1].at_us <= time.time_ns() // 1000
    tap.close()


def test_more_than_a_message_holds_is_cut_and_nothing_of_it_is_lost(folder: Path, listener: Listener) -> None:
    tap, much = Tap(folder / TAP_NAME), os.urandom(2 * MOST_PIECE_BYTES + 1)
    tap.tell(Direction.TO_HOST, much)
    assert b"".join(piece.data for piece in heard(listener, 3)) == much
    tap.close()


def test_while_nobody_listens_a_tap_looks_once_a_second_and_makes_no_other_system_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    monkeypatch.setattr(Path, "exists", lambda path, **_: looks.append(path) or False)
    monkeypatch.setattr(taps, "socket", None)
    now_s = 100.0
    monkeypatch.setattr(taps, "monotonic", lambda: now_s)
    tap = Tap(folder / TAP_NAME)
    for _ in range(3):
        for _ in range(1000):
            tap.tell(Direction.TO_HOST, b"bytes")
        now_s += taps.LOOK_S
    assert looks == [folder / TAP_NAME] * 3


def test_a_listener_that_comes_later_is_found(folder: Path) -> None:
    tap = Tap(folder / TAP_NAME)
    tap.tell(Direction.TO_HOST, b"unheard")
    listener = Listener(folder)
    give_up_s = time.monotonic() + WAIT_S
    while not (pieces := listener.receive(0.02)):
        assert time.monotonic() < give_up_s
        tap.tell(Direction.TO_HOST, b"heard")
    assert pieces[0].data == b"heard"
    listener.close()
    tap.tell(Direction.TO_HOST, b"to nobody")
    tap.close()


def test_what_a_listener_does_not_take_is_dropped_at_once_and_counted(folder: Path, listener: Listener) -> None:
    tap, pieces = Tap(folder / TAP_NAME), 20_000
    begun_s = time.monotonic()
    for _ in range(pieces):
        tap.tell(Direction.TO_HOST, b"x" * 4096)
    assert time.monotonic() - begun_s < WAIT_S
    taken = 0
    while got := listener.receive(0.0) or listener.receive(0.0):
        taken += len(got)
        assert not any(piece.dropped for piece in got)
    tap.tell(Direction.TO_HOST, b"after the gap")
    [last] = heard(listener, 1)
    assert taken < pieces
    assert (last.data, last.dropped) == (b"after the gap", pieces - taken)
    tap.close()


def test_a_tap_is_its_owners_alone(folder: Path, listener: Listener) -> None:
    assert (folder / TAP_NAME).stat().st_mode & 0o777 == 0o600


def test_another_users_socket_is_told_nothing(
    folder: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    tap = Tap(folder / TAP_NAME)
    tap.tell(Direction.TO_HOST, b"what is in a document")
    assert listener.receive(0.0) + listener.receive(0.0) == []


def test_one_listens_at_a_time_and_the_second_is_told_so(folder: Path, listener: Listener) -> None:
    with pytest.raises(TapTakenError, match="book-01"):
        Listener(folder)
    tap = Tap(folder / TAP_NAME)
    tap.tell(Direction.TO_HOST, b"still")
    assert heard(listener, 1)[0].data == b"still"
    tap.close()


def test_a_killed_listener_leaves_nothing_that_stops_the_next(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from devices.tap import Listener;"
        "listener = Listener(Path(sys.argv[1])); print('listening', flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert (folder / TAP_NAME).is_socket()
    tap = Tap(folder / TAP_NAME)
    tap.tell(Direction.TO_HOST, b"to nobody")
    Listener(folder).close()


def test_a_listener_leaves_nothing_behind(tmp_path: Path) -> None:
    Listener(tmp_path / "machines" / "scale-01").close()
    assert not (tmp_path / "machines" / "scale-01").exists()
    (tmp_path / "machines" / "book-01").mkdir()
    Listener(tmp_path / "machines" / "book-01").close()
    assert list((tmp_path / "machines" / "book-01").iterdir()) == []


def test_every_port_of_a_line_has_its_tap_in_its_machines_folder(tmp_path: Path) -> None:
    """A real serial port as an emulator's: the bytes of a socket are heard too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"socket://127.0.0.1:{server.getsockname()[1]}"
        entry = DeviceEntry("scale-01", "mt-sics-scale", port, "S", "production")
        listener = Listener(tmp_path / "scale-01")
        transport = make_transport(entry, tmp_path)
        transport.open(Saying(b"SI\r\n"))
        machine, _ = server.accept()
        machine.sendall(b"S S       1.00 g\r\n")
        with transport.lock:
            transport.wait_for(lambda: False, 0.1)
        pieces = heard(listener, 2)
        transport.close()
        machine.close()
        listener.close()
    assert [(piece.direction, piece.data) for piece in pieces] == [
        (Direction.TO_MACHINE, b"SI\r\n"),
        (Direction.TO_HOST, b"S S       1.00 g\r\n"),
    ]


def test_a_port_that_is_opened_again_is_heard_from_its_first_byte_on(tmp_path: Path) -> None:
    master, slave = os.openpty()
    entry = DeviceEntry("scale-01", "mt-sics-scale", os.ttyname(slave), "S", "production")
    listener, transport = Listener(tmp_path / "scale-01"), make_transport(entry, tmp_path)
    for said in (b"first", b"second"):
        transport.open(Saying(said))
        assert [piece.data for piece in heard(listener, 1)] == [said]
        transport.close()
    listener.close()
    os.close(slave)
    os.close(master)


class Saying:
    """An endpoint that says one thing."""

    next_deadline_s = None

    def __init__(self, said: bytes) -> None:
        self.said = said

    def tick(self, now_s: float) -> bool:
        return False

    def receive(self, data: bytes) -> bool:
        return True

    def outgoing(self) -> bytes:
        said, self.said = self.said, b""
        return said

    def lost(self, reason: str) -> None:
        pass


def test_documents_are_made_as_ever_while_a_listener_has_stopped_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped trace: its socket is full before the first document is made, and stays so."""
    monkeypatch.setattr(taps, "WAITING_BYTES", 1 << 14)
    supervisor = Supervisor(tmp_path, speed=0, seed=1)
    supervisor.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    hands = Hands(tmp_path / "world", tmp_path / "machines")
    blanks = [f"B{number:08d}" for number in range(2 * DOCUMENTS)]
    hands.deliver(blanks, "shelf")
    hands.load("book-01", blanks)
    driver = open_personalizer(ENTRY, tmp_path / "machines")
    driver.claim(1)
    alone_s = make_documents(driver, 0)
    listener = Listener(tmp_path / "machines" / "book-01")
    time.sleep(taps.LOOK_S)
    listened_to_s = make_documents(driver, DOCUMENTS)
    assert driver.hello().counters.good == 2 * DOCUMENTS
    assert listened_to_s < 3 * alone_s + 1.0
    taken = [piece for _ in range(100) for piece in listener.receive(0.0)]
    driver.hello()
    after = heard(listener, 1)
    assert taken and after[0].dropped > DOCUMENTS
    driver.close()
    listener.close()
    hands.close()
    supervisor.stop()


def make_documents(driver: Personalizer, begin: int) -> float:
    """Make DOCUMENTS documents of 40 KB; the seconds it took."""
    begun_s = time.monotonic()
    for number in range(begin, begin + DOCUMENTS):
        job = f"{number:032x}"
        serial = driver.feed(job)
        driver.prepare(job, PieceData("passport", serial, ("P<CHN", "E"), {}, os.urandom(40_000), {}).encode())
        driver.start(job)
        driver.release(job, driver.result(job, WAIT_S).result_hash)
    return time.monotonic() - begun_s
