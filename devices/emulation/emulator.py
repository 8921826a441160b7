"""What an emulator is made from, and what its process needs of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from devices.emulation.control import Answer, Request
from devices.emulation.faults import Faults

FIRMWARE = "EMULATED-1"


@dataclass(frozen=True, slots=True)
class EmulatorSetup:
    """One emulated machine; `speed` 1 is real time and 0 no machine time, rates are shares from 0 to 1."""

    id: str
    serial: str
    folder: Path
    world: Path
    speed: float = 1.0
    seed: int = 0
    spoil_rate: float = 0.0
    misread_rate: float = 0.0
    faults: Faults = field(default_factory=Faults)


class Emulator(Protocol):
    """A machine behind one port and one control socket, turned by the process's poll loop."""

    @property
    def next_deadline_s(self) -> float | None:
        """When `turn` has something to do again without new bytes, on the monotonic clock; None: never."""

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the port, do what is due, and return the bytes to write."""

    def control(self, request: Request) -> Answer:
        """Do what a person or an engineer does at the machine; refusals are answers with `ok` false."""

    def set_speed(self, speed: float) -> None:
        """Divide machine time by `speed` from the next motion on; 0: no machine time."""

    def lose_power(self) -> None:
        """Drop everything that a power loss would; the process ends right after."""

    def close(self) -> None:
        """Close all files."""
