"""What tests of pages in a real browser share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fresh_line import fresh_line
from real_browser import launched

from handoff_logs.database import Database


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium with a fresh profile. Not a session's: its loop would run on beneath all other tests."""
    with launched() as opened:
        yield opened


@pytest.fixture
def fresh(
    tmp_path: Path, sqlite_templates: Callable[[bool], Path], signing_keys: Path
) -> Iterator[tuple[str, Database]]:
    """The url of an empty line's database, and itself open."""
    with fresh_line(tmp_path, sqlite_templates(True), signing_keys) as made:
        yield made
