"""The scale's driver: on the emulator, on scales that answer late or badly, all on a virtual clock."""

import pickle
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.emulation.emulator import EmulatorSetup
from devices.errors import (
    DeviceError,
    MachineRefusedError,
    NotStableError,
    OverloadError,
    PortLostError,
    ScaleSilentError,
    SessionClosedError,
    UnderloadError,
    WrongMachineError,
)
from devices.fake_transport import FakeTransport
from devices.scale.driver import MtSicsScale, ScaleTimes
from devices.scale.emulator import GIVE_UP_S, SETTLE_S, ScaleEmulator, emulate

TIMES = ScaleTimes(answer_s=1.0, quiet_s=0.3, poll_s=0.1)
HELLO = b'I4 A "SC-1"\r\n'


def emulator(speed: float = 1.0, serial: str = "SC-1") -> ScaleEmulator:
    return emulate(EmulatorSetup("scale-01", serial, Path("unused"), Path("unused"), speed=speed))


def driver_of(machine, serial: str = "SC-1", emulated: bool = True) -> tuple[MtSicsScale, FakeTransport]:
    transport = FakeTransport(machine)
    return MtSicsScale("scale-01", serial, emulated, transport, times=TIMES), transport


class Scripted:
    """A scale that gives each request the next answer of a script, each after its delay in seconds, in order."""

    def __init__(self, *script: tuple[float, bytes]) -> None:
        self.script, self.asked = list(script), []
        self._due: list[tuple[float, bytes]] = []

    @property
    def next_deadline_s(self) -> float | None:
        return self._due[0][0] if self._due else None

    def turn(self, data: bytes, now_s: float) -> bytes:
        for request in data.split(b"\r\n")[:-1]:
            self.asked.append(request)
            delay_s, answer = self.script.pop(0) if self.script else (0.0, b"")
            not_before_s = self._due[-1][0] if self._due else 0.0
            self._due.append((max(now_s + delay_s, not_before_s), answer))
        out = b""
        while self._due and self._due[0][0] <= now_s:
            out += self._due.pop(0)[1]
        return out


def opened(*script: tuple[float, bytes]) -> tuple[MtSicsScale, FakeTransport, Scripted]:
    machine = Scripted((0.0, HELLO), *script)
    scale, transport = driver_of(machine, emulated=False)
    assert scale.open() == "SC-1"
    return scale, transport, machine


def test_only_a_stable_weight_is_returned() -> None:
    machine = emulator()
    scale, transport = driver_of(machine)
    assert scale.open() == "EMULATED SC-1"
    machine.control({"do": "load", "grams": "37.25"})
    begun_s = transport.now_s
    assert scale.weigh(5.0) == Decimal("37.25")
    assert transport.now_s - begun_s >= SETTLE_S


def test_a_weight_that_never_rests_is_said_to_be_unstable() -> None:
    machine = emulator()
    scale, _ = driver_of(machine)
    scale.open()
    machine.control({"do": "load", "grams": "37.25"})
    with pytest.raises(NotStableError):
        scale.weigh(SETTLE_S / 2)
    assert scale.weigh(SETTLE_S) == Decimal("37.25")


@pytest.mark.parametrize(("grams", "error"), [("3200.01", OverloadError), ("-64.01", UnderloadError)])
def test_what_is_out_of_range_has_no_weight(grams: str, error: type[DeviceError]) -> None:
    machine = emulator(speed=0)
    scale, _ = driver_of(machine)
    scale.open()
    machine.control({"do": "load", "grams": grams})
    with pytest.raises(error) as refusal:
        scale.weigh(5.0)
    assert refusal.value.machine == "scale-01"
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


@pytest.mark.parametrize(
    ("says", "serial", "emulated", "fact"),
    [
        ("SC-1", "SC-2", True, "serial"),
        ("SC-1", "SC-1", False, "mode"),
        ("EMULATED-9", "EMULATED-9", False, "mode"),
    ],
)
def test_another_scale_is_refused(says: str, serial: str, emulated: bool, fact: str) -> None:
    scale, _ = driver_of(emulator(serial=says), serial, emulated)
    with pytest.raises(WrongMachineError) as refusal:
        scale.open()
    assert refusal.value.fact == fact
    with pytest.raises(SessionClosedError):
        scale.weigh(1.0)


def test_a_real_scale_is_refused_where_an_emulator_is_configured() -> None:
    scale, _ = driver_of(Scripted((0.0, HELLO)), emulated=True)
    with pytest.raises(WrongMachineError, match="mode"):
        scale.open()


def test_a_late_answer_is_never_taken_for_a_later_request() -> None:
    """The first load is answered when the second already lies there."""
    scale, transport, machine = opened(
        (30.0, b"S S      10.00 g\r\n"),
        (0.0, HELLO),
        (0.0, HELLO),
        (0.0, b"S S      20.00 g\r\n"),
    )
    with pytest.raises(ScaleSilentError):
        scale.weigh(4.0)
    assert machine.asked == [b"I4", b"SI", b"I4"]
    with transport.lock:
        transport.wait_for(lambda: False, 30.0)
    assert scale.weigh(4.0) == Decimal("20.00")


def test_an_answer_that_comes_between_the_next_questions_is_dropped() -> None:
    """It stalls again and again; each time what it owes comes late, in the order in which it was asked."""
    scale, _, _ = opened(
        (2.5, b"S S      10.00 g\r\n"),
        (0.0, HELLO),
        (0.5, HELLO),
        (1.2, b"S S      20.00 g\r\n"),
        (0.0, HELLO),
        (0.0, b"S S      30.00 g\r\n"),
    )
    with pytest.raises(ScaleSilentError):
        scale.weigh(2.0)
    assert scale.weigh(5.0) == Decimal("30.00")


def test_owed_serial_numbers_are_waited_for_before_a_weight_is_believed() -> None:
    """An I4 answer that an earlier attempt is owed says nothing about the weight asked for since."""
    scale, _, _ = opened(
        (0.0, b""),  # lost
        (2.7, HELLO),
        (2.6, HELLO),
        (2.1, HELLO),
        (1.5, b"S S      20.00 g\r\n"),
        (0.0, HELLO),
        (0.0, b"S S      30.00 g\r\n"),
    )
    with pytest.raises(ScaleSilentError):
        scale.weigh(2.0)
    with pytest.raises(ScaleSilentError):
        scale.weigh(1.0)
    assert scale.weigh(9.0) == Decimal("30.00")


def test_a_lost_answer_is_asked_for_again() -> None:
    scale, _, machine = opened((0.0, b"S S     10.00 g\r\n"), (0.0, HELLO), (0.0, b"S S      10.00 g\r\n"))
    assert scale.weigh(5.0) == Decimal("10.00")
    assert (scale.damaged, machine.asked[1:]) == (1, [b"SI", b"I4", b"SI"])


def test_an_answer_that_comes_unasked_is_no_answer() -> None:
    scale, _, _ = opened((0.0, b"S S      20.00 g\r\nS S      30.00 g\r\n"), (0.0, b"S S      40.00 g\r\n"))
    assert scale.weigh(5.0) == Decimal("20.00")
    assert scale.weigh(5.0) == Decimal("40.00")


def test_a_scale_that_was_changed_while_it_was_silent_is_refused() -> None:
    scale, _, _ = opened((0.0, b""), (0.0, b'I4 A "SC-2"\r\n'))
    with pytest.raises(WrongMachineError):
        scale.weigh(5.0)


def test_kilograms_and_milligrams_are_told_in_grams_and_other_units_refused() -> None:
    scale, _, _ = opened(
        (0.0, b"S S    0.03725 kg\r\n"), (0.0, b"S S      37250 mg\r\n"), (0.0, b"S S       1.31 oz\r\n")
    )
    assert scale.weigh(1.0) == scale.weigh(1.0) == Decimal("37.25")
    with pytest.raises(WrongMachineError, match="oz"):
        scale.weigh(1.0)


def test_a_scale_that_does_not_know_the_command_says_so() -> None:
    scale, _, _ = opened((0.0, b"ES\r\n"))
    with pytest.raises(MachineRefusedError) as refusal:
        scale.weigh(1.0)
    assert refusal.value.code == "ES"


def test_a_busy_or_disturbed_scale_is_asked_again() -> None:
    scale, _, _ = opened((0.0, b"S I\r\n"), (0.0, b"ET\r\n"), (0.0, b"S S      10.00 g\r\n"))
    assert scale.weigh(1.0) == Decimal("10.00")


def test_a_scale_that_says_nothing_is_not_opened() -> None:
    scale, _ = driver_of(Scripted())
    with pytest.raises(ScaleSilentError, match="I4"):
        scale.open()


def test_a_pulled_cable_is_a_typed_error() -> None:
    scale, transport, _ = opened()
    transport.hang_up("unplugged")
    with pytest.raises(PortLostError):
        scale.weigh(1.0)


class Babbler:
    """A machine that says the same after every millisecond."""

    def __init__(self, says: bytes) -> None:
        self.says, self.due_s = says, 0.0

    @property
    def next_deadline_s(self) -> float:
        return self.due_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        self.due_s = now_s + 0.001
        return self.says


LIKELY = st.sampled_from([HELLO, b"S S      10.00 g\r\n", b"S D      10.00 g\r\n", b"S I\r\n", b"ES\r\n", b"\r\n"])


@given(st.lists(LIKELY | st.binary(max_size=40), min_size=1, max_size=4).map(b"".join))
def test_whatever_babbles_raises_only_the_packages_errors(says: bytes) -> None:
    scale, _ = driver_of(Babbler(says), emulated=False)
    for call in (scale.open, lambda: scale.weigh(0.2)):
        with suppress(DeviceError):
            call()
    scale.close()


def test_s_waits_for_rest_and_gives_up_as_busy() -> None:
    machine = emulator(speed=0.1)
    machine.turn(b"", 0.0)
    machine.control({"do": "load", "grams": "10"})
    assert machine.turn(b"S\r\nI4\r\n", 1.0) == b""
    assert machine.next_deadline_s == 1.0 + SETTLE_S * 10
    assert machine.turn(b"", 16.0) == b'S S      10.00 g\r\nI4 A "EMULATED SC-1"\r\n'
    machine.control({"do": "load", "grams": "1000"})
    machine.turn(b"", 20.0)
    machine._settled_s = 1e9
    assert machine.turn(b"S\r\n", 21.0) == b""
    assert machine.turn(b"", 21.0 + GIVE_UP_S * 10) == b"S I\r\n"


def test_zero_makes_a_light_load_nothing_and_refuses_a_heavy_one() -> None:
    machine = emulator(speed=0)
    for grams, said in (("5.00", b"Z A\r\nS S       0.00 g\r\n"), ("65", b"Z +\r\nS S      60.00 g\r\n")):
        machine.control({"do": "load", "grams": grams})
        assert machine.turn(b"Z\r\nS\r\n", 1.0) == said


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"S\r\n", b"SI\r\n", b"Z\r\n", b"I4\r\n"]), max_size=20))
def test_the_emulator_answers_any_line_and_holds_few(pieces: list[bytes]) -> None:
    machine = emulator()
    machine.control({"do": "stall", "seconds": 5})
    for piece in pieces:
        machine.turn(piece, 1.0)
    answers = machine.turn(b"\r\n" if pieces else b"", 10.0)
    assert answers.count(b"\r\n") <= 17


@pytest.mark.parametrize("grams", ["", "much", "NaN", "1e99", "Infinity"])
def test_no_such_weight_lies_on_a_scale(grams: str) -> None:
    assert emulator().control({"do": "load", "grams": grams})["ok"] is False
