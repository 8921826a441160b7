"""A session at the terminal is its person's for a shift at most, and the database alone can't make or bend one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs import direct
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError, UnreadableDatabaseError
from handoff_logs.records import new_id
from stations.people import Role
from stations.people_register import register, terminal_sessions
from stations.people_register.credentials import Credentials, SignedIn, TwoSigned
from stations.people_register.errors import SessionEndedError, SignInRefusedError
from stations.people_register.sign_in import sign_in
from stations.people_register.tables import SessionEnd
from stations.people_register.terminal_sessions import (
    BACK_US,
    IDLE_US,
    LONGEST_US,
    SEEN_EVERY_US,
    Secret,
    Where,
    Why,
    begin,
    end,
    password_set_us,
    resume,
)

KEY, HERE = bytes(range(32)), Where("computer-1", "line", "/dev/pts/3")
SECOND_US = 1_000_000


@pytest.fixture
def url(line_database: Database, database_url: str) -> str:
    """The url of the register's database."""
    return database_url


@pytest.fixture
def session(people: Database, url: str, worker: Credentials) -> Secret:
    """The worker's session."""
    return signed_in(people, url, worker)


def signed_in(database: Database, url: str, who: Credentials) -> Secret:
    set_us = password_set_us(url, who.code)
    return begin(url, KEY, sign_in(database, who), set_us, HERE)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the database's clock so many microseconds off from now on."""
    real = {kind: kind.clock_us for kind in (direct._SqliteWriting, direct._PostgresqlWriting)}

    def shift(off_us: int) -> None:
        for kind, clock in real.items():
            monkeypatch.setattr(kind, "clock_us", lambda self, clock=clock: clock(self) + off_us)

    return shift


def why(url: str, secret: Secret, key: bytes = KEY) -> str | None:
    """Why a session is refused; None if it holds."""
    try:
        resume(url, key, secret)
    except SessionEndedError as error:
        return error.why
    return None


def test_a_session_is_its_persons_with_their_roles_of_now(
    people: Database, url: str, session: Secret, worker: Credentials, administrators: TwoSigned
) -> None:
    found = resume(url, KEY, session)
    assert (found.code, found.roles, found.where) == (worker.code, {Role.OPERATOR}, HERE)
    assert found.until_us - found.begun_us == LONGEST_US
    register.give_roles(people, administrators, worker.code, [Role.AUDITOR], emulated=True)
    assert resume(url, KEY, session).roles == {Role.OPERATOR, Role.AUDITOR}


def test_the_database_keeps_nothing_that_opens_a_session(people: Database, session: Secret) -> None:
    assert "token" not in repr(session).replace("session_id", "") and session.token not in repr(session)
    with people.read() as conn:
        (row,) = conn.execute(text("SELECT * FROM terminal_session")).all()
    assert session.token not in " ".join(map(str, row))
    assert len(session.token) >= 43


def test_it_ends_after_eight_hours_however_busy(url: str, session: Secret, later: Callable[[int], None]) -> None:
    for minutes in range(20, 8 * 60, 20):
        later(minutes * 60 * SECOND_US)
        assert why(url, session) is None
    later(LONGEST_US)
    assert why(url, session) == Why.OVER
    later(0)
    assert why(url, session) == Why.LAPSED, "refused once, it is refused for good: a clock set back revives nothing"


def test_it_ends_half_an_hour_after_the_last_question(url: str, session: Secret, later: Callable[[int], None]) -> None:
    later(IDLE_US - SECOND_US)
    resume(url, KEY, session, asks=False)
    assert why(url, session) is None
    later(IDLE_US + SECOND_US)
    assert why(url, session) is None, "it was asked something since"
    later(2 * IDLE_US + SECOND_US)
    assert why(url, session) == Why.IDLE
    assert why(url, session) == Why.LAPSED


def test_looking_who_is_signed_in_keeps_nobody_signed_in(
    url: str, session: Secret, later: Callable[[int], None]
) -> None:
    later(IDLE_US - SECOND_US)
    before = resume(url, KEY, session, asks=False).idle_us
    later(IDLE_US + SECOND_US)
    with pytest.raises(SessionEndedError, match="half an hour"):
        resume(url, KEY, session, asks=False)
    assert before <= resume_begun(url) + IDLE_US


def resume_begun(url: str) -> int:
    with direct.open_writing(url) as writing:
        return int(writing.rows("SELECT begun_us FROM terminal_session")[0]["begun_us"])


def test_a_clock_set_back_ends_it(url: str, session: Secret, later: Callable[[int], None]) -> None:
    later(-BACK_US // 2)
    assert why(url, session) is None
    later(10 * 60 * SECOND_US)
    assert why(url, session) is None
    later(5 * 60 * SECOND_US)
    assert why(url, session) == Why.CLOCK
    later(10 * 60 * SECOND_US)
    assert why(url, session) == Why.LAPSED


def test_questions_within_a_minute_write_nothing(
    people: Database, url: str, session: Secret, later: Callable[[int], None]
) -> None:
    def seen() -> int:
        with people.read() as conn:
            return int(conn.execute(text("SELECT seen_us FROM terminal_session")).scalar_one())

    before = seen()
    later(SEEN_EVERY_US // 2)
    resume(url, KEY, session)
    assert seen() == before
    later(SEEN_EVERY_US + SECOND_US)
    resume(url, KEY, session)
    assert seen() > before


def test_it_ends_with_its_persons_standing(
    people: Database, url: str, session: Secret, worker: Credentials, administrators: TwoSigned
) -> None:
    register.end(people, administrators, worker.code, emulated=True)
    assert why(url, session) == Why.LEFT


@pytest.mark.parametrize("forgotten", [False, True])
def test_it_ends_with_a_changed_password_whatever_the_clock_says(
    people: Database, url: str, session: Secret, worker: Credentials, administrators: TwoSigned, forgotten: bool
) -> None:
    if forgotten:
        register.replace_password(people, administrators, worker.code, "another password", emulated=True)
    else:
        register.change_password(people, worker, "another password", emulated=True)
    assert why(url, session) == Why.PASSWORD
    assert why(url, signed_in(people, url, Credentials(worker.code, "another password"))) is None


def test_a_password_changed_while_somebody_signs_in_begins_no_session(
    people: Database, url: str, worker: Credentials
) -> None:
    set_us = password_set_us(url, worker.code)
    signed = sign_in(people, worker)
    register.change_password(people, worker, "another password", emulated=True)
    for seen in (set_us, None):
        with pytest.raises(SignInRefusedError):
            begin(url, KEY, signed, seen, HERE)


@pytest.mark.parametrize("replaced", [False, True])
def test_an_ended_session_opens_nothing_for_whoever_copied_it(url: str, session: Secret, replaced: bool) -> None:
    assert end(url, KEY, dataclasses.replace(session, token="x" * 43)) is None
    assert why(url, session) is None, "only its holder ends it"
    assert end(url, KEY, session, replaced=replaced) == "p-0417"
    assert why(url, session) == (Why.REPLACED if replaced else Why.SIGNED_OUT)
    assert end(url, KEY, session) is None


def test_a_refusal_says_what_to_do_and_nothing_of_the_token(url: str, session: Secret) -> None:
    end(url, KEY, session)
    with pytest.raises(SessionEndedError, match="`passline sign-in p-0417`") as known:
        resume(url, KEY, session)
    with pytest.raises(SessionEndedError, match="`passline sign-in CODE`") as unknown:
        resume(url, bytes(32), session)
    assert session.token not in f"{known.value} {unknown.value}"


def test_neither_a_guessed_token_nor_another_lines_key_opens_it(url: str, session: Secret) -> None:
    assert why(url, dataclasses.replace(session, token="A" * 43)) == Why.UNKNOWN
    assert why(url, session, key=bytes(32)) == Why.UNKNOWN
    assert why(url, dataclasses.replace(session, session_id=new_id())) == Why.UNKNOWN
    assert why(url, session) is None, "and does not end it either"


EDITS = {
    "session_id": f"'{'0' * 32}'",
    "code": "'p-0001'",
    "sign_in": "(SELECT max(attempt_id) FROM sign_in_attempt WHERE outcome = 'accepted' AND code <> 'p-0417')",
    "password_us": "password_us + 1",
    "begun_us": "begun_us + 1, seen_us = seen_us + 1",
    "until_us": "until_us - 1",
    "computer": "'elsewhere'",
    "account": "'root'",
    "terminal": "'/dev/tty1'",
    "mac": f"'{'0' * 64}'",
}
"""What each column that is never changed is changed to."""


def unguarded(database: Database, statement: str) -> None:
    """Do as the owner of the tables can who takes the guards away."""
    sqlite = database._writers.dialect.name == "sqlite"
    triggers = ("no_replace", "begun", "keeps", "no_delete")
    drops = (
        [f"DROP TRIGGER terminal_session_{name}" for name in triggers]
        if sqlite
        else ["ALTER TABLE terminal_session DISABLE TRIGGER USER"]
    )
    database.write(lambda tx: [tx.execute(text(each)) for each in [*drops, statement]])


@pytest.mark.parametrize("column", EDITS)
def test_a_session_whose_record_the_databases_owner_edited_is_none(
    people: Database, url: str, session: Secret, column: str
) -> None:
    unguarded(people, f"UPDATE terminal_session SET {column} = {EDITS[column]}")
    secret = dataclasses.replace(session, session_id="0" * 32) if column == "session_id" else session
    assert why(url, secret) == Why.UNKNOWN


def test_a_session_that_the_service_login_writes_for_itself_is_none(
    people: Database, url: str, worker: Credentials, sql: Callable[..., Any]
) -> None:
    """Whoever has a login and not the line's keys can record a sign-in that was none, and still has no session."""
    set_us, attempt = password_set_us(url, worker.code), new_id()
    with direct.open_writing(url) as writing:
        now_us = writing.clock_us()
    sql("INSERT INTO sign_in_attempt VALUES (:id, 'p-0417', :now, 'accepted')", id=attempt, now=now_us)
    forged = begin(url, bytes(32), SignedIn(worker.code, frozenset(), attempt), set_us, HERE)
    assert why(url, forged) == Why.UNKNOWN


def test_the_guards_say_what_may_be_changed(people: Database, url: str, session: Secret, sql: Any) -> None:
    refused = [f"UPDATE terminal_session SET {column} = {EDITS[column]}" for column in EDITS]
    refused += [
        "DELETE FROM terminal_session",
        f"UPDATE terminal_session SET seen_us = seen_us + {IDLE_US}",
        "UPDATE terminal_session SET seen_us = until_us",
        "UPDATE terminal_session SET ended_us = 1",
        "UPDATE terminal_session SET ended_us = 1, ended_how = 'forgotten'",
    ]
    for statement in refused:
        with pytest.raises((DBAPIError, HandoffLogError)):
            sql(statement)
    sql(f"UPDATE terminal_session SET seen_us = seen_us + {IDLE_US - 1}")
    with pytest.raises((DBAPIError, HandoffLogError), match="otherwise never changed"):
        sql("UPDATE terminal_session SET seen_us = seen_us - 1")
    sql("UPDATE terminal_session SET ended_us = 1, ended_how = 'lapsed'")
    for statement in (
        "UPDATE terminal_session SET ended_us = NULL, ended_how = NULL",
        "UPDATE terminal_session SET ended_us = 2",
    ):
        with pytest.raises((DBAPIError, HandoffLogError)):
            sql(statement)


def test_the_database_begins_no_session_without_a_sign_in_accepted_just_now(
    people: Database, url: str, worker: Credentials, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_us = password_set_us(url, worker.code)
    signed = sign_in(people, worker)
    begin(url, KEY, signed, set_us, HERE)
    with direct.open_writing(url) as writing:
        now_us = writing.clock_us()
    attempts = {"refused": (new_id(), now_us), "accepted": (new_id(), now_us - 61 * SECOND_US)}
    for outcome, (attempt, at_us) in attempts.items():
        sql("INSERT INTO sign_in_attempt VALUES (:id, 'p-0417', :at, :how)", id=attempt, at=at_us, how=outcome)
    for sign_in_id in (signed.sign_in, new_id(), *(attempt for attempt, _ in attempts.values())):
        with pytest.raises(UnreadableDatabaseError):
            begin(url, KEY, SignedIn("p-0417", frozenset(), sign_in_id), set_us, HERE)
    monkeypatch.setattr(terminal_sessions, "LONGEST_US", LONGEST_US + 1)
    with pytest.raises(UnreadableDatabaseError):
        begin(url, KEY, sign_in(people, worker), set_us, HERE)


def test_every_end_is_told_in_words() -> None:
    assert set(terminal_sessions._HOW) == set(SessionEnd)
