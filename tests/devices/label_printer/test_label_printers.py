"""A job's label comes out once, whatever is lost; what nobody can know is called unknown."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.conversation import MOST_FRAMES
from devices.emulation.emulator import EmulatorSetup
from devices.errors import (
    DeviceError,
    PortLostError,
    PrinterNotReadyError,
    PrinterSilentError,
    SessionClosedError,
    WrongMachineError,
)
from devices.fake_transport import FakeTransport
from devices.label_printer import driver as drivers
from devices.label_printer import sato_emulator, sbpl, zebra_emulator, zpl
from devices.label_printer.emulator import MOST_BYTES, MOST_LABELS, LabelPrinterEmulator
from devices.label_printer.exchange import Exchange
from devices.roles import LabelState, ParcelLabel, PrinterCondition

LABEL = ParcelLabel("P-00017", "EA123456785CN", "POST")
JOBS = [f"{number:032x}" for number in range(20)]
LONG_S = 60.0
SATO, ZEBRA = "sato", "zebra"
BOTH = pytest.mark.parametrize("kind", [SATO, ZEBRA])
EMULATE: dict[str, Callable[[EmulatorSetup], LabelPrinterEmulator]] = {
    SATO: sato_emulator.emulate,
    ZEBRA: zebra_emulator.emulate,
}
DRIVER: dict[str, Any] = {SATO: drivers.SatoLabelPrinter, ZEBRA: drivers.ZebraLabelPrinter}


class Bench:
    """An emulated printer on a virtual clock, and its driver, not yet opened."""

    def __init__(self, folder: Path, kind: str, *, speed: float = 1.0, emulated: bool = True) -> None:
        self.folder, self.kind = folder, kind
        self.emulator = EMULATE[kind](EmulatorSetup("label-01", "L-1", folder, folder / "world", speed=speed))
        self.transport = FakeTransport(self.emulator)
        self.driver = self.make_driver(emulated=emulated)

    def make_driver(self, *, emulated: bool = True) -> Any:
        return DRIVER[self.kind]("label-01", "L-1", emulated, self.transport)

    def do(self, do: str, **what: object) -> None:
        assert self.emulator.control({"do": do, **what})["ok"]

    def printed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "world" / "printed").read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(kind: str, **settings: Any) -> Bench:
        made.append(Bench(tmp_path, kind, **settings))
        return made[-1]

    yield make
    for each in made:
        each.driver.close()
        each.emulator.close()


@BOTH
@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_labels_come_out_one_by_one(bench: Callable[..., Bench], kind: str, speed: float) -> None:
    printer = bench(kind, speed=speed)
    identity = printer.driver.open()
    assert identity.emulated and identity.name.startswith("EMULATED")
    assert [printer.driver.print_label(job, LABEL, LONG_S) for job in JOBS] == [LabelState.PRINTED] * len(JOBS)
    assert printer.driver.condition() is PrinterCondition.READY
    printed = printer.printed()
    assert len({line["job"] for line in printed}) == len(printed) == len(JOBS)
    assert printed[0]["barcodes"] == ["EA123456785CN"]
    assert printed[0]["texts"] == ["P-00017", "POST", "EA123456785CN", "EMULATED"]


@BOTH
def test_an_emulated_printer_is_refused_where_a_real_one_is_configured(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind, emulated=False)
    with pytest.raises(WrongMachineError):
        printer.driver.open()
    with pytest.raises(SessionClosedError):
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert printer.printed() == []


@BOTH
def test_a_time_out_followed_by_asking_again_prints_one_label(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind, speed=0.1)
    printer.driver.open()
    printer.do("lose", answers=1, after=1)
    with pytest.raises(PrinterSilentError) as silence:
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert silence.value.state == LabelState.UNKNOWN
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.WAITING
    printer.driver._exchange.pause(LONG_S)
    assert printer.driver.status(JOBS[0]) is LabelState.PRINTED
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.PRINTED
    assert len(printer.printed()) == 1


@BOTH
def test_a_label_that_came_out_unseen_is_unknown_and_not_sent_again(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind, speed=0.0)
    printer.driver.open()
    printer.do("lose", answers=1, after=1)
    with pytest.raises(PrinterSilentError):
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.UNKNOWN
    assert len(printer.printed()) == 1


@BOTH
def test_a_label_that_never_arrived_is_unknown_and_not_sent_again(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind)
    printer.driver.open()
    printer.transport.line = lambda direction, data: b"" if b"POST" in data else data
    with suppress(PrinterSilentError):
        assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.UNKNOWN
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.UNKNOWN
    assert printer.printed() == []


def test_a_restarted_host_learns_from_a_sato_that_its_label_waits(bench: Callable[..., Bench]) -> None:
    printer = bench(SATO, speed=0.01)
    printer.driver.open()
    assert printer.driver.print_label(JOBS[0], LABEL, 1.0) is LabelState.WAITING
    printer.driver.close()
    printer.driver = printer.make_driver()
    printer.driver.open()
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.WAITING
    assert printer.driver.status(JOBS[1]) is LabelState.UNKNOWN
    printer.driver._exchange.pause(300.0)
    assert printer.driver.status(JOBS[0]) is LabelState.PRINTED
    assert len(printer.printed()) == 1


@pytest.mark.parametrize(
    ("set_to", "condition"),
    [
        ("paper-out", PrinterCondition.PAPER_OUT),
        ("ribbon-out", PrinterCondition.RIBBON_OUT),
        ("cover-open", PrinterCondition.COVER_OPEN),
    ],
)
def test_a_sato_tells_why_it_does_not_print(
    bench: Callable[..., Bench], set_to: str, condition: PrinterCondition
) -> None:
    printer = bench(SATO)
    printer.driver.open()
    printer.do("set", condition=set_to)
    with pytest.raises(PrinterNotReadyError) as refusal:
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert (refusal.value.condition, refusal.value.state) == (condition, LabelState.NOT_SENT)
    printer.do("set", condition="ready")
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.PRINTED
    assert len(printer.printed()) == 1


def test_a_label_stopped_by_the_end_of_the_paper_waits_in_a_sato_and_comes_out_once(
    bench: Callable[..., Bench],
) -> None:
    printer = bench(SATO)
    printer.driver.open()
    assert printer.driver.print_label(JOBS[0], LABEL, 0.2) is LabelState.WAITING
    printer.do("set", condition="paper-out")
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.WAITING
    with pytest.raises(PrinterNotReadyError):
        printer.driver.print_label(JOBS[1], LABEL, LONG_S)
    printer.do("set", condition="ready")
    printer.driver._exchange.pause(5.0)
    assert printer.driver.status(JOBS[0]) is LabelState.PRINTED
    assert printer.driver.print_label(JOBS[1], LABEL, LONG_S) is LabelState.PRINTED
    assert len(printer.printed()) == 2


@pytest.mark.parametrize("condition", ["paper-out", "ribbon-out", "cover-open"])
def test_the_silence_of_a_zebra_is_an_error_that_says_so_in_bounded_time(
    bench: Callable[..., Bench], condition: str
) -> None:
    printer = bench(ZEBRA)
    printer.driver.open()
    printer.do("set", condition=condition)
    begun_s = printer.transport.now_s
    with pytest.raises(PrinterSilentError, match="out of media or ribbon, head open") as silence:
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert silence.value.state == LabelState.NOT_SENT
    assert printer.transport.now_s - begun_s < 2 * drivers.REPLY_S
    printer.do("set", condition="ready")
    assert printer.driver.print_label(JOBS[0], LABEL, LONG_S) is LabelState.PRINTED
    assert len(printer.printed()) == 1


def test_a_zebra_that_falls_silent_under_a_label_prints_it_once(bench: Callable[..., Bench]) -> None:
    printer = bench(ZEBRA)
    printer.driver.open()
    assert printer.driver.print_label(JOBS[0], LABEL, 0.2) is LabelState.WAITING
    printer.do("set", condition="paper-out")
    with pytest.raises(PrinterSilentError) as silence:
        printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    assert silence.value.state == LabelState.UNKNOWN
    printer.do("set", condition="ready")
    printer.driver._exchange.pause(5.0)
    assert printer.driver.status(JOBS[0]) is LabelState.PRINTED
    assert len(printer.printed()) == 1


@BOTH
def test_a_second_label_is_not_sent_while_one_waits(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind, speed=0.01)
    printer.driver.open()
    printer.driver.print_label(JOBS[0], LABEL, 0.2)
    with pytest.raises(PrinterNotReadyError) as refusal:
        printer.driver.print_label(JOBS[1], LABEL, LONG_S)
    assert (refusal.value.condition, refusal.value.state) == (PrinterCondition.BUSY, LabelState.NOT_SENT)


@BOTH
def test_a_pulled_cable_is_told_at_once(bench: Callable[..., Bench], kind: str) -> None:
    printer = bench(kind)
    printer.driver.open()
    printer.transport.hang_up("pulled")
    with pytest.raises(PortLostError):
        printer.driver.condition()


class Tardy:
    """A machine that answers its first request after 1.5 s and later ones after 0.7 s, and counts them."""

    def __init__(self) -> None:
        self.asked = 0
        self.due: list[tuple[float, int]] = []

    @property
    def next_deadline_s(self) -> float | None:
        return min(self.due)[0] if self.due else None

    def turn(self, data: bytes, now_s: float) -> bytes:
        if data:
            self.asked += 1
            self.due.append((now_s + (1.5 if self.asked == 1 else 0.7), self.asked))
        ready = [each for each in self.due if each[0] <= now_s]
        self.due = [each for each in self.due if each[0] > now_s]
        return b"".join(sbpl.Status("", "A", count, "").encode() for _, count in ready)


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    exchange = Exchange("label-01", FakeTransport(Tardy()), sbpl.split, 1.0)
    exchange.open()
    exchange._owed = False
    assert exchange.ask(sbpl.STATUS_REQUEST, sbpl.Status) is None
    for wanted in (2, 3):
        status = exchange.ask(sbpl.STATUS_REQUEST, sbpl.Status)
        assert status is not None and status.remaining == wanted


def test_a_label_once_printed_stays_so_when_the_paper_ends_later(bench: Callable[..., Bench]) -> None:
    printer = bench(ZEBRA)
    printer.driver.open()
    printer.driver.print_label(JOBS[0], LABEL, LONG_S)
    printer.do("set", condition="paper-out")
    assert printer.driver.status(JOBS[0]) is LabelState.PRINTED


def test_a_full_buffer_takes_no_more(bench: Callable[..., Bench]) -> None:
    printer = bench(SATO)
    job = sbpl.render(LABEL, sbpl.JobName.of(JOBS[0]), emulated=True)
    assert printer.emulator.turn(job * (MOST_LABELS + 2), 0.0) == b"\x06" * MOST_LABELS + b"\x15" * 2


PIECES = st.lists(
    st.binary(max_size=60)
    | st.sampled_from(
        [
            sbpl.Status("01", "G", 1, "EMULATED").encode(),
            sbpl.Status("", "A", 0, "EMULATED").encode(),
            b"\x06",
            b"\x15",
            zpl.Status().encode(),
            zpl.Status(remaining=1).encode(),
            zpl.Identity("EMULATED", "V1").encode(),
            b"\x02",
        ]
    ),
    max_size=12,
)


class Babbler:
    """A machine that says what it was given to say, a piece for each request."""

    next_deadline_s = None

    def __init__(self, sayings: list[bytes]) -> None:
        self.sayings = sayings

    def turn(self, data: bytes, now_s: float) -> bytes:
        return self.sayings.pop() if data and self.sayings else b""


@given(st.sampled_from([SATO, ZEBRA]), PIECES)
def test_whatever_a_printer_says_only_typed_errors_are_raised(kind: str, sayings: list[bytes]) -> None:
    driver = DRIVER[kind]("label-01", "L-1", True, FakeTransport(Babbler(sayings)), reply_s=0.01)
    for act in (driver.open, driver.open, driver.condition, lambda: driver.print_label(JOBS[0], LABEL, 0.2)):
        with suppress(DeviceError):
            act()
    with suppress(DeviceError):
        assert driver.status(JOBS[0]) is not LabelState.NOT_SENT


@given(st.sampled_from([sbpl.split, zpl.split]), st.lists(st.binary(max_size=3000), max_size=6))
def test_a_flood_of_any_bytes_grows_nothing(split: Any, flood: list[bytes]) -> None:
    exchange = Exchange("label-01", FakeTransport(Babbler([])), split, 0.01)
    for data in flood:
        exchange.receive(data * 10)
        assert exchange._decoder.held_bytes <= MOST_BYTES
        assert len(exchange._frames) <= MOST_FRAMES


COMMANDS = st.sampled_from(
    [b"\x1bA", b"\x1bZ", b"\x1bID05", b"\x1bXM", b"\x05", b"^XA", b"^XZ", b"^FD", b"^FH", b"~HS"]
)


@pytest.mark.parametrize("kind", [SATO, ZEBRA])
def test_an_emulator_hears_any_bytes(kind: str, tmp_path: Path) -> None:
    emulator = EMULATE[kind](EmulatorSetup("label-01", "L-1", tmp_path, tmp_path / "world", speed=1e-6))

    @given(st.lists(st.binary(max_size=40) | COMMANDS, max_size=40))
    def hears(heard: list[bytes]) -> None:
        emulator.turn(b"".join(heard), 0.0)
        assert len(emulator._heard) <= MOST_BYTES
        assert len(emulator._mechanism.waiting) <= MOST_LABELS

    hears()
    emulator.turn(b"\x1bA" + b"x" * 3 * MOST_BYTES, 0.0)
    assert len(emulator._heard) <= MOST_BYTES
    emulator.close()
