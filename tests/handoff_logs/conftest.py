"""The small centre for custody tests, on both databases."""

from collections.abc import Callable

import pytest
from small_centre import Centre

from handoff_logs.database import Database


@pytest.fixture(scope="session")
def centre_type() -> type[Centre]:
    """The class itself, for histories that many tests only read."""
    return Centre


@pytest.fixture
def centre(database: Database) -> Centre:
    """The small centre on a fresh database, once on SQLite and once on PostgreSQL."""
    return Centre(database)


@pytest.fixture
def make_centre() -> Callable[[Database], Centre]:
    """Makes small centres on databases of a test's own."""
    return Centre
