"""A database older than a machine's journal: what was made meanwhile is booked, or holds the machine; never twice."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handoff_logs.backup import back_up, read_manifest, restore
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations.personalization import activity, bench, blanks, jobs, rules, settlement, specimen_run
from stations.personalization.recovery import begin
from stations.personalization.rules import Settlement


@pytest.fixture
def database_url(sqlite_templates: Callable[[bool], Path], tmp_path: Path) -> str:
    """Copied as a file; the rules are the same on PostgreSQL."""
    path = tmp_path / "passline.db"
    path.write_bytes(sqlite_templates(True).read_bytes())
    return f"sqlite:///{path}"


MADE = "SELECT count(*) FROM job WHERE outcome = 'good'"


def work_in_the_lost_time(shop: Any, tmp_path: Path, machine: str) -> int:
    """Let a machine work on a copy of the database that nobody sees again; how many documents it has made in all.

    The line's own database is the older one afterwards.
    """
    until = shop.line.facts(MADE)[0][0] + 4
    made: list[int] = []

    def work() -> None:
        shop.run(machine, until=until)
        made.append(int(shop.line.facts(MADE)[0][0]))

    in_the_lost_time(shop, tmp_path, work)
    return made[0]


def in_the_lost_time(shop: Any, tmp_path: Path, work: Callable[[], None]) -> None:
    """Let `work` be done on a copy of the database that nobody sees again."""
    back_up(f"sqlite:///{tmp_path / 'passline.db'}", tmp_path / "copy", emulated=True)
    url = f"sqlite:///{tmp_path / 'lost.db'}"
    restore(url, tmp_path / "copy", read_manifest(tmp_path / "copy"))
    older = shop.line.database
    # With the keys as they were: what is tested here is what the machines alone know.
    keys = shutil.copytree(tmp_path / "signing", tmp_path / "lost-signing")
    with Database(url, keyring=Keyring(keys)) as lost:
        shop.line.database, shop.workplace = lost, replace(shop.workplace, database=lost)
        try:
            work()
        finally:
            shop.line.database, shop.workplace = older, replace(shop.workplace, database=older)


def begun(shop: Any, machine: str, **changes: Any) -> str | None:
    """Open one machine as a run does; why it is held."""
    driver = shop.driver(machine)
    try:
        return begin(shop.workplace, driver, shop.setup(machine, **changes), shop.desk, shop.stop).held
    finally:
        driver.close()


def test_books_made_in_the_lost_time_are_booked_and_not_made_again(shop: Any, tmp_path: Path) -> None:
    """The machine's own results are what the intents were: blanks, documents and numbers are as they lie there."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(40)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    shop.run("book-01", until=2)
    made = work_in_the_lost_time(shop, tmp_path, "book-01")
    assert shop.line.facts(MADE)[0][0] < made
    assert begun(shop, "book-01") is None
    assert shop.line.facts(MADE) == [(made,)]
    shop.run("book-01", until=orders)
    pieces = shop.line.facts("SELECT count(*), count(DISTINCT application_id) FROM job WHERE outcome = 'good'")
    assert pieces == [(orders, orders)]
    assert shop.line.facts("SELECT count(*) FROM job WHERE document_number <> blank_serial") == [(0,)]
    alive = Counter(piece.identity for piece in shop.tally().pieces.values() if piece.made and not piece.defaced)
    assert (set(alive.values()), len(alive)) == ({1}, orders)


def test_a_specimen_made_in_the_lost_time_is_booked_and_voided(shop: Any, tmp_path: Path) -> None:
    """Its id follows from its machine and its number, as another's does from its application."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(20)
    shop.run("book-01", until=2)

    def specimen() -> None:
        def load() -> bool:
            return blanks.load(shop.workplace, shop.desk, "book-01", "book", 1) > 0

        setup = shop.setup("book-01")
        specimen_run.run(shop.workplace, shop.driver("book-01"), setup, "passport", "set-up", load, list)

    in_the_lost_time(shop, tmp_path, specimen)
    assert begun(shop, "book-01") is None
    told = "SELECT specimen, outcome, live FROM job WHERE specimen IS NOT NULL"
    assert shop.line.facts(told) == [("forgotten", "specimen", False)]
    [serial] = [row[0] for row in shop.line.facts("SELECT blank_serial FROM job WHERE specimen IS NOT NULL")]
    assert shop.tally().pieces[serial].defaced


def test_cards_made_in_the_lost_time_wait_for_two_people_who_deface_them(shop: Any, tmp_path: Path) -> None:
    """A card's number is from a range: the older database does not know it, and would give it out again."""
    shop.stock("card")
    shop.start("card-01")
    shop.accept_orders(30)
    orders = shop.line.facts("SELECT count(*) FROM application WHERE product <> 'passport'")[0][0]
    shop.run("card-01", until=2)
    made = work_in_the_lost_time(shop, tmp_path, "card-01")
    known = shop.line.facts(MADE)[0][0]
    assert begun(shop, "card-01") == "in-doubt"
    assert begun(shop, "card-01") == "in-doubt"
    with shop.line.database.read() as conn:
        doubts = jobs.in_doubt(conn, "card-01")
        assert activity.all_shown(conn)["card-01"][1] == "in-doubt"
    assert len(doubts) == made - known
    for job in doubts:
        found, place = Settlement.MADE_BAD, rules.VOIDED
        bench.act_on(shop.desk, job, job.blank_serial, found, place, ("p-0001", "p-0002"))
        settlement.settle(shop.workplace, job.job_id, found, "p-0001", "p-0002", place)
    shop.run("card-01", until=orders)
    pieces = shop.tally().pieces.values()
    alive = Counter(piece.identity for piece in pieces if piece.made and not piece.defaced)
    assert (set(alive.values()), len(alive)) == ({1}, orders)
    numbers = shop.line.facts("SELECT count(*), count(DISTINCT document_number) FROM job")
    assert numbers[0][0] == numbers[0][1] >= orders + len(doubts)


def test_a_job_that_no_order_here_explains_holds_its_machine(shop: Any, tmp_path: Path) -> None:
    """Its order is at another station in the older database, or in none: nothing is drawn."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(30)
    shop.run("book-01", until=2)
    work_in_the_lost_time(shop, tmp_path, "book-01")
    before = shop.line.facts("SELECT count(*) FROM job")
    assert begun(shop, "book-01", centre="elsewhere") == "unknown-jobs"
    assert shop.line.facts("SELECT count(*) FROM job") == before
