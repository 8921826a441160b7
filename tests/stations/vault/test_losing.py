"""A lost blank is reported by two people and ends; one that turns up is quarantined and never used again."""

import pytest

from handoff_logs import log
from handoff_logs.errors import HandoffLogError
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from stations.paper import pdf
from stations.personalization import booking
from stations.vault import destruction, losing, pieces, receiving, report, station
from stations.vault.balance import FIRST_US, LAST_US, balance
from stations.vault.errors import (
    LossRefusedError,
    LossTimeError,
    MethodRefusedError,
    NotLostError,
    NotVoidableError,
    PiecesElsewhereError,
    UnknownPiecesError,
)
from stations.vault.losing import Loss
from stations.vault.receiving import Delivery

SERIAL = "EA0000003"


@pytest.fixture
def vault(line):
    """The vault with five books."""
    receiving.receive(line.at("vault"), Delivery("book", "EA0000001", "EA0000005", 5, "DN-1"))
    return line.at("vault")


def stamp() -> Stamp:
    return Stamp(booking.now_us(), True)


def lose(vault, serial=SERIAL, loss=Loss.LOST, circumstances="fell-behind"):
    return losing.report(vault, serial, loss, circumstances, "shelf:book", booking.now_us())


def of(line, serial=SERIAL):
    with line.database.read() as conn:
        return pieces.find(conn, [serial])[serial]


def counted(database_url):
    with open_reading(database_url) as reading:
        [row] = balance(reading)
    return {term: row[term] for term in ("received", "good", "lost", "in_doubt", "voided", "destroyed", "difference")}


def test_two_people_report_a_blank_lost_once(line, vault, database_url):
    """It ends in the log with place, time and circumstances; reported again, nothing changes."""
    first = lose(vault)
    again = lose(vault, circumstances="another-story")
    assert (first.repeated, again.repeated, again.event_id) == (False, True, first.event_id)
    assert (of(line).state, of(line).lost) == ("ended", True)
    terms = {"received": 5, "good": 4, "lost": 1, "in_doubt": 0, "voided": 0, "destroyed": 0, "difference": 0}
    assert counted(database_url) == terms
    [event] = line.facts("SELECT person, second_person, reason, to_place FROM custody_event WHERE act = 'settle'")
    assert tuple(event) == (*vault.people[:2], "lost:fell-behind", "shelf:book")


def test_what_turns_up_is_quarantined_and_only_voided_and_destroyed(line, vault, database_url):
    """No keeper issues it; found again it is the same unit; in the balance it came in and is accounted for."""
    lose(vault)
    found = losing.receive_found(vault, SERIAL)
    assert (found.number, found.state, found.place) == (f"{SERIAL}/2", "doubt", "quarantine")
    assert losing.receive_found(vault, SERIAL) == found
    with pytest.raises(PiecesElsewhereError):
        station.issue_scanned(vault, [SERIAL], line.plenty, "a" * 32)
    with pytest.raises(PiecesElsewhereError):
        destruction.destroy(vault, [SERIAL], "shredded")
    terms = {"received": 6, "good": 4, "lost": 1, "in_doubt": 1, "voided": 0, "destroyed": 0, "difference": 0}
    assert counted(database_url) == terms
    losing.void(vault, [SERIAL], "turned-up")
    destruction.destroy(vault, [SERIAL], "shredded")
    assert counted(database_url) == {**terms, "in_doubt": 0, "destroyed": 1}


def test_what_was_found_may_be_lost_again(line, vault, database_url):
    """Each time it is another unit."""
    for turn in (2, 3):
        lose(vault)
        assert losing.receive_found(vault, SERIAL).number == f"{SERIAL}/{turn}"
    assert counted(database_url)["lost"] == 2


def test_a_delivery_with_a_lost_serial_is_refused(vault):
    """What turns up at the supplier is found, not delivered."""
    lose(vault)
    with pytest.raises(receiving.SerialsKnownError):
        receiving.receive(vault, Delivery("book", "EA0000003", "EA0000003", 1, "DN-2"))


def test_what_nobody_reported_is_not_found(line, vault):
    """Whatever the log has it as; an unknown serial is nobody's."""
    with pytest.raises(NotLostError):
        losing.receive_found(vault, SERIAL)
    with pytest.raises(UnknownPiecesError):
        losing.receive_found(vault, "EA0009999")


def test_a_missing_blank_is_lost_by_its_case(line, vault, database_url):
    """A count did not find it: the report closes the case that the count opened."""
    handoff = station.issue_scanned(vault, ["EA0000001", SERIAL], line.plenty, "a" * 32)
    with pytest.raises(LossRefusedError, match="let the other side count"):
        lose(vault)
    here = line.at("personalization")
    found = of(line, "EA0000001").unit_id
    line.database.write(lambda tx: log.accept(tx, here.party(), handoff, [found], "stock:book", stamp()))
    lose(vault)
    assert line.facts("SELECT count(*) FROM custody_event WHERE act = 'settle' AND case_id IS NOT NULL") == [(1,)]


def test_a_voided_blank_is_missed_by_the_vaults_count(line, vault):
    """It is defaced, and no loss of a blank; one that is destroyed can't be lost at all."""
    losing.void(vault, [SERIAL], "damaged")
    with pytest.raises(LossRefusedError, match="offer it to the vault"):
        lose(vault)
    destruction.destroy(vault, [SERIAL], "shredded")
    with pytest.raises(LossRefusedError, match="its custody has ended"):
        lose(vault)


def test_a_loss_is_noticed_after_the_last_record_and_not_after_now(line, vault):
    """Custody can't be rewritten by a time."""
    for noticed_us in (1, booking.now_us() + 3_600_000_000):
        with pytest.raises(LossTimeError):
            losing.report(vault, SERIAL, Loss.LOST, "fell-behind", "shelf:book", noticed_us)
    assert of(line).state == "held"


@pytest.mark.parametrize("circumstances", ["It fell behind the shelf", "", "x" * 33])
def test_circumstances_are_a_code(vault, circumstances):
    """They go into the log for good."""
    with pytest.raises(MethodRefusedError):
        lose(vault, circumstances=circumstances)


def test_people_of_another_station_report_or_void_nothing(line, vault):
    """The log refuses who does not answer for it."""
    with pytest.raises(HandoffLogError):
        lose(line.at("qc"))
    with pytest.raises(NotVoidableError, match="people at vault"):
        losing.void(line.at("personalization"), [SERIAL], "damaged")
    assert of(line).state == "held"


def test_the_report_names_what_was_lost_stolen_voided_destroyed_and_found(line, vault, database_url):
    """In the order of the log; and as a paper."""
    lose(vault)
    lose(vault, "EA0000004", Loss.STOLEN, "burglary")
    losing.receive_found(vault, SERIAL)
    losing.void(vault, [SERIAL, "EA0000005"], "damaged")
    destruction.destroy(vault, [SERIAL, "EA0000005"], "shredded")
    with open_reading(database_url) as reading:
        rows = report.endings(reading, FIRST_US, LAST_US)
        assert report.endings(reading, FIRST_US, rows[0]["happened_us"]) == []
    assert [(row["what"], row["serial"], row["circumstances"]) for row in rows] == [
        ("lost", SERIAL, "fell-behind"),
        ("stolen", "EA0000004", "burglary"),
        ("found", SERIAL, "turned-up"),
        ("voided", SERIAL, "damaged"),
        ("voided", "EA0000005", "damaged"),
        ("destroyed", SERIAL, "shredded"),
        ("destroyed", "EA0000005", "shredded"),
    ]
    assert {(row["kind"], row["station"], row["document"]) for row in rows} == {("book", "vault", False)}
    paper = report.as_pdf(rows * 10, "jinan", "", emulated=True)
    assert paper == report.as_pdf(rows * 10, "jinan", "", emulated=True) != pdf([[]], "")
    assert paper.count(b"/Type /Page ") == 2
