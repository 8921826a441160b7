"""Processes that act on one application at once: one holds it, one verdict stands, it is booked or undone.

On PostgreSQL desks wait for each other; the constraints that would refuse the second are tried beside that.
"""

import pytest
from at_once import DONE, book_tray, decide_application, take_applications, undo_decision
from small_desk import EMULATED, verdict

from stations.by import By
from stations.review import decisions, leases

OTHER = By("e-rev-8")


@pytest.fixture
def keys(line):
    return line.folder / "keys"


def test_of_two_reviewers_one_holds_the_application(desk, together, keys):
    """The other is told that nothing waits."""
    desk.accept(1)
    acts = [(take_applications, (keys, who.code, 8)) for who in (EMULATED, OTHER)]
    assert sorted(together(*acts)) == sorted([DONE, "ValueError"])
    assert desk.rows("SELECT count(*) FROM review_lease") == [(1,)]


def test_reviewers_who_ask_at_once_each_get_others(desk, together, keys):
    """Also in two windows of one of them."""
    desk.accept(12)
    acts = [(take_applications, (keys, who, 4)) for who in ("e-rev-7", "e-rev-8", "e-rev-9", "e-rev-9")]
    assert together(*acts) == [DONE] * 4
    held = desk.rows("SELECT reviewer, count(*), count(DISTINCT place) FROM review_lease GROUP BY 1 ORDER BY 1")
    assert sorted(row[1] for row in held) == [2, 5, 5] and all(row[1] == row[2] for row in held)
    assert desk.rows("SELECT count(DISTINCT application_id) FROM review_lease") == [(12,)]


def test_of_two_verdicts_on_one_lease_one_stands(desk, together, keys):
    """A double click with two minds, or two windows; the one that is sent twice under one id is one."""
    desk.accept(2)
    first, second = leases.take(desk.here, EMULATED)
    passes, returns = verdict(first), verdict(first, "return", "photo_ears")
    acts = [(decide_application, (keys, EMULATED.code, sent)) for sent in (passes, returns)]
    assert sorted(together(*acts)) == sorted([DONE, "LateVerdictError"])
    twice = verdict(second)
    assert together(*[(decide_application, (keys, EMULATED.code, twice))] * 3) == [DONE] * 3
    assert desk.rows("SELECT count(*), count(DISTINCT application_id) FROM review_decision") == [(2, 2)]


def test_a_tray_is_booked_once_and_with_the_verdict_or_undone_before(desk, together, keys):
    """Two workers and whoever undoes: custody moves once, or the application is in hand again."""
    tray = desk.accept_one(1)
    (lease,) = leases.take(desk.here, EMULATED)
    sent = verdict(lease)
    decisions.decide(desk.here, EMULATED, sent)
    book = (book_tray, (keys, tray))
    *booked, undone = together(book, book, (undo_decision, (keys, EMULATED.code, sent.decision_id)))
    if undone == DONE:
        assert booked == ["ValueError", "ValueError"]
        assert [held.application_id for held in leases.take(desk.here, EMULATED)] == [lease.application_id]
    else:
        assert (undone, booked) == ("TooLateToUndoError", [DONE, DONE])
    verdicts = desk.rows("SELECT count(*) FROM review_verdict")[0][0]
    assert verdicts == desk.rows("SELECT count(*) FROM application WHERE state = 'passed'")[0][0] == (undone != DONE)
