"""What recovery concludes from a machine's answers, against a real emulator on a virtual clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from devices.jobs import JobIntent, JobState, MachineJobState
from devices.piece import PieceData
from devices.recovery import reconcile, recover, unknown_jobs

JOB, NEXT_JOB = "1" * 32, "2" * 32
LONG_S = 120.0


@dataclass
class Books:
    """A host's database in memory."""

    fence: int = 0
    intents: list[JobIntent] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)

    def next_fence(self, machine: str, above: int) -> int:
        self.fence = max(self.fence, above) + 1
        return self.fence

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        return self.intents

    def booked_result(self, job_id: str) -> str | None:
        return self.results.get(job_id)


def intent(workbench, job: str = JOB, state: JobState = JobState.INTENT) -> JobIntent:
    identity = workbench.driver.hello()
    return JobIntent(job, "book-01", identity.serial, identity.journal_id, identity.journal_next, state)


def prepare(driver, job: str) -> None:
    driver.prepare(job, PieceData("passport", driver.feed(job), ("E1",)).encode())


@pytest.fixture
def books(workbench) -> Books:
    books = Books()
    recover(workbench.driver, books)
    return books


def test_the_fence_exceeds_the_machines_and_the_databases(workbench, books) -> None:
    assert workbench.driver.hello().fence == 1
    books.fence = 0
    assert recover(workbench.driver, books).identity.fence == 2
    books.fence = 9
    assert recover(workbench.driver, books).identity.fence == 10


def test_a_job_the_journal_never_saw_may_be_sent_again_under_the_same_id(workbench, books) -> None:
    books.intents = [intent(workbench)]
    found = recover(workbench.driver, books)
    assert found.unheard == (books.intents[0],)
    assert found.may_draw
    assert workbench.driver.feed(JOB)


@pytest.mark.parametrize("change", [{"journal_position": 99}, {"state": JobState.FED, "blank_serial": "E1"}])
def test_absence_proves_nothing_beyond_the_journals_reach_or_after_a_draw(workbench, books, change) -> None:
    books.intents = [replace(intent(workbench), **change)]
    found = recover(workbench.driver, books)
    assert [doubt.intent for doubt in found.in_doubt] == books.intents


@pytest.mark.parametrize("change", [{"journal_id": "f" * 32}, {"machine_serial": "BP-2"}])
def test_a_job_of_another_journal_or_machine_is_in_doubt(workbench, books, change) -> None:
    books.intents = [replace(intent(workbench), **change)]
    assert len(recover(workbench.driver, books).in_doubt) == 1


def test_drawn_and_prepared_jobs_wait_and_a_started_one_works(workbench, books) -> None:
    books.intents = [intent(workbench), intent(workbench, NEXT_JOB)]
    driver = workbench.driver
    prepare(driver, JOB)
    driver.start(JOB)
    prepare(driver, NEXT_JOB)
    found = recover(driver, books)
    assert found.working == (books.intents[0],)
    assert [(held.job_id, status.state) for held, status in found.waiting] == [(NEXT_JOB, MachineJobState.PREPARED)]
    assert not found.may_settle
    assert driver.result(JOB, LONG_S).made


def test_a_result_nobody_booked_is_settled(workbench, books) -> None:
    books.intents = [intent(workbench)]
    prepare(workbench.driver, JOB)
    workbench.driver.start(JOB)
    made = workbench.driver.result(JOB, LONG_S)
    found = recover(workbench.driver, books)
    assert found.settled == ((books.intents[0], made),)


def test_after_a_power_loss_at_work_the_job_is_in_doubt_and_its_blank_accounted_for(workbench, books) -> None:
    books.intents = [intent(workbench)]
    prepare(workbench.driver, JOB)
    workbench.driver.start(JOB)
    workbench.restart_machine()
    found = recover(workbench.driver, books)
    [doubt] = found.in_doubt
    assert doubt.result is not None
    assert doubt.result.blank_serial == workbench.stack("reject")[0]
    assert found.identity.balanced
    assert found.may_settle


def test_a_job_only_the_machine_knows_stops_all_drawing(workbench, books) -> None:
    prepare(workbench.driver, JOB)
    found = recover(workbench.driver, books)
    assert [job.job_id for job in found.strangers] == [JOB]
    assert not found.may_draw


def test_a_booked_result_is_released_and_another_is_not(workbench, books) -> None:
    prepare(workbench.driver, JOB)
    workbench.driver.start(JOB)
    made = workbench.driver.result(JOB, LONG_S)
    books.results = {JOB: "0" * 64}
    assert [job.job_id for job in recover(workbench.driver, books).strangers] == [JOB]
    books.results = {JOB: made.result_hash}
    assert recover(workbench.driver, books).strangers == ()
    assert workbench.driver.status(JOB).released


def test_a_restored_database_finds_what_it_forgot_in_the_journal(workbench, books) -> None:
    for job in (JOB, NEXT_JOB):
        prepare(workbench.driver, job)
        workbench.driver.start(job)
        workbench.driver.release(job, workbench.driver.result(job, LONG_S).result_hash)
    found = unknown_jobs(workbench.driver, 0, lambda job: job == JOB)
    assert [(entry.job_id, entry.state, entry.released) for entry in found] == [(NEXT_JOB, MachineJobState.DONE, True)]


def test_reconcile_moves_nothing(workbench, books) -> None:
    before = workbench.driver.hello()
    reconcile(workbench.driver, [intent(workbench)], books.booked_result)
    assert workbench.driver.hello().counters == before.counters
