"""OSDP's packets, byte by byte as published for the standard; nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.face_reader.frames import (
    LONGEST_PACKET,
    Code,
    Colour,
    Identity,
    Packet,
    PacketDecoder,
    Recognised,
    address_of,
    crc16,
    decode_raw,
    encode_beeps,
    encode_light,
    encode_packet,
    sends_bits,
    serial_of,
)

POLL = bytes.fromhex("53 00 08 00 04 60 EB AA")
PACKETS = st.builds(Packet, st.just(5), st.integers(0, 3), st.integers(0, 255), st.binary(max_size=100))
RECOGNISED = Recognised(0xC0FFEE01, 65_538, 20_301, 97, 12)


def crc_by_division(data: bytes) -> int:
    """The checksum by long division by x¹⁶ + x¹² + x⁵ + 1, highest bit first, the register begun at 1D0F."""
    value = int.from_bytes(data) << 16
    value ^= 0x1D0F << 8 * len(data)
    for place in range(8 * len(data) + 15, 15, -1):
        if value >> place & 1:
            value ^= 0x11021 << place - 16
    return value


@pytest.mark.parametrize(
    ("packet", "data"),
    [
        (Packet(0, 0, Code.POLL), POLL),
        (Packet(0x65, 0, Code.POLL), bytes.fromhex("53 65 08 00 04 60 60 90")),
        (Packet(0x65, 1, Code.ID, b"\0"), bytes.fromhex("53 65 09 00 05 61 00 E9 4D")),
    ],
)
def test_a_panels_packets_are_those_of_other_implementations(packet: Packet, data: bytes) -> None:
    assert encode_packet(packet) == data
    assert PacketDecoder(packet.address, replies=False).feed(data) == [packet]


@given(st.binary(min_size=1, max_size=120))
def test_the_checksum_is_the_standards_polynomial(data: bytes) -> None:
    assert crc16(data) == crc_by_division(data)


@given(st.lists(PACKETS, max_size=5), st.integers(1, 150), st.booleans())
def test_packets_come_back_in_order_however_the_stream_is_cut(packets: list[Packet], size: int, reply: bool) -> None:
    stream = b"".join(encode_packet(packet, reply=reply) for packet in packets)
    decoder = PacketDecoder(5, replies=reply)
    assert [got for at in range(0, len(stream), size) for got in decoder.feed(stream[at : at + size])] == packets
    assert (decoder.damaged, decoder.held_bytes) == (0, 0)


@given(PACKETS, st.data())
def test_a_changed_or_lost_byte_is_no_packet(packet: Packet, data: st.DataObject) -> None:
    frame = encode_packet(packet, reply=True)
    at = data.draw(st.integers(0, len(frame) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte != frame[at]))
    assert packet not in PacketDecoder(5, replies=True).feed(frame[:at] + bytes((changed,)) + frame[at + 1 :])
    assert packet not in PacketDecoder(5, replies=True).feed(frame[:at] + frame[at + 1 :])


@pytest.mark.parametrize(
    "other",
    [
        encode_packet(Packet(0, 0, Code.ACK)),
        encode_packet(Packet(1, 0, Code.ACK), reply=True),
        bytes.fromhex("53 80 07 00 00 40 E6"),
        bytes.fromhex("53 80 FF 00 04 40"),
    ],
    ids=["a panel's own, an echo", "another reader's", "with a checksum", "too long"],
)
def test_what_is_no_answer_of_this_reader_is_passed_over(other: bytes) -> None:
    decoder = PacketDecoder(0, replies=True)
    assert decoder.feed(other + encode_packet(Packet(0, 0, Code.ACK), reply=True)) == [Packet(0, 0, Code.ACK)]
    assert decoder.damaged == len(other)


@given(PACKETS, st.data())
def test_a_packet_cut_short_does_not_take_the_next_one_with_it(cut: Packet, data: st.DataObject) -> None:
    frame = encode_packet(cut, reply=True)
    begun = frame[: data.draw(st.integers(1, len(frame) - 1))]
    whole = Packet(5, 1, Code.ACK)
    assert PacketDecoder(5, replies=True).feed(begun + encode_packet(whole, reply=True))[-1] == whole


@given(st.lists(st.binary(max_size=300) | st.sampled_from([b"S", POLL[:5], b"S\0\x80\0\4"]), max_size=20))
def test_any_bytes_leave_the_decoder_bounded_and_ready(pieces: list[bytes]) -> None:
    decoder = PacketDecoder(0, replies=False)
    for piece in pieces:
        decoder.feed(piece)
        assert decoder.held_bytes <= LONGEST_PACKET
    assert decoder.feed(POLL)[-1] == Packet(0, 0, Code.POLL)
    decoder.drop()
    assert decoder.held_bytes == 0


def test_more_than_a_packet_may_hold_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="no packet"):
        encode_packet(Packet(0, 0, Code.RAW, bytes(LONGEST_PACKET)))


def test_a_recognition_is_a_read_of_raw_bits() -> None:
    data = RECOGNISED.encode()
    assert data == bytes.fromhex("00 00 78 00  C0FFEE01 00010002 00004F4D 61 000C")
    assert decode_raw(data) == RECOGNISED


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "0 bytes"),
        (bytes.fromhex("00 01 1A 00 12 34 56 40"), "26 bits in format 1"),
        (RECOGNISED.encode()[:-1], "120 bits"),
        (RECOGNISED.encode()[:12] + bytes((0, 0, 0, 1, 101, 0, 0)), "quality 101"),
        (Recognised(0, 1, 1, 1, 1).encode(), "a recognition of"),
        (Recognised(1, 0, 1, 1, 1).encode(), "number 0"),
    ],
)
def test_another_read_is_nobody(data: bytes, what: str) -> None:
    found = decode_raw(data)
    assert isinstance(found, str) and what in found


@given(st.binary(max_size=130))
def test_any_data_are_read_without_raising(data: bytes) -> None:
    decode_raw(data)
    sends_bits(data)
    Identity.decode(data)


def test_an_identity_goes_round() -> None:
    identity = Identity(b"\x00\x06\x8e", 1, 2, 20311, (2, 4, 1))
    assert Identity.decode(identity.encode()) == identity
    assert identity.encode() == bytes.fromhex("00068E 01 02 574F0000 020401")
    assert Identity.decode(identity.encode()[1:]) is None


def test_signs_are_the_standards_commands() -> None:
    assert encode_light(Colour.GREEN, 30) == bytes.fromhex("00 00 02 01 00 02 00 1E00 00 00 00 00 00")
    assert encode_beeps(3) == bytes.fromhex("00 02 02 02 03")
    assert sends_bits(bytes((8, 1, 0, 3, 1, 0))) and not sends_bits(bytes((3, 2, 0)))


@pytest.mark.parametrize("serial", ["1/", "1/127", "1/-1", "1/1 ", "1/٣", "1/O"])
def test_an_address_that_no_reader_has_is_none(serial: str) -> None:
    assert address_of(serial) is None


def test_a_serial_number_is_decimal() -> None:
    assert (serial_of("20311"), serial_of("4294967295/3")) == (20311, 4294967295)
    assert serial_of("4294967296") != 4294967296 % 2**32
