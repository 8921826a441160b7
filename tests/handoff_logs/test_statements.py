"""Statements are the driver's, but speak like the rest of the log."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from handoff_logs import errors, whereabouts
from handoff_logs.dialects import listed
from handoff_logs.statements import Statement, drive


def test_ids_are_one_parameter_for_any_number_of_them(centre: Any) -> None:
    units = centre.orders(3)
    count = Statement("SELECT count(*) FROM whereabouts WHERE unit_id IN {ids} AND state = :state")
    with centre.database.read() as conn:
        found = [count.run(conn, {"ids": listed(units[:n]), "state": "held"}).fetchall() for n in range(4)]
    assert found == [[(0,)], [(1,)], [(2,)], [(3,)]]


@pytest.mark.parametrize("name", ['"', "\\", "晓", "50 %", ":ids"])
def test_a_listed_value_comes_back_as_it_was(centre: Any, name: str) -> None:
    echo = Statement("SELECT listed.* FROM {ids} AS listed")
    with centre.database.read() as conn:
        assert echo.run(conn, {"ids": listed([name])}).fetchone() == (name,)


def test_refusals_come_as_those_of_sqlalchemy(centre: Any) -> None:
    unit = centre.orders(1)[0]
    again = Statement("INSERT INTO whereabouts SELECT * FROM whereabouts WHERE unit_id = :unit_id")
    with pytest.raises(IntegrityError):
        centre.do(lambda tx: again.run(tx, {"unit_id": unit}))
    with pytest.raises(DBAPIError):
        centre.do(lambda tx: drive(tx, "SELECT nothing FROM nowhere", ()))


def test_a_number_is_taken_within_its_kind_only(centre: Any) -> None:
    """Kinds number apart: a blank may carry what an order carries, never what a blank carries."""
    centre.orders(1, numbers=["A1"])
    centre.blanks(1, numbers=["A1"])
    with pytest.raises(errors.NumberTakenError) as refused:
        centre.blanks(1, numbers=["A1"])
    assert refused.value.args == ("blank", "A1")


def test_a_hastened_unit_never_goes_later(centre: Any) -> None:
    unit = centre.orders(1)[0]
    centre.accept(centre.offer([unit], priority=2), [unit])
    priorities = []
    for priority in (1, 2, 0):
        centre.do(lambda tx, priority=priority: whereabouts.hasten(tx, unit, priority))
        priorities.append(centre.standing(unit).priority)
    assert priorities == [1, 1, 0]
