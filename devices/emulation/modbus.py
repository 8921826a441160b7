"""The emulated side of Modbus RTU: requests to one unit, framed by silence, and its replies.

Framed by hand and not by pymodbus, which is too much for a bare process: so the two ends also check each other.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from devices.emulation.emulator import EmulatorSetup
from devices.modbus.units import emulated_name, unit_of

ANSWER_S = 0.04
GAP_S = 0.005  # a silence ends a frame: 3.5 characters, at 9600 bits a second 4 ms
LONGEST_FRAME = 256
MOST_WAITING = 16

READ_INPUT_REGISTERS = 0x04
REPORT_SERVER_ID = 0x11
FAILED = 0x80
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
RUNNING = 0xFF
_MOST_REGISTERS = 125
_CRC_BYTES = 2
_SHORTEST_FRAME = 2 + _CRC_BYTES  # unit and function


def crc16(data: bytes) -> bytes:
    """The checksum of Modbus RTU, low byte first.

    >>> crc16(bytes.fromhex("010400010002")).hex(" ")
    '20 0b'
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(_CRC_BYTES, "little")


class ModbusUnit(ABC):
    """Answers one request after the other; those to other units, and damaged ones, not at all."""

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        self._unit, self._name = unit_of(setup.serial), emulated_name(setup.serial)
        self._speed = setup.speed
        self._received = b""
        self._heard_s = 0.0
        self._late_s = 0.0
        self._replies: deque[tuple[float, bytes]] = deque()

    @property
    def next_deadline_s(self) -> float | None:
        """When a frame ends or a reply is due."""
        due = [self._heard_s + GAP_S] if self._received else []
        return min([*due, *(due_s for due_s, _ in self._replies)], default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Take a request when silence has ended it, and return the replies that are due."""
        if self._received and now_s >= self._heard_s + GAP_S:
            frame, self._received = self._received, b""
            self._take(frame, now_s)
        if data:
            # One byte too many is enough to make a flood no frame.
            self._received = (self._received + data)[: LONGEST_FRAME + 1]
            self._heard_s = now_s
        replies = b""
        while self._replies and self._replies[0][0] <= now_s:
            replies += self._replies.popleft()[1]
        return replies

    def _take(self, frame: bytes, now_s: float) -> None:
        sound = _SHORTEST_FRAME <= len(frame) <= LONGEST_FRAME and crc16(frame[:-_CRC_BYTES]) == frame[-_CRC_BYTES:]
        if not sound or frame[0] != self._unit or len(self._replies) >= MOST_WAITING:
            return
        function, data = frame[1], frame[2:-_CRC_BYTES]
        if function == REPORT_SERVER_ID and not data:
            said = self._name + bytes((RUNNING,))
            reply = bytes((self._unit, function, len(said))) + said
        elif answer := self._reply(function, data, now_s):
            reply = bytes((self._unit,)) + answer
        else:
            return
        due_s = now_s + self._late_s + (ANSWER_S / self._speed if self._speed else 0.0)
        self._late_s = 0.0
        if self._replies:
            due_s = max(due_s, self._replies[-1][0])
        self._replies.append((due_s, reply + crc16(reply)))

    @abstractmethod
    def _reply(self, function: int, data: bytes, now_s: float) -> bytes:
        """Function code and data of the reply to a request of this function, with this data; empty: it stays silent."""

    def set_speed(self, speed: float) -> None:
        """Divide machine time by `speed` from the next request on; 0: none."""
        self._speed = speed


def refusal(function: int, exception: int) -> bytes:
    """The reply that refuses a request of `function` with an exception code."""
    return bytes((function | FAILED, exception))


def input_registers(data: bytes, first: int, values: Sequence[int]) -> bytes:
    """The reply to function 04 of a unit that has these registers, from address `first` on, and no others."""
    if len(data) != struct.calcsize(">HH"):
        return refusal(READ_INPUT_REGISTERS, ILLEGAL_VALUE)
    address, count = struct.unpack(">HH", data)
    if not 1 <= count <= _MOST_REGISTERS:
        return refusal(READ_INPUT_REGISTERS, ILLEGAL_VALUE)
    at = address - first
    if at < 0 or at + count > len(values):
        return refusal(READ_INPUT_REGISTERS, ILLEGAL_ADDRESS)
    return struct.pack(f">BB{count}H", READ_INPUT_REGISTERS, 2 * count, *values[at : at + count])
