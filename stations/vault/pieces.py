"""A piece as people scan it, by the serial printed on it: the blank that it is, or the document that it became."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection

from handoff_logs.dialects import listed
from handoff_logs.statements import Statement

MOST_RETURNS: Final = 9
"""How often one serial may be lost and turn up again."""

# A blank that became a document is found as that, by the act that made it.
_FIND = Statement(
    "SELECT number.number, coalesce(made.unit_id, blank.unit_id), coalesce(made.kind, blank.kind),"
    " CASE WHEN first.place LIKE 'shelf:%' THEN substr(first.place, 7) ELSE '' END,"
    " coalesce(made.state, blank.state), coalesce(made.station, blank.station), coalesce(made.place, blank.place),"
    " coalesce(last.outcome, '')"
    " FROM unit_number AS number"
    " JOIN whereabouts AS blank ON blank.unit_id = number.unit_id"
    " JOIN custody_unit AS first ON first.unit_id = blank.unit_id AND first.step = 1"
    " LEFT JOIN custody_unit AS last ON last.unit_id = blank.unit_id AND last.step = blank.step"
    " AND last.state = 'ended'"
    " LEFT JOIN custody_unit AS born ON born.event_id = last.event_id AND born.kind = 'document' AND born.step = 1"
    " LEFT JOIN whereabouts AS made ON made.unit_id = born.unit_id"
    " WHERE number.kind = 'blank' AND number.number IN {ids}"
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
