"""A piece as people scan it, by the serial printed on it: the blank that it is, or the document that it became."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from handoff_logs.dialects import listed
from handoff_logs.statements import Statement
from stations.vault.errors import NothingScannedError, ScannedTwiceError, UnknownPiecesError

MOST_RETURNS: Final = 9
"""How often one serial may be lost and turn up again."""

# A blank that became a document is found as that, by the act that made it.
_FIND = Statement(
    "SELECT number.number, coalesce(made.unit_id, blank.unit_id), coalesce(made.kind, blank.kind),"
    " CASE WHEN first.place LIKE 'shelf:%' THEN substr(first.place, 7) ELSE '' END,"
    " coalesce(made.state, blank.state), coalesce(made.station, blank.station), coalesce(made.place, blank.place),"
    " coalesce(gone.outcome, last.outcome, '')"
    " FROM unit_number AS number"
    " JOIN whereabouts AS blank ON blank.unit_id = number.unit_id"
    " JOIN custody_unit AS first ON first.unit_id = blank.unit_id AND first.step = 1"
    " LEFT JOIN custody_unit AS last ON last.unit_id = blank.unit_id AND last.step = blank.step"
    " AND last.state = 'ended'"
    " LEFT JOIN custody_unit AS born ON born.event_id = last.event_id AND born.kind = 'document' AND born.step = 1"
    " LEFT JOIN whereabouts AS made ON made.unit_id = born.unit_id"
    " LEFT JOIN custody_unit AS gone ON gone.unit_id = made.unit_id AND gone.step = made.step AND gone.state = 'ended'"
    " WHERE number.kind = 'blank' AND number.number IN {ids}"
)

# Voided blanks, and voided documents by the blank that they were made of.
_VOIDED = Statement(
    "SELECT number.number FROM whereabouts AS here JOIN unit_number AS number ON number.unit_id = here.unit_id"
    " WHERE here.station = :station AND here.state = 'void' AND here.kind = 'blank'"
    " UNION ALL SELECT number.number FROM whereabouts AS here"
    " JOIN custody_unit AS born ON born.unit_id = here.unit_id AND born.step = 1"
    " JOIN custody_unit AS spent ON spent.event_id = born.event_id AND spent.kind = 'blank'"
    " JOIN unit_number AS number ON number.unit_id = spent.unit_id"
    " WHERE here.station = :station AND here.state = 'void' AND here.kind = 'document' ORDER BY 1"
)

_LAST_EVENT = Statement(
    "SELECT unit.event_id FROM whereabouts AS here"
    " JOIN custody_unit AS unit ON unit.unit_id = here.unit_id AND unit.step = here.step WHERE here.unit_id = :unit_id"
)


class Piece(NamedTuple):
    """One piece and where the log has it. `unit_kind`: blank or document; `kind`: book or card, empty if unknown.

    `number` is what the log knows it by: its serial, or the serial with `/2` where it was lost and turned up again.
    """

    number: str
    unit_id: str
    unit_kind: str
    kind: str
    state: str
    station: str
    place: str
    outcome: str

    @property
    def serial(self) -> str:
        """What is printed on it."""
        return self.number.partition("/")[0]

    @property
    def standing(self) -> str:
        """Where and how it is, in words."""
        return f"{self.state} at {self.station}, {self.place}"

    @property
    def lost(self) -> bool:
        """Whether two people recorded it as lost."""
        return self.outcome == "lost"


def find(tx: Connection, serials: Iterable[str]) -> dict[str, Piece]:
    """The pieces that the log knows among `serials`, by serial; one that was lost and turned up as what it is now."""
    found: dict[str, Piece] = {}
    wanted = list(serials)
    for turn in range(1, MOST_RETURNS + 1):
        numbers = wanted if turn == 1 else [f"{serial}/{turn}" for serial in wanted]
        pieces = [Piece(*row) for row in _FIND.run(tx, {"ids": listed(numbers)}).fetchall()]
        found |= {piece.serial: piece for piece in pieces}
        wanted = [piece.serial for piece in pieces if piece.lost]
        if not wanted:
            break
    return found


def scanned(tx: Connection, serials: Sequence[str]) -> list[Piece]:
    """The pieces that were scanned, in the order of scanning.

    Raises `NothingScannedError`, `ScannedTwiceError`, `UnknownPiecesError`.
    """
    if not serials:
        raise NothingScannedError
    if twice := tuple(serial for serial, times in Counter(serials).items() if times > 1):
        raise ScannedTwiceError(twice)
    found = find(tx, serials)
    if unknown := tuple(serial for serial in serials if serial not in found):
        raise UnknownPiecesError(unknown)
    return [found[serial] for serial in serials]


def voided_at(conn: Connection, station: str) -> list[str]:
    """The serials of the pieces that await destruction at a station, as they are printed."""
    return [str(row[0]).partition("/")[0] for row in _VOIDED.run(conn, {"station": station}).fetchall()]


def last_event(conn: Connection, unit_id: str) -> str:
    """The record of a unit's latest step. Raises LookupError for a unit that the log does not have."""
    row = _LAST_EVENT.run(conn, {"unit_id": unit_id}).fetchone()
    if row is None:
        raise LookupError(unit_id)
    return str(row[0])
