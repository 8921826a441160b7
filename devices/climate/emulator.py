"""Emulator of the climate transmitter: the air around it, and its registers that tell it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from devices.climate.registers import FIRST_REGISTER, WARMEST_C, registers_of
from devices.emulation.control import Answer, Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName
from devices.emulation.modbus import ILLEGAL_FUNCTION, READ_INPUT_REGISTERS, ModbusUnit, input_registers, refusal
from devices.roles import Climate

ROOM = Climate(Decimal("22.0"), Decimal("45.0"))
DRIFT_C = Decimal("10.0")
BROKEN = Climate(Decimal("-3276.8"), Decimal("6553.5"))
"""What registers hold that nobody fills."""


class ClimateEmulator(ModbusUnit):
    """Answers for the air that was set."""

    def __init__(self, setup: EmulatorSetup) -> None:
        """Raises UnitNumberError."""
        super().__init__(setup)
        self._air, self._faults = ROOM, setup.faults

    def _reply(self, function: int, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - as the unit asks for it
        if function != READ_INPUT_REGISTERS:
            return refusal(function, ILLEGAL_FUNCTION)
        if self._faults.strike(FaultName.SENSOR_SILENT) is not None:
            return b""
        return input_registers(data, FIRST_REGISTER, registers_of(self._told()))

    def _told(self) -> Climate:
        """The air as it is told: what was set, unless a fault strikes this reading."""
        if self._faults.strike(FaultName.IMPOSSIBLE_READING) is not None:
            return BROKEN
        if self._faults.strike(FaultName.DRIFT) is not None:
            warm_c = (self._air.temperature_c or Decimal()) + DRIFT_C
            return replace(self._air, temperature_c=min(warm_c, WARMEST_C))
        return self._air

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
