"""The registers: keys, people, roles, stations, machines, thresholds. They change by records, like everything else.

What holds now is the latest entry of each (register, subject, field). Tables that other packages keep for quick
answers are projections of these entries and are compared with them when the log is verified.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Connection

from handoff_logs.errors import EventIdReusedError
from handoff_logs.keyring import PublicKey
from handoff_logs.records import ADMINISTRATION, Act, CaseKind, Party
from handoff_logs.statements import Statement
from handoff_logs.writing import Difference, Entry, Stamp, draft, is_repeated, write

PROGRAM = "passline"
"""Who signs for entries that follow from the line's own files rather than from a person's decision."""


class Register(StrEnum):
    """What the log keeps a register of; each is told by records of its own."""

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
    CERTIFICATE = "certificate"
    ARCHIVE = "archive"
    SHIFT = "shift"
    ROLL = "roll"
    DISPLAY = "display"
    PATROL = "patrol"
    CLIMATE = "climate"
    GATE = "gate"
    HOLD_LIST = "hold_list"
    DELIVERY = "delivery"
    BADGE = "badge"
    NUMBERS = "numbers"


Facts = Mapping[tuple[str, str], str]
"""What a register says: value by (subject, field)."""

_NOW = Statement(
    "SELECT entry.subject, entry.field, entry.value FROM custody_register AS entry"
    " JOIN custody_event AS event ON event.event_id = entry.event_id WHERE entry.register = :register"
    " ORDER BY event.seq, entry.position"
)
_STORED = Statement(
    "SELECT register, subject, field, value FROM custody_register WHERE event_id = :event_id ORDER BY position"
)
# On PostgreSQL those who would write what follows from one source wait for each other, so that one of them does.
_ONE_AT_A_TIME = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline registers', 0))")
_EMPTY = Statement("SELECT NOT EXISTS (SELECT 1 FROM custody_event)")


def administration(person: str = PROGRAM, sign_in: str | None = None) -> Party:
    """Return the side that changes registers."""
    return Party(ADMINISTRATION, person, "-", sign_in)


def record(
    tx: Connection,
    by: Party,
    second: str | None,
    entries: Sequence[Entry],
    stamp: Stamp,
    cases: Sequence[Difference] = (),
    station: str | None = None,
) -> str:
    """Record entries of registers, signed by the administration's key. Returns the event id.

    `cases` are opened by what is recorded, for `station` to look into: units of which others say what the log doesn't.
    Raises EventIdReusedError where the stamp's id is of a record with other entries.
    """
    strays = [case.unit_id for case in cases if case.kind is not CaseKind.MISSING]
    event = draft(Act.REGISTER, by, stamp, expected=0, counted=len(strays), second_person=second)
    if is_repeated(tx, stamp, event, strays):
        stored = _STORED.run(tx, {"event_id": event["event_id"]}).fetchall()
        if [tuple(row) for row in stored] != [tuple(entry) for entry in entries]:
            raise EventIdReusedError(str(event["event_id"]))
        return str(event["event_id"])
    return write(tx, event, (), differences=cases, case_station=station, entries=entries)


def state(tx: Connection, register: Register) -> dict[tuple[str, str], str]:
    """Return what a register says now: value by (subject, field)."""
    now: dict[tuple[str, str], str] = {}
    for subject, field, value in _NOW.run(tx, {"register": register.value}).fetchall():
        if value is None:
            now.pop((subject, field), None)
        else:
            now[subject, field] = value
    return now


def follow(tx: Connection, by: Party, wanted: Mapping[Register, Facts], stamp: Stamp) -> str | None:
    """Record, as one act, what differs between registers and what their source says now; None when nothing does.

    `wanted` is the whole of each register that it names: what a register has besides has ended.
    """
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)
    entries = [
        entry for register, facts in wanted.items() for entry in _differing(state(tx, register), register, facts)
    ]
    return record(tx, by, None, entries, stamp) if entries else None


def _differing(known: Facts, register: Register, facts: Facts) -> Iterator[Entry]:
    for (subject, field), value in sorted(facts.items()):
        if known.get((subject, field)) != value:
            yield Entry(register, subject, field, value)
    for subject, field in sorted(known.keys() - facts.keys()):
        yield Entry(register, subject, field, None)


def begin(tx: Connection, keys: Iterable[PublicKey], stamp: Stamp) -> str | None:
    """Write the log's first record, which registers the keys it begins with; None when it has one."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)
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
