"""The packing desk of a small line, on both databases."""

from collections.abc import Callable
from pathlib import Path

import pytest
from at_once import Attempt, at_once
from small_line import Line
from small_packing_desk import PackingDeskLine


@pytest.fixture
def desk(line: Line) -> PackingDeskLine:
    """Two packers and a lead; nothing has come yet."""
    return PackingDeskLine.of(line)


@pytest.fixture
def together(database_url: str, line: Line, tmp_path: Path) -> Callable[..., list[str]]:
    """Makes attempts at the same instant, each in a process of its own."""

    def attempts(*each: Attempt) -> list[str]:
        return at_once(database_url, tmp_path / "signing", *each)

    return attempts
