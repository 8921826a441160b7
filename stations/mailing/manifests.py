"""A manifest: what was handed to the carrier together, for one office or for the post, as both sides counted it.

It tells what a carrier needs: labels, tracking numbers, weights, how many documents. No person, no address and no
number of a document or an application: those are on the parcels and in them.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.reading import Reading
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.mailing.errors import UnknownManifestError
from stations.workplace import Workplace

_MANIFEST: Final = """
SELECT consignment_id, grouping, office, tray, handoff_id, parcels, documents, weight_g, state, mailer, offered_us,
       accepted_us, emulated
FROM consignment WHERE consignment_id = :consignment
"""
_LINES: Final = """
SELECT parcel.label, sent.tracking, parcel.documents, sent.weight_g, sent.taken_us
FROM consigned_parcel AS sent JOIN parcel ON parcel.parcel_unit = sent.parcel_unit
WHERE sent.consignment_id = :consignment ORDER BY sent.tracking, parcel.label
"""
_DRIVER: Final = """
SELECT person FROM custody_event WHERE handoff_id = :handoff AND act = 'accept'
    AND act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back')
"""
_KNOWN = Statement("SELECT 1 FROM consignment WHERE consignment_id = :consignment")
_PRINTED = Statement("SELECT count(*) FROM manifest_print WHERE consignment_id = :consignment")
_PRINT = Statement(
    "INSERT INTO manifest_print (print_id, consignment_id, person, sign_in, printed_us)"
    " VALUES (:print_id, :consignment, :person, :sign_in, :now_us)"
)
LISTED: Final = """
SELECT consignment_id, grouping, coalesce(office, '') AS office, parcels, documents, weight_g, state, offered_us,
       accepted_us, emulated
FROM consignment WHERE offered_us >= :since_us ORDER BY offered_us DESC, consignment_id LIMIT :most
"""
"""The manifests since a moment, the latest first."""


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """A parcel on it. `taken`: whether the carrier found and accepted it; None before it counted."""

    label: str
    tracking: str | None
    documents: int
    weight_g: int
    taken: bool | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest with its parcels. `parcels`, `documents` and `weight_g` are as offered; instants microseconds UTC."""

    consignment_id: str
    office: str | None
    parcels: int
    documents: int
    weight_g: int
    mailer: str
    offered_us: int
    driver: str | None
    accepted_us: int | None
    emulated: bool
    lines: tuple[ManifestLine, ...]

    @property
    def taken(self) -> int | None:
        """How many parcels the carrier accepted; None before it counted."""
        return None if self.accepted_us is None else sum(bool(line.taken) for line in self.lines)


def manifest(reading: Reading, consignment: str) -> Manifest:
    """The manifest of a consignment. Raises `UnknownManifestError`."""
    found = reading.rows(_MANIFEST, consignment=consignment)
    if not found:
        raise UnknownManifestError(consignment)
    head = found[0]
    counted = head["accepted_us"] is not None
    drivers = reading.rows(_DRIVER, handoff=head["handoff_id"]) if counted else []
    return Manifest(
        head["consignment_id"],
        head["office"],
        head["parcels"],
        head["documents"],
        head["weight_g"],
        head["mailer"],
        head["offered_us"],
        drivers[0]["person"] if drivers else None,
        head["accepted_us"],
        bool(head["emulated"]),
        tuple(_line(row, counted=counted) for row in reading.rows(_LINES, consignment=consignment)),
    )


def _line(row: dict[str, Any], *, counted: bool) -> ManifestLine:
    taken = row["taken_us"] is not None if counted else None
    return ManifestLine(row["label"], row["tracking"], row["documents"], row["weight_g"], taken)


def record_print(workplace: Workplace, by: By, consignment: str) -> int:
    """Record that somebody prints a manifest at the desk; how often it was printed there before.

    Raises `UnknownManifestError`.
    """

    def write(tx: Connection) -> int:
        of = {"consignment": consignment}
        if _KNOWN.run(tx, of).fetchone() is None:
            raise UnknownManifestError(consignment)
        (before,) = _PRINTED.run(tx, of).fetchone() or (0,)
        _PRINT.run(tx, of | {"print_id": new_id(), "person": by.code, "sign_in": by.sign_in, "now_us": clock_us(tx)})
        return int(before)

    return workplace.database.write(write)
