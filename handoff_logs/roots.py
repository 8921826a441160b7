"""Recomputing what was hashed: a row edited later no longer matches its event's root, its answer or its number."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from handoff_logs.opened import absent_rows_between
from handoff_logs.reading import Reading, Row
from handoff_logs.records import (
    CASE_FIELDS,
    EVENT_FIELDS,
    REGISTER_FIELDS,
    UNIT_FIELDS,
    Scalar,
    event_hash,
    is_salt,
    number_hash,
    units_root,
)

PAGE_EVENTS = 32
"""Events read at a time, so that memory does not grow with the log: some have a thousand units."""
PAGE_NUMBERS = 5_000

_EVENTS = f"SELECT seq, {', '.join(EVENT_FIELDS)} FROM custody_event WHERE seq > :after ORDER BY seq LIMIT :page"  # noqa: S608
_UNITS = (
    f"SELECT {', '.join('unit.' + field for field in UNIT_FIELDS)} FROM custody_event AS event"  # noqa: S608
    " JOIN custody_unit AS unit ON unit.event_id = event.event_id WHERE event.seq > :after AND event.seq <= :last"
    " ORDER BY event.seq, unit.position"
)
_CASES = (
    f"SELECT {', '.join('opened.' + field for field in CASE_FIELDS)} FROM custody_event AS event"  # noqa: S608
    " JOIN custody_case AS opened ON opened.event_id = event.event_id WHERE event.seq > :after AND event.seq <= :last"
    " ORDER BY event.seq, opened.case_id"
)
_ENTRIES = (
    f"SELECT {', '.join('entry.' + field for field in REGISTER_FIELDS)} FROM custody_event AS event"  # noqa: S608
    " JOIN custody_register AS entry ON entry.event_id = event.event_id WHERE event.seq > :after AND event.seq <= :last"
    " ORDER BY event.seq, entry.position"
)
_OFFER_ANSWERS = (
    "SELECT answer.event_id, answer.offer_hash, offer.event_id AS offer FROM custody_event AS answer"
    " JOIN custody_event AS offer ON offer.event_id = answer.offer_id WHERE offer.seq > :after AND offer.seq <= :last"
)
_NUMBERS = (
    "SELECT named.unit_id, unit.number_hash, named.number, named.salt FROM unit_number AS named"
    " LEFT JOIN custody_unit AS unit ON unit.unit_id = named.unit_id AND unit.step = 1"
    " WHERE named.unit_id > :after ORDER BY named.unit_id LIMIT :page"
)


def damaged_roots(reading: Reading) -> list[dict[str, str]]:
    """Return events whose units' root, answers whose offer's hash, and units whose number's hash no longer match."""
    return [*_events(reading), *_numbers(reading)]


def _events(reading: Reading) -> Iterator[dict[str, str]]:
    after = -1
    while page := reading.rows(_EVENTS, after=after, page=PAGE_EVENTS):
        last = page[-1]["seq"]
        units = _by_event(reading.rows(_UNITS, after=after, last=last), UNIT_FIELDS)
        cases = _by_event(reading.rows(_CASES, after=after, last=last), CASE_FIELDS)
        entries = _by_event(reading.rows(_ENTRIES, after=after, last=last), REGISTER_FIELDS)
        absent = absent_rows_between(reading, after, last)
        hashes = {}
        for event in page:
            event["emulated"] = bool(event["emulated"])
            hashes[event["event_id"]] = event_hash(event)
            name = event["event_id"]
            root = units_root(units[name], cases[name], entries[name], absent.get(name, ()))
            if root != event["units_root"]:
                yield {"rule": "an event's root covers its rows", "subject": name}
        for answer in reading.rows(_OFFER_ANSWERS, after=after, last=last):
            if hashes[answer["offer"]] != answer["offer_hash"]:
                yield {"rule": "an answer carries its offer's hash", "subject": answer["event_id"]}
        after = last


def _by_event(rows: Iterable[Row], fields: Sequence[str]) -> dict[str, list[tuple[Scalar, ...]]]:
    grouped: dict[str, list[tuple[Scalar, ...]]] = defaultdict(list)
    for row in rows:
        grouped[row["event_id"]].append(tuple(row[field] for field in fields))
    return grouped


def _numbers(reading: Reading) -> Iterator[dict[str, str]]:
    after = ""
    while page := reading.rows(_NUMBERS, after=after, page=PAGE_NUMBERS):
        for row in page:
            if not is_salt(row["salt"]) or row["number_hash"] != number_hash(row["salt"], row["number"]):
                yield {"rule": "a number belongs to its unit", "subject": row["unit_id"]}
        after = page[-1]["unit_id"]
