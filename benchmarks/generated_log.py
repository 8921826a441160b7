"""A signed and sealed log of any length on SQLite, the shortest there is: blanks between two stations, in trays.

For what depends on the size of its records alone; a year of the centre is `generated_year`.
"""

import random
import time
from pathlib import Path

from benchmarks.bulk_log import BulkLog, writing
from handoff_logs.records import Kind, Scalar

CROSSINGS = 3
"""How often each unit is offered and accepted; with its receipt that makes seven rows."""
IN_FLIGHT = 20
"""Trays that are under way side by side, so that a unit's rows lie apart as on the line."""
STATIONS = ("review", "qc")


def generate(folder: Path, rows: int, tray: int) -> str:
    """Write a log of about `rows` unit rows in trays of `tray` below `folder`; returns its database url."""
    trays = max(1, rows // (tray * (1 + 2 * CROSSINGS)))
    # Its times lie before now, as a log's do.
    start_us = time.time_ns() // 1000 - trays * (1 + 2 * CROSSINGS) - 1
    with writing(folder, STATIONS, random.Random(1), start_us) as log:
        for first in range(0, trays, IN_FLIGHT):
            under_way = [_receive(log, tray) for _ in range(min(IN_FLIGHT, trays - first))]
            for crossing in range(CROSSINGS):
                here, there = STATIONS if crossing % 2 == 0 else STATIONS[::-1]
                step = 2 + 2 * crossing
                offers = [_offer(log, units, step, here, there) for units in under_way]
                for units, (offer, hash_) in zip(under_way, offers, strict=True):
                    _accept(log, units, step + 1, here, there, offer, hash_)
    return f"sqlite:///{folder / 'passline.db'}"


def _signed(station: str, place: str, state: str = "held") -> dict[str, Scalar]:
    return {"kind": "blank", "state": state, "station": station, "place": place, "person": f"{station}-1"}


def _facts(station: str) -> dict[str, Scalar]:
    return {"person": f"{station}-1", "shift": "day", "tray": "T1"}


def _receive(log: BulkLog, tray: int) -> list[str]:
    station = STATIONS[0]
    units = [log.new_id() for _ in range(tray)]
    rows = [
        (unit, 1, _signed(station, "shelf") | {"number_hash": log.number(unit, Kind.BLANK, f"B{unit}"[:32])})
        for unit in units
    ]
    log.event("receive", station, rows, **_facts(station), second_person=f"{station}-2", to_place="shelf")
    return units


def _offer(log: BulkLog, units: list[str], step: int, here: str, there: str) -> tuple[str, str]:
    offer = log.new_id()
    row = _signed(here, "out", "offered") | {"handoff_id": offer}
    rows = [(unit, step, row) for unit in units]
    facts = _facts(here) | {"event_id": offer, "from_place": "out", "to_station": there, "priority": 2}
    return log.event("offer", here, rows, **facts)


def _accept(log: BulkLog, units: list[str], step: int, here: str, there: str, offer: str, offer_hash: str) -> None:
    rows = [(unit, step, _signed(there, "in")) for unit in units]
    facts = _facts(there) | {"handoff_id": offer, "offer_id": offer, "offer_hash": offer_hash, "to_place": "in"}
    facts |= {"offer_person": f"{here}-1", "from_place": "out", "to_station": there}
    log.event("accept", here, rows, **facts)
