"""The hours of the board are what the tables say, by the local clock, found by indexes alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from line_books import Books
from sqlalchemy import create_engine
from statement_plans import whole_tables

from flows.board_watch import SEALS
from flows.throughput import HOUR_US, HOURLY, throughput
from handoff_logs.pages.moments import in_us, local
from handoff_logs.reading import open_reading
from stations.people_register.displays import SAID
from stations.personalization.tables import MachineState
from stations.shift.stops import OPEN_SHIFT

FIRST_US = in_us(local(1_790_000_000_000_000).replace(minute=0, second=0, microsecond=0))
MINUTE_US = 60_000_000


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = create_engine(database_url)
    yield Books(engine)
    engine.dispose()


def test_each_station_is_counted_by_the_hour_it_finished_in(books: Books, database_url: str) -> None:
    first, last = FIRST_US + MINUTE_US, FIRST_US + 2 * HOUR_US + 59 * MINUTE_US
    books.put(MachineState, machine="book-01", state="execute", since_us=first, emulated=True)
    books.made("book-01", 3, first)
    books.made("book-01", 2, last)
    books.inspected(books.reviewed(4, first), last)
    books.packed(25, last)
    books.taken_away(12, first)
    books.taken_away(13, last)
    books.taken_away(99, None)
    with open_reading(database_url) as reading:
        found = throughput(reading, first, last)
    assert found.hours == (FIRST_US, FIRST_US + HOUR_US, FIRST_US + 2 * HOUR_US)
    assert found.documents == {
        "review": (4, 0, 0),
        "personalization": (3, 0, 2),
        "qc": (0, 0, 4),
        "packing": (0, 0, 25),
        "mailing": (12, 0, 13),
    }


def test_what_was_done_before_is_in_no_hour_nor_what_comes_after_the_question(books: Books, database_url: str) -> None:
    since_us = FIRST_US + 30 * MINUTE_US
    books.taken_away(1, since_us - 1)
    books.taken_away(2, since_us)
    books.taken_away(4, FIRST_US + HOUR_US)
    with open_reading(database_url) as reading:
        found = throughput(reading, since_us, since_us + MINUTE_US)
    assert found.documents["mailing"] == (2,) and found.hours == (FIRST_US,)


def test_the_board_of_the_pages_reads_no_growing_table_whole(sqlite_templates: Any) -> None:
    asked = [re.sub(r":\w+", "0", one).strip() for one in (HOURLY, SEALS, OPEN_SHIFT, SAID)]
    assert whole_tables(asked, sqlite_templates(True)) == set()
