"""The line between a port and its emulator: bytes pass as they are, until a fault strikes some on their way.

It strikes a frame of the link, where the machine speaks in them. On any other line it strikes a burst: what came in one
read, or what the machine said in one turn. Bursts never overtake each other: one that is late holds up those behind it.
"""

from __future__ import annotations

import hashlib

from devices.emulation.faults import BURSTS, FRAMES, Fault, FaultName, Faults
from devices.frames import FLAG, Frame, FrameKind, decode_frame, encode_frame

LATE_S = 0.6  # a frame is sent again after 0.4 s: the late one arrives after its own retransmission
STALL_S = 1.5
# A scale is waited for 2 s and a climate transmitter 1 s; after 3 s the latter's reply must not come any more.
LATE_BURST_S = 2.5
FLOOD_BYTES = 1 << 16
_MOST_HELD_BYTES = 1 << 16


class _Way:
    """One direction: the unfinished frame held back while faults are set, and bytes that are to arrive later."""

    def __init__(self, flag: bytes) -> None:
        """Without a `flag` between them, pieces are bursts."""
        self._flag = flag
        self.rest = b""
        self.later: list[tuple[float, bytes]] = []

    def pieces(self, data: bytes) -> list[bytes]:
        """All that has come, cut behind each flag: frames without their opening flag, and flags alone; or one burst."""
        if not self._flag:
            return [data] if data else []
        *whole, self.rest = (self.rest + data).split(FLAG)
        pieces = [piece + FLAG for piece in whole]
        if len(self.rest) > _MOST_HELD_BYTES:
            pieces.append(self.rest)
            self.rest = b""
        return pieces

    def hold(self, until_s: float, data: bytes) -> None:
        """Have `data` arrive later."""
        if self.later and not self._flag:
            until_s = max(until_s, self.later[-1][0])
        self.later.append((until_s, data))

    def arriving(self, now_s: float) -> bytes:
        """What was late and is due."""
        due = b"".join(data for due_s, data in self.later if due_s <= now_s)
        self.later = [(due_s, data) for due_s, data in self.later if due_s > now_s]
        return due

    def lose(self) -> None:
        """Forget everything on its way."""
        self.rest = b""
        self.later.clear()


class Line:
    """Both directions of one line."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._flag = FLAG if faults.framed else b""
        strikes = FRAMES if faults.framed else BURSTS
        if not faults.journalled:
            strikes |= {FaultName.POWER_LOSS}
        self._strikes = tuple(name for name in FaultName if name in strikes)
        self._to_machine, self._to_host = _Way(self._flag), _Way(self._flag)
        self._stalled_until_s = 0.0
        self._hung_up: FaultName | None = None

    def to_machine(self, data: bytes, now_s: float) -> bytes:
        """What arrives at the machine of what the host has written."""
        return self._carry(self._to_machine, data, now_s)

    def to_host(self, data: bytes, now_s: float) -> bytes:
        """What arrives at the host of what the machine has written."""
        return self._carry(self._to_host, data, now_s)

    @property
    def next_deadline_s(self) -> float | None:
        """When bytes that are held back are due, on the monotonic clock; None if none are."""
        due_s = min((due_s for way in (self._to_machine, self._to_host) for due_s, _ in way.later), default=None)
        return None if due_s is None else max(due_s, self._stalled_until_s)

    def take_hang_up(self) -> FaultName | None:
        """How the line was cut off since this was asked last: HANG_UP, HALF_OPEN, POWER_LOSS, or not at all."""
        hung_up, self._hung_up = self._hung_up, None
        return hung_up

    def _carry(self, way: _Way, data: bytes, now_s: float) -> bytes:
        if self._faults.armed(self._strikes):
            data = b"".join(self._pass(way, piece, now_s) for piece in way.pieces(data))
        elif way.rest:
            data, way.rest = way.rest + data, b""
        if self._hung_up:
            self._to_machine.lose()
            self._to_host.lose()
            return b""
        if now_s < self._stalled_until_s:
            if data:
                way.hold(self._stalled_until_s, data)
            return b""
        if not way.later:
            return data
        due = way.arriving(now_s)
        if data and way.later and not self._flag:
            way.hold(now_s, data)
            return due
        return due + data

    def _pass(self, way: _Way, piece: bytes, now_s: float) -> bytes:
        """One piece, after every fault for which it is the occasion."""
        if piece == FLAG and self._flag:
            return piece
        for name in self._strikes:
            if (fault := self._faults.strike(name)) is not None:
                piece = self._strike(fault, way, piece, now_s)
        return piece

    def _strike(self, fault: Fault, way: _Way, piece: bytes, now_s: float) -> bytes:
        place = fault.draw(f"place {fault.fired}", max(len(piece), 1))
        match fault.name:
            case FaultName.DROPPED_BYTE:
                return piece[:place] + piece[place + 1 :]
            case FaultName.CORRUPTED_BYTE:
                flipped = bytes(byte ^ 1 << fault.draw(f"bit {fault.fired}", 8) for byte in piece[place : place + 1])
                return piece[:place] + flipped + piece[place + 1 :]
            case FaultName.TRUNCATED_FRAME:
                return piece[:place]
            case FaultName.CHECKSUM_COLLISION:
                return _collided(piece, fault)
            case FaultName.DUPLICATED_FRAME:
                return piece + self._flag + piece
            case FaultName.LATE_FRAME:
                way.hold(now_s + (LATE_S if self._flag else LATE_BURST_S), self._flag + piece)
                return b""
            case FaultName.GARBAGE_FLOOD:
                seed = f"{fault.seed}:{fault.fired}".encode()
                return hashlib.shake_256(seed).digest(FLOOD_BYTES) + self._flag + piece
            case FaultName.SECOND_OPENER:
                return self._taken(fault, way, piece)
            case FaultName.STALL:
                self._stalled_until_s = now_s + (STALL_S if self._flag else LATE_BURST_S)
            case FaultName.HANG_UP | FaultName.HALF_OPEN | FaultName.POWER_LOSS:
                self._hung_up = fault.name
        return piece

    def _taken(self, fault: Fault, way: _Way, piece: bytes) -> bytes:
        """What is left of a piece when another program has opened the port too.

        It reads what was meant for the host; and on the link it begins a session of its own with the machine.
        """
        if way is self._to_host or not self._flag:
            return b""
        nonce = hashlib.shake_256(f"{fault.seed}:{fault.fired}".encode()).digest(8)
        return encode_frame(Frame(FrameKind.RESET, 0, 0, nonce)) + piece


def _collided(piece: bytes, fault: Fault) -> bytes:
    """The frame with one bit of its payload turned over and a checksum that agrees all the same."""
    frame = decode_frame(piece.removesuffix(FLAG))
    if frame is None or not frame.payload:
        return piece
    payload = bytearray(frame.payload)
    payload[fault.draw(f"place {fault.fired}", len(payload))] ^= 1 << fault.draw(f"bit {fault.fired}", 8)
    return encode_frame(frame._replace(payload=bytes(payload)))[1:]
