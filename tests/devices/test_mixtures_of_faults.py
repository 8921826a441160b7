"""Any mixture of faults, on the real byte stream and a virtual clock, makes no second document and loses no blank."""

import shutil
import tempfile
from pathlib import Path

import pytest
from faulty_machine import ORDERS, Bench
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.emulation.faults import FAULTS, PHASES, FaultName, striking

NAMES = st.sampled_from(sorted(striking("book-personalizer")))
ENTRIES = st.sampled_from(PHASES)


class Mixtures(RuleBasedStateMachine):
    """Orders, faults, crashes on both sides and people who clear jams, in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.bench = Bench(self.folder)

    @rule(order=st.sampled_from(ORDERS), steps=st.integers(1, 5))
    def work(self, order: str, steps: int) -> None:
        for _ in range(steps):
            self.bench.host.step(order)

    @rule(name=NAMES, at=ENTRIES, before=st.booleans(), every=st.integers(1, 4), seed=st.integers(0, 99))
    def something_is_about_to_go_wrong(self, name: FaultName, at: str, before: bool, every: int, seed: int) -> None:
        phase = {"at": at, "before": before} if FAULTS[name].takes_phase else {}
        self.bench.cabinet.faults.add({"name": name, "every": every, "seed": seed, **phase})

    @rule()
    def the_host_is_killed(self) -> None:
        self.bench.host.begin_again()

    @rule(power=st.booleans())
    def the_machine_is_killed(self, power: bool) -> None:
        self.bench.cabinet.stop(power=power)

    @precondition(lambda self: self.bench.cabinet.emulator is None)
    @rule()
    def the_machine_is_switched_on(self) -> None:
        self.bench.cabinet.switch_on()

    @rule()
    def somebody_looks_inside(self) -> None:
        self.bench.look_inside()

    @invariant()
    def no_order_has_two_documents(self) -> None:
        documents = self.bench.documents() if hasattr(self, "bench") else {}
        assert not documents or max(documents.values()) == 1, documents

    def teardown(self) -> None:
        """With the faults taken off, everything ends whole."""
        if not hasattr(self, "bench"):
            return
        self.bench.cabinet.switch_on()
        self.bench.cabinet.faults.clear()
        self.bench.go_on()
        self.bench.assert_whole()
        self.bench.cabinet.stop(power=False)
        shutil.rmtree(self.folder)


TestMixtures = Mixtures.TestCase
TestMixtures.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module", autouse=True)
def more_if_dense(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--dense"):
        TestMixtures.settings = settings(TestMixtures.settings, max_examples=3_000)
