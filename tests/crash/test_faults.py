"""Whatever goes wrong with a machine by name, at any entry of its journal, the line ends whole.

The fault stands in the machine's plan before the line is switched on; devices.md says what must come of it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devices.emulation.faults import FAULTS, PLAN_NAME, Fault, FaultName, Hits
from devices.jobs import MachineJobState as State

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]
DOCUMENTS = 2
BOOK, READER = "book-01", "reader-01"
FRAMES = {BOOK: 24, READER: 8}
"""A line fault strikes one of the first so many frames, chosen by its seed."""


def of(hits: Hits) -> list[FaultName]:
    """The faults that strike there."""
    return [name for name, kind in FAULTS.items() if kind.hits is hits]


def striking_last(name: FaultName, every: int) -> int:
    """The seed with which a fault strikes at the last of its first `every` occasions."""
    return next(seed for seed in range(10_000) if Fault(name, seed=seed).draw("occasion 0", every) == every - 1)


# What leads a journal to an entry that no document without trouble has.
LEADS: dict[str, list[dict[str, Any]]] = {
    State.FAILED.name: [{"name": FaultName.CHIP_FAILURE}],
    State.UNKNOWN.name: [{"name": FaultName.RESTART, "at": State.WORKING.name}],
}
ENTRIES = [
    *(s.name for s in (State.FEEDING, State.FED, State.PREPARED, State.WORKING, State.DONE)),
    "RELEASED",
    "FENCE",
]
STOPS = [name for name in of(Hits.CONTROLLER) if FAULTS[name].takes_phase]
BOUNDARIES = [(name, at, before) for at in (*ENTRIES, *LEADS) for name in STOPS for before in (True, False)]
EVERYWHERE = (FaultName.POWER_LOSS,)
"""Tried at each entry; the others only at the first and the last motion, unless `--dense`: the fast sweep has them."""
SOMEWHERE = (State.FEEDING.name, State.WORKING.name)


@pytest.fixture
def struck(
    walker: Any,
    lines: Callable[..., Path],
    scenario_of: Callable[..., Any],
    case_folder: Callable[[], Path],
    assert_whole: Callable[..., Any],
) -> Callable[..., Any]:
    """Walks a tray with faults planned for one machine, and counts the line; every fault must have fired."""

    def run(*faults: dict[str, Any], machine: str = BOOK, speed: int = 0) -> Any:
        case = f"{machine}: {json.dumps(faults)}"
        folder = lines(scenario_of(DOCUMENTS), case_folder())
        toml = folder / "line.toml"
        toml.write_text(toml.read_text("utf-8").replace("\nspeed = 0 ", f"\nspeed = {speed} "), "utf-8")
        plan = folder / "machines" / machine / PLAN_NAME
        plan.parent.mkdir(parents=True, exist_ok=True)
        plan.write_text(json.dumps(faults))
        walked = walker.walk(folder)
        assert walked.status == 0, f"{case}: {walked.said}"
        assert all(fault.get("fired") for fault in json.loads(plan.read_text())), case
        found = assert_whole(folder, case)
        assert found.dispatched == DOCUMENTS, case
        return found

    return run


@pytest.mark.parametrize("name", of(Hits.LINE))
@pytest.mark.parametrize("machine", [BOOK, READER])
def test_a_fault_on_the_line_moves_nothing_twice(struck, dense, machine, name):
    """Sent again, ignored by identity, or the session is begun anew; never a document more."""
    if name is FaultName.HALF_OPEN and machine == READER and not dense:
        pytest.skip("twenty seconds more until the link gives up; --dense tries it")
    for seed in range(12 if dense else 1):
        struck({"name": name, "every": FRAMES[machine], "times": 1, "seed": seed}, machine=machine)


@pytest.mark.parametrize("name", of(Hits.MECHANICS))
def test_a_fault_in_the_mechanics_costs_a_blank_at_most(struck, dense, name):
    """The blank that it cost is booked, and the order is made again."""
    for seed in range(8 if dense else 1):
        struck({"name": name, "every": 2, "times": 1, "seed": seed})


@pytest.mark.parametrize("frame", range(1, FRAMES[BOOK] + 1))
def test_a_line_cut_at_any_of_its_first_frames_leaves_every_blank_where_the_log_has_it(struck, dense, frame):
    """Also one that was drawn while the host was away, whose number it never heard: returned, it is booked as drawn."""
    if frame % 3 and not dense:
        pytest.skip("one of those that --dense tries")
    struck({"name": FaultName.HANG_UP, "every": frame, "times": 1, "seed": striking_last(FaultName.HANG_UP, frame)})


@pytest.mark.parametrize("seed", range(3))
def test_a_jam_is_cleared_with_the_blank_that_waits_behind_it(struck, seed):
    """At a machine's pace the next blank is drawn and prepared behind the one at work: both go to the bin."""
    struck({"name": FaultName.JAM, "every": 4, "times": 1, "seed": seed}, speed=100)


@pytest.mark.parametrize(("name", "at", "before"), BOUNDARIES)
def test_a_controller_stopped_at_an_entry_of_its_journal_is_reconciled(struck, dense, name, at, before):
    """Before and after: what was in motion, or written into a lost journal, is settled by two people."""
    if name not in EVERYWHERE and at not in SOMEWHERE and not dense:
        pytest.skip("one of those that --dense tries")
    stop = {"name": name, "at": at, "before": before}
    struck(*LEADS.get(at, []), stop)


def test_a_clone_that_answers_is_not_drawn_on(struck):
    """Another journal under the same serial number: its claim is refused, and the machine is opened again."""
    struck({"name": FaultName.CLONED_SERIAL, "every": 2})
