"""Decisions at the QC desk: stored one by one, undone until they are booked or two have signed for a void.

A desk makes a decision's id before it sends it, so that one that is sent again is the same decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us, listed
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.states import refuse_stopped
from stations.people_register.credentials import TwoSigned
from stations.qc import in_hand
from stations.qc.errors import (
    CodesRefusedError,
    InspectionBookedError,
    InspectionIdError,
    InspectionTakenError,
    ReaderBarsPassError,
    UnknownInspectionError,
)
from stations.qc.rules import DEFECTS, READERS_ALONE
from stations.qc.tables import HoldEnd
from stations.workplace import Workplace

PASS, FAIL = "pass", "fail"
_STORED = Statement(
    "SELECT d.hold_id, d.inspector, d.outcome, d.codes, d.document_unit, d.undone_us, j.blank_serial, j.application_id,"
    " h.turn FROM qc_decision AS d JOIN job AS j ON j.document_unit = d.document_unit"
    " JOIN qc_hold AS h ON h.hold_id = d.hold_id WHERE d.decision_id = :decision_id"
)
_READ = Statement("SELECT application_id, codes FROM qc_reading WHERE document_unit = :document_unit AND turn = :turn")
_END = Statement(
    f"UPDATE qc_hold SET ended_us = :now_us, ended_how = '{HoldEnd.DECIDED}'"  # noqa: S608 (our own word)
    " WHERE hold_id = :hold_id"
)
_STORE = Statement(
    "INSERT INTO qc_decision (decision_id, hold_id, document_unit, inspector, outcome, codes, stored_us, emulated)"
    " VALUES (:decision_id, :hold_id, :document_unit, :inspector, :outcome, :codes, :stored_us, :emulated)"
)
_UNDO = Statement("UPDATE qc_decision SET undone_us = :now_us WHERE decision_id = :decision_id")
_BOOKED = Statement(
    "SELECT 1 FROM inspection WHERE document_unit = :document_unit"
    " UNION ALL SELECT 1 FROM qc_void WHERE document_unit = :document_unit"
)
_STANDING = Statement(
    """
    SELECT d.document_unit, d.decision_id, d.inspector, h.sign_in, d.outcome, d.codes, d.stored_us,
        v.first, v.first_sign_in, v.second, v.second_sign_in
    FROM qc_decision AS d JOIN qc_hold AS h ON h.hold_id = d.hold_id
    LEFT JOIN qc_void AS v ON v.document_unit = d.document_unit AND v.decision_id = d.decision_id
    WHERE d.undone_us IS NULL AND d.document_unit IN {ids}
    """
)
_TAKE_BACK = Statement(
    "UPDATE qc_decision SET undone_us = :now_us WHERE undone_us IS NULL AND document_unit IN {ids}"
    " AND NOT EXISTS (SELECT 1 FROM inspection AS i WHERE i.document_unit = qc_decision.document_unit)"
    " AND NOT EXISTS (SELECT 1 FROM qc_void AS v WHERE v.document_unit = qc_decision.document_unit)"
)
_LAST = Statement(
    """
    SELECT d.decision_id, j.blank_serial, d.outcome, d.document_unit FROM qc_decision AS d
    JOIN job AS j ON j.document_unit = d.document_unit
    WHERE d.inspector = :inspector AND d.undone_us IS NULL ORDER BY d.stored_us DESC LIMIT 1
    """
)
_SIGN = Statement(
    "INSERT INTO qc_void (document_unit, decision_id, first, first_sign_in, second, second_sign_in, signed_us,"
    " emulated) VALUES (:document_unit, :decision_id, :first, :first_sign_in, :second, :second_sign_in, :signed_us,"
    " :emulated)"
)
_SIGNED = Statement("SELECT 1 FROM qc_void WHERE document_unit = :document_unit AND decision_id = :decision_id")


@dataclass(frozen=True, slots=True)
class Stands:
    """A decision that stands: whose, by which sign-in, what; `signed` by which two, where they signed for a void."""

    decision_id: str
    by: By
    codes: tuple[str, ...]
    stored_us: int
    signed: TwoSigned | None

    @property
    def passed(self) -> bool:
        """Whether the document passed."""
        return not self.codes


@dataclass(frozen=True, slots=True)
class Undoable:
    """The inspector's latest decision that can be undone: its id, the piece's serial, the outcome."""

    decision_id: str
    serial: str
    outcome: str


def codes_chosen(outcome: str, codes: Sequence[str]) -> tuple[str, ...]:
    """The defect codes of an outcome, in the list's order; none for a pass. Raises CodesRefusedError."""
    if outcome not in (PASS, FAIL):
        raise CodesRefusedError(outcome[:10], f"outcomes are {PASS} and {FAIL}")
    if (outcome == PASS) != (not codes):
        raise CodesRefusedError(outcome, "only a pass has none, and has none")
    if not set(codes) <= set(DEFECTS):
        raise CodesRefusedError(outcome, "one is no defect code")
    return tuple(code for code in DEFECTS if code in codes)


def decide(workplace: Workplace, by: By, hold_id: str, decision_id: str, codes: tuple[str, ...]) -> bool:
    """Store a decision on the piece in hand, a pass where `codes` are none; False where it was stored before.

    Raises InspectionIdError, InspectionTakenError, NotInHandError, ReaderBarsPassError, ApplicationStoppedError,
    ActedAtOnceError.
    """
    if not in_hand.is_id(decision_id):
        raise InspectionIdError
    outcome = FAIL if codes else PASS
    sent = (hold_id, by.code, outcome, " ".join(codes))

    def work(tx: Connection) -> bool:
        in_hand.one_at_a_time(tx)
        before = _STORED.run(tx, {"decision_id": decision_id}).fetchone()
        if before is not None:
            if tuple(before[:4]) != sent:
                raise InspectionTakenError(decision_id, before[1], before[2])
            return False
        now_us = clock_us(tx)
        piece = in_hand.named(tx, by, hold_id, now_us)
        seen = {"document_unit": piece.document_unit, "turn": piece.turn}
        application_id, found = _READ.run(tx, seen).fetchone() or ("", "")
        refuse_stopped(tx, [application_id])
        if not codes and not READERS_ALONE.isdisjoint(found.split()):
            raise ReaderBarsPassError(piece.serial, found)
        _END.run(tx, {"hold_id": hold_id, "now_us": now_us})
        facts = {
            "decision_id": decision_id,
            "hold_id": hold_id,
            "document_unit": piece.document_unit,
            "inspector": by.code,
            "outcome": outcome,
            "codes": " ".join(codes),
            "stored_us": now_us,
            "emulated": workplace.emulated,
        }
        _STORE.run(tx, facts)
        return True

    return in_hand.written(workplace, work)


def undo(workplace: Workplace, by: By, decision_id: str, *, hold_s: float = in_hand.HOLD_S) -> in_hand.Hold:
    """Take a decision of one's own back; its piece is in hand again. Undone before, it is what they have in hand.

    Raises UnknownInspectionError, InspectionBookedError, ApplicationStoppedError, ActedAtOnceError.
    """

    def work(tx: Connection) -> in_hand.Hold:
        in_hand.one_at_a_time(tx)
        if not in_hand.is_id(decision_id):
            raise UnknownInspectionError(decision_id)
        found = _STORED.run(tx, {"decision_id": decision_id}).fetchone()
        if found is None or found[1] != by.code:
            raise UnknownInspectionError(decision_id)
        _, _, outcome, _, unit, undone_us, serial, application_id, turn = found
        now_us = clock_us(tx)
        in_hand.lapse(tx, now_us)
        had = in_hand.held(tx, by.code)
        if undone_us is not None:
            if had is not None and had.document_unit == unit:
                return had
            raise UnknownInspectionError(decision_id)
        if _BOOKED.run(tx, {"document_unit": unit}).fetchone() is not None:
            raise InspectionBookedError(serial, outcome)
        refuse_stopped(tx, [application_id])
        _UNDO.run(tx, {"decision_id": decision_id, "now_us": now_us})
        in_hand.lay_back(tx, by, now_us)
        return in_hand.hold(tx, workplace, by, (unit, serial, turn), (now_us, now_us + int(hold_s * 1_000_000)))

    return in_hand.written(workplace, work)


def sign_void(workplace: Workplace, decision_id: str, by: TwoSigned) -> bool:
    """Two people sign that they defaced a piece that failed; False where two had signed before.

    Each signed in for it, at that moment: the database refuses others. Raises UnknownInspectionError, ActedAtOnceError.
    """

    def work(tx: Connection) -> bool:
        in_hand.one_at_a_time(tx)
        if not in_hand.is_id(decision_id):
            raise UnknownInspectionError(decision_id)
        found = _STORED.run(tx, {"decision_id": decision_id}).fetchone()
        if found is None or found[2] != FAIL or found[5] is not None:
            raise UnknownInspectionError(decision_id)
        named = {"document_unit": found[4], "decision_id": decision_id}
        if _SIGNED.run(tx, named).fetchone() is not None:
            return False
        facts = {
            **named,
            "first": by.first,
            "first_sign_in": by.first_sign_in,
            "second": by.second,
            "second_sign_in": by.second_sign_in,
            "signed_us": clock_us(tx),
            "emulated": workplace.emulated,
        }
        _SIGN.run(tx, facts)
        return True

    return in_hand.written(workplace, work)


def standing(conn: Connection, units: Sequence[str]) -> Mapping[str, Stands]:
    """The decision that stands on each of these documents, as far as one does, by document unit."""
    found = {}
    for row in _STANDING.run(conn, {"ids": listed(units)}).fetchall():
        unit, decision_id, inspector, sign_in, _, codes, stored_us, *signers = row
        first, first_sign_in, second, second_sign_in = signers
        signed = None if first is None else TwoSigned(first, second, first_sign_in, second_sign_in)
        found[unit] = Stands(decision_id, By(inspector, sign_in), tuple(codes.split()), stored_us, signed)
    return found


def take_back(tx: Connection, units: Sequence[str]) -> int:
    """Let no decision stand on these documents, which were stopped before they were booked; how many did."""
    return _TAKE_BACK.run(tx, {"now_us": clock_us(tx), "ids": listed(units)}).rowcount


def undoable(conn: Connection, inspector: str) -> Undoable | None:
    """The inspector's latest decision, where it can be undone."""
    row = _LAST.run(conn, {"inspector": inspector}).fetchone()
    if row is None or _BOOKED.run(conn, {"document_unit": row[3]}).fetchone() is not None:
        return None
    return Undoable(*row[:3])
