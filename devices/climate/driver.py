"""Driver of a climate transmitter on Modbus RTU, one a port, in the manner of the XY-MD02.

A reply bears no number, and not even says which registers it holds. So both are asked for in one request, and a late
reply is never the next one's (`modbus.exchange`).

The transmitter tells no serial number. It is asked who it is all the same, by the standard's function 17, because an
emulator answers that; a real one refuses it or stays silent.
"""

from decimal import Decimal
from threading import Lock

from devices.climate.frames import ReplyDecoder, climate_request
from devices.climate.registers import climate_of
from devices.endpoint import Transport
from devices.errors import ImpossibleReadingError
from devices.modbus.exchange import Exchange, ModbusTimes
from devices.modbus.units import unit_of
from devices.roles import Climate

# Where it works, by the manual: outside of this its figures mean nothing.
TEMPERATURES_C = (Decimal(-40), Decimal(85))
HUMIDITIES_PERCENT = (Decimal(0), Decimal(100))


class ModbusClimate:
    """A `roles.ClimateSensor`; its threads take turns."""

    model = "modbus-climate"
    uses_link = False

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: ModbusTimes | None = None
    ) -> None:
        """`serial` may end in `/` and the unit's number on the bus, else it is unit 1; raises UnitNumberError."""
        self._machine, self._serial, self._emulated = machine, serial, emulated
        unit = unit_of(serial)
        self._decoder = ReplyDecoder(unit)
        self._line = Exchange(machine, unit, transport, self._decoder, times)
        self._climate = climate_request(unit)
        self._turns = Lock()

    @property
    def machine(self) -> str:
        """The line's name for the transmitter."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Bytes dropped because they were part of no reply."""
        return self._decoder.damaged

    def open(self) -> None:
        """Open the port, check the mode and that a climate is told; see `roles.ClimateSensor`."""
        with self._turns:
            self._line.open()
            try:
                self._line.check_mode(self._serial, self._emulated)
                self._line.ask(self._climate, "CLIMATE")
            except BaseException:
                self._line.close()
                raise

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def read(self) -> Climate:
        """The climate now; see `roles.ClimateSensor`. Asks once, and first waits for what may still come."""
        with self._turns:
            climate = climate_of(self._line.ask(self._climate, "CLIMATE").registers)
        self._check_range("temperature", climate.temperature_c, TEMPERATURES_C, "°C")
        self._check_range("humidity", climate.humidity_percent, HUMIDITIES_PERCENT, "%")
        return climate

    def _check_range(self, figure: str, value: Decimal | None, allowed: tuple[Decimal, Decimal], unit: str) -> None:
        lowest, highest = allowed
        if value is None or not lowest <= value <= highest:
            raise ImpossibleReadingError(self._machine, figure, f"{value} {unit}", f"{lowest} to {highest} {unit}")
