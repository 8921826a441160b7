"""A piece that is lost or stolen is reported by two people, and one that turns up again is received into quarantine.

A lost blank's custody has ended for good. What turns up is another unit, with the serial and `/2` for its number: no
machine draws it and no keeper issues it; two people void it, and it is destroyed.

A lost document lives on: somebody may have it. So nothing is made again under its application, which two people end;
then its person may apply anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row

from handoff_logs import log, whereabouts
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, Outcome, State, new_id
from stations.people import Role
from stations.personalization import booking, jobs
from stations.personalization.rules import Settlement
from stations.vault import pieces, rules
from stations.vault.destruction import CODE
from stations.vault.errors import LossRefusedError, LossTimeError, MethodRefusedError, NotLostError, NotVoidableError
from stations.vault.pieces import Piece
from stations.workplace import Workplace

REPORTERS: Final = (Role.KEEPER, Role.OPERATOR, Role.INSPECTOR, Role.LEAD)
"""Who may report a loss, or void; both people must be one of these."""
FINDERS: Final = (Role.KEEPER, Role.LEAD)
"""Who may receive what turned up."""
QUARANTINE: Final = "quarantine"
TURNED_UP: Final = "turned-up"

_CAN_BE_LOST: Final = (State.HELD, State.DOUBT, State.MISSING, State.VOID_MISSING)
_WHY: Final = {
    State.OFFERED: "it is in a handoff; let the other side count what it got",
    State.VOID_OFFERED: "it is in a handoff; let the vault count what it got",
    State.REFUSED: "its handoff was refused; take it back with a recount",
    State.VOID_REFUSED: "its handoff was refused; take it back with a recount",
    State.PACKED: "it is packed; unpack it, or settle the case of its parcel",
    State.OUTSIDE: "the carrier has it; passline mailing deliveries settle",
    State.VOID: "it is voided; offer it to the vault, whose count finds it missing",
}


class Loss(StrEnum):
    """What became of it, as far as anybody knows."""

    LOST = "lost"
    STOLEN = "stolen"


@dataclass(frozen=True, slots=True)
class Reported:
    """A loss as recorded; `repeated` when it was before."""

    event_id: str
    piece: Piece
    repeated: bool


def check(conn: Connection, serial: str, loss: Loss, circumstances: str, noticed_us: int) -> tuple[Piece, bool]:
    """The piece, and whether it was reported lost before.

    Raises `MethodRefusedError`, `LossRefusedError`, `LossTimeError`, `UnknownPiecesError`.
    """
    _reason(loss, circumstances)
    (piece,) = pieces.scanned(conn, [serial])
    if piece.lost:
        return piece, True
    if piece.state not in _CAN_BE_LOST:
        raise LossRefusedError(serial, piece.standing, _WHY.get(State(piece.state), "its custody has ended"))
    since_us = whereabouts.standing(conn, [piece.unit_id])[0].since_us
    if not since_us <= noticed_us <= booking.now_us():
        raise LossTimeError(serial, noticed_us, since_us)
    if piece.unit_kind == Kind.BLANK:
        _refuse_drawn(conn, piece)
    return piece, False


def _refuse_drawn(conn: Connection, piece: Piece) -> None:
    """Raise LossRefusedError while a machine's job has a blank, or may have it."""
    serial = piece.serial
    job = jobs.of_blank(conn, piece.unit_id)
    if job is not None and job.unfinished and job.settlement != Settlement.NOT_FOUND:
        why = f"job {job.job_id} has it; look for it and record that with `passline devices settle` first"
        raise LossRefusedError(serial, piece.standing, why)
    machine, _, stack = piece.place.rpartition(":")
    if stack in ("input", "path") and any(other.blank_serial is None for other in jobs.in_doubt(conn, machine)):
        why = f"a job of {machine} may have drawn it unread; settle that with `passline devices settle` first"
        raise LossRefusedError(serial, piece.standing, why)


def report(workplace: Workplace, serial: str, loss: Loss, circumstances: str, place: str, noticed_us: int) -> Reported:
    """Record that a piece is lost or stolen; `workplace` is the station that answers for it, with both who signed in.

    `place` is where it was last or was missed, `noticed_us` when (microseconds UTC). The job that a blank was drawn for
    ends, and its application waits to be made again; a document's stays as it is. Raises as `check`.
    """
    return workplace.database.write(lambda tx: _report(tx, workplace, serial, loss, circumstances, place, noticed_us))


def receive_found(workplace: Workplace, serial: str) -> Piece:
    """Receive a lost blank that turned up into the vault's quarantine, by two people who signed in.

    Again, it changes nothing. Raises `NotLostError`, `UnknownPiecesError`.
    """

    def record(tx: Connection) -> Piece:
        (piece,) = pieces.scanned(tx, [serial])
        if not piece.lost:
            if piece.number != piece.serial and piece.state == State.DOUBT:
                return piece
            raise NotLostError(serial, piece.standing)
        turn = int(piece.number.partition("/")[2] or 1) + 1
        birth = Birth(new_id(), Kind.BLANK, f"{piece.serial}/{turn}")
        by, second = workplace.party(0), workplace.party(1)
        stamp = Stamp(booking.now_us(), workplace.emulated, reason=TURNED_UP)
        # Where it comes in says what kind of blank it is.
        place = rules.shelf(piece.kind) if piece.kind else QUARANTINE
        log.receive(tx, by, second.person, [birth], place, replace(stamp, second_sign_in=second.sign_in))
        log.doubt(tx, by, [birth.unit_id], QUARANTINE, stamp)
        return pieces.scanned(tx, [serial])[0]

    return workplace.database.write(record)


def void(workplace: Workplace, serials: Sequence[str], reason: str) -> str:
    """Record that two people defaced blanks that lie in a stock, on a shelf or in quarantine; the record.

    Blanks of a job are settled or voided at their machine, documents at QC. Raises `NotVoidableError`,
    `MethodRefusedError`, and as `pieces.scanned`.
    """

    def record(tx: Connection) -> str:
        own = voidable(tx, serials, reason, workplace.station)
        by, second = workplace.party(0), workplace.party(1)
        stamp = Stamp(booking.now_us(), workplace.emulated, reason=reason, second_sign_in=second.sign_in)
        return log.void(tx, by, second.person, [piece.unit_id for piece in own], rules.VOIDED, stamp)

    return workplace.database.write(record)


def voidable(conn: Connection, serials: Sequence[str], reason: str, station: str) -> list[Piece]:
    """The pieces, if all may be voided at `station`. Raises as `void`."""
    if CODE.fullmatch(reason) is None:
        raise MethodRefusedError("why pieces are voided")
    own = pieces.scanned(conn, serials)
    for piece in own:
        if why := _unvoidable(conn, piece, station):
            raise NotVoidableError(piece.serial, piece.standing, why)
    return own


def _unvoidable(conn: Connection, piece: Piece, station: str) -> str | None:
    if piece.station != station:
        return f"people at {piece.station} answer for it"
    if piece.unit_kind != Kind.BLANK:
        return "it is a document, which QC voids"
    if piece.state not in (State.HELD, State.DOUBT):
        return "only what is held or in quarantine is defaced"
    # What a machine spoiled is voided at its bench, so that its job ends with it.
    if jobs.of_blank(conn, piece.unit_id) is not None:
        return "a job drew it; two people clear its machine's bench, or settle the job"
    return None


def _report(
    tx: Connection, workplace: Workplace, serial: str, loss: Loss, circumstances: str, place: str, noticed_us: int
) -> Reported:
    piece, before = check(tx, serial, loss, circumstances, noticed_us)
    if before:
        return Reported(pieces.last_event(tx, piece.unit_id), piece, repeated=True)
    by, second = workplace.party(0), workplace.party(1)
    stamp = Stamp(noticed_us, workplace.emulated, reason=_reason(loss, circumstances))
    if piece.state == State.HELD:
        log.doubt(tx, by, [piece.unit_id], piece.place, stamp)
    signed = replace(stamp, second_sign_in=second.sign_in)
    event_id = log.settle(tx, by, second.person, [piece.unit_id], Outcome.LOST, place, signed)
    job = jobs.of_blank(tx, piece.unit_id) if piece.unit_kind == Kind.BLANK else None
    if job is not None:
        _end_job(tx, job, piece.unit_id, (by.person, second.person))
    return Reported(event_id, piece, repeated=False)


def _end_job(tx: Connection, job: Row[Any], unit: str, people: tuple[str, str]) -> None:
    if job.unfinished:
        jobs.settled(tx, job.job_id, Settlement.LOST, people, None, booking.now_us())
    else:
        jobs.lost(tx, unit)
    booking.make_again(tx, job.application_id, job.order_unit)


def _reason(loss: Loss, circumstances: str) -> str:
    """How the log keeps both. Raises `MethodRefusedError`."""
    if CODE.fullmatch(circumstances) is None or len(circumstances) > 32:
        raise MethodRefusedError("the circumstances of a loss")
    return f"{loss}:{circumstances}"
