"""Which driver serves which entry of `line.toml`. Other packages add theirs as entry points of `passline.devices`."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from devices.endpoint import Transport
from devices.errors import UnknownDriverError
from devices.link import WANTED_PAYLOAD, WANTED_WINDOW, LinkTimes
from devices.roles import (
    AirShower,
    ClimateSensor,
    DocumentReader,
    FaceReader,
    LabelPrinter,
    Personalizer,
    Position,
    Scale,
    SwipeReader,
)
from devices.tap import TAP_NAME
from devices.transport import OnSend, SerialTransport

GROUP = "passline.devices"
BUILT_IN = {
    "book-personalizer": "devices.book_personalizer.driver:BookPersonalizer",
    "card-personalizer": "devices.card_personalizer.driver:CardPersonalizer",
    "crt-591": "devices.crt591.driver:Crt591",
    "crt-591-counting": "devices.crt591.driver:Crt591Counting",
    "document-reader": "devices.document_reader.driver:LinkDocumentReader",
    "modbus-air-shower": "devices.air_shower.driver:ModbusAirShower",
    "modbus-climate": "devices.climate.driver:ModbusClimate",
    "modbus-particle-counter": "devices.particle_counter.driver:ModbusParticleCounter",
    "mt-sics-scale": "devices.scale.driver:MtSicsScale",
    "osdp-face-reader": "devices.face_reader.driver:OsdpFaceReader",
    "rte-mrz-reader": "devices.mrz_reader.driver:RteMrzReader",
    "sato-label-printer": "devices.label_printer.driver:SatoLabelPrinter",
    "zebra-label-printer": "devices.label_printer.driver:ZebraLabelPrinter",
}
EMULATED_MODE = "emulated"
BITS_PER_BYTE = 10  # start, eight data bits, stop


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """One `[[devices]]` entry; `serial` is what the machine must answer, `mode` is `production` or `emulated`."""

    id: str
    driver: str
    port: str
    serial: str
    mode: str
    baud: int = 115_200

    @property
    def emulated(self) -> bool:
        """Whether the machine must say that it is emulated."""
        return self.mode == EMULATED_MODE


def driver_class(name: str) -> Any:
    """The driver of that name, built in or installed; raises UnknownDriverError."""
    if name in BUILT_IN:
        return EntryPoint(name, BUILT_IN[name], GROUP).load()
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name not in installed:
        raise UnknownDriverError(name, tuple(sorted({*BUILT_IN, *installed})))
    return installed[name].load()


def link_times(entry: DeviceEntry) -> LinkTimes | None:
    """A real line needs time for a whole window before anything is sent again; ptys and sockets do not."""
    if not entry.port.startswith("/dev/"):
        return None
    window_s = WANTED_PAYLOAD * WANTED_WINDOW * BITS_PER_BYTE / entry.baud
    return LinkTimes(retransmit_s=2 * window_s, longest_s=8 * window_s)


def make_driver(entry: DeviceEntry, transport: Transport) -> Any:
    """The entry's driver on `transport`, not yet opened; raises UnknownDriverError.

    A class whose `uses_link` is false speaks a protocol of its own and is given no link times.
    """
    made = driver_class(entry.driver)
    if not getattr(made, "uses_link", True):
        return made(entry.id, entry.serial, entry.emulated, transport)
    return made(entry.id, entry.serial, entry.emulated, transport, link_times=link_times(entry))


def make_transport(entry: DeviceEntry, machines: Path | None, on_send: OnSend | None = None) -> SerialTransport:
    """The entry's port, not yet opened.

    `machines` has a folder for each machine: `emulator://` ports are there, and the taps of traces.
    """
    tap = None if machines is None else machines / entry.id / TAP_NAME
    return SerialTransport(entry.port, machines=machines, baud=entry.baud, on_send=on_send, tap=tap)


def open_personalizer(entry: DeviceEntry, machines: Path | None, on_send: OnSend | None = None) -> Personalizer:
    """The entry's personalizer in an open session, not yet claimed; raises as `Personalizer.open`."""
    driver: Personalizer = make_driver(entry, make_transport(entry, machines, on_send))
    driver.open()
    return driver


def open_reader(entry: DeviceEntry, machines: Path | None) -> DocumentReader:
    """The entry's document reader in an open session; raises as `DocumentReader.open`."""
    driver: DocumentReader = make_driver(entry, make_transport(entry, machines))
    driver.open()
    return driver


def open_scale(entry: DeviceEntry, machines: Path | None) -> Scale:
    """The entry's scale, open; raises as `Scale.open`."""
    driver: Scale = make_driver(entry, make_transport(entry, machines))
    driver.open()
    return driver


def open_climate_sensor(entry: DeviceEntry, machines: Path | None) -> ClimateSensor:
    """The entry's climate sensor, open; raises UnitNumberError, and as `ClimateSensor.open`."""
    driver: ClimateSensor = make_driver(entry, make_transport(entry, machines))
    driver.open()
    return driver


def open_swipe_reader(entry: DeviceEntry, machines: Path | None) -> SwipeReader:
    """The entry's swipe reader, open; raises as `SwipeReader.open`."""
    driver: SwipeReader = make_driver(entry, make_transport(entry, machines))
    driver.open()
    return driver


def open_label_printer(entry: DeviceEntry, machines: Path | None) -> LabelPrinter:
    """The entry's label printer, opened; raises as `LabelPrinter.open`."""
    driver: LabelPrinter = make_driver(entry, make_transport(entry, machines))
    driver.open()
    return driver


def open_face_reader(entry: DeviceEntry, machines: Path | None, after: Position | None = None) -> FaceReader:
    """The entry's face reader, open; recognitions up to `after` are not told again. Raises as `FaceReader.open`."""
    driver: FaceReader = make_driver(entry, make_transport(entry, machines))
    driver.open(after)
    return driver


def open_air_shower(entry: DeviceEntry, machines: Path | None, after: Position | None = None) -> AirShower:
    """The entry's air shower, open; its counter must not be before `after`. Raises as `AirShower.open`."""
    driver: AirShower = make_driver(entry, make_transport(entry, machines))
    driver.open(after)
    return driver
