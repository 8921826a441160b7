"""Driver of an airborne particle counter on Modbus RTU, one a port, in the manner of map 1.00 (see `registers`).

It only reads: that the counter samples without end, keeping one sample, is set at the counter. Each reading is one
request, and says who took the sample. A sample that stays the same for too long is none: a counter that hangs would
tell yesterday's clean air for ever.
"""

from threading import Lock

from devices.endpoint import Transport
from devices.errors import ImpossibleReadingError, WrongMachineError
from devices.modbus.exchange import Exchange, ModbusTimes
from devices.modbus.units import unit_of
from devices.particle_counter.frames import ReplyDecoder, sample_request, setup_request
from devices.particle_counter.registers import (
    AVAILABLE,
    HALF_MICROMETRE_NM,
    MAP_VERSION,
    SAMPLING,
    Sample,
    Setup,
    particles_m3,
    sample_of,
    setup_of,
)
from devices.roles import Climate

OLD_S = 10.0
"""Beyond two samples' time: how long the same sample may be told."""
LONGEST_SAMPLE_S = 86_400.0


class ModbusParticleCounter:
    """A `roles.ClimateSensor` that tells particles of 0.5 µm and more, and nothing else; its threads take turns."""

    model = "modbus-particle-counter"
    uses_link = False

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: ModbusTimes | None = None
    ) -> None:
        """`serial` may end in `/` and the unit's number on the bus, else it is unit 1; raises UnitNumberError."""
        self._machine, self._serial, self._emulated = machine, serial, emulated
        self._unit = unit_of(serial)
        self._decoder = ReplyDecoder(self._unit)
        self._line = Exchange(machine, self._unit, transport, self._decoder, times)
        self._setup: Setup | None = None
        self._channel = 0
        self._seen: tuple[int, float] | None = None
        self._turns = Lock()

    @property
    def machine(self) -> str:
        """The line's name for the counter."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Bytes dropped because they were part of no reply."""
        return self._decoder.damaged

    def open(self) -> None:
        """Open the port, check mode, map, channels and serial number; see `roles.ClimateSensor`."""
        with self._turns:
            self._line.open()
            try:
                self._line.check_mode(self._serial, self._emulated)
                setup = setup_of(self._line.ask(setup_request(self._unit), "SETUP").registers)
                if setup is None:
                    raise WrongMachineError(self._machine, "register map", str(MAP_VERSION), "another")
                if HALF_MICROMETRE_NM not in setup.sizes_nm:
                    sizes = " and ".join(map(str, setup.sizes_nm))
                    raise WrongMachineError(self._machine, "channel in nm", str(HALF_MICROMETRE_NM), sizes)
                self._setup, self._channel = setup, setup.sizes_nm.index(HALF_MICROMETRE_NM)
                self._ask(setup)
            except BaseException:
                self._line.close()
                raise

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def read(self) -> Climate:
        """The last sample's particles; see `roles.ClimateSensor`. Asks once, and first waits for what may still come.

        A counter that doesn't sample, has no sample yet, reports a fault of its own or hangs tells none. Raises
        WrongMachineError for another counter's sample.
        """
        with self._turns:
            # Before `open` the request itself is refused: no session.
            sample = self._ask(self._setup or Setup(0, (HALF_MICROMETRE_NM, 0)))
            self._check(sample)
        particles = particles_m3(sample.counts[self._channel], sample.volume_ft3)
        if particles is None:
            raise self._impossible("sampled volume", f"{sample.volume_ft3:g} ft³", "more than 0 ft³")
        return Climate(particles_m3=particles)

    def _ask(self, setup: Setup) -> Sample:
        sample = sample_of(self._line.ask(sample_request(self._unit), "SAMPLE").registers, setup)
        wanted = self._serial.rpartition("/")[0] or self._serial
        if sample.serial != wanted:
            raise WrongMachineError(self._machine, "serial", wanted, sample.serial)
        return sample

    def _check(self, sample: Sample) -> None:
        if not sample.status & SAMPLING:
            raise self._impossible("sampling", "off", "on")
        if not sample.status & AVAILABLE:
            raise self._impossible("number of samples", "0", "1 or more")
        if sample.faults:
            raise self._impossible("status of the sample", f"{sample.faults:#x}", "0x0")
        if not 0 < sample.lasted_s <= LONGEST_SAMPLE_S:
            raise self._impossible("sample's time", f"{sample.lasted_s:g} s", f"up to {LONGEST_SAMPLE_S:g} s")
        now_s = self._line.now_s
        if self._seen is None or self._seen[0] != sample.ended_s:
            self._seen = sample.ended_s, now_s
        oldest_s = 2 * sample.lasted_s + OLD_S
        if (age_s := now_s - self._seen[1]) > oldest_s:
            raise self._impossible("age of the sample", f"{age_s:.0f} s", f"up to {oldest_s:.0f} s")

    def _impossible(self, figure: str, value: str, allowed: str) -> ImpossibleReadingError:
        return ImpossibleReadingError(self._machine, figure, value, allowed)
