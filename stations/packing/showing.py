"""What the packing desk shows: what lies there undecided, open boxes, what is to be taken out, the latest parcels.

Nothing of a person is in it: numbers of pieces, offices, counts, weights.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs.dialects import listed
from handoff_logs.statements import Statement
from stations.packing.asking import Ask, open_asks
from stations.packing.boxes import OpenBox, open_boxes
from stations.packing.errors import UnknownLabelError
from stations.packing.matching import Undoable, undoable
from stations.packing.rules import USUAL, Grouping, Tolerance, count_by_weight, expected_weight_g
from stations.packing.shelf import OnShelf, on_shelf
from stations.trays import HOLD

LATEST: Final = 8
_LEFT = Statement(
    """
    SELECT w.tray, count(*), min(w.priority), min(w.due_us) FROM whereabouts AS w
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'document' AND w.place = 'input'
    AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = w.unit_id AND m.tray = w.tray)
    GROUP BY w.tray ORDER BY min(w.priority), min(w.due_us), w.tray
    """
)
_UNDECIDED = Statement(
    """
    SELECT w.unit_id FROM whereabouts AS w
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'document' AND w.place = 'input' AND w.tray = :tray
    AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = w.unit_id AND m.tray = w.tray)
    """
)
_TAKE_OUT = Statement(
    """
    SELECT j.blank_serial, (SELECT box.office FROM packing_match AS m JOIN packing_box AS box ON box.box_id = m.box_id
        WHERE m.document_unit = w.unit_id ORDER BY m.stored_us DESC LIMIT 1)
    FROM application AS a JOIN job AS j ON j.application_id = a.application_id
    JOIN whereabouts AS w ON w.unit_id = j.document_unit
    WHERE a.state = 'stopped' AND w.station = :station AND w.state = 'held' AND w.place IN ('input', 'box')
    AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = w.unit_id AND m.tray = w.tray
        AND m.outcome <> 'matched' AND NOT EXISTS (SELECT 1 FROM packing_match AS anew
            WHERE anew.document_unit = m.document_unit AND anew.box_id = m.tray AND anew.stored_us > m.stored_us))
    ORDER BY j.blank_serial
    """
)
_PARCEL_COLUMNS: Final = (
    "parcel.parcel_unit, parcel.label, parcel.grouping, parcel.office, parcel.tray, parcel.documents,"
    " parcel.weighed_g, parcel.postage_cny, parcel.packer, parcel.packed_us, w.place, w.state, w.station"
)
_LATEST_PARCELS = Statement(
    f"SELECT {_PARCEL_COLUMNS} FROM parcel JOIN whereabouts AS w ON w.unit_id = parcel.parcel_unit"  # noqa: S608
    " WHERE parcel.packed_us > :since_us ORDER BY parcel.packed_us DESC LIMIT :most"
)
_OF_TRAY = Statement(
    f"SELECT {_PARCEL_COLUMNS} FROM parcel JOIN whereabouts AS w ON w.unit_id = parcel.parcel_unit"  # noqa: S608
    " WHERE parcel.tray = :tray ORDER BY parcel.label"
)
_OF_LABEL = Statement(
    f"SELECT {_PARCEL_COLUMNS} FROM parcel JOIN whereabouts AS w ON w.unit_id = parcel.parcel_unit"  # noqa: S608
    " WHERE parcel.label = :label"
)
_INSIDE = Statement(
    """
    SELECT w.container, j.blank_serial, j.product FROM whereabouts AS w JOIN job AS j ON j.document_unit = w.unit_id
    WHERE w.container IN {ids} ORDER BY j.blank_serial
    """
)


@dataclass(frozen=True, slots=True)
class TrayLeft:
    """A tray at the desk and how many of its pieces nobody has scanned; `due_us`: its earliest time node."""

    tray: str
    pieces: int
    priority: int | None
    due_us: int | None


@dataclass(frozen=True, slots=True)
class TakeOut:
    """A piece whose application is stopped; `office`: out of whose box, None out of its tray or envelope."""

    serial: str
    office: str | None


@dataclass(frozen=True, slots=True)
class PackedParcel:
    """A parcel with the numbers printed on what is in it. `counted`: how many its weight says, None where it can't.

    `aside`: its weight differed. `gone`: packing has handed it on.
    """

    label: str
    grouping: Grouping
    office: str | None
    tray: str
    documents: int
    serials: tuple[str, ...]
    expected_g: int
    tolerance_g: int
    weighed_g: int | None
    counted: int | None
    postage_cny: int | None
    packer: str
    packed_us: int
    aside: bool
    gone: bool

    @property
    def weighs_right(self) -> bool:
        """Whether it was weighed and weighs what its documents and packaging must."""
        return self.weighed_g is not None and abs(self.weighed_g - self.expected_g) <= self.tolerance_g


@dataclass(frozen=True, slots=True)
class Shown:
    """The desk at one moment."""

    trays: Sequence[TrayLeft]
    boxes: Sequence[OpenBox]
    take_out: Sequence[TakeOut]
    asks: Sequence[Ask]
    shelf: Sequence[OnShelf]
    last: Undoable | None
    parcels: Sequence[PackedParcel]


def shown(conn: Connection, station: str, since_us: int, packer: str, tolerance: Tolerance = USUAL) -> Shown:
    """What the desk shows to a packer, of parcels the latest that were packed after `since_us`."""
    here = {"station": station}
    latest = _LATEST_PARCELS.run(conn, {"since_us": since_us, "most": LATEST}).fetchall()
    return Shown(
        left(conn, station),
        open_boxes(conn),
        [TakeOut(*row) for row in _TAKE_OUT.run(conn, here).fetchall()],
        open_asks(conn),
        on_shelf(conn, station),
        undoable(conn, station, packer),
        _parcels(conn, latest, station, tolerance),
    )


def left(conn: Connection, station: str) -> list[TrayLeft]:
    """The trays with pieces that nobody has scanned, the most urgent first."""
    return [TrayLeft(*row) for row in _LEFT.run(conn, {"station": station}).fetchall()]


def undecided(conn: Connection, station: str, tray: str) -> frozenset[str]:
    """The pieces of a tray that nobody has scanned."""
    return frozenset(row[0] for row in _UNDECIDED.run(conn, {"station": station, "tray": tray}).fetchall())


def of_tray(conn: Connection, station: str, tray: str, tolerance: Tolerance = USUAL) -> list[PackedParcel]:
    """The parcels that were packed into a tray. Raises UnknownLabelError where there are none."""
    found = _parcels(conn, _OF_TRAY.run(conn, {"tray": tray}).fetchall(), station, tolerance)
    if not found:
        raise UnknownLabelError(tray)
    return found


def of_label(conn: Connection, station: str, label: str, tolerance: Tolerance = USUAL) -> PackedParcel:
    """A parcel by its label. Raises UnknownLabelError."""
    found = _parcels(conn, _OF_LABEL.run(conn, {"label": label}).fetchall(), station, tolerance)
    if not found:
        raise UnknownLabelError(label)
    return found[0]


def _parcels(
    conn: Connection, rows: Sequence[tuple[object, ...]], station: str, tolerance: Tolerance
) -> list[PackedParcel]:
    inside: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for unit, serial, product in _INSIDE.run(conn, {"ids": listed(str(row[0]) for row in rows)}).fetchall():
        inside[unit].append((serial, product))
    made = []
    for row in rows:
        unit, label, of, office, tray, documents, weighed, postage, packer, packed_us, place, state, where = row
        grouping, contents = Grouping(str(of)), inside[str(unit)]
        products = [product for _, product in contents]
        known = weighed is not None and bool(products)
        made.append(
            PackedParcel(
                str(label),
                grouping,
                None if office is None else str(office),
                str(tray),
                int(str(documents)),
                tuple(serial for serial, _ in contents),
                expected_weight_g(grouping, products),
                tolerance.grams(grouping, products),
                None if weighed is None else int(str(weighed)),
                count_by_weight(grouping, products, int(str(weighed))) if known else None,
                None if postage is None else int(str(postage)),
                str(packer),
                int(str(packed_us)),
                aside=state == "doubt" and place == HOLD and where == station,
                gone=where != station or state not in ("held", "doubt"),
            )
        )
    return made
