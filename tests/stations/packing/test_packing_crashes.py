"""Killed at any statement or commit, desk and run lose no scan, pack nothing twice, and go on."""

from pathlib import Path

import pytest
from killed_everywhere import swept

HOST = Path(__file__).parent / "packing_host.py"
NEVER = (
    *("matched twice", "two open boxes", "packed without a match", "in another's box", "held otherwise"),
    "parcels of other counts",
)


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_killed_at_any_statement_or_commit_each_piece_is_matched_and_packed_once(desk, dense, database_url):
    """What was about to be sent is sent again under the same id, and is one match; what was booked is packed once."""
    desk.accept_one(3)
    desk.database.close()
    ended, told, wrong = swept(HOST, desk.line.folder, database_url, 1 if dense else 3, timeout_s=290)
    assert ended == 0, wrong
    assert len(told) > 8
    assert {each[name] for each in told for name in NEVER} == {0}
    counts = [each["packed"] for each in told]
    assert counts == sorted(counts) and (counts[-1], told[-1]["held"]) == (2, 1)
    assert told[-1]["offered"] == told[-1]["parcels"] == 2
