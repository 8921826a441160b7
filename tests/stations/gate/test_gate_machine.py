"""People, faults of both machines and killed processes in any order: the log never says inside of who is outside."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from small_gate import READERS, GateBench, KilledError

from devices.emulation.faults import FaultName
from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from stations.gate import passages, projection
from stations.gate.rules import Direction, Found
from stations.shift.counting import Signers

PEOPLE = ("e-per-1", "e-per-2", "e-per-3")
SHOWER_FAULTS = (FaultName.DOOR_HELD_OPEN, FaultName.CYCLE_ABORTED, FaultName.FAN_FAILURE)
MACHINES = (*READERS.values(), "shower-01")


def damage(kind: str, every: int) -> Any:
    """A line that drops, cuts, spoils or silences each so manieth burst."""
    count = 0

    def line(_direction: str, data: bytes) -> bytes:
        nonlocal count
        count += 1
        if count % every:
            return data
        return {"dropped": b"", "cut": data[:-1], "spoiled": bytes([data[0] ^ 0x55]) + data[1:], "doubled": data * 2}[
            kind
        ]

    return line


class GateMachine(RuleBasedStateMachine):
    """A gate, three people, and everything that can go wrong there."""

    make_database: Any

    @initialize()
    def begin(self) -> None:
        self.opened = ExitStack()
        self.url, database = type(self).make_database(self.opened)
        self.database: Database = database
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        self.bench = GateBench(database, folder)

    @rule(code=st.sampled_from(PEOPLE), direction=st.sampled_from(Direction), dawdles=st.booleans())
    def comes(self, code: str, direction: Direction, dawdles: bool) -> None:
        people = self.bench.people
        if people.where.get(code, "outside") != ("outside" if direction is Direction.IN else "inside"):
            return
        people.dawdles = dawdles
        self.bench.stands(code, direction)
        self._works(code)
        people.dawdles = people.holds = False

    @rule(code=st.sampled_from(PEOPLE), at=st.integers(1, 10), direction=st.sampled_from(Direction))
    def comes_and_the_process_is_killed(self, code: str, at: int, direction: Direction) -> None:
        self.bench.killing.at = self.bench.killing.done + at
        self.comes(code, direction, False)

    @rule(fault=st.sampled_from(SHOWER_FAULTS), holds=st.booleans())
    def shower_fault(self, fault: FaultName, holds: bool) -> None:
        self.bench.faults.add({"name": fault})
        self.bench.people.holds = holds

    @rule(
        machine=st.sampled_from(MACHINES),
        kind=st.sampled_from(("dropped", "cut", "spoiled", "doubled")),
        every=st.integers(2, 9),
    )
    def line_fault(self, machine: str, kind: str, every: int) -> None:
        self.bench.cables[machine].line = damage(kind, every)

    @rule(machine=st.sampled_from(MACHINES))
    def cable_torn(self, machine: str) -> None:
        self.bench.cables[machine].hang_up("torn")

    @rule(machine=st.sampled_from(MACHINES))
    def power_lost(self, machine: str) -> None:
        self.bench.boot(machine)

    @rule(seconds=st.sampled_from((1.0, 12.0, 40.0)))
    def time_passes(self, seconds: float) -> None:
        self.bench.pass_time(seconds)
        self._works(self.bench.people.front)

    def _works(self, code: str) -> None:
        """The gate works on, in a new process if this one is killed."""
        for _ in range(8):
            try:
                self.bench.gate.look()
            except KilledError:
                self.bench.restart()
            self.bench.pass_time(0.5)
            left = self.bench.under_way()
            if left is not None and left.unknown is not None:
                self._settled(left)

    def _settled(self, left: passages.Passage) -> None:
        """Two people look, once nobody stands in the shower any more or where somebody does."""
        code = left.person or ""
        really = Found.INSIDE if self.bench.people.where.get(code) == "inside" else Found.OUTSIDE
        passages.settle(self.database, code, really, Signers("e-lead-1", "e-lead-2"), emulated=True)

    @invariant()
    def the_log_says_inside_of_exactly_who_is_inside(self) -> None:
        if not hasattr(self, "bench"):
            return
        left = self.bench.under_way()
        for code in PEOPLE:
            if left is not None and left.person == code:
                continue
            really = self.bench.people.where.get(code) == "inside"
            assert (code in self.bench.inside()) == really, code

    @invariant()
    def the_tables_are_what_the_log_says(self) -> None:
        if not hasattr(self, "bench"):
            return
        ((_, sql),) = projection.DIFFERENCES
        with open_reading(self.url) as reading:
            assert reading.rows(sql) == []

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.close()


def test_whatever_happens_the_log_knows_who_is_inside(make_database: Any, dense: bool) -> None:
    machine = type("Machine", (GateMachine,), {"make_database": staticmethod(make_database)})
    size = {"max_examples": 300 if dense else 12, "stateful_step_count": 25}
    chosen = settings(**size, deadline=None, suppress_health_check=list(HealthCheck))
    machine.TestCase.settings = chosen
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=chosen)
