"""What an inspector is shown of the piece in hand: what was read beside what its order says.

Each look is recorded, then the data is decrypted. What the reviewer decided, and who they are, is not among it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations import mrz
from stations.by import By
from stations.intake import filed
from stations.intake.filed import FiledImage
from stations.intake.pictures import outline
from stations.personalization import chip
from stations.personalization.data import PHOTO, expected_page, expected_zone, sheets
from stations.qc import in_hand, readings
from stations.qc.in_hand import Hold
from stations.qc.readings import Found
from stations.qc.tables import Viewed
from stations.workplace import Workplace

_MADE = Statement("SELECT application_id, document_number, product FROM job WHERE document_unit = :document_unit")
_VIEWED = Statement(
    "INSERT INTO qc_view (view_id, hold_id, what, viewed_us) VALUES (:view_id, :hold_id, :what, :now_us)"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One character of a zone as it was read, and as its order says; empty where a line is shorter."""

    read: str
    wanted: str

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.read != self.wanted


@dataclass(frozen=True, slots=True)
class GroupShown:
    """A data group of the chip by SHA-256 (hex): what the chip holds, what its signature states, what is ordered."""

    file: str
    found: str | None
    signed: str | None
    wanted: str

    @property
    def holds(self) -> bool:
        """Whether all three are one."""
        return self.found == self.signed == self.wanted


@dataclass(frozen=True, slots=True)
class ChipShown:
    """A chip as it was read. `findings`: file and code of what is wrong with its files."""

    files: tuple[str, ...]
    locked: bool
    zone: tuple[Mark, ...]
    groups: tuple[GroupShown, ...]
    findings: tuple[tuple[str, str], ...]

    @property
    def signature_holds(self) -> bool:
        """Whether the security object is there and signed by one whom the centre trusts."""
        return chip.EF_SOD in self.files and not any(file == chip.EF_SOD for file, _ in self.findings)


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece beside its order. `codes`: what its reader suspects; `page`: the texts that its page must bear."""

    serial: str
    product: str
    reader: str
    codes: tuple[str, ...]
    serial_read: str
    zone: tuple[tuple[Mark, ...], ...]
    zone_faults: tuple[str, ...]
    swiped: bool | None
    chip: ChipShown
    page: Mapping[str, str]


def facts(workplace: Workplace, by: By, hold_id: str) -> Shown:
    """The piece that an inspector has in hand, beside its order. Raises NotInHandError, SealBrokenError."""
    piece, application_id, number, product = _looked(workplace, by, hold_id, Viewed.FACTS)
    with workplace.database.read() as conn:
        kept = readings.kept(conn, workplace.personal, piece.document_unit, piece.turn)
        sheet = sheets(conn, workplace.personal, [application_id])[application_id]
    zone, face = expected_zone(sheet, number), outline(sheet.portrait)
    wanted = {
        chip.DG1: chip.data_group_1(zone),
        chip.DG2: chip.data_group_2(sheet.portrait, face.width, face.height),
    }
    return Shown(
        serial=piece.serial,
        product=product,
        reader=kept.reader,
        codes=kept.codes,
        serial_read=kept.found.serial,
        zone=tuple(marked(read, line) for read, line in zip_longest(kept.found.zone, zone, fillvalue="")),
        zone_faults=mrz.faults(kept.found.zone) if kept.found.zone else (),
        swiped=kept.found.swiped,
        chip=_chip(kept.found, zone, wanted),
        page=expected_page(sheet, number),
    )


def portrait(workplace: Workplace, by: By, hold_id: str) -> FiledImage:
    """The order's photo, for whoever has the piece in hand. Raises NotInHandError, SealBrokenError."""
    _, application_id, _, _ = _looked(workplace, by, hold_id, Viewed.PORTRAIT)
    with workplace.database.read() as conn:
        return filed.images(conn, workplace.personal, [application_id], PHOTO)[application_id]


def in_hand_to_look_at(workplace: Workplace, by: By, hold_id: str) -> str:
    """The serial of the piece in hand, whose print is looked at: on an EMULATED one. Raises NotInHandError."""
    piece, *_ = _looked(workplace, by, hold_id, Viewed.PRINTED)
    return piece.serial


def marked(read: str, wanted: str) -> tuple[Mark, ...]:
    """A line character by character.

    >>> [mark.differs for mark in marked("CHN<", "CHM<K")]
    [False, False, True, False, True]
    """
    return tuple(Mark(*pair) for pair in zip_longest(read, wanted, fillvalue=""))


def _chip(found: Found, zone: Sequence[str], wanted: Mapping[str, bytes]) -> ChipShown:
    groups = tuple(
        GroupShown(name, found.files.get(name), found.signed.get(name), hashlib.sha256(content).hexdigest())
        for name, content in wanted.items()
    )
    read = marked(found.chip_zone, "".join(zone)) if found.chip_zone is not None else ()
    return ChipShown(tuple(found.files), found.locked, read, groups, found.findings)


def _looked(workplace: Workplace, by: By, hold_id: str, what: Viewed) -> tuple[Hold, str, str, str]:
    """Record a look; the piece, its application, its document's number and product."""

    def look(tx: Connection) -> tuple[Hold, str, str, str]:
        now_us = clock_us(tx)
        piece = in_hand.named(tx, by, hold_id, now_us)
        _VIEWED.run(tx, {"view_id": new_id(), "hold_id": hold_id, "what": what.value, "now_us": now_us})
        made = _MADE.run(tx, {"document_unit": piece.document_unit}).fetchone()
        if made is None:
            raise LookupError(piece.document_unit)
        application_id, number, product = made
        return piece, application_id, number, product

    return in_hand.written(workplace, look)
