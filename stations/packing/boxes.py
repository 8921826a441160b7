"""The offices' open boxes at the packing desk, and what lies in them."""

from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.statements import Statement
from stations.by import By
from stations.packing.errors import UnknownBoxError
from stations.packing.matching import IN_IT, one_at_a_time, written
from stations.workplace import Workplace

_OPEN = Statement(
    f"""
    SELECT box.box_id, box.office, box.opened_us, count(piece.match_id), min(w.due_us), min(a.priority)
    FROM packing_box AS box JOIN packing_match AS piece ON piece.box_id = box.box_id AND {IN_IT}
    JOIN job AS j ON j.document_unit = piece.document_unit
    JOIN application AS a ON a.application_id = j.application_id
    JOIN whereabouts AS w ON w.unit_id = piece.document_unit
    WHERE box.closed_us IS NULL GROUP BY box.box_id, box.office, box.opened_us ORDER BY min(a.priority), box.office
    """  # noqa: S608 (our own words)
)
_BOX = Statement("SELECT closed_us FROM packing_box WHERE box_id = :box_id")
_CLOSE = Statement(
    "UPDATE packing_box SET closed_us = :now_us, closed_by = :packer, closed_sign_in = :sign_in WHERE box_id = :box_id"
)
_FILLED = Statement(
    "SELECT DISTINCT tray FROM whereabouts WHERE station = :station AND state = 'held' AND kind = 'document'"
    " AND place = 'box'"
)


@dataclass(frozen=True, slots=True)
class OpenBox:
    """An office's open box. `due_us`: the earliest time node of what is in it; instants in microseconds UTC."""

    box_id: str
    office: str
    opened_us: int
    pieces: int
    due_us: int | None
    priority: int


def open_boxes(conn: Connection) -> list[OpenBox]:
    """The open boxes with something in them, those of the green channel first."""
    return [OpenBox(*row) for row in _OPEN.run(conn).fetchall()]


def close(workplace: Workplace, by: By, box_id: str) -> bool:
    """Close a box, for the run to book as a parcel; False where it was closed before.

    Raises UnknownBoxError, PackedElsewhereError.
    """

    def work(tx: Connection) -> bool:
        one_at_a_time(tx)
        found = _BOX.run(tx, {"box_id": box_id}).fetchone()
        if found is None:
            raise UnknownBoxError(box_id)
        if found[0] is not None:
            return False
        _CLOSE.run(tx, {"box_id": box_id, "now_us": clock_us(tx), "packer": by.code, "sign_in": by.sign_in})
        return True

    return written(workplace, work)


def filled(workplace: Workplace) -> list[str]:
    """The boxes, open or closed, that pieces lie in and no parcel was made of yet."""
    with workplace.database.read() as conn:
        return [str(row[0]) for row in _FILLED.run(conn, {"station": workplace.station}).fetchall()]
