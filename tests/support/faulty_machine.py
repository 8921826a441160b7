"""A machine with faults, a cable, and the smallest host that keeps the order of commits, on a virtual clock.

The host's books survive, its driver does not. What tests assert of it they take from the emulator's physical tally,
never from a journal.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from devices.book_personalizer.driver import BookPersonalizer
from devices.book_personalizer.emulator import emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName, Faults
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


class HostKilledError(Exception):
    """The host's process ends here."""


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
    """The port: what cut it off is found by whoever waits, and opening it again makes a fresh connection.

    `on_send` is called around every write, with "before" and "after".
    """

    machine: Cabinet

    def __init__(self, machine: Cabinet) -> None:
        super().__init__(machine, self._carry)
        self.on_send: Callable[[str], None] = lambda _: None
        self._sent = False

    def _carry(self, direction: str, data: bytes) -> bytes:
        if direction == "to machine":
            self.on_send("before")
            self._sent = True
        return data

    def open(self, endpoint: Endpoint) -> None:
        self.machine.deaf = self.machine.cut_off = False
        super().open(endpoint)

    def _turn(self, host: Endpoint) -> bool:
        moved = super()._turn(host)
        sent, self._sent = self._sent, False
        if sent:
            self.on_send("after")
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
    """Commits, then sends; on any error it lets go, and recovers before it goes on.

    `on_commit` is called around every commit, with "before" and "after".
    """

    def __init__(self, cable: Cable, world: World) -> None:
        self.books, self._cable, self._world = Books(), cable, world
        self.on_commit: Callable[[str], None] = lambda _: None
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
        job = Job(order, JobIntent(name, MACHINE, SERIAL, *where, JobState.INTENT))
        with self._commit():
            self.books.jobs[name] = job
        self.now = job

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """What is done within is in the books at once, or not at all."""
        self.on_commit("before")
        yield
        self.on_commit("after")

    def _go_on(self, job: Job) -> None:
        name = job.intent.job_id
        match job.intent.state:
            case JobState.INTENT:
                serial = self._driver.feed(name)
                with self._commit():
                    job.intent = replace(job.intent, state=JobState.FED, blank_serial=serial)
            case JobState.FED:
                with self._commit():
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
        with self._commit():
            job.doubt = True
            if doubt.result is not None:
                self._name_blank(job, doubt.result.blank_serial)
                job.result = doubt.result.result_hash
        if job.result is not None:
            self._driver.release(job.intent.job_id, job.result)

    def _book(self, job: Job, result: JobResult) -> None:
        if not result.certain:
            self._doubt(InDoubt(job.intent, "unknown", result))
            return
        if result.state is MachineJobState.FAILED:
            self._deface(job.intent.blank_serial or result.blank_serial)
        with self._commit():
            self._name_blank(job, result.blank_serial)
            job.ended, job.result = ENDS[result.state], result.result_hash
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
        serial = job.intent.blank_serial or next(iter(strays), "")
        found = self._look_at(serial, tally)
        if found == "failed":
            self._deface(serial)
        with self._commit():
            self._name_blank(job, serial)
            job.ended = found

    def _look_at(self, serial: str, tally: Tally) -> str:
        if not serial:
            return "void"
        if not tally.pieces[serial].made:
            return "returned"
        piece = self._world.piece(serial)
        return "good" if piece is not None and piece.printed and piece.locked and piece.chip_written else "failed"

    def _deface(self, serial: str) -> None:
        if serial:
            self._world.ruin(serial)


class Bench:
    """Machine, cable, host and the people beside them, for some orders."""

    def __init__(self, folder: Path, orders: Sequence[str] = ORDERS) -> None:
        self.orders = orders
        self.world = World(folder / "world")
        self.cabinet = Cabinet(folder)
        self.cable = Cable(self.cabinet)
        self.host = Host(self.cable, self.world)
        self._hands({"do": "load", "blanks": [[serial, "shelf:book"] for serial in BLANKS]})

    def _hands(self, act: dict[str, object]) -> None:
        if self.cabinet.emulator is not None:
            self.cabinet.emulator.control(act)

    def look_inside(self) -> None:
        """Somebody clears a jam and ends a hold."""
        self._hands({"do": "clear"})
        self._hands({"do": "resume"})

    def wanted(self) -> str:
        """An order that nothing was made for yet; any, if there is none."""
        return next((order for order in self.orders if self.host.wants(order)), self.orders[0])

    def documents(self) -> Counter[str]:
        """Whole pieces by order, wherever they lie, that nobody has defaced."""
        found: Counter[str] = Counter()
        for serial in Tally.read(self.world.path).pieces:
            piece = self.world.piece(serial)
            if piece is not None and piece.printed and piece.locked:
                found[piece.data.mrz[0]] += 1
        return found

    def go_on(self, times: int = FINISHED_WITHIN) -> None:
        """Work as people would: switch on what is off, look into what refuses, until all is made."""
        for _ in range(times):
            self.cabinet.switch_on()
            if self._all_made():
                return
            try:
                lost = not self.host.step(self.wanted())
            except HostKilledError:
                self.host.begin_again()
            else:
                if lost:
                    self.look_inside()

    def _all_made(self) -> bool:
        jobs = self.host.books.jobs.values()
        return all(job.ended for job in jobs) and not any(self.host.wants(order) for order in self.orders)

    def assert_whole(self) -> None:
        """Everything has ended, every order has its one document, every blank its place and its job."""
        jobs = self.host.books.jobs.values()
        assert all(job.ended for job in jobs), jobs
        assert self.documents() == Counter(self.orders)
        assert {job.order for job in jobs if job.ended == "good"} == set(self.orders)
        tally = Tally.read(self.world.path)
        inside = {serial for stack in Stack for serial in tally.at(f"{MACHINE}:{stack.value}")}
        assert inside == set(BLANKS)
        named = {job.intent.blank_serial for job in jobs}
        assert {serial for serial, seen in tally.pieces.items() if seen.made} <= named
