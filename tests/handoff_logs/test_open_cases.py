"""The cases that are open are in a table of their own, which follows the records and nobody else's word."""

from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs.records import Outcome
from handoff_logs.verify.run import Asked, verify


def open_now(centre: Any) -> list[tuple[str, str, str]]:
    rows = centre.do(lambda tx: tx.execute(text("SELECT case_id, kind, station FROM open_case ORDER BY 1")).all())
    return [tuple(row) for row in rows]


def test_a_case_is_open_from_the_record_that_opens_it_to_the_one_that_settles_it(centre: Any) -> None:
    units = centre.orders(3)
    centre.accept(centre.offer(units), units[:1])
    cases = {unit: centre.case_of(unit) for unit in units[1:]}
    assert open_now(centre) == sorted((case, "missing", "qc") for case in cases.values())
    centre.settle(units[1:2], Outcome.FOUND_AT_SENDER)
    assert open_now(centre) == [(cases[units[2]], "missing", "qc")]


def test_who_hides_an_open_case_is_found(centre: Any, database_url: str) -> None:
    units = centre.orders(2)
    centre.accept(centre.offer(units), units[:1])

    def found() -> set[str]:
        return {problem.rule for problem in verify(database_url, Asked()).problems if problem.step == 7}

    assert found() == set()
    centre.sql("DELETE FROM open_case")
    assert found() == {"open cases follow the log"}


def test_the_table_is_written_by_records_alone_on_postgresql(centre: Any, database_url: str) -> None:
    """What the guards write with their owner's rights, no login of the line may: see `roles.FOLLOWING`."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no logins")
    definers = text(
        "SELECT prosecdef, proconfig FROM pg_proc WHERE proname IN ('custody_case_opened', 'custody_event_settled')"
    )
    with centre.database.read() as conn:
        rows = [tuple(row) for row in conn.execute(definers)]
    assert rows == [(True, ["search_path=public, pg_temp"])] * 2
