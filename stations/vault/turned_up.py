"""A document that a station's count did not find, and that turned up: two people of that station take it in.

It goes on there as a tray of its own, and its case is closed by the same record.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs import log
from handoff_logs.log import Stamp
from handoff_logs.records import Kind, Outcome, State, new_id
from handoff_logs.statements import Statement
from stations.people import STAFFING, Role
from stations.personalization import booking
from stations.trays import INPUT
from stations.vault import pieces
from stations.vault.errors import NotLostError
from stations.vault.losing import TURNED_UP
from stations.vault.pieces import Piece
from stations.workplace import Workplace

# A handoff has the id of its offer.
_HANDED_TO: Final = Statement(
    "SELECT offer.to_station FROM whereabouts AS here JOIN custody_event AS offer ON offer.event_id = here.handoff_id"
    " WHERE here.unit_id = :unit_id"
)


@dataclass(frozen=True, slots=True)
class TurnedUp:
    """A document that is in again: its piece, the station, the tray that it goes on in, and the record."""

    piece: Piece
    station: str
    tray: str
    record: str


def finders(station: str) -> tuple[Role, ...]:
    """Who may take in at a station what its count did not find."""
    return (STAFFING[station][0], Role.LEAD)


def is_missing(piece: Piece) -> bool:
    """Whether it is a document that a count did not find, and that nobody has settled since."""
    return piece.unit_kind == Kind.DOCUMENT and piece.state == State.MISSING


def check(conn: Connection, serial: str) -> tuple[Piece, str]:
    """The missing document with this serial on it, and the station that it was handed to.

    Raises `NotLostError`, and as `pieces.scanned`.
    """
    (piece,) = pieces.scanned(conn, [serial])
    handed_to = _HANDED_TO.run(conn, {"unit_id": piece.unit_id}).fetchone() if is_missing(piece) else None
    if handed_to is None or handed_to[0] not in STAFFING:
        raise NotLostError(serial, piece.standing)
    return piece, str(handed_to[0])


def receive(workplace: Workplace, serial: str) -> TurnedUp:
    """Take a missing document in at the station that it was handed to, whose two people signed in; closes its case.

    Raises `NotLostError`, and `WrongStationError` at any other station.
    """

    def record(tx: Connection) -> TurnedUp:
        piece, station = check(tx, serial)
        by, second = workplace.party(0), workplace.party(1)
        tray = new_id()
        stamp = Stamp(booking.now_us(), workplace.emulated, tray=tray, reason=TURNED_UP, second_sign_in=second.sign_in)
        settled = log.settle(tx, by, second.person, [piece.unit_id], Outcome.FOUND_AT_RECEIVER, INPUT, stamp)
        return TurnedUp(piece, station, tray, settled)

    return workplace.database.write(record)
