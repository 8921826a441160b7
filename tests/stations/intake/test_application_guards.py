"""What the database itself holds of applications and their stops, tried in plain SQL on both databases."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import filing
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from stations.intake import states, station
from stations.intake.generator.defects import Shares
from stations.intake.tables import ApplicationState as State

PASSPORTS = Shares(hk_macau_permit=0, taiwan_permit=0, intake_defects=0, review_defects=0)
MOVE = text("UPDATE application SET state = :after, live = :live WHERE application_id = :id")
STOP = text(
    "INSERT INTO application_stop (stop_id, application_id, reason, state_before, stopped_by, stopped_us)"
    " VALUES (:stop, :id, 'alert', :before, 'e-lead-1', 1)"
)
END = "UPDATE application_stop SET outcome = '{}', ended_by = 'e-lead-1', ended_second = 'e-lead-2', ended_us = 2"

HELD = "INSERT INTO review_verdict VALUES (:id, 1, 1, 'e-rev-1', 'hold', 'person_name', 1, TRUE)"
ANSWERED = (
    "INSERT INTO sign_in_attempt VALUES ('asked', 'p-0001', 1, 'accepted')",
    f"INSERT INTO review_question VALUES ('{'a' * 32}', :id, 1, 1, 'jinan', 1, 'p-0001', 'asked', TRUE)",
    "INSERT INTO review_answer VALUES (:id, 1, 1, 'person_name:confirmed', '2026-11-30', 1, 'p-0001', 'asked', TRUE)",
)


@pytest.fixture
def ids(intake: Any, make_batch: Callable[..., Any]) -> list[str]:
    """As many waiting applications as there are states."""
    intake.load(make_batch(len(State), shares=PASSPORTS))
    with intake.workplace.database.read() as conn:
        return list(conn.execute(text("SELECT application_id FROM application ORDER BY 1")).scalars())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = create_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sql(engine: Engine) -> Callable[..., Any]:
    """Runs one statement in a transaction of its own, past every rule of the program."""

    def run(statement: Any, **facts: Any) -> Any:
        with engine.begin() as tx:
            return tx.execute(text(statement) if isinstance(statement, str) else statement, facts)

    return run


@pytest.fixture
def stopped(intake: Any, ids: list[str]) -> str:
    """An application that was passed, and then stopped."""
    write = intake.workplace.database.write
    write(lambda tx: states.advance(tx, ids[:1], State.WAITING, State.PASSED))
    write(lambda tx: station.stop(tx, ids[0], "e-lead-1", "alert", 1))
    return ids[0]


def is_let(engine: Engine, application_id: str, before: State, after: State) -> bool:
    """Whether the database lets an application go from one state to another; what was tried is undone."""
    with engine.connect() as conn, conn.begin() as tried:
        if after is State.STOPPED and before is not State.DISPATCHED and before is not State.RETURNED:
            conn.execute(STOP, {"stop": f"tried-{before}", "id": application_id, "before": before})
        if before is State.HELD and after is State.WAITING:
            for statement in ANSWERED:
                conn.execute(text(statement), {"id": application_id} if ":id" in statement else {})
        try:
            conn.execute(MOVE, {"id": application_id, "after": after, "live": after in states.LIVE})
        except IntegrityError:
            return False
        finally:
            tried.rollback()
    return True


def test_the_moves_that_the_database_lets_are_those_of_the_table(engine: Engine, ids: list[str]) -> None:
    """Each state to each other, the guards' literals being copied by hand."""
    stands = dict(zip(State, ids, strict=True))
    with engine.begin() as tx:
        tx.execute(text(HELD), {"id": stands[State.HELD]})
        for state, application_id in stands.items():
            filing.take(tx, [application_id], filing.WAYS[state])
    let = {(before, after) for before, after in permutations(State, 2) if is_let(engine, stands[before], before, after)}
    assert let == {(before, after) for before, follow in states.MOVES.items() for after in follow}


def test_a_held_application_goes_back_to_review_with_an_answer_alone(sql: Any, ids: list[str]) -> None:
    """Nor past it: who held it had a question. The answer is to the newest hold."""
    sql(HELD, id=ids[0])
    sql(MOVE, id=ids[0], after="held", live=True)
    for after in ("waiting", "passed"):
        with pytest.raises(DBAPIError, match=r"with the answer to its question|illegal move"):
            sql(MOVE, id=ids[0], after=after, live=True)
    with pytest.raises(DBAPIError, match="to the question that was sent"):
        sql(ANSWERED[0])
        sql(ANSWERED[2], id=ids[0])
    for statement in ANSWERED[1:]:
        sql(statement, id=ids[0])
    sql(MOVE, id=ids[0], after="waiting", live=True)


def test_an_application_begins_waiting_whoever_files_it(sql: Any, ids: list[str], engine: Engine) -> None:
    names = "application_key, revision, product, service_class, delivery, office, accepted_us, deadline_us, provisional"
    names += ", priority, person_key, applicant, batch_id, emulated"
    copied = names.replace("application_key", ":id").replace("person_key", ":id")
    for state, live in (("passed", "TRUE"), ("in_production", "TRUE"), ("stopped", "TRUE"), ("waiting", "FALSE")):
        with pytest.raises(DBAPIError, match="application"):
            sql(
                f"INSERT INTO application (application_id, order_unit, state, live, {names})"
                f" SELECT :id, :id, '{state}', {live}, {copied} FROM application WHERE application_id = :of",
                id="forged",
                of=ids[0],
            )
    if engine.dialect.name == "sqlite":
        # One that waits again in place of one that does not.
        sql(MOVE, id=ids[0], after="passed", live=True)
        with pytest.raises(DBAPIError, match="filed once"):
            sql(
                f"INSERT OR REPLACE INTO application (application_id, order_unit, state, live, {names}) SELECT"
                f" application_id, order_unit, 'waiting', TRUE, {names} FROM application WHERE application_id = :of",
                of=ids[0],
            )


@pytest.mark.parametrize(
    "change",
    [
        "application_id = 'other'",
        "application_key = 'other'",
        "revision = revision + 1",
        "product = 'taiwan_permit'",
        "person_key = 'other'",
    ],
)
def test_an_application_stays_whose_it_is_and_what_it_becomes(sql: Any, ids: list[str], change: str) -> None:
    """Or its person, or its number, would be free to be filed once more beside it."""
    with pytest.raises(DBAPIError, match=r"stays the application|violates foreign key"):
        sql(f"UPDATE application SET {change} WHERE application_id = :id", id=ids[0])
    with pytest.raises(DBAPIError, match="never deleted"):
        sql("DELETE FROM application")


def test_an_application_takes_no_others_order(sql: Any, ids: list[str], engine: Engine) -> None:
    """Which would be replaced without a word on SQLite."""
    how = "UPDATE OR REPLACE" if engine.dialect.name == "sqlite" else "UPDATE"
    taken = "(SELECT order_unit FROM application WHERE application_id = :other)"
    with pytest.raises(IntegrityError):
        sql(f"{how} application SET order_unit = {taken} WHERE application_id = :id", id=ids[0], other=ids[1])
    sql("UPDATE application SET order_unit = 'remade' WHERE application_id = :id", id=ids[0])


def test_nothing_is_stopped_without_a_stop_on_record_that_says_where_it_stood(sql: Any, ids: list[str]) -> None:
    move = {"id": ids[0], "after": "stopped", "live": True}
    with pytest.raises(DBAPIError, match="stop on record"):
        sql(MOVE, **move)
    with pytest.raises(DBAPIError, match="where the application stands"):
        sql(STOP, stop="x", id=ids[0], before="in_production")
    sql(STOP, stop="x", id=ids[0], before="waiting")
    sql(MOVE, id=ids[0], after="passed", live=True)
    with pytest.raises(DBAPIError, match="stop on record"):
        sql(MOVE, **move)


def test_a_stopped_application_goes_on_only_where_it_was_and_only_released_on_record(
    sql: Any, stopped: str, intake: Any
) -> None:
    for state in ("waiting", "passed", "held", "in_production", "dispatched", "returned"):
        with pytest.raises(DBAPIError, match="as two people released it"):
            sql(MOVE, id=stopped, after=state, live=State(state) in states.LIVE)
    sql(END.format("released"))
    for state in ("waiting", "held", "in_production", "dispatched", "returned"):
        with pytest.raises(DBAPIError, match="as two people released it"):
            sql(MOVE, id=stopped, after=state, live=State(state) in states.LIVE)
    sql(MOVE, id=stopped, after="passed", live=True)
    # The release of the first stop is none of the second.
    intake.workplace.database.write(lambda tx: station.stop(tx, stopped, "e-lead-1", "alert", 3))
    with pytest.raises(DBAPIError, match="as two people released it"):
        sql(MOVE, id=stopped, after="passed", live=True)


def test_a_stopped_application_frees_its_person_only_closed_on_record_and_then_for_good(sql: Any, stopped: str) -> None:
    free = "UPDATE application SET live = FALSE WHERE application_id = :id"
    with pytest.raises(DBAPIError, match="two people closed it"):
        sql(free, id=stopped)
    sql(END.format("closed"))
    sql(free, id=stopped)
    for statement in (
        "UPDATE application SET live = TRUE WHERE application_id = :id",
        "UPDATE application SET live = TRUE, state = 'passed' WHERE application_id = :id",
    ):
        with pytest.raises(DBAPIError, match="application: "):
            sql(statement, id=stopped)


@pytest.mark.parametrize(
    "rewritten",
    [
        "UPDATE application_stop SET reason = 'mistake'",
        "UPDATE application_stop SET state_before = 'waiting'",
        "UPDATE application_stop SET stopped_by = 'p-0001'",
        "UPDATE application_stop SET stopped_us = 0",
        "UPDATE application_stop SET outcome = NULL, ended_by = NULL, ended_second = NULL, ended_us = NULL",
        "UPDATE application_stop SET ended_by = 'p-0001'",
        "UPDATE application_stop SET outcome = 'closed'",
        "DELETE FROM application_stop",
    ],
)
def test_a_stop_is_ended_once_and_otherwise_never_changed(sql: Any, stopped: str, rewritten: str) -> None:
    if "ended" not in rewritten and "outcome" not in rewritten:
        with pytest.raises(DBAPIError, match="application_stop: "):
            sql(rewritten)
    sql(END.format("released"))
    with pytest.raises(DBAPIError, match="application_stop: "):
        sql(rewritten)


def test_a_stop_begins_open_and_is_not_put_in_anothers_place(
    sql: Any, stopped: str, ids: list[str], engine: Engine
) -> None:
    """A whole stop that was never made is no release."""
    columns = "stop_id, application_id, reason, state_before, stopped_by, stopped_us"
    ended = "outcome, ended_by, ended_second, ended_us"
    forged = "VALUES ('f', :id, 'alert', 'waiting', 'a', 1, 'released', 'a', 'b', 2)"
    with pytest.raises(DBAPIError, match="begins open"):
        sql(f"INSERT INTO application_stop ({columns}, {ended}) {forged}", id=ids[1])
    if engine.dialect.name == "sqlite":
        other = "SELECT stop_id, :id, reason, 'waiting', stopped_by, 1 FROM application_stop"
        with pytest.raises(DBAPIError, match="begins open"):
            sql(f"INSERT OR REPLACE INTO application_stop ({columns}) {other}", id=ids[1])
