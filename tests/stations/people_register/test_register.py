"""Who is enrolled, by whom; the program refuses with a sentence, and the database whatever the program does."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.errors import HandoffLogError
from stations.people import Role
from stations.people_register import register
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.errors import (
    AlreadyEnrolledError,
    EmulatedStaffError,
    NotEnrolledError,
    OwnEnrolmentError,
    PasswordRefusedError,
    RegisterFoundedError,
    RoleMissingError,
    SamePersonTwiceError,
    SignInRefusedError,
)
from stations.people_register.sign_in import sign_in

REFUSED = (DBAPIError, HandoffLogError)
NEW = Credentials("p-0500", "a password of five")


def codes(database):
    """Everybody who is or was enrolled."""
    return [one.code for one in register.everybody(database)]


def enrol_administrator(database, administrators, code):
    """A further administrator; their credentials."""
    new = Credentials(code, f"a password of {code}")
    register.enrol(database, administrators, new, [Role.ADMINISTRATOR], emulated=True)
    return new


def signed(first, second):
    """Two who signed in by attempts that nobody looks up."""
    return TwoSigned(first, second, "1" * 32, "2" * 32)


def test_a_register_is_founded_once(people):
    with pytest.raises(RegisterFoundedError):
        register.found(people, NEW, Credentials("p-0501", "a password of six"), emulated=True)
    assert codes(people) == ["p-0001", "p-0002"]


def test_of_two_who_found_at_once_one_wins(line_database):
    def found(number):
        pair = [Credentials(f"p-{number}00{one}", "a long password") for one in (1, 2)]
        try:
            register.found(line_database, *pair, emulated=True)
        except RegisterFoundedError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(found, range(1, 5))) == [False, False, False, True]
    assert len(codes(line_database)) == 2


def test_one_person_founds_no_register(line_database):
    with pytest.raises(SamePersonTwiceError):
        register.found(line_database, NEW, NEW, emulated=True)
    with pytest.raises(PasswordRefusedError):
        register.found(line_database, NEW, Credentials("p-0501", "short"), emulated=True)
    assert codes(line_database) == []


def test_a_person_is_enrolled_by_two_others_and_the_register_says_by_whom(people, administrators):
    register.enrol(people, administrators, NEW, [Role.OPERATOR, Role.LEAD], emulated=True)
    (enrolled,) = [one for one in register.everybody(people) if one.code == NEW.code]
    assert (enrolled.roles, enrolled.by, enrolled.ended_us) == (("lead", "operator"), ("p-0001", "p-0002"), None)


def test_emulated_staff_is_never_enrolled(people, administrators, line_database):
    with pytest.raises(EmulatedStaffError):
        register.enrol(
            people, administrators, Credentials("e-per-1", "a long password"), [Role.OPERATOR], emulated=True
        )
    with pytest.raises(EmulatedStaffError):
        register.is_enrolled(line_database, "e-per-1")


def test_a_code_is_given_once_also_after_its_person_left(people, administrators, worker):
    with pytest.raises(AlreadyEnrolledError):
        register.enrol(people, administrators, worker, [Role.LEAD], emulated=True)
    register.end(people, administrators, worker.code, emulated=True)
    with pytest.raises(AlreadyEnrolledError, match="has left"):
        register.enrol(people, administrators, worker, [Role.LEAD], emulated=True)
    with pytest.raises(NotEnrolledError):
        register.give_roles(people, administrators, worker.code, [Role.LEAD], emulated=True)


def test_nobody_signs_about_themself(people, administrators, worker):
    for act in (register.end, lambda *who, emulated: register.give_roles(*who, [Role.LEAD], emulated=emulated)):
        with pytest.raises(OwnEnrolmentError):
            act(people, administrators, administrators.first, emulated=True)
    with pytest.raises(OwnEnrolmentError):
        register.replace_password(people, administrators, administrators.second, "another password", emulated=True)


def test_only_administrators_change_the_register(people, administrators, worker):
    """Also when they were administrators as they signed and have been ended since."""
    with pytest.raises(RoleMissingError):
        register.enrol(people, signed("p-0001", worker.code), NEW, [Role.OPERATOR], emulated=True)
    third = enrol_administrator(people, administrators, "p-0003")
    register.end(people, signed("p-0001", third.code), "p-0002", emulated=True)
    with pytest.raises(RoleMissingError):
        register.enrol(people, administrators, NEW, [Role.OPERATOR], emulated=True)
    assert NEW.code not in codes(people)


def test_two_administrators_always_remain(people, administrators):
    """Three who end each other at one moment: one is ended, the others stay."""
    enrol_administrator(people, administrators, "p-0003")
    signers = {
        "p-0003": administrators,
        "p-0001": signed("p-0002", "p-0003"),
        "p-0002": signed("p-0001", "p-0003"),
    }

    def end(code):
        try:
            register.end(people, signers[code], code, emulated=True)
        except RoleMissingError:
            return False
        return True

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(end, signers)) == [False, False, True]


def test_roles_are_added_and_stay(people, administrators, worker):
    register.give_roles(people, administrators, worker.code, [Role.OPERATOR, Role.INSPECTOR], emulated=True)
    assert sign_in(people, worker).roles == {"operator", "inspector"}


def test_a_password_is_changed_by_its_person_or_replaced_before_two_administrators(people, administrators, worker):
    with pytest.raises(SignInRefusedError):
        register.change_password(
            people, Credentials(worker.code, "not the password"), "another password", emulated=True
        )
    register.change_password(people, worker, "another password", emulated=True)
    assert sign_in(people, Credentials(worker.code, "another password"))
    register.replace_password(people, administrators, worker.code, "a third password", emulated=True)
    for old in (worker.password, "another password"):
        with pytest.raises(SignInRefusedError):
            sign_in(people, Credentials(worker.code, old))
    with pytest.raises(PasswordRefusedError):
        register.change_password(people, Credentials(worker.code, "a third password"), "short", emulated=True)


INSERT = "INSERT INTO person (code, founder, enrolled_by, enrolled_second, enrolled_us) VALUES "
ROLE = "INSERT INTO person_role (code, role, given_by, given_second, given_us) VALUES "
ENDED = "UPDATE person SET ended_us = 2, ended_by = '{}', ended_second = '{}' WHERE code = '{}'"


FORBIDDEN = (
    INSERT + "('p-0500', NULL, 'p-0001', 'p-0001', 1)",
    INSERT + "('p-0500', NULL, 'p-0500', 'p-0001', 1)",
    INSERT + "('p-0500', NULL, 'p-0001', NULL, 1)",
    INSERT + "('p-0500', NULL, 'p-0001', 'p-0417', 1)",
    INSERT + "('p-0500', 1, NULL, NULL, 1)",
    INSERT + "('p-0500', 3, NULL, NULL, 1)",
    INSERT + "('e-0500', NULL, 'p-0001', 'p-0002', 1)",
    INSERT + "('p-0417', NULL, 'p-0001', 'p-0002', 1)",
    ROLE + "('p-0417', 'administrator', NULL, NULL, 1)",
    ROLE + "('p-0417', 'lead', NULL, NULL, 1)",
    ROLE + "('p-0417', 'lead', 'p-0001', 'p-0417', 1)",
    ROLE + "('p-0417', 'chief', 'p-0001', 'p-0002', 1)",
    ROLE + "('p-0001', 'lead', 'p-0001', 'p-0002', 1)",
    ENDED.format("p-0001", "p-0001", "p-0417"),
    ENDED.format("p-0001", "p-0417", "p-0417"),
    ENDED.format("p-0001", "p-0002", "p-0002"),
    "UPDATE person SET enrolled_us = 2 WHERE code = 'p-0417'",
    "UPDATE person SET code = 'p-0999' WHERE code = 'p-0417'",
    "DELETE FROM person",
    "UPDATE person_role SET role = 'administrator' WHERE code = 'p-0417'",
    "DELETE FROM person_role",
    "DELETE FROM person_password",
    "UPDATE person_password SET code = 'p-0001' WHERE code = 'p-0417'",
    "UPDATE sign_in_attempt SET outcome = 'accepted'",
    "DELETE FROM sign_in_attempt",
)
"""One person twice, somebody for themself, no administrator, a change, a removal."""


def test_the_database_refuses_what_two_administrators_did_not_sign(people, worker, sql):
    """Plain SQL, past the program."""
    sign_in(people, worker)
    before = register.everybody(people)
    for statement in FORBIDDEN:
        try:
            sql(statement)
        except REFUSED:
            continue
        pytest.fail(f"the database took {statement}")
    assert register.everybody(people) == before


def test_an_end_is_for_ever(people, administrators, worker, sql):
    register.end(people, administrators, worker.code, emulated=True)
    for change in ("ended_us = NULL, ended_by = NULL, ended_second = NULL", "ended_us = 5"):
        with pytest.raises(REFUSED):
            sql(f"UPDATE person SET {change} WHERE code = 'p-0417'")


def test_no_row_is_written_over(people, worker, sql):
    """SQLite's REPLACE deletes a row without a delete trigger; PostgreSQL has TRUNCATE."""
    sign_in(people, worker)
    for table in ("person", "person_role", "sign_in_attempt"):
        with people.read() as conn:
            sqlite = conn.dialect.name == "sqlite"
            row = conn.execute(text(f"SELECT * FROM {table}")).mappings().first()
        replace = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join(f':{name}' for name in row)})"
        statement, values = (replace, row) if sqlite else (f"TRUNCATE {table} CASCADE", {})
        with pytest.raises(REFUSED):
            sql(statement, **values)
