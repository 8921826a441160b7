"""Voided pieces are destroyed whole lots at a time, and the certificate of a lot is the same whenever it is printed."""

import sqlite3
from contextlib import closing

import pytest
from signing_keys import log_key_of

from handoff_logs import log, log_key
from handoff_logs.errors import SamePersonError
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.sealing import Sealer
from stations.personalization import booking
from stations.vault import certificate, destruction, pieces, receiving
from stations.vault.balance import balance
from stations.vault.errors import (
    DestructionUnknownError,
    MethodRefusedError,
    NotSealedYetError,
    NumbersErasedError,
    PiecesElsewhereError,
    UnknownPiecesError,
)
from stations.vault.receiving import Delivery

VOIDED = ["EA0000001", "EA0000002", "K00000001"]


def stamp() -> Stamp:
    return Stamp(booking.now_us(), True)


@pytest.fixture
def vault(line):
    """The vault with two voided books, a voided document made of a card, and what is whole."""
    here = line.at("vault")
    receiving.receive(here, Delivery("book", "EA0000001", "EA0000005", 5, "DN-1"))
    receiving.receive(here, Delivery("card", "K00000001", "K00000002", 2, "DN-2"))
    with line.database.read() as conn:
        found = pieces.find(conn, [*VOIDED, "EA0000003"])
    by, second = here.party(0), here.party(1).person
    order, document = Birth(new_id(), Kind.ORDER), Birth(new_id(), Kind.DOCUMENT, "CA0000001")
    blanks = [found[serial].unit_id for serial in VOIDED[:2]]

    def spoil(tx):
        log.receive(tx, by, None, [order], "queue", stamp())
        log.transform(tx, by, order.unit_id, found["K00000001"].unit_id, document, "rack", stamp())
        log.void(tx, by, second, [*blanks, document.unit_id], "voided", stamp())

    line.database.write(spoil)
    return here


@pytest.fixture
def seal(line, signing_keys):
    """Seals what was recorded."""
    key = log_key.read(log_key_of(signing_keys))
    return lambda: Sealer(line.database, key).seal()


def lots(line):
    return line.facts("SELECT event_id FROM custody_event WHERE act = 'destroy'")


def test_a_lot_is_destroyed_once_by_two_people(line, vault, database_url):
    """Blanks and documents by the serials on the pieces; the same lot again is the same record."""
    done = destruction.destroy(vault, VOIDED, "shredded")
    assert (done.count, done.repeated) == (3, False)
    again = destruction.destroy(vault, VOIDED[::-1], "shredded")
    assert (again.event_id, again.repeated) == (done.event_id, True)
    [(person, witness, reason)] = line.facts(
        "SELECT person, second_person, reason FROM custody_event WHERE act = 'destroy'"
    )
    assert (person, witness, reason) == (*vault.people[:2], "shredded")
    with open_reading(database_url) as reading:
        counted = {row["kind"]: (row["destroyed"], row["made"], row["voided"]) for row in balance(reading)}
    assert counted == {"book": (2, 0, 0), "card": (0, 1, 0)}


@pytest.mark.parametrize(
    ("serials", "refusal"),
    [
        ([*VOIDED, "EA0000003"], PiecesElsewhereError),
        ([*VOIDED, "EA0009999"], UnknownPiecesError),
        (["K00000002"], PiecesElsewhereError),
    ],
)
def test_one_piece_that_is_not_void_keeps_the_whole_lot(line, vault, serials, refusal):
    """Nothing of it is destroyed, and the piece is named."""
    with pytest.raises(refusal) as refused:
        destruction.destroy(vault, serials, "shredded")
    assert serials[-1] in str(refused.value)
    assert lots(line) == []


def test_part_of_a_destroyed_lot_is_not_that_lot(line, vault):
    """Nor with another method: what is no more can't be destroyed again."""
    destruction.destroy(vault, VOIDED, "shredded")
    for serials, method in ((VOIDED[:2], "shredded"), (VOIDED, "burned")):
        with pytest.raises(PiecesElsewhereError, match="ended at vault"):
            destruction.destroy(vault, serials, method)
    assert len(lots(line)) == 1


def test_a_void_piece_elsewhere_is_not_destroyed_from_the_vault(line, vault):
    """It is handed to the vault first."""
    found = line.facts("SELECT unit_id FROM unit_number WHERE number = 'EA0000005'")
    here = line.at("personalization")

    def hand_on(tx):
        unit = [row[0] for row in found]
        offer = log.offer(tx, vault.party(), "shelf:book", "personalization", unit, priority=2, stamp=stamp())
        log.accept(tx, here.party(), offer.handoff_id, unit, "stock:book", stamp())
        log.void(tx, here.party(0), here.party(1).person, unit, "voided", stamp())

    line.database.write(hand_on)
    with pytest.raises(PiecesElsewhereError, match="void at personalization"):
        destruction.destroy(vault, ["EA0000005"], "shredded")


def test_neither_hand_may_be_the_other(line, vault):
    """The log refuses it, whoever asks."""
    by = vault.party(0)
    with line.database.read() as conn:
        unit = pieces.find(conn, VOIDED[:1])[VOIDED[0]].unit_id
    with pytest.raises(SamePersonError):
        line.database.write(lambda tx: log.destroy(tx, by, by.person, [unit], stamp()))


def test_a_method_is_a_code(vault):
    """It goes into the log for good."""
    with pytest.raises(MethodRefusedError):
        destruction.destroy(vault, VOIDED, "Shredded in the yard")


def test_a_certificate_is_made_of_the_sealed_log_and_is_always_the_same(line, vault, seal, database_url):
    """Not before the log is sealed over it; after that whatever else is recorded and sealed."""
    done = destruction.destroy(vault, VOIDED, "shredded")
    with open_reading(database_url) as reading, pytest.raises(NotSealedYetError):
        certificate.lot(reading, done.event_id, "jinan")
    seal()
    with open_reading(database_url) as reading:
        lot = certificate.lot(reading, done.event_id, "jinan")
        with pytest.raises(DestructionUnknownError):
            certificate.lot(reading, "0" * 32, "jinan")
    assert [(piece.serial, piece.kind, piece.document) for piece in lot.pieces] == [
        ("EA0000001", "book", False),
        ("EA0000002", "book", False),
        ("K00000001", "card", True),
    ]
    assert (lot.person, lot.witness, lot.method, lot.emulated) == (*vault.people[:2], "shredded", True)
    receiving.receive(vault, Delivery("book", "EB0000001", "EB0000005", 5, "DN-3"))
    seal()
    with open_reading(database_url) as reading:
        assert certificate.certificate(certificate.lot(reading, done.event_id, "jinan")) == certificate.certificate(lot)


def test_a_certificate_of_many_pieces_names_each_on_numbered_pages(line, vault, seal, database_url):
    """As many as a lot may have; every serial once."""
    receiving.receive(vault, Delivery("book", "EB0000001", "EB0000500", 500, "DN-3"))
    serials = [f"EB{number:07d}" for number in range(1, 501)]
    with line.database.read() as conn:
        units = [piece.unit_id for piece in pieces.find(conn, serials).values()]
    line.database.write(lambda tx: log.void(tx, vault.party(0), vault.party(1).person, units, "voided", stamp()))
    done = destruction.destroy(vault, serials, "pulped")
    seal()
    with open_reading(database_url) as reading:
        paper = certificate.certificate(certificate.lot(reading, done.event_id, "jinan"))
    assert paper.count(b"/Type /Page ") == 3
    assert paper.count(b" Tj ET") > 500


def test_erased_numbers_can_not_be_printed_again(line, vault, seal, database_url):
    """A document's number that was erased with its person: the certificate says so rather than leave it out."""
    if not database_url.startswith("sqlite"):
        pytest.skip("one database is enough: the statement is the same")
    done = destruction.destroy(vault, VOIDED, "shredded")
    seal()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as clerk:
        clerk.execute("DELETE FROM unit_number WHERE number = 'K00000001'")
        clerk.commit()
    with open_reading(database_url) as reading, pytest.raises(NumbersErasedError):
        certificate.lot(reading, done.event_id, "jinan")
