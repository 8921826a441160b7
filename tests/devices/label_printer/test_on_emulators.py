"""Label printers on real ptys, each emulator a process of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.emulation.control import ControlRefusedError
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import PrinterNotReadyError, PrinterSilentError
from devices.registry import DeviceEntry, driver_class, make_transport, open_label_printer
from devices.roles import LabelState, ParcelLabel

SATO = DeviceEntry("label-01", "sato-label-printer", "emulator://label-01", "S-1", "emulated")
ZEBRA = DeviceEntry("label-02", "zebra-label-printer", "emulator://label-02", "Z-1", "emulated")
LABEL = ParcelLabel("P-00017", "EA123456785CN", "POST")
JOBS = [f"{number:032x}" for number in range(4)]
LONG_S = 30.0
REPLY_S = 0.5


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=0, seed=1)
    running.start([EmulatorSpec(entry.id, entry.driver, entry.serial) for entry in (SATO, ZEBRA)])
    yield running
    running.stop()


def printed(supervisor: Supervisor) -> list[str]:
    lines = (supervisor.directory / "world" / "printed").read_text().splitlines()
    return [json.loads(line)["printer"] for line in lines]


@pytest.mark.parametrize(("entry", "error"), [(SATO, PrinterNotReadyError), (ZEBRA, PrinterSilentError)])
def test_every_label_comes_out_once(
    supervisor: Supervisor, entry: DeviceEntry, error: type[PrinterNotReadyError | PrinterSilentError]
) -> None:
    machines = supervisor.directory / "machines"
    printer = open_label_printer(entry, machines)
    assert printer.identify().emulated
    printer.close()
    # Silence is waited for again and again here, and the usual seconds of it are many.
    of_driver, transport = driver_class(entry.driver), make_transport(entry, machines)
    printer = of_driver(entry.id, entry.serial, entry.emulated, transport, reply_s=REPLY_S)
    printer.open()
    for job in JOBS[:2]:
        assert printer.print_label(job, LABEL, LONG_S) is LabelState.PRINTED
    control = supervisor.control(entry.id)
    control.ask("set", condition="paper-out")
    with pytest.raises(error) as refusal:
        printer.print_label(JOBS[2], LABEL, LONG_S)
    assert refusal.value.state == LabelState.NOT_SENT
    control.ask("set", condition="ready")
    assert printer.print_label(JOBS[2], LABEL, LONG_S) is LabelState.PRINTED
    control.ask("lose", answers=1, after=1)
    with pytest.raises(PrinterSilentError):
        printer.print_label(JOBS[3], LABEL, LONG_S)
    assert printer.print_label(JOBS[3], LABEL, LONG_S) is LabelState.UNKNOWN
    printer.close()
    assert printed(supervisor) == [entry.id] * len(JOBS)
    assert control.ask("look", text=LABEL.parcel)["labels"] == len(JOBS)
    assert control.ask("look", text="P-00018")["labels"] == 0
    with pytest.raises(ControlRefusedError, match="knows"):
        control.ask("set", condition="jammed")
