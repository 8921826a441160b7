"""The transport on real ptys and sockets."""

import os
import socket
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.book_personalizer.driver import BookPersonalizer
from devices.errors import LinkDownError, NoAnswerError, PortUnavailableError
from devices.frames import FrameDecoder, FrameKind
from devices.link import LinkTimes
from devices.probe import anybody
from devices.session import Patience, Session
from devices.transport import SerialTransport, resolve_port

WAIT_S = 5.0


class Notebook:
    """An endpoint that sends what it is given and notes what comes."""

    def __init__(self) -> None:
        self.heard, self.to_say, self.reason = b"", b"", ""
        self.next_deadline_s = None

    def tick(self, now_s: float) -> bool:
        return False

    def receive(self, data: bytes) -> bool:
        self.heard += data
        return True

    def outgoing(self) -> bytes:
        said, self.to_say = self.to_say, b""
        return said

    def lost(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """The machine's end of a pty and the name of the host's."""
    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    yield master, name
    for end in (master, slave):
        try:
            os.close(end)
        except OSError:
            continue


@pytest.fixture
def opened(pty) -> Iterator[tuple[SerialTransport, Notebook, int]]:
    transport, notebook = SerialTransport(pty[1]), Notebook()
    transport.open(notebook)
    yield transport, notebook, pty[0]
    transport.close()


def wait(transport: SerialTransport, done) -> bool:
    with transport.lock:
        return transport.wait_for(done, WAIT_S)


def wait_briefly(transport: SerialTransport) -> bool:
    with transport.lock:
        return transport.wait_for(lambda: False, 0.01)


def test_bytes_go_both_ways(opened) -> None:
    transport, notebook, master = opened
    os.write(master, b"from the machine")
    assert wait(transport, lambda: notebook.heard == b"from the machine")
    with transport.lock:
        notebook.to_say = b"to the machine"
        transport.wake()
    assert os.read(master, 100) == b"to the machine"


def test_a_waiting_caller_turns_the_port_itself(pty) -> None:
    writers: list[str] = []
    transport = SerialTransport(pty[1], on_send=lambda phase, data: writers.append(threading.current_thread().name))
    notebook = Notebook()
    transport.open(notebook)
    for number in range(1, 4):
        with transport.lock:
            notebook.to_say = b"question"
            transport.wake()
        assert os.read(pty[0], 100) == b"question"
        os.write(pty[0], b"answer")
        assert wait(transport, lambda number=number: notebook.heard == b"answer" * number)
    transport.close()
    assert set(writers) == {threading.current_thread().name}


def test_what_comes_while_nobody_waits_is_taken(opened) -> None:
    transport, notebook, master = opened
    for number in range(1, 4):
        os.write(master, b"unasked")
        give_up_s = time.monotonic() + WAIT_S
        while len(notebook.heard) < number * len(b"unasked"):
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        assert not wait_briefly(transport)


def test_what_one_waiting_thread_reads_reaches_the_others(opened) -> None:
    transport, notebook, master = opened
    heard: list[bool] = []
    words = [b"one", b"two", b"three"]
    threads = [
        threading.Thread(target=lambda word=word: heard.append(wait(transport, lambda: word in notebook.heard)))
        for word in words
    ]
    for thread in threads:
        thread.start()
    for word in words:
        os.write(master, word)
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert heard == [True] * 3


def test_closing_ends_the_wait_of_a_thread_that_turns_the_port(opened) -> None:
    transport, notebook, _ = opened
    waiting = threading.Thread(target=wait, args=(transport, lambda: bool(notebook.reason)))
    waiting.start()
    time.sleep(0.2)
    begun_s = time.monotonic()
    transport.close()
    waiting.join()
    assert notebook.reason == "closed"
    assert time.monotonic() - begun_s < WAIT_S / 2


def test_more_than_the_line_holds_goes_out_while_reading_goes_on(opened) -> None:
    transport, notebook, master = opened
    much = bytes(range(256)) * 1000
    with transport.lock:
        notebook.to_say = much
        transport.wake()
    os.write(master, b"meanwhile")
    assert wait(transport, lambda: notebook.heard == b"meanwhile")
    got = b""
    while len(got) < len(much):
        got += os.read(master, 65536)
    assert got == much


def test_a_port_serves_one_opener(opened, pty) -> None:
    with pytest.raises(PortUnavailableError):
        SerialTransport(pty[1]).open(Notebook())


def test_a_closed_port_can_be_opened_again(opened) -> None:
    transport, notebook, master = opened
    transport.close()
    transport.close()
    assert notebook.reason == "closed"
    again = Notebook()
    transport.open(again)
    os.write(master, b"once more")
    assert wait(transport, lambda: again.heard == b"once more")


def test_a_hang_up_is_told_and_leaves_no_thread() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    transport, notebook = SerialTransport(f"socket://127.0.0.1:{listener.getsockname()[1]}"), Notebook()
    transport.open(notebook)
    machine, _ = listener.accept()
    machine.sendall(b"hello")
    assert wait(transport, lambda: notebook.heard == b"hello")
    machine.close()
    assert wait(transport, lambda: bool(notebook.reason))
    transport.close()
    listener.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("port ")]


def test_a_socket_carries_bytes_to_the_machine() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    transport, notebook = SerialTransport(f"socket://127.0.0.1:{listener.getsockname()[1]}"), Notebook()
    transport.open(notebook)
    machine, _ = listener.accept()
    with transport.lock:
        notebook.to_say = b"FEED"
        transport.wake()
    assert machine.recv(10) == b"FEED"
    transport.close()
    machine.close()
    listener.close()


def test_every_write_is_announced_before_and_after(pty) -> None:
    phases: list[tuple[str, bytes]] = []
    transport, notebook = SerialTransport(pty[1], on_send=lambda phase, data: phases.append((phase, data))), Notebook()
    notebook.to_say = b"START"
    transport.open(notebook)
    assert os.read(pty[0], 10) == b"START"
    transport.close()
    assert phases == [("before", b"START"), ("after", b"START")]


@pytest.mark.parametrize("port", ["/dev/no-such-port", "socket://127.0.0.1:1", "nonsense://x", "emulator://book-01"])
def test_what_is_not_there_is_refused_by_name(port: str) -> None:
    with pytest.raises(PortUnavailableError) as refusal:
        SerialTransport(port).open(Notebook())
    assert refusal.value.port == port


def test_only_emulators_are_looked_up_in_the_folder() -> None:
    assert resolve_port("socket://10.0.0.5:4001", Path("/run")) == "socket://10.0.0.5:4001"


def test_a_silent_machine_is_given_up_without_waiting_out_the_patience(pty) -> None:
    quick = LinkTimes(retransmit_s=0.02, attempts=2)
    driver = BookPersonalizer("book-01", "S", False, SerialTransport(pty[1]), link_times=quick)
    begun_s = time.monotonic()
    with pytest.raises(LinkDownError):
        driver.open()
    assert time.monotonic() - begun_s < WAIT_S


def test_a_session_begins_with_one_reset(pty) -> None:
    """The link must know the time before it begins, or its first RESET is overdue at once and goes out twice."""
    patient = LinkTimes(retransmit_s=WAIT_S)
    session = Session(SerialTransport(pty[1]), anybody(pty[1]), patience=Patience(session_s=0.05), link_times=patient)
    with pytest.raises(NoAnswerError):
        session.open()
    [frame] = FrameDecoder(0x100).feed(os.read(pty[0], 1000))
    assert (frame.kind, frame.retransmission) == (FrameKind.RESET, False)
