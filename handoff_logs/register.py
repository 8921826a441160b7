"""The registers: keys, people, roles, stations, machines, thresholds. They change by records, like everything else.

What holds now is the latest entry of each (register, subject, field). Tables that other packages keep for quick
answers are projections of these entries and are compared with them when the log is verified.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Connection

from handoff_logs.keyring import PublicKey
from handoff_logs.records import ADMINISTRATION, Act, Party
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry, Stamp, draft, is_repeated, write

PROGRAM = "passline"
"""Who signs for entries that follow from the line's own files rather than from a person's decision."""


class Register(StrEnum):
    """What is registered."""

    KEY = "key"
    PERSON = "person"
    ROLE = "role"
    STATION = "station"
    MACHINE = "machine"
    THRESHOLD = "threshold"
    CALENDAR = "calendar"
    EXPLANATION = "explanation"
    ORIGIN = "origin"
    ERASURE = "erasure"


_NOW = Statement(
    "SELECT entry.subject, entry.field, entry.value FROM custody_register AS entry"
    " JOIN custody_event AS event ON event.event_id = entry.event_id WHERE entry.register = :register"
    " ORDER BY event.seq, entry.position"
)
_EMPTY = Statement("SELECT NOT EXISTS (SELECT 1 FROM custody_event)")


def administration(person: str = PROGRAM, sign_in: str | None = None) -> Party:
    """Return the side that changes registers."""
    return Party(ADMINISTRATION, person, "-", sign_in)


def record(tx: Connection, by: Party, second: str | None, entries: Sequence[Entry], stamp: Stamp) -> str:
    """Record entries of registers, signed by the administration's key. Returns the event id."""
    event = draft(Act.REGISTER, by, stamp, expected=0, second_person=second)
    if is_repeated(tx, stamp, event, ()):
        return str(event["event_id"])
    return write(tx, event, (), entries=entries)


def state(tx: Connection, register: Register) -> dict[tuple[str, str], str]:
    """Return what a register says now: value by (subject, field)."""
    now: dict[tuple[str, str], str] = {}
    for subject, field, value in _NOW.run(tx, {"register": register.value}).fetchall():
        if value is None:
            now.pop((subject, field), None)
        else:
            now[subject, field] = value
    return now


def follow(
    tx: Connection, by: Party, register: Register, wanted: Mapping[tuple[str, str], str], stamp: Stamp
) -> str | None:
    """Record what differs between a register and what its source says now; None when nothing does."""
    known = state(tx, register)
    changed = [Entry(register, subject, field, value) for (subject, field), value in sorted(wanted.items())
               if known.get((subject, field)) != value]  # fmt: skip
    ended = [Entry(register, subject, field, None) for subject, field in sorted(known.keys() - wanted.keys())]
    return record(tx, by, None, [*changed, *ended], stamp) if changed or ended else None


def begin(tx: Connection, keys: Iterable[PublicKey], stamp: Stamp) -> str | None:
    """Write the log's first record, which registers the keys it begins with; None when it has one."""
    row = _EMPTY.run(tx).fetchone()
    if row is None or not row[0]:
        return None
    return record(tx, administration(), None, key_entries(keys), stamp)


def key_entries(keys: Iterable[PublicKey]) -> list[Entry]:
    """Return the entries that register public keys."""
    return [
        Entry(Register.KEY, key.key_id, field, value)
        for key in keys
        for field, value in (("owner", key.owner), ("public", key.public))
    ]
