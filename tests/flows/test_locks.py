"""One process runs the whole line, or one runs each station; never both."""

from pathlib import Path

import pytest

from flows.errors import LineRunsAlreadyError
from flows.locks import line_lock, station_lock
from flows.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run's folder."""
    return RunFolder(tmp_path)


def test_the_line_is_run_by_one_process(folder: RunFolder) -> None:
    with line_lock(folder), pytest.raises(LineRunsAlreadyError, match="another process"), line_lock(folder):
        pass
    with line_lock(folder):
        pass


def test_stations_run_beside_each_other_but_each_once(folder: RunFolder) -> None:
    with station_lock(folder, "review"), station_lock(folder, "qc"):
        with pytest.raises(LineRunsAlreadyError), station_lock(folder, "qc"):
            pass
        with pytest.raises(LineRunsAlreadyError), line_lock(folder):
            pass


def test_no_station_runs_beside_the_whole_line(folder: RunFolder) -> None:
    with line_lock(folder), pytest.raises(LineRunsAlreadyError), station_lock(folder, "review"):
        pass
