"""A process that walks trays through the whole line without Prefect, and dies where it is told to.

It imports the line once and forks: every walk is a process of its own, killed by real signals, but costs no start of an
interpreter. One JSON request a line on standard input, one answer a line on standard output: see `main`.
"""

import faulthandler
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import flows.parts
from devices.label_printer.driver import SatoLabelPrinter
from devices.pidfile import running_pid
from devices.registry import DeviceEntry, make_driver, make_transport
from devices.scale.driver import MtSicsScale, ScaleTimes
from devices.transport import SerialTransport
from flows import work
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.line_state import Line
from flows.machines import STATION as PERSONALIZATION
from flows.run_folder import RunFolder
from flows.supply import supply
from handoff_logs import offers
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Kind
from stations import trays
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.packing import station as packing
from stations.people import emulated_roster
from stations.personal import PersonalData
from stations.personalization import station as personalization
from stations.personalization.signer import trust_anchor
from stations.qc import station as qc
from stations.review import station as review

SHIFT = "day"
STATIONS = ("review", PERSONALIZATION, "qc", "packing", "mailing", "carrier")
PAUSE_S = 0.005
POWER_ON_EVERY_S = 0.1
REPLY_S = 0.2
QUIET_S = 0.1
"""What is waited for whenever a label printer or a scale is opened; a walk has no time for the usual seconds."""
HUNG_S = 100.0
"""A walk that takes longer tells where its threads stand and ends."""
HOST = "host"


@dataclass(frozen=True, slots=True)
class Trap:
    """The `at`-th boundary of a `kind` ("commit" or "send"; before and after count one each) kills `victim`.

    The victim is the host itself or a machine's emulator; at 0 nobody dies.
    """

    kind: str = "commit"
    at: int = 0
    victim: str = HOST


class Fuse:
    """Counts boundaries over all threads and strikes at the trap's."""

    def __init__(self, trap: Trap, machines: Path) -> None:
        self._trap, self._machines = trap, machines
        self._lock = threading.Lock()
        self.counted = 0

    def commit(self, _phase: str) -> None:
        """One boundary of a commit."""
        self._count("commit")

    def send(self, _phase: str, _data: bytes) -> None:
        """One boundary of bytes written to a port."""
        self._count("send")

    def _count(self, kind: str) -> None:
        if kind != self._trap.kind:
            return
        with self._lock:
            self.counted += 1
            if self.counted == self._trap.at:
                self._strike()

    def _strike(self) -> None:
        victim = os.getpid() if self._trap.victim == HOST else running_pid(self._machines / self._trap.victim)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)


@contextmanager
def opened(folder: RunFolder, fuse: Fuse) -> Iterator[Line]:
    """The line of `folder` as `flows.composition.open_line` opens it, with a fuse at every commit and send."""

    def transport(entry: DeviceEntry, machines: Path | None) -> SerialTransport:
        return make_transport(entry, machines, fuse.send)

    def open_reader(entry: DeviceEntry, machines: Path | None) -> Any:
        reader = make_driver(entry, transport(entry, machines))
        reader.open()
        return reader

    def driver(entry: DeviceEntry, port: SerialTransport) -> Any:
        if entry.driver == SatoLabelPrinter.model:
            return SatoLabelPrinter(entry.id, entry.serial, entry.emulated, port, reply_s=REPLY_S)
        if entry.driver == MtSicsScale.model:
            times = ScaleTimes(quiet_s=QUIET_S)
            return MtSicsScale(entry.id, entry.serial, entry.emulated, port, times=times)
        return make_driver(entry, port)

    flows.parts.make_transport, flows.parts.open_reader, flows.parts.make_driver = transport, open_reader, driver
    settings = read_settings(folder)
    line = Line(
        folder=folder,
        settings=settings,
        database=open_database(folder, folder.resolve_database(settings.database.url), on_commit=fuse.commit),
        personal=PersonalData(folder.keys),
        roster={at: duty.codes for at, duty in emulated_roster(SHIFT, settings.staff.people_per_station).items()},
        shift=SHIFT,
        stations=STATIONS,
        parts=flows.parts.Parts(folder, settings),
    )
    try:
        yield line
    finally:
        line.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A station as its flow serves it: what begins an offered tray, what goes on with one, and which those are."""

    begin: Callable[[OpenOffer], Any]
    resume: Callable[[str], Any] | None = None
    unfinished: Callable[[], list[str]] = list
    kind: Kind | None = None


def served(line: Line) -> dict[str, Served]:
    """All stations, with the calls that the flows make."""
    at, parts = line.workplace, line.parts
    readers, anchor = parts.readers(), trust_anchor(line.folder.keys)

    def of_trays(
        station: str, begin: Callable[..., Any], resume: Callable[..., Any], *means: Any, **machines: Any
    ) -> Served:
        here = at(station)
        return Served(
            lambda offer: begin(here, offer, *means, **machines),
            lambda tray: resume(here, tray, *means, **machines),
            lambda: trays.unfinished_trays(here),
        )

    return {
        "review": of_trays("review", review.work_tray, review.resume_tray, parts.reviewer()),
        PERSONALIZATION: Served(
            lambda offer: personalization.accept_tray(at(PERSONALIZATION), offer),
            lambda tray: personalization.finish_tray(at(PERSONALIZATION), parts.operators(), tray),
            lambda: personalization.ready_trays(at(PERSONALIZATION)),
            Kind.ORDER,
        ),
        "qc": of_trays("qc", qc.work_tray, qc.resume_tray, parts.inspector(), readers, anchor, swipes=parts.swipes()),
        "packing": of_trays(
            "packing", packing.work_tray, packing.resume_tray, parts.packer(), machines=parts.packing_machines()
        ),
        "mailing": Served(
            lambda offer: mailing.work_tray(at("mailing"), offer, parts.mailer()),
            lambda tray: mailing.resume_tray(at("mailing"), tray, parts.mailer()),
            lambda: mailing.unfinished_trays(at("mailing")),
        ),
        "carrier": Served(lambda offer: carrier.work_tray(at("carrier"), offer, parts.driver())),
    }


def walk(folder: RunFolder, trap: Trap) -> int:
    """Recover, then work whatever is unfinished or waits until nothing does; the boundaries counted on the way."""
    fuse = Fuse(trap, folder.machines)
    with opened(folder, fuse) as line, ThreadPoolExecutor(len(line.machines.each) + 2) as threads:
        running = [threads.submit(_switch_on, line)]
        try:
            running.append(threads.submit(line.parts.packing_machines().open))
            for machine in line.machines.each:
                line.machines.open(machine)
            supply(line)
            stations = served(line)
            running += [threads.submit(line.machines.work, machine) for machine in line.machines.each]
            for name, station in stations.items():
                for tray in station.unfinished() if name != PERSONALIZATION else ():
                    station.resume(tray)
            while _turn(line, stations, running):
                time.sleep(PAUSE_S)
        finally:
            line.machines.stop.set()
        for thread in running:
            thread.result()
    return fuse.counted


def _switch_on(line: Line) -> None:
    """Switch dead machines on again, as somebody at the line would."""
    while not line.machines.stop.wait(POWER_ON_EVERY_S):
        line.parts.switch_on()


def _turn(line: Line, stations: dict[str, Served], threads: list[Future[Any]]) -> bool:
    """Serve every station once; False when nothing waits anywhere."""
    for name, station in stations.items():
        while (tray := work.claim(line, name, green_only=False, only=None, kind=station.kind)) is not None:
            station.begin(tray.offer)
    for tray in stations[PERSONALIZATION].unfinished():
        stations[PERSONALIZATION].resume(tray)
    for thread in threads:
        if thread.done():
            thread.result()
    with line.database.read() as connection:
        waits = any(offers.waiting(connection, name) for name in stations)
    return waits or bool(personalization.tray_status(line.workplace(PERSONALIZATION)))


def build(folder: RunFolder, documents: int, seed: int, small: int) -> int:
    """A line with one tray of passports at review; the trays, which is 1. `small`: 1 with scale, printer and swipes."""
    machines = {"books": 1, "cards": 0, "readers": 1, "small": small, "air": 0}
    write_default(folder, centre="crash", **machines, gate=False, tray_size=documents, speed=0, seed=seed)
    prepare(folder)
    batch = folder.path / "batch"
    sound = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
    generate(batch, documents, seed, day=date(2026, 9, 1), shares=sound)
    with open_line(folder, shift=SHIFT, stations=STATIONS) as line:
        report = load(line.workplace("intake"), batch, folder.path / "replies", tray_size=documents)
    shutil.rmtree(batch)
    return report.trays


def main() -> None:
    """Answer requests: {"folder", "documents", "seed", "small"} builds a line, {"folder", "trap"} walks it.

    The answer: {"status": exit status of the process (negative: the signal that killed it), "value": what it counted}.
    """
    for request in map(json.loads, sys.stdin):
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            _serve(request, write_end)
        os.close(write_end)
        with os.fdopen(read_end) as told:
            value = told.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "value": int(value or 0)}), flush=True)


def _serve(request: dict[str, Any], told: int) -> None:
    os.set_inheritable(told, False)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the answers' way, and nobody else's
    faulthandler.dump_traceback_later(HUNG_S, exit=True)
    status = 1
    try:
        folder = RunFolder(Path(request["folder"]))
        if "trap" in request:
            value = walk(folder, Trap(**request["trap"]))
        else:
            value = build(folder, request["documents"], request["seed"], request["small"])
        os.write(told, str(value).encode())
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
