"""Stations of one line beside each other: when each begins, and when it may find the line done."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.gate import Gate, side_by_side
from flows.line_state import Line
from flows.run_folder import RunFolder
from flows.station_run import run_station
from flows.work import TrayToWork


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line on which nothing waits."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0, speed=0)
    prepare(folder)
    with open_line(folder, shift="day", stations=("personalization", "qc")) as opened:
        yield opened


@dataclass
class Station:
    """A station with nothing to take, which says what an earlier run left to it once it `may_say`."""

    station: str
    may_say: Event = field(default_factory=Event)
    abreast: int = 1

    def unfinished(self) -> Sequence[TrayToWork]:
        """Nothing, when asked for long enough."""
        assert self.may_say.wait(30)
        return []

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Nothing."""
        return None

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Never asked for."""
        raise AssertionError(tray)


def run_beside_each_other(line: Line, stations: Sequence[Station], meanwhile: Callable[[], Any]) -> list[str]:
    """The stations that had ended while the others were still to say what they have; `meanwhile` lets these say it."""
    ended: list[str] = []

    async def serve(station: Station, gate: Gate) -> None:
        line.gates[station.station] = gate
        await run_station(line, station)
        ended.append(station.station)

    async def both() -> list[str]:
        running = asyncio.ensure_future(
            side_by_side([partial(serve, each) for each in stations], released=lambda: None)
        )
        await asyncio.sleep(1)
        early = list(ended)
        meanwhile()
        await running
        return early

    return asyncio.run(both())


@pytest.mark.parametrize("slow", [0, 1])
def test_no_station_ends_before_each_has_said_what_an_earlier_run_left_to_it(line: Line, slow: int) -> None:
    """The trays left to one station may be all there is: who ended before would leave what they are offered as."""
    stations = [Station("personalization"), Station("qc")]
    stations[1 - slow].may_say.set()
    assert run_beside_each_other(line, stations, stations[slow].may_say.set) == []
    assert line.working == 0
