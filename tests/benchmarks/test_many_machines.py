"""Busy shares and gaps are those of the journals: what a machine was at, while there was work for it."""

import pytest

from benchmarks.many_machines import Work, share, spans, work
from devices.jobs import Cause, Disposition, MachineJobState
from devices.messages import NO_DIGEST, JournalEntry

FIRST, SECOND, THIRD = (digit * 32 for digit in "123")


def journal(*moves: tuple[int, str, MachineJobState]) -> list[JournalEntry]:
    """Entries at these microseconds."""
    return [
        JournalEntry(position, at_us, job, state, False, 0, "", NO_DIGEST, Disposition.NONE, Cause.NONE)
        for position, (at_us, job, state) in enumerate(moves, start=1)
    ]


def test_a_job_is_at_work_from_working_to_its_end_and_no_longer() -> None:
    entries = journal(
        (10, FIRST, MachineJobState.FEEDING),
        (20, FIRST, MachineJobState.PREPARED),
        (30, FIRST, MachineJobState.WORKING),
        (40, SECOND, MachineJobState.FEEDING),
        (50, SECOND, MachineJobState.FED),
        (80, FIRST, MachineJobState.DONE),
        (90, FIRST, MachineJobState.DONE),
        (95, SECOND, MachineJobState.WORKING),
        (125, SECOND, MachineJobState.FAILED),
        (130, THIRD, MachineJobState.VOIDED),
        (140, THIRD, MachineJobState.WORKING),
    )
    assert spans(entries) == [(30, 80), (95, 125)]


def test_the_time_between_jobs_is_idle_until_no_order_waits() -> None:
    jobs = [(100, 200), (210, 310), (330, 430), (500, 600)]
    assert work("book-01", jobs, 1000) == Work("book-01", 4, 900, (10, 20, 70, 400))
    assert work("book-01", jobs, 550) == Work("book-01", 4, 450, (10, 20, 70))
    assert work("book-01", jobs, 450) == Work("book-01", 3, 350, (10, 20, 20))
    assert work("book-01", jobs, 430) == Work("book-01", 3, 330, (10, 20))
    assert work("book-01", jobs, 150) == Work("book-01", 1, 50, ())


def test_a_machine_is_busy_for_the_share_of_its_window_that_is_no_gap() -> None:
    assert work("book-01", [(0, 90), (100, 200)], 200).busy == pytest.approx(0.95)
    assert work("book-01", [(0, 100)], 50).busy == 1.0
    assert work("book-01", [(0, 100)], 400).busy == pytest.approx(0.25)


def test_a_machine_that_began_nothing_in_time_has_no_share() -> None:
    with pytest.raises(ValueError, match="book-01"):
        work("book-01", [(100, 200)], 100)


def test_a_share_of_the_gaps_is_read_from_the_sorted_ones() -> None:
    gaps = [float(number) for number in range(1, 101)]
    assert (share(gaps, 0.0), share(gaps, 0.5), share(gaps, 0.95), share(gaps, 1.0)) == (1.0, 51.0, 96.0, 100.0)
