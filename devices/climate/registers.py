"""What a transmitter keeps in its input registers: pure, for the driver and the emulator.

From the public manual of the XY-MD02: register 1 is the temperature, register 2 the humidity, both in tenths; the
temperature is signed, in two's complement.
"""

from collections.abc import Sequence
from decimal import Decimal

from devices.roles import Climate

FIRST_REGISTER = 1
REGISTERS = 2

_TENTH = Decimal("0.1")
_WORD, _SIGN = 0x10000, 0x8000
_COLDEST, WARMEST_C, _MOISTEST = -_SIGN * _TENTH, (_SIGN - 1) * _TENTH, (_WORD - 1) * _TENTH


def climate_of(registers: Sequence[int]) -> Climate:
    """What the two registers say.

    >>> told = climate_of([0xFF33, 0x0222])
    >>> told.temperature_c, told.humidity_percent
    (Decimal('-20.5'), Decimal('54.6'))
    """
    temperature, humidity = registers
    signed = temperature - _WORD if temperature & _SIGN else temperature
    return Climate(signed * _TENTH, humidity * _TENTH)


def registers_of(climate: Climate) -> tuple[int, int]:
    """The registers that say so, rounded to tenths; raises ValueError for what they can't hold.

    >>> [hex(register) for register in registers_of(Climate(Decimal("30.5"), Decimal("54.6")))]
    ['0x131', '0x222']
    """
    if climate.temperature_c is None or climate.humidity_percent is None:
        raise ValueError("its registers hold both")
    if not (_COLDEST <= climate.temperature_c <= WARMEST_C and 0 <= climate.humidity_percent <= _MOISTEST):
        raise ValueError("no register holds this")
    return round(climate.temperature_c / _TENTH) % _WORD, round(climate.humidity_percent / _TENTH)
