"""Emulator of a face reader: who stands before it, and what it answers to a control panel.

Only who is enrolled is recognised, and only a number crosses. It counts its recognitions on stable storage and holds
some of them until a panel has acknowledged each; what it held is gone with its power, the count goes on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.kept_count import KeptCount
from devices.errors import UnitNumberError
from devices.face_reader.frames import (
    BEGIN,
    CARD_DATA,
    EMULATED_VENDOR,
    FIRST_ADDRESS,
    LAST_ADDRESS,
    OFFLINE_S,
    OLDEST_TENTHS,
    SEQUENCES,
    Code,
    Identity,
    Nak,
    Packet,
    PacketDecoder,
    Recognised,
    address_of,
    encode_capabilities,
    encode_packet,
    serial_of,
)

ANSWER_S = 0.02
MOST_HELD = 32
MOST_WAITING = 16
COUNT_NAME = "recognitions"
LAST_CREDENTIAL = (1 << 32) - 1
# Card data as bits; CRC; one light; one buzzer, each at its lowest level.
CAPABILITIES = encode_capabilities([(CARD_DATA, 1, 0), (8, 1, 0), (4, 1, 1), (5, 1, 1)])
LENGTHS = {Code.POLL: 0, Code.ID: 1, Code.CAP: 1, Code.LED: 14, Code.BUZ: 5}


@dataclass(slots=True)
class Held:
    """A recognition that no panel has acknowledged yet; `at_s` is None until the reader's clock has told its time."""

    memory: int
    number: int
    credential: int
    quality_percent: int
    at_s: float | None = None


class FaceReaderEmulator:
    """Answers the panel's packets; those to other addresses, and damaged ones, not at all."""

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        address = address_of(setup.serial)
        if address is None:
            raise UnitNumberError(setup.serial, LAST_ADDRESS, FIRST_ADDRESS)
        self._address, self._speed = address, setup.speed
        self._identity = Identity(EMULATED_VENDOR, 1, 1, serial_of(setup.serial), (1, 0, 0))
        self._count = KeptCount(setup.folder / COUNT_NAME)
        self._decoder = PacketDecoder(address, replies=False)
        self._held: deque[Held] = deque(maxlen=MOST_HELD)
        self._told: Held | None = None
        """What the last answer told, until it is acknowledged."""
        self._last: tuple[int, bytes] | None = None
        self._heard_s = 0.0
        self._late_s = self._mute_s = 0.0
        self._muted_until_s: float | None = None
        self._replies: deque[tuple[float, bytes]] = deque()
        self._shown: list[str] = []

    @property
    def next_deadline_s(self) -> float | None:
        """When an answer is due."""
        return self._replies[0][0] if self._replies else None

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Take packets, and return the answers that are due."""
        for one in self._held:
            one.at_s = now_s if one.at_s is None else one.at_s
        for packet in self._decoder.feed(data):
            self._take(packet, now_s)
        answers = b""
        while self._replies and self._replies[0][0] <= now_s:
            answers += self._replies.popleft()[1]
        return answers

    def _take(self, packet: Packet, now_s: float) -> None:
        if self._mute_s:
            self._muted_until_s, self._mute_s = now_s + self._mute_s, 0.0
        if self._muted_until_s is not None and now_s < self._muted_until_s:
            return
        if len(self._replies) >= MOST_WAITING:
            return
        if now_s - self._heard_s >= OFFLINE_S:
            self._last = None
        self._heard_s = now_s
        answer = self._answer(packet, now_s)
        due_s = now_s + self._late_s + (ANSWER_S / self._speed if self._speed else 0.0)
        self._late_s = 0.0
        if self._replies:
            due_s = max(due_s, self._replies[-1][0])
        self._replies.append((due_s, answer))

    def _answer(self, packet: Packet, now_s: float) -> bytes:
        if packet.sequence != BEGIN:
            if self._last is not None and packet.sequence == self._last[0]:
                return self._last[1]
            if self._last is None or packet.sequence != self._last[0] % (SEQUENCES - 1) + 1:
                return self._encode(packet.sequence, Code.NAK, bytes((Nak.BAD_SEQUENCE,)))
            if self._told is not None and self._held and self._held[0] is self._told:
                self._held.popleft()
        self._told = None
        answer = self._encode(packet.sequence, *self._obey(packet, now_s))
        self._last = (packet.sequence, answer)
        return answer

    def _encode(self, sequence: int, code: Code, data: bytes) -> bytes:
        return encode_packet(Packet(self._address, sequence, code, data), reply=True)

    def _obey(self, packet: Packet, now_s: float) -> tuple[Code, bytes]:
        code = next((known for known in LENGTHS if known == packet.code), None)
        if code is None:
            return Code.NAK, bytes((Nak.UNKNOWN_COMMAND,))
        if len(packet.data) != LENGTHS[code]:
            return Code.NAK, bytes((Nak.BAD_LENGTH,))
        match code:
            case Code.ID:
                return Code.PDID, self._identity.encode()
            case Code.CAP:
                return Code.PDCAP, CAPABILITIES
            case Code.POLL if self._held:
                self._told = self._held[0]
                return Code.RAW, self._raw(self._told, now_s)
            case Code.LED | Code.BUZ:
                self._shown = [*self._shown, packet.data.hex()][-MOST_WAITING:]
        return Code.ACK, b""

    def _raw(self, told: Held, now_s: float) -> bytes:
        age_s = now_s - (now_s if told.at_s is None else told.at_s)
        tenths = min(int(age_s * 10), OLDEST_TENTHS)
        return Recognised(told.memory, told.number, told.credential, told.quality_percent, tenths).encode()

    def set_speed(self, speed: float) -> None:
        """Divide the time to answer from the next packet on by `speed`; 0: at once."""
        self._speed = speed

    def control(self, request: Request) -> Answer:
        """`state`, `recognise` (an enrolled `credential`, `quality`), `late` and `mute` (by, for some seconds)."""
        match request:
            case {"do": "state"}:
                counted = {"memory": self._count.memory, "recognised": self._count.count}
                return {"ok": True, "held": len(self._held), "shown": self._shown, **counted}
            case {"do": "recognise", "credential": int(credential), "quality": int(quality)}:
                return self._recognise(credential, quality)
            case {"do": "late", "seconds": int(seconds) | float(seconds)} if 0 <= seconds < float("inf"):
                self._late_s = float(seconds)
                return {"ok": True}
            case {"do": "mute", "seconds": int(seconds) | float(seconds)} if 0 <= seconds < float("inf"):
                self._mute_s = float(seconds)
                return {"ok": True}
        return {"ok": False, "error": "a face reader knows state, recognise, late and mute"}

    def _recognise(self, credential: int, quality: int) -> Answer:
        if not (0 <= credential <= LAST_CREDENTIAL and 0 <= quality <= 100):
            return {"ok": False, "error": f"a credential is 0 to {LAST_CREDENTIAL}, a quality 0 to 100 %"}
        # Counted before anybody hears of it: a number is never given twice. The oldest is dropped, and so missed.
        number = self._count.advance()
        self._held.append(Held(self._count.memory, number, credential, quality))
        return {"ok": True, "number": number, "memory": self._count.memory}

    def lose_power(self) -> None:
        """What no panel has acknowledged is gone; the count is not."""
        self._count.lose_power()

    def close(self) -> None:
        """Close the count's file."""
        self._count.close()


def emulate(setup: EmulatorSetup) -> FaceReaderEmulator:
    """Make an emulated face reader; raises UnitNumberError."""
    return FaceReaderEmulator(setup)
