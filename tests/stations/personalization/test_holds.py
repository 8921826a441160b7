"""A machine that people hold draws nothing, finishes what it drew, and goes on by itself when it is free."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from patrol_line import CRACK, HOLDABLE, walked

from handoff_logs.records import new_id
from stations.by import By
from stations.patrol.rounds import record_round, record_step
from stations.patrol.rules import Step
from stations.personalization import activity, draws, holds, leases
from stations.personalization.errors import HeldByFindingError
from stations.personalization.production import run_machine
from stations.personalization.tables import Activity

ENDED = "SELECT count(*) FROM job WHERE outcome = 'good'"
BEGUN = "SELECT count(*) FROM job"
UNFINISHED = "SELECT count(*) FROM job WHERE unfinished"
AT_REST = "SELECT CASE WHEN EXISTS (SELECT 1 FROM job WHERE unfinished) THEN 0 ELSE 1 END"
WAITING = "SELECT count(*) FROM application WHERE product = 'passport' AND state = 'passed'"
HELD = "SELECT count(*) FROM machine_state WHERE state = 'held' AND reason = 'patrol-finding'"


def hold(shop: Any) -> int:
    return int(record_round(shop.workplace, walked(CRACK), new_id(), By("e-pat-1"), HOLDABLE).findings[0])


def free(shop: Any, finding: int) -> None:
    mender, other = By("e-pat-2"), By("e-pat-3")
    record_step(shop.workplace, finding, Step.TAKEN, mender)
    record_step(shop.workplace, finding, Step.MENDED, mender, "a new cover")
    record_step(shop.workplace, finding, Step.CHECKED, other)


def test_a_machine_is_held_while_it_works_and_takes_up_its_work_when_it_is_free(shop: Any) -> None:
    """Nothing is left half done, and no order is lost."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(60)
    shop.stop.clear()
    with ThreadPoolExecutor(1) as threads:
        machine = shop.driver("book-01")
        running = threads.submit(
            run_machine, shop.workplace, "book-01", machine, shop.stop, setup=shop.setup("book-01"), desk=shop.desk
        )
        try:
            shop.wait_for(ENDED, 2, [running], 30.0)
            finding = hold(shop)
            [(begun,)] = shop.line.facts(BEGUN)
            shop.wait_for(AT_REST, 1, [running], 30.0)
            threading.Event().wait(0.5)
            # One draw may have been under way while the hold was committed, and no other is begun.
            [(then,)] = shop.line.facts(BEGUN)
            assert then <= begun + 1 and shop.line.facts(WAITING)[0][0] > 2
            assert shop.line.facts(UNFINISHED) == [(0,)]
            assert shop.line.facts(HELD) == [(1,)]
            free(shop, finding)
            shop.wait_for(BEGUN, then + 2, [running], 30.0)
        finally:
            shop.stop.set()
        run = running.result(30.0)
    assert run.lost == 0
    assert shop.line.facts(UNFINISHED) == [(0,)]


def test_a_held_machine_is_never_begun_and_stays_shown_when_the_line_ends(shop: Any) -> None:
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(3)
    hold(shop)
    shop.stop.set()
    machine = shop.driver("book-01")
    run = run_machine(shop.workplace, "book-01", machine, shop.stop, setup=shop.setup("book-01"), desk=shop.desk)
    assert run.good == 0 and shop.line.facts(BEGUN) == [(0,)]
    with shop.line.database.read() as conn:
        assert activity.shown(conn, "book-01") == (Activity.HELD, holds.REASON)


def test_no_intent_is_committed_for_a_held_machine(shop: Any) -> None:
    """Whoever draws is refused in the transaction itself, before anything is written."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(1)
    database, setup = shop.line.database, shop.setup("book-01")
    finding = hold(shop)
    machine = shop.driver("book-01")
    machine.open()
    lease = database.write(lambda tx: leases.take(tx, database.clock_us(tx), "book-01", "test", 30.0, 0))
    try:
        with pytest.raises(HeldByFindingError) as refused:
            database.write(lambda tx: draws.draw(tx, lease, machine.hello(), setup.centre, setup.products, 1))
    finally:
        machine.close()
    assert (refused.value.machine, refused.value.finding) == ("book-01", finding)
    assert shop.line.facts(BEGUN) == [(0,)]
