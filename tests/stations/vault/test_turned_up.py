"""A document that a count did not find is taken in again by two of the station that it was handed to."""

from typing import Any

import pytest
from small_desk import ALIKE
from small_line import Line

from handoff_logs.errors import WrongStationError
from handoff_logs.offers import OpenOffer
from stations.people import Role
from stations.qc.pieces import document_units, offered_numbers
from stations.review import station as review
from stations.trays import accept_by_scan, tray_of, tray_place, unfinished_trays
from stations.vault import turned_up
from stations.vault.errors import NotLostError, UnknownPiecesError


def accepted_without_one(line: Line, offer: OpenOffer) -> tuple[str, list[str]]:
    """Accept a tray of which one piece fell behind; its serial, and those that were counted."""
    with line.database.read() as conn:
        expected = offered_numbers(conn, offer.handoff_id)
    lost, *rest = sorted(expected)
    line.hands.put([lost], "behind:the-bench")
    assert accept_by_scan(line.at("qc"), offer, line.inspector, expected, document_units).missing == 1
    return lost, rest


@pytest.fixture
def missing(line: Line) -> Any:
    """The serial of a document that QC's count did not find, and those that it found."""
    line.shares = ALIKE
    line.file(3)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    return accepted_without_one(line, line.waiting("qc")[0])


def test_a_missing_document_goes_on_where_it_was_handed_to_and_its_case_is_closed(line: Line, missing: Any) -> None:
    serial, _ = missing
    before = unfinished_trays(line.at("qc"))
    found = turned_up.receive(line.at("qc"), serial)
    assert found.station == "qc"
    assert set(unfinished_trays(line.at("qc"))) == {*before, found.tray}
    held = line.facts("SELECT state, station, place FROM whereabouts WHERE unit_id = :unit", unit=found.piece.unit_id)
    assert [tuple(row) for row in held] == [("held", "qc", "input")]
    assert line.facts("SELECT 1 FROM open_case") == []
    signed = line.facts("SELECT person, second_person FROM custody_event WHERE event_id = :id", id=found.record)
    assert [tuple(row) for row in signed] == [line.at("qc").people[:2]]
    with pytest.raises(NotLostError):
        turned_up.receive(line.at("qc"), serial)


def test_what_no_count_missed_is_taken_in_by_nobody(line: Line, missing: Any) -> None:
    _, (there, *_) = missing
    with pytest.raises(NotLostError, match="held at qc"):
        turned_up.receive(line.at("qc"), there)
    with pytest.raises(UnknownPiecesError):
        turned_up.receive(line.at("qc"), "EZ9999999")


def test_another_station_takes_nothing_in(line: Line, missing: Any) -> None:
    """Neither who handed it on, who answers for it still, nor anybody else."""
    serial, _ = missing
    for station in ("personalization", "packing"):
        with pytest.raises(WrongStationError):
            turned_up.receive(line.at(station), serial)
    assert len(line.facts("SELECT 1 FROM open_case")) == 1


def test_the_stations_own_people_and_leads_take_it_in() -> None:
    assert turned_up.finders("qc") == (Role.INSPECTOR, Role.LEAD)
    assert turned_up.finders("packing") == (Role.PACKER, Role.LEAD)


def test_a_missing_document_that_turned_up_is_inspected_like_any(line: Line, missing: Any, readers: Any) -> None:
    """Put into its new tray, it is read, passed and handed on."""
    from stations.qc import station as qc

    serial, _ = missing
    found = turned_up.receive(line.at("qc"), serial)
    line.hands.put([serial], tray_place(found.tray))
    outcome = qc.resume_tray(line.at("qc"), found.tray, line.inspector, readers, line.trust_anchor)
    assert (outcome.units, outcome.passed) == (1, 1)
    assert found.tray in [tray_of(offer) for offer in line.waiting("packing")]
