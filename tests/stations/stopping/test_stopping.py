"""Rule 8: any application can be stopped at any time; its units are released or voided by two people."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs import log
from stations import trays
from stations.errors import StationError
from stations.packing import station as packing
from stations.personalization import booking
from stations.personalization import station as personalization
from stations.qc import station as qc
from stations.review import station as review
from stations.stopping import station as stopping
from stations.stopping.errors import (
    MachineHasItError,
    NotStoppableError,
    NotStoppedError,
    StillUnderWayError,
    UnknownNumberError,
)
from stations.vault import losing

NUMBERS = (
    "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit"
    " ORDER BY a.application_id LIMIT 2"
)
SERIAL = (
    "SELECT job.blank_serial FROM job JOIN application a ON a.application_id = job.application_id"
    " JOIN unit_number n ON n.unit_id = a.order_unit WHERE n.number = :n"
)
TRAYS = "SELECT DISTINCT tray FROM whereabouts WHERE station = :station AND place = 'input' AND state = 'held'"


@pytest.fixture
def number(line):
    """The number of one of eight applications that wait for review."""
    line.file(8)
    return line.facts(NUMBERS)[0][0]


@pytest.fixture
def carried():
    return []


@pytest.fixture
def put(line, carried):
    """Hands that carry pieces in the emulated world, and remember where to."""

    def carry(serials, place):
        carried.append((tuple(serials), place))
        line.hands.put(serials, place)

    return carry


def people(line):
    """Two who may release and end, at work anywhere."""
    return line.at("qc").at("qc", ("p-0001", "p-0002"))


def state(line, number):
    return line.facts(
        "SELECT a.state, a.live FROM application a JOIN unit_number n ON n.unit_id = a.order_unit WHERE n.number = :n",
        n=number,
    )[0]


def inspected(line, readers):
    for offer in line.waiting("qc"):
        yield qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)


def reviewed(line):
    return [review.work_tray(line.at("review"), offer, line.reviewer) for offer in line.waiting("review")]


def test_an_application_is_stopped_by_its_number_and_only_once(line, number):
    stopping.stop(people(line), number, "p-0003", "withdrawn")
    assert state(line, number)[0] == "stopped"
    with pytest.raises(NotStoppableError):
        stopping.stop(people(line), number, "p-0003", "withdrawn")
    with pytest.raises(UnknownNumberError) as refused:
        stopping.stop(people(line), "JN2026-999999", "p-0003", "alert")
    assert "999999" not in str(refused.value)


def test_of_two_leads_who_stop_at_the_same_moment_one_is_told(line, number):
    told = []

    def stop():
        try:
            stopping.stop(people(line), number, "p-0003", "alert")
        except NotStoppableError as error:
            told.append(error)

    threads = [threading.Thread(target=stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 3
    assert line.facts("SELECT count(*) FROM application_stop") == [(1,)]


def test_what_is_under_way_is_neither_ended_nor_released_half(line, number, put):
    stopping.stop(people(line), number, "p-0003", "withdrawn")
    with pytest.raises(StillUnderWayError) as refused:
        stopping.end(people(line), number, put)
    assert "review" in str(refused.value) or "intake" in str(refused.value)
    assert state(line, number)[0] == "stopped"
    assert line.facts("SELECT count(*) FROM custody_event WHERE act = 'void'") == [(0,)]


def test_an_order_in_quarantine_is_ended_and_its_person_is_free(line, number, put, carried):
    stopping.stop(people(line), number, "p-0003", "withdrawn")
    reviewed(line)
    (unit,) = stopping.end(people(line), number, put)
    assert (unit.kind, unit.in_quarantine) == ("order", True)
    assert state(line, number) == ("stopped", False)
    assert line.facts("SELECT outcome, ended_by, ended_second FROM application_stop") == [
        ("closed", "p-0001", "p-0002")
    ]
    assert carried == []
    with pytest.raises(NotStoppedError):
        stopping.end(people(line), number, put)


def test_an_order_that_waits_for_a_machine_is_ended(line, number, put):
    reviewed(line)
    for offer in line.waiting("personalization"):
        personalization.accept_tray(line.at("personalization"), offer)
    stopping.stop(people(line), number, "p-0003", "mistake")
    (unit,) = stopping.end(people(line), number, put)
    assert unit.station == "personalization"
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'order' AND state = 'held'") == [(7,)]


def test_what_a_machine_has_in_hand_is_not_ended(line, number, put):
    reviewed(line)
    for offer in line.waiting("personalization"):
        personalization.accept_tray(line.at("personalization"), offer)
    line.database.write(lambda tx: begin_job(tx, number))
    stopping.stop(people(line), number, "p-0003", "mistake")
    with pytest.raises(MachineHasItError):
        stopping.end(people(line), number, put)
    assert state(line, number)[0] == "stopped"


def begin_job(tx, number):
    tx.execute(
        text(
            "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial,"
            " journal_id, journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
            " SELECT '1', a.application_id, a.product, 1, a.order_unit, 'book-01', 'S', 'J', 0, 1, 'w', 'INTENT', TRUE,"
            " TRUE, 1, TRUE FROM application a JOIN unit_number n ON n.unit_id = a.order_unit WHERE n.number = :number"
        ),
        {"number": number},
    )


def test_a_document_in_quarantine_is_voided_by_two_and_lives_no_more(line, number, readers, put, carried):
    reviewed(line)
    line.make_documents()
    stopping.stop(people(line), number, "p-0003", "alert")
    assert sum(outcome.stopped for outcome in inspected(line, readers)) == 1
    (unit,) = stopping.end(people(line), number, put)
    assert (unit.kind, unit.station) == ("document", "qc")
    assert carried == [((unit.serial,), "qc:voided")]
    assert line.facts("SELECT live FROM job WHERE blank_serial = :s", s=unit.serial) == [(False,)]
    assert line.facts("SELECT state FROM whereabouts WHERE unit_id = :u", u=unit.unit_id) == [("void",)]
    assert state(line, number) == ("stopped", False)


def accepted(tx, workplace, offer):
    units = [row[0] for row in tx.execute(text("SELECT unit_id FROM whereabouts WHERE handoff_id = :h"),
                                          {"h": offer.handoff_id})]  # fmt: skip
    return log.accept(tx, workplace.party(), offer.handoff_id, units, trays.INPUT, trays.stamp(workplace))


@pytest.mark.parametrize("quarantined", [False, True])
def test_a_document_lost_inside_is_never_made_again_and_its_person_applies_anew(
    line, number, put, readers, quarantined
):
    """Somebody may have it, so it lives on under its application, which ends."""
    reviewed(line)
    line.make_documents()
    if quarantined:
        stopping.stop(people(line), number, "p-0003", "alert")
        list(inspected(line, readers))
    else:
        for offer in line.waiting("qc"):
            line.database.write(lambda tx, offer=offer: accepted(tx, line.at("qc"), offer))
    serial = line.facts(SERIAL, n=number)[0][0]
    there = line.at("qc").at("qc", ("p-0001", "p-0002"))
    losing.report(there, serial, losing.Loss.STOLEN, "burglary", "bench", booking.now_us())
    assert losing.report(there, serial, losing.Loss.LOST, "again", "bench", booking.now_us()).repeated
    if not quarantined:
        assert state(line, number) == ("in_production", True)
        stopping.stop(people(line), number, "p-0003", "alert")
    stopping.end(people(line), number, put)
    assert state(line, number) == ("stopped", False)
    assert line.facts("SELECT live FROM job WHERE blank_serial = :s", s=serial) == [(True,)]
    for further in (
        "UPDATE job SET live = FALSE WHERE blank_serial = :s",
        "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
        " journal_position, fence, worker, state, unfinished, live, intent_us, emulated) SELECT 'x', application_id,"
        " product, attempt + 1, order_unit, machine, machine_serial, journal_id, journal_position + 99, fence, worker,"
        " 'INTENT', TRUE, TRUE, 1, emulated FROM job WHERE blank_serial = :s",
    ):
        with pytest.raises(DBAPIError):
            line.database.write(lambda tx, further=further: tx.execute(text(further), {"s": serial}))


def test_an_order_that_two_release_is_reviewed_after_all(line, number, put):
    stopping.stop(people(line), number, "p-0003", "mistake")
    reviewed(line)
    assert stopping.release(people(line), number, put) == "waiting"
    (tray,) = [tray for (tray,) in line.facts(TRAYS, station="review")]
    review.resume_tray(line.at("review"), tray, line.reviewer)
    assert state(line, number)[0] == "passed"
    with pytest.raises(NotStoppedError):
        stopping.release(people(line), number, put)


def test_a_document_that_two_release_is_inspected_after_all(line, number, readers, put, carried):
    reviewed(line)
    line.make_documents()
    stopping.stop(people(line), number, "p-0003", "mistake")
    list(inspected(line, readers))
    assert stopping.release(people(line), number, put) == "in_production"
    (((serial,), place),) = carried
    (tray,) = [tray for (tray,) in line.facts(TRAYS, station="qc")]
    assert place == f"tray:{tray}"
    outcome = qc.resume_tray(line.at("qc"), tray, line.inspector, readers, line.trust_anchor)
    assert outcome.passed == 1
    for offer in line.waiting("packing"):
        assert packing.work_tray(line.at("packing"), offer, line.packer).held == 0
    assert serial


def test_one_person_alone_releases_and_ends_nothing(line, number, put):
    stopping.stop(people(line), number, "p-0003", "mistake")
    reviewed(line)
    with pytest.raises(ValueError, match="two different people"):
        line.at("qc").at("qc", ("p-0001", "p-0001"))
    assert state(line, number)[0] == "stopped"


def test_every_open_stop_is_listed_with_what_is_there(line, number):
    stopping.stop(people(line), number, "p-0003", "alert")
    reviewed(line)
    with line.database.read() as conn:
        (found,) = stopping.stopped(conn)
        assert stopping.number_of(conn, found) == number
    assert (found.reason, found.state_before, found.stopped_by) == ("alert", "waiting", "p-0003")
    assert [unit.lies_still for unit in found.units] == [True]


def test_refusals_are_of_the_stations_family():
    assert all(issubclass(one, StationError) for one in (NotStoppedError, StillUnderWayError, MachineHasItError))
