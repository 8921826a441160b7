"""An engineer called to a machine: in by a lead's word for that shift, counted inside, out without any word."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from enrolled import end, enrol
from small_gate import GateBench
from small_shift import CREW_OF_EMULATED, ONE, plan, scanned
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.gate.admission import LONGEST_US, Admitted, admit
from stations.gate.errors import AdmissionTimeError, NoShiftToAdmitError, OwnAdmissionError
from stations.gate.projection import DIFFERENCES
from stations.gate.rules import Direction
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import NotEnrolledError, RoleMissingError
from stations.shift import station

HOUR_US = 3_600_000_000
ENGINEER = "p-0012"


@pytest.fixture
def line_tables() -> bool:
    """The gate keeps its tables beside the log's."""
    return True


@pytest.fixture
def now_us(database: Database) -> Callable[[], int]:
    return lambda: database.write(database.clock_us)


@pytest.fixture
def people(bench: GateBench, now_us: Any) -> dict[str, SignedIn]:
    """A lead, an engineer, a keeper and another lead, who have all signed in a moment ago."""
    signed = enrol(bench.database, lead="lead", engineer="engineer", keeper="keeper", other="lead")

    def again(who: SignedIn) -> SignedIn:
        attempt = new_id()
        facts = {"id": attempt, "code": who.code, "at": now_us()}
        insert = text("INSERT INTO sign_in_attempt VALUES (:id, :code, :at, 'accepted')")
        bench.database.write(lambda tx: tx.execute(insert, facts))
        return replace(who, sign_in=attempt)

    return {name: again(who) for name, who in signed.items()}


@pytest.fixture
def shift(bench: GateBench, people: Any) -> str:
    return str(station.open_shift(bench.database, plan(crew=CREW_OF_EMULATED), scanned(), ONE).shift_id)


def test_an_engineer_comes_in_by_a_leads_word_until_its_time_and_goes_out_without(
    bench: GateBench, people: Any, shift: str, now_us: Any, database_url: str
) -> None:
    assert bench.passes(ENGINEER) == "not-of-shift"
    until_us = now_us() + HOUR_US
    assert admit(bench.database, people["lead"], ENGINEER, until_us, emulated=True) == Admitted(shift, until_us)
    bench.passes(ENGINEER)
    assert ENGINEER in bench.inside()
    bench.passes(ENGINEER, Direction.OUT)
    bench.passes(ENGINEER)
    over_us = now_us() + 50_000
    admit(bench.database, people["other"], ENGINEER, over_us, emulated=True)
    while now_us() <= over_us:
        pass
    bench.passes(ENGINEER, Direction.OUT)
    assert ENGINEER not in bench.inside()
    assert bench.passes(ENGINEER) == "not-of-shift", "the last word holds"
    with open_reading(database_url) as reading:
        assert [row["what"] for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


def test_an_admission_ends_with_its_shift(bench: GateBench, people: Any, shift: str, now_us: Any) -> None:
    admit(bench.database, people["lead"], ENGINEER, now_us() + HOUR_US, emulated=True)
    station.close_shift(bench.database, scanned(), ONE, (), None)
    assert bench.passes(ENGINEER) == "no-shift"
    station.open_shift(bench.database, plan("late", crew=CREW_OF_EMULATED), scanned(), ONE)
    assert bench.passes(ENGINEER) == "not-of-shift"


def test_only_a_lead_admits_and_only_an_engineer_who_is_somebody_else(
    bench: GateBench, people: Any, shift: str, now_us: Any
) -> None:
    soon_us = now_us() + HOUR_US
    for by, code, until_us, refusal in (
        ("keeper", ENGINEER, soon_us, RoleMissingError),
        ("lead", people["keeper"].code, soon_us, RoleMissingError),
        ("lead", people["lead"].code, soon_us, OwnAdmissionError),
        ("lead", "p-0999", soon_us, NotEnrolledError),
        ("lead", ENGINEER, now_us() - 1, AdmissionTimeError),
        ("lead", ENGINEER, now_us() + LONGEST_US + HOUR_US, AdmissionTimeError),
    ):
        with pytest.raises(refusal):
            admit(bench.database, people[by], code, until_us, emulated=True)
    admit(bench.database, people["lead"], ENGINEER, soon_us, emulated=True)
    end(bench.database, ENGINEER)
    assert bench.passes(ENGINEER) == "not-enrolled"
    with pytest.raises(NotEnrolledError):
        admit(bench.database, people["lead"], ENGINEER, soon_us, emulated=True)


def test_nobody_is_admitted_while_no_shift_is_open(bench: GateBench, people: Any, now_us: Any) -> None:
    with pytest.raises(NoShiftToAdmitError):
        admit(bench.database, people["lead"], ENGINEER, now_us() + HOUR_US, emulated=True)


NEW = (
    "INSERT INTO gate_admission (shift_id, code, admitted_us, until_us, admitted_by, sign_in, emulated)"
    " SELECT shift_id, {code}, {at}, {until}, {by}, {sign_in}, emulated FROM gate_admission"
)
AS_IT_IS = {"code": "code", "at": "admitted_us + 1", "until": "until_us", "by": "admitted_by", "sign_in": "sign_in"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gate_admission SET until_us = until_us + 1",
        "DELETE FROM gate_admission",
        *(
            NEW.format(**AS_IT_IS | change)
            for change in (
                {"at": "admitted_us"},
                {"at": "admitted_us - 1"},
                {"until": "admitted_us"},
                {"until": "admitted_us + 86400000002"},
                {"code": "'p-0013'"},
                {"code": "admitted_by"},
                {"by": "'p-0013'"},
                {"by": "'p-0014'"},
                {"at": "admitted_us + 300000009", "until": "admitted_us + 300000019"},
            )
        ),
    ],
)
def test_the_database_itself_admits_nobody_without_a_leads_word(
    bench: GateBench, people: Any, shift: str, now_us: Any, statement: str
) -> None:
    admit(bench.database, people["lead"], ENGINEER, now_us() + HOUR_US, emulated=True)
    with pytest.raises(DBAPIError):
        bench.database.write(lambda tx: tx.execute(text(statement)))


def test_an_admission_in_the_table_alone_is_found(
    bench: GateBench, people: Any, shift: str, now_us: Any, database_url: str
) -> None:
    admit(bench.database, people["lead"], ENGINEER, now_us() + HOUR_US, emulated=True)
    bench.database.write(lambda tx: tx.execute(text(NEW.format(**AS_IT_IS))))
    with open_reading(database_url) as reading:
        (found,) = [row for _, sql in DIFFERENCES for row in reading.rows(sql)]
    assert found["subject"] == ENGINEER and found["what"].startswith("in the table and not in the log: admitted")
