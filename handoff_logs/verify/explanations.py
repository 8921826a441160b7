"""Findings that two people explained: sealed entries of the register `explanation` that name them."""

from collections.abc import Iterable
from dataclasses import replace

from handoff_logs.reading import Reading
from handoff_logs.verify.consistency import Sealed
from handoff_logs.verify.problems import Problem

REGISTER, FIELD = "explanation", "reason"
"""An entry's subject is the finding's id, its value a reason code."""

_EXPLAINED = (
    "SELECT entry.subject, event.event_id FROM custody_register AS entry"
    " JOIN custody_event AS event ON event.event_id = entry.event_id"
    " JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " WHERE entry.register = 'explanation' AND entry.field = 'reason' AND entry.value IS NOT NULL"
    " AND event.act = 'register' AND event.second_person <> event.person"
    " AND (leaf.epoch < :epoch OR (leaf.epoch = :epoch AND leaf.leaf_index < :size)) ORDER BY event.seq"
)


def explained(reading: Reading, sealed: Sealed, problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems, those that an explanation under a signed checkpoint closes marked with its event."""
    epoch = sealed.tree.epoch if sealed.tree else 0
    by_finding = dict(reading.tuples(_EXPLAINED, epoch=epoch, size=sealed.signed_size))
    return [
        problem if problem.is_breaking else replace(problem, explained_by=by_finding.get(problem.finding_id))
        for problem in problems
    ]
