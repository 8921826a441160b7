"""The packing desk of a small line, on both databases."""

import pytest
from small_line import Line
from small_packing_desk import PackingDeskLine


@pytest.fixture
def desk(line: Line) -> PackingDeskLine:
    """Two packers and a lead; nothing has come yet."""
    return PackingDeskLine.of(line)
