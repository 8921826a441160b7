"""Emulator of an air shower: two doors, a fan, whoever stands between, and the controller that locks and counts."""

from __future__ import annotations

import json
import math
import struct

from devices.air_shower.registers import COILS, FIRST_REGISTER, INTERLOCKED, registers_of
from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName
from devices.emulation.kept_count import KeptCount
from devices.emulation.modbus import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_INPUT_REGISTERS,
    ModbusUnit,
    input_registers,
    refusal,
)
from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState

WRITE_SINGLE_COIL = 0x05
ON = 0xFF00
BLOW_S = 15.0
FAN_SEEN_S = 1.0
# Of people, who are no faster at another speed of the machine.
RELEASE_S = 10.0
HELD_S = 15.0


class AirShowerEmulator(ModbusUnit):
    """The controller, and what people do at its doors (`control`).

    What `control` begins has its time counted from the next turn on; None stands for that.
    """

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        super().__init__(setup)
        self._faults = setup.faults
        self._completed = KeptCount(setup.folder / "completed")
        # Counted when a cycle begins and when it ends: an odd number is a cycle that power was lost in.
        self._blows = KeptCount(setup.folder / "blows")
        self._cycle_fault = ShowerFault.NONE
        if self._blows.count % 2:
            self._blows.advance()
            self._cycle_fault = ShowerFault.POWER_LOST
        self._phase = ShowerPhase.SOILED
        # Doors stand and people stay where they are when the power goes: no memory of the controller's.
        self._room = setup.folder / "room.json"
        self._open: dict[Door, float | None] = {}
        self._occupied = False
        if self._room.exists():
            room = json.loads(self._room.read_text("utf-8"))
            self._open |= {Door(name): None for name in room["open"]}
            self._occupied = bool(room["occupied"])
        self._held: set[Door] = set()
        self._released: dict[Door, float] = {}
        self._blow_s: float | None = None
        self._blow_ends_with = ShowerFault.NONE

    @property
    def next_deadline_s(self) -> float | None:
        """When a frame ends, a reply is due, or a time of doors or fan is over."""
        due = [super().next_deadline_s, *self._released.values()]
        due += [since for door, since in self._open.items() if door not in self._held]
        if self._phase is ShowerPhase.BLOWING:
            due.append(self._blow_s)
        return min((moment for moment in due if moment is not None), default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Let times run out, then talk."""
        for door, due_s in list(self._open.items()):
            self._open[door] = due_s = now_s + HELD_S if due_s is None else due_s
            if now_s >= due_s:
                self._held.add(door)
        for door, due_s in list(self._released.items()):
            if now_s >= due_s:
                del self._released[door]
        if self._phase is ShowerPhase.BLOWING:
            if self._blow_s is None:
                self._blow_s = now_s + self._blow_takes()
            if now_s >= self._blow_s:
                self._end_cycle(self._blow_ends_with)
        return super().turn(data, now_s)

    def _takes(self, seconds: float) -> float:
        return seconds / self._speed if self._speed else 0.0

    def _blow_takes(self) -> float:
        match self._blow_ends_with:
            case ShowerFault.CYCLE_ABORTED:
                return self._takes(BLOW_S / 2)
            case ShowerFault.FAN_FAILED:
                return self._takes(FAN_SEEN_S)
        return self._takes(BLOW_S)

    def _state(self, now_s: float) -> ShowerState:
        blowing = self._phase is ShowerPhase.BLOWING
        left_s = (self._blow_s - now_s) * (self._speed or 1.0) if blowing and self._blow_s is not None else 0.0
        return ShowerState(
            phase=self._phase,
            open_doors=frozenset(self._open),
            released_doors=frozenset(self._released),
            occupied=self._occupied,
            seconds_left=max(math.ceil(left_s), 0),
            fault=ShowerFault.DOOR_HELD_OPEN if self._held else self._cycle_fault,
            completed=Position(self._completed.memory, self._completed.count),
        )

    def _reply(self, function: int, data: bytes, now_s: float) -> bytes:
        if function == READ_INPUT_REGISTERS:
            return input_registers(data, FIRST_REGISTER, registers_of(self._state(now_s)))
        if function != WRITE_SINGLE_COIL:
            return refusal(function, ILLEGAL_FUNCTION)
        if len(data) != struct.calcsize(">HH"):
            return refusal(function, ILLEGAL_VALUE)
        address, value = struct.unpack(">HH", data)
        door = next((door for door, coil in COILS.items() if coil == address), None)
        if door is None:
            return refusal(function, ILLEGAL_ADDRESS)
        if value != ON:
            return refusal(function, ILLEGAL_VALUE)
        if self._state(now_s).refuses(door):
            return refusal(function, INTERLOCKED)
        self._released[door] = now_s + RELEASE_S
        if door is Door.OUTER:
            self._cycle_fault = ShowerFault.NONE
        return bytes((function,)) + data

    # What people do.

    def control(self, request: Request) -> Answer:
        """`state`; `enter` and `leave` by a door, which is closed behind; `close` and `force` a door; `late`."""
        match request:
            case {"do": "state"}:
                return {"ok": True} | self._seen()
            case {"do": "late", "seconds": int(seconds) | float(seconds)} if 0 <= seconds < float("inf"):
                self._late_s = float(seconds)
                return {"ok": True}
            case {"do": "enter" | "leave" | "close" | "force" as act, "door": str(name)} if name in tuple(Door):
                return self._act(act, Door(name))
        return {"ok": False, "error": "an air shower knows state, late, and enter, leave, close and force with a door"}

    def _seen(self) -> Answer:
        return {
            "phase": self._phase.value,
            "open": sorted(self._open),
            "released": sorted(self._released),
            "occupied": self._occupied,
            "completed": self._completed.count,
            "memory": self._completed.memory,
        }

    def _act(self, act: str, door: Door) -> Answer:
        match act:
            case "close" if door in self._open:
                self._close(door)
            case "close":
                return {"ok": False, "error": f"the {door} door is closed"}
            case "force":
                self._opens(door)
            case _ if door not in self._released:
                return {"ok": False, "error": f"the {door} door is locked"}
            case _:
                del self._released[door]
                self._opens(door)
                self._occupied = act == "enter"
                if self._faults.strike(FaultName.DOOR_HELD_OPEN) is None:
                    self._close(door)
        self._room.write_text(json.dumps({"open": sorted(self._open), "occupied": self._occupied}), "utf-8")
        return {"ok": True} | self._seen()

    def _opens(self, door: Door) -> None:
        self._open[door] = None
        if self._phase is ShowerPhase.BLOWING:
            self._end_cycle(ShowerFault.CYCLE_ABORTED)
        elif door is Door.OUTER:
            self._cycle_fault = ShowerFault.NONE
        if door is Door.OUTER:
            self._phase = ShowerPhase.SOILED

    def _close(self, door: Door) -> None:
        del self._open[door]
        self._held.discard(door)
        if door is Door.OUTER and self._occupied and not self._open:
            self._begin_cycle()

    def _begin_cycle(self) -> None:
        self._blows.advance()
        self._phase, self._blow_s, self._cycle_fault = ShowerPhase.BLOWING, None, ShowerFault.NONE
        self._blow_ends_with = ShowerFault.NONE
        if self._faults.strike(FaultName.CYCLE_ABORTED) is not None:
            self._blow_ends_with = ShowerFault.CYCLE_ABORTED
        if self._faults.strike(FaultName.FAN_FAILURE) is not None:
            self._blow_ends_with = ShowerFault.FAN_FAILED

    def _end_cycle(self, fault: ShowerFault) -> None:
        if fault is ShowerFault.NONE:
            # On stable storage before anybody is told: it never goes back.
            self._completed.advance()
        self._blows.advance()
        self._phase = ShowerPhase.SOILED if fault is not ShowerFault.NONE else ShowerPhase.CLEAN
        self._cycle_fault = fault

    def lose_power(self) -> None:
        """A cycle under way is not counted."""
        self._completed.lose_power()
        self._blows.lose_power()

    def close(self) -> None:
        """Close the counts' files."""
        self._completed.close()
        self._blows.close()


def emulate(setup: EmulatorSetup) -> AirShowerEmulator:
    """Make an emulated air shower; raises UnitNumberError."""
    return AirShowerEmulator(setup)
