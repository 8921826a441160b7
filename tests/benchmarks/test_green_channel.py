"""An emergency's way is counted whole, and only what the machine had under way is taken off it."""

import pytest

from benchmarks.green_channel import Span, Way, spans, under_way_us
from devices.jobs import Cause, Disposition, MachineJobState
from devices.messages import NO_DIGEST, JournalEntry

FIRST, SECOND, THIRD = (digit * 32 for digit in "123")


def journal(*moves: tuple[int, str, MachineJobState]) -> list[JournalEntry]:
    """Entries at these microseconds."""
    return [
        JournalEntry(position, at_us, job, state, False, 0, "", NO_DIGEST, Disposition.NONE, Cause.NONE)
        for position, (at_us, job, state) in enumerate(moves, start=1)
    ]


def test_a_document_is_drawn_and_written_and_what_was_given_back_is_none() -> None:
    entries = journal(
        (10, FIRST, MachineJobState.FEEDING),
        (14, FIRST, MachineJobState.FED),
        (20, FIRST, MachineJobState.WORKING),
        (21, SECOND, MachineJobState.FEEDING),
        (25, SECOND, MachineJobState.FED),
        (26, SECOND, MachineJobState.PREPARED),
        (60, FIRST, MachineJobState.DONE),
        (61, SECOND, MachineJobState.RETURNING),
        (64, SECOND, MachineJobState.RETURNED),
        (65, THIRD, MachineJobState.FEEDING),
        (70, THIRD, MachineJobState.FED),
        (71, THIRD, MachineJobState.WORKING),
    )
    assert spans(entries) == [Span(FIRST, 4, 20, 60)]


def test_only_what_is_being_written_at_that_moment_is_under_way() -> None:
    written = [Span(FIRST, 4, 20, 60), Span(SECOND, 4, 70, 110)]
    assert [under_way_us(written, at) for at in (10, 20, 45, 60, 65, 100, 200)] == [0, 40, 15, 0, 0, 10, 0]


def test_all_that_is_not_its_own_work_or_under_way_counts_against_the_line() -> None:
    way = Way(
        "passport", "review", "book-01", {"personalization": 100, "qc": 20, "packing": 15}, own_us=100, under_way_us=25
    )
    assert way.whole_us == 135
    assert way.ratio == pytest.approx(1.1)
