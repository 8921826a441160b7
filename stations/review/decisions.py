"""Verdicts at the desk: stored one by one as they are given, undone until their tray is booked, the first one stands.

A desk makes a verdict's id before it sends it, so that one that is sent again, after a lost answer or from a browser
that was closed meanwhile, is the same verdict.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us, listed
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.states import refuse_stopped
from stations.review import leases
from stations.review.desk import Decision, Outcome
from stations.review.errors import (
    DecisionIdError,
    DecisionTakenError,
    LateVerdictError,
    NotItsTurnError,
    ReasonsRefusedError,
    TooLateToUndoError,
    UnknownDecisionError,
    UnknownLeaseError,
)
from stations.review.items import REASONS
from stations.review.tables import LONGEST_REASONS, LeaseEnd
from stations.workplace import Workplace

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_STORED = Statement(
    "SELECT lease_id, application_id, revision, round, reviewer, outcome, reasons, undone_us FROM review_decision"
    " WHERE decision_id = :decision_id"
)
_LEASED = Statement(
    "SELECT application_id, revision, round, place, until_us, ended_how FROM review_lease"
    " WHERE lease_id = :lease_id AND reviewer = :reviewer"
)
_BEFORE = Statement(
    "SELECT lease_id FROM review_lease WHERE reviewer = :reviewer AND ended_us IS NULL AND place < :place"
    " AND until_us > :now_us ORDER BY place LIMIT 1"
)
_END = Statement(
    f"UPDATE review_lease SET ended_us = :now_us, ended_how = '{LeaseEnd.DECIDED}'"  # noqa: S608 (our own word)
    " WHERE lease_id = :lease_id"
)
_STORE = Statement(
    "INSERT INTO review_decision (decision_id, lease_id, application_id, revision, round, reviewer, outcome, reasons,"
    " stored_us, emulated) VALUES (:decision_id, :lease_id, :application_id, :revision, :round, :reviewer, :outcome,"
    " :reasons, :stored_us, :emulated)"
)
_UNDO = Statement("UPDATE review_decision SET undone_us = :now_us WHERE decision_id = :decision_id")
_STANDS = Statement(
    "SELECT reviewer, outcome FROM review_verdict WHERE application_id = :application_id AND revision = :revision"
    " AND round = :round UNION ALL SELECT reviewer, outcome FROM review_decision WHERE application_id = :application_id"
    " AND revision = :revision AND round = :round AND undone_us IS NULL LIMIT 1"
)
_BOOKED = Statement(
    "SELECT 1 FROM review_verdict WHERE application_id = :application_id AND revision = :revision AND round = :round"
)
_STANDING = Statement(
    """
    SELECT d.application_id, d.reviewer, d.outcome, d.reasons FROM review_decision AS d
    WHERE d.application_id IN {ids} AND d.undone_us IS NULL AND NOT EXISTS (SELECT 1 FROM review_verdict AS v
        WHERE v.application_id = d.application_id AND v.revision = d.revision AND v.round = d.round)
    """
)
_LAST_OF = Statement(
    """
    SELECT l.reviewer, l.sign_in FROM review_decision AS d JOIN review_lease AS l ON l.lease_id = d.lease_id
    WHERE d.application_id IN {ids} AND d.undone_us IS NULL ORDER BY d.stored_us DESC, d.decision_id LIMIT 1
    """
)
_LAST = Statement(
    """
    SELECT d.decision_id FROM review_lease AS l JOIN review_decision AS d ON d.lease_id = l.lease_id
    WHERE l.reviewer = :reviewer AND d.undone_us IS NULL AND NOT EXISTS (SELECT 1 FROM review_verdict AS v
        WHERE v.application_id = d.application_id AND v.revision = d.revision AND v.round = d.round)
    AND l.place > (SELECT max(place) FROM review_lease WHERE reviewer = :reviewer) - 100
    ORDER BY l.place DESC, d.stored_us DESC LIMIT 1
    """
)
_DIFFERS = Statement(
    """
    SELECT 1 FROM review_decision AS d JOIN review_second AS s
        ON s.application_id = d.application_id AND s.revision = d.revision AND s.round = d.round - 1
    WHERE d.decision_id = :decision_id AND d.reviewer = :reviewer AND d.outcome <> 'pass' AND d.undone_us IS NULL
    """
)
_TAKE_BACK = Statement(
    """
    UPDATE review_decision SET undone_us = :now_us WHERE application_id IN {ids} AND undone_us IS NULL
    AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = review_decision.application_id
        AND v.revision = review_decision.revision AND v.round = review_decision.round)
    """
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a desk sends: a decision on what was leased, named in full. `decision_id`: 32 hexadecimal digits."""

    decision_id: str
    lease_id: str
    revision: int
    round: int
    decision: Decision


def decision_of(outcome: str, reasons: Sequence[str]) -> Decision:
    """What was chosen at a desk. Raises ReasonsRefusedError."""
    if outcome not in tuple(Outcome):
        raise ReasonsRefusedError(outcome[:10], f"outcomes are {', '.join(Outcome)}")
    codes = tuple(dict.fromkeys(reasons))
    if (outcome == Outcome.PASS) != (not codes):
        raise ReasonsRefusedError(outcome, "only a pass has none, and has none")
    if any(code not in REASONS for code in codes):
        raise ReasonsRefusedError(outcome, "one is no reason code of a review item")
    if len(" ".join(codes)) > LONGEST_REASONS:
        raise ReasonsRefusedError(outcome, "they are too many, name those that matter most")
    return Decision(Outcome(outcome), codes)


def decide(workplace: Workplace, by: By, verdict: Verdict) -> bool:
    """Store a verdict; whether it is news: False where it was stored before.

    Raises LateVerdictError, UnknownLeaseError, NotItsTurnError, DecisionTakenError, DecisionIdError,
    ApplicationStoppedError, HeldElsewhereError.
    """
    if _ID.fullmatch(verdict.decision_id) is None:
        raise DecisionIdError
    reasons = " ".join(verdict.decision.reasons)
    sent = (verdict.lease_id, verdict.revision, verdict.round, by.code, verdict.decision.outcome.value, reasons)

    def work(tx: Connection) -> bool:
        leases.one_at_a_time(tx)
        before = _STORED.run(tx, {"decision_id": verdict.decision_id}).fetchone()
        if before is not None:
            lease_id, _, *rest, _ = before
            if (lease_id, *rest) != sent:
                raise DecisionTakenError(verdict.decision_id, before[4], before[5])
            return False
        now_us = clock_us(tx)
        leases.withdraw_stopped(tx, by.code, now_us)
        leased = _LEASED.run(tx, {"lease_id": verdict.lease_id, "reviewer": by.code}).fetchone()
        if leased is None or leased[1:3] != (verdict.revision, verdict.round):
            raise UnknownLeaseError(verdict.lease_id)
        application_id, revision, round_, place, until_us, ended = leased
        named = {"application_id": application_id, "revision": revision, "round": round_}
        if ended is not None or until_us <= now_us:
            stands = _STANDS.run(tx, named).fetchone() or (None, None)
            raise LateVerdictError(application_id, ended or LeaseEnd.LAPSED.value, *stands)
        refuse_stopped(tx, [application_id])
        first = _BEFORE.run(tx, {"reviewer": by.code, "place": place, "now_us": now_us}).fetchone()
        if first is not None:
            raise NotItsTurnError(verdict.lease_id, first[0])
        _END.run(tx, {"lease_id": verdict.lease_id, "now_us": now_us})
        facts = {
            "decision_id": verdict.decision_id,
            "lease_id": verdict.lease_id,
            **named,
            "reviewer": by.code,
            "outcome": verdict.decision.outcome.value,
            "reasons": reasons,
            "stored_us": now_us,
            "emulated": workplace.emulated,
        }
        _STORE.run(tx, facts)
        return True

    return leases.written(workplace, work)


def undo(workplace: Workplace, by: By, decision_id: str, *, lease_s: float = leases.LEASE_S) -> bool:
    """Take a verdict back, and hold its application again, before all others; False where it was undone before.

    Raises TooLateToUndoError, UnknownDecisionError, ApplicationStoppedError, HeldElsewhereError.
    """

    def work(tx: Connection) -> bool:
        leases.one_at_a_time(tx)
        found = _STORED.run(tx, {"decision_id": decision_id}).fetchone()
        if found is None or found[4] != by.code:
            raise UnknownDecisionError(decision_id)
        lease_id, application_id, revision, round_, _, outcome, _, undone_us = found
        if undone_us is not None:
            return False
        named = {"application_id": application_id, "revision": revision, "round": round_}
        if _BOOKED.run(tx, named).fetchone() is not None:
            raise TooLateToUndoError(application_id, outcome)
        refuse_stopped(tx, [application_id])
        now_us = clock_us(tx)
        _UNDO.run(tx, {"decision_id": decision_id, "now_us": now_us})
        leased = _LEASED.run(tx, {"lease_id": lease_id, "reviewer": by.code}).fetchone()
        if leased is None:
            raise UnknownLeaseError(lease_id)
        span_us = (now_us, now_us + int(lease_s * 1_000_000))
        leases.lease(tx, workplace, by, (application_id, revision, round_), leased[3], span_us)
        return True

    return leases.written(workplace, work)


def differs(conn: Connection, by: By, decision_id: str) -> bool:
    """Whether this verdict of theirs, which is stored, is a second look that differs from the pass before it."""
    return _DIFFERS.run(conn, {"decision_id": decision_id, "reviewer": by.code}).fetchone() is not None


def standing(conn: Connection, application_ids: Sequence[str]) -> Mapping[str, tuple[str, Decision]]:
    """Who decided what about those of these applications that are decided and not booked, by application id."""
    rows = _STANDING.run(conn, {"ids": listed(application_ids)}).fetchall()
    return {row[0]: (row[1], Decision(Outcome(row[2]), tuple(row[3].split()))) for row in rows}


def last_of(conn: Connection, application_ids: Sequence[str]) -> By | None:
    """Who decided last at a desk about these applications; None where nobody did."""
    row = _LAST_OF.run(conn, {"ids": listed(application_ids)}).fetchone()
    return By(row[0], row[1]) if row else None


def take_back(tx: Connection, application_ids: Sequence[str]) -> int:
    """Let no verdict stand on these applications, which were stopped before their tray was booked; how many did."""
    return _TAKE_BACK.run(tx, {"now_us": clock_us(tx), "ids": listed(application_ids)}).rowcount


def undoable(conn: Connection, reviewer: str) -> str | None:
    """The id of the reviewer's latest verdict that stands and is not booked; None where there is none."""
    row = _LAST.run(conn, {"reviewer": reviewer}).fetchone()
    return None if row is None else str(row[0])
