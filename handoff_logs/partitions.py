"""The parts of the custody units on PostgreSQL, one for the units born in each month: which there are, made, taken out.

Only the owner of the tables can make, attach or detach one. A unit's birth is the time in its id, which every later
row of it repeats; what happens to it later, and when, never moves it to another part. SQLite keeps its units whole.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from handoff_logs.dialects import clock_us
from handoff_logs.errors import DatabaseBusyError, YearNotApartError, YearNotOverError
from handoff_logs.migrations import parts as sql
from handoff_logs.months import DEFAULT, PARTED, Month, Part
from handoff_logs.refusals import translated
from handoff_logs.unit_parts import AHEAD, MOST_AHEAD, PART_NAMES, PARTS, has, months_ahead, named_parts, odd_parts

T = TypeVar("T")

WAIT_MS: Final = 400
"""How long a lock is waited for, while whoever wants to write waits behind: less than the server waits until it ends
one of two that wait for each other, so that it never ends a writer."""
TRIES: Final = 20
BETWEEN_TRIES_S: Final = 0.3

_NEXT_DEFAULT: Final = f"{PARTED}_next"
_APART: Final = (
    "SELECT CAST(relname AS text) FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
    " AND relnamespace = to_regnamespace('public') ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Made:
    """What `make_months` did: `parts` it made, and the months whose units stay in the part of no month."""

    parts: tuple[Part, ...]
    kept: tuple[Month, ...]


def parts(conn: Connection) -> list[Part]:
    """Return the parts that there are; none on SQLite."""
    if conn.dialect.name == "sqlite":
        return []
    return named_parts(name for (name,) in conn.exec_driver_sql(PART_NAMES))


def ahead(conn: Connection) -> int | None:
    """Return for how many months after this one, without a gap, there are parts; None where units lie in no parts."""
    return months_ahead(parts(conn), Month.at(clock_us(conn)))


def make_months(owner: Engine, months: int = AHEAD) -> Made:
    """Make the parts of this month and of `months` more (0 to 24), each in a transaction; repeating changes nothing.

    `owner` connects as the tables' owner. The line may be running: it waits a moment for each. Units of months that had
    no part went into the part of no month: where nothing else lies in it, that becomes the part of those months, and
    no row is moved; else they stay where they are, and the months are returned as `kept`. Raises DatabaseBusyError.
    """
    if not 0 <= months <= MOST_AHEAD:
        raise ValueError(f"{months} is not 0 to {MOST_AHEAD} months ahead")
    made = []
    if part := _tried(owner, _months_in_default):
        _tried(owner, _make_next_default)
        made.append(_tried(owner, partial(_default_to_months, part)))
    with owner.connect() as conn:
        now = Month.at(clock_us(conn))
    wanted = [now.plus(more) for more in range(months + 1)]
    for month in wanted:
        # Two transactions, since each of them waits for a lock that a writer may hold who waits for the other.
        if _tried(owner, partial(_make, Part.of(month))):
            made.append(_tried(owner, partial(_attach, Part.of(month))))
    with owner.connect() as conn:
        there = parts(conn)
    return Made(tuple(filter(None, made)), tuple(month for month in wanted if not has(there, month)))


def detach_year(tx: Connection, year: int) -> list[str]:
    """Take the parts with the units born in a year out of the whole, as the tables' owner; returns their tables' names.

    They stay tables of this database, unchangeable as before, whose rows no question sees. The table of a log that
    became parts only later goes with its last year. Raises YearNotOverError, YearNotApartError, DatabaseBusyError.
    """
    if year >= Month.at(clock_us(tx)).year:
        raise YearNotOverError(year)
    whole = _year(year)
    with _refusing():
        _lock(tx)
        there = [part for part in parts(tx) if part.meets(whole)]
        for part in there:
            if not part.lies_in(whole):
                raise YearNotApartError(year, part.table)
        if not there or _lies_in_default(tx, whole):
            raise YearNotApartError(year, DEFAULT.table if there else None)
        _run(tx, map(sql.detached, there))
    return [part.table for part in there]


def attach_year(tx: Connection, year: int) -> list[str]:
    """Put the parts of a year, which are tables by themselves, back into the whole, as the tables' owner.

    Returns their names. Their own checks say that they hold no other units, so that no row is read. Raises
    YearNotApartError for none, or one that is not as the program makes them; DatabaseBusyError.
    """
    whole = _year(year)
    with _refusing():
        _lock(tx)
        apart = [part for (name,) in tx.exec_driver_sql(_APART) if (part := Part.named(name)) and part.lies_in(whole)]
        if not apart or _lies_in_default(tx, whole):
            raise YearNotApartError(year, DEFAULT.table if apart else None)
        _run(tx, map(sql.attached, apart))
        names = sorted(part.table for part in apart)
        for name in odd_parts(map(tuple, tx.exec_driver_sql(PARTS))):
            if name in names:
                raise YearNotApartError(year, name)
    return names


def _year(year: int) -> Part:
    return Part(Month(year, 1), Month(year, 12))


def _lies_in_default(conn: Connection, part: Part) -> bool:
    found = conn.exec_driver_sql(f"SELECT 1 FROM {DEFAULT.table} WHERE {part.check} LIMIT 1")  # noqa: S608 own names
    return found.first() is not None


def _make(part: Part, tx: Connection) -> Part | None:
    """Make the table of a part that is to be attached, unless it is part of the whole or units of it lie elsewhere."""
    if any(other.meets(part) for other in parts(tx)) or _lies_in_default(tx, part):
        return None
    if not _is_there(tx, part.table):
        _run(tx, sql.creation(part))
    return part


def _attach(part: Part, tx: Connection) -> Part | None:
    _lock_default(tx)
    if _lies_in_default(tx, part):
        return None
    _run(tx, [sql.attached(part)])
    return part


def _make_next_default(tx: Connection) -> None:
    if not _is_there(tx, _NEXT_DEFAULT):
        _run(tx, sql.creation(DEFAULT, _NEXT_DEFAULT))


def _default_to_months(part: Part, tx: Connection) -> Part | None:
    """Let the part of no month be that of the months whose units alone lie in it, and an empty one take its place."""
    _run(tx, [f"LOCK TABLE {PARTED} IN ACCESS EXCLUSIVE MODE"])
    if part != _months_in_default(tx):
        return None
    _run(tx, [sql.detached(DEFAULT), *sql.renamed(DEFAULT.table, part.table), *sql.checked(part), sql.attached(part)])
    _run(tx, [*sql.renamed(_NEXT_DEFAULT, DEFAULT.table), sql.attached(DEFAULT)])
    return part


def _is_there(tx: Connection, table: str) -> bool:
    return tx.exec_driver_sql(f"SELECT to_regclass('{table}')").scalar() is not None


def _months_in_default(tx: Connection) -> Part | None:
    """Return the months of the units in the part of no month; None unless all are over or begun, without a part."""
    lowest, highest = tx.exec_driver_sql(f"SELECT min(unit_id), max(unit_id) FROM {DEFAULT.table}").one()  # noqa: S608
    first, last = Month.of(lowest or ""), Month.of(highest or "")
    if first is None or last is None or last > Month.at(clock_us(tx)):
        return None
    part = Part(first, last)
    return None if any(other.meets(part) for other in parts(tx)) else part


def _tried(owner: Engine, work: Callable[[Connection], T]) -> T:
    """Do it in a transaction of its own, which waits for no lock long, as often as somebody else is in the way."""
    for attempt in range(1, TRIES + 1):
        try:
            with _refusing(), owner.begin() as tx:
                _lock(tx)
                return work(tx)
        except DatabaseBusyError:
            if attempt == TRIES:
                raise
        time.sleep(BETWEEN_TRIES_S)
    raise AssertionError  # the last attempt raises or returns


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise translated(error) from error


def _lock(tx: Connection) -> None:
    """Let nobody else make or take parts meanwhile; reading and writing go on."""
    tx.exec_driver_sql(f"SET LOCAL lock_timeout = {WAIT_MS}")
    tx.exec_driver_sql(f"LOCK TABLE {PARTED} IN SHARE UPDATE EXCLUSIVE MODE")


def _lock_default(tx: Connection) -> None:
    """Let nobody write to the part of no month until it is known what is in it."""
    tx.exec_driver_sql(f"LOCK TABLE ONLY {DEFAULT.table} IN ACCESS EXCLUSIVE MODE")


def _run(tx: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        tx.exec_driver_sql(statement)
