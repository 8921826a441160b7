"""What is asked of patrols at every look for alarms is found by an index, however many rounds were walked."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from patrol_line import COLD, CRACK, PLAN, Patrolled
from statement_plans import listening, whole_tables

from handoff_logs.reading import open_reading
from stations.by import By
from stations.patrol import listing


@pytest.fixture
def database_url(sqlite_templates: Any, tmp_path: Path) -> str:
    """SQLite alone says how it will read before there are rows; the statements are the same on both."""
    shutil.copyfile(sqlite_templates(True), tmp_path / "passline.db")
    return f"sqlite:///{tmp_path / 'passline.db'}"


def test_no_growing_table_is_read_whole(patrolled: Patrolled, database_url: str, tmp_path: Path) -> None:
    """By those who record, and by those who ask what is due and open; a list with the ended ones is cut off instead."""
    with listening() as statements:
        number = patrolled.walk(CRACK, COLD).findings[0]
        patrolled.mend(number, By("e-pat-2"), By("e-pat-3"))
    with open_reading(database_url) as reading:
        assert listing.overdue(reading, [PLAN], 2**62) == ["machines"]
        assert len(listing.findings(reading)) == 1
    asked = [listing.LAST, listing.PLANNED, listing.OPEN, listing.ONE, listing.STEPS]
    asked = [sql.replace(":patrol", "'x'").replace(":subject", "'x'").replace(":finding", "1").strip() for sql in asked]
    assert whole_tables([*statements, *asked], str(tmp_path / "passline.db")) == set()
