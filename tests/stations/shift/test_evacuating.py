"""One person's word freezes custody and machines; a count of two lifts it, or a lead's reason, which stays a case."""

import threading
import time

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_shift import BOOKS, CREW_OF_EMULATED, ONE, OTHER, scanned
from sqlalchemy.exc import IntegrityError

from handoff_logs import log
from handoff_logs.errors import LineFrozenError
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in, sign_in_two
from stations.review import station as review
from stations.shift import evacuating, station, stops
from stations.shift.errors import (
    LineEvacuatedError,
    NotEvacuatedError,
    NothingToSettleError,
    SettledByForcersError,
    ShiftMovedError,
    ShiftReasonError,
)
from stations.shift.rules import Ending, Returning, What
from stations.trays import stamp
from stations.vault import receiving
from stations.vault import station as vault
from stations.vault.receiving import Delivery

JOB = (
    "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
    " journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
    " SELECT 'j', application_id, product, 1, order_unit, 'book-01', 'BP-1', 'journal', 1, 1, 'test', 'INTENT',"
    " TRUE, TRUE, 1, TRUE FROM application"
)
EVACUATIONS = "SELECT reason, ordered_by, over, how, forced_reason FROM evacuation"


def evacuate(shift, reason="fire", by="e-lead-1", sign_in=None, *, emulated=True):
    return evacuating.evacuate(shift.database, reason, by, sign_in, emulated=emulated)


def come_back(shift, count=None, *, by=ONE, reason=None):
    return evacuating.come_back(shift.database, count or scanned(*BOOKS), by, reason)


def test_nothing_passes_between_stations_while_the_line_is_evacuated(shift):
    """No offer, no answer of any kind, no dispatch, no delivery; what is left is where it was."""
    shift.open()
    here, there = shift.line.at("vault"), shift.line.at("personalization")
    open_offer = vault.issue_scanned(here, BOOKS[:1], shift.line.plenty, "a" * 32)
    refused = vault.issue_scanned(here, BOOKS[1:2], shift.line.plenty, "b" * 32)
    shift.database.write(lambda tx: log.refuse(tx, there.party(), refused, stamp(there, reason="torn")))
    shift.line.file(1)
    [order] = shift.line.waiting("review")
    before = shift.rows("SELECT unit_id, state, station, place FROM whereabouts ORDER BY unit_id")
    unit = shift.rows("SELECT unit_id FROM unit_number WHERE number = :number", number=BOOKS[0])[0][0]
    evacuate(shift)
    acts = [
        lambda tx: log.accept(tx, there.party(), open_offer, [unit], "stock:book", stamp(there)),
        lambda tx: log.refuse(tx, there.party(), open_offer, stamp(there, reason="torn")),
        lambda tx: log.withdraw(tx, here.party(), open_offer, stamp(here)),
        lambda tx: log.take_back(tx, here.party(), refused, [], "shelf:book", stamp(here)),
    ]
    for act in acts:
        with pytest.raises(LineFrozenError):
            shift.database.write(act)
    with pytest.raises(LineFrozenError):
        vault.issue_scanned(here, BOOKS[2:3], shift.line.plenty, "c" * 32)
    with pytest.raises(LineFrozenError):
        review.work_tray(shift.line.at("review"), order, shift.line.reviewer)
    with pytest.raises(LineFrozenError):
        receiving.receive(here, Delivery("book", "EA0000009", "EA0000009", 1, "DN-9"))
    assert shift.rows("SELECT unit_id, state, station, place FROM whereabouts ORDER BY unit_id") == before


def test_no_job_is_begun_while_the_line_is_evacuated_whoever_writes_it(shift):
    shift.line.file(1)
    evacuate(shift)
    with pytest.raises(IntegrityError, match="evacuated"):
        shift.sql(JOB)
    come_back(shift)
    shift.sql(JOB)


def test_no_shift_begins_ends_or_changes_hands_while_the_line_is_evacuated(shift):
    """And nobody is relieved: first two people count."""
    evacuate(shift)
    with pytest.raises(LineEvacuatedError):
        shift.open()
    come_back(shift)
    shift.open()
    evacuate(shift, "gas")
    for act in (shift.close, shift.hand_over, lambda: shift.relieve(CREW_OF_EMULATED["vault"][0])):
        with pytest.raises(LineEvacuatedError) as refused:
            act()
        assert refused.value.reason == "gas"
    with pytest.raises(IntegrityError, match="evacuated"):
        shift.sql("UPDATE shift SET closed = TRUE")
    come_back(shift)
    assert shift.close().how is Ending.BALANCED


def test_a_count_that_agrees_lifts_it_and_work_goes_on(shift, database_url):
    shift.open()
    evacuate(shift)
    with open_reading(database_url) as reading:
        [row] = reading.rows(stops.EVACUATED)
        assert (row["reason"], row["ordered_by"]) == ("fire", "e-lead-1")
    alarms = "SELECT kind, subject, cleared_us IS NULL FROM alarm"
    assert [tuple(row) for row in shift.rows(alarms)] == [("evacuated", "line", True)]
    returned = come_back(shift)
    assert (returned.how, returned.differences) == (Returning.COUNTED, ())
    assert [tuple(row) for row in shift.rows(alarms)] == [("evacuated", "line", False)]
    assert shift.rows(EVACUATIONS) == [("fire", "e-lead-1", True, "counted", None)]
    assert vault.issue_scanned(shift.line.at("vault"), BOOKS[:1], shift.line.plenty, "a" * 32)
    with open_reading(database_url) as reading:
        counts = reading.rows(stops.COUNTS, count_id=returned.count_id)
        assert [(row["moment"], row["outcome"]) for row in counts] == [("return", "counted")]
        assert reading.rows(stops.EVACUATED) == []


def test_a_difference_keeps_it_frozen_unless_a_lead_forces_it_which_stays_a_case(shift):
    evacuation = evacuate(shift)
    returned = come_back(shift, scanned(*BOOKS[1:]))
    assert (returned.how, [one.what for one in returned.differences]) == (None, [What.MISSING])
    with pytest.raises(LineFrozenError):
        vault.issue_scanned(shift.line.at("vault"), BOOKS[:1], shift.line.plenty, "a" * 32)
    with pytest.raises(NothingToSettleError):
        station.settle(shift.database, evacuation, "recounted", OTHER)
    assert come_back(shift, scanned(*BOOKS[1:]), reason="building-unsafe").how is Returning.FORCED
    assert shift.rows(EVACUATIONS) == [("fire", "e-lead-1", True, "forced", "building-unsafe")]
    with pytest.raises(SettledByForcersError):
        station.settle(shift.database, evacuation, "recounted", ONE)
    assert station.settle(shift.database, evacuation, "recounted", OTHER) == ["return"]
    with pytest.raises(NothingToSettleError):
        station.settle(shift.database, evacuation, "recounted", OTHER)


def test_a_reason_where_nothing_differs_forces_no_return(shift):
    evacuate(shift)
    assert come_back(shift, reason="to-be-safe").how is Returning.COUNTED


def test_one_evacuation_is_under_way_at_a_time(shift):
    """Two who order it at once order one; without one nobody comes back."""
    with pytest.raises(NotEvacuatedError):
        come_back(shift)
    with pytest.raises(ShiftReasonError):
        evacuate(shift, "It burns!")
    outcomes, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        try:
            outcomes.append(evacuate(shift))
        except LineEvacuatedError:
            outcomes.append(None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert shift.rows("SELECT count(*) FROM evacuation") == [(1,)]


def test_who_moves_custody_while_it_is_ordered_has_moved_it_or_is_refused(shift):
    """Once it is ordered nothing more passes, however many offer at that moment."""
    here, outcomes = shift.line.at("vault"), []
    barrier = threading.Barrier(len(BOOKS) + 1)

    def issue(number):
        barrier.wait()
        try:
            outcomes.append(vault.issue_scanned(here, [BOOKS[number]], shift.line.plenty, str(number) * 32))
        except LineFrozenError:
            outcomes.append(None)

    threads = [threading.Thread(target=issue, args=(number,)) for number in range(len(BOOKS))]
    for thread in threads:
        thread.start()
    barrier.wait()
    evacuate(shift)
    passed = shift.rows("SELECT count(*) FROM open_offer")
    for thread in threads:
        thread.join()
    assert shift.rows("SELECT count(*) FROM open_offer") == passed == [(sum(one is not None for one in outcomes),)]
    order = "SELECT act FROM custody_event WHERE act IN ('offer', 'register') ORDER BY seq DESC LIMIT 1"
    assert shift.rows(order) == [("register",)]


def test_an_evacuation_is_over_once_and_never_changed_whoever_writes_it(shift):
    evacuation = evacuate(shift)
    at = time.time_ns() // 1000 + 1
    for change in ("reason = 'drill'", "ordered_by = 'e-lead-2'", f"over = TRUE, returned_us = {at}, how = 'counted'"):
        with pytest.raises(IntegrityError):
            shift.sql(f"UPDATE evacuation SET {change}")
    returned = come_back(shift)
    for statement in (
        "UPDATE evacuation SET over = FALSE",
        "DELETE FROM evacuation",
        "INSERT INTO shift_difference VALUES (:c, 'EA0000001', 'missing', 'vault', '', '')",
        "INSERT INTO evacuation_settlement VALUES (:e, 'fine', 'e-lead-2', 'e-lead-3', NULL, NULL, :at, TRUE)",
    ):
        facts = {"c": returned.count_id, "e": evacuation, "at": at + 1_000_000}
        with pytest.raises(IntegrityError):
            shift.sql(statement, **{name: value for name, value in facts.items() if f":{name}" in statement})


def test_a_real_person_signs_for_it_at_that_moment(shift, monkeypatch):
    """Anybody of the line; a typed name, another's sign-in and one of long ago are refused by the database."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    one, two = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
    packer = Credentials("p-0601", "a password of a packer")
    register.found(shift.database, one, two, emulated=True)
    by = sign_in_two(shift.database, one, two, ADMINISTRATORS)
    register.enrol(shift.database, by, packer, [Role.PACKER], emulated=True)
    for sign in (None, by.first_sign_in):
        with pytest.raises(ShiftMovedError):
            evacuate(shift, by=packer.code, sign_in=sign, emulated=False)
    signed = sign_in(shift.database, packer)
    assert evacuate(shift, by=signed.code, sign_in=signed.sign_in, emulated=False)
