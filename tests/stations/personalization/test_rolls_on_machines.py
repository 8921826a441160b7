"""A roll on a real machine: what the machine counts while it is on is what the books have of that time."""

from typing import Any

import pytest
from enrolled import enrol
from rolls_in_hand import RollHands
from sqlalchemy import Connection

from devices.messages import Counters
from devices.roles import MachineIdentity
from handoff_logs import log
from stations.personalization import (
    blanks,
    booking,
    draws,
    jobs,
    leases,
    rules,
    settlement,
    specimen_run,
    specimens,
)
from stations.rolls import station
from stations.rolls.errors import PieceInWorkError
from stations.rolls.rules import CounterReading, RollAct

MACHINE = "book-01"


@pytest.fixture
def hands(shop: Any, database_url: str) -> RollHands:
    """People with a roll at personalization, and a machine with blanks to fill."""
    people = enrol(shop.line.database, keeper="keeper", other="keeper", operator="operator", lead="lead")
    made = RollHands(shop.line, {name: who.code for name, who in people.items()}, database_url)
    shop.stock("book")
    shop.start(MACHINE, spoil_rate=0.2)
    made.receive("L-1")
    made.hand(RollAct.ISSUED, "L-1")
    return made


def read(shop: Any) -> CounterReading:
    """What the machine says, and nobody else."""
    driver = shop.driver(MACHINE)
    identity = driver.open()
    driver.close()
    counts = identity.counters
    return CounterReading(MACHINE, identity.serial, identity.journal_id, counts.good, counts.rejected, emulated=True)


def made(shop: Any, documents: int, seed: int) -> None:
    shop.accept_orders(documents, seed=seed)
    done = shop.line.facts("SELECT count(*) FROM job WHERE outcome = 'good'")[0][0]
    passports = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport' AND state = 'passed'")
    assert passports[0][0]
    shop.run(MACHINE, until=done + passports[0][0])


def test_machine_and_books_agree_on_each_roll_alone(hands: RollHands, shop: Any) -> None:
    """Documents before it was mounted, and after it was taken off, are none of it; spoiled pieces are."""
    made(shop, 6, seed=1)
    station.mount(hands.signed(("operator",)), "L-1", read(shop), "book")
    before = shop.line.facts("SELECT count(*) FROM job WHERE outcome IN ('good', 'failed')")[0][0]
    made(shop, 12, seed=2)
    between = shop.line.facts("SELECT count(*) FROM job WHERE outcome IN ('good', 'failed')")[0][0] - before
    on = hands.rows()["L-1"]
    assert on["made"] + on["spoiled"] == between and on["used"] == 0
    station.take_off(hands.signed(("operator",)), "L-1", read(shop))
    made(shop, 6, seed=3)
    row = hands.rows()["L-1"]
    assert (row["made"], row["spoiled"]) == (on["made"], on["spoiled"])
    assert row["spoiled"] > 0
    assert row["used"] == between
    assert row["findings"] == []
    hands.hand(RollAct.RETURNED, "L-1")
    hands.hand(RollAct.DESTROYED, "L-1", left=100 - row["made"] - 1, reason="shredded")
    assert hands.rows()["L-1"]["findings"] == []


def test_blanks_that_were_fed_two_at_a_time_are_explained(hands: RollHands, shop: Any) -> None:
    """The machine counts both as rejected; the books have them as voided at it, for no job or one."""
    made(shop, 2, seed=1)
    station.mount(hands.signed(("operator",)), "L-1", read(shop), "book")
    shop.supervisor.control(MACHINE).ask("fault", fault={"name": "double-feed"})
    made(shop, 4, seed=2)
    station.take_off(hands.signed(("operator",)), "L-1", read(shop))
    row = hands.rows()["L-1"]
    assert row["unsure"] > 0
    assert row["findings"] == []


@pytest.mark.parametrize("counted", [0, 1])
def test_a_piece_in_work_is_booked_before_its_roll_is_taken_off(hands: RollHands, shop: Any, counted: int) -> None:
    """A drawn one does not matter. One that people settled the machine has counted, or not: both are explained."""
    hands.mount("L-1", good=5)
    shop.accept_orders(6)
    blanks.load(shop.workplace, shop.desk, MACHINE, "book", 3)
    identity = MachineIdentity(MACHINE, "B1", "1", "0", True, "j", 1, 1, 0, Counters(0, 0, 0, 0, 0), ())

    def begin(tx: Connection) -> tuple[leases.Lease, str]:
        lease = leases.take(tx, 1, MACHINE, "w", 30, 0)
        draw = draws.draw(tx, lease, identity, "jinan", ("passport",), 1)
        serial = next(iter(blanks.at(tx, rules.input_stack(MACHINE))))
        booking.book_prepared(
            tx, shop.workplace, lease, booking.work_of(jobs.find(tx, draw.job_id)), serial, serial, "0" * 64
        )
        return lease, draw.job_id

    lease, job = shop.line.database.write(begin)
    with shop.line.database.read() as conn:
        station.check_taking_off(conn, "L-1")
    shop.line.database.write(lambda tx: jobs.starting(tx, lease, job, 1))
    with pytest.raises(PieceInWorkError, match="book-01 has a piece in work whose outcome is not booked"):
        hands.take_off("L-1", good=5)

    def doubt(tx: Connection) -> None:
        jobs.uncertain(tx, lease, job, jobs.JobState.STARTING)
        unit = jobs.find(tx, job).blank_unit
        stamp = booking.stamp(shop.workplace, MACHINE)
        log.doubt(tx, shop.workplace.party(), [unit], rules.reject_bin(MACHINE), stamp)
        jobs.doubted(tx, lease, job, "power lost", None)

    shop.line.database.write(doubt)
    with pytest.raises(PieceInWorkError):
        hands.take_off("L-1", good=5)
    settlement.settle(shop.workplace, job, rules.Settlement.MADE_BAD, "e-per-1", "e-per-2", rules.bench(MACHINE), None)
    hands.take_off("L-1", good=5 + counted)
    row = hands.rows()["L-1"]
    assert (row["used"], row["made"], row["spoiled"], row["unsure"], row["findings"]) == (counted, 0, 0, 1, [])


def test_a_specimen_on_a_roll_is_booked_as_the_machine_counts_it(hands: RollHands, shop: Any) -> None:
    station.mount(hands.signed(("operator",)), "L-1", read(shop), "book")
    for _ in range(2):
        setup, driver = shop.setup(MACHINE), shop.driver(MACHINE)

        def load() -> bool:
            return blanks.load(shop.workplace, shop.desk, MACHINE, "book", 1) > 0

        def void() -> list[str]:
            return specimens.void(shop.workplace, shop.desk, MACHINE)

        specimen_run.run(shop.workplace, driver, setup, "passport", "new-roll", load, void)
    on = hands.rows()["L-1"]
    assert (on["made"], on["spoiled"]) == (0, 2)
    station.take_off(hands.signed(("operator",)), "L-1", read(shop))
    off = hands.rows()["L-1"]
    assert (off["used"], off["made"], off["spoiled"], off["findings"]) == (2, 0, 2, [])
