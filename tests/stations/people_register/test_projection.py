"""The register of people is what the handoff log says; whoever edits the tables, or signs without having signed in,
is found from the rows alone."""

import pytest
from sqlalchemy import text

from handoff_logs import register as log_register
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.people import Role
from stations.people_register import register
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.projection import DIFFERENCES

RECORDS = (
    "SELECT person, second_person, sign_in, second_sign_in, emulated FROM custody_event WHERE act = 'register'"
    " AND event_id IN (SELECT event_id FROM custody_register WHERE subject = :code) ORDER BY seq"
)


@pytest.fixture
def differences(database_url):
    """Asks what differs; (subject, what) of each rule."""

    def ask():
        with open_reading(database_url) as reading:
            return [(row["subject"], row["what"]) for _, sql in DIFFERENCES for row in reading.rows(sql)]

    return ask


@pytest.fixture
def unguarded(line_database, sql):
    """Runs a statement as somebody could who owns the database: with the table's triggers gone."""

    def execute(table, statement):
        with line_database.read() as conn:
            sqlite = conn.dialect.name == "sqlite"
            query = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
            triggers = list(conn.execute(query, {"table": table}).scalars()) if sqlite else []
        for trigger in triggers:
            sql(f"DROP TRIGGER {trigger}")
        if not sqlite:
            sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        sql(statement)

    return execute


def test_every_change_of_the_register_is_a_record_of_who_signed_it(people, administrators, worker, differences):
    """Founding is the founders' own word; a person's own password is that person's; all else is two others'."""
    register.give_roles(people, administrators, worker.code, [Role.OPERATOR, Role.LEAD], emulated=True)
    register.give_roles(people, administrators, worker.code, [Role.LEAD], emulated=True)
    register.change_password(people, worker, "another password", emulated=True)
    register.replace_password(people, administrators, worker.code, "a third password", emulated=True)
    register.end(people, administrators, worker.code, emulated=True)
    two = ("p-0001", "p-0002", administrators.first_sign_in, administrators.second_sign_in, True)
    with people.read() as conn:
        of_worker = [tuple(row) for row in conn.execute(text(RECORDS), {"code": worker.code})]
        founding = [tuple(row) for row in conn.execute(text(RECORDS), {"code": "p-0001"})]
    own = of_worker.pop(2)
    assert (own[0], own[1], len(own[2]), own[3]) == (worker.code, None, 32, None)
    assert of_worker == [two] * 4
    assert founding == [("p-0001", "p-0002", None, None, True)]
    assert differences() == []


def test_no_hash_of_a_password_is_in_the_log(people, worker):
    with people.read() as conn:
        (hash_,) = conn.execute(text("SELECT hash FROM person_password WHERE code = 'p-0417'")).scalars()
        values = list(conn.execute(text("SELECT value FROM custody_register")).scalars())
    assert not [value for value in values if value and (hash_ in value or "argon" in value)]


def test_what_is_refused_leaves_neither_row_nor_record(people, administrators, worker, differences):
    """The record and the rows are one transaction."""
    count = text("SELECT count(*) FROM custody_event")
    with people.read() as conn:
        before = conn.execute(count).scalar()
    with pytest.raises(register.AlreadyEnrolledError):
        register.enrol(people, administrators, worker, [Role.LEAD], emulated=True)
    with people.read() as conn:
        assert conn.execute(count).scalar() == before
    assert differences() == []


EDITS = (
    ("person", "UPDATE person SET enrolled_us = enrolled_us + 1 WHERE code = 'p-0417'", "enrolled"),
    ("person", "UPDATE person SET enrolled_by = 'p-0003' WHERE code = 'p-0417'", "by p-0003 and p-0002"),
    ("person", "UPDATE person SET ended_us = 9, ended_by = 'p-0001', ended_second = 'p-0002' WHERE code = 'p-0417'",
     "ended 9"),
    ("person_role", "INSERT INTO person_role VALUES ('p-0417', 'lead', 'p-0001', 'p-0002', 9)", "lead 9"),
    ("person_role", "DELETE FROM person_role WHERE code = 'p-0417'", "not in the table: operator"),
    ("person_role", "UPDATE person_role SET role = 'lead' WHERE code = 'p-0417'", "lead"),
    ("person_password", "UPDATE person_password SET set_us = 9 WHERE code = 'p-0417'", "password 9"),
)  # fmt: skip


@pytest.mark.parametrize(("table", "edit", "said"), EDITS, ids=[f"{edit[0]}-{edit[2]}" for edit in EDITS])
def test_an_edited_table_is_found_with_whose_row_it_is(people, administrators, worker, unguarded, differences,
                                                       table, edit, said):  # fmt: skip
    third = Credentials("p-0003", "a password of three")
    register.enrol(people, administrators, third, [Role.ADMINISTRATOR], emulated=True)
    assert differences() == []
    unguarded(table, edit)
    found = differences()
    assert {subject for subject, _ in found} == {worker.code}
    assert [what for _, what in found if said in what]


def test_a_record_without_an_accepted_sign_in_is_found(people, administrators, worker, differences, sql):
    """Made up, another person's, refused, or none at all: all but the founders sign in."""
    register.end(people, TwoSigned("p-0001", "p-0002", "1" * 32, administrators.first_sign_in), worker.code,
                 emulated=True)  # fmt: skip
    made_up = {what for _, what in differences()}
    assert made_up == {f"not by an accepted sign-in of {code}" for code in ("p-0001", "p-0002")}
    entry = [Entry(Register.PERSON, "p-0001", "password", "1")]
    people.write(lambda tx: log_register.record(tx, log_register.administration("p-0001"), None, entry, Stamp(1, True)))
    assert "changed the register of people without a sign-in" in {what for _, what in differences()}
