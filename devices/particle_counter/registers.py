"""What a particle counter keeps in its input registers: pure, for the driver and the emulator.

From the public manuals of Particle Measuring Systems' map 1.00 (Airnet II, IsoAir 310P). That the channels' sizes stand
at 30017 is concluded from the manuals' order, not printed in what was read; the first register, 30001, is address 0.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MAP_VERSION = 100
FIRST_OF_SETUP, SETUP_REGISTERS = 0, 20
"""30001 to 30020: version, product, scales, channels and the sizes of the first two."""
FIRST_OF_SAMPLE, SAMPLE_REGISTERS = 203, 29
"""30204 to 30232: serial number, status and the sample, with the counts of the first two channels."""

HALF_MICROMETRE_NM = 500
SAMPLING, AVAILABLE, FLOATS = 1 << 0, 1 << 1, 1 << 7
"""Bits of the device's status, as of its coils: it samples, a sample is there, volume and times are IEEE-754."""
SERIAL_CHARACTERS = 16
FT3_IN_M3 = 0.028316846592
_TIME_SCALE = 2
_LARGEST_SCALE = 9
_SETUP = struct.Struct(">HH16sHHIHHII")
_SAMPLE = struct.Struct(">16sIHHI4sI4s4sHHHII")


@dataclass(frozen=True, slots=True)
class Setup:
    """How a counter counts: the power of ten by which volumes are multiplied, its first two channels' sizes in nm."""

    volume_scale: int
    sizes_nm: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: who took it, its status bits, when it ended (seconds, the counter's clock), and its counts."""

    serial: str
    status: int
    ended_s: int
    lasted_s: float
    faults: int
    volume_ft3: float
    counts: tuple[int, int]


def setup_of(registers: Sequence[int]) -> Setup | None:
    """What the registers of the setup say; None if they are of another map."""
    version, _, _, _, scale, _, channels, _, *sizes = _SETUP.unpack(_packed(registers))
    if version != MAP_VERSION or scale > _LARGEST_SCALE or channels < len(sizes):
        return None
    return Setup(scale, (sizes[0], sizes[1]))


def registers_of_setup(setup: Setup) -> list[int]:
    """The registers that say so, of a counter of two channels.

    >>> setup_of(registers_of_setup(Setup(5, (500, 5000))))
    Setup(volume_scale=5, sizes_nm=(500, 5000))
    """
    return _words(_SETUP.pack(MAP_VERSION, 100, b"COUNTER", 2, setup.volume_scale, 0, 2, 0, *setup.sizes_nm))


def sample_of(registers: Sequence[int], setup: Setup) -> Sample:
    """What the registers of a sample say; `lasted_s` and `volume_ft3` may be no finite numbers, if it says so."""
    serial, status, _, _, ended_s, lasted, faults, _, volume, _, _, _, first, second = _SAMPLE.unpack(
        _packed(registers)
    )
    floats = bool(status & FLOATS)
    return Sample(
        serial=serial.rstrip(b"\0 ").decode("latin-1"),
        status=status,
        ended_s=ended_s,
        lasted_s=_value(lasted, _TIME_SCALE, floats),
        faults=faults,
        volume_ft3=_value(volume, setup.volume_scale, floats),
        counts=(first, second),
    )


def registers_of_sample(sample: Sample, setup: Setup) -> list[int]:
    """The registers that say so; raises ValueError for what they can't hold."""
    floats = bool(sample.status & FLOATS)
    try:
        return _words(
            _SAMPLE.pack(
                sample.serial.encode("ascii", "replace"),
                sample.status,
                0,
                1,
                sample.ended_s,
                _held(sample.lasted_s, _TIME_SCALE, floats),
                sample.faults,
                bytes(4),
                _held(sample.volume_ft3, setup.volume_scale, floats),
                0,
                2,
                0,
                *sample.counts,
            )
        )
    except (struct.error, OverflowError) as error:
        raise ValueError("no register holds this") from error


def particles_m3(count: int, volume_ft3: float) -> int | None:
    """Particles in a cubic metre where `count` were in a sampled volume; None without such a volume.

    >>> particles_m3(10_000, 1.0), particles_m3(1, 0.0)
    (353147, None)
    """
    if not math.isfinite(volume_ft3) or volume_ft3 <= 0:
        return None
    figure = count / (volume_ft3 * FT3_IN_M3) if volume_ft3 * FT3_IN_M3 else math.inf
    return round(figure) if math.isfinite(figure) else None


def _packed(registers: Sequence[int]) -> bytes:
    return struct.pack(f">{len(registers)}H", *registers)


def _words(packed: bytes) -> list[int]:
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


def _value(held: bytes, scale: int, floats: bool) -> float:
    if floats:
        (value,) = struct.unpack(">f", held)
        return float(value)
    return int.from_bytes(held, "big") / float(10**scale)


def _held(value: float, scale: int, floats: bool) -> bytes:
    return struct.pack(">f", value) if floats else round(value * 10**scale).to_bytes(4, "big")
