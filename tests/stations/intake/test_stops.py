"""The states of an application move only as the table says, and a stop holds until two people end it."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from handoff_logs.errors import SamePersonError
from stations.errors import ApplicationStateError, ApplicationStoppedError, UnknownApplicationError
from stations.intake import filed, states, station
from stations.intake.generator.defects import Shares
from stations.intake.tables import Application, ApplicationState, ApplicationStop

State = ApplicationState
Intake = Any
MakeBatch = Callable[..., Any]
PASSPORTS = Shares(hk_macau_permit=0, taiwan_permit=0, intake_defects=0, review_defects=0)
WAY = (State.WAITING, State.PASSED, State.IN_PRODUCTION, State.DISPATCHED)
applications = Application.__table__


@pytest.fixture
def ids(intake: Intake, make_batch: MakeBatch) -> list[str]:
    """Three waiting applications."""
    intake.load(make_batch(3, shares=PASSPORTS))
    with intake.workplace.database.read() as conn:
        return list(conn.execute(select(applications.c.application_id)).scalars())


def write(intake: Intake, act: Callable[..., Any], *arguments: Any) -> Any:
    return intake.workplace.database.write(lambda tx: act(tx, *arguments))


def state_of(intake: Intake, application_id: str) -> tuple[str, bool]:
    with intake.workplace.database.read() as conn:
        row = conn.execute(select(applications).where(applications.c.application_id == application_id)).one()
    return row.state, row.live


def test_every_state_has_its_row_in_the_table_of_moves() -> None:
    assert set(states.MOVES) == set(State)


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(State, State) if pair[1] not in states.MOVES[pair[0]]]
)
def test_a_move_that_the_table_lacks_is_refused(before: State, after: State) -> None:
    with pytest.raises(ValueError, match=f"from {before} to {after}"):
        states.advance(None, ["any"], before, after)


def test_all_move_or_none(intake: Intake, ids: list[str]) -> None:
    write(intake, states.advance, ids[:1], State.WAITING, State.PASSED)
    with pytest.raises(ApplicationStateError) as refused:
        write(intake, states.advance, ids, State.WAITING, State.HELD)
    assert (refused.value.application_id, refused.value.state) == (ids[0], "passed")
    assert [state_of(intake, one)[0] for one in ids] == ["passed", "waiting", "waiting"]


def test_of_two_equal_moves_the_second_is_refused(intake: Intake, ids: list[str]) -> None:
    write(intake, states.advance, ids, State.WAITING, State.PASSED)
    with pytest.raises(ApplicationStateError):
        write(intake, states.advance, ids, State.WAITING, State.PASSED)


def test_an_unknown_application_is_named(intake: Intake, ids: list[str]) -> None:
    with pytest.raises(UnknownApplicationError, match="nowhere"):
        write(intake, states.advance, [*ids, "nowhere"], State.WAITING, State.PASSED)


def test_a_returned_or_dispatched_application_is_no_longer_live(intake: Intake, ids: list[str]) -> None:
    write(intake, states.advance, ids[:1], State.WAITING, State.RETURNED)
    for before, after in pairwise(WAY):
        assert state_of(intake, ids[1])[1]
        write(intake, states.advance, ids[1:2], before, after)
    assert [state_of(intake, one) for one in ids[:2]] == [("returned", False), ("dispatched", False)]


def test_a_stopped_application_goes_nowhere_until_two_people_release_it(intake: Intake, ids: list[str]) -> None:
    write(intake, states.advance, ids, State.WAITING, State.PASSED)
    write(intake, station.stop, ids[0], "e-lead-1", "withdrawn", 1)
    assert write(intake, states.stopped, ids) == {ids[0]}
    with pytest.raises(ApplicationStoppedError):
        write(intake, states.refuse_stopped, ids)
    with pytest.raises(ApplicationStoppedError):
        write(intake, states.advance, ids, State.PASSED, State.IN_PRODUCTION)
    with pytest.raises(ApplicationStateError):
        write(intake, station.stop, ids[0], "e-lead-1", "withdrawn", 2)
    with pytest.raises(SamePersonError):
        write(intake, station.release, ids[0], "e-lead-1", "e-lead-1", 3)
    assert write(intake, station.release, ids[0], "e-lead-1", "e-lead-2", 3) is State.PASSED
    write(intake, states.advance, ids, State.PASSED, State.IN_PRODUCTION)
    with pytest.raises(ApplicationStateError):
        write(intake, station.release, ids[0], "e-lead-1", "e-lead-2", 4)


def test_a_stopped_application_keeps_its_person_until_it_is_closed(
    intake: Intake, ids: list[str], make_batch: MakeBatch
) -> None:
    write(intake, station.stop, ids[0], "e-lead-1", "alert", 1)
    again = make_batch(1, 9, PASSPORTS)
    person = _applicant_of(intake, ids[0])
    again.edit(1, applicant=person)
    report = intake.load(again)
    assert [reason for *_, reason in intake.reasons(report)] == ["person_has_live_application"]
    write(intake, station.close, ids[0], "e-lead-1", "e-lead-2", 2)
    assert state_of(intake, ids[0]) == ("stopped", False)
    again.edit(1, number="NEWNUMBER-0001")
    assert intake.load(again).loaded == 1


def _applicant_of(intake: Intake, application_id: str) -> dict[str, Any]:
    with intake.workplace.database.read() as conn:
        found = filed.by_ids(conn, intake.workplace.personal, [application_id])
    return found[application_id].record.applicant.model_dump(mode="json")


def test_a_dispatched_application_cannot_be_stopped(intake: Intake, ids: list[str]) -> None:
    for before, after in pairwise(WAY):
        write(intake, states.advance, ids, before, after)
    with pytest.raises(ApplicationStateError):
        write(intake, station.stop, ids[0], "e-lead-1", "mistake", 1)


def test_the_database_refuses_two_open_stops_and_one_person_ending_one(intake: Intake, ids: list[str]) -> None:
    table = ApplicationStop.__table__
    row = {
        "stop_id": "1",
        "application_id": ids[0],
        "reason": "alert",
        "state_before": "waiting",
        "stopped_by": "a",
        "stopped_us": 1,
    }
    write(intake, lambda tx: tx.execute(table.insert(), row))
    with pytest.raises(IntegrityError):
        write(intake, lambda tx: tx.execute(table.insert(), row | {"stop_id": "2"}))
    alone = {"outcome": "released", "ended_by": "a", "ended_second": "a", "ended_us": 2}
    for ending in (alone, alone | {"ended_second": None}):
        with pytest.raises(IntegrityError):
            write(intake, lambda tx, ending=ending: tx.execute(table.update().values(**ending)))
