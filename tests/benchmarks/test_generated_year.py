"""A generated year is a log like any other: nothing in it is found wrong, and it has what the questions ask for."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from benchmarks.generated_year import DAY, generate
from handoff_logs.verify.run import verify

ROWS = 8_000


def test_it_verifies_clean_and_is_spread_over_its_days(tmp_path: Path) -> None:
    year = generate(tmp_path, ROWS, days=10, until=date(2026, 3, 30))
    verdict = verify(year.url)
    assert (verdict.exit_code, verdict.problems, verdict.units) == (0, (), year.unit_rows)
    assert 0.7 * ROWS < year.unit_rows < 1.3 * ROWS
    with closing(sqlite3.connect(tmp_path / "passline.db")) as log:
        acts = {act for (act,) in log.execute("SELECT DISTINCT act FROM custody_event")}
        days = [day for (day,) in log.execute("SELECT DISTINCT happened_us / ? FROM custody_event", (DAY,))]
        (guards,) = log.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()
    assert acts >= {"receive", "offer", "accept", "dispatch", "move", "transform", "pack", "register"}
    assert len(days) >= 8 and max(days) * DAY == year.last_day_us
    assert guards > 10


def test_one_seed_makes_one_year(tmp_path: Path) -> None:
    told = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        generate(tmp_path / name, 2_000, days=4, until=date(2026, 3, 30), seed=7)
        with closing(sqlite3.connect(tmp_path / name / "passline.db")) as log:
            told.append(log.execute("SELECT * FROM custody_unit").fetchall())
    assert told[0] == told[1]
