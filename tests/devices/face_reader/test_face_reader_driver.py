"""The face reader's driver: on the emulator, and on lines and readers that are late, silent, others or babbling."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.emulation.emulator import EmulatorSetup
from devices.errors import (
    DeviceError,
    MachineRefusedError,
    NoRecognitionError,
    PortLostError,
    ReaderSilentError,
    RecognitionFormatError,
    SessionClosedError,
    UnexpectedAnswerError,
    UnitNumberError,
    WrongMachineError,
)
from devices.face_reader.driver import OsdpFaceReader, OsdpTimes
from devices.face_reader.emulator import FaceReaderEmulator, emulate
from devices.face_reader.frames import Code, Identity, Packet, PacketDecoder, Recognised, encode_packet
from devices.fake_transport import FakeTransport, clean_line
from devices.roles import Position, Recognition, Sign

ALICE, BORIS = 1001, 1002
EPOCH_US = 1_800_000_000_000_000


class Bench:
    """The emulator and its driver on a virtual clock, which is the host's clock too."""

    def __init__(self, folder: Path, serial: str = "20311", line: Callable[..., bytes] = clean_line) -> None:
        self.folder, self.serial = folder, serial
        self.heard = PacketDecoder(0, replies=False)
        self.asked: list[Packet] = []
        self.transport = FakeTransport(self.boot(), self._hear)
        self.line = line
        self.driver = self.make_driver()

    def _hear(self, direction: str, data: bytes) -> bytes:
        passed: bytes = self.line(direction, data)
        if direction == "to machine":
            self.asked += self.heard.feed(passed)
        return passed

    def boot(self) -> FaceReaderEmulator:
        self.reader = emulate(EmulatorSetup("face-01", self.serial, self.folder, self.folder))
        return self.reader

    def make_driver(self) -> OsdpFaceReader:
        return OsdpFaceReader("face-01", self.serial, True, self.transport, utc_us=self.utc_us)

    def utc_us(self) -> int:
        return EPOCH_US + round(self.transport.now_s * 1_000_000)

    def recognise(self, credential: int, quality: int = 90) -> int:
        answer = self.reader.control({"do": "recognise", "credential": credential, "quality": quality})
        assert answer["ok"], answer
        return int(answer["number"])

    def pass_time(self, seconds: float) -> None:
        self.transport.now_s += seconds
        self.reader.turn(b"", self.transport.now_s)

    def nobody_comes(self) -> None:
        with pytest.raises(NoRecognitionError):
            self.driver.recognition(1.0)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.driver.open()
    return made


def test_a_recognition_is_a_number_a_quality_and_a_time(bench: Bench) -> None:
    bench.pass_time(1.0)
    bench.recognise(ALICE, 97)
    found = bench.driver.recognition(5.0)
    memory = bench.reader.control({"do": "state"})["memory"]
    assert (found.credential, found.quality_percent, found.position, found.missed) == (
        ALICE,
        97,
        Position(memory, 1),
        0,
    )
    assert abs(found.at_us - bench.utc_us()) < 300_000
    assert bench.driver.position == found.position
    bench.nobody_comes()


def test_recognitions_come_in_order_and_each_once(bench: Bench) -> None:
    for credential in (ALICE, BORIS, ALICE):
        bench.recognise(credential)
    found = [bench.driver.recognition(5.0) for _ in range(3)]
    assert [(one.credential, one.position.number) for one in found] == [(ALICE, 1), (BORIS, 2), (ALICE, 3)]
    bench.nobody_comes()


def test_a_recognition_that_waited_says_how_old_it_is(bench: Bench) -> None:
    bench.recognise(ALICE)
    bench.pass_time(0.0)
    recognised_us = bench.utc_us()
    bench.pass_time(60.0)
    assert 0 <= recognised_us + 100_000 - bench.driver.recognition(5.0).at_us < 400_000


def test_numbers_go_as_the_standard_says_and_nobody_is_asked_without_one(bench: Bench) -> None:
    bench.nobody_comes()
    numbers = [packet.sequence for packet in bench.asked]
    assert numbers[:2] == [0, 1]
    assert all(after == before % 3 + 1 for before, after in pairwise(numbers))


def lose_answers(count: int) -> Callable[..., bytes]:
    """A line that loses the first answers with a recognition."""
    left = [count]

    def line(direction: str, data: bytes) -> bytes:
        packets = PacketDecoder(0, replies=True).feed(data) if direction == "to host" else []
        if left[0] and any(packet.code == Code.RAW for packet in packets):
            left[0] -= 1
            return b""
        return data

    return line


def test_a_lost_answer_is_asked_for_under_the_same_number_and_is_no_second_person(bench: Bench) -> None:
    bench.line = lose_answers(1)
    bench.recognise(ALICE)
    bench.asked.clear()
    assert bench.driver.recognition(5.0).credential == ALICE
    assert bench.asked[0] == bench.asked[1]
    bench.nobody_comes()


def test_a_repeated_answer_is_not_a_second_person(bench: Bench) -> None:
    bench.line = lambda direction, data: data * 2 if direction == "to host" else data
    bench.recognise(ALICE)
    bench.recognise(BORIS)
    assert [bench.driver.recognition(5.0).credential for _ in range(2)] == [ALICE, BORIS]
    bench.nobody_comes()


def test_what_was_not_acknowledged_is_told_again_over_a_new_link_and_taken_once(bench: Bench) -> None:
    """The host took the recognition and was lost before it acknowledged it."""
    bench.recognise(ALICE)
    before = bench.driver.recognition(5.0)
    bench.transport.hang_up("unplugged")
    with pytest.raises(PortLostError):
        bench.driver.recognition(1.0)
    bench.driver.open()
    bench.nobody_comes()
    another = bench.make_driver()
    another.open(after=before.position)
    with pytest.raises(NoRecognitionError):
        another.recognition(1.0)
    bench.recognise(BORIS)
    assert (found := another.recognition(5.0)).credential == BORIS
    assert (found.position.number, found.missed) == (2, 0)


def test_a_host_that_kept_no_position_is_told_what_was_not_acknowledged(bench: Bench) -> None:
    bench.recognise(ALICE)
    bench.driver.recognition(5.0)
    bench.driver.close()
    another = bench.make_driver()
    another.open()
    assert another.recognition(5.0).credential == ALICE


def test_a_silent_reader_is_offline_and_online_again_when_it_answers(bench: Bench) -> None:
    bench.reader.control({"do": "mute", "seconds": 30})
    with pytest.raises(ReaderSilentError):
        bench.driver.recognition(20.0)
    assert not bench.driver.online
    bench.recognise(ALICE)
    bench.pass_time(40.0)
    assert bench.driver.recognition(5.0).credential == ALICE
    assert bench.driver.online
    assert [packet.code for packet in bench.asked if packet.sequence == 0] == [Code.ID, Code.ID]


def test_a_late_answer_is_never_another_questions(bench: Bench) -> None:
    """The same two bits come round after three questions."""
    bench.reader.control({"do": "late", "seconds": 2.5})
    with pytest.raises(ReaderSilentError):
        bench.driver.recognition(1.0)
    for credential in (ALICE, BORIS):
        bench.recognise(credential)
    assert [bench.driver.recognition(5.0).credential for _ in range(2)] == [ALICE, BORIS]


class Slow:
    """The reader at the end of a line that delays some of its answers, by their number; somebody comes at the fifth."""

    def __init__(self, bench: Bench, delays_s: dict[int, float]) -> None:
        self.bench, self.delays_s, self.answers = bench, delays_s, 0
        self.due: list[tuple[float, bytes]] = []

    @property
    def next_deadline_s(self) -> float | None:
        due = [self.bench.reader.next_deadline_s, *(due_s for due_s, _ in self.due)]
        return min([moment for moment in due if moment is not None], default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        if data and self.answers == 4:
            self.bench.recognise(ALICE)
        if said := self.bench.reader.turn(data, now_s):
            self.answers += 1
            self.due.append((now_s + self.delays_s.get(self.answers, 0.0), said))
        out = b"".join(said for due_s, said in self.due if due_s <= now_s)
        self.due = [one for one in self.due if one[0] > now_s]
        return out


def test_an_answer_that_came_twice_is_not_taken_when_its_number_comes_round(bench: Bench) -> None:
    """The first answer is late and asked for again; the second one is so late that three more questions could be over.

    Taken for the answer to the fourth, it would acknowledge the recognition in the true one, which nobody has seen.
    """
    bench.transport.machine = Slow(bench, {1: 0.6, 2: 0.65, 5: 0.3})
    found = bench.driver.recognition(10.0)
    assert (found.credential, found.missed) == (ALICE, 0)


def test_a_host_that_paused_begins_anew_and_misses_nobody(bench: Bench) -> None:
    bench.recognise(ALICE)
    bench.pass_time(100.0)
    assert bench.driver.recognition(5.0).credential == ALICE


def test_a_reader_that_lost_its_power_counts_on_and_what_it_lost_is_missed(bench: Bench) -> None:
    bench.recognise(ALICE)
    bench.driver.recognition(5.0)
    bench.recognise(BORIS)
    bench.reader.lose_power()
    bench.reader.close()
    bench.transport.machine = bench.boot()
    bench.recognise(ALICE)
    found = bench.driver.recognition(5.0)
    assert (found.credential, found.position.number, found.missed) == (ALICE, 3, 1)


def test_a_reader_that_holds_too_many_drops_the_oldest_which_are_missed(bench: Bench) -> None:
    bench.recognise(ALICE)
    bench.driver.recognition(5.0)
    bench.nobody_comes()
    for number in range(40):
        bench.recognise(number)
    found = bench.driver.recognition(5.0)
    assert (found.credential, found.missed) == (8, 8)


def test_a_reader_with_another_memory_counts_anew(bench: Bench) -> None:
    bench.recognise(ALICE)
    before = bench.driver.recognition(5.0)
    bench.reader.close()
    (bench.folder / "recognitions").unlink()
    bench.transport.machine = bench.boot()
    bench.recognise(BORIS)
    found = bench.driver.recognition(5.0)
    assert (found.credential, found.position.number) == (BORIS, 1)
    assert found.position.memory != before.position.memory


def test_a_torn_count_begins_another_memory(bench: Bench) -> None:
    bench.recognise(ALICE)
    memory = bench.driver.recognition(5.0).position.memory
    bench.reader.close()
    kept = bench.folder / "recognitions"
    data = bytearray(kept.read_bytes())
    data[15] ^= 1
    kept.write_bytes(data)
    assert bench.boot().control({"do": "state"})["memory"] != memory


def test_signs_are_shown(bench: Bench) -> None:
    bench.driver.show(Sign.GRANTED)
    bench.driver.show(Sign.REFUSED)
    shown = bench.reader.control({"do": "state"})["shown"]
    assert [one[10:12] for one in shown[::2]] == ["02", "01"]
    assert [one[-2:] for one in shown[1::2]] == ["01", "03"]


@pytest.mark.parametrize(
    ("serial", "emulated", "fact"), [("20312", True, "serial"), ("20311", False, "mode"), ("x", True, "serial")]
)
def test_another_reader_and_an_emulator_in_production_are_refused(
    bench: Bench, serial: str, emulated: bool, fact: str
) -> None:
    with pytest.raises(WrongMachineError) as refusal:
        OsdpFaceReader("face-01", serial, emulated, bench.transport).open()
    assert refusal.value.fact == fact


def test_another_reader_put_in_its_place_while_open_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.serial = "20399"
    bench.folder = tmp_path / "other"
    bench.transport.machine = bench.boot()
    bench.recognise(BORIS)
    with pytest.raises(WrongMachineError, match="20399"):
        bench.driver.recognition(5.0)


def test_readers_are_asked_by_their_address(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "20311/5")
    bench.driver.open()
    with pytest.raises(ReaderSilentError):
        OsdpFaceReader("face-01", "20311/6", True, bench.transport).open()
    with pytest.raises(UnitNumberError, match="0 to 126"):
        OsdpFaceReader("face-01", "20311/127", True, bench.transport)


def test_a_closed_reader_is_a_typed_error(bench: Bench) -> None:
    bench.driver.close()
    with pytest.raises(SessionClosedError):
        bench.driver.recognition(1.0)


class Scripted:
    """A real reader: who it is, what it can, and then the codes and data of a script, under the right numbers."""

    next_deadline_s = None

    def __init__(self, *script: tuple[int, bytes], capabilities: bytes = bytes((3, 1, 0))) -> None:
        self.decoder = PacketDecoder(0, replies=False)
        identity = Identity(b"\x00\x06\x8e", 1, 1, 20311, (2, 4, 1))
        self.first = {Code.ID: (Code.PDID, identity.encode()), Code.CAP: (Code.PDCAP, capabilities)}
        self.script = list(script)

    def turn(self, data: bytes, now_s: float) -> bytes:
        return b"".join(self.answer(packet) for packet in self.decoder.feed(data))

    def answer(self, packet: Packet) -> bytes:
        known = self.first.get(Code(packet.code))
        code, data = known or (self.script.pop(0) if self.script else (Code.ACK, b""))
        sequence = 0 if code == Code.BUSY else packet.sequence
        return encode_packet(Packet(0, sequence, code, data), reply=True)


def scripted(*script: tuple[int, bytes]) -> OsdpFaceReader:
    driver = OsdpFaceReader("face-01", "20311", False, FakeTransport(Scripted(*script)))
    driver.open()
    return driver


def test_a_busy_reader_is_asked_again() -> None:
    read = Recognised(7, 1, ALICE, 80, 0).encode()
    assert scripted((Code.BUSY, b""), (Code.RAW, read)).recognition(2.0).credential == ALICE


def test_a_bare_card_number_is_nobody_and_the_next_one_is_read() -> None:
    read = Recognised(7, 1, ALICE, 80, 0).encode()
    driver = scripted((Code.RAW, bytes.fromhex("00 01 1A 00 12 34 56 40")), (Code.RAW, read))
    with pytest.raises(RecognitionFormatError, match="26 bits"):
        driver.recognition(2.0)
    assert driver.recognition(2.0).credential == ALICE


def test_a_count_that_goes_back_in_one_memory_is_nobody() -> None:
    reads = [(Code.RAW, Recognised(7, number, ALICE, 80, 0).encode()) for number in (5, 4, 5, 6)]
    driver = scripted(*reads)
    assert [driver.recognition(2.0).position.number for _ in range(2)] == [5, 6]


def test_a_reader_that_repeats_one_recognition_for_ever_is_one_person() -> None:
    driver = scripted(*[(Code.RAW, Recognised(7, 5, ALICE, 80, 0).encode())] * 10_000)
    assert driver.recognition(2.0).credential == ALICE
    with pytest.raises(NoRecognitionError):
        driver.recognition(2.0)


def test_other_reports_are_passed_over_and_refusals_are_typed() -> None:
    driver = scripted((0x48, b"\1\0"), (Code.NAK, b"\3"))
    with pytest.raises(MachineRefusedError) as refusal:
        driver.recognition(5.0)
    assert refusal.value.code == "NAK_3"


def test_a_reader_that_sends_no_bits_or_no_identity_is_not_opened() -> None:
    machine = Scripted(capabilities=bytes((3, 2, 0)))
    with pytest.raises(RecognitionFormatError):
        OsdpFaceReader("face-01", "20311", False, FakeTransport(machine)).open()
    machine.first[Code.ID] = (Code.PDID, b"?")
    with pytest.raises(UnexpectedAnswerError):
        OsdpFaceReader("face-01", "20311", False, FakeTransport(machine)).open()


@pytest.mark.parametrize(
    "error",
    [
        ReaderSilentError("face-01", "POLL", 1.5),
        NoRecognitionError("face-01", 5.0),
        RecognitionFormatError("face-01", "a read of 26 bits", "120"),
        UnitNumberError("1/127", 126, 0),
    ],
)
def test_errors_survive_pickling(error: DeviceError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


class Babbler:
    """A machine that says the same after every five milliseconds."""

    def __init__(self, says: bytes) -> None:
        self.says, self.due_s = says, 0.0

    @property
    def next_deadline_s(self) -> float:
        return self.due_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        self.due_s = now_s + 0.005
        return self.says


def answers() -> st.SearchStrategy[bytes]:
    identity = Identity(b"\x00\x06\x8e", 1, 1, 20311, (2, 4, 1)).encode()
    data = st.binary(max_size=30) | st.sampled_from([identity, bytes((3, 1, 0)), Recognised(7, 1, 1, 1, 1).encode()])
    packets = st.builds(Packet, st.just(0), st.integers(0, 3), st.sampled_from(list(Code)), data)
    return packets.map(lambda packet: encode_packet(packet, reply=True))


SHORT = OsdpTimes(answer_s=0.05, worst_s=0.1, quiet_s=0.01, poll_s=0.02)


@given(st.lists(answers() | st.binary(max_size=40), min_size=1, max_size=6).map(b"".join))
def test_whatever_babbles_raises_only_the_packages_errors(says: bytes) -> None:
    driver = OsdpFaceReader("face-01", "20311", False, FakeTransport(Babbler(says)), times=SHORT)
    calls: tuple[Callable[[], object], ...] = (
        driver.open,
        lambda: driver.recognition(0.2),
        lambda: driver.show(Sign.GRANTED),
    )
    for call in calls:
        with suppress(DeviceError):
            call()
    driver.close()


@given(st.lists(answers() | st.binary(max_size=40), max_size=6))
def test_after_any_answers_whoever_is_recognised_is_a_number_in_order(script: list[bytes]) -> None:
    machine = Scripted()
    sound = machine.answer
    machine.answer = lambda packet: (script.pop(0) if script and packet.code == Code.POLL else b"") + sound(packet)  # type: ignore[method-assign]
    driver = OsdpFaceReader("face-01", "20311", False, FakeTransport(machine), times=SHORT)
    driver.open()
    found: list[Recognition] = []
    for _ in range(8):
        with suppress(DeviceError):
            found.append(driver.recognition(0.1))
    numbers = [one.position.number for one in found if one.position.memory == 7]
    assert numbers == sorted(set(numbers))


@given(st.lists(st.binary(max_size=200) | st.just(encode_packet(Packet(0, 0, Code.POLL))), max_size=20))
def test_the_emulator_takes_any_bytes_and_holds_few(pieces: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        reader = emulate(EmulatorSetup("face-01", "20311", Path(folder), Path(folder), speed=0))
        reader.control({"do": "late", "seconds": 1000})
        said = b"".join(reader.turn(piece, float(number)) for number, piece in enumerate(pieces))
        assert len(said + reader.turn(b"", 5000.0)) <= 16 * 128
        reader.control({"do": "late", "seconds": 0})
        request = encode_packet(Packet(0, 0, Code.ID, b"\0"))
        reader.turn(request, 6000.0)
        assert PacketDecoder(0, replies=True).feed(reader.turn(request, 6001.0))
        reader.close()


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "recognise", "credential": -1, "quality": 50},
        {"do": "recognise", "credential": 1, "quality": 101},
        {"do": "recognise", "credential": "Alice", "quality": 1},
        {"do": "photo"},
    ],
)
def test_the_emulator_refuses_what_is_no_recognition(bench: Bench, request_: dict[str, object]) -> None:
    assert bench.reader.control(request_)["ok"] is False
