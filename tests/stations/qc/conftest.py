"""The QC desk of a small line."""

import pytest
from small_qc import QcDesk

from stations.qc.reading_back import Means


@pytest.fixture
def desk(line, readers) -> QcDesk:
    """A desk at which nothing waits yet."""
    return QcDesk.of(line, Means(line.inspector, readers, line.trust_anchor))
