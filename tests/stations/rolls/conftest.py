"""Rolls on both databases: people who sign in at the moment of each act, and machines whose counters are given."""

import pytest
from enrolled import enrol
from rolls_in_hand import RollHands

from handoff_logs.reading import open_reading
from stations.rolls.projection import DIFFERENCES


@pytest.fixture
def line_tables() -> bool:
    """Rolls are in the line's tables."""
    return True


@pytest.fixture
def hands(line, database_url):
    """People with rolls; whatever a test does by the rules, tables and log say the same of it afterwards."""
    people = enrol(line.database, keeper="keeper", other="keeper", operator="operator", lead="lead")
    made = RollHands(line, {name: who.code for name, who in people.items()}, database_url)
    yield made
    if not made.forged:
        with open_reading(database_url) as reading:
            assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []
