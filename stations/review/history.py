"""What became of an application at review before: returns and holds, with reasons and answers; never whose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import listed
from handoff_logs.statements import Statement

_ROUNDS = Statement(
    """
    SELECT a.application_id, e.revision, v.round, v.outcome, v.reasons, v.written_us, r.answers
    FROM application AS a JOIN application AS e ON e.application_key = a.application_key AND e.revision <= a.revision
    JOIN review_verdict AS v ON v.application_id = e.application_id
    LEFT JOIN review_answer AS r ON r.application_id = v.application_id AND r.revision = v.revision
        AND r.round = v.round
    WHERE a.application_id IN {ids} AND v.outcome <> 'pass' ORDER BY e.revision, v.round
    """
)
"""Without passes: who decides a second time is not told the first verdict."""
_REVIEWERS = Statement(
    "SELECT application_id, reviewer FROM review_verdict WHERE application_id IN {ids} ORDER BY application_id, round"
)


@dataclass(frozen=True, slots=True)
class Round:
    """One return or hold of an application or of an earlier revision; `answers` by reason code, where it was asked.

    `decided_us`: microseconds UTC.
    """

    revision: int
    round: int
    outcome: str
    reasons: tuple[str, ...]
    decided_us: int
    answers: Mapping[str, str]


def rounds(conn: Connection, application_ids: Sequence[str]) -> dict[str, tuple[Round, ...]]:
    """The returns and holds of each of these applications, the earliest first; those without any are left out."""
    found: dict[str, tuple[Round, ...]] = {}
    for application_id, revision, round_, outcome, reasons, decided_us, answers in _ROUNDS.run(
        conn, {"ids": listed(application_ids)}
    ).fetchall():
        one = Round(revision, round_, outcome, tuple(reasons.split()), decided_us, answers_of(answers or ""))
        found[application_id] = (*found.get(application_id, ()), one)
    return found


def reviewers(conn: Connection, application_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Who gave a verdict on each of these applications in an earlier round: it goes to another now."""
    found: dict[str, tuple[str, ...]] = {}
    for application_id, reviewer in _REVIEWERS.run(conn, {"ids": listed(application_ids)}).fetchall():
        found[application_id] = (*found.get(application_id, ()), reviewer)
    return found


def answers_of(stored: str) -> dict[str, str]:
    """An answer as it is stored, by reason code.

    >>> answers_of("person_name:confirmed application_fee:settled")
    {'person_name': 'confirmed', 'application_fee': 'settled'}
    """
    return dict(pair.split(":", 1) for pair in stored.split())
