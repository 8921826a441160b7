"""The packing flow beside people at their desk: it accepts what they counted, and books what they packed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_line import Line as SmallLine
from small_packing_desk import ALIKE, PackingDeskLine

from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.line_state import Line
from flows.packing import _at_desks, _emulated
from flows.run_folder import RunFolder
from flows.settings import Desk
from flows.work import StationWork, TrayToWork
from stations.acceptance import counts
from stations.packing import boxes
from stations.packing.machines import BY_HAND
from stations.trays import tray_place, unfinished_trays


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line whose packers are people."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0, speed=0, gate=False)
    text = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(text.replace('packing = "emulated"', 'packing = "people"', 1), "utf-8")
    prepare(folder)
    with open_line(folder, shift="day", stations=("packing",)) as opened:
        assert opened.settings.desks.packing is Desk.PEOPLE
        yield opened


@pytest.fixture
def desk(line: Line) -> Iterator[PackingDeskLine]:
    """Two trays of documents are offered to packing, and packers have signed in."""
    small = SmallLine(line.database, line.folder.path, shares=ALIKE)
    made = PackingDeskLine.of(small)
    made.offer(8, tray_size=4)
    yield made
    small.close()


async def until(found: Any) -> None:
    """Wait a moment until something is so."""
    for _ in range(200):
        if found():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def count(desk: PackingDeskLine, who: str, *, without: int = 0) -> str:
    """Count the next tray blind, all or some of it; the tray."""
    by = desk.by[who]
    mine = counts.begin(desk.here, by)
    assert mine is not None
    for number in desk.line.hands.scan(tray_place(mine.tray))[without:]:
        counts.scan(desk.here, by, mine.count_id, number)
    counts.close(desk.here, by, mine.count_id)
    return mine.tray


def claimed(work: StationWork) -> TrayToWork | None:
    return work.claim(green_only=False, only=None)


def test_a_tray_is_accepted_by_who_counted_it_and_booked_by_who_matched_it(line: Line, desk: PackingDeskLine) -> None:
    """What a count did not find is a case; a box is worked beside the trays until somebody closes it."""
    station = _at_desks(line, BY_HAND)

    async def work() -> list[dict[str, int]]:
        assert claimed(station) is None
        tray = count(desk, "pia", without=1)
        first = claimed(station)
        assert first is not None and first.tray == tray
        working = [asyncio.ensure_future(station.work(first))]
        await until(lambda: unfinished_trays(desk.here) == [tray])
        accepted = desk.rows("SELECT person, sign_in FROM custody_event WHERE act = 'accept' AND tray = :t", t=tray)
        assert accepted[-1] == (desk.by["pia"].code, desk.by["pia"].sign_in)
        assert desk.rows("SELECT count(*) FROM custody_case") == [(1,)]
        desk.match_all("pete", tray)
        await until(lambda: working[0].done())
        while (box := claimed(station)) is not None:
            working.append(asyncio.ensure_future(station.work(box)))
        assert len(working) - 1 == len(boxes.filled(desk.here)) > 0
        desk.close_boxes("pia")
        await until(lambda: all(each.done() for each in working))
        assert claimed(station) is None
        return [await each for each in working]

    outcomes = asyncio.run(work())
    assert (outcomes[0]["units"], outcomes[0]["passed"]) == (3, 3)
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(3,)]
    assert boxes.filled(desk.here) == []


def test_what_was_left_the_next_run_goes_on_with_and_emulated_staff_ends(line: Line, desk: PackingDeskLine) -> None:
    """People match while no flow runs at all; set back to emulated, what they decided stands."""
    station = _at_desks(line, BY_HAND)
    tray = count(desk, "pia")
    first = claimed(station)
    assert first is not None
    line.stop("Ctrl-C")
    assert asyncio.run(station.work(first)) == {"left": 1}
    one, *_ = desk.pieces(tray, delivery="collection") or desk.pieces(tray)
    desk.match("pete", one)
    again = _at_desks(line, BY_HAND)
    assert [each.tray for each in again.unfinished()] == [tray]
    assert asyncio.run(again.work(TrayToWork(tray))) == {"left": 1}
    emulated = _emulated(line, BY_HAND)
    for left in emulated.unfinished():
        asyncio.run(emulated.work(left))
    packers = dict(desk.rows("SELECT packer, count(*) FROM packing_match GROUP BY 1"))
    assert packers == {"p-0012": 1, desk.here.people[0]: 3}
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(4,)]
    assert emulated.unfinished() == []
