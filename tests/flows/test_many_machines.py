"""A line with many machines: they hold no thread that trays need, and none of them lacks orders that are offered."""

import asyncio
from collections.abc import Iterator
from datetime import date

import pytest
from structlog.testing import capture_logs

from flows import line_state
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.line_state import Line
from flows.machine_work import at_work
from flows.personalization import ORDERS_A_MACHINE, STATION, OrderTrays
from flows.run_folder import RunFolder
from handoff_logs import offers
from stations.climate import bar
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.personalization import activity, station
from stations.personalization.tables import Activity
from stations.review import station as review

BOOKS, CARDS = 2, 1
PERMITS = ("hk_macau_permit", "taiwan_permit")
PATIENCE_S = 30.0


@pytest.fixture
def line(tmp_path, monkeypatch) -> Iterator[Line]:
    """A line of three machines that makes one blocking call at a time; its trays of three orders have passed review."""
    monkeypatch.setattr(line_state, "THREADS", 1)
    folder = RunFolder(tmp_path)
    write_default(folder, books=BOOKS, cards=CARDS, readers=1, tray_size=3, speed=0)
    prepare(folder)
    with open_line(folder, shift="day", stations=("review", STATION)) as opened:
        generate(tmp_path / "batch", 60, 1, day=date(2026, 9, 1))
        load(opened.workplace("intake"), tmp_path / "batch", tmp_path / "replies", tray_size=3)
        with opened.database.read() as connection:
            waiting = offers.waiting(connection, "review")
        for offer in waiting:
            review.work_tray(opened.workplace("review"), offer, opened.parts.reviewer())
        yield opened


def test_machines_leave_the_lines_threads_to_the_trays(line) -> None:
    """More machines than the line has threads, and a tray is served all the same."""

    async def serve() -> str:
        async with at_work(line):
            return await asyncio.wait_for(line.blocking(lambda: "served"), PATIENCE_S)

    assert len(line.machines.each) > line_state.THREADS
    assert asyncio.run(serve()) == "served"


def test_a_line_that_is_interrupted_calls_no_machine_failed(line) -> None:
    """Ctrl-C before the line has the signals cancels everything that waits for the machines' threads."""

    async def serve() -> None:
        async with at_work(line):
            await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    with capture_logs() as said, pytest.raises(asyncio.CancelledError):
        asyncio.run(serve())
    assert [entry for entry in said if entry["log_level"] == "error"] == []
    assert line.stop_reason == "interrupted"


def test_a_full_station_takes_trays_until_no_machine_lacks_orders_and_no_more(line) -> None:
    """However many trays of cards lie before it, a tray of books is taken for the machines that lack books."""
    trays = OrderTrays(line)
    here = line.workplace(STATION)

    def take(green_only: bool) -> str | None:
        taken = trays.claim(green_only=green_only, only=None)
        if taken is None:
            return None
        product = station.product_offered(here, taken.offer)
        station.accept_tray(here, taken.offer)
        return product

    # Whoever is full has so many cards that no more of them are taken.
    while sum(station.orders_waiting(here).get(product, 0) for product in PERMITS) < CARDS * ORDERS_A_MACHINE:
        take(green_only=False)
    taken = []
    while (product := take(green_only=True)) is not None:
        assert station.orders_waiting(here)["passport"] - 3 < BOOKS * ORDERS_A_MACHINE
        taken.append(product)
    assert set(taken) == {"passport"}
    assert station.orders_waiting(here)["passport"] >= BOOKS * ORDERS_A_MACHINE
    with line.database.read() as connection:
        left = {trays._product(offer) for offer in offers.waiting(connection, STATION)}
    assert left & set(PERMITS)
    assert "passport" in left


@pytest.mark.parametrize(
    ("now", "reason", "stands"),
    [
        (Activity.HELD, "jam", True),
        (Activity.SUSPENDED, "no-blanks", True),
        (Activity.SUSPENDED, bar.SUSPENDED, False),
        (Activity.SUSPENDED, bar.UNWATCHED, False),
    ],
)
def test_a_line_ends_where_no_machine_can_go_on_but_waits_for_its_air(
    line, now: Activity, reason: str, stands: bool
) -> None:
    """The air is put right, and a lead resumes, while the line is there to look at it."""
    here, trays = line.workplace(STATION), OrderTrays(line)
    taken = trays.claim(green_only=False, only=None)
    assert taken is not None and taken.offer is not None
    station.accept_tray(here, taken.offer)
    for machine in line.machines.each:
        activity.show(here, machine, now, reason, 1)
    assert line.machines._all_stand() == stands
