"""The parts of the custody units on PostgreSQL, one for the units born in each month: which there are, made, taken out.

Only the owner of the tables can make, attach or detach one. A unit's birth is the time in its id, which every later
row of it repeats; what happens to it later, and when, never moves it to another part. SQLite keeps its units whole.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from handoff_logs.dialects import clock_us
from handoff_logs.errors import DatabaseBusyError, YearNotApartError, YearNotOverError
from handoff_logs.migrations import parts as sql
from handoff_logs.months import DEFAULT, PARTED, Month, Part
from handoff_logs.refusals import translated

MOST_AHEAD: Final = 24
"""Furthest month that is made beforehand, counted from this one."""
AHEAD: Final = 12
"""How many are made unless told otherwise."""
FEW_AHEAD: Final = 2
"""Fewer than these, and the owner is to make more."""
WAIT_MS: Final = 400
"""How long a lock is waited for, while whoever wants to write waits behind: less than the server waits until it ends
one of two that wait for each other, so that it never ends a writer."""
TRIES: Final = 20
BETWEEN_TRIES_S: Final = 0.3

PARTS: Final = f"""
SELECT CAST(part.relname AS text) AS name, pg_get_expr(part.relpartbound, part.oid) AS bounds,
    concat(part.relkind, part.relrowsecurity, ' ', guards.made, ' ', keys.made) AS made
FROM pg_inherits JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid,
LATERAL (
    SELECT string_agg(concat(guard.tgname, guard.tgtype, guard.tgqual, body.prosrc), ' ' ORDER BY guard.tgname
        COLLATE "C") AS made
    FROM pg_trigger AS guard JOIN pg_proc AS body ON body.oid = guard.tgfoid
    WHERE guard.tgrelid = part.oid AND NOT guard.tgisinternal) AS guards,
LATERAL (
    SELECT string_agg(replace(concat(rule.conname, rule.convalidated, pg_get_constraintdef(rule.oid)),
        part.relname, '{PARTED}'), ' ' ORDER BY replace(rule.conname, part.relname, '{PARTED}') COLLATE "C") AS made
    FROM pg_constraint AS rule WHERE rule.conrelid = part.oid AND rule.contype IN ('p', 'u', 'f')) AS keys
WHERE pg_inherits.inhparent = to_regclass('{PARTED}') ORDER BY 1
"""  # noqa: S608 own name
"""Every part with its bounds and all that it is made of, its own name left out."""
MADE_AS: Final = "76e03a44ac6eaa22"
"""The digest of what each part is made of, in all of them the same."""


_APART: Final = (
    "SELECT CAST(relname AS text) FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
    " AND relnamespace = to_regnamespace('public') ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Made:
    """What `make_months` did: `parts` it made, and the months whose units stay in the part of no month."""

    parts: tuple[Part, ...]
    kept: tuple[Month, ...]


def digest(made: str) -> str:
    """Return a digest (16 hex characters) of what a part is made of."""
    return hashlib.sha256(made.encode()).hexdigest()[:16]


def odd_parts(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return the names of the parts, among the rows of `PARTS`, that are not as the program makes them.

    The one that takes the units of no month has to be there.
    """
    odd, names = [], set()
    for name, bounds, made in rows:
        names.add(name)
        part = Part.named(name)
        if part is None or part.bounds != bounds or digest(made) != MADE_AS:
            odd.append(name)
    return odd if DEFAULT.table in names else [*odd, DEFAULT.table]


def parts(conn: Connection) -> list[Part]:
    """Return the parts that there are, those of no month last; none on SQLite."""
    if conn.dialect.name == "sqlite":
        return []
    found = [Part.named(name) for name, _, _ in conn.exec_driver_sql(PARTS)]
    return sorted([part for part in found if part], key=lambda part: (part.last or Month(9999, 12)))


def months_ahead(conn: Connection) -> int | None:
    """Return for how many months after this one, without a gap, there are parts; None on SQLite, which has none."""
    if conn.dialect.name == "sqlite":
        return None
    there, now, ahead = parts(conn), Month.at(clock_us(conn)), 0
    while _has(there, now.plus(ahead + 1)):
        ahead += 1
    return ahead


def make_months(owner: Engine, ahead: int = AHEAD) -> Made:
    """Make the parts of this month and of `ahead` more (0 to 24), each in a transaction; repeating changes nothing.

    `owner` connects as the tables' owner. The line may be running: it waits a moment for each. Units of months that had
    no part went into the part of no month: where nothing else lies in it, that becomes the part of those months, and
    no row is moved; else they stay where they are, and the months are returned as `kept`. Raises DatabaseBusyError.
    """
    if not 0 <= ahead <= MOST_AHEAD:
        raise ValueError(f"{ahead} is not 0 to {MOST_AHEAD} months ahead")
    made = []
    if part := _tried(owner, _default_to_months):
        made.append(part)
    with owner.connect() as conn:
        now = Month.at(clock_us(conn))
        wanted = [now.plus(more) for more in range(ahead + 1)]
        kept = [month for month in wanted if not _has(parts(conn), month) and _lies_in_default(conn, Part.of(month))]
        missing = [month for month in wanted if not _has(parts(conn), month) and month not in kept]
    for month in missing:
        if part := _tried(owner, lambda tx, month=month: _make(tx, month)):
            made.append(part)
    return Made(tuple(made), tuple(kept))


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


def _has(there: Iterable[Part], month: Month) -> bool:
    return any(part.has(month) for part in there)


def _lies_in_default(conn: Connection, months: Part) -> bool:
    found = conn.exec_driver_sql(f"SELECT 1 FROM {DEFAULT.table} WHERE {months.check} LIMIT 1")  # noqa: S608 own names
    return found.first() is not None


def _make(tx: Connection, month: Month) -> Part | None:
    """Make the part of a month, unless somebody else did just now."""
    if _has(parts(tx), month):
        return None
    part = Part.of(month)
    _run(tx, [*sql.creation(part), sql.attached(part)])
    return part


def _default_to_months(tx: Connection) -> Part | None:
    """Let the part of no month be that of the months whose units alone lie in it, and make a new one."""
    lowest, highest = tx.exec_driver_sql(f"SELECT min(unit_id), max(unit_id) FROM {DEFAULT.table}").one()  # noqa: S608
    if lowest is None:
        return None
    first, last = Month.of(lowest), Month.of(highest)
    if first is None or last is None or last > Month.at(clock_us(tx)):
        return None
    part = Part(first, last)
    if any(other.meets(part) for other in parts(tx)):
        return None
    _run(tx, [sql.detached(DEFAULT), *sql.renamed(DEFAULT, part), *sql.checked(part), sql.attached(part)])
    _run(tx, [*sql.creation(DEFAULT), sql.attached(DEFAULT)])
    return part


def _tried(owner: Engine, work: Callable[[Connection], Part | None]) -> Part | None:
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


def _run(tx: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        tx.exec_driver_sql(statement)
