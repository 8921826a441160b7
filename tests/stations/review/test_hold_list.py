"""The hold list: keyed hashes in a file that the log vouches for, on both databases."""

import os
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from stations.emulated_staff import EmulatedReviewer
from stations.resident_id import compose
from stations.review import hold_list
from stations.review import station as review
from stations.review.errors import HoldListDiffersError, HoldListLineError, HoldListUnreadableError
from stations.review.hold_list import InForce
from stations.review.rules import Hold, Thresholds

LEAD = register.administration("e-lead-1")
NUMBER = "11010519491231002X"
NEW_YEAR = date(1990, 1, 1)


class Keeping(EmulatedReviewer):
    """Decides like any other, and keeps what the rules said of the list."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def decide(self, case):
        self.said[case.application_id] = case.findings["application_hold_list"]
        return super().decide(case)


def set_list(line: Any, numbers: list[str], *, recorded: bool = True) -> InForce:
    """Set the list as the command does; not `recorded`, it is cut off before the record."""
    written = hold_list.write(line.folder / "hold-lists", hold_list.keys_of(numbers, line.at("review").personal))
    if recorded:
        before = line.database.write(lambda tx: hold_list.put_in_force(tx, LEAD, written, Stamp(1, True)))
        if before is not None and before != written:
            hold_list.remove(line.folder / "hold-lists", before)
    return written


def holds(line: Any, *numbers: str) -> list[Hold]:
    keys = [line.at("review").personal.person_key(number) for number in numbers]
    with line.database.read() as conn:
        return hold_list.holds(conn, line.folder / "hold-lists", keys)


def test_who_is_on_the_list_is_held_and_nobody_else(line):
    """The reviewer sees it at its item; the emulated one asks."""
    line.file(4)
    applications = {row[0]: row[1] for row in line.facts("SELECT application_id, person_key FROM application")}
    listed = min(applications)
    written = hold_list.write(line.folder / "hold-lists", frozenset({applications[listed]}))
    line.database.write(lambda tx: hold_list.put_in_force(tx, LEAD, written, Stamp(1, True)))
    desk, limits = Keeping(), Thresholds(hold_lists=line.folder / "hold-lists")
    outcomes = [review.work_tray(line.at("review"), offer, desk, limits) for offer in line.waiting("review")]
    assert {each for each, found in desk.said.items() if found.reason == "application_hold_list"} == {listed}
    assert sum(each.held for each in outcomes) == 1
    assert line.facts("SELECT reasons FROM review_verdict WHERE outcome = 'hold'") == [("application_hold_list",)]


def test_an_x_counts_in_either_case_and_remarks_don_t(line):
    """Lists are typed by people."""
    set_list(line, ["# of 1 November", "", "11010519491231002x  # an alert", compose("370102", NEW_YEAR, 3)])
    assert holds(line, NUMBER, compose("370102", NEW_YEAR, 3), compose("370102", NEW_YEAR, 5)) == [
        Hold.HELD,
        Hold.HELD,
        Hold.FREE,
    ]


def test_a_line_that_is_no_number_refuses_the_list_whole_and_is_not_repeated(line):
    """Nothing personal gets into an error."""
    with pytest.raises(HoldListLineError) as caught:
        set_list(line, [NUMBER, "", "110105194912310021"])
    assert caught.value.line == 3
    assert "110105194912310021" not in str(caught.value)
    assert not (line.folder / "hold-lists").exists()


def test_where_none_was_ever_set_nobody_can_tell(line):
    assert holds(line, NUMBER) == [Hold.NO_LIST]
    with line.database.read() as conn:
        assert hold_list.holds(conn, None, ["0" * 64]) == [Hold.NO_LIST]
        assert hold_list.in_force(conn) is None


def test_a_list_that_is_not_recorded_is_not_in_force(line):
    """Cut off between file and record, the list before holds, and setting it again mends all."""
    set_list(line, [NUMBER])
    set_list(line, [], recorded=False)
    assert holds(line, NUMBER) == [Hold.HELD]
    set_list(line, [])
    assert holds(line, NUMBER) == [Hold.FREE]
    assert len(list((line.folder / "hold-lists").iterdir())) == 1


@pytest.mark.parametrize("how", ["changed", "removed", "emptied"])
def test_a_file_that_is_not_the_recorded_one_passes_nobody(line, how):
    """Whoever may write files can't take a person off the list unseen."""
    written = set_list(line, [NUMBER, compose("370102", NEW_YEAR, 3)])
    path = line.folder / "hold-lists" / written.sha256
    assert holds(line, NUMBER) == [Hold.HELD]
    before = path.stat()
    match how:
        case "changed":
            path.write_text(path.read_text().splitlines()[0] + "\n")
        case "removed":
            path.unlink()
        case "emptied":
            path.write_text("")
    if how != "removed":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert holds(line, NUMBER) == [Hold.DIFFERS]
    assert set_list(line, [NUMBER, compose("370102", NEW_YEAR, 3)]) == written
    assert holds(line, NUMBER) == [Hold.HELD]


def test_setting_the_same_list_again_records_nothing(line):
    """One record a change; it says which list by whom, and no number or key."""
    set_list(line, [NUMBER])
    count = line.facts("SELECT count(*) FROM custody_event")
    set_list(line, [NUMBER])
    assert line.facts("SELECT count(*) FROM custody_event") == count
    rows = line.facts(
        "SELECT e.person, r.subject, r.field, r.value FROM custody_register r JOIN custody_event e"
        " ON e.event_id = r.event_id WHERE r.register = 'hold_list' ORDER BY r.position"
    )
    with line.database.read() as conn:
        listed = hold_list.in_force(conn)
    assert [tuple(row) for row in rows] == [
        ("e-lead-1", "persons", "sha256", listed.sha256),
        ("e-lead-1", "persons", "count", "1"),
    ]
    assert Register.HOLD_LIST == "hold_list"


def test_the_file_holds_keyed_hashes_for_its_owner_alone(line):
    """Rule 6: no resident number is in any file."""
    written = set_list(line, [NUMBER])
    path = line.folder / "hold-lists" / written.sha256
    assert path.read_text() == line.at("review").personal.person_key(NUMBER) + "\n"
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077) == (0, 0)


def test_what_is_no_text_is_refused(tmp_path: Path):
    """As is what is not there."""
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    for name in ("list", "none"):
        with pytest.raises(HoldListUnreadableError, match="stays"):
            hold_list.lines_of(tmp_path / name)


@pytest.mark.parametrize(
    "error",
    [HoldListLineError(3, "why"), HoldListUnreadableError("list", "why"), HoldListDiffersError("0" * 64)],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_survives_pickling(error):
    """Prefect keeps what a task raised."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))
