"""Voided pieces are destroyed in lots: scanned, by two people with a witness, all of them or none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs import log
from handoff_logs.dialects import listed
from handoff_logs.log import Stamp
from handoff_logs.records import State
from handoff_logs.statements import Statement
from stations.people import Role
from stations.personalization import booking
from stations.vault import pieces, rules
from stations.vault.errors import MethodRefusedError, PiecesElsewhereError
from stations.vault.pieces import Piece
from stations.workplace import Workplace

DESTROYERS: Final = (Role.KEEPER, Role.LEAD)
"""Who may destroy and who may witness it."""
DESTROYED: Final = "destroyed"
"""The place of EMULATED pieces that are no more."""

CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_LAST_ACTS = Statement(
    "SELECT DISTINCT event.event_id, event.act, event.reason, event.last_position"
    " FROM whereabouts AS here JOIN custody_unit AS unit ON unit.unit_id = here.unit_id AND unit.step = here.step"
    " JOIN custody_event AS event ON event.event_id = unit.event_id WHERE here.unit_id IN {ids}"
)


@dataclass(frozen=True, slots=True)
class Destruction:
    """A lot as recorded; `repeated` when it was before."""

    event_id: str
    count: int
    repeated: bool


def check_method(method: str) -> str:
    """The method ("shredded"), if it can be one. Raises `MethodRefusedError`."""
    if CODE.fullmatch(method) is None:
        raise MethodRefusedError("a method of destruction")
    return method


def check(conn: Connection, serials: Sequence[str], method: str) -> tuple[list[Piece], Destruction | None]:
    """The pieces of a lot that may be destroyed, or (second) the record of this very lot where it was before.

    Raises `MethodRefusedError`, `PiecesElsewhereError`, and as `pieces.scanned`.
    """
    check_method(method)
    own = pieces.scanned(conn, serials)
    elsewhere = tuple(
        (piece.serial, piece.standing)
        for piece in own
        if (piece.station, piece.state) != (rules.STATION, State.VOID.value)
    )
    if not elsewhere:
        return own, None
    before = _repeated(conn, own, method) if len(elsewhere) == len(own) else None
    if before is None:
        raise PiecesElsewhereError("a destruction", "voided pieces in the vault", elsewhere)
    return own, before


def destroy(workplace: Workplace, serials: Sequence[str], method: str) -> Destruction:
    """Record that two people destroyed these pieces; `workplace` has both, who signed in for it.

    The same lot again changes nothing. Raises as `check`; the database refuses one person as both hands.
    """

    def record(tx: Connection) -> Destruction:
        own, before = check(tx, serials, method)
        if before is not None:
            return before
        by, witness = workplace.party(0), workplace.party(1)
        stamp = Stamp(booking.now_us(), workplace.emulated, reason=method, second_sign_in=witness.sign_in)
        event_id = log.destroy(tx, by, witness.person, [piece.unit_id for piece in own], stamp)
        return Destruction(event_id, len(own), repeated=False)

    return workplace.database.write(record)


def _repeated(conn: Connection, own: Sequence[Piece], method: str) -> Destruction | None:
    acts = _LAST_ACTS.run(conn, {"ids": listed(piece.unit_id for piece in own)}).fetchall()
    if len(acts) != 1:
        return None
    ((event_id, act, reason, count),) = acts
    if (act, reason, count) != ("destroy", method, len(own)):
        return None
    return Destruction(str(event_id), len(own), repeated=True)
