"""A line with blanks in the vault whose shift is opened and closed, on both databases."""

import pytest
from small_shift import BOOKS, ShiftLine

from handoff_logs.reading import open_reading
from stations.shift.projection import DIFFERENCES
from stations.vault import receiving
from stations.vault.receiving import Delivery


@pytest.fixture
def shift(line, database_url):
    """Five books lie in the vault; whatever a test does, tables and log say the same of it afterwards."""
    receiving.receive(line.at("vault"), Delivery("book", BOOKS[0], BOOKS[-1], len(BOOKS), "DN-1"))
    yield ShiftLine(line, line.database)
    with open_reading(database_url) as reading:
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []
