"""Emulator of the document reader: a slot for one piece, and what can be read of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

from devices import messages as m
from devices.emulation.control import Answer, Request
from devices.emulation.emulator import FIRMWARE, EmulatorSetup
from devices.emulation.endpoint import Endpoint
from devices.emulation.machine import Chance
from devices.emulation.world import Piece, Stack, TallyReader, TallyWriter, What, World, inside
from devices.jobs import JOB_ID_BYTES
from devices.piece import encode_chip

MODEL = "document-reader"
READ_S = 2.0
UNREADABLE = "?"


class ReaderEmulator:
    """Reads what people lay into its slot; it keeps no journal, for it changes nothing."""

    def __init__(self, setup: EmulatorSetup) -> None:
        self._speed = setup.speed
        self._setup = setup
        self._boot_id = os.urandom(JOB_ID_BYTES).hex()
        self._chance = Chance(setup.seed, setup.id, misread_rate=setup.misread_rate)
        self._attempts = 0
        self._world = World(setup.world)
        self._tally = TallyWriter(self._world, setup.id)
        self._slot = inside(setup.id, Stack.SLOT)
        self._piece = self._find_piece()
        self._endpoint = Endpoint(self._handle, self._forget_session)
        self._asked: m.ReadPiece | None = None
        self._give_up_s = 0.0
        self._read_s: float | None = None
        self._now_s = 0.0

    def _find_piece(self) -> str | None:
        reader = TallyReader(self._world.tallies / self._setup.id)
        found: str | None = None
        for line in reader.lines():
            found = line.serial if line.place == self._slot else None
        return found

    @property
    def next_deadline_s(self) -> float | None:
        """When a reading ends, the patience for a piece ends, or the link wants to send again."""
        due = [moment for moment in (self._reading_due_s, self._endpoint.next_deadline_s) if moment is not None]
        return min(due, default=None)

    @property
    def _reading_due_s(self) -> float | None:
        if self._asked is None:
            return None
        return self._give_up_s if self._read_s is None else self._read_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Handle what came in, read what lies in the slot, and return what goes out."""
        self._now_s = now_s
        self._endpoint.receive(data, now_s)
        self._begin_reading()
        if self._asked is not None and (due_s := self._reading_due_s) is not None and due_s <= now_s:
            self._answer(self._asked)
        return self._endpoint.outgoing()

    def _begin_reading(self) -> None:
        if self._piece is None:
            self._read_s = None
        elif self._asked is not None and self._read_s is None:
            self._read_s = self._now_s + (READ_S / self._speed if self._speed else 0.0)

    def _answer(self, asked: m.ReadPiece) -> None:
        self._asked = self._read_s = None
        if self._piece is None:
            self._endpoint.refuse(asked, m.RefusalCode.NO_PIECE)
            return
        piece = self._world.piece(self._piece) or Piece.ruined(self._piece)
        chip = encode_chip(piece.data.chip) if piece.chip_written else b""
        mrz = piece.data.mrz if piece.printed else ()
        self._attempts += 1
        if self._chance.misread(self._piece, self._attempts):
            # One character that the camera could not make out; the check digits or the next reading tell.
            mrz = tuple(UNREADABLE + line[1:] for line in mrz)
        digest = hashlib.sha256(chip).hexdigest()
        self._endpoint.send(m.PieceRead(asked.request, self._piece, mrz, piece.locked, len(chip), digest))
        for data in m.data_messages(asked.request, chip, self._endpoint.max_payload):
            self._endpoint.send(data)

    def _forget_session(self) -> None:
        self._asked = self._read_s = None

    def _handle(self, message: m.Message) -> None:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            self._endpoint.refuse(message, m.RefusalCode.UNSUPPORTED)
        else:
            handler(self, message)

    def _hello(self, hello: m.Hello) -> None:
        version, max_payload, window = self._endpoint.agree(hello)
        reply = m.HelloReply(
            request=hello.request,
            version=version,
            max_payload=max_payload,
            window=window,
            model=MODEL,
            serial=self._setup.serial,
            firmware=FIRMWARE,
            boot_id=self._boot_id,
            emulated=True,
            journal_id=m.NO_ID,
            journal_first=0,
            journal_next=0,
            fence=0,
            counters=m.Counters(0, 0, 0, 0, 0),
            open_jobs=(),
        )
        self._endpoint.send(reply)
        self._endpoint.take_up(max_payload, window)

    def _read(self, read: m.ReadPiece) -> None:
        self._asked, self._read_s = read, None
        self._give_up_s = self._now_s + read.timeout_ms / 1000

    def set_speed(self, speed: float) -> None:
        """Divide reading time by `speed`; 0: no time."""
        self._speed = speed

    def control(self, request: Request) -> Answer:
        """`state`, `look`, `insert` (a serial from its origin), `remove` (to a place)."""
        match request:
            case {"do": "state" | "look"}:
                return {"ok": True, "slot": self._piece}
            case {"do": "insert", "serial": str(serial), "origin": str(origin)}:
                if self._piece not in (None, serial):
                    return {"ok": False, "error": f"{self._piece} lies in its slot"}
                if self._piece is None:
                    self._tally.write(What.MOVED, ((serial, origin),), self._slot)
                    self._piece = serial
                return {"ok": True}
            case {"do": "remove", "place": str(place)}:
                removed, self._piece = self._piece, None
                if removed is not None:
                    self._tally.write(What.MOVED, ((removed, self._slot),), place)
                return {"ok": True, "removed": removed}
        return {"ok": False, "error": "a reader knows state, look, insert and remove"}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop."""

    def close(self) -> None:
        """Close the tally."""
        self._tally.close()


_HANDLERS: dict[type[m.Message], Callable[[ReaderEmulator, Any], None]] = {
    m.Hello: ReaderEmulator._hello,
    m.ReadPiece: ReaderEmulator._read,
}


def emulate(setup: EmulatorSetup) -> ReaderEmulator:
    """Make an emulated document reader."""
    return ReaderEmulator(setup)
