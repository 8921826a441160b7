"""The host's side of emulation: starts emulator processes, adopts those alive from an earlier run, stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.emulation.control import Answer, ControlClient, ControlRefusedError, EmulatorGoneError
from devices.errors import DeviceError
from devices.pidfile import running_pid

PORT_NAME = "port"
LOG_NAME = "log"
_POLL_S = 0.02


class EmulatorStartError(DeviceError):
    """An emulator ended or stayed silent instead of becoming ready; `log` says why."""

    def __init__(self, machine: str, log: str) -> None:
        super().__init__(machine, log)
        self.machine, self.log = machine, log

    def __str__(self) -> str:
        return f"emulator {self.machine} did not become ready; see {self.log}"


@dataclass(frozen=True, slots=True)
class EmulatorSpec:
    """One emulator to run: id, driver and serial as in `line.toml`, and its seeded misfortune (shares, 0 to 1)."""

    id: str
    driver: str
    serial: str
    spoil_rate: float = 0.0
    misread_rate: float = 0.0


class Supervisor:
    """Keeps a set of emulators running under `directory` (`machines/<id>/`, `world/`).

    `speed` divides machine time (1 = real time, 0 = none). Emulators run in sessions of their own, so they outlive a
    killed starter; one that lost its starter and has no host exits by itself.
    """

    def __init__(self, directory: Path, *, speed: float, seed: int, patience_s: float = 20.0) -> None:
        self.directory = directory.absolute()
        self._speed, self._seed, self._patience_s = speed, seed, patience_s
        self._specs: dict[str, EmulatorSpec] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._clients: dict[str, ControlClient] = {}

    def folder(self, machine: str) -> Path:
        """The folder of one machine."""
        return self.directory / "machines" / machine

    def start(self, specs: Sequence[EmulatorSpec]) -> list[str]:
        """Adopt or start every one and wait until all are ready; returns the ids of those started anew.

        Raises EmulatorStartError for the first that doesn't get ready.
        """
        self._specs.update((spec.id, spec) for spec in specs)
        started = [spec.id for spec in specs if not self._adopt(spec)]
        for machine in started:
            self._launch(self._specs[machine])
        for machine in started:
            self._await_ready(machine)
        return started

    def ensure(self) -> list[str]:
        """Start again whichever has died; returns the ids of those that run now. One that dies at that waits its turn.

        Raises EmulatorStartError for one that lives and does not get ready.
        """
        started: list[str] = []
        for machine in [machine for machine in self._specs if not self.alive(machine)]:
            try:
                started += self.start([self._specs[machine]])
            except EmulatorStartError:
                if self._children[machine].poll() is None:
                    raise
        return started

    def alive(self, machine: str) -> bool:
        """Whether the emulator's process runs."""
        return running_pid(self.folder(machine)) is not None

    def pid(self, machine: str) -> int | None:
        """The process id of a running emulator."""
        return running_pid(self.folder(machine))

    def control(self, machine: str) -> ControlClient:
        """The control socket of one emulator."""
        if machine not in self._clients:
            self._clients[machine] = ControlClient(self.folder(machine), patience_s=self._patience_s)
        return self._clients[machine]

    def stop(self) -> None:
        """End all emulators cleanly; what doesn't end in time is killed (its journal and pieces stay)."""
        running = {machine: pid for machine in self._specs if (pid := self.pid(machine)) is not None}
        for pid in running.values():
            _signal(pid, signal.SIGTERM)
        give_up_s = time.monotonic() + self._patience_s
        for machine, pid in running.items():
            while self.alive(machine) and time.monotonic() < give_up_s:
                time.sleep(_POLL_S)
            if self.alive(machine):
                _signal(pid, signal.SIGKILL)
        for child in self._children.values():
            child.wait()
        self._children.clear()
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _adopt(self, spec: EmulatorSpec) -> bool:
        if not self.alive(spec.id):
            return False
        try:
            state = self.control(spec.id).ask("adopt", pid=os.getpid(), speed=self._speed)
        except (EmulatorGoneError, ControlRefusedError):
            return False
        return _answers_as(state, spec)

    def _launch(self, spec: EmulatorSpec) -> None:
        folder = self.folder(spec.id)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "devices.emulation.serve", "--id", spec.id, "--driver", spec.driver]
        command += ["--serial", spec.serial, "--dir", str(folder), "--world", str(self.directory / "world")]
        command += ["--link", str(folder / PORT_NAME), "--speed", str(self._speed), "--seed", str(self._seed)]
        command += ["--spoil-rate", str(spec.spoil_rate), "--misread-rate", str(spec.misread_rate)]
        if former := self._children.pop(spec.id, None):
            former.wait()
        with (folder / LOG_NAME).open("ab") as log:
            self._children[spec.id] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _await_ready(self, machine: str) -> None:
        folder, child = self.folder(machine), self._children[machine]
        give_up_s = time.monotonic() + self._patience_s
        while running_pid(folder) != child.pid:
            if child.poll() is not None or time.monotonic() > give_up_s:
                raise EmulatorStartError(machine, str(folder / LOG_NAME))
            time.sleep(_POLL_S)


def _answers_as(state: Answer, spec: EmulatorSpec) -> bool:
    return (state["id"], state["driver"], state["serial"]) == (spec.id, spec.driver, spec.serial)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
