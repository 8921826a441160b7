"""A supplier's delivery comes in: two keepers count it, hold it against its note, and sign for every blank."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs import log
from handoff_logs.dialects import listed
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.statements import Statement
from stations.documents import PRODUCTS
from stations.people import Role
from stations.personalization import booking
from stations.vault import rules
from stations.vault.errors import (
    NoteRefusedError,
    RangeCountError,
    SerialKindError,
    SerialsKnownError,
)
from stations.workplace import Workplace

KEEPERS: Final = (Role.KEEPER,)
"""Who may receive."""

_NOTE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9/.-]{0,39}", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Z0-9]{1,20}", re.ASCII)
_KNOWN = Statement(
    "SELECT number.number, event.event_id, event.reason, event.to_place, event.last_position"
    " FROM unit_number AS number JOIN custody_unit AS unit ON unit.unit_id = number.unit_id AND unit.step = 1"
    " JOIN custody_event AS event ON event.event_id = unit.event_id"
    " WHERE number.kind = 'blank' AND number.number IN {ids} ORDER BY number.number"
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What lies on the table: blanks `first` to `last`, `count` by both keepers; `note`: the supplier's number."""

    kind: str
    first: str
    last: str
    count: int
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery as recorded; `repeated` when it was before."""

    event_id: str
    count: int
    repeated: bool


def check(delivery: Delivery) -> list[str]:
    """The serials of a delivery whose parts agree.

    Raises `SerialRangeError`, `RangeCountError`, `SerialKindError`, `NoteRefusedError`.
    """
    if _NOTE.fullmatch(delivery.note) is None:
        raise NoteRefusedError
    serials = list(rules.serials(delivery.first, delivery.last))
    if len(serials) != delivery.count:
        raise RangeCountError(delivery.first, delivery.last, len(serials), delivery.count)
    # All between them are of the same form.
    for serial in (delivery.first, delivery.last):
        if delivery.kind != kind_of(serial):
            raise SerialKindError(serial, delivery.kind)
    return serials


def kind_of(serial: str) -> str | None:
    """What kind of blank bears such a serial: a book's is a passport's number; None for no blank's.

    >>> kind_of("EA0000001"), kind_of("K00000001"), kind_of("é")
    ('book', 'card', None)
    """
    numbered = [product.blank for product in PRODUCTS.values() if product.numbered_blanks]
    for product in PRODUCTS.values():
        if product.numbered_blanks and product.number_is_valid(serial):
            return product.blank
    others = [product.blank for product in PRODUCTS.values() if product.blank not in numbered]
    return others[0] if others and _PLAIN.fullmatch(serial) else None


def receive(workplace: Workplace, delivery: Delivery) -> Receipt:
    """Take a delivery into the log, whole or not at all; `workplace` has the two keepers who signed in for it.

    The same delivery again changes nothing. Raises as `check`, and `SerialsKnownError`.
    """
    serials = check(delivery)
    return workplace.database.write(lambda tx: _receive(tx, workplace, delivery, serials))


def refuse_known(tx: Connection, delivery: Delivery) -> Receipt | None:
    """The receipt of the same delivery, None for a new one. Raises as `check`, and `SerialsKnownError`."""
    serials = check(delivery)
    known = _KNOWN.run(tx, {"ids": listed(serials)}).fetchall()
    if not known:
        return None
    receipts = {row[1:] for row in known}
    if len(known) == len(serials) and len(receipts) == 1:
        ((event_id, note, place, count),) = receipts
        if (note, place, count) == (delivery.note, rules.shelf(delivery.kind), delivery.count):
            return Receipt(event_id, count, repeated=True)
    raise SerialsKnownError(tuple(row[0] for row in known), len(serials))


def _receive(tx: Connection, workplace: Workplace, delivery: Delivery, serials: list[str]) -> Receipt:
    if (before := refuse_known(tx, delivery)) is not None:
        return before
    by, second = workplace.party(0), workplace.party(1)
    births = [Birth(new_id(), Kind.BLANK, serial) for serial in serials]
    stamp = Stamp(booking.now_us(), workplace.emulated, reason=delivery.note, second_sign_in=second.sign_in)
    event_id = log.receive(tx, by, second.person, births, rules.shelf(delivery.kind), stamp)
    return Receipt(event_id, len(births), repeated=False)
