"""What crash tests share: a process that walks trays and dies on request, lines to walk, and what must hold after."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.emulation.machine import Chance
from devices.emulation.world import Tally
from devices.label_printer.emulator import PRINTED_NAME
from devices.pidfile import running_pid
from flows.reckoning import Reckoning, reckon
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading

WALKER = Path(__file__).parent / "walker.py"
SPOIL_RATE = 0.3
BLANKS_OF_A_TRAY = 12
NOT_COPIED = shutil.ignore_patterns("control", "pid", "port")
PARCELS = "SELECT label FROM parcel"
BLANKS_BOOKED = """
SELECT unit_number.number AS serial, whereabouts.place, whereabouts.state FROM whereabouts
JOIN unit_number ON unit_number.unit_id = whereabouts.unit_id
WHERE whereabouts.kind = 'blank' AND whereabouts.station = 'personalization' AND whereabouts.state IN ('held', 'void')
"""


@dataclass(frozen=True, slots=True)
class Walked:
    """How a walk ended: its exit status (negative: the signal that killed it) and the boundaries it counted."""

    status: int
    boundaries: int
    said: str

    @property
    def killed(self) -> bool:
        """Whether it died by the trap."""
        return self.status == -signal.SIGKILL


class Walker:
    """The process of `walker.py`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(WALKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PASSLINE_EMULATION__SPOIL_RATE": str(SPOIL_RATE)},
            )

    def build(self, folder: Path, documents: int, seed: int, small: int) -> None:
        """Make a line with one tray of passports at review."""
        built = self._ask(folder=str(folder), documents=documents, seed=seed, small=small)
        assert built.status == 0, built.said

    def walk(self, folder: Path, *, kind: str = "commit", at: int = 0, victim: str = "host") -> Walked:
        """Recover and work the line in `folder` until nothing waits, or until `walker.Trap` springs."""
        return self._ask(folder=str(folder), trap={"kind": kind, "at": at, "victim": victim})

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, **request: object) -> Walked:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Walked(answer["status"], answer["value"], self._log.read_text()[-4_000:])


@pytest.fixture(scope="session")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    """A walker that has imported the line once."""
    made = Walker(tmp_path_factory.mktemp("walker") / "errors")
    yield made
    made.close()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A tray at review: its documents, and which of the blanks drawn for it the machine spoils (counted from 1).

    `small`: the line has a scale, a label printer and a swipe reader, each one more process to start for each walk.
    """

    documents: int
    spoiled: tuple[int, ...] = ()
    small: bool = False

    @property
    def seed(self) -> int:
        """The first seed whose chance spoils just those blanks."""
        wanted = {f"EJ{number:07d}" for number in self.spoiled}
        drawn = [f"EJ{number:07d}" for number in range(1, BLANKS_OF_A_TRAY)]
        return next(
            seed
            for seed in range(100_000)
            if {serial for serial in drawn if Chance(seed, "book-01", spoil_rate=SPOIL_RATE).spoil(serial)} == wanted
        )


@pytest.fixture(scope="session")
def scenario_of() -> type[Scenario]:
    """Makes scenarios."""
    return Scenario


@pytest.fixture(scope="session")
def lines(walker: Walker, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scenario, Path], Path]:
    """Copies a line that was built once for each scenario to a folder of a case."""
    built: dict[Scenario, Path] = {}

    def copy(scenario: Scenario, folder: Path) -> Path:
        if scenario not in built:
            built[scenario] = tmp_path_factory.mktemp("line") / "built"
            walker.build(built[scenario], scenario.documents, scenario.seed, int(scenario.small))
        shutil.copytree(built[scenario], folder, ignore=NOT_COPIED)
        return folder

    return copy


@pytest.fixture
def case_folder(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Names the folder of one case after another, each gone before the next; no emulator outlives the test."""
    folder = tmp_path / "case"

    def fresh() -> Path:
        _clear(folder)
        return folder

    yield fresh
    _clear(folder)


def _clear(folder: Path) -> None:
    for machine in (folder / "machines").glob("*"):
        pid = running_pid(machine)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def count(folder: Path) -> Reckoning:
    """The books and the pieces of a run folder, counted anew."""
    line = RunFolder(folder)
    with closing(open_reading(line.line().database_url)) as reading:
        return reckon(reading, line.world)


def misplaced(folder: Path) -> dict[str, tuple[str, str]]:
    """Blanks at personalization that do not lie where the books have them: serial -> (booked, found)."""
    line = RunFolder(folder)
    pieces = Tally.read(line.world).pieces
    with closing(open_reading(line.line().database_url)) as reading:
        booked = {row["serial"]: row["place"] for row in reading.rows(BLANKS_BOOKED)}
    found = {serial: pieces[serial].place if serial in pieces else "nowhere" for serial in booked}
    return {serial: (place, found[serial]) for serial, place in booked.items() if place != found[serial]}


def mislabelled(folder: Path) -> dict[str, int]:
    """Parcels of which not just one label came out, by the printer's own count: label -> how many."""
    line = RunFolder(folder)
    if not any(device["driver"] == "sato-label-printer" for device in line.configured()["devices"]):
        return {}
    printed = (line.world / PRINTED_NAME).read_text().splitlines()
    came_out = Counter(json.loads(label)["texts"][0] for label in printed)
    with closing(open_reading(line.line().database_url)) as reading:
        parcels = {row["label"] for row in reading.rows(PARCELS)}
    return {label: came_out[label] for label in parcels | set(came_out) if came_out[label] != 1}


@pytest.fixture(scope="session")
def assert_whole() -> Callable[[Path, str], Reckoning]:
    """Asserts of a run folder that every application ended where it may and every rule holds; returns the count."""

    def check(folder: Path, case: str) -> Reckoning:
        found = count(folder)
        rules = (found.live_duplicates, found.custody_violations, found.blanks_unaccounted)
        assert (rules, found.in_doubt, found.unfinished) == ((0, 0, 0), 0, 0), f"{case}: {found}"
        assert misplaced(folder) == {}, case
        assert mislabelled(folder) == {}, case
        return found

    return check
