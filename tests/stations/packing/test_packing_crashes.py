"""Killed at any statement or commit, desk and run lose no scan, pack nothing twice, and go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    # What pytest found, the process finds too.
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(HOST), str(desk.line.folder), database_url, "1" if dense else "3"]
    done = subprocess.run(command, timeout=290, check=False, capture_output=True, text=True, env=found)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 8
    assert {each[name] for each in told for name in NEVER} == {0}
    counts = [each["packed"] for each in told]
    assert counts == sorted(counts) and (counts[-1], told[-1]["held"]) == (2, 1)
    assert told[-1]["offered"] == told[-1]["parcels"] == 2
