"""OSDP as a face reader needs it: pure functions between bytes, packets and what is in them.

OSDP (SIA OSDP 2.2, IEC 60839-11-5) is the open protocol of access control for readers on a serial line. The panel
asks, the reader answers and never speaks unasked: `53 address length(2) control code data CRC(2)`, numbers low byte
first, the reader's address with bit 7 set. Control is the sequence number (bits 0-1) and bit 2: a CRC-16, no checksum.
Numbers go 0, 1, 2, 3, 1, …: 0 begins anew, the same number again asks for the same answer again, and the next one
acknowledges it.

Standard here: the packet, POLL, ID, CAP, LED and BUZ, the answers ACK, NAK, PDID, PDCAP, RAW and BUSY.

Choices, to be tried on a real reader:

- A recognition is an osdp_RAW as of a card read, format 0 ("raw bits"), and its bits are those of `Recognised`, to be
  set as the reader's output format. A reader that sends a bare card number is told apart and refused. osdp_BIOREADR
  is not used: it carries a template, and no template, image or name crosses this line.
- Packets with checksums, with a security control block, or longer than 128 bytes are damage. So the secure channel is
  not spoken: who can reach the wires can play the reader, and the cable must lie in the guarded side.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

SOM = 0x53
REPLY = 0x80
FIRST_ADDRESS, LAST_ADDRESS = 0, 126
LONGEST_PACKET = 128
BEGIN, SEQUENCES = 0, 4
OFFLINE_S = 8.0
"""Neither side takes a number for the next one when the other was silent for so long."""

_HEAD = struct.Struct("<BBHBB")  # SOM, address, length, control, code
_CRC = struct.Struct("<H")
_SEQUENCE_BITS, _WITH_CRC, _SECURE = 0x03, 0x04, 0x08
_POLYNOMIAL, _CRC_BEGIN = 0x1021, 0x1D0F


class Code(IntEnum):
    """Commands, and the answers to them."""

    POLL = 0x60
    ID = 0x61
    CAP = 0x62
    LED = 0x69
    BUZ = 0x6A
    ACK = 0x40
    NAK = 0x41
    PDID = 0x45
    PDCAP = 0x46
    RAW = 0x50
    BUSY = 0x79


class Nak(IntEnum):
    """Why a command was refused."""

    BAD_LENGTH = 2
    UNKNOWN_COMMAND = 3
    BAD_SEQUENCE = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `code` is any byte, one of `Code` if it is known here."""

    address: int
    sequence: int
    code: int
    data: bytes = b""


def crc16(data: bytes) -> int:
    """The checksum of OSDP.

    >>> hex(crc16(bytes.fromhex("530008000460")))
    '0xaaeb'
    """
    crc = _CRC_BEGIN
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def encode_packet(packet: Packet, *, reply: bool = False) -> bytes:
    """A packet's bytes; at most LONGEST_PACKET of them.

    Raises ValueError for a longer one.

    >>> encode_packet(Packet(0x65, 0, Code.POLL)).hex(" ")
    '53 65 08 00 04 60 60 90'
    """
    length = _HEAD.size + len(packet.data) + _CRC.size
    if length > LONGEST_PACKET:
        raise ValueError(f"{length} bytes are no packet")
    address = packet.address | (REPLY if reply else 0)
    head = _HEAD.pack(SOM, address, length, packet.sequence | _WITH_CRC, packet.code)
    return head + packet.data + _CRC.pack(crc16(head + packet.data))


class PacketDecoder:
    """Turns a byte stream into the packets of one address, or into a panel's to it. Never raises, holds LONGEST_PACKET.

    What is no sound packet is passed over, and the search goes on right behind where it began; so one that was cut
    short never hides the next one.
    """

    def __init__(self, address: int, *, replies: bool) -> None:
        self._wanted = address | (REPLY if replies else 0)
        self._address = address
        self._rest = b""
        self.damaged = 0
        """Bytes dropped that were part of no packet."""

    @property
    def held_bytes(self) -> int:
        """Bytes held back that may yet become a packet."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that `data` completes, in order."""
        packets: list[Packet] = []
        rest = self._rest + data
        done = 0
        at = rest.find(SOM)
        while at >= 0:
            size = self._size(rest[at : at + _HEAD.size])
            packet = self._packet(rest[at : at + size]) if size and at + size <= len(rest) else None
            if packet is not None:
                packets.append(packet)
                self.damaged += at - done
                done = at + size
            at = rest.find(SOM, done if packet else at + 1)
        # Of what is left, only a packet that has begun can still become one.
        first = max(done, len(rest) - LONGEST_PACKET)
        kept = next((at for at in range(first, len(rest)) if self._may_go_on(rest[at:])), len(rest))
        self._rest = rest[kept:]
        self.damaged += kept - done
        return packets

    def drop(self) -> None:
        """Forget the unfinished packet."""
        self.damaged += len(self._rest)
        self._rest = b""

    def _size(self, head: bytes) -> int:
        """The length that a packet's head names; 0 if that is none of this address."""
        if len(head) < _HEAD.size:
            return 0
        _, address, length, control, _ = _HEAD.unpack(head)
        fits = _HEAD.size + _CRC.size <= length <= LONGEST_PACKET
        return length if fits and address == self._wanted and control & ~_SEQUENCE_BITS == _WITH_CRC else 0

    def _packet(self, data: bytes) -> Packet | None:
        if _CRC.pack(crc16(data[: -_CRC.size])) != data[-_CRC.size :]:
            return None
        _, _, _, control, code = _HEAD.unpack_from(data)
        return Packet(self._address, control & _SEQUENCE_BITS, code, data[_HEAD.size : -_CRC.size])

    def _may_go_on(self, begun: bytes) -> bool:
        if not bytes((SOM, self._wanted)).startswith(begun[:2]):
            return False
        size = self._size(begun[: _HEAD.size])
        return len(begun) < (size or _HEAD.size)


# What is in packets.

EMULATED_VENDOR = b"EMU"
"""No maker's: its first byte has the bit of group addresses, which the register of makers gives to none."""

_PDID = struct.Struct("<3sBBI3B")
_RECOGNISED = struct.Struct(">IIIBH")
_RAW_HEAD = struct.Struct("<BBH")
RAW_BITS, RECOGNISED_BITS = 0, 8 * _RECOGNISED.size
OLDEST_TENTHS = 0xFFFF
_LAST_SERIAL = 0xFFFFFFFF
CARD_DATA, CARD_BITS = 3, frozenset({1, 3})
"""The capability "card data format", and its levels with bits."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a reader says that it is, in an osdp_PDID: its maker's three bytes, and a serial number of 32 bits."""

    vendor: bytes
    model: int
    version: int
    serial: int
    firmware: tuple[int, int, int]

    def encode(self) -> bytes:
        """The data of the packet."""
        return _PDID.pack(self.vendor, self.model, self.version, self.serial, *self.firmware)

    @classmethod
    def decode(cls, data: bytes) -> "Identity | None":
        """What the data say; None if that is no identity."""
        if len(data) != _PDID.size:
            return None
        vendor, model, version, serial, *firmware = _PDID.unpack(data)
        return cls(vendor, model, version, serial, (firmware[0], firmware[1], firmware[2]))


@dataclass(frozen=True, slots=True)
class Recognised:
    """One recognition: whose count it is and the how manieth, the enrolled number, quality in %, its age in 0.1 s.

    An age of OLDEST_TENTHS is that or more.
    """

    memory: int
    number: int
    credential: int
    quality_percent: int
    age_tenths: int

    def encode(self) -> bytes:
        """The data of an osdp_RAW."""
        facts = (self.memory, self.number, self.credential, self.quality_percent, self.age_tenths)
        return _RAW_HEAD.pack(0, RAW_BITS, RECOGNISED_BITS) + _RECOGNISED.pack(*facts)


def decode_raw(data: bytes) -> Recognised | str:
    """The recognition in an osdp_RAW, or what else is in it."""
    if len(data) < _RAW_HEAD.size:
        return f"a read of {len(data)} bytes"
    _, form, bits = _RAW_HEAD.unpack_from(data)
    if (form, bits) != (RAW_BITS, RECOGNISED_BITS) or len(data) != _RAW_HEAD.size + _RECOGNISED.size:
        return f"a read of {bits} bits in format {form}"
    found = Recognised(*_RECOGNISED.unpack_from(data, _RAW_HEAD.size))
    if not (found.memory and found.number and found.quality_percent <= 100):
        return f"a recognition of number {found.number} and quality {found.quality_percent}"
    return found


def encode_capabilities(capabilities: Sequence[tuple[int, int, int]]) -> bytes:
    """The data of an osdp_PDCAP: function, level and count of each."""
    return b"".join(map(bytes, capabilities))


def sends_bits(capabilities: bytes) -> bool:
    """Whether an osdp_PDCAP says that reads are sent as bits."""
    triples = zip(capabilities[::3], capabilities[1::3], strict=False)
    return any(function == CARD_DATA and level in CARD_BITS for function, level in triples)


class Colour(IntEnum):
    """Of a reader's light."""

    BLACK = 0
    RED = 1
    GREEN = 2


def encode_light(colour: Colour, tenths: int) -> bytes:
    """The data of an osdp_LED: the first light shows `colour` for so many tenths of a second, then what it showed."""
    set_temporary, always, never, keep = 2, 1, 0, 0
    temporary = (set_temporary, always, never, colour, Colour.BLACK)
    return struct.pack("<2B5BH5B", 0, 0, *temporary, tenths, keep, 0, 0, 0, 0)


def encode_beeps(count: int) -> bytes:
    """The data of an osdp_BUZ: so many beeps of 0.2 s."""
    default_tone, on_tenths, off_tenths = 2, 2, 2
    return bytes((0, default_tone, on_tenths, off_tenths, count))


def serial_of(serial: str) -> int:
    """The 32 bits that a reader tells: the decimal number before the last `/`, or a checksum of any other name.

    >>> serial_of("20311/5"), serial_of("EMULATED-1")
    (20311, 2308162921)
    """
    text = serial.rpartition("/")[0] or serial
    sound = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_SERIAL)) and int(text) <= _LAST_SERIAL
    return int(text) if sound else zlib.crc32(text.encode())


def address_of(serial: str) -> int | None:
    """The address behind the last `/` of a serial number, 0 where none is, None for one that can't be.

    >>> address_of("20311/5"), address_of("20311"), address_of("20311/127")
    (5, 0, None)
    """
    _, slash, text = serial.rpartition("/")
    if not slash:
        return FIRST_ADDRESS
    sound = text.isascii() and text.isdigit() and len(text) <= len(str(LAST_ADDRESS))
    return int(text) if sound and int(text) <= LAST_ADDRESS else None
