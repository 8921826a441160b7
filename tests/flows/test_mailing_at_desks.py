"""The mailing flows beside people at their desks: what is counted, weighed and signed there is booked by the run."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mailing_desk import MailingDesk, packed_by_hand
from small_line import Line as SmallLine

from flows import mailing
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.line_state import Line
from flows.run_folder import RunFolder
from handoff_logs.records import new_id
from stations.acceptance import counts
from stations.mailing import acts
from stations.trays import tray_place


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Line, MailingDesk]]:
    """A line whose mailers are people, with packed parcels offered to them."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0, air=0, gate=False, speed=0)
    text = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(text.replace('mailing = "emulated"', 'mailing = "people"', 1), "utf-8")
    prepare(folder)
    with open_line(folder, shift="day", stations=("mailing", "carrier")) as line:
        small = SmallLine(line.database, folder.path)
        packed_by_hand(small, 6)
        yield line, MailingDesk.of(small, accept=False)
        small.close()


async def until(found: Any) -> None:
    for _ in range(400):
        if found():
            return
        await asyncio.sleep(0.02)
    raise AssertionError


def count_all(line: Line, desk: MailingDesk) -> None:
    """Count what is offered to mailing, as a person does at the desk."""
    while True:
        count = counts.begin(desk.here, desk.by["ann"])
        if count is None:
            return
        for number in desk.line.hands.scan(tray_place(count.tray)):
            counts.scan(desk.here, desk.by["ann"], count.count_id, number)
        counts.close(desk.here, desk.by["ann"], count.count_id)


async def serve(line: Line, work: Any, until_done: Any) -> None:
    """Let a station take and work what there is, until something is so; then stop it."""
    running: list[Any] = []

    async def take() -> None:
        while not line.stopping:
            found = await line.blocking(lambda: work.claim(green_only=False, only=None))
            if found is None:
                await asyncio.sleep(0.02)
            else:
                running.append(asyncio.ensure_future(work.work(found)))

    taking = asyncio.ensure_future(take())
    try:
        await until(until_done)
    finally:
        line.stop("Ctrl-C")
        await taking
        for each in running:
            await each


def test_a_tray_goes_from_its_count_to_the_driver(opened: tuple[Line, MailingDesk]) -> None:
    """Counted, weighed, offered; counted by the driver, and dispatched: each step by whoever did it."""
    line, desk = opened
    count_all(line, desk)
    at_table, at_door = mailing._at_desks(line), mailing.DeskActs(line, "carrier", acts.AT_THE_DOOR)

    async def work() -> None:
        waiting = len(desk.line.waiting("mailing"))
        assert waiting

        def accepted() -> bool:
            if desk.line.waiting("mailing"):
                return False
            for label, grams in desk.unweighed():
                if not desk.rows(
                    "SELECT 1 FROM mailing_weighing JOIN parcel USING (parcel_unit) WHERE label = :l", l=label
                ):
                    desk.weigh("bob", label, grams)
            return not desk.unweighed()

        await serve(line, at_table, accepted)

    asyncio.run(work())
    labels = desk.offered()
    assert labels
    accepted = desk.rows("SELECT DISTINCT person FROM custody_event WHERE to_station = 'mailing' AND act = 'accept'")
    assert accepted == [(desk.by["ann"].code,)]
    desk.sign("door", "ann", "dan", labels=tuple(labels))
    line._stop.clear()
    asyncio.run(serve(line, at_door, lambda: not desk.line.waiting("carrier")))
    assert desk.line.states() == {"dispatched": 6}


def test_what_was_signed_while_no_run_was_on_is_booked_by_the_next(opened: tuple[Line, MailingDesk]) -> None:
    """And a tray that lies half weighed is left where it is."""
    line, desk = opened
    desk.accept()
    (label, grams), *_ = desk.unweighed()
    desk.weigh("ann", label, grams)
    desk.sign("load", lines=())
    at_table = mailing._at_desks(line)
    asyncio.run(serve(line, at_table, lambda: not desk.rows("SELECT 1 FROM mailing_act WHERE booked_us IS NULL")))
    assert desk.offered() == []
    assert len(desk.unweighed()) > 1


def test_no_act_is_taken_twice(opened: tuple[Line, MailingDesk]) -> None:
    """While it is being booked it is nobody else's."""
    line, desk = opened
    desk.sign("load", lines=())
    at_table = mailing._at_desks(line)
    assert at_table.claim(green_only=True, only=None) is not None
    assert at_table.claim(green_only=True, only=None) is None
    assert at_table.unfinished() == []
    with line.database.read() as conn:
        assert not acts.is_act(conn, new_id())
