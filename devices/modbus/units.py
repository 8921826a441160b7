"""How a unit on a Modbus line is called, and what an emulated one says that it is: pure, for drivers and emulators."""

from devices.errors import UnitNumberError

FACTORY_UNIT = 1
LAST_UNIT = 247
EMULATED = "EMULATED"


def unit_of(serial: str) -> int:
    """The unit number behind the last `/` of a serial number, the factory's 1 where none is; raises UnitNumberError.

    >>> unit_of("XY-2207-0031/3"), unit_of("XY-2207-0031")
    (3, 1)
    """
    _, slash, number = serial.rpartition("/")
    if not slash:
        return FACTORY_UNIT
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(LAST_UNIT))):
        raise UnitNumberError(serial, LAST_UNIT)
    if not FACTORY_UNIT <= int(number) <= LAST_UNIT:
        raise UnitNumberError(serial, LAST_UNIT)
    return int(number)


def emulated_name(serial: str) -> bytes:
    """What an emulator says when it is asked who it is.

    >>> emulated_name("XY-1/3")
    b'EMULATED XY-1/3'
    """
    return f"{EMULATED} {serial}".encode("ascii", "replace")
