"""Blanks go to a shift as it needs them, and come back; each way one side offers and the other counts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from stations.personalization.emulated_desk import EmulatedOperator
from stations.vault import receiving, rules, station
from stations.vault.errors import (
    NothingScannedError,
    NotNeededError,
    PiecesElsewhereError,
    ScannedTwiceError,
    UnknownPiecesError,
)
from stations.vault.need import need
from stations.vault.receiving import Delivery
from stations.vault.rules import Reserve
from stations.vault.scans import ScanFileError, Scanned, read

RESERVE = Reserve(0.05, 10)
TRAY = "a" * 32


@pytest.fixture
def vault(line):
    """The vault, forty books in it."""
    receiving.receive(line.at("vault"), Delivery("book", "EA0000001", "EA0000040", 40, "DN-1"))
    return line.at("vault")


def serials(first, last):
    return list(rules.serials(f"EA{first:07d}", f"EA{last:07d}"))


def needed(line):
    with line.database.read() as conn:
        return need(conn, "book", RESERVE)


def accepted(line, handoff, scanned, at="personalization"):
    here = line.at(at)
    offer = station.offered(here)[handoff]
    return station.accept(here, Scanned(scanned), offer, station.place_of(here, offer))


def test_the_need_is_the_orders_and_a_reserve_less_what_is_there_or_on_its_way(line, vault):
    """Without orders there is none, however many lie on the shelf."""
    assert needed(line).short == 0
    line.file(6)
    books = sum(row[0] == "passport" for row in line.facts("SELECT product FROM application WHERE state = 'waiting'"))
    assert (needed(line).orders, needed(line).reserve) == (books, 11)
    handoff = station.issue_scanned(vault, serials(1, 5), RESERVE, TRAY)
    assert (needed(line).there, needed(line).short) == (5, books + 6)
    accepted(line, handoff, serials(1, 4))  # one is missing, and nobody can use it
    assert (needed(line).there, needed(line).short) == (4, books + 7)


def test_more_than_the_need_is_refused_naming_it(line, vault):
    """By the scan as by the shelf; nothing is offered."""
    line.file(4)
    short = needed(line).short
    with pytest.raises(NotNeededError) as refusal:
        station.issue_scanned(vault, serials(1, short + 1), RESERVE, TRAY)
    assert (refusal.value.asked, refusal.value.there) == (short + 1, 0)
    with pytest.raises(NotNeededError):
        station.issue(vault, EmulatedOperator(line.hands), "book", short + 1, RESERVE)
    assert line.waiting("personalization") == []


def test_keepers_who_issue_at_once_meet_the_need_once(line, vault):
    """Each scans other blanks, all that are needed: one of them is told that nothing is needed any more."""
    line.file(4)
    short = needed(line).short

    def issue(turn):
        first = 1 + turn * 13
        try:
            return station.issue_scanned(vault, serials(first, first + min(short, 13) - 1), RESERVE, f"{turn}" * 32)
        except NotNeededError as refusal:
            return refusal

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(issue, range(3)))
    with line.database.read() as conn:
        left = need(conn, "book", RESERVE)
    assert left.there <= left.orders + left.reserve
    assert sum(isinstance(one, NotNeededError) for one in found) >= 1


@pytest.mark.parametrize(
    ("scanned", "refusal"),
    [
        ([], NothingScannedError),
        (["EA0000001", "EA0000001"], ScannedTwiceError),
        (["EA0000001", "EA0009999"], UnknownPiecesError),
        (["EA0000001", "K00000001"], PiecesElsewhereError),
    ],
)
def test_a_scan_that_is_not_all_of_one_shelf_is_refused_whole(line, vault, scanned, refusal):
    """Nothing, twice, unknown, of another kind: no part of it is issued."""
    line.file(4)
    receiving.receive(vault, Delivery("card", "K00000001", "K00000001", 1, "DN-2"))
    with pytest.raises(refusal):
        station.issue_scanned(vault, scanned, RESERVE, TRAY)
    assert line.waiting("personalization") == []


def test_what_goes_back_is_unmarked_and_in_the_stock(line, vault):
    """A blank in a machine, or in the vault, is not given back by a scan at the stock."""
    handoff = station.issue_scanned(vault, serials(1, 3), line.plenty, TRAY)
    accepted(line, handoff, serials(1, 3))
    here = line.at("personalization")
    with pytest.raises(PiecesElsewhereError) as refusal:
        station.give_back(here, [*serials(1, 2), "EA0000009"], TRAY)
    assert refusal.value.pieces == (("EA0000009", "held at vault, shelf:book"),)
    assert station.returnable(here, "book") == serials(1, 3)
    back = station.give_back(here, serials(1, 2), TRAY)
    assert accepted(line, back, serials(1, 2), at="vault").missing == ()
    assert line.facts("SELECT count(*) FROM whereabouts WHERE place = 'shelf:book'") == [(39,)]


def test_an_unknown_piece_in_a_count_is_no_acceptance(line, vault):
    """It can be in no record: nothing is accepted until it is set aside."""
    handoff = station.issue_scanned(vault, serials(1, 3), line.plenty, TRAY)
    with pytest.raises(UnknownPiecesError):
        accepted(line, handoff, [*serials(1, 3), "EA0009999"])
    assert handoff in station.offered(line.at("personalization"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"E" * 50, b"EA1\n" * 20_000])
def test_a_file_that_is_no_list_of_serials_is_refused(tmp_path, content):
    """Bytes, a line that is no serial, too many."""
    file = tmp_path / "scan"
    file.write_bytes(content)
    with pytest.raises(ScanFileError):
        read(file)
    with pytest.raises(ScanFileError):
        read(tmp_path / "none")
