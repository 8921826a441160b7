"""Erasing a person's numbers: the log keeps what happened to every unit, and no longer whose number it bore.

The salt goes with the number, so that the log's own hash of it can't be tried out either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs import register
from handoff_logs.dialects import listed
from handoff_logs.errors import ErasureTooEarlyError, NumberUnknownError
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry, Stamp

# From any of a person's numbers to the order, the blanks and the documents of that application, remakes included. Not
# to what they were packed in: a parcel's number is the carrier's, and other people's documents may have been in it.
_OF_PERSON = Statement(
    "WITH RECURSIVE named(unit_id) AS ("
    " SELECT unit_id FROM unit_number WHERE kind IN ('order', 'document', 'blank')"
    " AND (number = :number OR (number > :number || '/' AND number < :number || '0'))"
    " UNION SELECT kin.unit_id FROM named JOIN custody_unit AS own ON own.unit_id = named.unit_id"
    " JOIN custody_event AS event ON event.event_id = own.event_id AND event.act IN ('transform', 'void', 'settle')"
    " JOIN custody_unit AS kin ON kin.event_id = own.event_id AND kin.unit_id <> own.unit_id"
    " AND (event.act = 'transform' OR (event.last_position = 2 AND own.step > 1 AND kin.step = 1)))"
    " SELECT named.unit_id, max(event.written_us) FROM named JOIN custody_unit AS unit ON unit.unit_id = named.unit_id"
    " JOIN custody_event AS event ON event.event_id = unit.event_id GROUP BY named.unit_id ORDER BY named.unit_id"
)
_ERASE = Statement("DELETE FROM unit_number WHERE unit_id IN {ids}")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A unit, and when it was last recorded (microseconds UTC)."""

    unit_id: str
    last_us: int


def numbered(tx: Connection, number: str) -> Sequence[Numbered]:
    """Return the units of the application that a number belongs to. Raises NumberUnknownError."""
    found = [Numbered(*row) for row in _OF_PERSON.run(tx, {"number": number}).fetchall()]
    if not found:
        raise NumberUnknownError
    return found


def refuse_early(units: Sequence[Numbered], before_us: int) -> None:
    """Raise ErasureTooEarlyError unless nothing of the units was recorded from `before_us` on."""
    last_us = max(unit.last_us for unit in units)
    if last_us >= before_us:
        raise ErasureTooEarlyError(last_us, before_us)


def erase(tx: Connection, number: str, first: str, second: str, before_us: int | None, stamp: Stamp) -> int:
    """Erase the numbers and salts of an application's units, recorded by what names the units alone; how many.

    `before_us`: refused if anything of them was recorded from then on; None where nobody is protected by it (an
    emulated line). Raises NumberUnknownError, ErasureTooEarlyError, SamePersonError.
    """
    units = numbered(tx, number)
    if before_us is not None:
        refuse_early(units, before_us)
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA secure_delete = ON")  # or it stays readable in the file's free pages
    entries = [Entry(Register.ERASURE, unit.unit_id, "number", stamp.reason) for unit in units]
    register.record(tx, register.administration(first), second, entries, stamp)
    return _ERASE.run(tx, {"ids": listed(unit.unit_id for unit in units)}).rowcount
