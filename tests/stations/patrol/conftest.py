"""A line whose machines are patrolled by enrolled and by emulated people, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from enrolled import enrol
from patrol_line import Patrolled

from handoff_logs.reading import open_reading
from stations.patrol.projection import DIFFERENCES


@pytest.fixture
def patrolled(line: Any, database_url: str) -> Iterator[Patrolled]:
    """Whatever a test does, tables and log say the same of it afterwards."""
    people = enrol(
        line.database, operator="operator", other="operator", lead="lead", keeper="keeper", engineer="engineer"
    )
    yield Patrolled(line, people, line.at("personalization"))
    with open_reading(database_url) as reading:
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []
