"""Emulator of the swipe reader: it reads the document drawn through it and sends what it read.

Nothing in the protocol could say EMULATED: no frame bears a serial number or a text of the reader's own.
"""

from __future__ import annotations

from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.machine import Chance
from devices.mrz_reader.frames import Swipe, encode_swipe, fitting_width

READ_S = 0.8
UNREADABLE = "?"


class SwipeReaderEmulator:
    """Takes one document at a time; bytes that a host sends are ignored."""

    def __init__(self, setup: EmulatorSetup) -> None:
        self._speed = setup.speed
        self._chance = Chance(setup.seed, setup.id, misread_rate=setup.misread_rate)
        self._lines: tuple[str, ...] = ()
        self._read_s: float | None = None
        self._swipes = 0
        self._damage = False

    @property
    def next_deadline_s(self) -> float | None:
        """When the document is read."""
        return self._read_s

    def turn(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - it takes no commands
        """Send the zone of a document that has been read."""
        if not self._lines:
            return b""
        if self._read_s is None:
            self._read_s = now_s + (READ_S / self._speed if self._speed else 0.0)
        return self._send() if self._read_s <= now_s else b""

    def _send(self) -> bytes:
        lines, damaged = self._lines, self._damage
        self._lines, self._read_s, self._damage = (), None, False
        self._swipes += 1
        if self._chance.misread(lines[-1], self._swipes):
            # One character that the camera could not make out; the check digits or the next swipe tell.
            lines = (*lines[:-1], UNREADABLE + lines[-1][1:])
        frame = encode_swipe(Swipe(lines))
        return frame[:-1] + bytes((frame[-1] ^ 1,)) if damaged else frame

    def set_speed(self, speed: float) -> None:
        """Divide reading time by `speed` from the next document on; 0: no time."""
        self._speed = speed

    def control(self, request: Request) -> Answer:
        """`state`, `swipe` (a document's printed lines, from top to bottom), `damage` (of the next frame)."""
        match request:
            case {"do": "state"}:
                return {"ok": True, "swipes": self._swipes}
            case {"do": "swipe", "lines": [*lines]}:
                return self._take(lines)
            case {"do": "damage"}:
                self._damage = True
                return {"ok": True}
        return {"ok": False, "error": "a swipe reader knows state, swipe and damage"}

    def _take(self, lines: list[object]) -> Answer:
        printed = tuple(line for line in lines if isinstance(line, str))
        if len(printed) != len(lines) or fitting_width(printed) is None:
            return {"ok": False, "error": "a zone is one line, two of 44 or three of 30 characters"}
        if self._lines:
            return {"ok": False, "error": "it still reads the document before"}
        self._lines = printed
        return {"ok": True}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop."""

    def close(self) -> None:
        """Nothing is open."""


def emulate(setup: EmulatorSetup) -> SwipeReaderEmulator:
    """Make an emulated swipe reader."""
    return SwipeReaderEmulator(setup)
