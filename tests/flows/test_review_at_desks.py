"""The review flow beside people at their desks: it accepts trays, waits, and books what they decided."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from small_desk import ALIKE, EMULATED, answer_to, verdict
from sqlalchemy import text

from flows.cli import run
from flows.composition import open_line, prepare
from flows.configuration import SettingsError, read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_state import Line
from flows.review import WithAnswered, trays_at_desks
from flows.run_folder import RunFolder
from flows.settings import Desk
from handoff_logs import offers
from handoff_logs.reading import open_reading
from stations.by import By
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.offices import OFFICES
from stations.review import answers, decisions, leases, questions


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line with three applications in two trays, whose reviewers are people."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0, speed=0)
    text = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(text.replace('review = "emulated"', 'review = "people"', 1), "utf-8")
    prepare(folder)
    generate(tmp_path / "batch", 3, 1, day=date(2026, 9, 1), shares=ALIKE)
    with open_line(folder, shift="day", stations=("intake", "review")) as opened:
        assert opened.settings.desks.review is Desk.PEOPLE
        load(opened.workplace("intake"), tmp_path / "batch", folder.path / "replies", tray_size=2)
        yield opened


def decide(line: Line, most: int) -> int:
    """Decide as many as there are, at most; how many."""
    here = line.workplace("review")
    held = leases.take(here, EMULATED, ahead=most - 1)
    for lease in held:
        decisions.decide(here, EMULATED, verdict(lease))
    return len(held)


async def until(found: Any) -> None:
    """Wait a moment until something is so."""
    for _ in range(200):
        if found():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def test_trays_are_accepted_and_booked_as_people_decide_them(line: Line) -> None:
    """One goes on as soon as its last application is decided, whatever becomes of the other."""
    station = trays_at_desks(line)

    async def work() -> list[dict[str, int]]:
        trays = [station.claim(green_only=False, only=None) for _ in range(2)]
        assert station.claim(green_only=False, only=None) is None
        working = [asyncio.ensure_future(station.work(tray)) for tray in trays if tray]
        await until(lambda: len(station.unfinished()) == 2)
        assert decide(line, 2) == 2
        await until(lambda: any(each.done() for each in working))
        line.stop("Ctrl-C")
        return [await each for each in working]

    outcomes = asyncio.run(work())
    assert sorted(outcomes, key=len) in (
        [{"left": 1}, {"units": 2, "passed": 2}],
        [{"left": 1}, {"units": 1, "passed": 1}],
    )
    assert len(station.unfinished()) == 1
    with line.database.read() as connection:
        assert len(offers.waiting(connection, "personalization")) == 1


def test_a_tray_that_was_left_is_booked_by_the_next_run(line: Line) -> None:
    """People decide while no flow runs at all."""
    station = trays_at_desks(line)
    trays = [station.claim(green_only=False, only=None) for _ in range(2)]
    line.stop("Ctrl-C")
    assert [asyncio.run(station.work(tray)) for tray in trays if tray] == [{"left": 1}, {"left": 1}]
    assert decide(line, 9) == 3
    outcomes = [asyncio.run(station.work(tray)) for tray in station.unfinished()]
    assert sum(outcome["passed"] for outcome in outcomes) == 3
    with closing(open_reading(line.folder.line().database_url)) as reading:
        assert len(reading.rows("SELECT * FROM review_verdict")) == 3


def test_a_tray_that_comes_off_the_hold_shelf_is_booked_by_the_run_that_goes_on(line: Line) -> None:
    """Nobody offers it: it is at review already, and taken up once. What was filed anew meanwhile goes back."""
    at_desks = trays_at_desks(line)
    station, here = WithAnswered(line, at_desks), line.workplace("review")
    trays = [station.claim(green_only=False, only=None) for _ in range(2)]
    line.stop("Ctrl-C")
    for tray in filter(None, trays):
        assert asyncio.run(station.work(tray)) == {"left": 1}
    for lease in leases.take(here, EMULATED):
        decisions.decide(here, EMULATED, verdict(lease, "hold", "person_name"))
    for tray in at_desks.unfinished():
        assert "held" in asyncio.run(station.work(tray))
    anew = "UPDATE application SET state = 'returned', live = FALSE WHERE application_id = (SELECT min(application_id)"
    line.database.write(lambda tx: tx.execute(text(f"{anew} FROM application)")))
    assert station.claim(green_only=False, only=None) is None
    with line.database.read() as conn:
        outside = conn.execute(text("SELECT station FROM whereabouts WHERE state = 'outside'")).scalars().all()
    assert len(outside) == 1 and outside[0].startswith("office:")
    clerk = By("p-0001", "0" * 32)
    row = {"id": clerk.sign_in, "code": clerk.code}
    line.database.write(
        lambda tx: tx.execute(text("INSERT INTO sign_in_attempt VALUES (:id, :code, 1, 'accepted')"), row)
    )
    asked = [each for office in OFFICES for each in questions.ask(here, clerk, office)]
    assert answers.load(here, clerk, [answer_to(each) for each in asked]).trays == 1
    again = station.claim(green_only=False, only=None)
    assert again is not None and again.offer is None
    assert station.claim(green_only=False, only=None) is None
    other = By("e-rev-8")
    for lease in leases.take(here, other):
        decisions.decide(here, other, verdict(lease))
    assert asyncio.run(station.work(again)) == {"units": 2, "passed": 2}


def test_who_decides_is_a_word_that_is_known(line: Line) -> None:
    """Anything else is refused with what is allowed."""
    text = line.folder.configuration.read_text("utf-8")
    line.folder.configuration.write_text(text.replace('review = "people"', 'review = "nobody"', 1), "utf-8")
    with pytest.raises(SettingsError, match=r"desks\.review"):
        read_settings(line.folder)


def test_no_desk_is_served_where_emulated_staff_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would show people nothing, and says what to set."""
    write_default(RunFolder(tmp_path / "line"), books=1, cards=0, readers=1, small=0)
    assert run(["desk", "--dir", str(tmp_path / "line"), "--port", "0"]) == Exit.REFUSED
    assert 'review = "people"' in capsys.readouterr().err
