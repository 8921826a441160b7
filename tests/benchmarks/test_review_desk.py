"""What the benchmark of the review desk says of a run is what the database has; its photographs are a camera's size."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import review_desk
from benchmarks.review_desk import PHOTO_BYTES, Decided, thicken
from stations.intake.folder import open_batch
from stations.intake.generator.generate import generate
from stations.intake.measures import measure_photo


def tables(decided: list[tuple[str, str, str]], booked: int) -> sqlite3.Connection:
    """Verdicts by application, lease and outcome, and so many that were booked."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE review_lease (lease_id)")
    columns = "application_id, lease_id, outcome, revision DEFAULT 1, round DEFAULT 1, undone_us"
    database.execute(f"CREATE TABLE review_decision ({columns})")
    database.execute("CREATE TABLE review_verdict (application_id)")
    for application, lease, outcome in decided:
        database.execute("INSERT INTO review_lease VALUES (?)", [lease])
        database.execute(
            "INSERT INTO review_decision (application_id, lease_id, outcome) VALUES (?, ?, ?)",
            [application, lease, outcome],
        )
    database.executemany("INSERT INTO review_verdict VALUES (?)", [(number,) for number in range(booked)])
    return database


PRESSED = {"l1": "pass", "l2": "return"}
RIGHT = [("a1", "l1", "pass"), ("a2", "l2", "return")]


@pytest.mark.parametrize(
    ("decided", "booked", "sound"),
    [
        (RIGHT, 2, {}),
        (RIGHT[:1], 1, {"lost": 1}),
        ([RIGHT[0], ("a2", "l2", "pass")], 2, {"otherwise": 1}),
        ([*RIGHT, ("a2", "l3", "return")], 2, {"doubled": 1}),
        (RIGHT, 1, {"booked": 1}),
    ],
)
def test_a_lost_a_changed_and_a_doubled_verdict_are_found(decided: Any, booked: int, sound: dict[str, int]) -> None:
    found = Decided(dict(PRESSED), verified=True)
    database = tables(decided, booked)
    review_desk._count(database, found)
    database.close()
    assert found.is_sound is (not sound)
    assert {name: getattr(found, name) for name in sound} == sound


def test_a_run_whose_log_does_not_verify_is_not_sound() -> None:
    assert not Decided({}, verified=False).is_sound
    assert Decided({}, verified=True).is_sound


def test_photographs_are_as_large_as_a_cameras_and_the_batch_is_whole(tmp_path: Path) -> None:
    generate(tmp_path / "batch", 3, 1, day=review_desk.DAY, shares=review_desk.SOUND)
    thicken(tmp_path / "batch", 1)
    open_batch(tmp_path / "batch")
    for path in (tmp_path / "batch" / "images").glob("*.jpg"):
        assert 0.6 * PHOTO_BYTES < path.stat().st_size < 1.2 * PHOTO_BYTES, path.stat().st_size
        measure_photo(path.read_bytes())
        with Image.open(path) as picture:
            assert picture.info["comment"]
