"""No single value in any custody or seal table can be changed, and no row removed or doubled, unseen."""

from typing import Any

import pytest

from handoff_logs.guard_names import APPEND_ONLY

pytestmark = pytest.mark.usefixtures("remembered")


def changed(value: Any, column: str) -> Any:
    """Another value of the same kind."""
    if value is None:
        return 1 if column.endswith(("_us", "_number", "_step", "position", "priority")) else "x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return ("0" if value[:1] != "0" else "1") + value[1:]


def test_what_was_written_verifies(bare: Any) -> None:
    assert bare.problems() == []
    for table in APPEND_ONLY:
        assert bare.rows(table), table


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_changed_value_is_found(bare: Any, table: str) -> None:
    rows = bare.rows(table)
    unseen = []
    for column in rows[0].keys() - {"row_id"}:
        told = [row for row in rows if row[column] is not None]
        silent = [row for row in rows if row[column] is None]
        for row in (*told[-1:], *silent[:1]):
            with bare.damaged():
                value = changed(row[column], column)
                if table == "custody_event" and column == "emulated" and bare.dialect == "sqlite":
                    value = 1 - row[column]
                bare.set(table, column, row, value)
                if not bare.problems():
                    unseen.append((column, row[column], value))
    assert unseen == []


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["DELETE FROM {table}", "INSERT INTO {table} SELECT * FROM {table}"])
def test_a_row_removed_or_doubled_is_found(bare: Any, table: str, change: str) -> None:
    for row in bare.rows(table)[-1:]:
        with bare.damaged():
            sql = f"{change.format(table=table)} WHERE {bare.row_id} = {bare.mark}"
            bare.connection.execute(sql, (row["row_id"],))
            assert bare.problems() != []
