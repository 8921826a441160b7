"""`passline devices trace`, `capture`, `replay` and `console`, on emulators in processes of their own."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices import watching
from devices.captures import read_capture
from devices.emulation.hands import Hands
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import MachineRefusedError
from devices.link import Link
from devices.messages import Counters, Hello, HelloReply, decode, encode
from devices.mrz_reader.frames import Swipe, encode_swipe
from devices.piece import PieceData
from devices.registry import DeviceEntry, open_personalizer
from devices.tap import TAP_NAME
from flows.cli import run
from flows.errors import Exit

ROOT = Path(__file__).parents[2]
# Made by `capture` while an emulator made a document, refused another's data, returned a blank and ran out of blanks.
CAPTURE = Path(__file__).parent / "captures" / "book-personalizer.jsonl"
BLANKS = ("E00000001", "E00000002")
SECRET = "LIXIAOMING"
PATIENCE_S = 20.0
# A swipe reader drops what comes before the line was quiet: swiped again and again, with quiet in between.
SWIPE_AGAIN_S = 0.4
BOOK = DeviceEntry("book-01", "book-personalizer", "emulator://book-01", "BP-1", "emulated")
OTHERS = (
    DeviceEntry("scale-01", "mt-sics-scale", "emulator://scale-01", "SC-1", "emulated"),
    DeviceEntry("label-01", "sato-label-printer", "emulator://label-01", "LP-1", "emulated"),
    DeviceEntry("swipe-01", "rte-mrz-reader", "emulator://swipe-01", "SR-1", "emulated"),
)


class Line:
    """A folder with a line.toml and the emulators of some of its devices."""

    def __init__(self, folder: Path, *entries: DeviceEntry) -> None:
        self.folder, self.machines = folder, folder / "machines"
        (folder / "line.toml").write_text("".join(toml(entry) for entry in entries))
        self.supervisor = Supervisor(folder, speed=0, seed=1)
        emulated = [entry for entry in entries if entry.emulated]
        self.supervisor.start([EmulatorSpec(entry.id, entry.driver, entry.serial) for entry in emulated])

    @property
    def options(self) -> tuple[str, str]:
        return ("--dir", str(self.folder))

    def load(self) -> None:
        hands = Hands(self.folder / "world", self.machines)
        hands.deliver(BLANKS, "shelf")
        hands.load(BOOK.id, BLANKS)
        hands.close()

    def make_document(self) -> None:
        """A document that holds SECRET in its zone, its fields and its chip."""
        driver = open_personalizer(BOOK, self.machines)
        driver.claim(driver.hello().fence + 1)
        job = "5142c72bfb669f6d589b82138beb96cd"
        serial = driver.feed(job)
        fields = {"surname": SECRET}
        data = PieceData("passport", serial, (f"P<CHN{SECRET}", SECRET), fields, b"\xff\xd8", {"DG1": SECRET.encode()})
        driver.prepare(job, data.encode())
        driver.start(job)
        driver.release(job, driver.result(job, PATIENCE_S).result_hash)
        with pytest.raises(MachineRefusedError):
            driver.feed(job)
        driver.close()


def toml(entry: DeviceEntry) -> str:
    facts = {"id": entry.id, "driver": entry.driver, "port": entry.port, "serial": entry.serial, "mode": entry.mode}
    return "[[devices]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in facts.items())


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path, BOOK)
    made.load()
    yield made
    made.supervisor.stop()


@contextmanager
def listening(line: Line, device: str, *arguments: str) -> Iterator[list[str]]:
    """A listening command in a process of its own while the block runs; then Ctrl-C, and what it printed is there."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "devices", *arguments, *line.options]
    printed: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
    ) as process:
        give_up_s = time.monotonic() + PATIENCE_S
        while not (line.machines / device / TAP_NAME).exists():
            assert process.poll() is None and time.monotonic() < give_up_s
            time.sleep(0.02)
        try:
            yield printed
        finally:
            # What went by is in its socket already.
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=PATIENCE_S)
            printed += out.splitlines()
    assert process.returncode == Exit.FINE, said
    assert "Traceback" not in said


@contextmanager
def working(act: object) -> Iterator[None]:
    """Somebody at work in another thread while the block runs."""
    assert callable(act)
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    yield
    thread.join()


def when_listened_to(line: Line, act: object) -> object:
    """`act`, as soon as somebody listens to the book personalizer."""

    def wait() -> None:
        assert callable(act)
        give_up_s = time.monotonic() + PATIENCE_S
        while not (line.machines / BOOK.id / TAP_NAME).exists():
            assert time.monotonic() < give_up_s
            time.sleep(0.02)
        act()

    return wait


def test_a_trace_shows_a_document_being_made_and_nothing_that_is_in_it(line: Line) -> None:
    with listening(line, BOOK.id, "trace", BOOK.id) as printed:
        line.make_document()
    first, *shown, last = printed
    assert "EMULATED" in first and first.startswith("book-01, book-personalizer on emulator://book-01")
    said = [line.split()[2] for line in shown if not line.startswith(" ")]
    asked = [
        word for word in said if word in ("Claim", "Feed", "Fed", "Prepare", "Data", "Prepared", "Start", "Result")
    ]
    assert asked == ["Claim", "Feed", "Fed", "Prepare", "Data", "Prepared", "Start", "Result", "Feed"]
    screen = "\n".join(printed)
    assert re.search(r"→ Feed +\d+/\d+ +fence 1, job 5142c72b\n", screen)
    assert re.search(r"← Fed +\d+/\d+ +job 5142c72b, blank E00000001\n", screen)
    assert re.search(r"→ Data +\d+/\d+ +offset 0, chunk \d+ bytes [0-9a-f]{8}\n", screen)
    assert re.search(r"← Refused +\d+/\d+ +code WRONG_STATE, job 5142c72b, state DONE", screen)
    assert re.fullmatch(r"book-01, EMULATED: \d+ frames, \d+ bytes, 0 errors, 0 pieces dropped", last)
    assert SECRET not in screen
    assert max(map(len, printed)) <= 100


def test_a_trace_of_a_machine_that_is_not_running_says_that_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "_heard", lambda *_: iter(()))  # Ctrl-C at once
    entry = DeviceEntry(BOOK.id, "book-personalizer", f"emulator://{BOOK.id}", "EMU", "emulated")
    watching.watch(entry, tmp_path, as_json=False)
    assert "book-01 (EMULATED) is not running; waits until `passline run` starts it" in capsys.readouterr().err


def test_a_trace_for_programs_is_json_and_tells_no_more(line: Line) -> None:
    with listening(line, BOOK.id, "trace", BOOK.id, "--output", "json") as printed:
        line.make_document()
    head, *told, counts = map(json.loads, printed)
    assert head["mode"] == "EMULATED"
    assert counts["frames"] == len(told) and counts["errors"] == counts["dropped"] == 0
    [fed] = [one for one in told if one["what"] == "Fed"]
    assert (fed["to"], fed["facts"]["blank_serial"], fed["error"]) == ("host", "E00000001", False)
    assert SECRET not in "".join(printed) and SECRET.encode().hex() not in "".join(printed)


def test_a_machine_with_a_protocol_of_its_own_is_traced_by_burst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, OTHERS[0])
    typed(monkeypatch, "weigh")
    with listening(line, "scale-01", "trace", "scale-01") as printed:
        assert run(["devices", "console", "scale-01", *line.options]) == Exit.FINE
    line.supervisor.stop()
    screen = "\n".join(printed)
    assert re.search(r"→ burst +bytes 4, sha256 [0-9a-f]{8}, controls CR LF\n", screen)
    assert re.search(r"← burst +bytes \d+, sha256 [0-9a-f]{8}, controls CR LF\n", screen)


def test_a_device_that_the_line_does_not_have_is_refused_with_those_it_has(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["devices", "trace", "book-02", *line.options]) == Exit.REFUSED
    assert "it has book-01" in capsys.readouterr().err


def test_a_capture_decodes_again_to_what_it_says_however_it_is_cut(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    file = line.folder / "book.jsonl"
    with working(when_listened_to(line, line.make_document)):
        assert run(["devices", "capture", BOOK.id, str(file), "--frames", "18", *line.options]) == Exit.FINE
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text().splitlines()[0])["mode"] == "EMULATED"
    assert run(["devices", "replay", str(file)]) == Exit.FINE
    assert run(["devices", "replay", str(file), "--pieces", "7"]) == Exit.FINE
    printed = capsys.readouterr().out
    assert "EMULATED" in printed and "as captured" in printed and "pieces of 7 bytes" in printed


def test_a_capture_ends_by_itself_after_the_seconds_that_were_asked(line: Line) -> None:
    file = line.folder / "quiet.jsonl"
    begun_s = time.monotonic()
    assert run(["devices", "capture", BOOK.id, str(file), "--seconds", "0.1", *line.options]) == Exit.FINE
    assert 0.1 <= time.monotonic() - begun_s < PATIENCE_S / 2
    assert read_capture(file).pieces == ()
    both = ["--seconds", "1", "--frames", "1"]
    assert run(["devices", "capture", BOOK.id, str(file), *both, *line.options]) == Exit.REFUSED


def test_a_production_machines_bytes_are_not_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path, DeviceEntry("book-01", BOOK.driver, "/dev/ttyUSB0", "BP-1", "production"))
    file = tmp_path / "book.jsonl"
    assert run(["devices", "capture", "book-01", str(file), *line.options]) == Exit.REFUSED
    assert re.search(r"book-01 is in mode production: .*personal data", capsys.readouterr().err)
    assert not file.exists() and not line.machines.exists()


def test_a_capture_writes_over_no_file(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    file = line.folder / "notes"
    file.write_text("mine")
    assert run(["devices", "capture", BOOK.id, str(file), "--seconds", "0.1", *line.options]) == Exit.REFUSED
    assert "File exists" in capsys.readouterr().err and file.read_text() == "mine"


@pytest.mark.parametrize("pieces", ["1", "4096"])
def test_a_machines_bytes_decode_as_on_the_day_they_were_captured(pieces: str) -> None:
    assert run(["devices", "replay", str(CAPTURE), "--pieces", pieces]) == Exit.FINE


@pytest.mark.parametrize(
    ("captured", "changed", "said"),
    [
        (
            '"blank_serial":"E00000001"',
            '"blank_serial":"E00000009"',
            r"line \d+, to host: captured Fed, .*E00000009; now",
        ),
        ('"bytes":"7e01', '"bytes":"7e02', r"line \d+, to \w+: captured \w+.*; now damaged"),
        ('"what":"Claim"', '"what":"Feed"', r"line \d+, to machine: captured Feed, .*; now Claim"),
    ],
)
def test_the_first_difference_is_named_and_is_a_finding(
    captured: str, changed: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changed.jsonl"
    file.write_text(CAPTURE.read_text().replace(captured, changed, 1))
    assert run(["devices", "replay", str(file)]) == Exit.FINDINGS
    assert re.search(said, capsys.readouterr().out)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff\xfe", b"[1]\n", CAPTURE.read_bytes()[:-20], CAPTURE.read_bytes().replace(b"EMUL", b"PROD", 1)],
    ids=["empty", "other", "binary", "list", "cut short", "not emulated"],
)
def test_what_is_no_capture_is_refused_whole(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert run(["devices", "replay", str(file)]) == Exit.REFUSED
    assert "is no capture that can be used" in capsys.readouterr().err


def test_another_machine_answers_a_captured_host_as_the_first_one_did(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another journal and other fences; the second time it knows the jobs already, and that is the difference."""
    again = ["devices", "replay", str(CAPTURE), "--to", BOOK.port, *line.options]
    assert run(again) == Exit.FINE
    assert "EMULATED" in capsys.readouterr().out
    assert line.supervisor.control(BOOK.id).ask("state")["counters"]["good"] == 1
    assert run(again) == Exit.FINDINGS
    assert re.search(r"answer \d+: captured Fed; the machine said Refused WRONG_STATE", capsys.readouterr().out)


@contextmanager
def production_machine() -> Iterator[tuple[str, list[str]]]:
    """A machine on a pty that says HELLO for itself in production mode, and notes what else it is asked."""
    master, slave = os.openpty()
    tty.setraw(slave)
    link, asked = Link(), []

    def answer() -> None:
        try:
            while data := os.read(master, 65536):
                link.tick(time.monotonic())
                for payload in link.receive(data):
                    message = decode(payload)
                    asked.append(type(message).__name__)
                    if isinstance(message, Hello):
                        who = ("book-personalizer", "BP-9", "1", "a" * 32, False, "a" * 32, 1, 1, 0)
                        link.send(encode(HelloReply(message.request, 1, 512, 1, *who, Counters(0, 0, 0, 0, 0), ())))
                os.write(master, link.outgoing())
        except OSError:
            return

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield os.ttyname(slave), asked
    finally:
        os.close(slave)
        thread.join()
        os.close(master)


def test_a_capture_is_sent_to_no_machine_that_does_not_say_it_is_emulated(capsys: pytest.CaptureFixture[str]) -> None:
    with production_machine() as (port, asked):
        assert run(["devices", "replay", str(CAPTURE), "--to", port]) == Exit.REFUSED
    assert "mode production" in capsys.readouterr().err
    assert set(asked) == {"Hello"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: [lines[0], *lines[3:]], "doesn't begin with a session"),
        (lambda lines: [*lines[:9], lines[9].replace('"dropped":0', '"dropped":2'), *lines[10:]], "pieces are missing"),
        (lambda lines: [lines[0].replace("book-personalizer", "mt-sics-scale")], "doesn't speak"),
    ],
)
def test_a_capture_that_is_no_whole_conversation_is_not_sent(
    change: object, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(change)
    file = tmp_path / "part.jsonl"
    file.write_text("\n".join(change(CAPTURE.read_text().splitlines())))
    assert run(["devices", "replay", str(file), "--to", "emulator://book-01"]) == Exit.REFUSED
    assert why in capsys.readouterr().err


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_personalizer_is_asked_by_hand_and_nothing_moves(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line.make_document()
    before = line.supervisor.control(BOOK.id).ask("state")["counters"]
    job = "5142c72bfb669f6d589b82138beb96cd"
    typed(monkeypatch, f"hello\nstatus {job}\nstatus 12\njournal 2\njournal two\nfeed {job}\nhelp\n\nquit\nhello\n")
    assert run(["devices", "console", BOOK.id, *line.options]) == Exit.FINE
    said = capsys.readouterr()
    assert "EMULATED" in said.err
    assert re.search(r"^mode +EMULATED$", said.out, re.MULTILINE) and said.out.count("journal_first") == 2
    assert re.search(r"^state +DONE$", said.out, re.MULTILINE)
    assert f"     2  {job}  FED  E00000001\n" in said.out and f"     1  {job}" not in said.out
    assert "! status wants a job's id" in said.out and "! journal wants a position" in said.out
    assert "no question 'feed'; book-01 can be asked hello, status, journal" in said.out
    assert "Nothing asked here moves, claims or prints anything." in said.out
    assert line.supervisor.control(BOOK.id).ask("state")["counters"] == before


def test_a_port_in_use_is_refused_to_the_console(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    driver = open_personalizer(BOOK, line.machines)
    for name in (BOOK.id, BOOK.port):
        assert run(["devices", "console", name, *line.options]) == Exit.REFUSED
    assert "who else uses it" in capsys.readouterr().err
    driver.close()


def test_a_port_where_nobody_answers_is_refused_with_what_to_try(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent, slave = pty.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    os.close(slave)
    assert run(["devices", "console", port, "--dir", str(tmp_path)]) == Exit.REFUSED
    assert f"nobody on {port} answers in the personalizers' protocol" in (said := capsys.readouterr().err)
    assert "by its id in line.toml" in said
    os.close(silent)


def test_a_machine_that_comes_back_is_asked_again(line: Line, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    class Typing(io.StringIO):
        """The machine is switched off and on again before the second question."""

        def __next__(self) -> str:
            if (question := super().__next__()) == "hello again\n":
                line.supervisor.control(BOOK.id).end("power-loss")
                while line.supervisor.alive(BOOK.id):
                    time.sleep(0.01)
                line.supervisor.ensure()
            return question

    monkeypatch.setattr(sys, "stdin", Typing("hello\nhello again\nhello\n"))
    assert run(["devices", "console", BOOK.id, *line.options]) == Exit.FINE
    printed = capsys.readouterr().out
    assert printed.count("! port emulator://book-01 was lost") == 1
    assert len(set(re.findall(r"^boot_id +(\w+)$", printed, re.MULTILINE))) == 2


def test_other_machines_are_asked_what_they_can_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path, *OTHERS)
    try:
        line.supervisor.control("scale-01").ask("load", grams="12.50")
        zone = f"P<CHN{SECRET}"
        swiped = threading.Event()
        for name, question in (("scale-01", "weigh"), ("label-01", "condition"), ("swipe-01", "swipe")):
            typed(monkeypatch, f"help\n{question}\n")
            with working(lambda name=name: name == "swipe-01" and swipe_until(line, zone, swiped)):
                assert run(["devices", "console", name, *line.options]) == Exit.FINE
                swiped.set()
            swiped.clear()
    finally:
        line.supervisor.stop()
    printed = capsys.readouterr().out
    assert all(answer in printed for answer in ("\n12.50", "\nready\n", f"\n{zone}\n"))


def test_what_a_production_reader_reads_is_not_shown_to_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    line = Line(tmp_path, DeviceEntry("swipe-01", "rte-mrz-reader", os.ttyname(slave), "SR-1", "production"))
    frame, swiped = encode_swipe(Swipe((f"P<CHN{SECRET}", "E00000001"))), threading.Event()

    def swipe() -> None:
        while not swiped.wait(SWIPE_AGAIN_S):
            os.write(master, frame)

    typed(monkeypatch, "swipe\n")
    with working(swipe):
        assert run(["devices", "console", "swipe-01", *line.options]) == Exit.FINE
        swiped.set()
    os.close(slave)
    os.close(master)
    said = capsys.readouterr()
    assert "production" in said.err and SECRET not in said.out + said.err
    assert re.search(r"^15 characters, [0-9a-f]{8}\n9 characters, [0-9a-f]{8}\n", said.out)


def swipe_until(line: Line, zone: str, swiped: threading.Event) -> None:
    while not swiped.wait(SWIPE_AGAIN_S):
        line.supervisor.control("swipe-01").ask("swipe", lines=[zone, "E00000001"])


def test_the_console_has_a_prompt_on_a_terminal(line: Line) -> None:
    command = [sys.executable, "-c", "from flows.cli import main; main()", "devices", "console", BOOK.id, *line.options]
    master, slave = pty.openpty()
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT) as process:
        os.close(slave)
        screen = b""
        while b"book-01> " not in screen:
            screen += os.read(master, 1000)
        os.write(master, b"quit\n")
        assert process.wait(PATIENCE_S) == Exit.FINE
    os.close(master)
    assert b"EMULATED" in screen
