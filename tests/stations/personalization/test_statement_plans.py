"""What stations ask for each tray is found by an index: the line is as fast in its tenth year as on its first day."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from enrolled import enrol
from read_by_hand import means_by_hand
from rolls_in_hand import RollHands
from small_desk import Desk, answer_to, sign_in
from small_packing_desk import PackingDeskLine
from small_qc import QcDesk
from statement_plans import listening, whole_tables

from handoff_logs.records import new_id
from stations.alarms import outbox
from stations.green import station as green
from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.offices import OFFICES
from stations.packing import asking, matching, shelf, showing
from stations.packing import station as packing
from stations.packing.errors import LeftAtDeskError
from stations.packing.tables import Resolution
from stations.people_register.credentials import TwoSigned
from stations.personalization import blanks, specimen_run, specimens
from stations.qc import in_hand, inspecting, overview
from stations.qc import station as qc
from stations.qc import viewing as qc_viewing
from stations.review import answers, decisions, leases, questions, rates, viewing
from stations.review import station as review
from stations.review.second import SecondLooks
from stations.rolls import balance, projection
from stations.rolls.rules import RollAct
from stations.trays import unfinished_trays

FIRST_MADE = "SELECT count(*) FROM job WHERE outcome = 'good'"
"""Asked by the test itself, while it waits."""


@pytest.fixture
def database_url(sqlite_templates: Any, tmp_path: Path) -> str:
    """SQLite alone says how it will read before there are rows; the statements are the same on both."""
    shutil.copyfile(sqlite_templates(True), tmp_path / "passline.db")
    return f"sqlite:///{tmp_path / 'passline.db'}"


@pytest.fixture
def heard(database_url: str) -> Iterator[list[str]]:
    with listening() as statements:
        yield statements


def test_no_tray_is_worked_by_reading_a_growing_table_whole(heard, line, readers, tmp_path):
    line.file(24, tray_size=8)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    for offer in line.waiting("qc"):
        qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)
    for offer in line.waiting("packing"):
        packing.work_tray(line.at("packing"), offer, line.packer)
    for offer in line.waiting("mailing"):
        mailing.work_tray(line.at("mailing"), offer, line.mailer)
    for offer in line.waiting("carrier"):
        carrier.work_tray(line.at("carrier"), offer, line.carrier)
    asked = list(heard)
    assert len(asked) > 300
    assert line.states() == {"dispatched": 24}
    assert whole_tables(asked, tmp_path / "passline.db") == set()


def test_no_application_is_reviewed_at_a_desk_by_reading_a_growing_table_whole(heard, line, database_url, tmp_path):
    desk = Desk.of(line)
    desk.accept(6)
    heard.clear()
    first, *_ = desk.take("ann")
    viewing.facts(desk.here, desk.by["ann"], first.lease_id)
    desk.undo("ann", desk.decide("ann", first))
    with desk.database.read() as conn:
        assert decisions.undoable(conn, desk.by["ann"].code) is None
    desk.decide_all("ann")
    leases.give_up(desk.here, desk.by["ann"])
    for who, *more in (("bob", "hold", "person_name"), ("cid",)):
        for tray in unfinished_trays(desk.here):
            review.book_decided(desk.here, tray, seconds=SecondLooks(share=1.0))
        desk.decide_all(who, *more)
        desk.book()
        asked = [each for office in OFFICES for each in questions.ask(desk.here, desk.by["lead"], office)]
        answers.load(desk.here, desk.by["lead"], [answer_to(each) for each in asked])
        answers.answered_trays(desk.here)
    listed = [sql.replace(":since_us", "1").replace(":now_us", "2").strip() for sql in rates.QUESTIONS]
    assert len(heard) > 50
    assert whole_tables([*heard, *listed], tmp_path / "passline.db") == set()


def test_no_piece_is_packed_at_a_desk_by_reading_a_growing_table_whole(heard, line, tmp_path):
    desk = PackingDeskLine.of(line)
    tray = desk.accept_one(8)
    first, second, third, *_ = desk.pieces(tray)
    heard.clear()
    with desk.database.read() as conn:
        shown = showing.shown(conn, "packing", 1, desk.by["pia"].code)
        assert len(showing.undecided(conn, "packing", tray)) == sum(each.pieces for each in shown.trays) == 8
    desk.scan("pia", first.blank_serial, *desk.codes(second)[1:])
    line.stop(third.application_id)
    desk.match_all("pia", tray)
    desk.scan("pia", third.blank_serial)
    with desk.database.read() as conn:
        last = matching.undoable(conn, "packing", desk.by["pia"].code)
    assert last is not None
    matching.undo(desk.here, desk.by["pia"], last.match_id, new_id())
    desk.book()
    by = [sign_in(desk.database, desk.people[name]) for name in ("pia", "lead")]
    two = TwoSigned(by[0].code, by[1].code, by[0].sign_in or "", by[1].sign_in or "")
    assert shelf.decide(desk.here, two, new_id(), first.blank_serial, Resolution.RIGHT)
    assert shelf.book(desk.here, desk.line.packer.put) == 1
    desk.close_boxes("pete")
    desk.book()
    with desk.database.read() as conn:
        parcels = showing.shown(conn, "packing", 1, desk.by["pia"].code).parcels
        assert showing.of_label(conn, "packing", parcels[0].label) in showing.of_tray(conn, "packing", parcels[0].tray)
        asking.open_asks(conn)
    with suppress(LeftAtDeskError):
        asking.AskingDesk(desk.here, True, lambda: True).came_out(parcels[0].label, "printer-01")
    assert len(heard) > 100
    assert whole_tables(list(heard), tmp_path / "passline.db") == set()


def test_no_piece_is_inspected_at_a_desk_by_reading_a_growing_table_whole(heard, line, tmp_path):
    desk = QcDesk.of(line, means_by_hand(line))
    tray = desk.make(4)
    heard.clear()
    desk.read(tray)
    first, second, third, fourth = desk.serials()
    qc_viewing.facts(desk.here, desk.by["ann"], desk.take("ann", first).hold_id)
    desk.undo("ann", desk.decide("ann", first))
    with desk.database.read() as conn:
        assert inspecting.undoable(conn, desk.by["ann"].code) is None
        assert len(overview.trays(conn, desk.here)) == 1
        assert len(overview.next_to_take(conn, desk.here, desk.by["ann"])) == 4
    desk.sign(desk.decide("ann", second, "print"))
    desk.void(tray)
    desk.line.stop(desk.rows("SELECT application_id FROM job WHERE blank_serial = :serial", serial=third)[0][0])
    for serial in (first, fourth):
        desk.decide("ann", serial)
    in_hand.put_back(desk.here, desk.by["ann"])
    assert desk.book(tray).passed == 2
    asked = [sql for sql in heard if "ORDER BY 1" not in sql]
    assert len(asked) > 50
    assert whole_tables(asked, tmp_path / "passline.db") == set()


def test_no_machine_is_opened_by_reading_a_growing_table_whole(heard, shop, tmp_path):
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(3)
    shop.run("book-01", until=1)
    assert any("journal_position" in statement for statement in heard)
    asked = [statement for statement in heard if statement != FIRST_MADE]
    assert whole_tables(asked, tmp_path / "passline.db") == set()


def test_no_specimen_is_made_by_reading_a_growing_table_whole(heard, shop, tmp_path):
    shop.stock("book")
    shop.start("book-01")
    here = shop.workplace
    heard.clear()
    specimens.check(here, "book-01", "book", stocked=True)
    specimen_run.run(
        here,
        shop.driver("book-01"),
        shop.setup("book-01"),
        "passport",
        "set-up",
        lambda: blanks.load(here, shop.desk, "book-01", "book", 1) > 0,
        lambda: specimens.void(here, shop.desk, "book-01"),
    )
    assert any("specimen IS NOT NULL" in statement for statement in heard)
    assert whole_tables(list(heard), tmp_path / "passline.db") == set()


def test_no_roll_is_followed_by_reading_a_growing_table_whole(heard, line, database_url, tmp_path):
    people = enrol(line.database, keeper="keeper", other="keeper", operator="operator", lead="lead")
    hands = RollHands(line, {name: who.code for name, who in people.items()}, database_url)
    hands.receive("L-1")
    hands.hand(RollAct.ISSUED, "L-1")
    hands.mount("L-1")
    hands.take_off("L-1")
    listed = (balance.STEPS, balance.SINCE, projection.FACTS)
    filled = [one.strip().replace(":machine", "'book-01'").replace(":since_us", "1") for one in listed]
    asked = [*(statement for statement in heard if "roll" in statement or "job" in statement), *filled]
    assert sum("blank_serial" in statement for statement in asked) == 1
    assert whole_tables(asked, tmp_path / "passline.db") == set()


def test_neither_emergencies_nor_what_was_not_told_is_found_by_reading_a_growing_table_whole(heard, line, tmp_path):
    with line.database.read() as conn:
        heard.clear()
        green.waiting(conn)
        outbox.behind(conn, {"duty"})
    assert len(heard) >= 2
    assert whole_tables(list(heard), tmp_path / "passline.db") == set()
