"""Killed at any commit or any byte sent, by real signals, the line goes on where its log and its machines stand.

design.md, crash safety: never two live documents of one application, no unit without or with two custodians, no blank
unaccounted for, one label of each parcel, and everything ends where it may.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ONE = (1, ())
ONE_OF_A_WHOLE_LINE = (1, (), True)
TRAY = (3, (2,))
TRAY_OF_A_WHOLE_LINE = (3, (2,), True)
"""Documents of the tray, which blanks the machine spoils, and whether the line has all its small machines.

A spoiled blank is voided by two and made again.
"""

SHARES = 4
"""A sweep is cut in so many tests, so that each tells its own and none takes long."""


def boundaries(share: int, stride: int) -> Iterator[int]:
    """This share's boundaries, `stride` times as far apart; without end: a sweep ends when nothing is left to kill.

    Boundaries take turns before and after: an even stride would see one kind alone.
    """
    return count(1 + share * stride, SHARES * stride)


@pytest.fixture
def sweep(
    walker: Any,
    lines: Callable[..., Path],
    scenario_of: Callable[..., Any],
    case_folder: Callable[[], Path],
    assert_whole: Callable[..., None],
) -> Callable[..., int]:
    """Kills a walk at each of the boundaries until one ends before it; each killed line is gone on with and counted."""

    def run(tray: tuple[Any, ...], kind: str, points: Iterator[int], victim: str = "host") -> int:
        scenario = scenario_of(*tray)
        kills = 0
        for at in points:
            case = f"{victim} killed at {kind} boundary {at}"
            folder = lines(scenario, case_folder())
            walked = walker.walk(folder, kind=kind, at=at, victim=victim)
            assert walked.killed or walked.status == 0, f"{case}: {walked.said}"
            if walked.killed:
                walked = walker.walk(folder)
                assert walked.status == 0, f"{case}, gone on with: {walked.said}"
            elif walked.boundaries < at:
                return kills
            assert assert_whole(folder, case).dispatched == scenario.documents, case
            kills += 1
        return kills

    return run


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_host_killed_at_every_commit_of_a_documents_way_goes_on(sweep, share):
    """Before and after each commit, from recovery to the carrier's acceptance."""
    assert sweep(ONE, "commit", boundaries(share, 1)) >= 10


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_host_killed_at_commits_of_a_line_that_weighs_labels_and_swipes_goes_on(sweep, dense):
    """With the intents and results of labels among them: one label a parcel, or people's word."""
    assert sweep(ONE_OF_A_WHOLE_LINE, "commit", count(1, 1 if dense else 13)) >= 3


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_host_killed_at_commits_of_a_tray_with_a_remake_goes_on(sweep, share, dense):
    """Two jobs in the machine at once, one of them spoiled, voided and made again."""
    assert sweep(TRAY, "commit", boundaries(share, 1 if dense else 11)) >= 1


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_host_killed_at_a_send_goes_on(sweep, share, dense):
    """Before and after bytes go to a machine: it has heard of the act, or it has not, and the host never knows."""
    assert sweep(TRAY, "send", boundaries(share, 1 if dense else 13)) >= 1


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_machine_killed_at_a_send_is_switched_on_and_reconciled(sweep, share, dense):
    """The personalizer loses its power at any message: it says UNKNOWN rather than guess, and two people look."""
    assert sweep(TRAY, "send", boundaries(share, 1 if dense else 13), "book-01") >= 1


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_machine_killed_at_a_commit_is_switched_on_and_reconciled(sweep, share, dense):
    """The same while the host books."""
    assert sweep(TRAY, "commit", boundaries(share, 1 if dense else 13), "book-01") >= 1


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_reader_killed_at_a_send_is_switched_on_and_asked_again(sweep, dense):
    """Reading changes nothing: QC waits for its reader and reads the piece that lies in it once more."""
    assert sweep(TRAY, "send", count(1, 1 if dense else 25), "reader-01") >= 2


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("machine", ["scale-01", "label-01", "swipe-01"])
def test_a_small_machine_killed_at_a_send_is_switched_on_and_used_again(sweep, machine, dense):
    """A scale weighs anew, a swipe is repeated, and of a label that may have come out people say whether it did."""
    assert sweep(TRAY_OF_A_WHOLE_LINE, "send", count(1, 1 if dense else 47), machine) >= 1
