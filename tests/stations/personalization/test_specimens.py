"""A specimen is made like any job and voided at once; whatever moment it is killed at, its blank is accounted for."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from patrol_line import CRACK, HOLDABLE, walked
from sqlalchemy import text

from devices.errors import DeviceError
from devices.roles import Climate
from handoff_logs.errors import NotInsideError
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations import mrz
from stations.by import By
from stations.climate import station as climate
from stations.climate.rules import Figure, Look, Zone
from stations.documents import PRODUCTS
from stations.patrol.rounds import record_round
from stations.personalization import (
    bench,
    blanks,
    booking,
    jobs,
    recovery,
    settlement,
    specimen_data,
    specimen_run,
    specimens,
)
from stations.personalization.errors import (
    FenceLostError,
    FindingRefusedError,
    SpecimenReasonError,
    SpecimenRefusedError,
)
from stations.personalization.rules import Settlement
from stations.rolls.balance import SINCE
from stations.shift import evacuating
from stations.vault import losing
from stations.vault.balance import Period, balance, balance_since

HOST = Path(__file__).parent / "specimen_host.py"
MACHINE = "book-01"
PATIENCE_S = 60
ZONE = Zone("core", {Figure.TEMPERATURE: (18.0, 26.0)}, 0.0, 10.0, ("air-01",), (MACHINE,))


def make(shop, machine=MACHINE, product="passport", reason="set-up", void=None):
    """What the command does once two have signed."""
    here, kind = shop.workplace, machine.partition("-")[0]
    return specimen_run.run(
        here,
        shop.driver(machine),
        shop.setup(machine),
        product,
        reason,
        lambda: blanks.load(here, shop.desk, machine, kind, 1) > 0,
        void or (lambda: specimens.void(here, shop.desk, machine)),
    )


@pytest.fixture
def stocked(shop, database_url):
    """A shop with books and one machine at hand."""
    shop.line.database_url = database_url
    shop.stock("book")
    shop.start(MACHINE)
    return shop


def test_a_specimen_is_made_voided_by_two_and_in_the_balance(stocked):
    shop = stocked
    ended = make(shop)
    (serial,) = ended.voided
    assert (ended.earlier, ended.made.serial, ended.made.spoiled) == (False, serial, None)
    query = "SELECT outcome, state, live, unfinished, application_id, document_unit, document_number, specimen FROM job"
    assert [tuple(row) for row in shop.line.facts(query)] == [
        ("specimen", "RELEASED", False, False, None, None, None, "set-up")
    ]
    query = (
        "SELECT event.act, event.reason, unit.place, event.second_person IS NOT NULL FROM custody_unit AS unit"
        " JOIN custody_event AS event ON event.event_id = unit.event_id JOIN unit_number AS number"
        " ON number.unit_id = unit.unit_id WHERE number.number = :serial ORDER BY unit.step DESC LIMIT 3"
    )
    assert [tuple(row) for row in shop.line.facts(query, serial=serial)] == [
        ("void", "specimen", "voided", True),
        ("move", "specimen", f"{MACHINE}:good", False),
        ("move", "set-up", f"{MACHINE}:path", False),
    ]
    piece = shop.tally().pieces[serial]
    assert (piece.place, piece.defaced, piece.made) == ("voided", True, True)
    with open_reading(shop.line.database_url) as reading:
        (row,) = [row for row in balance(reading) if row["station"] == "personalization" and not row["machine"]]
        assert (row["voided"], row["specimens"], row["made"], row["difference"]) == (1, 1, 0, 0)
        assert balance_since(reading, Period(0)) == balance(reading, Period(0))
        assert reading.rows(SINCE, machine=MACHINE, since_us=0) == [{"made": 0, "spoiled": 1}]


def test_documents_are_made_after_specimens_as_before(stocked):
    """Counters, journal and books agree with both, on the same machine."""
    shop = stocked
    make(shop)
    shop.accept_orders(12)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    shop.run(MACHINE, until=orders)
    assert len(make(shop, reason="after-repair").voided) == 1
    assert shop.line.facts("SELECT count(*) FROM job WHERE outcome = 'good' AND live")[0][0] == orders
    assert [row[0] for row in shop.line.facts("SELECT attempt FROM job WHERE outcome = 'specimen' ORDER BY 1")] == [
        1,
        2,
    ]
    alive = Counter(piece.identity for piece in shop.tally().pieces.values() if piece.made and not piece.defaced)
    assert (set(alive.values()), len(alive)) == ({1}, orders)


def test_a_card_machine_makes_specimens_of_either_product(shop):
    shop.stock("card")
    shop.start("card-01")
    for product in ("hk_macau_permit", "taiwan_permit"):
        assert make(shop, "card-01", product).made.spoiled is None
    assert [row[0] for row in shop.line.facts("SELECT next_number FROM number_range ORDER BY 1")] == [1, 1]


def test_a_spoiled_specimen_is_voided_as_one(stocked):
    shop = stocked
    shop.supervisor.stop()
    shop.start(MACHINE, spoil_rate=1.0)
    ended = make(shop)
    assert ended.made.spoiled
    assert ended.voided == [ended.made.serial]
    assert shop.line.facts("SELECT outcome, code FROM job") == [("specimen", ended.made.spoiled)]
    assert shop.tally().pieces[ended.made.serial].defaced


def test_the_data_are_fixed_and_the_number_is_of_no_range(shop):
    for product in ("passport", "hk_macau_permit", "taiwan_permit"):
        piece = specimen_data.piece(product, "EA0000001", shop.line.maker)
        assert mrz.faults(piece.mrz) == ()
        assert specimen_data.NUMBER in "".join(piece.mrz)
        assert piece.visual["number"] == specimen_data.NUMBER
        again = specimen_data.piece(product, "EA0000002", shop.line.maker)
        assert (piece.mrz, piece.visual, piece.portrait) == (again.mrz, again.visual, again.portrait)
        # Every range gives out numbers of this form alone (`numbers.add_range`).
        assert not any(PRODUCTS[of].number_is_valid(specimen_data.NUMBER) for of in PRODUCTS)


def test_what_was_left_is_ended_before_another_is_made(stocked):
    """Two who were interrupted between the piece and its void."""
    shop = stocked
    first = make(shop, void=list)
    assert first.voided == []
    again = make(shop)
    assert (again.earlier, again.made, again.voided) == (True, None, [first.made.serial])
    assert shop.line.facts("SELECT count(*) FROM job") == [(1,)]


def test_the_lines_next_run_voids_what_was_left(stocked):
    shop = stocked
    left = make(shop, void=list).made.serial
    bench.clear(shop.workplace, shop.desk, MACHINE)
    assert shop.tally().pieces[left].defaced
    query = "SELECT event.reason FROM custody_event AS event WHERE event.act = 'void'"
    assert shop.line.facts(query) == [("specimen",)]


def test_nothing_is_drawn_without_blanks_in_doubt_or_held(shop):
    shop.start(MACHINE)
    with pytest.raises(SpecimenRefusedError, match="no book lies in book-01:input or stock:book"):
        specimens.check(shop.workplace, MACHINE, "book", stocked=True)
    with pytest.raises(SpecimenRefusedError, match="it has no blank"):
        make(shop)
    assert shop.line.facts("SELECT outcome, blank_serial FROM job") == [("void", None)]
    for reason in ("", "Set up", "forgotten", "x" * 21):
        with pytest.raises(SpecimenReasonError):
            specimens.check_reason(reason)


def test_nothing_is_drawn_while_a_finding_holds_the_machine(stocked):
    record_round(stocked.workplace, walked(CRACK), new_id(), By("e-pat-1"), HOLDABLE)
    refused(stocked, "finding 1 holds it", "patrol-finding")


def test_nothing_is_drawn_in_a_suspended_zone(stocked):
    database, outside = stocked.line.database, Look("air-01", Climate(Decimal("40.0"), Decimal("45.0")))
    database.write(lambda tx: climate.follow_settings(tx, [ZONE], emulated=True))
    for _ in range(2):
        threading.Event().wait(0.01)
        database.write(lambda tx: climate.record(tx, ZONE, [outside], database.clock_us(tx), emulated=True))
    refused(stocked, "suspended for its climate", "suspended for its climate")


def test_air_that_nobody_watches_while_the_line_stands_bars_no_specimen(stocked):
    stocked.line.database.write(lambda tx: climate.follow_settings(tx, [ZONE], emulated=True))
    specimens.check(stocked.workplace, MACHINE, "book", stocked=True)
    assert make(stocked).voided


def test_nothing_is_drawn_on_an_evacuated_line(stocked):
    evacuating.evacuate(stocked.line.database, "fire", "e-lead-1", None, emulated=True)
    refused(stocked, "evacuated", "evacuated")


def test_nothing_is_drawn_for_who_is_not_inside_the_core(stocked):
    """They could not void it."""
    core = text("INSERT INTO core_station (station, emulated) VALUES ('personalization', true)")
    stocked.line.database.write(lambda tx: tx.execute(core))
    with pytest.raises(NotInsideError, match=stocked.workplace.people[0]):
        make(stocked)
    assert stocked.line.facts("SELECT count(*) FROM job") == [(0,)]


def refused(shop, before_signing, at_the_draw):
    """Said before anybody signs, and again by the draw itself; nothing is drawn."""
    with pytest.raises(SpecimenRefusedError, match=before_signing):
        specimens.check(shop.workplace, MACHINE, "book", stocked=True)
    with pytest.raises(SpecimenRefusedError, match=at_the_draw):
        make(shop)
    driver = shop.driver(MACHINE)
    session = recovery.begin(shop.workplace, driver, shop.setup(MACHINE), None, threading.Event())
    driver.close()
    with pytest.raises(SpecimenRefusedError, match=before_signing):
        shop.line.database.write(
            lambda tx: specimens.draw(
                tx, shop.workplace, session.lease, session.identity, "jinan", "passport", "set-up"
            )
        )
    assert shop.line.facts("SELECT count(*) FROM job") == [(0,)]


def test_a_worker_that_lost_the_machine_draws_no_specimen(stocked):
    driver = stocked.driver(MACHINE)
    first, second = (
        recovery.begin(stocked.workplace, driver, stocked.setup(MACHINE), None, threading.Event()) for _ in range(2)
    )
    driver.close()
    assert first.lease.fence < second.lease.fence
    with pytest.raises(FenceLostError):
        stocked.line.database.write(
            lambda tx: specimens.draw(tx, stocked.workplace, first.lease, first.identity, "jinan", "passport", "set-up")
        )
    assert stocked.line.facts("SELECT count(*) FROM job") == [(0,)]


def test_a_lost_specimen_is_reported_by_two_and_its_job_ends(stocked):
    """In doubt, and not to be found."""
    shop = stocked
    row = lose_power_in_the_act(shop)
    two = shop.workplace.people[:2]
    settlement.settle(shop.workplace, row.job_id, Settlement.NOT_FOUND, *two, f"bench/{MACHINE}")
    losing.report(shop.workplace, row.blank_serial, losing.Loss.LOST, "fell-behind", "hall", booking.now_us())
    assert shop.line.facts("SELECT outcome, settlement, unfinished FROM job") == [("specimen", "lost", False)]


def lose_power_in_the_act(shop):
    """The machine is killed once it has begun the piece; the job that is in doubt by it."""
    shop.supervisor.stop()
    shop.supervisor._speed = 20.0
    shop.start(MACHINE)
    driver, setup = shop.driver(MACHINE), shop.setup(MACHINE)
    session = recovery.begin(shop.workplace, driver, setup, None, threading.Event())
    blanks.load(shop.workplace, shop.desk, MACHINE, "book", 1)
    start = driver.start
    kill = shop.supervisor.pid(MACHINE)

    def begun(job):
        start(job)
        os.kill(kill, signal.SIGKILL)

    driver.start = begun
    with pytest.raises(DeviceError):
        specimen_run.make(shop.workplace, driver, setup, session, "passport", "set-up", lambda: True)
    driver.close()
    while MACHINE not in shop.supervisor.ensure():
        threading.Event().wait(0.01)
    with pytest.raises(SpecimenRefusedError, match="in-doubt"):
        make(shop)
    with shop.line.database.read() as conn:
        (row,) = jobs.in_doubt(conn)
    return row


def test_a_specimen_that_its_machine_cannot_tell_is_settled_by_two_and_never_a_document(stocked):
    """The machine loses its power in the act: in doubt, refused as a document, defaced and voided by two."""
    shop = stocked
    row = lose_power_in_the_act(shop)
    with pytest.raises(SpecimenRefusedError, match="settle"):
        specimens.check(shop.workplace, MACHINE, "book", stocked=True)
    with pytest.raises(FindingRefusedError, match="never a document"):
        settlement.settle(shop.workplace, row.job_id, Settlement.MADE_GOOD, *shop.workplace.people[:2], "rack")
    bench.clear(shop.workplace, shop.desk, MACHINE)
    agree(shop)
    assert shop.line.facts("SELECT outcome, settlement, live FROM job") == [("specimen", "made-bad", False)]
    with open_reading(shop.line.database_url) as reading:
        (row,) = [row for row in balance(reading) if row["station"] == "personalization" and not row["machine"]]
    assert (row["voided"], row["specimens"], row["difference"]) == (1, 1, 0)
    assert make(shop).made.spoiled is None


def work(shop, kind, die_at, victim="host"):
    """Run a host process; its exit status."""
    command = [sys.executable, str(HOST), str(shop.line.folder), shop.line.database_url, MACHINE]
    command += [kind, str(die_at), victim]
    done = subprocess.run(command, timeout=PATIENCE_S, check=False, capture_output=True)
    return done.returncode, done.stderr.decode()


def next_run(shop):
    """What the line's next run begins with: the machine is asked, its people clear the bench and settle doubts."""
    driver = shop.driver(MACHINE)
    held = recovery.begin(shop.workplace, driver, shop.setup(MACHINE), shop.desk, threading.Event()).held
    driver.close()
    assert held is None


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["commit", "send"])
def test_a_host_killed_at_any_boundary_leaves_no_blank_unaccounted_for(stocked, kind, dense):
    """Killed, gone on with by the same command or by the line's run, and the books and the world tell the same."""
    shop = stocked
    sqlite = shop.line.database_url.startswith("sqlite")
    killed = 0
    for die_at in range(1, 200, 1 if dense else 15 if sqlite else 31):
        status, said = work(shop, kind, die_at)
        if status == 0:
            break
        assert status == -signal.SIGKILL, said
        killed += 1
        if killed % 2:
            assert work(shop, kind, 0)[0] == 0, die_at
        else:
            next_run(shop)
        agree(shop)
    assert killed >= (2 if sqlite else 1)


@pytest.mark.crash
@pytest.mark.timeout(600)
def test_a_machine_killed_at_any_message_leaves_at_worst_a_blank_that_two_settle(stocked, dense):
    """It says UNKNOWN rather than guess; no piece of it is ever a document."""
    shop = stocked
    sqlite = shop.line.database_url.startswith("sqlite")
    killed = 0
    for die_at in range(1, 200, 1 if dense else 27 if sqlite else 39):
        work(shop, "send", die_at, "machine")
        if shop.supervisor.pid(MACHINE) is not None:
            break
        killed += 1
        while MACHINE not in shop.supervisor.ensure():
            threading.Event().wait(0.01)
        next_run(shop)
        agree(shop)
    assert killed
    assert shop.line.facts("SELECT count(*) FROM custody_unit WHERE kind = 'document'") == [(0,)]


def agree(shop):
    """Every blank lies where the log has it, what was marked is defaced and voided, and no job is open."""
    assert shop.line.facts("SELECT count(*) FROM job WHERE unfinished OR live") == [(0,)]
    seen = shop.tally().pieces
    recorded = shop.line.facts(
        "SELECT number, place, state FROM whereabouts JOIN unit_number USING (unit_id)"
        " WHERE whereabouts.kind = 'blank' AND state <> 'ended'"
    )
    assert {serial: place for serial, place, _ in recorded} == {serial: piece.place for serial, piece in seen.items()}
    assert all((state == "void") == seen[serial].defaced for serial, _, state in recorded)
    assert all(piece.defaced for piece in seen.values() if piece.made)
