"""What people ask the log, and that a damaged log can't answer as if it were whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from handoff_logs import log, questions
from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.unit_parts import PART_NAMES


@contextmanager
def unguarded(url: str) -> Iterator[Connection]:
    """The database with every trigger dropped and no key enforced: what a thief with the owner's login has."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            parts = connection.exec_driver_sql(PART_NAMES).scalars().all()
            for table in ("custody_event", "custody_case", "custody_unit", *parts):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
                query = f"SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = '{table}'::regclass"
                for (name,) in connection.exec_driver_sql(query).all():
                    connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield connection
        connection.commit()
    engine.dispose()


def found(url: str) -> set[str]:
    with open_reading(url) as reading:
        return {row["rule"] for row in questions.violations(reading)}


@pytest.fixture
def worked(centre: Any) -> Any:
    """A centre in which one of everything has happened, and the units it happened to."""
    order, other = centre.orders(2, numbers=["A1", "A2"])
    blank, spoiled = centre.blanks(2, numbers=["E1", "E2"])
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, blank, document)
    centre.void([spoiled])
    offer = centre.offer([document.unit_id, other], tray="T1")
    centre.accept(offer, [document.unit_id])
    centre.settle([other], "found-at-sender")
    parcel = centre.pack([document.unit_id], station="qc", number="P1")
    centre.accept(centre.offer([parcel], station="qc", to="carrier"), [parcel], station="carrier")
    (sent,) = centre.documents(1)
    posted = centre.pack([sent], number="P2")
    centre.accept(centre.offer([posted], to="carrier"), [posted], station="carrier")
    centre.settle([posted], "delivered")
    strays = centre.documents(2)
    second = centre.pack(strays)
    centre.do(lambda tx: log.unpack(tx, centre.by("review"), second, "shelf", centre.stamp()))
    waiting = centre.offer(strays, priority=1)
    centre.units = {
        "order": order,
        "other": other,
        "document": document.unit_id,
        "spoiled": spoiled,
        "stray": strays[0],
        "delivered": sent,
    }
    centre.events = {"offer": offer.event_id, "waiting": waiting.event_id}
    return centre


def test_a_sound_log_breaks_no_rule(worked: Any, database_url: str) -> None:
    assert found(database_url) == set()


DAMAGE = {
    "every step follows the one before": "DELETE FROM custody_unit WHERE unit_id = :document AND step = 2",
    "every row belongs to an event": "DELETE FROM custody_event WHERE act = 'settle'",
    "an event has all its rows": "DELETE FROM custody_unit WHERE unit_id = :other AND state = 'missing'",
    "only legal moves": "UPDATE custody_unit SET state = 'ended' WHERE unit_id = :document AND step = 2",
    "a unit keeps its kind": "UPDATE custody_unit SET kind = 'blank' WHERE unit_id = :document AND step = 3",
    "nobody signs both sides": "UPDATE custody_event SET person = 'review-1' WHERE act = 'accept'",
    "two people where two are required": "UPDATE custody_event SET second_person = NULL WHERE act = 'void'",
    "emulated people are on emulated records alone": (
        "UPDATE custody_event SET emulated = false, second_person = 'e-qc-2' WHERE act = 'void'"
    ),
    "an answer has its offer": "UPDATE custody_event SET act = 'move' WHERE event_id = :offer",
    "an answer covers the whole offer": (
        "DELETE FROM custody_unit WHERE unit_id = :other AND step > (SELECT step FROM (SELECT * FROM custody_unit)"
        " AS offered WHERE offered.unit_id = :other AND offered.event_id = :offer)"
    ),
    "a unit is answered once, and only where it was offered": (
        "UPDATE custody_event SET handoff_id = :waiting WHERE act = 'accept' AND handoff_id = :offer"
    ),
    "only the custodian acts": "UPDATE custody_unit SET station = 'packing' WHERE unit_id = :document AND step = 1",
    "the act names the custodian after it": (
        "UPDATE custody_unit SET person = 'thief' WHERE unit_id = :document AND step = 3"
    ),
    "outside is outside": "UPDATE custody_unit SET station = 'mailing' WHERE state = 'outside'",
    "void units go to the vault only": "UPDATE custody_unit SET state = 'void_offered' WHERE event_id = :waiting",
    "a document is made of one order and one blank": (
        "UPDATE custody_unit SET kind = 'order' WHERE event_id IN (SELECT event_id FROM custody_event"
        " WHERE act = 'transform') AND kind = 'blank'"
    ),
    "documents are born of blanks, parcels of packing": (
        "UPDATE custody_unit SET kind = 'document' WHERE unit_id = :spoiled"
    ),
    "a packed unit lies in a parcel packed with it": "UPDATE custody_unit SET container = 'x' WHERE state = 'packed'",
    "nothing stays in an opened or ended parcel": "DELETE FROM custody_unit WHERE unit_id = :stray AND step >= 3",
    "a packed unit ends with its parcel": "UPDATE custody_unit SET outcome = 'lost' WHERE unit_id = :delivered",
    "only what was outside is delivered": (
        "UPDATE custody_unit SET outcome = 'delivered' WHERE unit_id = :other AND outcome IS NOT NULL"
    ),
    "each missing unit has a case": "DELETE FROM custody_case",
    "a missing unit is settled by its case, once": "UPDATE custody_event SET case_id = NULL WHERE act = 'settle'",
    "counts equal rows": "UPDATE custody_event SET count_counted = 7 WHERE act = 'accept'",
    "whereabouts follow the log": "UPDATE whereabouts SET station = 'packing' WHERE unit_id = :document",
    "open offers follow the log": "DELETE FROM open_offer",
    "an event's root covers its rows": "UPDATE custody_unit SET place = 'pocket' WHERE unit_id = :document",
    "an answer carries its offer's hash": "UPDATE custody_event SET happened_us = 5 WHERE event_id = :offer",
    "a number belongs to its unit": "UPDATE unit_number SET number = 'E9' WHERE number = 'E1' AND kind = 'document'",
}


@pytest.mark.parametrize("rule", DAMAGE)
def test_damage_is_found_when_the_triggers_were_gone(worked: Any, database_url: str, rule: str) -> None:
    facts = {name: value for name, value in (worked.units | worked.events).items() if f":{name}" in DAMAGE[rule]}
    with unguarded(database_url) as connection:
        connection.execute(text(DAMAGE[rule]), facts)
    assert rule in found(database_url)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE custody_event SET second_person = 'review-1' WHERE act = 'accept'",
        "UPDATE custody_event SET second_person = 'qc-1' WHERE act = 'offer'",
    ],
)
def test_a_second_hand_of_the_other_side_is_found_when_the_triggers_were_gone(
    worked: Any, database_url: str, damage: str
) -> None:
    with unguarded(database_url) as connection:
        connection.execute(text(damage))
    assert "nobody signs both sides" in found(database_url)
    with open_reading(database_url) as reading:
        assert "both sides" in {row["finding"] for row in questions.same_person(reading, from_us=0)}


def test_every_rule_has_its_damage() -> None:
    # Two rows for one step can't be made while the primary key stands.
    assert set(questions.CUSTODY_RULES) - set(DAMAGE) == {"a unit has one custodian at a time"}


@pytest.mark.parametrize("number", ["A1", "E1"])
def test_a_number_leads_to_all_that_belongs_together(worked: Any, database_url: str, number: str) -> None:
    with open_reading(database_url) as reading:
        rows = list(questions.document(reading, number))
    assert {row["kind"] for row in rows} == {"order", "blank", "document", "parcel"}
    assert {row["number"] for row in rows} == {"A1", "E1", "P1"}
    last = rows[-1]
    assert (last["kind"], last["act"], last["station"], last["emulated"]) == ("parcel", "accept", "carrier", True)


def test_a_parcel_number_leads_to_its_contents(worked: Any, database_url: str) -> None:
    with open_reading(database_url) as reading:
        assert {row["number"] for row in questions.document(reading, "P1")} == {"A1", "E1", "P1"}


def test_a_document_does_not_lead_to_its_neighbours_in_the_parcel(centre: Any, database_url: str) -> None:
    units = []
    for n in range(2):
        born = Birth(new_id(), Kind.DOCUMENT, f"E{n}")
        centre.transform("review", *centre.orders(1), *centre.blanks(1), born)
        units.append(born.unit_id)
    centre.pack(units)
    with open_reading(database_url) as reading:
        assert {row["number"] for row in questions.document(reading, "E0")} == {"E0", None}


def test_a_remade_document_leads_to_the_first_and_back(centre: Any, database_url: str) -> None:
    (order,) = centre.orders(1, numbers=["A1"])
    (blank,) = centre.blanks(1, numbers=["E1"])
    first = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, blank, first)
    remake = Birth(new_id(), Kind.ORDER, "A1/2")
    other = centre.orders(1, numbers=["A2"])
    centre.void([first.unit_id], reborn=[remake])
    (blank,) = centre.blanks(1, numbers=["E2"])
    second = Birth(new_id(), Kind.DOCUMENT, "E2")
    centre.transform("review", remake.unit_id, blank, second)
    assert other
    with open_reading(database_url) as reading:
        for number in ("A1", "E1", "E2"):
            numbers = {row["number"] for row in questions.document(reading, number)}
            assert numbers == {"A1", "A1/2", "E1", "E2"}, number
        assert list(questions.document(reading, "nothing")) == []


def test_totals_and_waiting(worked: Any, database_url: str) -> None:
    with open_reading(database_url) as reading:
        (waiting,) = questions.waiting(reading)
        totals = {(row["station"], row["kind"], row["state"]): row["units"] for row in questions.totals(reading)}
        size = questions.size(reading)
    assert (waiting["to_station"], waiting["unit_count"], waiting["priority"]) == ("qc", 2, 1)
    assert totals[("carrier", "parcel", "outside")] == 1
    assert totals[("review", "blank", "void")] == 1
    assert (size["handoffs"], size["handoff_units"], size["open_cases"]) == (3, 3, 0)


def test_reading_changes_nothing(worked: Any, database_url: str) -> None:
    with open_reading(database_url) as reading, pytest.raises(Exception, match=r"(?i)read-?only"):
        reading.rows("DELETE FROM whereabouts RETURNING unit_id")


def test_what_cannot_be_read_is_said(tmp_path: Any) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at as one " * 40)
    for name in ("none.db", "text.db"):
        with pytest.raises(UnreadableDatabaseError, match=name):
            open_reading(f"sqlite:///{tmp_path / name}")
    with pytest.raises(UnsupportedUrlError):
        open_reading("mysql://x")
    with pytest.raises(UnreadableDatabaseError) as refusal:
        open_reading("postgresql+psycopg://auditor:secret@localhost:1/passline")
    assert "secret" not in str(refusal.value)


FOUND_BY = {
    ("unoffered", "no offer"): "UPDATE custody_event SET act = 'move' WHERE event_id = :offer",
    ("unoffered", "other parties"): "UPDATE custody_event SET to_station = 'packing' WHERE event_id = :offer",
    ("unoffered", "not in the offer"): "DELETE FROM custody_unit WHERE unit_id = :document AND step = 2",
    ("unoffered", "another custodian"): (
        "UPDATE custody_unit SET station = 'packing' WHERE unit_id = :document AND step = 3"
    ),
    ("unoffered", "no handoff"): "UPDATE custody_unit SET station = 'packing' WHERE unit_id = :document AND step = 1",
    ("gaps", "step missing"): "DELETE FROM custody_unit WHERE unit_id = :document AND step = 2",
    ("gaps", "not the custodian"): "UPDATE custody_unit SET station = 'packing' WHERE unit_id = :document AND step = 1",
    ("gaps", "before its turn"): "UPDATE custody_event SET happened_us = 5 WHERE event_id = :offer",
    ("same-person", "both hands"): "UPDATE custody_event SET second_person = person WHERE act = 'void'",
    ("same-person", "both sides"): "UPDATE custody_event SET person = 'review-1' WHERE act = 'accept'",
    ("afterlife", "after its end"): "UPDATE custody_unit SET state = 'ended' WHERE unit_id = :document AND step = 2",
    ("afterlife", "after dispatch"): "UPDATE custody_unit SET state = 'outside' WHERE unit_id = :document AND step = 1",
    ("afterlife", "serial of another blank"): "UPDATE unit_number SET number = 'E2' WHERE unit_id = :document",
}


@pytest.mark.parametrize(("name", "finding"), FOUND_BY)
def test_the_question_finds_what_was_written_when_the_triggers_were_gone(
    worked: Any, database_url: str, name: str, finding: str
) -> None:
    def findings() -> set[str]:
        with open_reading(database_url) as reading:
            return {row["finding"] for row in questions.QUESTIONS[name].ask(reading, from_us=0)}

    statement = FOUND_BY[(name, finding)]
    assert finding not in findings()
    facts = {name: value for name, value in (worked.units | worked.events).items() if f":{name}" in statement}
    with unguarded(database_url) as connection:
        connection.execute(text(statement), facts)
    assert finding in findings()
