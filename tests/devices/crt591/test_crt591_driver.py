"""The drivers of the CRT-591-M on its emulator and on machines that answer badly, all on a virtual clock."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.crt591 import chip, frames
from devices.crt591.driver import MOST_COUNTED, Crt591, Crt591Counting
from devices.crt591.exchange import Exchange, Times
from devices.crt591.frames import Command, FrameDecoder, encode
from devices.errors import (
    DeviceError,
    MachineFaultError,
    MachineRefusedError,
    NoAnswerError,
    PortUnavailableError,
    SessionClosedError,
    WrongMachineError,
)
from devices.fake_transport import FakeTransport, clean_line
from devices.jobs import Cause, Disposition, MachineJobState
from devices.piece import PieceData
from devices.transport import SerialTransport

JOB, NEXT_JOB = "1" * 32, "2" * 32
BOTH = pytest.mark.parametrize("level", ["B", "C"])
Benches = Callable[..., Any]


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(MachineRefusedError) as refused:
        act()
    assert pickle.loads(pickle.dumps(refused.value)).code == refused.value.code
    return refused.value.code


@pytest.mark.parametrize(("level", "place"), [("B", "reject"), ("C", "good")])
@pytest.mark.parametrize("size", [0, 1, 240, 241, 20_000])
def test_a_document_is_written_read_back_locked_and_moved_to_its_end(
    bench: Benches, level: str, place: str, size: int
) -> None:
    machine = bench(level)
    identity = machine.driver.open()
    assert identity.emulated and identity.firmware.startswith("EMULATED")
    serial = machine.driver.feed(JOB)
    data = machine.document(serial, size)
    machine.driver.prepare(JOB, data)
    machine.driver.start(JOB)
    result = machine.driver.result(JOB, 1.0)
    assert result.made and result.blank_serial == serial
    assert machine.stack(place) == [serial]
    piece = machine.piece(serial)
    assert piece.locked and not piece.printed and piece.data.chip == PieceData.decode(data).chip
    assert machine.made() == [serial]
    assert machine.driver.hello().balanced
    assert machine.do("state")["counter"] == (level == "B")


@BOTH
def test_one_job_at_a_time_and_the_same_id_draws_once(bench: Benches, level: str) -> None:
    machine = bench(level)
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    assert machine.driver.feed(JOB) == serial
    assert refusal(lambda: machine.driver.feed(NEXT_JOB)) == "PATH_OCCUPIED"
    machine.driver.make(JOB, machine.document(serial))
    machine.driver.start(JOB)
    assert refusal(lambda: machine.driver.feed(JOB)) == "WRONG_STATE"
    assert machine.driver.ended(JOB) == machine.driver.result(JOB, 0.0)
    assert machine.make(NEXT_JOB).made
    assert machine.fed() == 2
    assert [entry.position for entry in machine.driver.journal(1)] == [1]


def test_data_that_is_not_for_this_card_is_refused_whole(bench: Benches) -> None:
    machine = bench()
    machine.driver.open()
    serial = machine.driver.feed(JOB)

    def offer(piece: PieceData) -> str:
        return refusal(lambda: machine.driver.prepare(JOB, piece.encode()))

    assert refusal(lambda: machine.driver.prepare(JOB, b"\x09")) == "DATA_DAMAGED"
    assert offer(PieceData("p", "K99999999", (), chip={"EF.DG1": b"a"})) == "OTHER_DATA"
    assert offer(PieceData("p", serial, ("printed",))) == "UNSUPPORTED"
    assert offer(PieceData("p", serial, (), chip={"EF.DG17": b"a"})) == "UNSUPPORTED"
    assert offer(PieceData("p", serial, (), chip={"EF.DG2": bytes(chip.LARGEST_FILE + 1)})) == "TOO_LARGE"
    assert refusal(lambda: machine.driver.start(JOB)) == "WRONG_STATE"
    machine.driver.prepare(JOB, machine.document(serial))
    machine.driver.prepare(JOB, machine.document(serial))
    assert refusal(lambda: machine.driver.prepare(JOB, machine.document(serial, 9))) == "OTHER_DATA"
    assert machine.made() == []


@BOTH
def test_an_empty_stack_and_a_full_bin_are_said_before_anything_moves(bench: Benches, level: str) -> None:
    machine = bench(level)
    machine.driver.open()
    machine.do("bin", cards=0)
    assert refusal(lambda: machine.driver.feed(JOB)) == "REJECT_BIN_FULL"
    machine.do("bin", cards=9)
    machine.do("take", stack="input", serials=machine.stack("input"), place="shelf:card")
    assert refusal(lambda: machine.driver.feed(JOB)) == "OUT_OF_BLANKS"
    assert machine.driver.status(JOB).state is MachineJobState.ABSENT
    machine.do("load", blanks=[["K00000001", "shelf:card"]])
    assert machine.make(JOB).made


@pytest.mark.parametrize(("error", "code"), [("A0", "OUT_OF_BLANKS"), ("A1", "REJECT_BIN_FULL")])
def test_a_move_refused_for_the_stack_or_the_bin_leaves_no_job(
    bench: Benches, monkeypatch: pytest.MonkeyPatch, error: str, code: str
) -> None:
    """Sensors may lag behind: the stack was not empty when asked."""
    machine = bench()
    machine.driver.open()

    def refuse(command: Command) -> Any:
        yield 0.0
        return frames.Failure(command.code, command.parameter, error)

    with monkeypatch.context() as patch:
        patch.setattr(machine.emulator, "_move", refuse)
        assert refusal(lambda: machine.driver.feed(JOB)) == code
    assert machine.make(JOB).made


def test_a_bin_that_fills_up_under_a_finished_document_leaves_it_in_doubt(bench: Benches) -> None:
    machine = bench()
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    machine.do("bin", cards=0)
    with pytest.raises(MachineFaultError, match="A1, bin full"):
        machine.driver.make(JOB, machine.document(serial))
    result = machine.driver.result(JOB, 0.0)
    assert not result.certain and result.cause is Cause.REJECT_BIN_FULL
    assert machine.driver._jobs[JOB].data == b""
    assert refusal(lambda: machine.driver.feed(NEXT_JOB)) == "HELD"
    assert machine.stack("path") == [serial]


@BOTH
def test_a_card_that_the_sensors_show_elsewhere_has_not_ended(
    bench: Benches, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = bench(level)
    machine.driver.open()
    serial = machine.driver.feed(JOB)

    def stay(command: Command) -> Any:
        yield 0.0
        return machine.emulator._reply(command)

    monkeypatch.setattr(machine.emulator, "_move", stay)
    with pytest.raises(MachineFaultError, match="AT_CHIP, not NONE"):
        machine.driver.make(JOB, machine.document(serial))
    assert not machine.driver.result(JOB, 0.0).certain


@BOTH
@pytest.mark.parametrize("after_feed", [False, True])
def test_a_jam_leaves_the_job_in_doubt_and_holds_the_machine(bench: Benches, level: str, after_feed: bool) -> None:
    machine = bench(level)
    machine.driver.open()
    serial = machine.driver.feed(JOB) if after_feed else ""
    machine.faults.add({"name": "jam"})
    with pytest.raises(MachineFaultError, match="10, card jam") as fault:
        machine.driver.make(JOB, machine.document(serial)) if after_feed else machine.driver.feed(JOB)
    assert "look where its piece is" in str(pickle.loads(pickle.dumps(fault.value)))
    result = machine.driver.result(JOB, 0.0)
    assert (result.state, result.cause) == (MachineJobState.UNKNOWN, Cause.JAM)
    machine.do("clear")
    assert refusal(lambda: machine.driver.feed(NEXT_JOB)) == "HELD"
    machine.driver.open()
    assert machine.make(NEXT_JOB).made


@BOTH
def test_a_spoiled_chip_is_rejected_and_counted(bench: Benches, level: str) -> None:
    machine = bench(level, spoil_rate=1.0)
    machine.driver.open()
    result = machine.make(JOB)
    assert (result.state, result.cause) == (MachineJobState.FAILED, Cause.CHIP_FAILED)
    assert result.disposition is Disposition.REJECT_BIN
    assert machine.stack("reject") == machine.made() == [result.blank_serial]
    assert machine.driver.hello().counters.rejected == 1


@BOTH
def test_a_card_that_tells_no_number_is_rejected_and_the_result_says_why(bench: Benches, level: str) -> None:
    machine = bench(level, misread_rate=1.0)
    machine.driver.open()
    with pytest.raises(MachineRefusedError) as refused:
        machine.driver.feed(JOB)
    assert refused.value.state == "FAILED"
    result = machine.driver.result(JOB, 0.0)
    assert (result.cause, result.blank_serial) == (Cause.WRONG_BLANK, "")
    assert len(machine.stack("reject")) == 1 and machine.made() == []


def test_a_chip_that_reads_back_otherwise_is_rejected(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = bench()
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    monkeypatch.setattr(type(machine.emulator._chip), "_keep", lambda chip_: chip.DONE)
    content = machine.emulator._chip._files
    monkeypatch.setattr(
        type(machine.emulator._chip),
        "_update",
        lambda chip_, command: content.update({chip_._chosen: content[chip_._chosen][:-1] + b"?"}) or chip.DONE,
    )
    machine.driver.make(JOB, machine.document(serial))
    assert machine.driver.result(JOB, 0.0).cause is Cause.CHIP_FAILED


def test_where_the_bin_counts_a_blank_is_returned_into_it(bench: Benches) -> None:
    """A card that left by the gate would be drawn and not counted: the next recovery would call a drawn job absent."""
    machine = bench("B")
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    result = machine.driver.return_blank(JOB)
    assert (result.state, result.disposition) == (MachineJobState.RETURNED, Disposition.REJECT_BIN)
    assert machine.driver.return_blank(JOB) == result
    assert machine.stack("reject") == [serial] and machine.made() == []
    assert machine.driver.journal_position == machine.driver.hello().journal_next == 1


def test_at_level_c_a_returned_blank_is_held_in_the_gate_until_somebody_takes_it(bench: Benches) -> None:
    machine = bench("C")
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    assert machine.driver.return_blank(JOB).disposition is Disposition.HOLD_STACK
    assert machine.driver.hello().balanced
    assert refusal(lambda: machine.driver.feed(NEXT_JOB)) == "PATH_OCCUPIED"
    machine.do("take", stack="hold", serials=[serial], place="shelf:card")
    assert machine.make(NEXT_JOB).made


@BOTH
def test_a_voided_job_is_refused_and_results_are_released_by_their_hash(bench: Benches, level: str) -> None:
    machine = bench(level)
    machine.driver.open()
    driver = machine.driver
    voided = driver.void(JOB)
    assert voided.state is MachineJobState.VOIDED and driver.void(JOB) == voided
    assert refusal(lambda: driver.feed(JOB)) == "WRONG_STATE"
    assert refusal(lambda: driver.release(JOB, "0" * 64)) == "OTHER_RESULT"
    assert refusal(lambda: driver.release(NEXT_JOB, "0" * 64)) == "UNKNOWN_JOB"
    assert [job.job_id for job in driver.hello().open_jobs] == [JOB]
    driver.release(JOB, voided.result_hash)
    assert driver.hello().open_jobs == () and driver.status(JOB).released
    driver.feed(NEXT_JOB)
    assert refusal(lambda: driver.void(NEXT_JOB)) == "WRONG_STATE"
    assert refusal(lambda: driver.release(NEXT_JOB, "0" * 64)) == "WRONG_STATE"
    with pytest.raises(NoAnswerError):
        driver.result(NEXT_JOB, 0.0)


class Damaging:
    """A line that damages or drops what goes one way, the `nth` time."""

    def __init__(self, nth: int, towards: str, *, dropped: bool) -> None:
        self.left, self.towards, self.dropped = nth, towards, dropped

    def __call__(self, direction: str, data: bytes) -> bytes:
        self.left -= direction == self.towards
        if self.left or direction != self.towards:
            return data
        self.left = -1
        return b"" if self.dropped else data[:-1] + bytes((data[-1] ^ 0x40,))


@BOTH
@pytest.mark.parametrize("towards", ["to machine", "to host"])
@pytest.mark.parametrize("dropped", [False, True])
def test_whatever_single_frame_is_lost_or_damaged_no_second_card_is_drawn(
    bench: Benches, level: str, towards: str, dropped: bool
) -> None:
    """Most is repaired; a job whose card may have moved unseen is in doubt, and never made again by itself."""
    made = doubted = 0
    for nth in range(1, 400):
        machine = bench(level)
        machine.driver.open()
        machine.transport.line = line = Damaging(nth, towards, dropped=dropped)
        try:
            made += machine.make(JOB).made
        except DeviceError:
            doubted += 1
            assert machine.driver.status(JOB).state is MachineJobState.UNKNOWN
        assert machine.fed() == 1
        if line.left >= 0:
            break
    assert made > 20
    assert doubted == 0 or (towards == "to host" and dropped)


def test_what_was_said_twice_and_answered_twice_shifts_no_answer(bench: Benches) -> None:
    """A slow chip: the acknowledgement is lost, the command said again, and both are done and answered."""
    machine = bench()
    machine.driver.open()
    serial = machine.driver.feed(JOB)
    heard = 0

    def line(direction: str, data: bytes) -> bytes:
        nonlocal heard
        if direction == "to machine" and any(isinstance(said, Command) for said in FrameDecoder().feed(data)):
            heard += 1
            if heard % 5 == 0:
                machine.do("late", seconds=0.4)
        return data.replace(b"\x06", b"") if direction == "to host" and heard % 5 == 0 and len(data) == 1 else data

    machine.transport.line = line
    answers = [machine.driver._encoder.tell(chip.select_number_file(), JOB)]
    for length in range(1, 30):
        answers.append(machine.driver._encoder.tell(chip.read(0, length), JOB, chip.END_OF_FILE))
    assert heard > len(answers)
    assert answers == [b"", *(serial[:length].encode() for length in range(1, 30))]


def test_a_damaged_command_is_said_again_at_most_three_times(bench: Benches) -> None:
    machine = bench()
    machine.driver.open()
    heard = []

    def line(direction: str, data: bytes) -> bytes:
        if direction == "to machine" and len(data) > 1:
            heard.append(data)
            return data[:-1] + bytes((data[-1] ^ 1,))
        return data

    machine.transport.line = line
    with pytest.raises(NoAnswerError):
        machine.driver.hello()
    assert len(heard) == 4


def test_a_move_that_nothing_acknowledged_is_not_said_again_before_the_sensors_were_asked(bench: Benches) -> None:
    machine = bench()
    machine.driver.open()
    said = []

    def line(direction: str, data: bytes) -> bytes:
        if direction == "to machine":
            said.extend(frame for frame in FrameDecoder().feed(data) if isinstance(frame, Command))
            return data
        return data.replace(b"\x06", b"") if said[-1].moves and data == b"\x06" else data

    machine.emulator.set_speed(0.0)
    machine.transport.line = line
    assert machine.make(JOB).made
    moves = [at for at, command in enumerate(said) if command.moves]
    assert all(after - before > 1 for before, after in pairwise(moves))
    assert machine.fed() == 1


@BOTH
def test_a_late_answer_leaves_doubt_and_is_nobody_elses(bench: Benches, level: str) -> None:
    machine = bench(level)
    machine.driver.open()

    def line(direction: str, data: bytes) -> bytes:
        if direction == "to machine" and any(getattr(said, "moves", False) for said in FrameDecoder().feed(data)):
            machine.do("late", seconds=Times().motion_s + 5.0)
        return data

    machine.transport.line = line
    with pytest.raises(NoAnswerError) as silence:
        machine.driver.feed(JOB)
    assert silence.value.job_id == JOB
    assert machine.driver.status(JOB).state is MachineJobState.UNKNOWN
    assert refusal(lambda: machine.driver.feed(NEXT_JOB)) == "HELD"
    assert refusal(lambda: machine.driver.feed(JOB)) == "WRONG_STATE"
    machine.transport.line = clean_line
    machine.driver.open()
    machine.do("clear")
    assert machine.make(NEXT_JOB).made
    assert machine.fed() == 2


def test_a_machine_that_was_switched_off_says_so_and_nothing_is_drawn(bench: Benches) -> None:
    machine = bench()
    machine.driver.open()
    machine.restart_machine()
    with pytest.raises(MachineFaultError, match="B0, not initialized"):
        machine.driver.feed(JOB)
    assert machine.fed() == 0
    machine.driver.open()
    assert machine.make(JOB).made


def test_a_counter_at_its_end_draws_nothing_more(bench: Benches) -> None:
    machine = bench()
    line = Exchange("crt-01", machine.transport, Times())
    line.open()
    for command in (
        Command(frames.INITIALIZE, frames.KEEP_CARD),
        Command(frames.BIN_COUNTER, frames.SET, b"%d" % (MOST_COUNTED - 1)),
    ):
        assert isinstance(line.ask(command, 1.0), frames.Reply)
    line.close()
    machine.driver.open()
    assert machine.make(JOB).made
    with pytest.raises(MachineFaultError, match="counter stands at 999"):
        machine.driver.feed(NEXT_JOB)
    assert machine.fed() == 1


@BOTH
def test_another_machine_or_mode_is_refused(bench: Benches, level: str) -> None:
    machine = bench(level)
    driver = type(machine.driver)
    for serial, emulated, fact in (("591M9999", True, "serial"), ("591M0042", False, "mode")):
        with pytest.raises(WrongMachineError) as wrong:
            driver("crt-01", serial, emulated, machine.transport).open()
        assert wrong.value.fact == fact
    with pytest.raises(SessionClosedError):
        machine.driver.feed(JOB)


@pytest.mark.parametrize("driver", [Crt591, Crt591Counting])
@pytest.mark.parametrize(
    "port", ["loop://", "spy:///dev/ttyUSB0", "alt:///dev/ttyUSB0?class=PosixPollSerial", "hwgrep://0403"]
)
def test_a_port_that_others_can_open_too_is_refused(driver: Any, port: str) -> None:
    with pytest.raises(PortUnavailableError, match="exclusively"):
        driver("crt-01", "591M0042", True, SerialTransport(port)).open()


class Babbler:
    """A machine that opens well, then answers every command with an acknowledgement and the next of its sayings."""

    next_deadline_s = None

    def __init__(self, sayings: list[bytes]) -> None:
        self.sayings, self.decoder = sayings, FrameDecoder()

    def turn(self, data: bytes, now_s: float) -> bytes:
        said = b""
        for frame in self.decoder.feed(data):
            if isinstance(frame, Command):
                said += b"\x06" + self.answer(frame)
        return said

    def answer(self, command: Command) -> bytes:
        status = (frames.Card.NONE, frames.Supply.ENOUGH, frames.Bin.HAS_ROOM)
        told = {frames.INITIALIZE: b"CRT-591-M001", frames.SERIAL_NUMBER: b"\x041234"}.get(command.code)
        if told is not None:
            return encode(frames.Reply(command.code, command.parameter, *status, told))
        data = self.sayings.pop(0) if self.sayings else b"007"
        if data[:1] == b"!":
            return data[1:]
        card = frames.Card(str(len(data) % 3))
        return encode(frames.Reply(command.code, command.parameter, card, *status[1:], data))


@given(st.lists(st.binary(max_size=20), max_size=40), st.sampled_from([Crt591, Crt591Counting]))
def test_whatever_a_machine_says_only_the_packages_own_errors_are_raised(sayings: list[bytes], driver: Any) -> None:
    transport = FakeTransport(Babbler(sayings))
    transport.port = "/dev/ttyUSB0"
    times = Times(ack_s=0.05, answer_s=0.1, motion_s=0.2, silence_s=0.05, quiet_s=0.01)
    machine = driver("crt-01", "1234", False, transport, times=times)
    with suppress(DeviceError):
        machine.open()
        serial = machine.feed(JOB)
        machine.make(JOB, PieceData("p", serial, (), chip={"EF.DG1": b"abc"}).encode())
    machine.close()
