"""Reading documents back: each through a reader and, where QC has one, a swipe reader, and compared with its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from devices.roles import Reading
from stations.personalization.chip import Finding, verify
from stations.qc.desk import QcDesk
from stations.qc.expected import expected_documents
from stations.qc.pieces import Piece
from stations.qc.readers import ReaderPool, ReadPiece
from stations.qc.rules import Expected, compare
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
        seen = _compared(piece, each, wanted, means.trust_anchor)
        if not seen.codes and swipes is not None:
            swiped = swipes.agrees(piece.blank_serial, wanted.zone, means.desk)
            seen = replace(seen, swiped=swiped, codes=() if swiped is not False else ("swipe",))
        read.append(seen)
    return read


def read_laid(workplace: Workplace, pieces: Mapping[str, Piece], means: Means) -> list[ReadBack]:
    """Read what people laid into the readers, and compare those of `pieces`, by serial, with their orders.

    Nobody is told which to lay there: each is known by its own serial, and what isn't among them is passed over.
    """
    found = [(pieces[each.number], each) for each in means.readers.what_lies() if each.number in pieces]
    if not found:
        return []
    expected = expected_documents(workplace, [piece for piece, _ in found])
    return [_compared(piece, each, expected[piece.unit_id], means.trust_anchor) for piece, each in found]


def _compared(piece: Piece, read: ReadPiece, wanted: Expected, trust_anchor: bytes) -> ReadBack:
    findings = verify(read.reading.chip, trust_anchor)
    codes = compare(wanted, read.reading, findings)
    return ReadBack(piece, read.reader, read.reading, tuple(findings), codes, None)
