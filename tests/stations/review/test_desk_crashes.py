"""Killed at any statement or commit, the review desk holds nothing twice, loses no verdict, and goes on."""

from pathlib import Path

import pytest
from killed_everywhere import swept

HOST = Path(__file__).parent / "desk_host.py"
NEVER = ("held twice", "decided twice", "decided without an end", "booked otherwise", "half booked")


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_desk_killed_at_any_statement_or_commit_loses_no_verdict_and_books_each_once(desk, dense, database_url):
    """What was about to be sent is sent again under the same id, and is one verdict."""
    desk.line.file(3, tray_size=2)
    desk.database.close()
    ended, told, wrong = swept(HOST, desk.line.folder, database_url, 1 if dense else 5, timeout_s=290)
    assert ended == 0, wrong
    assert len(told) > 8
    assert {each[name] for each in told for name in NEVER} == {0}
    counts = [each["booked"] for each in told]
    assert counts == sorted(counts) and counts[-1] == 3
    assert told[-1]["undone"] == 1
