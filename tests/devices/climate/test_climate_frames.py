"""Frames as the XY-MD02's manual prints them; nothing else is taken for a reply."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu.other_message import ReportDeviceIdRequest

from devices.climate.frames import ReplyDecoder, climate_request
from devices.climate.registers import climate_of, registers_of
from devices.emulation.modbus import crc16
from devices.errors import UnitNumberError
from devices.modbus.replies import LONGEST_FRAME, encode_request
from devices.modbus.units import unit_of
from devices.roles import Climate

REPLY = bytes.fromhex("01 04 04 01 31 02 22 2A CE")
REFUSAL = bytes.fromhex("01 84 02 C2 C1")
WORDS = st.integers(0, 0xFFFF)


def crc_by_division(data: bytes) -> bytes:
    """The checksum by long division of polynomials over two elements, as the standard defines it.

    x¹⁶ + x¹⁵ + x² + 1, each byte's lowest bit first, the first sixteen bits inverted.
    """
    bits = [byte >> place & 1 for byte in data for place in range(8)] + [0] * 16
    bits[:16] = [1 - bit for bit in bits[:16]]
    for at in range(len(bits) - 16):
        if bits[at]:
            for place in (0, 1, 14, 16):
                bits[at + place] ^= 1
    return bytes(sum(bits[len(bits) - 16 + 8 * octet + place] << place for place in range(8)) for octet in range(2))


def framed(text: str) -> bytes:
    """The bytes that `text` gives in hexadecimal, and their checksum."""
    data = bytes.fromhex(text)
    return data + crc_by_division(data)


@pytest.mark.parametrize(
    "frame",
    [
        "01 04 00 01 00 02 20 0B",
        "01 04 04 01 31 02 22 2A CE",
        "01 04 00 01 00 01 60 0A",
        "01 04 02 01 31 79 74",
        "01 04 00 02 00 01 90 0A",
        "01 04 02 02 22 38 49",
        "01 84 02 C2 C1",
    ],
)
def test_the_manuals_checksums_come_out_of_three_ways_to_reckon_them(frame: str) -> None:
    """Long division, the emulator's loop, and the table of pymodbus, which the driver uses."""
    data, check = bytes.fromhex(frame)[:-2], bytes.fromhex(frame)[-2:]
    assert crc_by_division(data) == crc16(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big") == check


@given(st.binary(min_size=2, max_size=40))
def test_the_emulators_checksum_is_the_drivers(data: bytes) -> None:
    assert crc16(data) == crc_by_division(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big")


def test_both_registers_are_asked_for_in_one_request() -> None:
    assert encode_request(climate_request(1)) == bytes.fromhex("01 04 00 01 00 02 20 0B")
    assert encode_request(ReportDeviceIdRequest(dev_id=3)) == framed("03 11")


@pytest.mark.parametrize(
    ("reply", "temperature", "humidity"),
    [
        ("01 04 04 01 31 02 22", "30.5", "54.6"),
        ("01 04 04 FF 33 02 22", "-20.5", "54.6"),
        ("01 04 04 00 00 00 00", "0.0", "0.0"),
    ],
)
def test_a_reply_is_read_as_the_manual_reads_it(reply: str, temperature: str, humidity: str) -> None:
    [found] = ReplyDecoder(1).feed(framed(reply))
    assert climate_of(found.registers) == Climate(Decimal(temperature), Decimal(humidity))


@pytest.mark.parametrize(
    "frame",
    [
        REPLY[:-1] + b"\xcf",
        framed("02 04 04 01 31 02 22"),
        framed("01 03 04 01 31 02 22"),
        framed("01 04 02 01 31"),
        framed("01 04 06 01 31 02 22 00 00"),
        framed("01 04 03 01 31 02"),
        framed("01 04 00"),
        framed("01 83 02"),
        framed("01 11 00"),
    ],
    ids=["checksum", "unit", "function", "one register", "three", "half", "none", "other refusal", "no name"],
)
def test_a_frame_of_another_checksum_unit_function_or_length_is_no_reply(frame: bytes) -> None:
    decoder = ReplyDecoder(1)
    assert decoder.feed(frame) == []
    assert decoder.held_bytes + decoder.damaged == len(frame)


@given(st.integers(1, 247), WORDS, WORDS, st.data())
def test_a_reply_with_a_changed_or_lost_byte_is_none(unit: int, first: int, second: int, data: st.DataObject) -> None:
    frame = framed(f"{unit:02x} 04 04 {first:04x} {second:04x}")
    at = data.draw(st.integers(0, len(frame) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte != frame[at]))
    assert ReplyDecoder(unit).feed(frame[:at] + bytes((changed,)) + frame[at + 1 :]) == []
    assert ReplyDecoder(unit).feed(frame[:at] + frame[at + 1 :]) == []


@given(st.lists(st.sampled_from([REPLY, REFUSAL]), max_size=5), st.integers(1, 30))
def test_replies_come_in_order_however_the_stream_is_cut(frames: list[bytes], size: int) -> None:
    stream = b"".join(frames)
    decoder = ReplyDecoder(1)
    found = [reply for at in range(0, len(stream), size) for reply in decoder.feed(stream[at : at + size])]
    assert [reply.function_code for reply in found] == [frame[1] for frame in frames]
    assert (decoder.damaged, decoder.held_bytes) == (0, 0)


@given(
    st.lists(st.binary(max_size=300) | st.sampled_from([b"\x01\x04", b"\x01\x04\xff", b"\x01\x11\xf0"]), max_size=20)
)
def test_any_bytes_leave_the_decoder_bounded_and_ready(pieces: list[bytes]) -> None:
    decoder = ReplyDecoder(1)
    for piece in pieces:
        decoder.feed(piece)
        assert decoder.held_bytes <= LONGEST_FRAME
    assert decoder.feed(REPLY)[-1].registers == [0x131, 0x222]


@given(st.integers(-32768, 32767), WORDS)
def test_every_register_value_is_kept(temperature: int, humidity: int) -> None:
    climate = Climate(temperature * Decimal("0.1"), humidity * Decimal("0.1"))
    assert climate_of(registers_of(climate)) == climate


@pytest.mark.parametrize("serial", ["XY/", "XY/0", "XY/248", "XY/-1", "XY/1 ", "XY/٣", "XY/O3", "XY/" + "1" * 5000])
def test_a_serial_number_that_names_no_unit_is_refused(serial: str) -> None:
    with pytest.raises(UnitNumberError, match="nothing was opened"):
        unit_of(serial)


def test_frames_are_read_without_a_serial_port_or_a_client() -> None:
    program = (
        "import sys, devices.climate.driver; print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    )
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root).stdout
    assert not set(found.split()) & {"serial", "pymodbus.client", "pymodbus.server", "pymodbus.transport"}
