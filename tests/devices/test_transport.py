"""The transport on real ptys and sockets."""

import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal_server import TerminalServer

from devices.book_personalizer.driver import BookPersonalizer
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import LinkDownError, NoAnswerError, PortUnavailableError
from devices.frames import FrameDecoder, FrameKind
from devices.link import LinkTimes
from devices.probe import anybody
from devices.session import Patience, Session
from devices.transport import READ_BYTES, SerialTransport, resolve_port

WAIT_S = 5.0
MOST_HELD_BYTES = 1 << 20


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


def test_a_small_write_on_a_socket_does_not_wait_for_the_one_before() -> None:
    """A receipt and the next request: the system would hold up the second until the other end answered the first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = SerialTransport(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        transport.open(Notebook())
        assert transport._open_port._port._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()


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


def test_a_line_that_takes_no_byte_is_given_up(opened, monkeypatch) -> None:
    """Half-open, its buffer full: the link's attempts stand behind the bytes that wait, so the port ends it."""
    transport, notebook, _ = opened
    monkeypatch.setattr("devices.transport.STUCK_S", 0.3)
    with transport.lock:
        notebook.to_say = bytes(1 << 20)
        transport.wake()
    assert wait(transport, lambda: bool(notebook.reason))
    assert "took no byte" in notebook.reason


class Machine:
    """A pty under a name that stays, as udev or an emulator keeps it, and that can be unplugged."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.plug_in()

    def plug_in(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(self.slave))

    def hang_up(self) -> None:
        """The wire ends; its name still leads nowhere."""
        os.close(self.slave)
        os.close(self.master)

    def unplug(self) -> None:
        self.hang_up()
        self.name.unlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "usb-book-01")


def told(notebook: Notebook) -> str:
    """Why the port was lost, as told while nobody waits."""
    give_up_s = time.monotonic() + WAIT_S
    while not notebook.reason:
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    return notebook.reason


def test_a_pty_that_hangs_up_is_told_though_nobody_waits_and_opens_again_under_its_name(machine: Machine) -> None:
    transport, notebook = SerialTransport(str(machine.name)), Notebook()
    transport.open(notebook)
    machine.hang_up()
    assert told(notebook) != "closed"
    machine.plug_in()
    again = Notebook()
    transport.open(again)
    os.write(machine.master, b"back")
    assert wait(transport, lambda: again.heard == b"back")
    assert notebook.heard == b""
    transport.close()
    machine.hang_up()


def test_an_unplugged_device_is_lost_then_missing_by_name_and_opens_when_it_is_plugged_in_again(
    machine: Machine,
) -> None:
    transport, notebook = SerialTransport(str(machine.name)), Notebook()
    transport.open(notebook)
    machine.unplug()
    assert wait(transport, lambda: bool(notebook.reason))
    for _ in range(3):
        with pytest.raises(PortUnavailableError) as missing:
            transport.open(Notebook())
        assert missing.value.port == str(machine.name)
    machine.plug_in()
    again = Notebook()
    again.to_say = b"HELLO"
    transport.open(again)
    assert os.read(machine.master, 100) == b"HELLO"
    transport.close()
    machine.hang_up()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("port ")]


def test_another_process_is_refused_a_port_that_is_open_and_sends_nothing(opened, pty) -> None:
    program = (
        "import sys; from devices.errors import PortUnavailableError; from devices.probe import identify\n"
        "try: identify(sys.argv[1], None)\n"
        "except PortUnavailableError as refusal: print(refusal)"
    )
    command = [sys.executable, "-c", program, pty[1]]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    assert said.startswith(f"port {pty[1]} can't be opened") and "who else uses it" in said
    transport, notebook, master = opened
    os.write(master, b"mine")
    assert wait(transport, lambda: notebook.heard == b"mine")
    os.set_blocking(master, False)
    with pytest.raises(BlockingIOError):
        os.read(master, 1)


@pytest.fixture
def served(pty, request: pytest.FixtureRequest) -> Iterator[TerminalServer]:
    """A terminal server in front of the pty; the parameter says whether it speaks RFC 2217."""
    server = TerminalServer(pty[1], rfc2217=request.param)
    yield server
    server.close()


PLAIN_AND_RFC2217 = pytest.mark.parametrize("served", [False, True], ids=["socket", "rfc2217"], indirect=True)
# pyserial starts its reader by methods that Python has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")


@PLAIN_AND_RFC2217
def test_every_byte_goes_both_ways_through_a_terminal_server(served: TerminalServer, pty) -> None:
    """Telnet's own bytes among them."""
    every = bytes(range(256)) * 4
    transport, notebook = SerialTransport(served.url, baud=19_200), Notebook()
    transport.open(notebook)
    with transport.lock:
        notebook.to_say = every
        transport.wake()
    got = b""
    while len(got) < len(every):
        got += os.read(pty[0], 4096)
    assert got == every
    os.write(pty[0], every)
    assert wait(transport, lambda: len(notebook.heard) == len(every))
    assert notebook.heard == every
    transport.close()


@pytest.mark.parametrize("served", [True], indirect=True)
def test_rfc2217_sets_the_speed_of_the_far_line(served: TerminalServer) -> None:
    transport = SerialTransport(served.url, baud=19_200)
    transport.open(Notebook())
    assert served.baud == 19_200
    transport.close()


@PLAIN_AND_RFC2217
def test_a_terminal_server_that_hangs_up_is_told_and_opens_again(served: TerminalServer, pty) -> None:
    transport, notebook = SerialTransport(served.url), Notebook()
    transport.open(notebook)
    os.write(pty[0], b"first")
    assert wait(transport, lambda: notebook.heard == b"first")
    served.hang_up()
    assert told(notebook) != "closed"
    again = Notebook()
    transport.open(again)
    os.write(pty[0], b"second")
    assert wait(transport, lambda: again.heard == b"second")
    transport.close()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Path]:
    """The port of a book personalizer's emulator in a process of its own."""
    supervisor = Supervisor(tmp_path, speed=0, seed=1)
    supervisor.start([EmulatorSpec("book-01", "book-personalizer", "BP-1")])
    yield supervisor.folder("book-01") / "port"
    supervisor.stop()


@pytest.mark.parametrize("rfc2217", [False, True], ids=["socket", "rfc2217"])
def test_a_half_open_connection_is_noticed_by_the_links_deadlines_and_opened_again(
    emulator: Path, rfc2217: bool
) -> None:
    """The peer is gone without a word: TCP would wait for minutes, the link's retransmissions end before."""
    server = TerminalServer(emulator, rfc2217=rfc2217)
    quick = LinkTimes(retransmit_s=0.05, longest_s=0.1, attempts=4)
    driver = BookPersonalizer("book-01", "BP-1", True, SerialTransport(server.url), link_times=quick)
    boot_id = driver.open().boot_id
    server.cut()
    begun_s = time.monotonic()
    with pytest.raises(LinkDownError):
        driver.hello()
    assert time.monotonic() - begun_s < WAIT_S / 2
    assert driver.open().boot_id == boot_id
    driver.claim(driver.hello().fence + 1)
    driver.close()
    server.close()


@pytest.mark.parametrize("through", ["pty", "socket"])
def test_a_flood_of_garbage_leaves_no_more_than_a_frame_behind(pty, through: str) -> None:
    """Nobody waits, no flag ever comes, and the host's memory stays where it was."""
    server = TerminalServer(pty[1]) if through == "socket" else None
    session = Session(SerialTransport(server.url if server else pty[1]), anybody("book-01"))
    transport = session._transport
    transport.open(session)
    garbage, much = b"\x00garbage" * 512, 1000
    tracemalloc.start()
    for _ in range(much):
        os.write(pty[0], garbage)
    os.write(pty[0], b"\x7e")
    give_up_s = time.monotonic() + WAIT_S
    while session._link.discarded == 0 or session._link._decoder.held_bytes:
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    transport.close()
    if server is not None:
        server.close()
    assert peak < MOST_HELD_BYTES < much * len(garbage)


class Busy(Notebook):
    """An endpoint that is held up by what it hears first."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def receive(self, data: bytes) -> bool:
        self.go_on.wait(WAIT_S)
        return super().receive(data)


@pytest.mark.parametrize("served", [True], indirect=True)
def test_a_host_that_is_behind_holds_a_bounded_part_of_what_rfc2217_brings(served: TerminalServer, pty) -> None:
    """pyserial's own queue has no end: the far line must be made to wait instead, and nothing is lost."""
    transport, busy = SerialTransport(served.url), Busy()
    transport.open(busy)
    much = b"0123456789abcdef" * (2 * READ_BYTES // 16)
    flood = threading.Thread(
        target=lambda: [os.write(pty[0], much[at : at + 4096]) for at in range(0, len(much), 4096)]
    )
    flood.start()
    waiting = transport._open_port._port._read_buffer
    give_up_s = time.monotonic() + WAIT_S
    while waiting.qsize() < READ_BYTES:
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    time.sleep(0.1)
    assert waiting.qsize() == READ_BYTES
    busy.go_on.set()
    assert wait(transport, lambda: len(busy.heard) == len(much))
    assert busy.heard == much
    flood.join()
    transport.close()


@pytest.mark.parametrize("served", [True], indirect=True)
def test_a_write_that_fails_under_a_flood_ends_the_port_at_once(served: TerminalServer, pty) -> None:
    """pyserial's reader, which waits for room just then, must not be waited for."""

    def fail(phase: str, data: bytes) -> None:
        raise ConnectionResetError("no route")

    transport, busy = SerialTransport(served.url, on_send=fail), Busy()
    transport.open(busy)
    ending = threading.Event()
    flood = threading.Thread(target=write_until, args=(pty[0], ending))
    flood.start()
    waiting = transport._open_port._port._read_buffer
    give_up_s = time.monotonic() + WAIT_S
    while waiting.qsize() < READ_BYTES:
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    begun_s = time.monotonic()
    busy.to_say = b"anything"
    busy.go_on.set()
    assert told(busy) == "no route"
    assert time.monotonic() - begun_s < WAIT_S / 2
    transport.close()
    ending.set()
    flood.join()


def write_until(master: int, ending: threading.Event) -> None:
    os.set_blocking(master, False)
    while not ending.is_set():
        try:
            os.write(master, b"garbage" * 512)
        except BlockingIOError:
            ending.wait(0.005)


def test_a_session_begins_with_one_reset(pty) -> None:
    """The link must know the time before it begins, or its first RESET is overdue at once and goes out twice."""
    patient = LinkTimes(retransmit_s=WAIT_S)
    session = Session(SerialTransport(pty[1]), anybody(pty[1]), patience=Patience(session_s=0.05), link_times=patient)
    with pytest.raises(NoAnswerError):
        session.open()
    [frame] = FrameDecoder(0x100).feed(os.read(pty[0], 1000))
    assert (frame.kind, frame.retransmission) == (FrameKind.RESET, False)
