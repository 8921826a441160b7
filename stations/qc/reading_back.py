"""Reading documents back: each through a reader and, where QC has one, a swipe reader, and compared with its order."""

from collections.abc import Sequence
from dataclasses import dataclass

from devices.roles import Reading
from stations.personalization.chip import Finding, verify
from stations.qc.desk import QcDesk
from stations.qc.expected import expected_documents
from stations.qc.pieces import Piece
from stations.qc.readers import ReaderPool
from stations.qc.rules import compare
from stations.qc.swipes import Swipes
from stations.trays import GREEN, tray_place
from stations.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Means:
    """What QC reads with: the hands at the readers, the readers, and a swipe reader where there is one.

    `trust_anchor` is the DER certificate that the chips' signer must come from.
    """

    desk: QcDesk
    readers: ReaderPool
    trust_anchor: bytes
    swipes: Swipes | None = None


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A piece as it was read: by which reader, what, what is wrong with its chip, and the defect codes of all that.

    `swiped`: whether the zone as swiped was the order's; None where it was not swiped.
    """

    piece: Piece
    reader: str
    reading: Reading
    findings: tuple[Finding, ...]
    codes: tuple[str, ...]
    swiped: bool | None


def read_back(workplace: Workplace, tray: str, pieces: Sequence[Piece], means: Means) -> list[ReadBack]:
    """Read pieces of a tray and compare them with their orders, which are opened together: a portion, not a crate.

    A piece that a reader found wanting is not swiped. Raises NoReaderLeftError, MachineStandsError.
    """
    expected = expected_documents(workplace, pieces)
    green = any(piece.priority == GREEN for piece in pieces)
    swipes = means.swipes.first() if green and means.swipes is not None else means.swipes
    found = means.readers.read([piece.blank_serial for piece in pieces], means.desk, tray_place(tray), first=green)
    read = []
    for piece, each in zip(pieces, found, strict=True):
        wanted = expected[piece.unit_id]
        findings = verify(each.reading.chip, means.trust_anchor)
        codes = compare(wanted, each.reading, findings)
        swiped = None
        if not codes and swipes is not None:
            swiped = swipes.agrees(piece.blank_serial, wanted.zone, means.desk)
        if swiped is False:
            codes = ("swipe",)
        read.append(ReadBack(piece, each.reader, each.reading, tuple(findings), codes, swiped))
    return read
