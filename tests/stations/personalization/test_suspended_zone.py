"""A machine whose zone is suspended finishes what it has drawn and draws no more, until a lead resumes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from enrolled import enrol
from sqlalchemy import text

from devices.oee import Group
from devices.roles import Climate
from flows.machine_time import periods_of, shifts_of
from handoff_logs.records import new_id
from stations.climate import bar, station
from stations.climate.errors import ZoneSuspendedError
from stations.climate.rules import Figure, Look, Zone
from stations.people_register.credentials import SignedIn
from stations.personalization import leases
from stations.personalization.production import run_machine

ZONE = Zone("core", {Figure.TEMPERATURE: (18.0, 26.0)}, 0.0, 10.0, ("air-01",), ("book-01",))
ORDERS = 24
PATIENCE_S = 90.0
GOOD = "SELECT count(*) FROM job WHERE outcome = 'good'"
UNFINISHED = "SELECT count(*) FROM job WHERE unfinished"
SHOWN = "SELECT state, reason FROM machine_state WHERE machine = 'book-01'"
PERIODS = "SELECT state, reason, began_us, shift, emulated FROM machine_period ORDER BY position"


class Air:
    """The zone of book-01, looked at when a test says so."""

    def __init__(self, shop: Any, lead: SignedIn) -> None:
        self._database, self._lead = shop.line.database, lead
        self._database.write(lambda tx: station.follow_settings(tx, [ZONE], emulated=True))

    def look(self, temperature: str) -> None:
        """Twice, a moment apart: without a grace, what is outside at the second suspends."""
        looks = [Look("air-01", Climate(Decimal(temperature), Decimal("45.0")))]
        for _ in range(2):
            time.sleep(0.01)
            self._database.write(lambda tx: station.record(tx, ZONE, looks, self._database.clock_us(tx), emulated=True))

    def resume(self) -> None:
        def write(tx: Any) -> None:
            now_us, attempt = self._database.clock_us(tx), new_id()
            insert = text("INSERT INTO sign_in_attempt VALUES (:id, :code, :at, 'accepted')")
            tx.execute(insert, {"id": attempt, "code": self._lead.code, "at": now_us})
            by = SignedIn(self._lead.code, self._lead.roles, attempt)
            station.resume(tx, "core", "repaired", by, now_us, emulated=True)

        self._database.write(write)


@pytest.fixture
def air(shop: Any) -> Air:
    return Air(shop, enrol(shop.line.database, lead="lead")["lead"])


@pytest.fixture
def stocked(shop: Any, air: Air) -> Any:
    """A machine with blanks and orders before it."""
    shop.supervisor._speed = 200.0
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(ORDERS, tray_size=ORDERS)
    return shop


@contextmanager
def at_work(shop: Any) -> Iterator[None]:
    """The machine works in a thread while the block runs."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(
            run_machine,
            shop.workplace,
            "book-01",
            shop.driver("book-01"),
            stop,
            setup=shop.setup("book-01"),
            desk=shop.desk,
        )
        try:
            yield
        finally:
            stop.set()
        running.result(PATIENCE_S)


def until(true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


def orders(shop: Any) -> int:
    return int(shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0])


def test_the_documents_under_way_are_finished_and_no_more_drawn_until_a_lead_resumes(stocked: Any, air: Air) -> None:
    shop, facts = stocked, stocked.line.facts
    air.look("22.0")
    with at_work(shop):
        until(lambda: facts(GOOD)[0][0] >= 1)
        air.look("31.0")
        drawn = facts("SELECT count(*) FROM job")[0][0]
        until(lambda: tuple(facts(SHOWN)[0]) == ("suspended", bar.SUSPENDED))
        assert facts(UNFINISHED)[0][0] == 0, "nothing is stopped half-way"
        made = facts(GOOD)[0][0]
        assert (facts("SELECT count(*) FROM job")[0][0], made) == (drawn, drawn)
        assert made < orders(shop)
        air.look("22.0")
        time.sleep(0.7)
        assert tuple(facts(SHOWN)[0]) == ("suspended", bar.SUSPENDED), "air that is right again resumes nothing"
        air.resume()
        until(lambda: facts(GOOD)[0][0] == orders(shop))
    time_of = shifts_of("book-01", periods_of(rows_of(shop), time.time_ns() // 1_000, None))
    (worked,) = time_of
    (stoppage,) = worked.stoppages
    assert (stoppage.state, stoppage.reason, stoppage.times) == (Group.SUSPENDED, bar.SUSPENDED, 1)
    assert stoppage.seconds > 0.7
    assert worked.by_group[Group.HELD] == 0
    assert sum(worked.by_group.values()) == pytest.approx(worked.planned_s), "suspended time was planned"


def rows_of(shop: Any) -> list[dict[str, Any]]:
    names = ("state", "reason", "began_us", "shift", "emulated")
    return [dict(zip(names, row, strict=True)) for row in shop.line.facts(PERIODS)]


def test_a_run_that_begins_in_a_suspended_zone_draws_nothing(stocked: Any, air: Air) -> None:
    """Whatever became of the process that worked before."""
    air.look("31.0")
    with at_work(stocked):
        until(lambda: bool(stocked.line.facts(SHOWN)))
        until(lambda: tuple(stocked.line.facts(SHOWN)[0]) == ("suspended", bar.SUSPENDED))
        time.sleep(0.3)
    assert stocked.line.facts("SELECT count(*) FROM job")[0][0] == 0
    assert stocked.line.facts(SHOWN)[0][0] == "stopped"


def test_a_machine_that_nobody_watches_waits_for_the_first_look(stocked: Any, air: Air) -> None:
    with at_work(stocked):
        until(lambda: bool(stocked.line.facts(SHOWN)))
        until(lambda: tuple(stocked.line.facts(SHOWN)[0]) == ("suspended", bar.UNWATCHED))
        air.look("22.0")
        until(lambda: stocked.line.facts(GOOD)[0][0] == orders(stocked))


def test_what_a_machine_made_and_the_database_forgot_is_booked_once_resumed(stocked: Any, air: Air) -> None:
    """A typed refusal holds the machine meanwhile: no intent is written in a suspended zone."""
    from stations.personalization import draws

    database = stocked.line.database
    air.look("31.0")
    lease = database.write(lambda tx: leases.take(tx, database.clock_us(tx), "book-01", "test", 30.0, 0))
    with database.read() as connection:
        order = draws.waiting_orders(connection, ("passport",))[0]
    driver = stocked.driver("book-01")
    identity = driver.open()

    def take_up(tx: Any) -> None:
        draws.take_up(tx, lease, identity, order, "f" * 32, 1, None)

    with pytest.raises(ZoneSuspendedError, match="passline climate resume core"):
        database.write(take_up)
    driver.close()
    air.look("22.0")
    air.resume()
    database.write(take_up)
