"""Emulator of the scale: what lies on it, how it comes to rest, and the MT-SICS lines about it."""

from __future__ import annotations

import random
from collections import deque
from decimal import Decimal, InvalidOperation

from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.scale.frames import (
    Command,
    LineDecoder,
    Said,
    ScaleAnswer,
    SerialNumber,
    Weight,
    encode_answer,
    said_serial,
)

CAPACITY_G = Decimal(3200)
ZERO_RANGE_G = Decimal(64)  # 2 % of the capacity, as legal scales have it
READABILITY_G = Decimal("0.01")
UNIT = "g"
SETTLE_S = 1.5
WOBBLE = 0.05  # share of the change that the weight swings by at first
GIVE_UP_S = 10.0  # S and Z wait for rest no longer
MOST_WAITING = 16

_COMMANDS = {command.encode(): command for command in Command}


class ScaleEmulator:
    """Answers one command after the other; those that wait for rest hold up the rest of them."""

    def __init__(self, setup: EmulatorSetup) -> None:
        self._serial = said_serial(setup.serial, emulated=True)
        self._speed = setup.speed
        self._chance = random.Random(f"{setup.seed}:{setup.id}")
        self._lines = LineDecoder()
        self._waiting: deque[bytes] = deque()
        self._load_g = self._former_g = self._zero_g = Decimal(0)
        self._disturbed = False
        self._settled_s = self._silent_until_s = self._now_s = 0.0
        self._stall_s = 0.0
        self._begun_s: float | None = None

    @property
    def next_deadline_s(self) -> float | None:
        """When the next command can be answered, if one waits."""
        if not self._waiting:
            return None
        if self._now_s < self._silent_until_s:
            return self._silent_until_s
        return min(self._settled_s, self._give_up_s)

    @property
    def _give_up_s(self) -> float:
        begun_s = self._now_s if self._begun_s is None else self._begun_s
        return begun_s + self._scaled(GIVE_UP_S)

    @property
    def _stable(self) -> bool:
        return self._now_s >= self._settled_s

    @property
    def _net_g(self) -> Decimal:
        return self._load_g - self._zero_g

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Handle the commands that came and return the answers that are due."""
        self._now_s = now_s
        if self._disturbed:
            self._disturbed, self._settled_s = False, now_s + self._scaled(SETTLE_S)
        if self._stall_s:
            self._silent_until_s, self._stall_s = now_s + self._stall_s, 0.0
        for line in self._lines.feed(data):
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(line)
        answers = b""
        while self._waiting and now_s >= self._silent_until_s:
            answer = self._answer(self._waiting[0])
            if answer is None:
                self._begun_s = now_s if self._begun_s is None else self._begun_s
                break
            self._waiting.popleft()
            self._begun_s = None
            answers += encode_answer(answer)
        return answers

    def _answer(self, line: bytes) -> ScaleAnswer | None:
        """What is said to a command, or None while it waits for rest."""
        command = _COMMANDS.get(line)
        if command is None:
            return Said.SYNTAX_ERROR
        if command is Command.ASK_SERIAL:
            return SerialNumber(self._serial)
        if command is Command.WEIGH_NOW or self._stable:
            return self._zero() if command is Command.ZERO else self._weight()
        if self._now_s < self._give_up_s:
            return None
        return Said.ZERO_BUSY if command is Command.ZERO else Said.BUSY

    def _weight(self) -> ScaleAnswer:
        if self._load_g > CAPACITY_G:
            return Said.OVERLOAD
        if self._net_g < -ZERO_RANGE_G:
            return Said.UNDERLOAD
        shown_g = self._net_g if self._stable else self._net_g + self._swing_g()
        return Weight(self._stable, shown_g.quantize(READABILITY_G), UNIT)

    def _swing_g(self) -> Decimal:
        """How far it shows beside the weight while it comes to rest: noise that dies away."""
        share = (self._settled_s - self._now_s) / self._scaled(SETTLE_S) * WOBBLE
        return (self._load_g - self._former_g) * Decimal(share * self._chance.uniform(-1, 1))

    def _zero(self) -> Said:
        if abs(self._load_g) > ZERO_RANGE_G:
            return Said.ABOVE_ZERO_RANGE if self._load_g > 0 else Said.BELOW_ZERO_RANGE
        self._zero_g = self._load_g
        return Said.ZEROED

    def _scaled(self, seconds: float) -> float:
        return seconds / self._speed if self._speed else 0.0

    def set_speed(self, speed: float) -> None:
        """Divide settling times from the next load on by `speed`; 0: at rest at once."""
        self._speed = speed
        if not speed:
            self._settled_s = self._now_s

    def control(self, request: Request) -> Answer:
        """`state`, `load` (grams as text, in all), `stall` (answer nothing for some seconds, then late)."""
        match request:
            case {"do": "state"}:
                return {"ok": True, "load_g": str(self._load_g), "says": self._serial}
            case {"do": "load", "grams": str(text)} if (grams := _grams(text)) is not None:
                self._former_g, self._load_g = self._load_g, grams
                self._disturbed = True
                return {"ok": True}
            case {"do": "stall", "seconds": int(seconds) | float(seconds)}:
                self._stall_s = float(seconds)
                return {"ok": True}
        return {"ok": False, "error": "a scale knows state, load and stall"}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop."""

    def close(self) -> None:
        """Nothing is open."""


def _grams(text: str) -> Decimal | None:
    """The grams that `text` says, if it is such a number as could lie on a scale."""
    try:
        grams = Decimal(text)
    except InvalidOperation:
        return None
    return grams if grams.is_finite() and abs(grams) < 100 * CAPACITY_G else None


def emulate(setup: EmulatorSetup) -> ScaleEmulator:
    """Make an emulated scale as `setup` says."""
    return ScaleEmulator(setup)
