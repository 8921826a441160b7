"""The physics of an emulated label printer, and what people do at it; its language is a `Speech`."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.world import World
from devices.roles import PrinterCondition

PRINTED_NAME = "printed"
PRINT_S = 1.5
MOST_LABELS = 8
MOST_BYTES = 4096
CONDITIONS = {
    "ready": PrinterCondition.READY,
    "paper-out": PrinterCondition.PAPER_OUT,
    "ribbon-out": PrinterCondition.RIBBON_OUT,
    "cover-open": PrinterCondition.COVER_OPEN,
}

Fields = dict[str, object]


class Mechanism:
    """A buffer in memory, a print head, and the file of all that ever came out, which only tests and people read."""

    def __init__(self, setup: EmulatorSetup) -> None:
        self.condition = PrinterCondition.READY
        self.speed = setup.speed
        self.waiting: deque[Fields] = deque()
        self._printer = setup.id
        self._path = World(setup.world).path / PRINTED_NAME
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.due_s: float | None = None

    @property
    def full(self) -> bool:
        """Whether no more labels fit in."""
        return len(self.waiting) >= MOST_LABELS

    def put(self, fields: Fields) -> bool:
        """Take a label to print; False if there is no room."""
        if not self.full:
            self.waiting.append(fields)
            return True
        return False

    def advance(self, now_s: float) -> None:
        """Print what is due. A label that was stopped is begun again."""
        if self.condition is not PrinterCondition.READY:
            self.due_s = None
            return
        while self.waiting:
            if self.due_s is None:
                self.due_s = now_s + (PRINT_S / self.speed if self.speed else 0.0)
            if self.due_s > now_s:
                return
            self.due_s = None
            line = json.dumps({"printer": self._printer} | self.waiting.popleft()) + "\n"
            os.write(self._file, line.encode())

    def labels(self, text: str) -> int:
        """How many labels with this text ever came out here."""
        # Read again each time: people look only when something went wrong, and labels are many.
        with self._path.open(encoding="utf-8") as lines:
            found = [json.loads(line) for line in lines if text in line]
        return sum(text in label["texts"] for label in found if label["printer"] == self._printer)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Speech(Protocol):
    """The byte interface of a printer: hears one byte after another."""

    ends: bytes
    """The bytes that a request can end with; after others `hear` need not be called."""

    def hear(self, heard: bytearray, mechanism: Mechanism) -> bytes | None:
        """Act on requests that end where `heard` ends, taking them out of it; the answer, None if none is due."""


class LabelPrinterEmulator:
    """An emulated label printer; a power loss takes what waits in it."""

    def __init__(self, setup: EmulatorSetup, speech: Speech) -> None:
        self._mechanism = Mechanism(setup)
        self._speech = speech
        self._heard = bytearray()
        self._answers_to_go = self._answers_to_lose = 0

    @property
    def next_deadline_s(self) -> float | None:
        """When the label under the head is out."""
        return self._mechanism.due_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Hear what came in, print what is due, and return the answers."""
        # Heard and answered before anything moves: a status in the same breath as a label still counts that label.
        out = b""
        for byte in data:
            self._heard.append(byte)
            if byte in self._speech.ends:
                answer = self._speech.hear(self._heard, self._mechanism)
                if answer is not None and not self._loses() and len(out) < MOST_BYTES:
                    out += answer
            if len(self._heard) > MOST_BYTES:
                del self._heard[:-MOST_BYTES]
        self._mechanism.advance(now_s)
        return out

    def _loses(self) -> bool:
        if self._answers_to_go:
            self._answers_to_go -= 1
            return False
        if self._answers_to_lose:
            self._answers_to_lose -= 1
            return True
        return False

    def set_speed(self, speed: float) -> None:
        """Divide printing time by `speed`; 0: no time."""
        self._mechanism.speed = speed

    def control(self, request: Request) -> Answer:
        """`state`, `look` (for labels with a text), `set` (a condition of `CONDITIONS`), `lose` (that many answers, the
        first `after` excepted)."""
        match request:
            case {"do": "state"}:
                return {"ok": True, "condition": self._mechanism.condition, "waiting": len(self._mechanism.waiting)}
            case {"do": "look", "text": str(text)}:
                return {"ok": True, "labels": self._mechanism.labels(text)}
            case {"do": "set", "condition": str(condition)} if condition in CONDITIONS:
                self._mechanism.condition = CONDITIONS[condition]
                return {"ok": True}
            case {"do": "lose", "answers": int(answers), "after": int(after)}:
                self._answers_to_lose, self._answers_to_go = answers, after
                return {"ok": True}
        return {"ok": False, "error": f"a label printer knows state, look, lose and set to {', '.join(CONDITIONS)}"}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop later: labels wait in memory."""

    def close(self) -> None:
        """Close the file of what was printed."""
        self._mechanism.close()


def take_request(heard: bytearray, request: bytes) -> bool:
    """Whether `heard` ends with the request, which is then taken out."""
    if heard.endswith(request):
        del heard[-len(request) :]
        return True
    return False


def take_label(heard: bytearray, begin: bytes, end: bytes, decode: Callable[[bytes], Fields]) -> Fields | None:
    """The label that `heard` ends with, taken out; one whose beginning was lost is dropped."""
    if not heard.endswith(end):
        return None
    at = heard.rfind(begin)
    label = bytes(heard[at:])
    heard.clear()
    return decode(label) if at >= 0 else None
