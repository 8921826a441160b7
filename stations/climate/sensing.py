"""One climate sensor as a zone's watch asks it: opened when needed, and never more than silent."""

from devices.errors import DeviceError
from devices.roles import ClimateSensor
from stations.climate.rules import Look


class Sensing:
    """A sensor that is opened again at the next look after it failed. One caller at a time."""

    def __init__(self, sensor: ClimateSensor) -> None:
        """`sensor` is a driver that is not open; it belongs to whoever made it, and is closed by `close`."""
        self._sensor = sensor
        self._is_open = False

    @property
    def name(self) -> str:
        """The line's name for the sensor."""
        return self._sensor.machine

    def look(self) -> Look:
        """Ask once; what fails is in the look."""
        try:
            if not self._is_open:
                self._sensor.open()
                self._is_open = True
            look = Look(self.name, self._sensor.read())
        except DeviceError as error:
            self.close()
            return Look(self.name, None, type(error).__name__)
        return look if look.told else Look(self.name, None, "NothingTold")

    def close(self) -> None:
        """Close the port."""
        self._sensor.close()
        self._is_open = False
