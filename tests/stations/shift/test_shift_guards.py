"""What a shift's rows may become, held by the database whatever the program does; and what the log says of them."""

import hashlib
import time

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_shift import BOOKS, CREW_OF_EMULATED, ONE, OTHER, scanned
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in, sign_in_two
from stations.shift import counting, station
from stations.shift.counting import Signers
from stations.shift.errors import CrewRefusedError, ShiftMovedError
from stations.shift.projection import DIFFERENCES
from stations.shift.rules import Ending, Moment

LEAD, KEEPER = Credentials("p-0301", "a password of the lead"), Credentials("p-0101", "a password of a keeper")
TABLES = (
    *("shift", "shift_count", "shift_counted", "shift_difference", "shift_person", "shift_machine", "shift_item"),
    "shift_settlement",
)
COUNT = "INSERT INTO shift_count VALUES (:count_id, :moment, :first, :second, :one, :other, :at, :emulated)"


@pytest.fixture
def people(shift, monkeypatch):
    """A lead and a keeper, enrolled."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    one, two = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
    register.found(shift.database, one, two, emulated=True)
    by = sign_in_two(shift.database, one, two, ADMINISTRATORS)
    register.enrol(shift.database, by, LEAD, [Role.LEAD], emulated=True)
    register.enrol(shift.database, by, KEEPER, [Role.KEEPER], emulated=True)
    return shift


def signers(shift, first=LEAD, second=KEEPER):
    one, other = (sign_in(shift.database, who) for who in (first, second))
    return Signers(one.code, other.code, one.sign_in, other.sign_in)


def refused(shift, statement, **parameters):
    with pytest.raises(IntegrityError):
        shift.sql(statement, **parameters)


@pytest.mark.parametrize("table", TABLES)
def test_nothing_of_a_shift_is_changed_or_deleted(shift, table):
    """A shift that is open is closed, nothing else; all other rows stay as they were written."""
    opened = shift.open(scanned(*BOOKS[1:]), reason="found-short")
    shift.close(scanned(*BOOKS[1:]), reason="found-short")
    station.settle(shift.database, opened.shift_id, "recounted", OTHER)
    assert shift.rows(f"SELECT * FROM {table}")
    column = columns(shift, table)[0]
    refused(shift, f"UPDATE {table} SET {column} = {column}")
    refused(shift, f"DELETE FROM {table}")


def columns(shift, table):
    with shift.database.read() as conn:
        return list(conn.execute(text(f"SELECT * FROM {table}")).keys())


@pytest.mark.parametrize(
    "change", ["name = 'late'", "opened_us = opened_us - 1", "opening_reason = 'x'", "closed = FALSE"]
)
def test_an_open_shift_keeps_what_it_was_opened_with(shift, change):
    shift.open()
    refused(shift, f"UPDATE shift SET {change}")
    assert shift.close().how is Ending.BALANCED
    refused(shift, f"UPDATE shift SET {change}")


def test_a_second_open_shift_is_refused_by_the_database(shift):
    """Also one that nobody locked out before."""
    shift.open()
    [(count_id, at)] = shift.rows("SELECT count_id, counted_us FROM shift_count")
    refused(
        shift,
        "INSERT INTO shift (shift_id, name, opening_count, opened_us, closed, emulated)"
        " VALUES (:id, 'late', :count, :at, FALSE, TRUE)",
        id="f" * 32,
        count=count_id,
        at=at,
    )


@pytest.mark.parametrize(
    ("first", "second", "emulated"),
    [("e-lead-1", "e-lead-1", True), ("e-lead-1", "e-lead-2", False), ("p-0301", "p-0101", True)],
)
def test_a_count_has_two_people_real_ones_by_their_sign_ins(people, first, second, emulated):
    """One person twice, emulated people on a real line, real people who did not sign in."""
    facts = {"count_id": "c" * 32, "moment": "opening", "first": first, "second": second}
    refused(people, COUNT, **facts, one=None, other=None, at=time.time_ns() // 1000, emulated=emulated)


def test_a_count_by_people_who_signed_in_is_led_by_a_lead(people):
    """Another's sign-in, one of long ago, one that counted before, and a first who is no lead are refused."""
    by = signers(people)
    now_us = time.time_ns() // 1000
    facts = {"count_id": "c" * 32, "moment": "opening", "emulated": False}
    pair = {"first": by.first, "second": by.second, "one": by.first_sign_in, "other": by.second_sign_in}
    refused(people, COUNT, **facts, **{**pair, "one": by.second_sign_in, "other": by.first_sign_in}, at=now_us)
    refused(people, COUNT, **facts, **pair, at=now_us + 3_600_000_000)
    turned = {"first": by.second, "second": by.first, "one": by.second_sign_in, "other": by.first_sign_in}
    refused(people, COUNT, **facts, **turned, at=now_us)
    assert people.open(by=by).shift_id
    with pytest.raises(ShiftMovedError):
        people.close(by=by)
    assert people.close(by=signers(people)).how is Ending.BALANCED


def test_emulated_people_are_in_no_shift_of_a_real_line(people):
    """Whoever writes the row."""
    by = signers(people)

    def write(tx):
        count_id, _ = counting.record(tx, scanned(*BOOKS), Moment.OPENING, by, clock_us(tx), emulated=False)
        at = tx.execute(text("SELECT counted_us FROM shift_count")).scalar_one()
        opened = "INSERT INTO shift (shift_id, name, opening_count, opened_us, closed, emulated) VALUES"
        tx.execute(text(f"{opened} ('s', 'early', :c, :at, FALSE, FALSE)"), {"c": count_id, "at": at})
        for code in (KEEPER.code, "e-vlt-1"):
            tx.execute(text("INSERT INTO shift_person VALUES ('s', :code, 'vault', 'keeper')"), {"code": code})

    with pytest.raises(IntegrityError, match=r"of an open shift|emulated people"):
        people.database.write(write)
    assert people.rows("SELECT code FROM shift_person") == []


def test_real_people_stand_where_their_role_lets_them(people):
    """Neither at another station, nor after they ended."""
    crew = {**CREW_OF_EMULATED, "vault": (KEEPER.code, "e-vlt-1")}
    assert people.open(crew=crew).shift_id
    people.close()
    with pytest.raises(CrewRefusedError) as wrong:
        people.open(crew={**CREW_OF_EMULATED, "qc": (KEEPER.code, "e-qc-1")})
    assert (wrong.value.code, wrong.value.station) == (KEEPER.code, "qc")


def test_a_close_without_a_whole_count_is_refused_by_the_database(shift):
    """Neither none, nor the opening's, nor one of a single station."""
    shift.open()
    [(count_id, at)] = shift.rows("SELECT count_id, counted_us FROM shift_count")
    close = "UPDATE shift SET closed = TRUE, closed_us = :at, closed_how = 'balanced', closing_count = :count"
    refused(shift, "UPDATE shift SET closed = TRUE, closed_how = 'balanced', closed_us = opened_us")
    refused(shift, close, at=at, count=count_id)
    half = {"count_id": "c" * 32, "moment": "close", "first": "e-lead-1", "second": "e-lead-2"}

    def count_one_station(tx):
        tx.execute(text(COUNT), {**half, "one": None, "other": None, "at": at + 1, "emulated": True})
        tx.execute(
            text("INSERT INTO shift_counted VALUES (:c, 'vault', '', 0, '', :h)"), {"c": "c" * 32, "h": "0" * 64}
        )
        tx.execute(text(close), {"at": at + 1, "count": "c" * 32})

    with pytest.raises(IntegrityError):
        shift.database.write(count_one_station)
    assert shift.close().how is Ending.BALANCED


def test_no_shift_is_closed_as_balanced_on_an_open_job_by_whoever_writes_it(shift):
    """The guard looks at jobs, offers, cases and differences itself."""
    shift.line.file(1)
    shift.open()
    shift.sql(
        "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
        " journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
        " SELECT 'j', application_id, product, 1, order_unit, 'book-01', 'BP-1', 'journal', 1, 1, 'test', 'INTENT',"
        " TRUE, TRUE, 1, TRUE FROM application"
    )
    [(at,)] = shift.rows("SELECT opened_us FROM shift")
    whole = {"count_id": "c" * 32, "moment": "close", "first": "e-lead-1", "second": "e-lead-2"}

    def close(tx):
        tx.execute(text(COUNT), {**whole, "one": None, "other": None, "at": at + 1, "emulated": True})
        for where in ("vault", "personalization"):
            row = {"c": "c" * 32, "h": "0" * 64, "s": where}
            tx.execute(text("INSERT INTO shift_counted VALUES (:c, :s, '', 0, '', :h)"), row)
        tx.execute(
            text("UPDATE shift SET closed = TRUE, closed_us = :at, closed_how = 'balanced', closing_count = :c"),
            {"at": at + 1, "c": "c" * 32},
        )

    with pytest.raises(IntegrityError):
        shift.database.write(close)
    assert shift.rows("SELECT closed FROM shift") == [(False,)]


def test_a_count_that_differs_opens_no_shift_without_a_reason_whoever_writes_it(shift):
    """And one that agrees opens none with a reason."""
    opened = "INSERT INTO shift (shift_id, name, opening_count, opened_us, opening_reason, closed, emulated) VALUES"
    values = f"{opened} (:id, 'early', :c, :at, :reason, FALSE, TRUE)"
    for books, reason in ((BOOKS[1:], None), (BOOKS, "found-short")):

        def write(tx, books=books, reason=reason):
            at = clock_us(tx)
            count_id, _ = counting.record(tx, scanned(*books), Moment.OPENING, ONE, at, emulated=True)
            tx.execute(text(values), {"id": "s" * 32, "c": count_id, "at": at, "reason": reason})

        with pytest.raises(IntegrityError):
            shift.database.write(write)
    assert shift.rows("SELECT count(*) FROM shift") == [(0,)]


@pytest.mark.parametrize(
    ("moment", "first", "second"),
    [("opening", "e-lead-1", "e-lead-2"), ("opening", "e-lead-2", "e-lead-1"), ("close", "e-lead-2", "e-lead-3")],
)
def test_a_case_is_closed_by_others_and_only_where_there_is_one_whoever_writes_it(shift, moment, first, second):
    """The two who forced it, in either order; and a close that never was."""
    opened = shift.open(scanned(*BOOKS[1:]), reason="found-short")
    settle = "INSERT INTO shift_settlement VALUES (:s, :m, 'fine', :a, :b, NULL, NULL, :at, TRUE)"
    at = time.time_ns() // 1000 + 1_000_000
    refused(shift, settle, s=opened.shift_id, m=moment, a=first, b=second, at=at)
    station.settle(shift.database, opened.shift_id, "recounted", OTHER)


def test_a_count_that_was_used_takes_nothing_more(shift):
    """Neither a place nor a difference, which would have kept the shift from opening; nor a shift people, closed."""
    opened = shift.open()
    refused(shift, "INSERT INTO shift_counted VALUES (:c, 'qc', '', 0, '', :h)", c=opened.count_id, h="0" * 64)
    difference = "INSERT INTO shift_difference VALUES (:c, 'EA0000001', 'missing', 'vault', '', '')"
    refused(shift, difference, c=opened.count_id)
    shift.close()
    refused(shift, "INSERT INTO shift_person VALUES (:s, 'p-0999', 'vault', 'keeper')", s=opened.shift_id)


def test_whoever_edits_a_shift_behind_the_guards_is_found_from_the_rows(line, shift, database_url):
    """A count made to agree, a lead's name put in another's place: the log says otherwise."""
    opened = shift.open()

    def found():
        with open_reading(database_url) as reading:
            return [row["subject"] for _, sql in DIFFERENCES for row in reading.rows(sql)]

    def behind(table, statement, **parameters):
        sqlite = database_url.startswith("sqlite")
        query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
        triggers = shift.rows(query) if sqlite else []
        for name, _ in triggers:
            shift.sql(f"DROP TRIGGER {name}")
        if not sqlite:
            shift.sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        shift.sql(statement, **parameters)

    assert found() == []
    behind("shift_counted", "UPDATE shift_counted SET sha256 = :h WHERE station = 'vault'", h="0" * 64)
    assert set(found()) == {opened.count_id}
    [(serials,)] = shift.rows("SELECT serials FROM shift_counted WHERE station = 'vault'")
    behind_again = "UPDATE shift_counted SET sha256 = :h WHERE station = 'vault'"
    shift.sql(behind_again, h=hashlib.sha256(serials.encode()).hexdigest())
    assert found() == []
    behind("shift", "UPDATE shift SET opening_reason = 'x'")
    assert set(found()) == {opened.shift_id}
    shift.sql("UPDATE shift SET opening_reason = NULL")
