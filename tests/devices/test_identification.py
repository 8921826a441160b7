"""Whoever is on a port is named after a harmless question; real emulator processes, and ptys with anybody else."""

import os
import pty
import random
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from devices import identification
from devices.conversation import Conversation
from devices.crt591.frames import Bin, Card, Failure, Reply, Supply, encode
from devices.emulation.hands import Hands
from devices.emulation.modbus import crc16
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import PortUnavailableError
from devices.face_reader.frames import Identity, Packet, encode_packet, serial_of
from devices.identification import Times, find
from devices.label_printer import sbpl, zpl
from devices.registry import DeviceEntry, make_driver, make_transport
from devices.scale.frames import AnswerDecoder, SerialNumber, encode_answer
from devices.transport import SerialTransport

SHORT = Times(
    hello_s=0.15,
    scale_s=0.1,
    sato_s=0.1,
    zebra_s=0.1,
    crt591_s=0.1,
    face_reader_s=0.1,
    climate_s=0.1,
    air_shower_s=0.1,
    particle_counter_s=0.1,
)
FULL = Times()
LONG_S = 20.0
LINK = {"hello_s": FULL.hello_s}
MACHINES = {
    "book-personalizer": LINK,
    "card-personalizer": LINK,
    "document-reader": LINK,
    "mt-sics-scale": {"scale_s": FULL.scale_s},
    "sato-label-printer": {"sato_s": FULL.sato_s},
    "zebra-label-printer": {"zebra_s": FULL.zebra_s},
    "crt-591-counting": {"crt591_s": FULL.crt591_s},
    "modbus-climate": {"climate_s": FULL.climate_s},
    "modbus-particle-counter": {"particle_counter_s": FULL.particle_counter_s},
    "modbus-air-shower": {"air_shower_s": FULL.air_shower_s},
    "osdp-face-reader": {"face_reader_s": FULL.face_reader_s},
    "rte-mrz-reader": {},
}
"""Drivers of the emulators that run, and how long their own question waits for an answer."""
QUESTIONS = bytes.fromhex(
    "0d0a 49340d0a 05 7e4849 f200000343a2300323 53000900046100c066"
    "010400000014f005 0111c02c 010400010002200b 01040100000931f0"
)
"""What is said after RESET, in this order."""


def entry(driver: str) -> DeviceEntry:
    return DeviceEntry(driver, driver, f"emulator://{driver}", f"N-{driver}", "emulated")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """One machine of every driver, each a process of its own."""
    running = Supervisor(tmp_path_factory.mktemp("line"), speed=0, seed=1)
    running.start([EmulatorSpec(driver, driver, entry(driver).serial) for driver in MACHINES])
    yield running
    running.stop()


@contextmanager
def far_end(on_bytes: Callable[[int, bytes], None], *, babble: Callable[[], bytes] = bytes) -> Iterator[str]:
    """A pty whose other end hands what it hears to `on_bytes` and says `babble` all the time; yields its path."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    ended = threading.Event()

    def serve() -> None:
        while not ended.wait(0.002):
            with suppress(BlockingIOError):
                os.write(master, babble())
            with suppress(BlockingIOError, OSError):
                on_bytes(master, os.read(master, 4096))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        ended.set()
        thread.join()
        os.close(master)
        os.close(slave)


def said_to_nobody(*, baud: int | None = None) -> bytes:
    """All the bytes that are sent to a port where nobody answers."""
    heard = bytearray()
    with far_end(lambda _, data: heard.extend(data)) as port:
        assert find(port, None, baud=baud, times=SHORT) is None
    return bytes(heard)


@pytest.mark.parametrize("driver", [driver for driver in MACHINES if driver != "rte-mrz-reader"])
def test_a_machine_of_every_driver_is_named_and_its_port_is_left_free(line: Supervisor, driver: str) -> None:
    machines, port = line.directory / "machines", entry(driver).port
    found = find(port, machines, times=replace(SHORT, **MACHINES[driver]))
    assert found is not None
    assert found["port"] == port
    assert driver in str(found["driver"])
    assert found["mode"] == "EMULATED"
    if driver == "osdp-face-reader":
        assert found["serial"] == str(serial_of(entry(driver).serial))
    elif driver not in ("sato-label-printer", "zebra-label-printer", "crt-591-counting"):
        assert found["serial"] == entry(driver).serial
    again: Conversation[Any] = Conversation(driver, SerialTransport(port, machines=machines), AnswerDecoder())
    again.open()
    again.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("port ")]


def test_a_card_encoder_tells_its_serial_number_once_a_driver_has_opened_it(line: Supervisor) -> None:
    machines = line.directory / "machines"
    machine = make_driver(entry("crt-591-counting"), make_transport(entry("crt-591-counting"), machines))
    machine.open()
    machine.close()
    found = find("emulator://crt-591-counting", machines, times=replace(SHORT, crt591_s=FULL.crt591_s))
    assert found is not None
    assert (found["model"], found["serial"]) == ("CRT-591", "N-crt-591-counting")


def test_a_swipe_reader_takes_no_commands_and_is_nobody(line: Supervisor) -> None:
    assert find("emulator://rte-mrz-reader", line.directory / "machines", times=SHORT) is None


def test_no_machine_moves_prints_or_forgets_its_zero_at_all_the_questions_together(line: Supervisor) -> None:
    """Each machine hears every question, those after its own too, which it would be spared."""
    machines = line.directory / "machines"
    hands = Hands(line.directory / "world", machines)
    for driver in ("book-personalizer", "card-personalizer", "crt-591-counting"):
        blanks = [f"{driver[0]}{number}" for number in range(3)]
        hands.deliver(blanks, "shelf")
        hands.load(driver, blanks)
    hands.lay_on("mt-sics-scale", 50)
    encoder = make_driver(entry("crt-591-counting"), make_transport(entry("crt-591-counting"), machines))
    encoder.open()
    encoder.close()
    before = [hands.look(driver) for driver in ("book-personalizer", "card-personalizer", "crt-591-counting")]
    # Frames leave a scale's line unfinished; its own question, heard alone, does not.
    questions = said_to_nobody() + b"\r\n"
    for driver in MACHINES:
        tell(line, driver, questions)
    after = [hands.look(driver) for driver in ("book-personalizer", "card-personalizer", "crt-591-counting")]
    assert after == before
    assert line.control("crt-591-counting").ask("state")["counter"] == 0
    assert (line.directory / "world" / "printed").read_bytes() == b""
    scale = make_driver(entry("mt-sics-scale"), make_transport(entry("mt-sics-scale"), machines))
    scale.open()
    assert scale.weigh(LONG_S) == 50
    scale.close()
    hands.close()


def tell(line: Supervisor, driver: str, questions: bytes) -> None:
    """Send them all and wait until the machine has heard them."""
    control = line.control(driver)
    due = control.ask("state")["bytes_in"] + len(questions)
    transport = SerialTransport(entry(driver).port, machines=line.directory / "machines")
    talk: Conversation[Any] = Conversation(driver, transport, AnswerDecoder())
    talk.open()
    talk.send(questions)
    give_up_s = time.monotonic() + LONG_S
    while control.ask("state")["bytes_in"] < due and time.monotonic() < give_up_s:
        talk.pause(0.02)
    talk.close()
    assert control.ask("state")["bytes_in"] == due


def test_the_questions_come_in_the_order_that_does_no_harm_and_reset_is_quiet() -> None:
    resets, begin, rest = said_to_nobody().partition(QUESTIONS[:2])
    assert begin + rest == QUESTIONS
    assert resets.count(b"\x7e\x04\x00\x00") == 1
    free = resets.replace(b"\x7e\x04\x00\x00", b"").replace(b"\x7e\x84\x00\x00", b"").replace(b"\x7e", b"")
    assert free
    assert min(free) >= 0x20
    assert not set(b"^}~\x7f\xf2").intersection(free)


def test_a_rate_that_is_given_is_the_only_one() -> None:
    rates = rates_heard_by_nobody(baud=19_200)
    assert rates == {termios.B19200}


def test_a_serial_port_is_tried_at_the_usual_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "_has_rate", lambda port: True)
    rates = rates_heard_by_nobody(baud=None)
    assert rates == {termios.B115200, termios.B57600, termios.B38400, termios.B19200, termios.B9600}


def rates_heard_by_nobody(*, baud: int | None) -> set[int]:
    rates: set[int] = set()
    with far_end(lambda master, data: rates.add(termios.tcgetattr(master)[4])) as port:
        assert find(port, None, baud=baud, times=SHORT) is None
    return rates


def test_whoever_only_babbles_is_nobody_and_is_left_in_time() -> None:
    chance = random.Random(7)
    begun_s = time.monotonic()
    with far_end(lambda *_: None, babble=lambda: chance.randbytes(200)) as port:
        assert find(port, None, times=SHORT) is None
    assert time.monotonic() - begun_s < LONG_S


def checked(frame: bytes) -> bytes:
    return frame + crc16(frame)


SCALE = {b"I4\r\n": encode_answer(SerialNumber("B021002593"))}
SATO = {b"\x05": sbpl.Status("07", "G", 1, "J1234567").encode()}
ZEBRA = {b"~HI": zpl.Identity("ZT230-200dpi", "V72.19").encode()}
CRT591 = {
    b"\xa2\x30\x03\x23": b"\x06" + encode(Reply(0xA2, 0x30, Card.NONE, Supply.FEW, Bin.HAS_ROOM, b"\x04591M")),
}
ASLEEP = {b"\xa2\x30\x03\x23": b"\x06" + encode(Failure(0xA2, 0x30, "B0"))}
CLIMATE = {b"\x01\x11\xc0\x2c": checked(b"\x01\x91\x01"), b"\x20\x0b": checked(b"\x01\x04\x04\x01\x31\x02\x22")}
SHOWER = {b"\x31\xf0": checked(b"\x01\x04\x12" + struct.pack(">9H", 0x4153, 0, 0, 0, 0, 0, 7, 0, 1))}
FACE = {
    b"\xc0\x66": encode_packet(
        Packet(0, 0, 0x45, Identity(b"\x00\x06\x8e", 1, 1, 20311, (2, 4, 1)).encode()), reply=True
    )
}
SILENT_CLIMATE = {b"\x20\x0b": checked(b"\x01\x04\x04\x01\x31\x02\x22")}


@pytest.mark.parametrize(
    ("answers", "driver", "model", "serial", "firmware"),
    [
        (SCALE, "mt-sics-scale", "", "B021002593", ""),
        (SATO, "sato-label-printer", "", "", ""),
        (ZEBRA, "zebra-label-printer", "ZT230-200dpi", "", "V72.19"),
        (CRT591, "crt-591-counting or crt-591", "CRT-591", "591M", ""),
        (ASLEEP, "crt-591-counting or crt-591", "CRT-591", "", ""),
        (CLIMATE, "modbus-climate", "", "", ""),
        (SHOWER, "modbus-air-shower", "", "", ""),
        (FACE, "osdp-face-reader", "00068e", "20311", "2.4.1"),
        (SILENT_CLIMATE, "modbus-climate", "", "", ""),
    ],
)
def test_what_does_not_say_that_it_is_emulated_is_a_machine_in_production(
    answers: Mapping[bytes, bytes], driver: str, model: str, serial: str, firmware: str
) -> None:
    def answer(master: int, data: bytes) -> None:
        for ending, said in answers.items():
            if data.endswith(ending):
                os.write(master, said)

    with far_end(answer) as port:
        found = find(port, None, times=Times(*[0.5] * len(fields(Times))))
    facts = {"driver": driver, "model": model, "serial": serial, "firmware": firmware, "mode": "production"}
    assert found == {"port": port} | facts


def test_another_modbus_machine_is_not_taken_for_a_climate_transmitter() -> None:
    """Anybody on Modbus refuses function 17; only such a transmitter tells the two registers."""
    refusals = {b"\xc0\x2c": checked(b"\x01\x91\x01"), b"\x20\x0b": checked(b"\x01\x84\x02")}

    def answer(master: int, data: bytes) -> None:
        os.write(master, next((said for ending, said in refusals.items() if data.endswith(ending)), b""))

    with far_end(answer) as port:
        assert find(port, None, times=replace(SHORT, climate_s=0.5)) is None


def test_a_modbus_machine_is_asked_by_its_own_number(tmp_path: Path) -> None:
    running = Supervisor(tmp_path, speed=0, seed=1)
    running.start([EmulatorSpec("air", "modbus-climate", "XY-1/5")])
    try:
        times = replace(SHORT, climate_s=FULL.climate_s)
        assert find("emulator://air", tmp_path / "machines", unit=4, times=SHORT) is None
        found = find("emulator://air", tmp_path / "machines", unit=5, times=times)
    finally:
        running.stop()
    assert found is not None
    assert (found["driver"], found["serial"]) == ("modbus-climate", "XY-1/5")


def test_a_port_that_a_line_uses_is_refused_and_hears_nothing(line: Supervisor) -> None:
    machines = line.directory / "machines"
    scale = make_driver(entry("mt-sics-scale"), make_transport(entry("mt-sics-scale"), machines))
    scale.open()
    before = line.control("mt-sics-scale").ask("state")["bytes_in"]
    with pytest.raises(PortUnavailableError):
        find(entry("mt-sics-scale").port, machines, times=SHORT)
    assert line.control("mt-sics-scale").ask("state")["bytes_in"] == before
    scale.close()


def test_nobody_is_told_within_the_time_that_the_documentation_promises() -> None:
    """On a serial port: HELLO, scale, two printers, the encoder at four rates, the face reader, Modbus four times."""
    times = FULL
    longest_s = times.hello_s + times.scale_s + times.sato_s + times.zebra_s + 4 * times.crt591_s
    longest_s += times.face_reader_s + 2 * times.climate_s + times.particle_counter_s + times.air_shower_s
    said = (Path(__file__).parents[2] / "docs" / "devices.md").read_text()
    assert f"{longest_s:g} s on a serial port" in said
    assert f"{longest_s - 3 * times.crt591_s:g} s on a pty or socket" in said
