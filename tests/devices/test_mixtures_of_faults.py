"""Any mixture of faults, on the real byte stream and a virtual clock, makes no second document and loses no blank.

The host here is the smallest that keeps the order of commits: its books survive, its driver does not. What it asserts
it takes from the emulator's physical tally, never from a journal.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.book_personalizer.driver import BookPersonalizer
from devices.book_personalizer.emulator import emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FAULTS, PHASES, FaultName, Faults
from devices.emulation.line import Line
from devices.emulation.memory import ControllerStopsError, JournalFullError
from devices.emulation.personalizer import PersonalizerEmulator
from devices.emulation.world import Stack, Tally, World
from devices.endpoint import Endpoint
from devices.errors import DeviceError
from devices.fake_transport import FakeTransport
from devices.jobs import JobIntent, JobState, MachineJobState, job_id
from devices.piece import PieceData
from devices.recovery import InDoubt, recover
from devices.roles import JobResult
from devices.session import Patience

MACHINE, SERIAL = "book-01", "BP-1"
BLANKS = tuple(f"E{number:08d}" for number in range(40))
ORDERS = ("order-1", "order-2", "order-3")
PATIENCE = Patience(session_s=20.0, reply_s=20.0, motion_s=60.0, longest_s=300.0)
FINISHED_WITHIN = 60
"""Attempts at recovery and work, faults taken off, after which nothing may be unfinished."""


class Cabinet:
    """A machine as its process runs it: faults on its line, and a controller that may stop and be switched on again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "machine").mkdir(parents=True)
        self.deaf = self.cut_off = False
        self.emulator: PersonalizerEmulator | None = None
        self.switch_on()

    def switch_on(self) -> None:
        """Start the controller, unless it runs or a fault stops it at once."""
        if self.emulator is not None:
            return
        self.faults = Faults(MACHINE, self._folder / "machine")
        self._line = Line(self.faults)
        place = self._folder / "machine"
        try:
            self.emulator = emulate(EmulatorSetup(MACHINE, SERIAL, place, self._folder / "world", faults=self.faults))
        except (ControllerStopsError, JournalFullError):
            self.cut_off = True

    def stop(self, *, power: bool) -> None:
        """The controller ends, with what was not synced or without."""
        if self.emulator is not None:
            if power:
                self.emulator.lose_power()
            self.emulator.close()
        self.emulator, self.cut_off = None, True

    def turn(self, data: bytes, now_s: float) -> bytes:
        if self.emulator is None or self.deaf:
            return b""
        try:
            replies = self.emulator.turn(self._line.to_machine(data, now_s), now_s)
        except (ControllerStopsError, JournalFullError):
            self.stop(power=False)
            return b""
        outgoing = self._line.to_host(replies, now_s)
        cut_off = self._line.take_hang_up()
        self.deaf |= cut_off is FaultName.HALF_OPEN
        self.cut_off |= cut_off is FaultName.HANG_UP
        return b"" if cut_off is not None else outgoing

    @property
    def next_deadline_s(self) -> float | None:
        if self.emulator is None or self.deaf:
            return None
        due = [moment for moment in (self.emulator.next_deadline_s, self._line.next_deadline_s) if moment is not None]
        return min(due, default=None)


class Cable(FakeTransport):
    """The port: what cut it off is found by whoever waits, and opening it again makes a fresh connection."""

    machine: Cabinet

    def open(self, endpoint: Endpoint) -> None:
        self.machine.deaf = self.machine.cut_off = False
        super().open(endpoint)

    def _turn(self, host: Endpoint) -> bool:
        moved = super()._turn(host)
        if self.machine.cut_off:
            self.machine.cut_off = False
            self.hang_up("cut off")
        return moved


@dataclass
class Job:
    """One attempt, as the books have it."""

    order: str
    intent: JobIntent
    ended: str = ""
    """What it ended as: good, failed, returned or void; empty while it is open."""
    result: str | None = None
    doubt: bool = False


@dataclass
class Books:
    """The host's database: it survives whatever happens to the host."""

    fence: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)

    def next_fence(self, machine: str, above: int) -> int:
        self.fence = max(self.fence, above) + 1
        return self.fence

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        return [job.intent for job in self.jobs.values() if not (job.ended or job.doubt)]

    def booked_result(self, job_id: str) -> str | None:
        job = self.jobs.get(job_id)
        return None if job is None else job.result


ENDS = {
    MachineJobState.DONE: "good",
    MachineJobState.FAILED: "failed",
    MachineJobState.RETURNED: "returned",
    MachineJobState.VOIDED: "void",
}


class Host:
    """Commits, then sends; on any error it lets go, and recovers before it goes on."""

    def __init__(self, cable: Cable, world: World) -> None:
        self.books, self._cable, self._world = Books(), cable, world
        self.begin_again()

    def begin_again(self) -> None:
        """The host's process is another one: all it knows is in the books."""
        self._cable.hang_up("host killed")
        self._driver = BookPersonalizer(MACHINE, SERIAL, True, self._cable, patience=PATIENCE)
        self._identity = None
        self.now: Job | None = None

    def step(self, order: str) -> bool:
        """Recover, or go one step on with the job in hand; False if the machine or the line was lost meanwhile."""
        try:
            if self._identity is None:
                self._recover()
            elif self.now is None:
                self._begin(order)
            else:
                self._go_on(self.now)
        except DeviceError:
            self._driver.close()
            self._identity = self.now = None
            return False
        return True

    def wants(self, order: str) -> bool:
        """Whether nothing was made for the order yet and nothing of it is open."""
        return all(job.ended and job.ended != "good" for job in self.books.jobs.values() if job.order == order)

    def _begin(self, order: str) -> None:
        if not self.wants(order):
            return
        identity = self._driver.hello()
        attempt = 1 + sum(job.order == order for job in self.books.jobs.values())
        name = job_id("here", order, "passport", attempt)
        where = (identity.journal_id, identity.journal_next)
        self.now = self.books.jobs[name] = Job(order, JobIntent(name, MACHINE, SERIAL, *where, JobState.INTENT))

    def _go_on(self, job: Job) -> None:
        name = job.intent.job_id
        match job.intent.state:
            case JobState.INTENT:
                serial = self._driver.feed(name)
                job.intent = replace(job.intent, state=JobState.FED, blank_serial=serial)
            case JobState.FED:
                job.intent = replace(job.intent, state=JobState.STARTING)
                assert job.intent.blank_serial is not None
                self._driver.make(name, PieceData("passport", job.intent.blank_serial, (job.order,)).encode())
            case JobState.STARTING:
                self._book(job, self._driver.result(name, PATIENCE.longest_s))
                self.now = None

    def _recover(self) -> None:
        found = recover(self._driver, self.books)
        assert not found.strangers, "every job that moved something was committed before"
        for intent, result in found.settled:
            self._book(self.books.jobs[intent.job_id], result)
        for doubt in found.in_doubt:
            self._doubt(doubt)
        for intent, _ in found.waiting:
            self._book(self.books.jobs[intent.job_id], self._driver.return_blank(intent.job_id))
        for intent in found.working:
            self._book(self.books.jobs[intent.job_id], self._driver.result(intent.job_id, PATIENCE.longest_s))
        for intent in found.unheard:
            self._book(self.books.jobs[intent.job_id], self._driver.void(intent.job_id))
        for job in self.books.jobs.values():
            if job.doubt and not job.ended:
                self._settle(job)
        identity = self._driver.hello()
        assert identity.balanced
        self._identity = identity

    def _doubt(self, doubt: InDoubt) -> None:
        job = self.books.jobs[doubt.intent.job_id]
        job.doubt = True
        if doubt.result is not None:
            self._name_blank(job, doubt.result.blank_serial)
            job.result = doubt.result.result_hash
            self._driver.release(job.intent.job_id, job.result)

    def _book(self, job: Job, result: JobResult) -> None:
        self._name_blank(job, result.blank_serial)
        if not result.certain:
            self._doubt(InDoubt(job.intent, "unknown", result))
            return
        job.ended, job.result = ENDS[result.state], result.result_hash
        if job.ended == "failed":
            self._deface(job)
        self._driver.release(job.intent.job_id, result.result_hash)

    def _name_blank(self, job: Job, serial: str) -> None:
        if serial and job.intent.blank_serial is None:
            job.intent = replace(job.intent, blank_serial=serial)

    def _settle(self, job: Job) -> None:
        """Two people look at the pieces, nothing else."""
        tally = Tally.read(self._world.path)
        inside = f"{MACHINE}:{Stack.INPUT.value}"
        named = {other.intent.blank_serial for other in self.books.jobs.values()}
        strays = [one for one, seen in tally.pieces.items() if seen.place != inside and one not in named]
        serial = job.intent.blank_serial or next(iter(strays), None)
        if serial is None:
            job.ended = "void"
            return
        self._name_blank(job, serial)
        piece = self._world.piece(serial) if tally.pieces[serial].made else None
        if piece is not None and piece.printed and piece.locked and piece.chip_written:
            job.ended = "good"
        elif tally.pieces[serial].made:
            job.ended = "failed"
            self._deface(job)
        else:
            job.ended = "returned"

    def _deface(self, job: Job) -> None:
        if job.intent.blank_serial is not None:
            self._world.ruin(job.intent.blank_serial)


NAMES = st.sampled_from(sorted(FAULTS))
ENTRIES = st.sampled_from(PHASES)


class Mixtures(RuleBasedStateMachine):
    """Orders, faults, crashes on both sides and people who clear jams, in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.world = World(self.folder / "world")
        self.cabinet = Cabinet(self.folder)
        self.host = Host(Cable(self.cabinet), self.world)
        self._hands({"do": "load", "blanks": [[serial, "shelf:book"] for serial in BLANKS]})

    def _hands(self, act: dict[str, object]) -> None:
        if self.cabinet.emulator is not None:
            self.cabinet.emulator.control(act)

    @rule(order=st.sampled_from(ORDERS), steps=st.integers(1, 5))
    def work(self, order: str, steps: int) -> None:
        for _ in range(steps):
            self.host.step(order)

    @rule(name=NAMES, at=ENTRIES, before=st.booleans(), every=st.integers(1, 4), seed=st.integers(0, 99))
    def something_is_about_to_go_wrong(self, name: FaultName, at: str, before: bool, every: int, seed: int) -> None:
        phase = {"at": at, "before": before} if FAULTS[name].takes_phase else {}
        self.cabinet.faults.add({"name": name, "every": every, "seed": seed, **phase})

    @rule()
    def the_host_is_killed(self) -> None:
        self.host.begin_again()

    @rule(power=st.booleans())
    def the_machine_is_killed(self, power: bool) -> None:
        self.cabinet.stop(power=power)

    @precondition(lambda self: self.cabinet.emulator is None)
    @rule()
    def the_machine_is_switched_on(self) -> None:
        self.cabinet.switch_on()

    @rule()
    def somebody_looks_inside(self) -> None:
        self._hands({"do": "clear"})
        self._hands({"do": "resume"})

    @invariant()
    def no_order_has_two_documents(self) -> None:
        if hasattr(self, "world"):
            documents = self._documents()
            assert not documents or max(documents.values()) == 1, documents

    def _documents(self) -> Counter[str]:
        """Whole pieces by order, wherever they lie, that nobody has defaced."""
        found: Counter[str] = Counter()
        for serial in Tally.read(self.world.path).pieces:
            piece = self.world.piece(serial)
            if piece is not None and piece.printed and piece.locked:
                found[piece.data.mrz[0]] += 1
        return found

    def teardown(self) -> None:
        """With the faults taken off, everything ends, every order has its one document, every blank its place."""
        if not hasattr(self, "host"):
            return
        self.cabinet.switch_on()
        self.cabinet.faults.clear()
        for _ in range(FINISHED_WITHIN):
            self.cabinet.switch_on()
            if not self.host.step(next((order for order in ORDERS if self.host.wants(order)), ORDERS[0])):
                self.somebody_looks_inside()
        jobs = self.host.books.jobs.values()
        assert all(job.ended for job in jobs), jobs
        assert self._documents() == Counter(ORDERS)
        assert {job.order for job in jobs if job.ended == "good"} == set(ORDERS)
        tally = Tally.read(self.world.path)
        inside = {serial for stack in Stack for serial in tally.at(f"{MACHINE}:{stack.value}")}
        assert inside == set(BLANKS)
        named = {job.intent.blank_serial for job in jobs}
        assert {serial for serial, seen in tally.pieces.items() if seen.made} <= named
        self.cabinet.stop(power=False)
        shutil.rmtree(self.folder)


TestMixtures = Mixtures.TestCase
TestMixtures.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module", autouse=True)
def more_if_dense(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--dense"):
        TestMixtures.settings = settings(TestMixtures.settings, max_examples=3_000)
