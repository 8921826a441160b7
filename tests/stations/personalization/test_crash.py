"""Killed at every commit boundary of a document's way, the line goes on: one live document each, no blank lost."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from stations.intake.generator.defects import Shares
from stations.personalization import station
from stations.trays import GREEN

HOST = Path(__file__).parent / "host.py"
PATIENCE_S = 60
# From the fence that recovery takes to the release of the second document: every boundary comes up at least once.
BOUNDARIES = range(1, 23)
# From the emergency's acceptance to the end of the document that it overtook.
OVERTAKING = range(20, 40)


@pytest.fixture
def work(shop, forks):
    """Runs host processes until so many are made, or until they die; their exit status."""

    def run(until: int, die_at: int, *more: str) -> int:
        status, said = forks.run(HOST, shop.line.folder, shop.line.database_url, "book-01", until, die_at, *more)
        assert status in (0, -signal.SIGKILL), said
        return status

    return run


@pytest.mark.crash
@pytest.mark.timeout(600)
def test_a_host_killed_at_every_commit_makes_each_document_once(shop, work, database_url):
    """Never two live documents of one application and no blank lost, whatever commit the host dies at."""
    shop.line.database_url = database_url
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(90)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    # Odd strides, to see before and after; tests/crash walks every boundary of the whole way on SQLite.
    points = BOUNDARIES[::5] if database_url.startswith("sqlite") else BOUNDARIES[2::9]
    killed = Counter(work(orders, die_at) for die_at in points)
    assert killed[-signal.SIGKILL] == len(points)
    assert work(orders, 0) == 0
    agree(shop, orders)


@pytest.mark.crash
@pytest.mark.timeout(600)
def test_a_host_killed_while_an_emergency_overtakes_makes_each_document_once(shop, work, database_url):
    """Also between the commit that draws the emergency and the blank that is given back for it."""
    shop.line.database_url = database_url
    shop.line.shares = Shares(emergencies=0.4, expedited=0, intake_defects=0, review_defects=0)
    shop.stock("book")
    shop.start("book-01")
    shop.review_orders(90, tray_size=1)
    for offer in shop.line.waiting("personalization"):
        if offer.priority != GREEN or station.product_offered(shop.workplace, offer) != "passport":
            station.accept_tray(shop.workplace, offer)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    points = OVERTAKING[::5] if database_url.startswith("sqlite") else OVERTAKING[2::7]
    killed = Counter(work(orders, die_at, "green") for die_at in points)
    assert killed[-signal.SIGKILL] == len(points)
    for offer in shop.line.waiting("personalization"):
        station.accept_tray(shop.workplace, offer)
    assert work(orders, 0) == 0
    assert shop.line.facts("SELECT count(*) FROM job WHERE code = 'overtaken'")[0][0] > 0
    agree(shop, orders)


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_machine_killed_at_work_is_reconciled_and_the_order_made(shop):
    """A machine that loses its memory of motion says UNKNOWN; two people look, and no document is made twice."""
    shop.stock("book")
    shop.start("book-01", "book-02")
    shop.accept_orders(60)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    over = threading.Event()
    killed = []

    def kill() -> None:
        # By what is made, not by the clock: however fast the machine is, it is killed in the middle of its work.
        for made, machine in zip(range(1, orders, orders // 6), ("book-01", "book-02") * 3, strict=False):
            while shop.line.facts("SELECT count(*) FROM job WHERE outcome = 'good'")[0][0] < made:
                if over.wait(0.002):
                    return
            pid = shop.supervisor.pid(machine)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed.append(machine)
                while shop.supervisor.pid(machine) == pid:
                    time.sleep(0.001)
            shop.supervisor.ensure()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        shop.run("book-01", "book-02", until=orders, patience_s=PATIENCE_S)
    finally:
        over.set()
        killer.join()
    shop.supervisor.ensure()
    shop.run("book-01", "book-02", until=orders)
    assert killed
    agree(shop, orders)


def agree(shop, orders: int) -> None:
    """The books and the world tell the same: each application once, each piece where the log has it."""
    seen = shop.tally().pieces
    alive = Counter(piece.identity for piece in seen.values() if piece.made and not piece.defaced)
    assert set(alive.values()) == {1}
    assert len(alive) == orders
    assert shop.line.facts("SELECT count(*) FROM job WHERE unfinished OR (live AND outcome <> 'good')") == [(0,)]
    live = "SELECT count(*) FROM job WHERE live GROUP BY application_id HAVING count(*) > 1"
    assert shop.line.facts(live) == []
    recorded = shop.line.facts(
        "SELECT number, place, state FROM whereabouts JOIN unit_number USING (unit_id) "
        "WHERE whereabouts.kind = 'blank' AND state <> 'ended'"
    )
    assert {serial: place for serial, place, _ in recorded} == {
        serial: piece.place for serial, piece in seen.items() if not piece.made or piece.defaced
    }
    assert all((state == "void") == seen[serial].defaced for serial, _, state in recorded)
