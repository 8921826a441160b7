"""Rule 5: nothing in the log is changed or deleted; a mistake is put right by a further record that names the first.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | the act again under its id is the stored record | `test_acts` (a correction is a further record, an id used again) |
| plain SQL | each table at the house, by a login of its own | `test_illegal_custody` (every guarded table, every unique key, truncation, replica role), `test_database_roles` (the service's rights), `test_every_column`, `test_threats` (who drops the guards is found) |
| command | `logs sql` changes nothing; no command of `logs` does | `test_snapshot`, `verify/test_command` |
| page | every page but those that take a form, by every method | `test_pages`, `test_app`, `test_shift_pages` |
| two processes | two corrections of one record, and a correction beside a change, at the same instant | `test_races` |
"""  # noqa: E501

from collections.abc import Callable
from typing import Any

import pytest
from at_once import DONE, correct, plain
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from flows.errors import Exit

Together = Callable[..., list[str]]
READ_ONLY = ("/", "/custody", "/queues", "/shifts", "/integrity", "/questions", "/climate", "/board")


def test_of_two_corrections_of_one_record_at_the_same_instant_both_are_kept_and_the_first_is_as_it_was(
    centre: Any, together: Together
) -> None:
    """And a process that would change the record itself is refused beside them."""
    offered = centre.offer(centre.orders(1))
    record = text("SELECT * FROM custody_event WHERE event_id = :id")
    before = centre.do(lambda tx: tx.execute(record, {"id": offered.event_id}).one())
    told = together(
        (correct, ("review", "review-1", offered.event_id, "late")),
        (correct, ("review", "review-2", offered.event_id, "torn")),
        (plain, ("UPDATE custody_event SET reason = 'torn' WHERE event_id = :id", {"id": offered.event_id})),
    )
    assert told[:2] == [DONE, DONE]
    assert told[2] != DONE
    assert centre.do(lambda tx: tx.execute(record, {"id": offered.event_id}).one()) == before
    named = text("SELECT corrects_value FROM custody_event WHERE corrects = :id")
    kept = centre.do(lambda tx: tx.execute(named, {"id": offered.event_id}).scalars().all())
    assert sorted(kept) == ["late", "torn"]


@pytest.mark.parametrize("table", ["custody_event", "custody_unit", "custody_register"])
def test_no_record_of_a_line_is_changed_in_plain_sql(house: Any, table: str) -> None:
    """Any column of any row, by the login that owns the tables."""
    engine = create_engine(house.folder.line().database_url)
    try:
        with engine.connect() as conn:
            columns = list(conn.execute(text(f"SELECT * FROM {table} LIMIT 1")).keys())
        for statement in (*(f"UPDATE {table} SET {name} = {name}" for name in columns), f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match=r"append-only|generated"), engine.begin() as tx:
                tx.execute(text(statement))
    finally:
        engine.dispose()


def test_no_command_of_the_log_changes_it_by_sql(house: Any) -> None:
    before = house.records()
    done = house.do("logs", "sql", "DELETE FROM event")
    assert done.returncode == Exit.REFUSED
    assert "Traceback" not in done.stderr
    assert house.records() == before


def test_no_page_of_the_log_is_written_to_by_any_method(house: Any) -> None:
    before = house.records()
    with house.pages("auditor") as client:
        for address in READ_ONLY:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert client.request(method, address).status_code in (403, 404, 405), (method, address)
    assert house.records() == before
