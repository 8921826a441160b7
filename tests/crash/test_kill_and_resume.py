"""The real line, killed at random instants and run again until it is done: issue 2, kill and resume."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from passline_process import Passline, kill_all, running_in

from devices.pidfile import running_pid
from flows.demo_run import PLAN
from flows.processes import ProcessMark
from flows.reckoning import Reckoning
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading

DOCUMENTS = 60
SPEED = 150.0
"""About 0.3 s of machine time a document: long enough to be killed in, short enough to be done."""
SPEED_FOR_KILLS = 75.0
"""The same for a line that is killed thirty times."""
SPOIL_RATE = "0.05"
LONGEST_LIFE_S = 0.8
"""How long after its release, or after the last kill, a line lives at most before the next."""
MACHINES_SHARE = 0.8
"""How often machines die rather than the line, whose next start takes seconds."""
STANDS_S, TRAYS_MEANWHILE = 60.0, 6
"""Within so many seconds so many trays are offered on while Prefect's server is frozen."""
KILLS_OF_EVERYTHING = 2
ENDED = "'COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED'"


@dataclass
class Campaign:
    """One demo that is killed again and again; `chance` says when and who."""

    folder: Path
    chance: random.Random
    kills: int = 0
    runs: list[Passline] = field(default_factory=list)

    def begin(self, speed: float = SPEED) -> Passline:
        """Start the demo."""
        seed = str(self.chance.randrange(1_000))
        return self._run("demo", "--documents", str(DOCUMENTS), "--seed", seed, "--speed", f"{speed:g}")

    def go_on(self) -> Passline:
        """Run what is left."""
        return self._run("run")

    def resume(self) -> Passline:
        """Go on with the demo, its batch included."""
        return self._run("demo", "--resume", str(self.folder), directory=False)

    def _run(self, *arguments: str, directory: bool = True) -> Passline:
        place = ("--dir", str(self.folder)) if directory else ()
        environment = {"PASSLINE_EMULATION__SPOIL_RATE": SPOIL_RATE}
        started = Passline(self.folder, *arguments, *place, "--output", "json", environment=environment)
        self.runs.append(started)
        return started

    @property
    def running(self) -> Passline:
        """The run that was started last."""
        return self.runs[-1]

    def live_on(self, longest_s: float = LONGEST_LIFE_S) -> bool:
        """Let the line work for a random while; False when it was done before."""
        return self.running.wait_until_released() and self._alive_after(self.chance.uniform(0.0, longest_s))

    def _alive_after(self, seconds: float) -> bool:
        time.sleep(seconds)
        return self.running.process.poll() is None

    def kill_line(self) -> None:
        """Kill the line's process; emulators and Prefect's server stay."""
        self.running.kill()
        self.kills += 1

    def kill_machines(self, most: int = 3) -> None:
        """Kill one emulator or a few."""
        machines = sorted((self.folder / "machines").iterdir())
        for machine in self.chance.sample(machines, self.chance.randint(1, most)):
            pid = running_pid(machine)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                self.kills += 1

    def kill_everything(self) -> None:
        """Kill the line, all machines and Prefect's server."""
        self.kills += len(kill_all(self.folder))
        self.running.kill()

    def finish(self) -> None:
        """Run until nothing is left; a run that a dead machine stopped is followed by the next."""
        for _ in range(5):
            if self.running.wait() == 0:
                return
            assert self.running.process.returncode in (1, 3), self.story()
            self.go_on()
        raise AssertionError(self.story())

    def story(self) -> str:
        """How the runs ended, and what the last one said."""
        ends = [run.process.returncode for run in self.runs]
        return f"{self.kills} kills, runs ended {ends}; the last said: {self.running.said[-3_000:]}"


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Callable[[int], Campaign]]:
    """Opens a campaign with a seed; nothing of it outlives the test."""
    folder = tmp_path / "line"
    yield lambda seed: Campaign(folder, random.Random(seed))
    kill_all(folder)


@pytest.fixture
def assert_finished(assert_whole: Callable[..., Reckoning]) -> Callable[[Campaign], None]:
    """Asserts that a campaign's line is done, sound and gone, and that Prefect has nothing left running."""

    def check(campaign: Campaign) -> None:
        folder = campaign.folder
        assert running_in(folder) == {}, campaign.story()
        found = assert_whole(folder, campaign.story())
        assert found.documents == DOCUMENTS
        reported = campaign.running.report()
        assert (reported["dispatched"], reported["remade"]) == (found.dispatched, found.remade)
        for run in campaign.runs:
            assert "Traceback" not in run.said, run.said
        assert unended_runs(folder) == []

    return check


def handed_over(folder: Path) -> int:
    """How many trays have been offered on so far, from station to station."""
    with closing(open_reading(RunFolder(folder).line().database_url)) as reading:
        return int(reading.rows("SELECT count(*) AS offers FROM custody_event WHERE act = 'offer'")[0]["offers"])


def unended_runs(folder: Path) -> list[tuple[str, str]]:
    """Flow and task runs that Prefect still has in a state that goes on: name and state."""
    with closing(sqlite3.connect(folder / "prefect" / "prefect.db")) as prefect:
        return [
            row
            for table in ("flow_run", "task_run")
            for row in prefect.execute(
                f"SELECT name, state_type FROM {table} WHERE state_type IS NULL OR state_type NOT IN ({ENDED})"
            )
        ]


@pytest.mark.crash
@pytest.mark.line
@pytest.mark.timeout(600)
def test_a_line_whose_processes_are_killed_finishes_and_is_sound(campaign, assert_finished, request):
    """The line's process and its machines die at random instants; each next run adopts what still runs, and goes on."""
    wanted = request.config.getoption("--kills")
    killed = campaign(0)
    killed.begin(SPEED_FOR_KILLS)
    while killed.kills < wanted and killed.live_on():
        if killed.chance.random() < MACHINES_SHARE:
            killed.kill_machines()
            continue
        killed.kill_line()
        killed.go_on()
    killed.finish()
    assert killed.kills >= wanted, killed.story()
    assert_finished(killed)


@pytest.mark.crash
@pytest.mark.line
@pytest.mark.timeout(600)
def test_a_line_that_is_killed_with_everything_finishes_and_is_sound(campaign, assert_finished):
    """Line, machines and Prefect's server die at one instant: while the line is set up, and at work."""
    killed = campaign(100)
    killed.begin()
    while not (killed.folder / PLAN).exists():
        time.sleep(0.01)
    time.sleep(killed.chance.uniform(0.0, 3.0))
    for _ in range(KILLS_OF_EVERYTHING):
        killed.kill_everything()
        killed.resume()
        if not killed.live_on():
            break
    killed.finish()
    assert_finished(killed)


@pytest.fixture
def on_postgresql(empty_postgresql_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is started has the database of a production centre, named by the environment."""
    monkeypatch.setenv("PASSLINE_DATABASE__URL", empty_postgresql_database)


@pytest.mark.crash
@pytest.mark.line
@pytest.mark.timeout(600)
def test_no_tray_waits_for_a_prefect_server_that_stands_and_the_line_survives_its_death(
    on_postgresql, campaign, assert_finished
):
    """Frozen, nothing restarts it and every request hangs: the trays go on. Killed, it comes back on its port.

    On PostgreSQL, which the line begins its own log on.
    """
    bereft = campaign(300)
    bereft.begin()
    assert bereft.running.wait_until_released()
    server = ProcessMark.read(bereft.folder / "prefect" / "server.json")
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        before, give_up_s = handed_over(bereft.folder), time.monotonic() + STANDS_S
        while handed_over(bereft.folder) < before + TRAYS_MEANWHILE:
            assert time.monotonic() < give_up_s, bereft.story()
            time.sleep(0.1)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    time.sleep(bereft.chance.uniform(0.0, LONGEST_LIFE_S))
    assert bereft.running.process.poll() is None, bereft.story()
    os.kill(server.pid, signal.SIGKILL)
    assert bereft.running.wait() == 0, bereft.story()
    assert_finished(bereft)
    assert not (bereft.folder / "passline.db").exists()
