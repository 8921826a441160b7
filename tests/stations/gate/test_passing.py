"""A gate lets in a recognised person of the shift after a whole cycle, records each passage, and never guesses."""

import pickle
from typing import Any

import pytest
from enrolled import enrol
from small_gate import READERS, GateBench, KilledError
from small_shift import plan
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices.emulation.faults import FaultName
from devices.roles import Position
from handoff_logs.errors import HandoffLogError
from handoff_logs.questions import inside
from handoff_logs.reading import open_reading
from stations.gate import passages, projection
from stations.gate.errors import (
    GateMovedError,
    NobodyOfThisCodeError,
    NothingToSettleAtGateError,
    OwnPassageError,
    PassageUnderWayError,
)
from stations.gate.passages import Recognised
from stations.gate.rules import Direction, Found, Outcome
from stations.shift.counting import Signers

ANN, BEN, CAI = "e-per-1", "e-per-2", "e-per-3"
LEADS = Signers("e-lead-1", "e-lead-2")
IN, OUT = Direction.IN, Direction.OUT


def settle(bench: GateBench, code: str, found: Found, by: Signers = LEADS) -> Outcome:
    return passages.settle(bench.database, code, found, by, emulated=True)


def test_who_is_recognised_and_blown_at_is_inside_and_who_leaves_is_not(bench: GateBench, database_url: str) -> None:
    bench.passes(ANN)
    assert (bench.inside(), bench.people.where) == ({ANN}, {ANN: "inside"})
    assert bench.shower.control({"do": "state"})["completed"] == 1
    bench.passes(ANN, OUT)
    assert (bench.inside(), bench.people.where) == (set(), {ANN: "outside"})
    assert bench.shower.control({"do": "state"})["completed"] == 1
    assert bench.endings() == [(ANN, "entered", None), (ANN, "left", None)]
    with open_reading(database_url) as reading:
        (stay,) = inside(reading, person=ANN)
    assert (stay["machine"], stay["left_machine"], stay["emulated"]) == ("face-01", "face-02", True)
    assert stay["left_us"] is not None and stay["entered_us"] < stay["left_us"]


def test_the_log_and_the_tables_have_no_score_and_no_face(bench: GateBench) -> None:
    bench.passes(ANN)
    with bench.database.read() as conn:
        (value,) = conn.execute(text("SELECT value FROM custody_register WHERE register = 'gate'")).scalars()
        columns = conn.execute(text("SELECT * FROM gate_passage")).keys()
    assert value == "entered 1 face-01 shower-01"
    assert not {"quality", "score", "credential", "template"} & set(columns)


@pytest.mark.parametrize("quality", [0, 79])
def test_an_unsure_face_is_nobodys_and_opens_nothing(bench: GateBench, quality: int) -> None:
    bench.stands(ANN, quality=quality)
    assert bench.gate.look() == "unclear"
    assert bench.endings() == [(None, "refused", "unclear")]
    assert bench.shower.control({"do": "state"})["released"] == []


def test_who_is_inside_does_not_enter_and_who_is_outside_does_not_leave(bench: GateBench) -> None:
    assert bench.passes(ANN, OUT) == "not-inside"
    bench.passes(ANN)
    assert bench.passes(ANN) == "inside-already"
    assert bench.inside() == {ANN}


def test_an_old_recognition_opens_nothing(bench: GateBench) -> None:
    bench.gate.look()
    bench.stands(ANN)
    bench.pass_time(20.0)
    assert bench.gate.look() == "too-late"
    assert bench.inside() == set()


def test_of_two_at_the_reader_at_the_same_instant_one_passes(bench: GateBench) -> None:
    bench.gate.look()
    bench.stands(BEN)
    bench.stands(ANN)
    bench.people.front = BEN
    bench.gate.look()
    assert bench.gate.look() == "too-late"
    assert (bench.inside(), bench.people.where) == ({BEN}, {BEN: "inside"})
    bench.passes(ANN)
    assert bench.inside() == {ANN, BEN}


def test_of_two_who_come_from_both_sides_at_once_the_second_must_look_again(bench: GateBench) -> None:
    bench.passes(ANN)
    bench.stands(ANN, OUT)
    bench.stands(BEN, IN)
    bench.gate.look()
    assert bench.endings()[1:] == [(BEN, "entered", None), (ANN, "refused", "too-late")]
    assert bench.inside() == {ANN, BEN}


def test_who_does_not_come_in_has_turned_back(bench: GateBench) -> None:
    bench.people.dawdles = True
    bench.passes(ANN)
    assert bench.endings() == [(ANN, "turned-back", "not-entered")]
    bench.people.dawdles = False
    bench.passes(ANN)
    bench.people.dawdles = True
    bench.passes(ANN, OUT)
    assert bench.endings()[-1] == (ANN, "stayed", "not-left")
    assert bench.inside() == {ANN}


@pytest.mark.parametrize("fault", [FaultName.CYCLE_ABORTED, FaultName.FAN_FAILURE])
def test_without_a_whole_cycle_nobody_is_inside(bench: GateBench, fault: FaultName) -> None:
    bench.faults.add({"name": fault})
    bench.passes(ANN)
    assert (bench.inside(), bench.people.where) == (set(), {ANN: "outside"})
    assert bench.endings()[0][:2] == (ANN, "turned-back")
    bench.passes(ANN)
    assert bench.inside() == {ANN}


@pytest.mark.parametrize("direction", Direction)
def test_a_door_that_is_held_open_may_let_two_through_and_is_settled_by_two(
    bench: GateBench, direction: Direction
) -> None:
    if direction is OUT:
        bench.passes(ANN)
    bench.faults.add({"name": FaultName.DOOR_HELD_OPEN})
    bench.people.holds = True
    bench.passes(ANN, direction)
    under_way = bench.under_way()
    assert under_way is not None and under_way.unknown == "door-held"
    bench.people.holds = False
    bench.gate.look()
    bench.stands(BEN)
    assert bench.gate.look() is None, "nobody passes before it is settled"
    with pytest.raises(PassageUnderWayError):
        settle(bench, BEN, Found.INSIDE)
    with pytest.raises(OwnPassageError):
        settle(bench, ANN, Found.INSIDE, Signers("e-lead-1", ANN))
    assert settle(bench, ANN, Found.INSIDE) is (Outcome.ENTERED if direction is IN else Outcome.STAYED)
    assert bench.inside() == {ANN}
    assert bench.endings()[-1] == (ANN, "entered" if direction is IN else "stayed", "settled")


def test_whoever_stands_in_the_shower_without_a_passage_is_let_out_to_the_outside(bench: GateBench) -> None:
    bench.faults.add({"name": FaultName.DOOR_HELD_OPEN})
    bench.people.holds = True
    bench.passes(ANN)
    bench.people.holds = False
    settle(bench, ANN, Found.OUTSIDE)
    for _ in range(60):
        bench.gate.look()
        bench.pass_time(1.0)
    assert bench.people.where == {ANN: "outside"}
    bench.passes(ANN)
    assert bench.inside() == {ANN}


def test_two_people_say_where_somebody_is_whom_the_gate_did_not_see(bench: GateBench, database_url: str) -> None:
    bench.passes(ANN)
    with pytest.raises(NothingToSettleAtGateError):
        settle(bench, ANN, Found.INSIDE)
    with pytest.raises(NobodyOfThisCodeError):
        settle(bench, "p-9999", Found.INSIDE)
    assert settle(bench, ANN, Found.OUTSIDE) is Outcome.LEFT
    assert settle(bench, BEN, Found.INSIDE) is Outcome.ENTERED
    assert bench.inside() == {BEN}
    with open_reading(database_url) as reading:
        assert [(row["machine"], row["reason"]) for row in inside(reading)] == [(None, "settled")]


def test_another_count_at_the_shower_tells_nothing(bench: GateBench) -> None:
    def replaced(state: Any = None) -> None:
        bench.boot("shower-01")

    bench.killing.at = 4  # after the first door's release
    with pytest.raises(KilledError):
        bench.passes(ANN)
    (bench.folder / "shower-01" / "completed").unlink()
    replaced()
    bench.restart()
    bench.gate.look()
    under_way = bench.under_way()
    assert under_way is not None and under_way.unknown == "count-lost"
    assert bench.inside() == set()


def really(bench: GateBench, code: str) -> bool:
    return bench.people.where.get(code) == "inside"


def goes_on(bench: GateBench, code: str) -> None:
    """A new process goes on until nothing is under way or somebody must settle it; two people see where they are."""
    bench.restart()
    for _ in range(5):
        if (left := bench.under_way()) is None:
            break
        if left.unknown is not None:
            # They wait in the shower for as long as nobody looks.
            settle(bench, code, Found.INSIDE if really(bench, code) else Found.OUTSIDE)
            break
        bench.gate.look()
    for _ in range(40):
        bench.gate.look()
        bench.pass_time(0.5)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("at", range(1, 11))
def test_a_process_that_is_killed_at_any_step_goes_on_as_the_machines_say(
    bench: GateBench, direction: Direction, at: int
) -> None:
    if direction is OUT:
        bench.passes(ANN)
        bench.killing.done = 0
    bench.killing.at = at
    try:
        bench.passes(ANN, direction)
    except KilledError:
        bench.pass_time(1.0)
        goes_on(bench, ANN)
    assert bench.under_way() is None
    assert bench.people.where.get(ANN, "outside") in ("inside", "outside")
    assert (ANN in bench.inside()) == really(bench, ANN)
    before = len(bench.endings())
    bench.passes(ANN, OUT if really(bench, ANN) else IN)
    assert len(bench.endings()) == before + 1 and (ANN in bench.inside()) == really(bench, ANN)


def test_a_recognition_opens_once_over_every_restart(bench: GateBench) -> None:
    bench.passes(ANN)
    bench.passes(ANN, OUT)
    bench.restart()
    assert [bench.gate.look() for _ in range(3)] == [None] * 3
    who = Recognised(IN, ANN, READERS[IN], Position(1, 1), 0)
    with bench.database.read() as conn:
        (memory,) = conn.execute(text("SELECT memory FROM gate_passage WHERE number = 1")).scalars()
    again = Recognised(IN, ANN, READERS[IN], Position(memory, 1), 0)
    for one in (who, again):
        begun = None
        try:
            begun = passages.begin(bench.database, one, "shower-01", Position(1, 1), None, emulated=True)
        except GateMovedError:
            assert one is again
        assert (begun is None) == (one is again)


def test_people_of_the_open_shift_pass_and_before_it_a_lead_and_who_counts_beside_them(bench: GateBench) -> None:
    enrol(bench.database, lead="lead", keeper="keeper", operator="operator", driver="driver")
    lead, keeper, operator, driver = "p-0011", "p-0012", "p-0013", "p-0014"
    assert bench.passes("p-0999") == "not-enrolled"
    assert bench.passes(keeper) == "no-shift"
    assert bench.passes(driver) == "no-shift"
    bench.passes(lead)
    bench.passes(keeper)
    assert bench.passes(driver) == "no-shift"
    assert bench.inside() == {lead, keeper}
    _open_shift(bench, crew=(operator,))
    bench.passes(operator)
    assert bench.passes(driver) == "not-of-shift"
    bench.passes(keeper, OUT)
    assert bench.passes(keeper) == "not-of-shift"
    assert bench.inside() == {lead, operator}


def _open_shift(bench: GateBench, crew: tuple[str, ...]) -> None:
    """A shift of these people, as the tables have it."""
    from small_shift import CREW_OF_EMULATED, ONE, scanned

    from stations.shift import station

    people = {**CREW_OF_EMULATED, "personalization": (*CREW_OF_EMULATED["personalization"], *crew)}
    station.open_shift(bench.database, plan(crew=people), scanned(), ONE)


def test_emulated_people_pass_no_real_gate(bench: GateBench) -> None:
    real = GateBench(bench.database, bench.folder / "real", emulated=False) if _made(bench) else bench
    assert real.passes(ANN) == "emulated-person"


def _made(bench: GateBench) -> bool:
    (bench.folder / "real").mkdir()
    return True


PASSAGE = "(number, direction, person, missed, begun_us, emulated)"
GUARDED = (
    "UPDATE gate_passage SET person = 'e-per-9'",
    "DELETE FROM gate_passage",
    "UPDATE gate_step SET at_us = 1",
    "DELETE FROM gate_ending",
    "UPDATE gate_ending SET outcome = 'left'",
    # Another passage than the next, and one while another is under way.
    f"INSERT INTO gate_passage {PASSAGE} VALUES (7, 'in', 'x', 0, 1, TRUE)",
    f"INSERT INTO gate_passage {PASSAGE} VALUES (3, 'in', 'x', 0, 1, TRUE)",
    # The inner door without a whole cycle; inside without it; by two people of whom nobody asked it.
    "INSERT INTO gate_step (number, step, at_us, cycles) SELECT 2, 'second-door', 1, cycles FROM gate_passage"
    " WHERE number = 2",
    "INSERT INTO gate_ending (number, outcome, ended_us) SELECT 2, 'entered', begun_us FROM gate_passage"
    " WHERE number = 2",
    "INSERT INTO gate_ending (number, outcome, ended_us) SELECT 2, 'left', begun_us FROM gate_passage WHERE number = 2",
    "INSERT INTO gate_ending (number, outcome, ended_us, settled_by, settled_second) SELECT 2, 'turned-back', begun_us,"
    " 'e-lead-1', 'e-lead-2' FROM gate_passage WHERE number = 2",
    # A second end.
    "INSERT INTO gate_ending (number, outcome, ended_us) VALUES (1, 'turned-back', 9999999999999999)",
)


@pytest.mark.parametrize("statement", GUARDED)
def test_the_database_refuses_what_a_gate_does_not_do(bench: GateBench, statement: str) -> None:
    bench.passes(ANN)
    bench.killing.at = bench.killing.done + 3
    with pytest.raises(KilledError):
        bench.passes(BEN)
    assert bench.under_way() is not None
    with pytest.raises((DBAPIError, HandoffLogError)):
        bench.database.write(lambda tx: tx.execute(text(statement)))
    assert len(bench.endings()) == 2


def test_the_log_finds_who_edited_the_tables(bench: GateBench, database_url: str) -> None:
    bench.passes(ANN)
    bench.passes(BEN, OUT)
    settle(bench, BEN, Found.INSIDE)
    ((_, sql),) = projection.DIFFERENCES
    with open_reading(database_url) as reading:
        assert reading.rows(sql) == []
    with bench.database.read() as conn:
        where = text("SELECT count(*) FROM custody_register WHERE register = 'gate'")
        assert conn.execute(where).scalar() == len(bench.endings())


@pytest.mark.parametrize(
    "error",
    [
        PassageUnderWayError(3, ANN), NothingToSettleAtGateError(ANN, "inside"), OwnPassageError(ANN),
        NobodyOfThisCodeError("p-1"), GateMovedError(),
    ],
)  # fmt: skip
def test_refusals_survive_a_process_and_say_what_to_do(error: Exception) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
