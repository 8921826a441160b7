"""Steps 3 and 6, and what of 5 and 7 concerns single records: one page of events after another.

The database writes each row as the JSON that was hashed, so that a page is two statements, a hash a row and a root an
event. The custody rules of the same events are asked while their rows are at hand.
"""

# ruff: noqa: S608 (the statements are put together from this package's own words, never from input)

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from handoff_logs import merkle
from handoff_logs.custody_rules import OPENED_PASSES, PASSES, RANGE
from handoff_logs.opened import absent_rows_between, years
from handoff_logs.reading import Reading
from handoff_logs.records import (
    CASE_FIELDS,
    EVENT_FIELDS,
    MAX_INTEGER,
    REGISTER_FIELDS,
    UNIT_FIELDS,
    acting_station,
    is_salt,
    leaf_entry,
    number_hash,
    second_signer,
)
from handoff_logs.verify.bounds import LEAF_OF_EVENT, Bounds
from handoff_logs.verify.json_rows import json_row
from handoff_logs.verify.keys import Keys, Place
from handoff_logs.verify.problems import Limits, Problem

PAGE_EVENTS = 128
"""Events in a page: some have a thousand units, and a page's rows are in memory at once."""
PAGE_NUMBERS = 10_000
BEYOND_IDS = "g"
"""Sorts after every id, which is hexadecimal; a row that sorts after it is missed and its absence counted."""

_EVENT_COLUMNS = (
    *("seq", "event_id", "act", "from_station", "to_station", "person", "second_person", "units_root"),
    *("key_id", "second_key_id", "signature", "second_signature"),
)
_ROWS = {
    "unit": ("custody_unit", UNIT_FIELDS, "position"),
    "opened": ("custody_case", CASE_FIELDS, "case_id"),
    "entry": ("custody_register", REGISTER_FIELDS, "position"),
}
"""What is below an event's root, in this order."""


def _statements(dialect: str) -> dict[str, str]:
    columns = ", ".join(f"event.{column}" for column in _EVENT_COLUMNS)
    statements = {
        "event": f"SELECT {columns}, leaf.epoch, leaf.leaf_index, leaf.leaf_hash,"
        f" {json_row(dialect, 'event', EVENT_FIELDS)}"
        f" FROM custody_event AS event LEFT JOIN {LEAF_OF_EVENT} WHERE {RANGE} ORDER BY event.seq",
        "answer": f"SELECT event.event_id, event.offer_hash, {json_row(dialect, 'offer', EVENT_FIELDS)},"
        " offer.event_id FROM custody_event AS event LEFT JOIN custody_event AS offer"
        f" ON offer.event_id = event.offer_id WHERE {RANGE} AND event.offer_id IS NOT NULL",
    }
    for alias, (table, fields, order) in _ROWS.items():
        statements[alias] = (
            f"SELECT event.seq, {json_row(dialect, alias, fields)} FROM custody_event AS event"
            f" JOIN {table} AS {alias} ON {alias}.event_id = event.event_id WHERE {RANGE}"
            f" ORDER BY event.seq, {alias}.{order}"
        )
    return statements


_STATEMENTS = {dialect: _statements(dialect) for dialect in ("sqlite", "postgresql")}

# The first cosigned time of any tree with the record's leaf, the last one of any tree without it.
_AFTER = (
    "(SELECT seen.time_s FROM seal_cosignature AS seen WHERE seen.epoch = leaf.epoch AND seen.size > leaf.leaf_index"
    " ORDER BY seen.size, seen.time_s LIMIT 1)"
)
_BEFORE = (
    "(SELECT seen.time_s FROM seal_cosignature AS seen WHERE seen.epoch = leaf.epoch AND seen.size <= leaf.leaf_index"
    " ORDER BY seen.size DESC, seen.time_s DESC LIMIT 1)"
)
_TIMES = (
    "SELECT event_id, happened_us > written_us + :clock_us, written_us > (after_s + 1) * 1000000 + :clock_us,"
    " written_us < before_s * 1000000 - :clock_us - :sealing_us"
    f" FROM (SELECT event.event_id, event.happened_us, event.written_us, {_AFTER} AS after_s, {_BEFORE} AS before_s"
    f" FROM custody_event AS event LEFT JOIN {LEAF_OF_EVENT} WHERE {RANGE}) AS timed"
    " WHERE happened_us > written_us + :clock_us OR written_us > (after_s + 1) * 1000000 + :clock_us"
    " OR written_us < before_s * 1000000 - :clock_us - :sealing_us"
)
TIME_RULES = (
    "nothing is written before it happened",
    "a record is written before it is cosigned",
    "a record is written after the tree before it was cosigned",
)

_NUMBERS = (
    "SELECT named.unit_id, unit.number_hash, named.number, named.salt, named.kind = unit.kind FROM unit_number AS named"
    " LEFT JOIN custody_unit AS unit ON unit.unit_id = named.unit_id AND unit.step = 1"
    " WHERE named.unit_id > :after AND named.unit_id <= :last"
)


@dataclass(slots=True)
class Page:
    """What a page of the log held, in rows by table, and what was wrong with it."""

    rows: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def verify_events(reading: Reading, keys: Keys, bounds: Bounds, limits: Limits, after: int, last: int) -> Page:
    """Recompute the events whose `seq` is above `after`, up to `last`, and ask the rules of single records of them."""
    page = Page()
    statements = _STATEMENTS[reading.dialect]
    leaves: dict[str, int | str] = {"epoch": bounds.epoch, "size": bounds.size}
    hashes: dict[int, list[bytes]] = defaultdict(list)
    for alias, (table, _, _) in _ROWS.items():
        rows = reading.tuples(statements[alias], after=after, last=last)
        page.rows[table] = len(rows)
        for seq, text in rows:
            hashes[seq].append(sha256(b"\x00" + text.encode()).digest())
    events = reading.tuples(statements["event"], after=after, last=last, **leaves)
    page.rows["custody_event"] = len(events)
    page.rows["seal_leaf"] = 0
    absent = absent_rows_between(reading, after, last)
    for row in events:
        for position, hash_ in absent.get(row[1], ()):
            hashes[row[0]].insert(position - 1, hash_)
        _event(page, keys, hashes[row[0]], row)
    for event_id, offer_hash, text, offer_id in reading.tuples(statements["answer"], after=after, last=last):
        if offer_id is None or sha256(text.encode()).hexdigest() != offer_hash:
            page.problems.append(Problem(3, "an answer carries its offer's hash", event_id))
    clock_us, sealing_us = int(limits.clock_s * 1e6), int(limits.sealing_s * 1e6)
    for subject, *broken in reading.tuples(
        _TIMES, after=after, last=last, clock_us=clock_us, sealing_us=sealing_us, **leaves
    ):
        page.problems += [
            Problem(5, rule, subject) for rule, is_broken in zip(TIME_RULES, broken, strict=True) if is_broken
        ]
    for sql in OPENED_PASSES if years(reading) else PASSES:
        for subject, rules in reading.tuples(sql, after=after, last=last):
            page.problems += [Problem(7, rule, str(subject)) for rule in str(rules).splitlines()]
    return page


def _event(page: Page, keys: Keys, rows: Sequence[bytes], row: tuple[Any, ...]) -> None:
    *values, epoch, index, leaf_hash, text = row
    event = dict(zip(_EVENT_COLUMNS, values, strict=True))
    subject = str(event["event_id"])
    if merkle.root(rows).hex() != event["units_root"]:
        page.problems.append(Problem(3, "an event's root covers its rows", subject))
    hash_ = sha256(text.encode()).hexdigest()
    signature, second = event["signature"], event["second_signature"]
    if leaf_hash is not None:
        page.rows["seal_leaf"] += 1
        # No leaf was ever made of a number that JSON readers would round.
        entry = leaf_entry(event["seq"], hash_, signature, second) if abs(event["seq"]) <= MAX_INTEGER else b""
        if merkle.leaf_hash(entry).hex() != leaf_hash:
            page.problems.append(Problem(3, "an event's leaf is of its columns", subject))
    place = Place.of(epoch, index, event["seq"])
    if fault := keys.fault(event["key_id"], f"station:{acting_station(event)}", place, hash_, signature):
        page.problems.append(Problem(6, f"a record is signed by its station: {fault}", subject))
    if event["second_key_id"] is not None or second is not None:
        owner = f"person:{second_signer(event)}"
        if fault := keys.fault(event["second_key_id"], owner, place, hash_, second):
            page.problems.append(Problem(6, f"a record is signed by its person: {fault}", subject))


def verify_numbers(reading: Reading, after: str, last: str) -> Page:
    """Recompute the numbers' hashes of the units whose id is above `after`, up to `last`."""
    rows = reading.tuples(_NUMBERS, after=after, last=last)
    page = Page({"unit_number": len(rows)})
    for unit_id, hash_, number, salt, same_kind in rows:
        if not is_salt(salt) or hash_ != number_hash(salt, number):
            page.problems.append(Problem(3, "a number belongs to its unit", unit_id))
        if not same_kind:
            page.problems.append(Problem(7, "a number's kind is its unit's", unit_id))
    return page


_LAST_EVENTS = (
    "SELECT seq FROM (SELECT event.seq, row_number() OVER (ORDER BY event.seq) AS place FROM custody_event AS event"
    f" WHERE {RANGE}) AS numbered WHERE place % :page = 0 OR seq = :last ORDER BY seq"
)
_LAST_NUMBERS = (
    "SELECT unit_id FROM (SELECT unit_id, row_number() OVER (ORDER BY unit_id) AS place FROM unit_number) AS numbered"
    " WHERE place % :page = 0 ORDER BY unit_id"
)


def event_pages(reading: Reading, bounds: Bounds) -> list[tuple[int, int]]:
    """Return the pages of events as (after, last) by `seq`."""
    lasts = [last for (last,) in reading.tuples(_LAST_EVENTS, after=bounds.after, last=bounds.last, page=PAGE_EVENTS)]
    return list(pairwise([bounds.after, *lasts]))


def number_pages(reading: Reading) -> list[tuple[str, str]]:
    """Return the pages of numbers as (after, last) by unit id."""
    return list(pairwise(["", *(last for (last,) in reading.tuples(_LAST_NUMBERS, page=PAGE_NUMBERS)), BEYOND_IDS]))
