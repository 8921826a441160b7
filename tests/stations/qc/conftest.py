"""The QC desk of a small line."""

import pytest
from read_by_hand import means_by_hand
from small_qc import QcDesk


@pytest.fixture
def desk(line) -> QcDesk:
    """A desk at which nothing waits yet; its readings are real, without a reader's process."""
    return QcDesk.of(line, means_by_hand(line))
