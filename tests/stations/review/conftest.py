"""The review desk of a small line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from at_once import Attempt, at_once
from small_desk import Desk


@pytest.fixture
def desk(line) -> Desk:
    """A desk at which nothing waits yet."""
    return Desk.of(line)


@pytest.fixture
def together(database_url, database, tmp_path: Path) -> Callable[..., list[str]]:
    """Makes attempts at the same instant, each in a process of its own."""

    def attempts(*each: Attempt) -> list[str]:
        return at_once(database_url, tmp_path / "signing", *each)

    return attempts
