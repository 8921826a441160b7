"""What two people put on record of an archive tells it from any other, also from one that leaves something out."""

from pathlib import Path
from typing import Any

import pytest
from forged_archive import leave_out
from two_years import FIRST

from handoff_logs.archive.checking import check
from handoff_logs.archive.errors import BrokenArchiveError
from handoff_logs.archive.making import sound_archive
from handoff_logs.archive.matching import match
from handoff_logs.archive.records import recorded
from handoff_logs.reading import open_reading


def test_an_archive_that_leaves_a_record_out_is_not_signed_though_it_verifies(two_years: Any, tmp_path: Path) -> None:
    whole, forged = two_years.archived(FIRST), two_years.copy(FIRST, tmp_path / "forged")
    leave_out(forged, "correct")
    # Alone, nothing tells it: a correction is no step of a unit.
    assert check(forged, [two_years.key]).verdict.exit_code == 0
    with open_reading(two_years.url) as reading:
        assert sound_archive(reading, whole) == two_years.made(FIRST).manifest
        with pytest.raises(BrokenArchiveError, match=r"events.* rows, and the log"):
            sound_archive(reading, forged)
        assert recorded(reading) == []
        assert not match(reading, whole).is_recorded
