"""Faults by name: when they fire, what refuses them, and the command that sets them on an emulator that runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.emulation.faults import BURSTS, PLAN_NAME, SENSOR, SHOWER, FaultName, FaultRefusedError, Faults, striking
from devices.emulation.line import LATE_BURST_S, Line
from devices.emulation.storm import fired, storm
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from flows.cli import run
from flows.default_line import emulated_serial, write_default
from flows.errors import Exit
from flows.run_folder import RunFolder

JAM = {"name": "jam"}
LINKED = ("book-01", "card-01", "reader-01")


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults("book-01", tmp_path)


def strikes(faults: Faults, times: int) -> list[bool]:
    return [faults.strike(FaultName.JAM) is not None for _ in range(times)]


def test_a_fault_fires_once_and_never_again(faults: Faults) -> None:
    faults.add(JAM)
    assert strikes(faults, 3) == [True, False, False]


def test_a_repeating_fault_fires_at_one_of_every_so_many_occasions_by_its_seed(faults: Faults, tmp_path: Path) -> None:
    faults.add({**JAM, "every": 5, "times": 3, "seed": 11})
    struck = strikes(faults, 50)
    assert [sum(struck[start : start + 5]) for start in range(0, 50, 5)] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    again = Faults("book-01")
    again.add({**JAM, "every": 5, "times": 3, "seed": 11})
    assert strikes(again, 50) == struck


def test_a_fault_without_end_goes_on(faults: Faults) -> None:
    faults.add({**JAM, "times": 0})
    assert all(strikes(faults, 30))


def test_a_fault_waits_for_its_entry_and_its_side_of_it(faults: Faults) -> None:
    faults.add({"name": "restart", "at": "FED", "before": True})
    assert faults.strike(FaultName.RESTART, "PREPARED", before=True) is None
    assert faults.strike(FaultName.RESTART, "FED") is None
    assert faults.strike(FaultName.RESTART, "FED", before=True) is not None


def test_a_plan_survives_the_machine_that_it_stopped(faults: Faults, tmp_path: Path) -> None:
    faults.add({"name": "restart", "at": "FED"})
    assert faults.strike(FaultName.RESTART, "FED") is not None
    switched_on_again = Faults("book-01", tmp_path)
    assert switched_on_again.strike(FaultName.RESTART, "FED") is None
    assert [fault["fired"] for fault in switched_on_again.listed()] == [1]
    assert switched_on_again.clear() == 1
    assert json.loads((tmp_path / PLAN_NAME).read_text()) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "meteor"},
        {"name": "power-loss"},
        {"name": "power-loss", "at": "LUNCH"},
        {"name": "jam", "at": "FED"},
        {"name": "jam", "before": True},
        {"name": "jam", "times": -1},
        {"name": "jam", "every": 0},
        {"name": "jam", "every": 1.5},
        {"name": "jam", "seed": "seven"},
        {"name": "jam", "colour": "red"},
        {},
        ["jam"],
    ],
)
def test_what_is_no_fault_is_refused_and_nothing_is_set(faults: Faults, facts: Any) -> None:
    with pytest.raises(FaultRefusedError):
        faults.add(facts)
    assert faults.listed() == []


@pytest.mark.parametrize("content", ["[", "{}", "[1]", '[{"name": "meteor"}]'])
def test_a_plan_that_is_none_is_refused_whole(tmp_path: Path, content: str) -> None:
    (tmp_path / PLAN_NAME).write_text(content)
    with pytest.raises(FaultRefusedError):
        Faults("book-01", tmp_path)


def test_a_machine_without_a_journal_loses_its_power_at_a_burst() -> None:
    faults = Faults("scale-01", known=striking("mt-sics-scale"))
    faults.add({"name": "power-loss"})
    with pytest.raises(FaultRefusedError, match="takes no state of the journal"):
        faults.add({"name": "power-loss", "at": "FED"})


def test_what_is_known_of_no_driver_is_struck_by_the_faults_of_any_line() -> None:
    """Those of drivers from other packages."""
    assert striking("hygrometer") == striking("mt-sics-scale") == BURSTS


def test_bursts_never_overtake_each_other() -> None:
    """As on a wire; a frame of the link may, for it has a number."""
    faults = Faults("scale-01", known=BURSTS)
    line = Line(faults)
    faults.add({"name": "late-frame"})
    assert [line.to_host(said, 0.0) for said in (b"first", b"second")] == [b"", b""]
    assert line.next_deadline_s == LATE_BURST_S
    assert line.to_host(b"third", LATE_BURST_S) == b"firstsecondthird"


def test_what_a_stall_holds_back_is_due_when_the_last_stall_ends() -> None:
    """An emulator that were due before could only turn round and round."""
    faults = Faults("scale-01", known=BURSTS)
    line = Line(faults)
    faults.add({"name": "stall"})
    assert line.to_host(b"first", 0.0) == b""
    faults.add({"name": "stall", "seed": 1})
    assert line.to_machine(b"ask", 1.0) == b""
    assert line.next_deadline_s == 1.0 + LATE_BURST_S
    assert (line.to_machine(b"", 3.5), line.to_host(b"", 3.5)) == (b"ask", b"first")


def test_a_storm_has_every_fault_and_strikes_machines_only_with_what_can_strike_them() -> None:
    machines = {
        "book-01": striking("book-personalizer"),
        "card-01": striking("card-personalizer"),
        "reader-01": striking("document-reader"),
        "scale-01": striking("mt-sics-scale"),
        "label-01": striking("sato-label-printer"),
        "swipe-01": striking("rte-mrz-reader"),
    }
    plans = storm(machines, 900, 5)
    planned = [fault for plan in plans.values() for fault in plan]
    assert all(fault["times"] == 3 for fault in planned)
    for machine, plan in plans.items():
        for fault in plan:
            Faults(machine, known=machines[machine]).add(fault)
    linked, small = (
        [fault["name"] for machine, plan in plans.items() for fault in plan if (machine in LINKED) == speaks]
        for speaks in (True, False)
    )
    assert sorted(linked) == sorted(set(FaultName) - SHOWER - SENSOR)
    assert sorted(small) == sorted(BURSTS)
    assert all(plans[machine] for machine in ("scale-01", "label-01", "swipe-01"))
    assert storm(machines, 900, 5) == plans != storm(machines, 900, 6)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Path]:
    """A line's folder in which book-01's emulator runs."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=2, cards=1, readers=1)
    supervisor = Supervisor(folder.path, speed=0, seed=1)
    supervisor.start([EmulatorSpec("book-01", "book-personalizer", emulated_serial("book-01"))])
    yield folder.path
    supervisor.stop()


def test_a_fault_is_set_listed_and_taken_off_by_command(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--dir", str(line)]
    assert run(["devices", "fault", "book-01", "power-loss", "--at", "fed", "--every", "3", *where]) == Exit.FINE
    assert "EMULATED" in capsys.readouterr().err
    assert run(["devices", "fault", "book-01", "--list", "--output", "json", *where]) == Exit.FINE
    (fault,) = json.loads(capsys.readouterr().out)
    assert (fault["device"], fault["mode"], fault["name"], fault["at"]) == ("book-01", "EMULATED", "power-loss", "FED")
    assert (fault["every"], fault["times"]) == (3, 0), "with --every and no --times it repeats without end"
    assert fired(line / "machines") == {"power-loss": 0}
    assert run(["devices", "fault", "book-01", "--clear", *where]) == Exit.FINE
    assert json.loads((line / "machines" / "book-01" / PLAN_NAME).read_text()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["book-01", "meteor"], "has no fault meteor"),
        (["book-01", "power-loss"], "there are: FEEDING"),
        (["book-02", "jam"], "not running"),
        (["book-99", "jam"], "no device of"),
    ],
)
def test_a_fault_that_cannot_be_set_is_refused_with_what_can(
    line: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(["devices", "fault", *arguments, "--dir", str(line)]) != Exit.FINE
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_a_real_machine_has_no_faults_to_set(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = line / "line.toml"
    toml.write_text(toml.read_text().replace('mode = "emulated"', 'mode = "production"'))
    assert run(["devices", "fault", "book-01", "jam", "--dir", str(line)]) != Exit.FINE
    assert "production" in capsys.readouterr().err
