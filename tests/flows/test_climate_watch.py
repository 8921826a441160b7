"""The watch of a line's zones on a real emulated sensor: what it keeps, what it makes of a sensor that fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from devices.emulation.control import ControlClient, EmulatorGoneError
from flows.climate_watch import watched
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.line_state import Line
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from stations.climate import bar, station
from stations.climate.sensing import Sensing

PATIENCE_S = 30.0


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line whose air is looked at ten times a second and may be outside for two."""
    with _line(RunFolder(tmp_path / "line"), dust=0) as opened:
        yield opened


@contextmanager
def _line(folder: RunFolder, *, dust: int) -> Iterator[Line]:
    write_default(folder, books=1, cards=0, readers=1, small=0, dust=dust, gate=False, speed=0)
    text = folder.configuration.read_text("utf-8")
    text = text.replace("grace_s = 300", "grace_s = 2").replace("every_s = 10", "every_s = 0.1")
    folder.configuration.write_text(text, "utf-8")
    prepare(folder)
    with open_line(folder, shift="day", stations=("personalization",)) as opened:
        yield opened


def facts(line: Line, sql: str) -> list[dict[str, Any]]:
    with closing(open_reading(line.folder.line().database_url)) as reading:
        return reading.rows(sql)


def watch(line: Line, act: Callable[[], Awaitable[None]]) -> None:
    """Do `act` while the zones are watched."""

    async def both() -> None:
        async with watched(line):
            await act()

    asyncio.run(both())


async def until(true: Callable[[], object]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s
        await asyncio.sleep(0.05)


def barred(line: Line) -> str | None:
    return line.database.write(lambda tx: bar.barred(tx, "book-01", line.database.clock_us(tx)))


def test_the_air_was_looked_at_before_anything_works_in_it_and_the_minute_is_kept(line: Line) -> None:
    async def act() -> None:
        assert barred(line) is None
        await asyncio.sleep(0.3)

    assert barred(line) == bar.UNWATCHED
    watch(line, act)
    (kept,) = facts(line, "SELECT sensor, looks, silent, temperature_mean_c, emulated FROM climate_reading")
    assert (kept["sensor"], kept["silent"], kept["temperature_mean_c"], kept["emulated"]) == ("air-01", 0, 22.0, 1)
    assert kept["looks"] >= 2


def test_dust_that_only_a_counter_tells_suspends_after_the_grace_and_a_clean_room_stays_suspended(
    tmp_path: Path,
) -> None:
    with _line(RunFolder(tmp_path / "line"), dust=1) as line:

        async def act() -> None:
            assert barred(line) is None
            with closing(ControlClient(line.folder.machines / "dust-01")) as control:
                control.ask("set", particles_m3=4_000_000)
                await until(lambda: facts(line, "SELECT 1 FROM climate_crossing"))
                assert barred(line) is None, "within the grace"
                await until(lambda: barred(line) == bar.SUSPENDED)
                control.ask("set", particles_m3=352_000)
            await until(lambda: not facts(line, "SELECT 1 FROM climate_zone WHERE out_since_us IS NOT NULL"))
            assert barred(line) == bar.SUSPENDED

        watch(line, act)
        told = facts(line, "SELECT sensor, figure, value FROM climate_suspension")
        assert [tuple(row.values()) for row in told] == [("dust-01", "particles", 4_000_000.0)]
        kept = facts(line, "SELECT DISTINCT sensor, temperature_mean_c FROM climate_reading ORDER BY sensor")
        assert [tuple(row.values()) for row in kept] == [("air-01", 22.0), ("dust-01", None)]


@pytest.mark.parametrize("fault", ["sensor-silent", "impossible-reading", "drift"])
def test_a_sensor_that_goes_wrong_suspends_after_the_grace_and_comes_back(line: Line, fault: str) -> None:
    async def act() -> None:
        with closing(ControlClient(line.folder.machines / "air-01")) as control:
            what = {"name": fault, "at": "", "before": False, "times": 0, "every": 1, "seed": 0}
            control.ask("fault", fault=what)
            await until(lambda: facts(line, "SELECT 1 FROM climate_crossing"))
            assert barred(line) is None, "within the grace"
            await until(lambda: barred(line) == bar.SUSPENDED)
            control.ask("clear-faults")
        await until(lambda: not facts(line, "SELECT 1 FROM climate_zone WHERE out_since_us IS NOT NULL"))
        assert barred(line) == bar.SUSPENDED

    watch(line, act)
    crossings = facts(line, "SELECT figure, outwards FROM climate_crossing ORDER BY at_us")
    figure = "temperature" if fault == "drift" else "silence"
    assert [(row["figure"], bool(row["outwards"])) for row in crossings] == [(figure, True), (figure, False)]
    assert bool(facts(line, "SELECT 1 FROM climate_reading WHERE silent > 0")) == (fault != "drift")


def test_a_sensor_that_lost_its_power_is_opened_again_once_it_is_back(line: Line) -> None:
    async def act() -> None:
        with closing(ControlClient(line.folder.machines / "air-01")) as control:
            control.end("power-loss")
        await until(lambda: facts(line, "SELECT 1 FROM climate_sensor WHERE failure IS NOT NULL"))
        await line.blocking(line.parts.switch_on)
        await until(lambda: not facts(line, "SELECT 1 FROM climate_sensor WHERE failure IS NOT NULL"))
        assert barred(line) is None

    watch(line, act)
    assert facts(line, "SELECT 1 FROM climate_suspension") == []


def test_a_watch_that_fails_stops_the_line(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no sensor's silence is nobody's guess: no document is begun in air that nobody records."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no record")

    async def act() -> None:
        monkeypatch.setattr(station, "record", fail)
        await until(lambda: line.stopping)

    with capture_logs() as said, pytest.raises(RuntimeError, match="no record"):
        watch(line, act)
    assert line.stop_reason == "the watch of core's climate failed: no record"
    assert [entry["event"] for entry in said if entry["log_level"] == "error"] == ["climate_watch_failed"]


def test_what_is_no_failure_of_a_device_is_raised() -> None:
    class NoSensor:
        machine = "air-09"

        def open(self) -> None: ...

        def close(self) -> None: ...

        def read(self) -> None:
            raise EmulatorGoneError("air-09", 1.0)

    assert Sensing(NoSensor()).look().failure == "EmulatorGoneError"  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        Sensing(object()).look()  # type: ignore[arg-type]
