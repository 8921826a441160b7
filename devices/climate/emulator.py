"""Emulator of the climate transmitter: the air around it, and the Modbus RTU frames about it.

Framed by hand and not by pymodbus, which is too much for a bare process: so the two ends also check each other.
"""

from __future__ import annotations

import struct
from collections import deque
from decimal import Decimal, InvalidOperation

from devices.climate.registers import FIRST_REGISTER, REGISTERS, emulated_name, registers_of, unit_of
from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.roles import Climate

ANSWER_S = 0.04
GAP_S = 0.005  # a silence ends a frame: 3.5 characters, at 9600 bits a second 4 ms
LONGEST_FRAME = 256
MOST_WAITING = 16
ROOM = Climate(Decimal("22.0"), Decimal("45.0"))

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


class ClimateEmulator:
    """Answers one request after the other; those to other units, and damaged ones, not at all."""

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        self._unit, self._name = unit_of(setup.serial), emulated_name(setup.serial)
        self._speed = setup.speed
        self._air = ROOM
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
        reply = frame[:1] + self._reply(frame[1], frame[2:-_CRC_BYTES])
        due_s = now_s + self._late_s + (ANSWER_S / self._speed if self._speed else 0.0)
        self._late_s = 0.0
        if self._replies:
            due_s = max(due_s, self._replies[-1][0])
        self._replies.append((due_s, reply + crc16(reply)))

    def _reply(self, function: int, data: bytes) -> bytes:
        """Function code and data of the reply to a request of this function, with this data."""
        if function == REPORT_SERVER_ID and not data:
            said = self._name + bytes((RUNNING,))
            return bytes((function, len(said))) + said
        if function != READ_INPUT_REGISTERS:
            return bytes((function | FAILED, ILLEGAL_FUNCTION))
        if len(data) != struct.calcsize(">HH"):
            return bytes((function | FAILED, ILLEGAL_VALUE))
        first, count = struct.unpack(">HH", data)
        if not 1 <= count <= _MOST_REGISTERS:
            return bytes((function | FAILED, ILLEGAL_VALUE))
        at = first - FIRST_REGISTER
        if at < 0 or at + count > REGISTERS:
            return bytes((function | FAILED, ILLEGAL_ADDRESS))
        wanted = registers_of(self._air)[at : at + count]
        return struct.pack(f">BB{count}H", function, 2 * count, *wanted)

    def set_speed(self, speed: float) -> None:
        """Divide the time to answer from the next request on by `speed`; 0: at once."""
        self._speed = speed

    def control(self, request: Request) -> Answer:
        """`state`, `set` (temperature_c and humidity_percent as text), `late` (the next reply, by some seconds)."""
        match request:
            case {"do": "state"}:
                air = {name: str(getattr(self._air, name)) for name in ("temperature_c", "humidity_percent")}
                return {"ok": True, "says": self._name.decode(), **air}
            case {"do": "set", "temperature_c": str(temperature), "humidity_percent": str(humidity)}:
                return self._set(temperature, humidity)
            case {"do": "late", "seconds": int(seconds) | float(seconds)} if 0 <= seconds < float("inf"):
                self._late_s = float(seconds)
                return {"ok": True}
        return {"ok": False, "error": "a climate transmitter knows state, set and late"}

    def _set(self, temperature: str, humidity: str) -> Answer:
        try:
            air = Climate(Decimal(temperature), Decimal(humidity))
            registers_of(air)
        except (InvalidOperation, ValueError):
            return {"ok": False, "error": "its registers hold -3276.8 to 3276.7 °C and 0 to 6553.5 %"}
        self._air = air
        return {"ok": True}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop."""

    def close(self) -> None:
        """Nothing is open."""


def emulate(setup: EmulatorSetup) -> ClimateEmulator:
    """Make an emulated climate transmitter; raises UnitNumberError."""
    return ClimateEmulator(setup)
