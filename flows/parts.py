"""The line's machines, readers and people, opened when first asked for and closed together.

Flows run in one thread and ask for parts there or, for what takes time, one after another in the line's threads.
"""

from contextlib import ExitStack
from threading import Lock, RLock
from time import monotonic, sleep
from typing import Any, Final

from devices.emulation.hands import Hands
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import LinkDownError, NoAnswerError, PortLostError, PortUnavailableError
from devices.registry import DeviceEntry, make_driver, make_transport, open_reader
from devices.roles import DocumentReader, LabelPrinter, Personalizer, Scale, SwipeReader
from flows.errors import NoEmulatedHandsError
from flows.makers import MAKES, SCALES
from flows.run_folder import RunFolder
from flows.settings import DeviceSettings, LineSettings
from handoff_logs.database import Database
from stations.climate.sensing import Sensing
from stations.emulated_staff import (
    EmulatedCarrier,
    EmulatedInspector,
    EmulatedMailer,
    EmulatedPacker,
    EmulatedReviewer,
    EmulatedVisitor,
)
from stations.gate.desk import GateDesk
from stations.gate.passing import LOOK_S, Gate, GateMachines
from stations.kept_machine import KeptMachine
from stations.mailing.desk import CarrierDesk, MailingDesk
from stations.packing.desk import PackingDesk
from stations.packing.machines import PackingMachines
from stations.personalization.desk import MachineDesk
from stations.personalization.emulated_desk import EmulatedOperator
from stations.qc.desk import QcDesk
from stations.qc.readers import ReaderPool
from stations.qc.swipes import Swipes
from stations.review.desk import ReviewDesk

READER = "document-reader"
LABEL_PRINTERS = ("sato-label-printer", "zebra-label-printer")
SWIPE_READERS = ("rte-mrz-reader",)
PORT_PATIENCE_S: Final = 5.0
PORT_AGAIN_S: Final = 0.1


class Parts:
    """What a line is made of besides its database.

    With `leave_emulators`, emulators outlive the parts: other stations' processes use them too, and an emulator that
    nobody talks to for ten minutes ends by itself.
    """

    def __init__(self, folder: RunFolder, settings: LineSettings, *, leave_emulators: bool = False) -> None:
        self._folder, self._settings, self._leave_emulators = folder, settings, leave_emulators
        self._lock = RLock()
        # Of its own: while one waits for a reader to come back, another must be able to switch it on.
        self._readers_lock = Lock()
        self._open = ExitStack()
        self._supervisor: Supervisor | None = None
        self._hands: Hands | None = None
        self._readers: ReaderPool | None = None
        self._packing: PackingMachines | None = None
        self._mailing_scale: KeptMachine[Scale] | None = None
        self._swipes: Swipes | None = None
        self._visitor: EmulatedVisitor | None = None

    def emulators(self) -> Supervisor:
        """The emulated machines, all running: adopted from an earlier run of this folder, or started."""
        with self._lock:
            if self._supervisor is None:
                settings = self._settings
                supervisor = Supervisor(self._folder.path, speed=settings.speed, seed=settings.seed)
                if not self._leave_emulators:
                    self._open.callback(supervisor.stop)
                supervisor.start([self._emulator(device) for device in settings.devices if device.emulated])
                self._supervisor = supervisor
            return self._supervisor

    def hands(self) -> Hands:
        """Hands and eyes for EMULATED pieces. Raises NoEmulatedHandsError where pieces are real."""
        if not self.has_emulated_staff:
            raise NoEmulatedHandsError
        with self._lock:
            if self._hands is None:
                self._hands = Hands(self._folder.world, self._folder.machines)
                self._open.callback(self._hands.close)
            return self._hands

    def switch_on(self) -> list[str]:
        """Start emulators that have died again, as somebody at the line would; the machines that were."""
        return self.emulators().ensure()

    def personalizers(self) -> dict[str, tuple[Personalizer, tuple[str, ...]]]:
        """A driver, not yet opened, and its products for each personalizer of the line, by machine."""
        self.emulators()
        made: dict[str, tuple[Personalizer, tuple[str, ...]]] = {}
        for device in self._settings.devices:
            if device.driver in MAKES:
                entry = _entry(device)
                driver: Personalizer = make_driver(entry, make_transport(entry, self._folder.machines))
                made[device.id] = driver, MAKES[device.driver]
        return made

    def readers(self) -> ReaderPool:
        """The document readers in open sessions, shared by all trays."""
        with self._readers_lock:
            if self._readers is None:
                self.emulators()
                entries = [_entry(device) for device in self._settings.devices if device.driver == READER]
                self._readers = ReaderPool({entry.id: self._open_reader(entry) for entry in entries})
            return self._readers

    def packing_machines(self) -> PackingMachines:
        """The line's first scale and first label printer, as far as it has them; opened when first needed."""
        with self._lock:
            if self._packing is None:
                scale, printer = self._first(SCALES, but=self._settings.mailing.scale), self._first(LABEL_PRINTERS)
                self._packing = PackingMachines(
                    scale and KeptMachine[Scale](scale),
                    printer and KeptMachine[LabelPrinter](printer),
                    self._settings.weighing.tolerance,
                )
                self._open.callback(self._packing.close)
            return self._packing

    def mailing_scale(self) -> KeptMachine[Scale] | None:
        """Mailing's own scale, opened when first needed; None where line.toml names none."""
        with self._lock:
            device = next((each for each in self._settings.devices if each.id == self._settings.mailing.scale), None)
            if self._mailing_scale is None and device is not None:
                self.emulators()
                entry = _entry(device)
                driver: Scale = make_driver(entry, make_transport(entry, self._folder.machines))
                self._mailing_scale = KeptMachine[Scale](driver)
                self._open.callback(self._mailing_scale.close)
            return self._mailing_scale

    def swipes(self) -> Swipes | None:
        """The line's first swipe reader, opened when first needed; None where it has none."""
        with self._lock:
            reader = None if self._swipes else self._first(SWIPE_READERS)
            if reader is not None:
                self._swipes = Swipes(KeptMachine[SwipeReader](reader), self._settings.qc.swipe_share)
                self._open.callback(self._swipes.close)
            return self._swipes

    def climate_sensors(self) -> dict[str, Sensing]:
        """The climate sensors of all zones, by name, opened when they are first asked."""
        found = [_entry(device) for device in self._settings.devices if device.is_sensor]
        if found:
            self.emulators()
        return {entry.id: Sensing(make_driver(entry, make_transport(entry, self._folder.machines))) for entry in found}

    def gate(self, database: Database, *, look_s: float = LOOK_S) -> Gate:
        """The line's gate, not open yet. Raises ValueError for a line that has none."""
        settings = self._settings.gate
        if settings is None:
            raise ValueError("the line has no gate")
        self.emulators()
        entries = {device.id: _entry(device) for device in self._settings.devices if device.id in settings.machines}
        enter, leave, shower = (
            make_driver(entries[name], make_transport(entries[name], self._folder.machines))
            for name in settings.machines
        )
        emulated = self._settings.gate_emulated
        machines = GateMachines(enter, leave, shower, settings.min_quality, emulated)
        return Gate(database, machines, self.visitor() if emulated else GateDesk(), look_s=look_s)

    def visitor(self) -> EmulatedVisitor:
        """EMULATED staff at the gate."""
        if self._visitor is None:
            self._visitor = EmulatedVisitor(self.hands(), self.switch_on)
        return self._visitor

    def operators(self) -> MachineDesk:
        """Those who load machines, empty stacks and settle doubts."""
        return EmulatedOperator(self.hands())

    def reviewer(self) -> ReviewDesk:
        """Those who pass, return or hold applications."""
        self.hands()
        return EmulatedReviewer()

    def inspector(self) -> QcDesk:
        """Those who feed the readers and inspect."""
        return EmulatedInspector(self.hands())

    def packer(self) -> PackingDesk:
        """Those who match document, order and envelope."""
        return EmulatedPacker(self.hands())

    @property
    def has_emulated_staff(self) -> bool:
        """Whether emulated hands do what nobody could do at emulated machines, whoever decides and signs."""
        return self._settings.emulated

    def mailer(self) -> MailingDesk:
        """Those who weigh and label."""
        return EmulatedMailer(self.hands())

    def driver(self) -> CarrierDesk:
        """The carrier's people at the door."""
        return EmulatedCarrier(self.hands())

    def close(self) -> None:
        """Close sessions and stop the emulators."""
        self._open.close()

    def _open_reader(self, entry: DeviceEntry) -> DocumentReader:
        """Open a reader, waiting a moment for one that comes back, or whose port a killed process seems to hold."""
        give_up_s = monotonic() + PORT_PATIENCE_S
        while True:
            try:
                return open_reader(entry, self._folder.machines)
            except (PortUnavailableError, PortLostError, LinkDownError, NoAnswerError):
                if monotonic() >= give_up_s:
                    raise
            sleep(PORT_AGAIN_S)

    def _first(self, drivers: tuple[str, ...], *, but: str | None = None) -> Any:
        """A driver, not yet opened, for the line's first machine of these, `but` this one; None where it has none."""
        found = (device for device in self._settings.devices if device.driver in drivers and device.id != but)
        entry = next((_entry(device) for device in found), None)
        if entry is None:
            return None
        self.emulators()
        return make_driver(entry, make_transport(entry, self._folder.machines))

    def _emulator(self, device: DeviceSettings) -> EmulatorSpec:
        spoil_rate = self._settings.emulation.spoil_rate if device.driver in MAKES else 0.0
        return EmulatorSpec(device.id, device.driver, device.serial, spoil_rate=spoil_rate)


def _entry(device: DeviceSettings) -> DeviceEntry:
    return DeviceEntry(device.id, device.driver, device.port, device.serial, device.mode.value, device.baud)
