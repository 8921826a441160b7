"""Orders become documents on real emulated machines, and what goes wrong on the way is accounted for."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.errors import HandoffLogError
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from stations.calendar import WorkCalendar
from stations.deadlines import ALLOWANCES
from stations.intake.generator.defects import Shares
from stations.personalization import activity, blanks, booking, counters, data, leases, production, rules, station
from stations.personalization.production import run_machine
from stations.personalization.rules import blank_kind
from stations.personalization.tables import Activity
from stations.review import station as review
from stations.shift import evacuating
from stations.trays import TimeNodes
from stations.vault.balance import balance


def orders_of(shop, *products):
    """How many orders of these products wait."""
    return sum(
        shop.line.facts("SELECT count(*) FROM application WHERE product = :product", product=product)[0][0]
        for product in products
    )


def states_of(shop, query):
    """Counts by the first column of a query."""
    return Counter(row[0] for row in shop.line.facts(query))


def test_every_order_becomes_one_document_and_its_tray_goes_to_qc(shop, database_url):
    """Order and blank become a document; when a tray is made, its documents are offered to QC in a tray."""
    shop.stock("book", "card")
    shop.start("book-01", "card-01")
    shop.accept_orders(12, tray_size=6)
    runs = shop.run("book-01", "card-01", until=12)
    assert sum(run.good for run in runs) == 12
    assert [run.lost for run in runs] == [0, 0]
    for tray in station.ready_trays(shop.workplace):
        outcome = station.finish_tray(shop.workplace, shop.desk, tray)
        assert outcome.passed == outcome.units
    assert sum(offer.unit_count for offer in shop.line.waiting("qc")) == 12
    assert station.tray_status(shop.workplace) == []
    assert states_of(shop, "SELECT state FROM job") == {"RELEASED": 12}
    numbers = "SELECT count(*) FROM job WHERE (product = 'passport') <> (document_number = blank_serial)"
    assert shop.line.facts(numbers) == [(0,)]
    with open_reading(database_url) as reading:
        rows = [row for row in balance(reading, station="personalization") if not row["machine"]]
    counted = Counter({term: sum(row[term] for row in rows) for term in ("received", "made", "still_here")})
    assert counted == {"received": 400, "made": 12, "still_here": 388}
    assert sum(row["in_machine"] + row["good"] for row in rows) == 388
    assert [row["difference"] for row in rows] == [0, 0]


def test_machines_that_race_for_orders_share_them(shop):
    """Two machines of a kind draw from one queue; nobody makes what another has drawn."""
    shop.stock("book")
    shop.start("book-01", "book-02")
    shop.accept_orders(30)
    passports = orders_of(shop, "passport")
    runs = shop.run("book-01", "book-02", until=passports)
    assert sum(run.good for run in runs) == passports
    assert all(run.good for run in runs)
    assert shop.line.facts("SELECT max(attempt) FROM job") == [(1,)]


def test_a_spoiled_blank_is_voided_by_two_and_its_order_made_again(shop):
    """Spoiled pieces are defaced, voided and counted, and only then the application's next attempt is drawn."""
    shop.stock("book")
    shop.start("book-01", spoil_rate=0.3)
    shop.accept_orders(24)
    passports = orders_of(shop, "passport")
    [run] = shop.run("book-01", until=passports)
    assert run.failed > 0
    voided = shop.line.facts("SELECT person, second_person FROM custody_event WHERE act = 'void'")
    assert all(first != second for first, second in voided)
    assert states_of(shop, "SELECT outcome FROM job") == {"good": passports, "failed": run.failed}
    assert shop.line.facts("SELECT count(*) FROM job WHERE live") == [(passports,)]
    lying = {piece: seen for piece, seen in shop.tally().pieces.items() if seen.defaced}
    assert {seen.place for seen in lying.values()} == {rules.VOIDED}
    assert len(lying) == run.failed
    remade = "SELECT DISTINCT priority FROM whereabouts JOIN job ON order_unit = unit_id WHERE attempt > 1"
    assert all(priority <= booking.REMAKE_PRIORITY for (priority,) in shop.line.facts(remade))


def test_a_blank_whose_number_is_not_read_is_found_by_elimination(shop):
    """A piece in the reject bin that no job names is the failed job's: it is attached, defaced and voided."""
    shop.stock("book")
    shop.start("book-01", misread_rate=0.3)
    shop.accept_orders(24)
    passports = orders_of(shop, "passport")
    [run] = shop.run("book-01", until=passports)
    assert run.failed > 0
    assert shop.line.facts("SELECT count(*) FROM job WHERE outcome = 'failed' AND blank_serial IS NULL") == [(0,)]
    assert states_of(shop, "SELECT state FROM whereabouts WHERE kind = 'blank' AND state = 'void'") == {
        "void": run.failed
    }


def test_without_blanks_a_machine_is_suspended_and_goes_on_when_they_come(shop):
    """Nothing is drawn, no order is lost, and the first blanks in the stock set the machine to work again."""
    shop.start("book-01")
    shop.accept_orders(10)
    passports = orders_of(shop, "passport")
    with pytest.raises(TimeoutError):
        shop.run("book-01", until=1, patience_s=1.0)
    assert states_of(shop, "SELECT outcome FROM job") == {"void": 1}
    shop.stock("book")
    [run] = shop.run("book-01", until=passports)
    assert run.good == passports


def test_a_foreign_blank_is_given_back_and_the_machine_held(shop):
    """A blank that the log does not put into the machine is not personalised; it draws again after two have counted."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(6)
    passports = orders_of(shop, "passport")
    shop.line.hands.deliver(["EZ0000001"], "pocket")
    shop.line.hands.load("book-01", ["EZ0000001"])
    driver = shop.driver("book-01")
    driver.open()
    session_before = shop.line.database.write(lambda tx: counters.excess(tx, driver.hello()))
    driver.close()
    with pytest.raises(TimeoutError):
        shop.run("book-01", until=1, patience_s=3.0)
    assert session_before == 0
    assert not shop.tally().pieces["EZ0000001"].made
    assert shop.line.facts("SELECT outcome, blank_serial FROM job") == [("returned", None)]
    with shop.line.database.read() as conn:
        assert activity.shown(conn, "book-01") == (Activity.HELD, "counters-disagree")
    identity = driver.open()
    driver.close()
    first, second = shop.workplace.people
    with pytest.raises((DBAPIError, HandoffLogError)):
        counters.recount(shop.workplace, identity, first, first)
    counters.recount(shop.workplace, identity, first, second)
    [run] = shop.run("book-01", until=passports)
    assert run.good == passports


def test_blanks_fed_two_at_a_time_are_voided_and_counted_by_two_people_before_the_machine_goes_on(shop):
    """Its counter knows a blank that no job names: held at the next opening, until stacks and log agree without it."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(12)
    shop.supervisor.control("book-01").ask("fault", fault={"name": "double-feed"})
    passports = orders_of(shop, "passport")
    shop.run("book-01", until=1)
    voided = shop.line.facts("SELECT unit_id FROM whereabouts WHERE kind = 'blank' AND state = 'void'")
    assert len(voided) == 2
    assert shop.line.facts("SELECT counted_by FROM machine_baseline") == [(None,)]
    shop.run("book-01", until=passports)
    first, second = shop.workplace.people[:2]
    assert shop.line.facts("SELECT counted_by, counted_second FROM machine_baseline") == [(first, second)]
    assert states_of(shop, "SELECT outcome FROM job") == {"good": passports, "failed": 1}


def test_a_machine_that_another_worker_has_is_not_shown_as_held_by_this_one(shop):
    """The other one shows what it does; this one tries again until the lease is its own."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(6)
    database = shop.line.database
    database.write(lambda tx: leases.take(tx, database.clock_us(tx), "book-01", "another", 600.0, 0))
    with pytest.raises(TimeoutError):
        shop.run("book-01", until=1, patience_s=1.0)
    with database.read() as conn:
        assert activity.shown(conn, "book-01") is None


def test_a_stopped_application_is_not_drawn(shop):
    """Rule 8: a draw passes over what was stopped, and the tray does not wait for it."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(12)
    passports = shop.line.facts("SELECT application_id FROM application WHERE product = 'passport'")
    shop.line.stop(passports[0][0])
    [run] = shop.run("book-01", until=len(passports) - 1)
    assert run.good == len(passports) - 1
    assert shop.line.facts("SELECT count(*) FROM job WHERE application_id = :id", id=passports[0][0]) == [(0,)]


def test_an_application_that_is_stopped_while_its_data_are_built_is_not_made(shop, monkeypatch):
    """Rule 8, in the transaction of the start: the blank is given back unmarked."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(12)
    stopped = []

    def build(sheet, *facts):
        if not stopped:
            stopped.append(sheet.application_id)
            shop.line.stop(sheet.application_id)
        return data.build(sheet, *facts)

    monkeypatch.setattr(production, "data", SimpleNamespace(sheets=data.sheets, build=build))
    passports = orders_of(shop, "passport")
    [run] = shop.run("book-01", until=passports - 1)
    assert (run.good, run.returned) == (passports - 1, 1)
    assert shop.line.facts("SELECT outcome FROM job WHERE application_id = :id", id=stopped[0]) == [("returned",)]
    assert not any(piece.made for piece in shop.tally().pieces.values() if piece.place == "stock:book")


def test_green_orders_overtake_the_document_that_is_prepared_and_not_each_other(shop, monkeypatch):
    """Its blank is given back unmarked, what is written is finished, and the green ones are next; then it is made."""
    shop.stock("book")
    shop.start("book-01")
    shop.line.shares = Shares(emergencies=0.3, expedited=0, intake_defects=0, review_defects=0)
    shop.review_orders(24)
    waiting = sorted(shop.line.waiting("personalization"), key=lambda offer: -offer.priority)
    for offer in waiting:
        if offer.priority:
            station.accept_tray(shop.workplace, offer)
    overtaken = []

    def build(sheet, *facts):
        drawn = shop.line.facts("SELECT application_id FROM job ORDER BY intent_us")
        if len(drawn) == 3 and not overtaken:
            # One is written and this one is drawn behind it.
            overtaken.append(sheet.application_id)
            for offer in waiting:
                if not offer.priority:
                    station.accept_tray(shop.workplace, offer)
        return data.build(sheet, *facts)

    monkeypatch.setattr(production, "data", SimpleNamespace(sheets=data.sheets, build=build))
    [run] = shop.run("book-01", until=orders_of(shop, "passport"))
    assert run.returned == 1
    green = {row[0] for row in shop.line.facts("SELECT application_id FROM application WHERE priority = 0")}
    made = [
        row[0] for row in shop.line.facts("SELECT application_id FROM job WHERE outcome = 'good' ORDER BY result_us")
    ]
    assert len(green & set(made)) > 1
    assert set(made[2 : 2 + len(green & set(made))]) <= green
    # Nobody's turn is lost.
    assert made.index(overtaken[0]) == 2 + len(green & set(made))
    returned = "SELECT application_id, code, live FROM job WHERE outcome = 'returned'"
    assert [tuple(row) for row in shop.line.facts(returned)] == [(overtaken[0], "overtaken", False)]
    assert not any(piece.made for piece in shop.tally().pieces.values() if piece.place == "stock:book")


def test_a_document_of_a_stopped_application_goes_to_quarantine(shop):
    """Rule 8: what was made before the stop is not handed on."""
    shop.stock("book", "card")
    shop.start("book-01", "card-01")
    shop.accept_orders(8, tray_size=8)
    shop.run("book-01", "card-01", until=8)
    [(stopped,)] = shop.line.facts("SELECT application_id FROM job ORDER BY job_id LIMIT 1")
    shop.line.stop(stopped)
    outcomes = [station.finish_tray(shop.workplace, shop.desk, tray) for tray in station.ready_trays(shop.workplace)]
    assert sum(outcome.stopped for outcome in outcomes) == 1
    assert sum(outcome.passed for outcome in outcomes) == 7
    assert states_of(shop, "SELECT place FROM whereabouts WHERE state = 'doubt'") == {rules.QUARANTINE: 1}


def test_a_tray_whose_offer_was_cut_off_is_finished_later(shop):
    """Documents that were put into a tray but not offered come up again under that tray."""
    shop.stock("book", "card")
    shop.start("book-01", "card-01")
    shop.accept_orders(6, tray_size=6)
    shop.run("book-01", "card-01", until=6)
    trays = station.ready_trays(shop.workplace)
    for tray in trays:
        shop.line.database.write(lambda tx, tray=tray: _put_into_outgoing(tx, shop, tray))
    again = station.ready_trays(shop.workplace)
    assert not set(again) & set(trays)
    for tray in again:
        for machine in ("book-01", "card-01"):
            station.collect(shop.workplace, shop.desk, machine)
        assert station.finish_tray(shop.workplace, shop.desk, tray).tray == tray
    assert sum(offer.unit_count for offer in shop.line.waiting("qc")) == 6


def test_documents_are_offered_with_the_time_node_of_qc(shop):
    """Not the one that their orders had at personalization, which is hours earlier."""
    shop.stock("book", "card")
    shop.start("book-01", "card-01")
    shop.accept_orders(6, tray_size=6)
    shop.run("book-01", "card-01", until=6)
    brief = {name: {**usual, "packing": timedelta(minutes=3)} for name, usual in ALLOWANCES.items()}
    nodes = TimeNodes(WorkCalendar(), brief)
    trays = station.ready_trays(shop.workplace)
    for tray in trays:
        station.finish_tray(shop.workplace, shop.desk, tray, nodes)
    for offer in shop.line.waiting("qc"):
        rows = shop.line.facts(
            "SELECT service_class, deadline_us FROM application JOIN job USING (application_id)"
            " JOIN whereabouts ON unit_id = document_unit WHERE handoff_id = :handoff",
            handoff=offer.handoff_id,
        )
        assert offer.due_us == min(nodes.due_us("qc", *row) for row in rows)
    assert len(shop.line.waiting("qc")) == len(trays) > 0


def _put_into_outgoing(tx, shop, tray):
    """What `finish_tray` records before it fills the tray."""
    query = text("SELECT unit_id FROM whereabouts WHERE tray = :tray AND kind = 'document'")
    units = list(tx.execute(query, {"tray": tray}).scalars())
    station.fill(tx, shop.workplace, f"out-{tray}"[:32], units)


def test_blanks_given_back_unmarked_return_to_the_stock(shop):
    """The hold stack is emptied into the stock, in the world and in the log."""
    shop.stock("book")
    shop.start("book-01")
    blanks.load(shop.workplace, shop.desk, "book-01", "book", 3)
    driver = shop.driver("book-01")
    driver.open()
    driver.claim(1)
    serial = driver.feed("1" * 32)
    driver.return_blank("1" * 32)
    driver.close()
    with shop.line.database.read() as conn:
        unit = blanks.at(conn, rules.input_stack("book-01"))[serial]
    shop.line.database.write(
        lambda tx: booking.log.move(
            tx, shop.workplace.party(), [unit], rules.hold_stack("book-01"), Stamp(1, True, machine="book-01")
        )
    )
    assert blanks.restock(shop.workplace, shop.desk, "book-01", "book") == 1
    assert serial in shop.desk.scan(rules.blank_stock("book"))


def test_the_last_blanks_are_shared_by_the_machines_that_load_from_one_stock(shop):
    """No machine stands without a blank while others hold a stack of them; of a full stock each takes its stack."""
    shop.stock("book")
    machines = [f"book-{number:02}" for number in range(1, 6)]
    shop.start(*machines)
    places = {machine: rules.input_stack(machine) for machine in machines}

    def loaded(machine, count):
        blanks.load(shop.workplace, shop.desk, machine, "book", count, sharing=len(machines))
        with shop.line.database.read() as conn:
            return blanks.held(conn, places[machine])

    assert loaded("book-01", 40) == 40
    assert [loaded(machine, 60) for machine in machines[1:4]] == [32, 26, 21]
    assert loaded("book-05", 100) == 17
    while shop.desk.scan(rules.blank_stock("book")):
        assert all(loaded(machine, 200) > 0 for machine in machines)
    with shop.line.database.read() as conn:
        assert sum(blanks.held(conn, place) for place in places.values()) == 200


def test_orders_that_wait_are_told_by_product_and_so_is_an_offered_tray(shop):
    """A station that is full can tell which machines lack orders, and which tray has some for them."""
    shop.line.file(12, tray_size=3)
    for offer in shop.line.waiting("review"):
        review.work_tray(shop.line.at("review"), offer, shop.line.reviewer)
    accepted = Counter()
    for offer in shop.line.waiting("personalization"):
        product = station.product_offered(shop.workplace, offer)
        station.accept_tray(shop.workplace, offer)
        query = (
            "SELECT a.product FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit WHERE w.tray = :tray"
        )
        products = [row[0] for row in shop.line.facts(query, tray=offer.tray)]
        assert product in products
        assert len({blank_kind([product]) for product in products}) == 1
        accepted.update(products)
        assert station.product_offered(shop.workplace, offer) == ""
        assert station.orders_waiting(shop.workplace) == accepted
    shop.stock("book")
    shop.start("book-01")
    passports = accepted.pop("passport")
    shop.run("book-01", until=passports)
    assert station.orders_waiting(shop.workplace) == accepted


def test_on_an_evacuated_line_a_machine_finishes_what_it_began_and_begins_nothing(shop):
    """No document is left half made, and the orders that wait are drawn once two people have counted."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(60)
    passports = orders_of(shop, "passport")
    shop.stop.clear()
    with ThreadPoolExecutor(1) as threads:
        setup = shop.setup("book-01")
        run = threads.submit(
            run_machine, shop.workplace, "book-01", shop.driver("book-01"), shop.stop, setup=setup, desk=shop.desk
        )
        shop.wait_for("SELECT count(*) FROM job", 3, [run], 30)
        evacuating.evacuate(shop.line.database, "fire", "e-lead-1", None, emulated=True)
        [(drawn,)] = shop.line.facts("SELECT count(*) FROM job")
        shop.wait_for("SELECT count(*) FROM job WHERE NOT unfinished", drawn, [run], 30)
        threading.Event().wait(0.2)
        shop.stop.set()
        assert run.result(30).lost == 0
    assert 3 <= drawn < passports
    assert shop.line.facts("SELECT count(*), sum(CASE WHEN outcome = 'good' THEN 1 ELSE 0 END) FROM job") == [
        (drawn, drawn)
    ]
    assert states_of(shop, "SELECT state FROM job") == {"RELEASED": drawn}
