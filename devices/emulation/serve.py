"""Run one emulated machine as a process: `python -m devices.emulation.serve --id book-01 ...`.

Bare on purpose: the standard library and the pure modules of `devices`, one poll loop, no threads. Other packages add
emulators as entry points of `passline.emulators`: whatever makes an `Emulator` of an `EmulatorSetup`.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from devices.emulation.control import Answer, ControlServer, Request
from devices.emulation.emulator import Emulator, EmulatorSetup
from devices.emulation.faults import FaultName, FaultRefusedError, Faults, striking
from devices.emulation.line import Line
from devices.emulation.port import Port, PtyPort
from devices.errors import DeviceError, NoEmulatorError
from devices.pidfile import PidFile, is_alive

GROUP = "passline.emulators"
EMULATORS = {
    "book-personalizer": "devices.book_personalizer.emulator",
    "card-personalizer": "devices.card_personalizer.emulator",
    "crt-591": "devices.crt591.emulator",
    "crt-591-counting": "devices.crt591.emulator",
    "document-reader": "devices.document_reader.emulator",
    "modbus-air-shower": "devices.air_shower.emulator",
    "modbus-climate": "devices.climate.emulator",
    "modbus-particle-counter": "devices.particle_counter.emulator",
    "mt-sics-scale": "devices.scale.emulator",
    "osdp-face-reader": "devices.face_reader.emulator",
    "rte-mrz-reader": "devices.mrz_reader.emulator",
    "sato-label-printer": "devices.label_printer.sato_emulator",
    "zebra-label-printer": "devices.label_printer.zebra_emulator",
}
_LOOK_ROUND_S = 30.0


def build(driver: str, setup: EmulatorSetup) -> Emulator:
    """Make the emulator of a driver, built in or installed; raises NoEmulatorError."""
    make = import_module(EMULATORS[driver]).emulate if driver in EMULATORS else _installed(driver)
    emulator: Emulator = make(setup)
    return emulator


def _installed(driver: str) -> Callable[[EmulatorSetup], Emulator]:
    # Imported only here: it costs 3 MB and some 30 ms, which the emulators built in are spared.
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group=GROUP)}
    if driver not in installed:
        raise NoEmulatorError(driver, tuple(sorted({*EMULATORS, *installed})))
    make: Callable[[EmulatorSetup], Emulator] = installed[driver].load()
    return make


class PowerLostError(DeviceError):
    """A machine without a journal lost its power, as a fault says."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"{self.machine} lost its power (EMULATED, as set); switch it on again"


class Server:
    """The poll loop around one emulator."""

    def __init__(self, driver: str, setup: EmulatorSetup, port: Port, orphan_s: float) -> None:
        """`port` is the server's from here on.

        Raises NoEmulatorError, AlreadyRunningError, FaultRefusedError, ControllerStopsError.
        """
        self._driver, self._setup, self._orphan_s = driver, setup, orphan_s
        self._pid_file = PidFile(setup.folder)
        self._faults = Faults(setup.id, setup.folder, striking(driver))
        self._line = Line(self._faults)
        self._emulator = build(driver, replace(setup, faults=self._faults))
        self._port = port
        self._control = ControlServer(setup.folder, self._answer)
        self._starter = os.getppid()
        self._heard_s = time.monotonic()
        self._bytes_in = self._bytes_out = 0
        self._stopping = False

    def run(self) -> None:
        """Serve until told to stop, or until starter and host have been gone for `orphan_s` seconds.

        Raises ControllerStopsError and PowerLostError where a fault says so: the process ends as if killed, files and
        line as they are.
        """
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._pid_file.announce()
        while not (self._stopping or self._orphaned()):
            self._round(woken)
        self._control.close()
        self._port.close()
        self._emulator.close()

    def _round(self, woken: int) -> None:
        due = [moment for moment in (self._emulator.next_deadline_s, self._line.next_deadline_s) if moment is not None]
        due_s = min(due, default=None)
        longest_s = min(_LOOK_ROUND_S, self._orphan_s)
        wait_s = longest_s if due_s is None else min(max(due_s - time.monotonic(), 0.0), longest_s)
        ports, controls = self._port.filenos(), self._control.filenos()
        wanting = [self._port.fileno()] if self._port.writing else []
        ready, writable, _ = select.select([*ports, woken, *controls], wanting, [], wait_s)
        for fileno in ready:
            if fileno in controls:
                self._control.handle(fileno)
        if ready:
            self._heard_s = time.monotonic()
        data = self._port.read() if any(fileno in ready for fileno in ports) else b""
        self._bytes_in += len(data)
        now_s = time.monotonic()
        replies = self._emulator.turn(self._line.to_machine(data, now_s), now_s)
        outgoing = self._line.to_host(replies, now_s)
        cut_off = self._line.take_hang_up()
        if cut_off is FaultName.POWER_LOSS:
            self._emulator.lose_power()
            raise PowerLostError(self._setup.id)
        if cut_off is not None:
            self._port.hang_up(silently=cut_off is FaultName.HALF_OPEN)
        elif outgoing or writable:
            self._bytes_out += len(outgoing)
            self._port.write(outgoing)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _orphaned(self) -> bool:
        return time.monotonic() - self._heard_s > self._orphan_s and not is_alive(self._starter)

    def _answer(self, request: Request) -> Answer:
        match request:
            case {"do": "shutdown"}:
                self._stopping = True
                return {"ok": True}
            case {"do": "power-loss"}:
                self._emulator.lose_power()
                os.kill(os.getpid(), signal.SIGKILL)
            case {"do": "fault", "fault": fault}:
                return self._set_fault(fault)
            case {"do": "faults"}:
                return {"ok": True, "faults": self._faults.listed()}
            case {"do": "clear-faults"}:
                return {"ok": True, "cleared": self._faults.clear()}
            case {"do": "adopt", "pid": int(pid), "speed": int(speed) | float(speed)}:
                self._starter = pid
                self._emulator.set_speed(speed)
                return {"ok": True} | self._who()
            case {"do": "state"}:
                passed = {"bytes_in": self._bytes_in, "bytes_out": self._bytes_out}
                return self._emulator.control(request) | passed | self._who()
        return self._emulator.control(request)

    def _set_fault(self, fault: dict[str, object]) -> Answer:
        try:
            self._faults.add(fault)
        except FaultRefusedError as refusal:
            return {"ok": False, "error": str(refusal)}
        return {"ok": True}

    def _who(self) -> Answer:
        who = {"id": self._setup.id, "driver": self._driver, "serial": self._setup.serial}
        return who | {"pid": os.getpid(), "emulated": True}


def main(arguments: list[str]) -> int:
    """Serve one emulator; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m devices.emulation.serve", description="Emulate one machine on a pty."
    )
    parser.add_argument("--id", required=True, help="the line's name for it, such as book-01")
    parser.add_argument("--driver", required=True, help=", ".join(EMULATORS))
    parser.add_argument("--serial", required=True, help="serial number it says it has")
    parser.add_argument("--dir", required=True, type=Path, help="folder of journal, control socket and pid file")
    parser.add_argument("--world", required=True, type=Path, help="folder of the emulated world")
    parser.add_argument("--link", required=True, type=Path, help="name under which the host opens the port")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="divides machine time; 1 = real time, 0 = no machine time"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that happens by chance")
    parser.add_argument(
        "--spoil-rate", type=float, default=0.0, help="share of blanks spoiled, half by chip, half by print"
    )
    parser.add_argument("--misread-rate", type=float, default=0.0, help="share of readings that fail")
    parser.add_argument("--orphan-s", type=float, default=600.0, help="ends so long after starter and host have gone")
    given = parser.parse_args(arguments)
    given.dir.mkdir(parents=True, exist_ok=True)
    setup = EmulatorSetup(
        id=given.id,
        serial=given.serial,
        folder=given.dir,
        world=given.world,
        speed=given.speed,
        seed=given.seed,
        spoil_rate=given.spoil_rate,
        misread_rate=given.misread_rate,
    )
    try:
        Server(given.driver, setup, PtyPort(given.link), given.orphan_s).run()
    except DeviceError as error:
        sys.stderr.write(f"{given.id}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
