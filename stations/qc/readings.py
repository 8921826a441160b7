"""What a reader found on a piece, kept for the inspector who looks at it: encrypted, for a zone is personal data."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from devices.roles import Reading
from handoff_logs.dialects import listed
from handoff_logs.statements import Statement
from stations.personal import PersonalData
from stations.personalization import chip
from stations.personalization.chip import Finding, MalformedChipError
from stations.workplace import Workplace

# Each reading but the last was followed by a wish for another; the last one is in force where none follows it.
_READ = Statement(
    """
    SELECT r.document_unit FROM qc_reading AS r WHERE r.document_unit IN {ids} AND NOT EXISTS (SELECT 1
        FROM qc_hold AS h WHERE h.document_unit = r.document_unit AND h.turn = r.turn AND h.ended_how = 'read_again')
    """
)
_LAST = Statement("SELECT coalesce(max(turn), 0) FROM qc_reading WHERE document_unit = :document_unit")
_STORE = Statement(
    "INSERT INTO qc_reading (document_unit, turn, application_id, reader, codes, reading, read_us, emulated)"
    " VALUES (:document_unit, :turn, :application_id, :reader, :codes, :reading, :read_us, :emulated)"
)
_KEPT = Statement("SELECT reader, codes, reading FROM qc_reading WHERE document_unit = :document_unit AND turn = :turn")
_READERS = Statement("SELECT document_unit, reader FROM qc_reading WHERE document_unit IN {ids} ORDER BY turn")


@dataclass(frozen=True, slots=True)
class Found:
    """A reading as it is kept: printed zone and serial; the chip's zone, lock, and by file its SHA-256 (hex).

    `signed`: the hashes that the chip's security object states. `findings`: file and code of what is wrong. `swiped`:
    whether the zone as swiped was the order's; None for a piece that was not swiped.
    """

    zone: tuple[str, ...]
    serial: str
    locked: bool
    chip_zone: str | None
    files: Mapping[str, str]
    signed: Mapping[str, str]
    findings: tuple[tuple[str, str], ...]
    swiped: bool | None

    @classmethod
    def of(cls, reading: Reading, findings: Sequence[Finding], *, swiped: bool | None) -> "Found":
        """What to keep of a reading and of what was found wrong with its chip."""
        return cls(
            zone=tuple(reading.mrz),
            serial=reading.surface_serial,
            locked=reading.locked,
            chip_zone=_zone_in(reading.chip),
            files={name: hashlib.sha256(content).hexdigest() for name, content in reading.chip.items()},
            signed={name: value.hex() for name, value in chip.stated_hashes(reading.chip).items()},
            findings=tuple((finding.file, finding.code) for finding in findings),
            swiped=swiped,
        )

    def sealed(self, personal: PersonalData, document_unit: str) -> bytes:
        """The reading, encrypted for its document."""
        return personal.encrypt(json.dumps(asdict(self)).encode(), _about(document_unit))

    @classmethod
    def opened(cls, personal: PersonalData, document_unit: str, sealed: bytes) -> "Found":
        """What `sealed` made. Raises SealBrokenError."""
        kept = json.loads(personal.decrypt(sealed, _about(document_unit)))
        kept["zone"] = tuple(kept["zone"])
        kept["findings"] = tuple((file, code) for file, code in kept["findings"])
        return cls(**kept)


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored reading: the reader, the defect codes by comparison with the order, and what it found."""

    reader: str
    codes: tuple[str, ...]
    found: Found


def store(
    tx: Connection,
    workplace: Workplace,
    named: tuple[str, str],
    reader: str,
    codes: Sequence[str],
    found: Found,
) -> None:
    """Store the reading of a document (its unit and its application)."""
    unit, application_id = named
    (last,) = _LAST.run(tx, {"document_unit": unit}).fetchone() or (0,)
    facts = {
        "document_unit": unit,
        "turn": last + 1,
        "application_id": application_id,
        "reader": reader,
        "codes": " ".join(codes),
        "reading": found.sealed(workplace.personal, unit),
        "read_us": workplace.database.clock_us(tx),
        "emulated": workplace.emulated,
    }
    _STORE.run(tx, facts)


def read_units(conn: Connection, units: Sequence[str]) -> frozenset[str]:
    """Those of these documents that were read, and that nobody wants read again."""
    return frozenset(row[0] for row in _READ.run(conn, {"ids": listed(units)}).fetchall())


def readers_of(conn: Connection, units: Sequence[str]) -> dict[str, str]:
    """The reader that each of these documents was last read by, as far as they were."""
    return {row[0]: row[1] for row in _READERS.run(conn, {"ids": listed(units)}).fetchall()}


def kept(conn: Connection, personal: PersonalData, document_unit: str, turn: int) -> Kept:
    """A reading of a document, decrypted. Raises SealBrokenError, LookupError."""
    row = _KEPT.run(conn, {"document_unit": document_unit, "turn": turn}).fetchone()
    if row is None:
        raise LookupError(document_unit)
    reader, codes, sealed = row
    return Kept(reader, tuple(codes.split()), Found.opened(personal, document_unit, bytes(sealed)))


def _zone_in(files: Mapping[str, bytes]) -> str | None:
    try:
        return chip.read_zone(files[chip.DG1]) if chip.DG1 in files else None
    except MalformedChipError:
        return None


def _about(document_unit: str) -> str:
    return f"qc:{document_unit}"
