"""Questions 4 to 6: what waits for its acceptance, what was accepted wrongly, and what counts did not find."""

from typing import TypedDict

from handoff_logs.questions.answers import DURING, Answer, bounded, by_sql, now_us, whenever
from handoff_logs.reading import Reading


class Waiting(TypedDict):
    """An open offer. `kind` is `mixed` for units of several kinds; `age_s` since it was offered."""

    handoff_id: str
    from_station: str
    to_station: str
    person: str
    kind: str
    unit_count: int
    tray: str | None
    priority: int
    due_us: int | None
    offered_us: int
    age_s: int
    claimed_by: str | None
    claimed_until_us: int | None
    emulated: bool


class Unoffered(TypedDict):
    """A change of custody that no offer carries. `unit_id` is empty where the whole answer is meant."""

    seq: int
    finding: str
    unit_id: str
    act: str
    from_station: str
    to_station: str | None
    person: str
    machine: str | None
    shift: str
    handoff_id: str
    event_id: str
    happened_us: int
    emulated: bool


class Difference(TypedDict):
    """One unit that a count found missing, surplus or swapped, and how two people settled it.

    `outcome`: `open` until then; `closed` where a settlement left custody as it was.
    """

    case_id: str
    difference: str
    kind: str | None
    number: str | None
    unit_id: str
    from_station: str
    to_station: str | None
    station: str
    person: str
    shift: str
    tray: str | None
    count_expected: int
    count_counted: int
    outcome: str
    settled_by: str | None
    second_person: str | None
    reason: str | None
    handoff_id: str
    opened_us: int
    settled_us: int | None
    emulated: bool


_WAITING = """
SELECT handoff_id, from_station, to_station, person, kind, unit_count, tray, priority, due_us, offered_us,
       (:now_us - offered_us) / 1000000 AS age_s, claimed_by, claimed_until_us, emulated
FROM open_offer AS offer
WHERE (offered_us, handoff_id) > (:after_offered_us, :after_handoff_id)
    AND offered_us < :to_us {filters}
ORDER BY offered_us, handoff_id LIMIT :page
"""
_FACTS = (
    "event.act, event.from_station, event.to_station, event.person, event.machine, event.shift, event.handoff_id,"
    " event.event_id, event.happened_us, event.emulated"
)
_ANSWER = f"""
    FROM custody_event AS event
    LEFT JOIN custody_event AS offer ON offer.event_id = event.handoff_id AND offer.act = 'offer'
    WHERE {DURING} AND event.act IN ('accept', 'refuse', 'withdraw', 'take_back')"""
_ACCEPTED = f"""
    FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    WHERE {DURING} AND event.act = 'accept'"""
_UNOFFERED = f"""
SELECT * FROM (
    SELECT event.seq, 'no offer' AS finding, '' AS unit_id, {_FACTS} {_ANSWER} AND offer.event_id IS NULL
    UNION ALL
    SELECT event.seq, 'other parties', '', {_FACTS} {_ANSWER}
        AND (offer.from_station <> event.from_station OR offer.to_station <> event.to_station)
    UNION ALL
    SELECT event.seq, 'not in the offer', unit.unit_id, {_FACTS} {_ACCEPTED}
        AND NOT EXISTS (SELECT 1 FROM custody_unit AS offered WHERE offered.event_id = event.handoff_id
            AND offered.unit_id = unit.unit_id AND offered.step = unit.step - 1)
    UNION ALL
    SELECT event.seq, 'another custodian', unit.unit_id, {_FACTS} {_ACCEPTED}
        AND (unit.station <> event.to_station OR unit.person <> event.person)
    UNION ALL
    SELECT event.seq, 'no handoff', unit.unit_id, {_FACTS}
    FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
    WHERE {DURING} AND event.act NOT IN ('accept', 'receive', 'settle', 'dispatch', 'unpack')
        AND before.station <> unit.station
) AS found
WHERE (seq, unit_id, finding) > (:after_seq, :after_unit_id, :after_finding) {{filters}}
ORDER BY seq, unit_id, finding LIMIT :page
"""  # noqa: S608
_DIFFERENCES = """
SELECT opened.case_id, opened.kind AS difference, born.kind, named.number, opened.unit_id, event.from_station,
       event.to_station, opened.station, event.person, event.shift, event.tray, event.count_expected,
       event.count_counted, coalesce(settled.outcome, CASE WHEN settle.event_id IS NULL THEN 'open' ELSE 'closed' END)
       AS outcome, settle.person AS settled_by, settle.second_person, settle.reason, opened.handoff_id,
       opened.opened_us, settle.happened_us AS settled_us, event.emulated
FROM custody_case AS opened
JOIN custody_event AS event ON event.event_id = opened.event_id
LEFT JOIN custody_event AS settle ON settle.case_id = opened.case_id
LEFT JOIN custody_unit AS settled ON settled.event_id = settle.event_id AND settled.unit_id = opened.unit_id
LEFT JOIN custody_unit AS born ON born.unit_id = opened.unit_id AND born.step = 1
LEFT JOIN unit_number AS named ON named.unit_id = opened.unit_id
WHERE (opened.opened_us, opened.case_id) > (:after_opened_us, :after_case_id)
    AND opened.opened_us < :to_us {filters}
ORDER BY opened.opened_us, opened.case_id LIMIT :page
"""


def waiting(
    reading: Reading,
    *,
    station: str | None = None,
    person: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Waiting]:
    """List what is offered and not accepted, the oldest first. `station`: to take it; `person`: who offered it.

    `from_us`, `to_us`: when it was offered. Raises BadCursorError.
    """
    conditions = {"station": "to_station = :station", "person": "person = :person", "kind": "kind = :kind"}
    period = whenever(from_us, to_us)
    return by_sql(
        reading, Waiting, _WAITING, ("offered_us", "handoff_id"), (period.from_us, ""), name="waiting", after=after,
        limit=limit, period=period, conditions=conditions, station=station, person=person,
        kind=kind, now_us=now_us(),
    )  # fmt: skip


def unoffered(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Unoffered]:
    """List what was accepted without an offer or by the wrong party, or changed hands without a handoff.

    The database refuses all of it: a row here says that its guards were gone. `station`: on either side. Today, unless
    asked otherwise. Raises BadCursorError.
    """
    conditions = {
        "station": "(from_station = :station OR to_station = :station)",
        "shift": "shift = :shift",
        "person": "person = :person",
    }
    return by_sql(
        reading, Unoffered, _UNOFFERED, ("seq", "unit_id", "finding"), (-1, "", ""), name="unoffered", after=after,
        limit=limit, period=bounded(from_us, to_us), conditions=conditions, station=station, shift=shift, person=person,
    )  # fmt: skip


def differences(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Difference]:
    """List count differences, a row a unit, and how each ended.

    `station`: on either side; `person`: who counted; `kind`: of the unit; `from_us`, `to_us`: when the case was opened.
    Raises BadCursorError.
    """
    conditions = {
        # What a carrier reported lost is no handoff: its case is its station's.
        "station": "(event.from_station = :station OR event.to_station = :station OR opened.station = :station)",
        "shift": "event.shift = :shift",
        "person": "event.person = :person",
        "kind": "born.kind = :kind",
    }
    period = whenever(from_us, to_us)
    return by_sql(
        reading, Difference, _DIFFERENCES, ("opened_us", "case_id"), (period.from_us, ""), name="differences",
        after=after, limit=limit, period=period, conditions=conditions, station=station, shift=shift,
        person=person, kind=kind,
    )  # fmt: skip
