"""A small line to work trays on, with one real reader, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_line import READER, Line

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.registry import open_reader
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.qc import station as qc
from stations.qc.readers import ReaderPool
from stations.review import station as review


@pytest.fixture
def line_tables() -> bool:
    """Stations keep their tables beside the log's."""
    return True


@pytest.fixture
def line_database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    """A fresh database with custody and line tables."""
    with Database(database_url, keyring=keyring) as opened:
        yield opened


@pytest.fixture
def line(line_database: Database, database_url: str, tmp_path: Path) -> Iterator[Line]:
    """An empty line; whatever a test does with it, the log holds no violation of custody afterwards."""
    made = Line(line_database, tmp_path)
    yield made
    made.close()
    with open_reading(database_url) as reading:
        assert violations(reading) == []


@pytest.fixture
def readers(line: Line) -> Iterator[ReaderPool]:
    """One emulated reader in a process of its own, on its real port."""
    supervisor = Supervisor(line.folder, speed=0.0, seed=1)
    supervisor.start([EmulatorSpec(READER.id, READER.driver, READER.serial)])
    reader = open_reader(READER, line.folder / "machines")
    pool = ReaderPool({READER.id: reader})
    yield pool
    reader.close()
    supervisor.stop()


@pytest.fixture
def inspected(line: Line, readers: ReaderPool) -> Callable[[int], Line]:
    """Makes a line with that many documents that passed QC and are on their way to packing."""

    def make(documents: int) -> Line:
        line.file(documents)
        for offer in line.waiting("review"):
            review.work_tray(line.at("review"), offer, line.reviewer)
        line.make_documents()
        for offer in line.waiting("qc"):
            qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)
        return line

    return make
