"""Badges: issued by two, ended by one, told alike when refused, and nothing without the password."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import badges, passwords, register, rules
from stations.people_register.badges import holder, issue, revoke, sign_in_by
from stations.people_register.credentials import Credentials, SignedIn, TwoSigned
from stations.people_register.errors import (
    BadCodeError,
    BadgeMissingError,
    BadgeRefusedError,
    NotEnrolledError,
    OwnEnrolmentError,
    RoleMissingError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.people_register.projection import DIFFERENCES
from stations.people_register.sign_in import sign_in, sign_in_as, sign_in_two
from stations.people_register.tables import BadgeEnd

FIRST = Credentials("p-0001", "a password of one")
SECOND = Credentials("p-0002", "a password of two")
KEY = bytes(range(32))
LEAD = Credentials("p-0101", "a password of the lead")


@pytest.fixture
def number(people: Database, administrators: TwoSigned, worker: Credentials) -> str:
    """The operator's badge."""
    return issue(people, KEY, administrators, worker.code, emulated=True)


@pytest.fixture
def lead(people: Database, administrators: TwoSigned) -> SignedIn:
    register.enrol(people, administrators, LEAD, [Role.LEAD], emulated=True)
    return sign_in(people, LEAD)


@pytest.fixture
def rows(people: Database) -> Callable[[str], list[Any]]:
    """Asks one statement."""

    def ask(statement: str) -> list[Any]:
        with people.read() as conn:
            return [tuple(row) for row in conn.execute(text(statement)).all()]

    return ask


@pytest.fixture
def differences(database_url: str) -> Callable[[], list[Any]]:
    def ask() -> list[Any]:
        with open_reading(database_url) as reading:
            return [row["what"] for _, sql in DIFFERENCES for row in reading.rows(sql)]

    return ask


def test_a_badge_stands_in_for_the_code_and_the_password_is_asked_all_the_same(
    people: Database, number: str, worker: Credentials
) -> None:
    signed = sign_in_by(people, KEY, number, worker.password)
    assert (signed.code, signed.roles) == (worker.code, {"operator"})
    for typed in ("a wrong password", "", number):
        with pytest.raises(BadgeRefusedError):
            sign_in_by(people, KEY, number, typed)
    assert sign_in_by(people, KEY, worker.code, worker.password).code == worker.code


def test_a_badge_of_another_key_is_nobodys(people: Database, number: str, worker: Credentials) -> None:
    assert holder(people, KEY, number) == worker.code
    assert holder(people, bytes(32), number) is None
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, bytes(32), number, worker.password)


def test_unknown_ended_locked_and_wrong_are_told_alike(
    people: Database, number: str, worker: Credentials, lead: SignedIn, administrators: TwoSigned
) -> None:
    told = set()

    def refused(number: str, password: str) -> None:
        with pytest.raises(BadgeRefusedError) as refusal:
            sign_in_by(people, KEY, number, password)
        told.add((str(refusal.value), refusal.value.args))

    refused("0" * badges.DIGITS, worker.password)
    revoke(people, lead, worker.code, BadgeEnd.LOST, emulated=True)
    refused(number, worker.password)
    live = issue(people, KEY, administrators, worker.code, emulated=True)
    for _ in range(rules.FAILURES):
        refused(live, "a wrong password")
    refused(live, worker.password)
    assert len(told) == 1
    ((words, _),) = told
    assert worker.code not in words and live not in words and number not in words


def test_wrong_passwords_after_a_badge_lock_its_holders_code(
    people: Database, number: str, worker: Credentials, rows: Any
) -> None:
    for _ in range(rules.FAILURES):
        with pytest.raises(BadgeRefusedError):
            sign_in_by(people, KEY, number, "a wrong password")
    with pytest.raises(SignInLockedError):
        sign_in(people, worker)
    found = rows("SELECT outcome, count(*) FROM sign_in_attempt WHERE code = 'p-0417' GROUP BY outcome ORDER BY 1")
    assert dict(found) == {"begun": 5, "refused": 5, "locked": 1}


def test_an_administrator_and_a_second_issue_neither_of_them_the_holder(
    people: Database, administrators: TwoSigned, worker: Credentials, lead: SignedIn
) -> None:
    first, operator = sign_in(people, FIRST), sign_in(people, worker)

    def two(one: SignedIn, other: SignedIn) -> TwoSigned:
        return TwoSigned(one.code, other.code, one.sign_in, other.sign_in)

    issue(people, KEY, two(first, lead), worker.code, emulated=True)
    for by, code, refusal in (
        (two(lead, first), worker.code, RoleMissingError),
        (two(first, operator), lead.code, RoleMissingError),
        (administrators, FIRST.code, OwnEnrolmentError),
        (administrators, "p-0999", NotEnrolledError),
    ):
        with pytest.raises(refusal):
            issue(people, KEY, by, code, emulated=True)
    register.end(people, administrators, worker.code, emulated=True)
    with pytest.raises(NotEnrolledError):
        issue(people, KEY, administrators, worker.code, emulated=True)
    assert [one.state for one in badges.badges(people)] == ["left"]


def test_a_new_badge_replaces_the_one_before(
    people: Database, number: str, worker: Credentials, administrators: TwoSigned, differences: Any
) -> None:
    second = issue(people, KEY, administrators, worker.code, emulated=True)
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, KEY, number, worker.password)
    assert sign_in_by(people, KEY, second, worker.password).code == worker.code
    before, now = badges.badges(people)
    assert (before.state, before.ended_by) == ("replaced", administrators.codes)
    assert (now.state, now.issued_by, now.ended_us) == ("live", administrators.codes, None)
    assert differences() == []


def test_its_holder_a_lead_or_an_administrator_ends_a_badge_for_good(
    people: Database, number: str, worker: Credentials, lead: SignedIn, administrators: TwoSigned, differences: Any
) -> None:
    packer = Credentials("p-0500", "a password of the packer")
    register.enrol(people, administrators, packer, [Role.PACKER], emulated=True)
    with pytest.raises(RoleMissingError):
        revoke(people, sign_in(people, packer), worker.code, BadgeEnd.LOST, emulated=True)
    assert holder(people, KEY, number) == worker.code
    revoke(people, sign_in(people, worker), worker.code, BadgeEnd.LOST, emulated=True)
    with pytest.raises(BadgeMissingError):
        revoke(people, lead, worker.code, BadgeEnd.LOST, emulated=True)
    issue(people, KEY, administrators, worker.code, emulated=True)
    revoke(people, lead, worker.code, BadgeEnd.REVOKED, emulated=True)
    assert [(one.state, one.ended_by) for one in badges.badges(people)] == [
        ("lost", (worker.code,)),
        ("revoked", (lead.code,)),
    ]
    assert differences() == []


def test_a_badge_that_ends_while_the_password_is_looked_at_signs_nobody_in(
    people: Database, number: str, worker: Credentials, lead: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = passwords.matches

    def revoked_meanwhile(password: str, kept: str | None) -> bool:
        monkeypatch.setattr(passwords, "matches", matches)
        revoke(people, lead, worker.code, BadgeEnd.LOST, emulated=True)
        return matches(password, kept)

    monkeypatch.setattr(passwords, "matches", revoked_meanwhile)
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, KEY, number, worker.password)


def test_number_and_key_are_nowhere_in_the_database(
    people: Database, number: str, worker: Credentials, rows: Any
) -> None:
    sign_in_by(people, KEY, number, worker.password)
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, KEY, "1" * badges.DIGITS, worker.password)
    tables = ("person_badge", "badge_sign_in", "sign_in_attempt", "custody_register", "custody_event")
    kept = json.dumps([rows(f"SELECT * FROM {table}") for table in tables], default=str)
    assert number not in kept and "1" * badges.DIGITS not in kept and KEY.hex() not in kept


def test_every_try_with_a_badge_is_kept(
    people: Database, number: str, worker: Credentials, lead: SignedIn, rows: Any
) -> None:
    sign_in_by(people, KEY, number, worker.password)
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, KEY, "1" * badges.DIGITS, worker.password)
    revoke(people, lead, worker.code, BadgeEnd.LOST, emulated=True)
    with pytest.raises(BadgeRefusedError):
        sign_in_by(people, KEY, number, worker.password)
    found = rows(
        "SELECT badge.code, badge.refusal, attempt.outcome FROM badge_sign_in AS badge LEFT JOIN sign_in_attempt AS"
        " attempt ON attempt.attempt_id = badge.attempt_id ORDER BY badge.at_us"
    )
    assert found == [(worker.code, None, "accepted"), (None, "unknown", None), (worker.code, "ended", None)]


NEW = (
    "INSERT INTO person_badge (mac, code, issued_by, issued_second, issued_us)"
    " VALUES ('new', '{code}', '{by}', '{second}', 1)"
)
TRY = "INSERT INTO badge_sign_in (attempt_id, at_us, mac, code, refusal) VALUES ('x', 1, {mac}, {code}, {refusal})"
MAC = "(SELECT mac FROM person_badge WHERE code = 'p-0417')"


@pytest.mark.parametrize(
    "statement",
    [
        NEW.format(code="p-0417", by="p-0001", second="p-0002"),
        NEW.format(code="p-0101", by="p-0001", second="p-0001"),
        NEW.format(code="p-0101", by="p-0001", second="p-0417"),
        NEW.format(code="p-0101", by="p-0417", second="p-0001"),
        NEW.format(code="p-0002", by="p-0001", second="p-0002"),
        "DELETE FROM person_badge",
        "UPDATE person_badge SET code = 'p-0101'",
        "UPDATE person_badge SET mac = 'other'",
        "UPDATE person_badge SET ended_us = 2, ended_how = 'lost'",
        "UPDATE person_badge SET ended_us = 2, ended_how = 'lost', ended_by = 'p-0500'",
        "UPDATE person_badge SET ended_us = 2, ended_how = 'eaten', ended_by = 'p-0417'",
        TRY.format(mac=MAC, code="'p-0417'", refusal="NULL"),
        TRY.format(mac=MAC, code="'p-0101'", refusal="'ended'"),
        TRY.format(mac=MAC, code="'p-0417'", refusal="'unknown'"),
        TRY.format(mac="NULL", code="NULL", refusal="NULL"),
        "DELETE FROM badge_sign_in",
        "UPDATE badge_sign_in SET at_us = 0",
    ],
)
def test_the_database_itself_keeps_badges(
    people: Database, number: str, worker: Credentials, lead: SignedIn, administrators: TwoSigned, sql: Any,
    statement: str,
) -> None:  # fmt: skip
    packer = Credentials("p-0500", "a password of the packer")
    register.enrol(people, administrators, packer, [Role.PACKER], emulated=True)
    sign_in_by(people, KEY, number, worker.password)
    with pytest.raises(DBAPIError):
        sql(statement)


def test_an_ended_badge_stays_ended(
    people: Database, number: str, worker: Credentials, lead: SignedIn, sql: Any
) -> None:
    revoke(people, lead, worker.code, BadgeEnd.LOST, emulated=True)
    with pytest.raises(DBAPIError):
        sql("UPDATE person_badge SET ended_us = NULL, ended_how = NULL, ended_by = NULL")


def test_a_badge_given_in_the_table_alone_is_found(
    people: Database, number: str, lead: SignedIn, sql: Any, differences: Any
) -> None:
    sql(NEW.format(code=lead.code, by="p-0001", second="p-0002"))
    assert differences() == ["in the table and not in the log: issued p-0101 1 by p-0001 and p-0002"]


def test_a_badge_signs_for_nobody_where_two_sign(people: Database, number: str, worker: Credentials) -> None:
    """A number in place of a code is no code: every act of two asks codes and passwords."""
    with pytest.raises(BadCodeError):
        sign_in_two(people, Credentials(number, worker.password), SECOND, rules.ADMINISTRATORS)
    with pytest.raises(BadCodeError):
        sign_in_as(people, Credentials(number, worker.password), [Role.OPERATOR])
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials(worker.code, number))
