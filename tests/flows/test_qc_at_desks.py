"""The QC flow beside people at their desks: it accepts what was counted, has it read, and books what they decided."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from enrolled import enrol
from small_desk import sign_in
from small_line import Line as SmallLine

from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.line_state import Line
from flows.qc import means_of, work_at_desks
from flows.run_folder import RunFolder
from handoff_logs.records import new_id
from stations.acceptance import counts
from stations.by import By
from stations.intake.generator.defects import Shares
from stations.people_register.credentials import SignedIn, TwoSigned
from stations.qc import in_hand, inspecting, readings
from stations.review import station as review
from stations.trays import tray_place

ALIKE = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line whose inspectors are people, with a reader of its own."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0, speed=0, gate=False)
    text = folder.configuration.read_text("utf-8")
    assert 'qc = "emulated"' in text
    folder.configuration.write_text(text.replace('qc = "emulated"', 'qc = "people"', 1), "utf-8")
    prepare(folder)
    with open_line(folder, shift="day", stations=("review", "qc")) as opened:
        yield opened


@pytest.fixture
def small(line: Line) -> Iterator[SmallLine]:
    """Three documents of that line in one tray on their way to QC, the first of which bears another zone."""
    made = SmallLine(line.database, line.folder.path, shares=ALIKE)

    def spoil(piece: Any) -> Any:
        return replace(piece, mrz=(piece.mrz[0], piece.mrz[1][:-1] + "9")) if made.machines_made == 1 else piece

    made.file(3)
    for offer in made.waiting("review"):
        review.work_tray(made.at("review"), offer, made.reviewer)
    made.make_documents(spoil=spoil)
    yield made
    made.close()


def count(line: Line, small: SmallLine, by: By) -> str:
    """Count the tray that is offered; its name."""
    here = line.workplace("qc")
    mine = counts.begin(here, by)
    assert mine is not None
    for number in small.hands.scan(tray_place(mine.tray)):
        counts.scan(here, by, mine.count_id, number)
    counts.close(here, by, mine.count_id)
    return mine.tray


def decide(line: Line, by: By, serial: str, *codes: str) -> str:
    """Take and decide; the decision's id."""
    here, decision = line.workplace("qc"), new_id()
    assert inspecting.decide(here, by, in_hand.take(here, by, serial).hold_id, decision, codes)
    return decision


async def until(found: Any) -> None:
    """Wait a moment until something is so."""
    for _ in range(400):
        if found():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def test_a_tray_goes_through_qc_by_hand_and_a_run_that_stops_leaves_it_to_the_next(
    line: Line, small: SmallLine
) -> None:
    """Counted, read by the reader, decided; what failed is remade before the rest is decided; what was done stands."""
    people: dict[str, SignedIn] = enrol(line.database, ann="inspector", lead="lead")
    ann, lead = (sign_in(line.database, people[name]) for name in ("ann", "lead"))
    station = work_at_desks(line, means_of(line))
    assert station.claim(green_only=False, only=None) is None
    tray = count(line, small, ann)
    claimed = station.claim(green_only=False, only=None)
    assert claimed is not None

    def read() -> bool:
        units = [row[0] for row in small.facts("SELECT document_unit FROM job")]
        with line.database.read() as conn:
            return len(readings.read_units(conn, units)) == 3

    async def first_run() -> dict[str, int]:
        working = asyncio.ensure_future(station.work(claimed))
        await until(read)
        failed = decide(line, ann, "EA0000001", "zone", "zone_check")
        two = TwoSigned(ann.code, lead.code, ann.sign_in or "", lead.sign_in or "")
        assert inspecting.sign_void(line.workplace("qc"), failed, two)
        await until(lambda: small.waiting("personalization"))
        assert small.waiting("packing") == []
        line.stop("Ctrl-C")
        return await working

    assert asyncio.run(first_run()) == {"left": 1}
    assert small.facts("SELECT codes FROM qc_reading WHERE codes <> ''") == [("zone zone_check",)]
    decide(line, ann, "EA0000002")
    decide(line, ann, "EA0000003")
    (left,) = work_at_desks(line, means_of(line)).unfinished()
    assert left.tray == tray
    assert asyncio.run(work_at_desks(line, means_of(line)).work(left)) == {"units": 2, "passed": 2}
    assert [offer.unit_count for offer in small.waiting("packing")] == [2]
    accepted = "SELECT person, sign_in FROM custody_event WHERE act = 'accept' AND to_station = 'qc'"
    assert small.facts(accepted) == [(ann.code, ann.sign_in)]
