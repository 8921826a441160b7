"""Every custody rule as a question over the rows alone: each statement returns the `subject`s that break it.

Written apart from the database's triggers on purpose, so that neither can hide the other's mistake. A rule is a
condition on each step of a unit, a condition on each event with its rows counted, or a statement of its own. All can be
asked of the events whose `seq` lies in a range alone, so that a long log is read in pages: PASSES asks all conditions
of a range together.
"""

# ruff: noqa: S608 (the statements are put together from this module's own words, never from input)

from handoff_logs.moves import LEGAL_MOVES

_LEGAL = ", ".join(f"'{act} {before} {after}'" for act, before, after in sorted(LEGAL_MOVES))
_ANSWERED = "('accept', 'refuse', 'withdraw')"
# As the index on answers says it, or SQLite would not use that.
_TWO_SIDED = "('offer', 'accept', 'refuse', 'withdraw', 'take_back')"

RANGE = "event.seq > :after AND event.seq <= :last"
"""What limits any rule's statement to some of the events."""

_STEPS = """
FROM custody_event AS event
JOIN custody_unit AS unit ON unit.event_id = event.event_id
LEFT JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
WHERE """
_COUNTED = """
FROM (SELECT event.seq, event.event_id, count(unit.position) AS total, max(unit.position) AS highest,
    count(DISTINCT unit.position) AS positions, count(DISTINCT unit.unit_id) AS units,
    sum(CASE WHEN unit.state IN ('missing', 'void_missing') THEN 1 ELSE 0 END) AS missing,
    sum(CASE WHEN unit.kind = 'order' AND unit.state = 'ended' THEN 1 ELSE 0 END) AS orders,
    sum(CASE WHEN unit.kind = 'blank' AND unit.state = 'ended' THEN 1 ELSE 0 END) AS blanks,
    sum(CASE WHEN unit.kind = 'document' AND unit.step = 1 THEN 1 ELSE 0 END) AS documents,
    sum(CASE WHEN unit.kind IN ('blank', 'document', 'parcel') THEN 1 ELSE 0 END) AS secured
    FROM custody_event AS event LEFT JOIN custody_unit AS unit ON unit.event_id = event.event_id
    WHERE {range} GROUP BY event.seq, event.event_id) AS listed
JOIN custody_event AS event ON event.seq = listed.seq AND event.event_id = listed.event_id
LEFT JOIN custody_event AS offer ON offer.event_id = event.handoff_id
WHERE """

STEP_RULES: dict[str, str] = {
    "every step follows the one before": "unit.step < 1 OR (unit.step > 1 AND before.unit_id IS NULL)",
    "only legal moves": (
        f"coalesce(event.act || ' ' || coalesce(before.state, 'none') || ' ' || unit.state, '') NOT IN ({_LEGAL})"
    ),
    "a unit keeps its kind": "unit.kind <> before.kind",
    "a unit is answered once, and only where it was offered": (
        f"event.act IN {_ANSWERED} AND before.event_id IS DISTINCT FROM event.handoff_id"
    ),
    "an answer covers the whole offer": (
        "event.act = 'offer' AND NOT EXISTS (SELECT 1 FROM custody_unit AS later"
        " WHERE later.unit_id = unit.unit_id AND later.step = unit.step + 1)"
        " AND EXISTS (SELECT 1 FROM custody_event AS answer WHERE answer.handoff_id = event.event_id"
        f" AND answer.act IN {_TWO_SIDED} AND answer.act IN {_ANSWERED})"
    ),
    "only the custodian acts": (
        "before.station <> event.from_station AND (event.act NOT IN ('receive', 'settle', 'unpack')"
        " OR (event.act = 'settle' AND before.state = 'doubt'))"
    ),
    "the act names the custodian after it": (
        "(event.act IN ('accept', 'dispatch') AND unit.station <> event.to_station)"
        " OR (event.act NOT IN ('accept', 'dispatch', 'settle') AND unit.station <> event.from_station)"
        " OR (event.act NOT IN ('refuse', 'dispatch') AND unit.person <> event.person)"
        " OR (event.act = 'refuse' AND unit.person <> before.person)"
    ),
    "outside is outside": (
        "unit.state <> 'ended' AND (unit.state = 'outside')"
        " <> (unit.station IN ('carrier', 'supplier') OR substr(unit.station, 1, 7) = 'office:')"
    ),
    "void units go to the vault only": (
        "unit.state = 'void_offered' AND event.act = 'offer' AND event.to_station <> 'vault'"
    ),
    "documents are born of blanks, parcels of packing": (
        "unit.step = 1 AND ((unit.kind = 'document' AND event.act <> 'transform')"
        " OR (unit.kind = 'parcel' AND event.act <> 'pack'))"
    ),
    "a packed unit lies in a parcel packed with it": (
        "unit.state = 'packed' AND NOT EXISTS (SELECT 1 FROM custody_unit AS parcel WHERE parcel.unit_id ="
        " unit.container AND parcel.step = 1 AND parcel.kind = 'parcel' AND parcel.event_id = unit.event_id)"
    ),
    "a packed unit ends with its parcel": (
        "event.act = 'settle' AND before.state = 'packed' AND NOT EXISTS (SELECT 1 FROM custody_unit AS parcel"
        " WHERE parcel.event_id = unit.event_id AND parcel.unit_id = before.container AND parcel.state = 'ended'"
        " AND parcel.outcome = unit.outcome)"
    ),
    "only what was outside is delivered": (
        "unit.outcome = 'delivered' AND (event.act <> 'settle' OR unit.state <> 'ended'"
        " OR coalesce(before.state, '') NOT IN ('outside', 'packed'))"
    ),
    "each missing unit has a case": (
        "unit.state IN ('missing', 'void_missing') AND NOT EXISTS (SELECT 1 FROM custody_case AS opened"
        " WHERE opened.event_id = unit.event_id AND opened.unit_id = unit.unit_id AND opened.kind = 'missing')"
    ),
    "a missing unit is settled by its case, once": (
        "event.act = 'settle' AND before.state IN ('missing', 'void_missing') AND NOT EXISTS (SELECT 1"
        " FROM custody_case AS opened WHERE opened.case_id = event.case_id AND opened.unit_id = unit.unit_id)"
    ),
}
"""What must not be true of a step: of the `unit`'s row, its `event`, and the row `before` it, if there is one."""

EVENT_RULES: dict[str, str] = {
    "an event has all its rows": (
        "listed.total <> coalesce(event.last_position, 0) OR coalesce(listed.highest, 0) <>"
        " coalesce(event.last_position, 0) OR listed.positions <> listed.total OR listed.units <> listed.total"
    ),
    "nobody signs both sides": (
        "event.person = event.second_person OR (event.act IN ('accept', 'refuse')"
        " AND (event.person IN (offer.person, offer.second_person)"
        " OR event.second_person IN (offer.person, offer.second_person)))"
    ),
    "two people where two are required": (
        "event.second_person IS NULL AND (event.act IN ('void', 'destroy', 'settle')"
        " OR (event.act = 'receive' AND listed.secured > 0))"
    ),
    "emulated people are on emulated records alone": (
        "NOT event.emulated AND (substr(event.person, 1, 2) = 'e-' OR substr(event.second_person, 1, 2) = 'e-')"
    ),
    "an answer has its offer": (
        "event.act IN ('accept', 'refuse', 'withdraw', 'take_back') AND (coalesce(offer.act, '') <> 'offer'"
        " OR offer.from_station IS DISTINCT FROM event.from_station"
        " OR offer.to_station IS DISTINCT FROM event.to_station)"
    ),
    "a document is made of one order and one blank": (
        "event.act = 'transform' AND (listed.orders <> 1 OR listed.blanks <> 1 OR listed.documents <> 1"
        " OR listed.total <> 3)"
    ),
    "counts equal rows": (
        "event.count_counted <> (SELECT count(*) FROM custody_case AS stray WHERE stray.event_id = event.event_id"
        " AND stray.kind <> 'missing') + CASE event.act WHEN 'refuse' THEN 0 ELSE listed.total - listed.missing END"
        " OR (event.act <> 'accept' AND event.count_expected <> listed.total)"
        " OR (event.act = 'accept' AND event.count_expected <> offer.count_expected)"
    ),
}
"""What must not be true of an `event`, its rows as `listed`, and the `offer` it answers or is."""

_PAGED: dict[str, str] = {
    "a unit is answered once, and only where it was offered": (
        "SELECT unit.unit_id AS subject FROM custody_event AS event"
        f" JOIN custody_event AS other ON other.handoff_id = event.handoff_id AND other.act IN {_TWO_SIDED}"
        f" AND other.act IN {_ANSWERED} AND other.seq <> event.seq"
        " JOIN custody_unit AS unit ON unit.event_id = event.event_id"
        " JOIN custody_unit AS twin ON twin.unit_id = unit.unit_id AND twin.event_id = other.event_id"
        f" WHERE event.act IN {_ANSWERED} AND {{range}}"
    ),
    "nothing stays in an opened or ended parcel": (
        "SELECT packed.unit_id AS subject FROM custody_event AS event"
        " JOIN custody_unit AS opened ON opened.event_id = event.event_id AND opened.state = 'ended'"
        " JOIN custody_unit AS parcel ON parcel.unit_id = opened.unit_id AND parcel.step = 1"
        " JOIN custody_unit AS packed ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id"
        " WHERE event.act IN ('unpack', 'settle') AND {range} AND NOT EXISTS (SELECT 1 FROM custody_unit AS out"
        " WHERE out.unit_id = packed.unit_id AND out.step = packed.step + 1 AND out.event_id = opened.event_id)"
    ),
}

_WHOLE_LOG: dict[str, str] = {
    "a unit has one custodian at a time": (
        "SELECT unit_id AS subject FROM custody_unit GROUP BY unit_id, step HAVING count(*) > 1"
    ),
    "every row belongs to an event": (
        "SELECT unit_id AS subject FROM custody_unit AS unit WHERE NOT EXISTS"
        " (SELECT 1 FROM custody_event AS event WHERE event.event_id = unit.event_id)"
    ),
    "a missing unit is settled by its case, once": (
        "SELECT case_id AS subject FROM custody_event WHERE case_id IS NOT NULL GROUP BY case_id HAVING count(*) > 1"
    ),
    "whereabouts follow the log": (
        "SELECT unit.unit_id AS subject FROM custody_unit AS unit LEFT JOIN whereabouts AS here"
        " ON here.unit_id = unit.unit_id WHERE NOT EXISTS (SELECT 1 FROM custody_unit AS later"
        " WHERE later.unit_id = unit.unit_id AND later.step = unit.step + 1)"
        " AND (here.unit_id IS NULL OR here.step <> unit.step OR here.state <> unit.state"
        " OR here.station <> unit.station OR here.person <> unit.person OR here.place <> unit.place"
        " OR here.kind <> unit.kind)"
        " UNION SELECT here.unit_id FROM whereabouts AS here WHERE NOT EXISTS"
        " (SELECT 1 FROM custody_unit AS unit WHERE unit.unit_id = here.unit_id)"
    ),
    "open offers follow the log": (
        "SELECT offer.event_id AS subject FROM custody_event AS offer LEFT JOIN open_offer AS queued"
        " ON queued.handoff_id = offer.event_id WHERE offer.act = 'offer' AND (queued.handoff_id IS NULL) <>"
        " EXISTS (SELECT 1 FROM custody_event AS answer WHERE answer.handoff_id = offer.event_id"
        f" AND answer.act IN {_TWO_SIDED} AND answer.act IN {_ANSWERED})"
        " UNION SELECT queued.handoff_id FROM open_offer AS queued WHERE NOT EXISTS"
        " (SELECT 1 FROM custody_event AS offer WHERE offer.event_id = queued.handoff_id AND offer.act = 'offer')"
    ),
}


_WHOLE_EVENTS = frozenset(
    {
        "a packed unit lies in a parcel packed with it",
        "a packed unit ends with its parcel",
        "a document is made of one order and one blank",
        "counts equal rows",
    }
)
"""What can be asked of an event only with all its rows at hand."""
_GONE = "(SELECT {what} FROM absent_row AS gone WHERE gone.event_id = event.event_id)"
_ALL_ROWS = {
    "an event has all its rows": (
        f"listed.total + {_GONE.format(what='count(*)')} <> coalesce(event.last_position, 0) OR"
        f" coalesce({_GONE.format(what='max(gone.position)')}, 0) > coalesce(event.last_position, 0) OR"
        " coalesce(listed.highest, 0) > coalesce(event.last_position, 0) OR"
        " listed.positions <> listed.total OR listed.units <> listed.total"
    )
}
"""How many rows an event has, those counted that are known by their hash alone."""


def _opened(rules: dict[str, str]) -> dict[str, str]:
    """The rules for a database of opened archives, which says in `absent_row` what rows of an event it lacks."""
    whole = "event.event_id NOT IN (SELECT absent_row.event_id FROM absent_row)"
    return {
        rule: f"({asked}) AND {whole}" if rule in _WHOLE_EVENTS else _ALL_ROWS.get(rule, asked)
        for rule, asked in rules.items()
    }


def _found(rules: dict[str, str]) -> str:
    """Name the rules that a row breaks, one a line."""
    return " || ".join(f"CASE WHEN {condition} THEN '{rule}\n' ELSE '' END" for rule, condition in rules.items())


def _any(rules: dict[str, str]) -> str:
    return " OR ".join(f"({condition})" for condition in rules.values())


def _passes(steps: dict[str, str], events: dict[str, str]) -> tuple[str, ...]:
    return (
        f"SELECT unit.unit_id AS subject, {_found(steps)} AS rules {_STEPS} {RANGE} AND ({_any(steps)})",
        f"SELECT event.event_id AS subject, {_found(events)} AS rules {_COUNTED.format(range=RANGE)} {_any(events)}",
        *(
            sql.format(range=RANGE).replace("AS subject", f"AS subject, '{rule}' AS rules", 1)
            for rule, sql in _PAGED.items()
        ),
    )


PASSES = _passes(STEP_RULES, EVENT_RULES)
"""All rules that a page of events (`seq` above :after, up to :last) can be asked: rows of (subject, rules by line)."""
OPENED_PASSES = _passes(_opened(STEP_RULES), _opened(EVENT_RULES))
"""The same for a database of opened archives."""

TABLE_RULES: dict[str, str] = {
    name: _WHOLE_LOG[name]
    for name in ("a unit has one custodian at a time", "a missing unit is settled by its case, once")
}
"""What can only be asked of all rows at once."""

_ALL = "event.seq IS NOT NULL"


def _whole(steps: dict[str, str], events: dict[str, str]) -> dict[str, str]:
    statements: dict[str, list[str]] = {}
    for rule, condition in steps.items():
        statements.setdefault(rule, []).append(f"SELECT unit.unit_id AS subject {_STEPS} {condition}")
    for rule, condition in events.items():
        counted = _COUNTED.format(range=_ALL)
        statements.setdefault(rule, []).append(f"SELECT event.event_id AS subject {counted} {condition}")
    for rule, sql in (*_PAGED.items(), *_WHOLE_LOG.items()):
        statements.setdefault(rule, []).append(sql.format(range=_ALL))
    return {rule: " UNION ".join(parts) for rule, parts in statements.items()}


CUSTODY_RULES: dict[str, str] = _whole(STEP_RULES, EVENT_RULES)
"""The rules by name, each as one statement over the whole log, in the order they are reported."""
OPENED_RULES: dict[str, str] = _whole(_opened(STEP_RULES), _opened(EVENT_RULES))
"""The same for a database of opened archives."""
