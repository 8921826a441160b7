"""Emulator of the particle counter: the air around it, and its registers that tell it.

Its sample slides: whenever it is asked, it tells the cubic metre of just now, as the air was set.
"""

from __future__ import annotations

from dataclasses import replace

from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName
from devices.emulation.modbus import (
    ILLEGAL_FUNCTION,
    READ_INPUT_REGISTERS,
    ModbusUnit,
    input_registers,
    refusal,
)
from devices.particle_counter.registers import (
    AVAILABLE,
    FIRST_OF_SAMPLE,
    FIRST_OF_SETUP,
    FT3_IN_M3,
    HALF_MICROMETRE_NM,
    SAMPLING,
    SERIAL_CHARACTERS,
    Sample,
    Setup,
    registers_of_sample,
    registers_of_setup,
)

ROOM_M3 = 352_000
"""As clean as class 7 of ISO 14644-1 allows."""
DRIFT_TIMES = 20
MOST_M3 = (2**32 - 1) // DRIFT_TIMES
LARGE_NM, SMALL_PER_LARGE = 5000, 120
SETUP = Setup(8, (HALF_MICROMETRE_NM, LARGE_NM))
LASTED_S = 600.0
LASER_FAULT = 1


class ParticleCounterEmulator(ModbusUnit):
    """Answers for the air that was set."""

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        super().__init__(setup)
        self._serial = (setup.serial.rpartition("/")[0] or setup.serial)[:SERIAL_CHARACTERS]
        self._particles_m3, self._faults = ROOM_M3, setup.faults
        self._status = SAMPLING | AVAILABLE
        self._ended_s: int | None = None

    def _reply(self, function: int, data: bytes, now_s: float) -> bytes:
        if function != READ_INPUT_REGISTERS:
            return refusal(function, ILLEGAL_FUNCTION)
        if int.from_bytes(data[:2], "big") < FIRST_OF_SAMPLE:
            return input_registers(data, FIRST_OF_SETUP, registers_of_setup(SETUP))
        if self._faults.strike(FaultName.SENSOR_SILENT) is not None:
            return b""
        return input_registers(data, FIRST_OF_SAMPLE, registers_of_sample(self._told(now_s), SETUP))

    def _told(self, now_s: float) -> Sample:
        """The sample as it is told: of the air that was set, unless a fault strikes this reading."""
        ended_s = int(now_s) % 2**32 if self._ended_s is None else self._ended_s
        sample = self._sample(self._particles_m3, ended_s)
        if self._faults.strike(FaultName.IMPOSSIBLE_READING) is not None:
            return replace(sample, faults=LASER_FAULT)
        if self._faults.strike(FaultName.DRIFT) is not None:
            return self._sample(self._particles_m3 * DRIFT_TIMES, ended_s)
        return sample

    def _sample(self, particles_m3: int, ended_s: int) -> Sample:
        counts = particles_m3, particles_m3 // SMALL_PER_LARGE
        return Sample(self._serial, self._status, ended_s, LASTED_S, 0, 1 / FT3_IN_M3, counts)

    def control(self, request: Request) -> Answer:
        """`state`, `set` (particles_m3), `sampling` (on or off), `hang` (no new sample), `late` (the next reply)."""
        match request:
            case {"do": "state"}:
                return {"ok": True, "says": self._name.decode(), "particles_m3": self._particles_m3}
            case {"do": "set", "particles_m3": int(particles)} if 0 <= particles <= MOST_M3:
                self._particles_m3 = particles
                return {"ok": True}
            case {"do": "set"}:
                return {"ok": False, "error": f"particles_m3 is a whole number, 0 to {MOST_M3}"}
            case {"do": "sampling", "on": bool(on)}:
                self._status = SAMPLING | AVAILABLE if on else AVAILABLE
                return {"ok": True}
            case {"do": "hang", "on": bool(on)}:
                self._ended_s = 0 if on else None
                return {"ok": True}
            case {"do": "late", "seconds": int(seconds) | float(seconds)} if 0 <= seconds < float("inf"):
                self._late_s = float(seconds)
                return {"ok": True}
        return {"ok": False, "error": "a particle counter knows state, set, sampling, hang and late"}

    def lose_power(self) -> None:
        """Nothing is kept that a power loss could drop."""

    def close(self) -> None:
        """Nothing is open."""


def emulate(setup: EmulatorSetup) -> ParticleCounterEmulator:
    """Make an emulated particle counter; raises UnitNumberError."""
    return ParticleCounterEmulator(setup)
