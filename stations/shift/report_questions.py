"""What a shift's report asks, as SQL for both databases: each question by indexes, within the shift's time.

What stood at the end of a closed shift is told from what stands now and from the steps that followed it: the nearer the
shift, the less there is to read.
"""

from typing import Final

from handoff_logs.questions.timing import NODE

# ruff: noqa: S608 (own words)

_HERE: Final = "('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')"
_KINDS: Final = "('order', 'document', 'parcel')"
_STANDING: Final = "('held', 'offered', 'refused', 'missing', 'doubt')"
_DURING: Final = "event.happened_us >= :from_us AND event.happened_us < :to_us"

_SHIFT: Final = """
SELECT shift.shift_id, shift.name, shift.opened_us, coalesce(shift.opening_reason, '') AS opening_reason,
       opened.counted_by AS opened_by, opened.counted_second AS opened_second, shift.closed_us,
       coalesce(shift.closed_how, '') AS closed_how, coalesce(shift.closing_reason, '') AS closing_reason,
       coalesce(ended.counted_by, '') AS closed_by, coalesce(ended.counted_second, '') AS closed_second, shift.emulated
FROM shift JOIN shift_count AS opened ON opened.count_id = shift.opening_count
LEFT JOIN shift_count AS ended ON ended.count_id = shift.closing_count
"""
SHIFT: Final = f"{_SHIFT} WHERE shift.shift_id = :shift_id"
SHIFTS: Final = f"{_SHIFT} WHERE shift.opened_us < :before_us ORDER BY shift.opened_us DESC, shift.shift_id LIMIT :page"
"""Shifts opened before a time, the latest first."""
OPEN: Final = "SELECT shift_id FROM shift WHERE NOT closed"
LAST_CLOSED: Final = "SELECT shift_id FROM shift WHERE closed ORDER BY closed_us DESC LIMIT 1"
MACHINES: Final = "SELECT machine FROM shift_machine WHERE shift_id = :shift_id ORDER BY machine"

_CONTENT: Final = """
custody_unit AS born ON born.unit_id = {parcel} AND born.step = 1
    JOIN custody_unit AS packed ON packed.event_id = born.event_id AND packed.container = born.unit_id
    JOIN job ON job.document_unit = packed.unit_id
    JOIN application ON application.application_id = job.application_id
"""
"""The documents of a parcel, with the applications that they were made for."""

DONE: Final = f"""
SELECT 'review' AS station, application.service_class, COUNT(*) - COUNT(again.why) AS documents
    FROM review_verdict AS verdict JOIN application ON application.application_id = verdict.application_id
    LEFT JOIN review_second AS again ON again.application_id = verdict.application_id
        AND again.revision = verdict.revision AND again.round = verdict.round
    WHERE verdict.written_us >= :from_us AND verdict.written_us < :to_us GROUP BY application.service_class
UNION ALL SELECT 'personalization', application.service_class, COUNT(*) FROM machine_state AS made CROSS JOIN job
    JOIN application ON application.application_id = job.application_id
    WHERE job.machine = made.machine AND job.result_us >= :from_us AND job.result_us < :to_us
    AND job.outcome IN ('good', 'failed') AND job.outcome = 'good' GROUP BY application.service_class
UNION ALL SELECT 'qc', application.service_class, COUNT(*) FROM inspection
    JOIN application ON application.application_id = inspection.application_id
    WHERE inspection.written_us >= :from_us AND inspection.written_us < :to_us GROUP BY application.service_class
UNION ALL SELECT 'packing', application.service_class, COUNT(*) FROM parcel
    JOIN {_CONTENT.format(parcel="parcel.parcel_unit")}
    WHERE parcel.packed_us >= :from_us AND parcel.packed_us < :to_us GROUP BY application.service_class
UNION ALL SELECT 'mailing', application.service_class, COUNT(*) FROM consignment
    JOIN consigned_parcel AS consigned ON consigned.consignment_id = consignment.consignment_id
    JOIN {_CONTENT.format(parcel="consigned.parcel_unit")}
    WHERE consignment.accepted_us >= :from_us AND consignment.accepted_us < :to_us GROUP BY application.service_class
"""
"""What each station has finished, as the board counts it: verdicts, good pieces, inspections, packed, taken away."""

_COUNTED: Final = f"""
    SELECT one.*, application.service_class, one.node_us AS due_us FROM {{units}} AS one
        JOIN application ON application.application_id = coalesce(
            (SELECT newest.application_id FROM application AS newest WHERE newest.order_unit = one.unit_id),
            (SELECT job.application_id FROM job WHERE job.order_unit = one.unit_id LIMIT 1))
        WHERE one.kind = 'order'
    UNION ALL SELECT one.*, application.service_class, one.node_us FROM {{units}} AS one
        JOIN job ON job.document_unit = one.unit_id
        JOIN application ON application.application_id = job.application_id WHERE one.kind = 'document'
    UNION ALL SELECT one.*, application.service_class, {{node_of_packed}} FROM {{units}} AS one
        JOIN {_CONTENT.format(parcel="one.unit_id")} WHERE one.kind = 'parcel'
"""
"""Each document (or the order for it) that is, or is in, one of `units`. A remade order's first one is with its job."""

WAITING: Final = f"""
WITH since(event_id) AS MATERIALIZED (
    SELECT event_id FROM custody_event WHERE happened_us >= :to_us
), moved(unit_id, first) AS MATERIALIZED (
    SELECT unit.unit_id, min(unit.step) FROM since CROSS JOIN custody_unit AS unit
    WHERE unit.event_id = since.event_id AND unit.kind IN {_KINDS} GROUP BY unit.unit_id
), last(unit_id, step) AS MATERIALIZED (
    SELECT moved.unit_id, (
        SELECT max(earlier.step) FROM custody_unit AS earlier
        JOIN custody_event AS act ON act.event_id = earlier.event_id
        WHERE earlier.unit_id = moved.unit_id AND act.happened_us < :to_us)
    FROM moved WHERE moved.first > 1
), stood AS MATERIALIZED (
    SELECT here.unit_id, here.kind, here.state, here.station, here.place, here.handoff_id, here.due_us AS node_us
    FROM whereabouts AS here
    WHERE here.station IN {_HERE} AND here.state IN {_STANDING} AND here.kind IN {_KINDS}
        AND NOT EXISTS (SELECT 1 FROM moved WHERE moved.unit_id = here.unit_id)
    UNION ALL
    SELECT unit.unit_id, unit.kind, unit.state, unit.station, unit.place, unit.handoff_id, (
        SELECT noded.due_us FROM custody_unit AS earlier
        JOIN custody_event AS noded ON noded.event_id = earlier.event_id
        WHERE earlier.unit_id = unit.unit_id AND earlier.step <= unit.step AND noded.act = 'offer'
        ORDER BY earlier.step DESC LIMIT 1)
    FROM last CROSS JOIN custody_unit AS unit
    WHERE unit.unit_id = last.unit_id AND unit.step = last.step AND unit.state IN {_STANDING}
), placed AS MATERIALIZED (
    SELECT stood.unit_id, stood.kind, stood.node_us, coalesce(offer.to_station, stood.station) AS station,
           CASE WHEN stood.state IN ('held', 'offered') AND stood.place NOT IN ('hold', 'quarantine') THEN 1 ELSE 0 END
           AS going
    FROM stood LEFT JOIN custody_event AS offer ON offer.event_id = stood.handoff_id AND stood.state = 'offered'
), counted AS ({_COUNTED.format(units="placed", node_of_packed="one.node_us")})
SELECT station, service_class, SUM(going) AS waiting, SUM(1 - going) AS on_hold,
       SUM(CASE WHEN due_us < :to_us THEN 1 ELSE 0 END) AS overdue
FROM counted GROUP BY station, service_class
"""
"""Documents, or orders for them, that stood at each station when the time ended: to be worked on, or on hold.

What first came after it stood nowhere: long after, that is nearly all that moved.

What is offered stands at the station that it is offered to. `overdue`: the node it waits under had passed.
"""

_NODE_OF_UNIT: Final = NODE.format(unit="unit", station="event.from_station")
_NODE_OF_PACKED: Final = NODE.format(unit="packed", station="one.from_station")
NODES: Final = f"""
WITH going AS MATERIALIZED (
    SELECT event.from_station, event.happened_us, unit.unit_id, unit.kind, ({_NODE_OF_UNIT}) AS node_us
    FROM custody_event AS event CROSS JOIN custody_unit AS unit
    WHERE {_DURING} AND event.act IN ('offer', 'dispatch') AND unit.event_id = event.event_id
        AND unit.kind IN {_KINDS}
), counted AS ({_COUNTED.format(units="going", node_of_packed=f"coalesce(one.node_us, ({_NODE_OF_PACKED}))")})
SELECT from_station AS station, service_class, SUM(CASE WHEN happened_us <= due_us THEN 1 ELSE 0 END) AS kept,
       SUM(CASE WHEN happened_us > due_us THEN 1 ELSE 0 END) AS missed, max(happened_us - due_us) AS longest_us
FROM counted WHERE due_us IS NOT NULL GROUP BY from_station, service_class
"""
"""Documents handed on within the time, before their station's time node or after it, as `passline logs late` has it."""

VERDICTS: Final = """
SELECT verdict.outcome, verdict.reasons, application.service_class, COUNT(*) AS applications
FROM review_verdict AS verdict JOIN application ON application.application_id = verdict.application_id
WHERE verdict.written_us >= :from_us AND verdict.written_us < :to_us AND verdict.outcome <> 'pass'
GROUP BY verdict.outcome, verdict.reasons, application.service_class
"""
"""What review returned or held; `reasons` are codes with spaces between."""

SPOILED: Final = f"""
SELECT voided.station, voided.machine, voided.kind, voided.reason, COUNT(*) AS pieces
FROM (
    SELECT event.from_station AS station, unit.kind, coalesce(event.machine, (
            SELECT job.machine FROM job WHERE job.document_unit = unit.unit_id), '') AS machine,
        coalesce(event.reason, (
            SELECT act.reason FROM custody_unit AS earlier JOIN custody_event AS act ON act.event_id = earlier.event_id
            WHERE earlier.unit_id = unit.unit_id AND earlier.step = unit.step - 1), '') AS reason
    FROM custody_event AS event CROSS JOIN custody_unit AS unit
    WHERE {_DURING} AND event.act = 'void' AND unit.event_id = event.event_id AND unit.kind IN ('blank', 'document')
) AS voided
GROUP BY voided.station, voided.machine, voided.kind, voided.reason
"""
"""Pieces that two people voided: where, made by which machine, and why: the record says it, or the one before it."""

ANY_EMULATED: Final = f"SELECT 1 AS found FROM custody_event AS event WHERE {_DURING} AND event.emulated LIMIT 1"

COUNTS: Final = """
SELECT counted.moment, lying.station, SUM(lying.pieces) AS pieces, (
    SELECT COUNT(*) FROM shift_difference AS one WHERE one.count_id = counted.count_id AND one.station = lying.station)
    AS differences
FROM shift JOIN shift_count AS counted ON counted.count_id IN (shift.opening_count, shift.closing_count)
JOIN shift_counted AS lying ON lying.count_id = counted.count_id
WHERE shift.shift_id = :shift_id GROUP BY counted.moment, counted.count_id, lying.station
"""
"""What two people scanned at each station when the shift was opened and closed."""

CLOSING_LEAF: Final = """
SELECT leaf.epoch, leaf.leaf_index FROM custody_register AS entry
JOIN custody_event AS event ON event.event_id = entry.event_id
LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq
WHERE entry.register = 'shift' AND entry.subject = :shift_id AND entry.field = 'closed'
"""
KEPT: Final = """
SELECT its.stood, said.value AS sha256 FROM shift_stood AS its
LEFT JOIN custody_register AS said ON said.register = 'shift' AND said.subject = its.shift_id AND said.field = 'stood'
WHERE its.shift_id = :shift_id
"""
"""What was kept of what stood when a shift ended, and the hash that the log has of it."""
COVERING: Final = """
SELECT size FROM seal_checkpoint WHERE epoch = :epoch AND size > :leaf_index ORDER BY size LIMIT 1
"""
"""The first checkpoint that covers a leaf: the same for ever."""
