"""Every custody rule as a question over the rows alone: each statement returns the `subject`s that break it.

Written apart from the database's triggers on purpose, so that neither can hide the other's mistake.
"""

# ruff: noqa: S608 (the statements are put together from this module's own words, never from input)

from handoff_logs.moves import LEGAL_MOVES

_LEGAL = ", ".join(f"('{act}', '{before}', '{after}')" for act, before, after in sorted(LEGAL_MOVES))
_STEPS = """
FROM custody_unit AS unit
JOIN custody_event AS event ON event.event_id = unit.event_id
LEFT JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
WHERE """
_ANSWERED = "('accept', 'refuse', 'withdraw')"

CUSTODY_RULES: dict[str, str] = {
    "every step follows the one before": (
        f"SELECT unit.unit_id AS subject {_STEPS} unit.step < 1 OR (unit.step > 1 AND before.unit_id IS NULL)"
    ),
    "a unit has one custodian at a time": (
        "SELECT unit_id AS subject FROM custody_unit GROUP BY unit_id, step HAVING count(*) > 1"
    ),
    "every row belongs to an event": (
        "SELECT unit_id AS subject FROM custody_unit AS unit WHERE NOT EXISTS"
        " (SELECT 1 FROM custody_event AS event WHERE event.event_id = unit.event_id)"
    ),
    "an event has all its rows": (
        "SELECT event.event_id AS subject FROM custody_event AS event LEFT JOIN custody_unit AS unit"
        " ON unit.event_id = event.event_id GROUP BY event.event_id, event.last_position"
        " HAVING count(unit.unit_id) <> coalesce(event.last_position, 0)"
        " OR coalesce(max(unit.position), 0) <> coalesce(event.last_position, 0)"
        " OR count(DISTINCT unit.position) <> count(unit.unit_id)"
    ),
    "only legal moves": (
        f"WITH legal(act, state_before, state_after) AS (VALUES {_LEGAL}) SELECT unit.unit_id AS subject {_STEPS}"
        " NOT EXISTS (SELECT 1 FROM legal WHERE legal.act = event.act"
        " AND legal.state_before = coalesce(before.state, 'none') AND legal.state_after = unit.state)"
    ),
    "a unit keeps its kind": f"SELECT unit.unit_id AS subject {_STEPS} unit.kind <> before.kind",
    "nobody signs both sides": (
        "SELECT answer.event_id AS subject FROM custody_event AS answer"
        " JOIN custody_event AS offer ON offer.event_id = answer.handoff_id"
        " WHERE answer.act IN ('accept', 'refuse') AND answer.person = offer.person"
        " UNION SELECT event_id FROM custody_event WHERE person = second_person"
    ),
    "two people where two are required": (
        "SELECT event_id AS subject FROM custody_event WHERE act IN ('void', 'destroy', 'settle')"
        " AND second_person IS NULL UNION SELECT event.event_id FROM custody_event AS event"
        " JOIN custody_unit AS unit ON unit.event_id = event.event_id WHERE event.act = 'receive'"
        " AND event.second_person IS NULL AND unit.kind IN ('blank', 'document', 'parcel')"
    ),
    "an answer has its offer": (
        "SELECT answer.event_id AS subject FROM custody_event AS answer LEFT JOIN custody_event AS offer"
        " ON offer.event_id = answer.handoff_id AND offer.act = 'offer'"
        " AND offer.from_station = answer.from_station AND offer.to_station = answer.to_station"
        " WHERE answer.act IN ('accept', 'refuse', 'withdraw', 'take_back') AND offer.event_id IS NULL"
    ),
    "a unit is answered once, and only where it was offered": (
        "SELECT unit.unit_id AS subject FROM custody_unit AS unit JOIN custody_event AS event"
        f" ON event.event_id = unit.event_id WHERE event.act IN {_ANSWERED}"
        " GROUP BY event.handoff_id, unit.unit_id HAVING count(*) > 1"
        " UNION SELECT unit.unit_id FROM custody_unit AS unit JOIN custody_event AS event"
        f" ON event.event_id = unit.event_id WHERE event.act IN {_ANSWERED} AND NOT EXISTS"
        " (SELECT 1 FROM custody_unit AS offered WHERE offered.event_id = event.handoff_id"
        " AND offered.unit_id = unit.unit_id AND offered.step = unit.step - 1)"
    ),
    "an answer covers the whole offer": (
        "SELECT offered.unit_id AS subject FROM custody_event AS offer"
        " JOIN custody_unit AS offered ON offered.event_id = offer.event_id"
        " WHERE offer.act = 'offer' AND EXISTS (SELECT 1 FROM custody_event AS answer"
        f" WHERE answer.handoff_id = offer.event_id AND answer.act IN {_ANSWERED})"
        " AND NOT EXISTS (SELECT 1 FROM custody_unit AS later WHERE later.unit_id = offered.unit_id"
        " AND later.step = offered.step + 1)"
    ),
    "only the custodian acts": (
        f"SELECT unit.unit_id AS subject {_STEPS} before.station <> event.from_station"
        " AND event.act NOT IN ('receive', 'settle', 'unpack')"
        f" UNION SELECT unit.unit_id {_STEPS} before.station <> event.from_station"
        " AND event.act = 'settle' AND before.state = 'doubt'"
    ),
    "the act names the custodian after it": (
        f"SELECT unit.unit_id AS subject {_STEPS} (event.act IN ('accept', 'dispatch')"
        " AND unit.station <> event.to_station)"
        " OR (event.act NOT IN ('accept', 'dispatch', 'settle') AND unit.station <> event.from_station)"
        " OR (event.act NOT IN ('refuse', 'dispatch') AND unit.person <> event.person)"
        " OR (event.act = 'refuse' AND unit.person <> before.person)"
    ),
    "outside is outside": (
        "SELECT unit_id AS subject FROM custody_unit WHERE state <> 'ended' AND (state = 'outside')"
        " <> (station IN ('carrier', 'supplier') OR station LIKE 'office:%')"
    ),
    "void units go to the vault only": (
        f"SELECT unit.unit_id AS subject {_STEPS} unit.state = 'void_offered' AND event.act = 'offer'"
        " AND event.to_station <> 'vault'"
    ),
    "a document is made of one order and one blank": (
        "SELECT event.event_id AS subject FROM custody_event AS event JOIN custody_unit AS unit"
        " ON unit.event_id = event.event_id WHERE event.act = 'transform' GROUP BY event.event_id"
        " HAVING sum(CASE WHEN unit.kind = 'order' AND unit.state = 'ended' THEN 1 ELSE 0 END) <> 1"
        " OR sum(CASE WHEN unit.kind = 'blank' AND unit.state = 'ended' THEN 1 ELSE 0 END) <> 1"
        " OR sum(CASE WHEN unit.kind = 'document' AND unit.step = 1 THEN 1 ELSE 0 END) <> 1 OR count(*) <> 3"
    ),
    "documents are born of blanks, parcels of packing": (
        f"SELECT unit.unit_id AS subject {_STEPS} unit.step = 1 AND ((unit.kind = 'document'"
        " AND event.act <> 'transform') OR (unit.kind = 'parcel' AND event.act <> 'pack'))"
    ),
    "a packed unit lies in a parcel packed with it": (
        "SELECT packed.unit_id AS subject FROM custody_unit AS packed WHERE packed.state = 'packed' AND NOT EXISTS"
        " (SELECT 1 FROM custody_unit AS parcel WHERE parcel.unit_id = packed.container AND parcel.step = 1"
        " AND parcel.kind = 'parcel' AND parcel.event_id = packed.event_id)"
    ),
    "nothing stays in an opened parcel": (
        "SELECT packed.unit_id AS subject FROM custody_unit AS opened"
        " JOIN custody_event AS event ON event.event_id = opened.event_id AND event.act = 'unpack'"
        " JOIN custody_unit AS parcel ON parcel.unit_id = opened.unit_id AND parcel.step = 1"
        " JOIN custody_unit AS packed ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id"
        " WHERE opened.state = 'ended' AND NOT EXISTS (SELECT 1 FROM custody_unit AS out"
        " WHERE out.unit_id = packed.unit_id AND out.step = packed.step + 1 AND out.event_id = opened.event_id)"
    ),
    "each missing unit has a case": (
        "SELECT unit.unit_id AS subject FROM custody_unit AS unit WHERE unit.state IN ('missing', 'void_missing')"
        " AND NOT EXISTS (SELECT 1 FROM custody_case AS opened WHERE opened.event_id = unit.event_id"
        " AND opened.unit_id = unit.unit_id AND opened.kind = 'missing')"
    ),
    "a missing unit is settled by its case, once": (
        f"SELECT unit.unit_id AS subject {_STEPS} event.act = 'settle' AND before.state IN ('missing', 'void_missing')"
        " AND NOT EXISTS (SELECT 1 FROM custody_case AS opened WHERE opened.case_id = event.case_id"
        " AND opened.unit_id = unit.unit_id)"
        " UNION SELECT case_id FROM custody_event WHERE case_id IS NOT NULL GROUP BY case_id HAVING count(*) > 1"
    ),
    "counts equal rows": (
        "SELECT event.event_id AS subject FROM custody_event AS event"
        " LEFT JOIN (SELECT event_id, count(*) AS total,"
        "  sum(CASE WHEN state IN ('missing', 'void_missing') THEN 1 ELSE 0 END) AS missing"
        "  FROM custody_unit GROUP BY event_id) AS listed ON listed.event_id = event.event_id"
        " LEFT JOIN (SELECT event_id, count(*) AS total FROM custody_case WHERE kind <> 'missing' GROUP BY event_id)"
        "  AS stray ON stray.event_id = event.event_id"
        " WHERE event.count_counted <> coalesce(stray.total, 0) + CASE event.act WHEN 'refuse' THEN 0"
        "  ELSE coalesce(listed.total, 0) - coalesce(listed.missing, 0) END"
        " OR (event.act <> 'accept' AND event.count_expected <> coalesce(listed.total, 0))"
        " OR (event.act = 'accept' AND event.count_expected <>"
        "  (SELECT offer.count_expected FROM custody_event AS offer WHERE offer.event_id = event.handoff_id))"
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
        f" AND answer.act IN {_ANSWERED})"
        " UNION SELECT queued.handoff_id FROM open_offer AS queued WHERE NOT EXISTS"
        " (SELECT 1 FROM custody_event AS offer WHERE offer.event_id = queued.handoff_id AND offer.act = 'offer')"
    ),
}
"""The rules by name, in the order they are reported."""
