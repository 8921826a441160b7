"""What recovery concludes when the host is killed at any byte that it sends, at levels B and C."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from devices.crt591 import frames
from devices.crt591.exchange import Exchange, Times
from devices.crt591.frames import Command
from devices.errors import DeviceError, MachineFaultError
from devices.fake_transport import clean_line
from devices.jobs import JobIntent, JobState, MachineJobState
from devices.levels import Level
from devices.recovery import Reconciliation, recover

JOB, NEXT_JOB = "1" * 32, "2" * 32
MOST_REASON = 80
"""What a job's row takes."""
INSPECT = "one blank was drawn since the intent: inspect it"
BOTH = pytest.mark.parametrize("level", ["B", "C"])


class Killed(BaseException):
    """The host's process ends here."""


@dataclass
class Books:
    """A host's database in memory."""

    fence: int = 0
    intents: list[JobIntent] = field(default_factory=list)

    def next_fence(self, machine: str, above: int) -> int:
        self.fence = max(self.fence, above) + 1
        return self.fence

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        return self.intents

    def booked_result(self, job_id: str) -> str | None:
        return None

    def intend(self, driver: Any, job: str = JOB) -> None:
        identity = driver.hello()
        position = driver.journal_position
        self.intents.append(
            JobIntent(job, driver.machine, identity.serial, identity.journal_id, position, JobState.INTENT)
        )

    def note(self, state: JobState, serial: str | None = None) -> None:
        self.intents[-1] = replace(self.intents[-1], state=state, blank_serial=serial)


def killing(machine: Any, nth: int, *, delivered: bool) -> Callable[[Any, bytes], bytes]:
    """A line on which the host dies at its `nth` sending, before it leaves or with the machine just hearing it."""
    sent = 0

    def line(direction: str, data: bytes) -> bytes:
        nonlocal sent
        if direction == "to machine":
            sent += 1
            if sent == nth:
                if delivered:
                    machine.emulator.turn(data, machine.transport.now_s)
                raise Killed
        return data

    return line


def work(bench: Any, books: Books) -> None:
    """One document, every step committed before it is sent, as a station does."""
    driver = bench.driver
    books.intend(driver)
    serial = driver.feed(JOB)
    books.note(JobState.PREPARED, serial)
    driver.prepare(JOB, bench.document(serial))
    books.note(JobState.STARTING, serial)
    driver.start(JOB)


def give_back(bench: Any, books: Books) -> None:
    """A card that turns out to be none of the books' is returned before anything of it is committed."""
    books.intend(bench.driver)
    bench.driver.feed(JOB)
    bench.driver.return_blank(JOB)


def restarted(bench: Any, books: Books) -> Reconciliation:
    """A host that has only its database, and the machine as it was left."""
    bench.transport.line = clean_line
    found = recover(bench.make_driver(), books)
    assert all(len(doubt.reason) <= MOST_REASON for doubt in found.in_doubt)
    return found


@BOTH
@pytest.mark.parametrize("act", [work, give_back])
@pytest.mark.parametrize("delivered", [False, True])
def test_a_host_killed_at_any_sending_is_told_the_truth(
    bench: Callable[..., Any], level: str, act: Callable[[Any, Books], None], delivered: bool
) -> None:
    """Absent means that physically no card was drawn; at level B every such job is found absent, at C none is."""
    seen = set()
    for nth in range(1, 400):
        machine, books = bench(level), Books()
        recover(machine.driver, books)
        machine.transport.line = killing(machine, nth, delivered=delivered)
        try:
            act(machine, books)
        except Killed:
            found = restarted(machine, books)
        else:
            break
        fed = machine.fed()
        assert fed <= 1
        if not books.intents:
            continue
        assert len(found.unheard) + len(found.in_doubt) == 1
        assert not found.settled and not found.waiting and not found.strangers
        seen.add((fed, len(found.unheard)))
        if found.unheard:
            assert fed == 0
            assert machine.make(JOB).made
            assert machine.fed() == 1
        elif level == "B":
            assert found.in_doubt[0].reason == INSPECT
    else:
        raise AssertionError("the act was never finished")
    assert seen == ({(0, 1), (1, 0)} if level == "B" else {(0, 0), (1, 0)})


@BOTH
def test_a_finished_document_that_nobody_booked_is_in_doubt(bench: Callable[..., Any], level: str) -> None:
    machine, books = bench(level), Books()
    recover(machine.driver, books)
    work(machine, books)
    found = restarted(machine, books)
    assert [doubt.intent.job_id for doubt in found.in_doubt] == [JOB]
    assert found.may_settle


def test_two_cards_drawn_since_the_intent_are_in_doubt_and_named(bench: Callable[..., Any]) -> None:
    machine, books = bench(), Books()
    recover(machine.driver, books)
    machine.faults.add({"name": "double-feed"})
    with pytest.raises(MachineFaultError, match="2 cards"):
        work(machine, books)
    assert len(machine.made()) == 1
    [doubt] = restarted(machine, books).in_doubt
    assert doubt.reason == "2 blanks were drawn since the intent, a double feed: inspect all of them"


def test_a_card_of_the_next_job_is_no_double_feed_of_the_last(bench: Callable[..., Any]) -> None:
    """A station makes the next intent before the last document is written, and draws for it before that is booked."""
    machine, books = bench(), Books()
    recover(machine.driver, books)
    books.intend(machine.driver)
    serial = machine.driver.feed(JOB)
    books.note(JobState.STARTING, serial)
    books.intend(machine.driver, NEXT_JOB)
    machine.driver.make(JOB, machine.document(serial))
    found = restarted(machine, books)
    assert [intent.job_id for intent in found.unheard] == [NEXT_JOB]
    assert [(doubt.intent.job_id, doubt.reason) for doubt in found.in_doubt] == [(JOB, INSPECT)]
    machine.driver.feed(NEXT_JOB)
    found = restarted(machine, books)
    assert [doubt.reason for doubt in found.in_doubt] == [INSPECT] * 2


def test_a_counter_that_was_set_back_proves_nothing(bench: Callable[..., Any]) -> None:
    machine, books = bench(), Books()
    recover(machine.driver, books)
    machine.make(NEXT_JOB)
    books.intend(machine.driver)
    machine.driver.close()
    line = Exchange(machine.driver.machine, machine.transport, Times())
    line.open()
    assert line.ask(Command(frames.BIN_COUNTER, frames.SET, b"000"), 1.0) is not None
    line.close()
    [doubt] = restarted(machine, books).in_doubt
    assert "set back below" in doubt.reason


def test_a_blank_in_the_books_that_the_counter_did_not_see_is_in_doubt(bench: Callable[..., Any]) -> None:
    """Somebody took it out of the transport by hand."""
    machine, books = bench(), Books()
    recover(machine.driver, books)
    books.intend(machine.driver)
    books.note(JobState.FED, machine.driver.feed(JOB))
    machine.do("clear")
    [doubt] = restarted(machine, books).in_doubt
    assert "look for it" in doubt.reason


def test_the_counter_outlives_a_power_loss_of_the_machine(bench: Callable[..., Any]) -> None:
    machine, books = bench(), Books()
    recover(machine.driver, books)
    machine.make(NEXT_JOB)
    books.intend(machine.driver)
    machine.restart_machine()
    found = restarted(machine, books)
    assert found.unheard == tuple(books.intents)
    assert found.identity.journal_next == 1


@pytest.mark.parametrize("after_s", [0.01, 0.5, 1.19, 1.3, 1.5, 1.7, 1.9, 2.5])
def test_power_lost_at_any_moment_of_a_document_never_makes_a_drawn_card_absent(
    bench: Callable[..., Any], after_s: float
) -> None:
    machine, books = bench(), Books()
    recover(machine.driver, books)
    die_s = machine.transport.now_s + after_s

    def line(direction: str, data: bytes) -> bytes:
        return data if machine.transport.now_s < die_s else b""

    machine.transport.line = line
    with suppress(DeviceError):
        work(machine, books)
    machine.restart_machine()
    found = restarted(machine, books)
    assert bool(found.unheard) == (machine.fed() == 0)


@BOTH
def test_the_same_driver_opened_again_keeps_what_it_saw_and_doubts_what_it_did_not(
    bench: Callable[..., Any], level: str
) -> None:
    machine, books = bench(level), Books()
    recover(machine.driver, books)
    work(machine, books)
    books.intend(machine.driver, NEXT_JOB)
    machine.driver.feed(NEXT_JOB)
    found = recover(machine.driver, books)
    if level == "B":
        assert [result.state for _, result in found.settled] == [MachineJobState.DONE]
        assert [doubt.intent.job_id for doubt in found.in_doubt] == [NEXT_JOB]
        assert found.in_doubt[0].result is not None
    else:
        assert [doubt.intent.job_id for doubt in found.in_doubt] == [JOB, NEXT_JOB]
    assert found.identity.balanced


def test_a_jam_stays_in_doubt_although_hands_cleared_it(bench: Callable[..., Any]) -> None:
    machine, books = bench(), Books()
    recover(machine.driver, books)
    machine.faults.add({"name": "jam"})
    with pytest.raises(MachineFaultError, match="10, card jam"):
        work(machine, books)
    machine.do("clear")
    [doubt] = recover(machine.driver, books).in_doubt
    assert doubt.result is not None and not doubt.result.certain


def test_recovery_moves_nothing_and_levels_are_told(bench: Callable[..., Any]) -> None:
    for level in ("B", "C"):
        machine, books = bench(level), Books()
        recover(machine.driver, books)
        books.intend(machine.driver)
        machine.driver.feed(JOB)
        before = machine.do("look")
        found = restarted(machine, books)
        assert machine.do("look") == before
        assert found.identity.balanced
        assert machine.driver.level is Level(level)
