"""What a demonstration begins with is there whole, whatever cut its beginning off."""

import json
from pathlib import Path

import pytest

from flows.default_line import LineExistsError
from flows.demo_people import ENROLLED, FILE, FOUNDERS, enrol_demo_people
from flows.demo_run import PLAN, DemoPlan, set_up
from flows.run_folder import RunFolder
from handoff_logs.database import Database
from stations.people_register import register

PLANNED = DemoPlan(documents=10, seed=1, speed=0.0, books=1, cards=1, readers=1, tray_size=5)


@pytest.fixture
def line_tables() -> bool:
    return True


def written(folder: RunFolder) -> dict[str, str]:
    return {str(file.relative_to(folder.path)): file.read_text() for file in folder.path.rglob("*") if file.is_file()}


def test_a_demo_cut_off_after_its_plan_is_set_up_by_going_on_with_it(tmp_path: Path) -> None:
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    set_up(whole, PLANNED)
    PLANNED.keep(cut)
    set_up(cut, None)
    assert written(cut) == written(whole)
    assert json.loads(written(whole)["machines/book-01/faults.json"])[0]["name"] == "print-failure"


def test_a_new_plan_changes_nothing_of_a_line_that_is_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    set_up(folder, PLANNED)
    before = written(folder)
    with pytest.raises(LineExistsError):
        set_up(folder, DemoPlan(documents=99, seed=2, speed=0.0, books=1, cards=1, readers=1, tray_size=5))
    assert written(folder) == before and json.loads(before[PLAN])["documents"] == 10


def test_the_demos_people_are_enrolled_once_and_their_passwords_are_their_owners_alone(
    tmp_path: Path, database: Database
) -> None:
    folder = RunFolder(tmp_path)
    first = enrol_demo_people(folder, database)
    assert enrol_demo_people(folder, database) == first
    assert {person.code for person in register.everybody(database)} == {*FOUNDERS, *ENROLLED}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
