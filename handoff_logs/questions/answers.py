"""What every question has in common: rows read as they are taken, pages by key, a period, the columns' types."""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_args, get_type_hints

from handoff_logs.errors import BadCursorError
from handoff_logs.reading import Reading, Row

R = TypeVar("R")
Key = tuple[str | int, ...]
Value = str | int | None

FIRST_US = -(2**53)
LAST_US = 2**53
"""Before and after every time in the log."""
PAGE_ROWS = 1_000
"""Rows read at a time, so that memory does not grow with the answer."""


class Type(StrEnum):
    """What a column holds. TIME: microseconds UTC."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    TIME = "time"


class Column(NamedTuple):
    """A column of an answer: its heading, and how its values are shown."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open time that an answer covers, in microseconds UTC; `assumed` when nobody asked for one."""

    from_us: int = FIRST_US
    to_us: int = LAST_US
    assumed: bool = False

    def __contains__(self, time_us: object) -> bool:
        return isinstance(time_us, int) and self.from_us <= time_us < self.to_us

    def parameters(self) -> dict[str, int]:
        """As the SQL of a question names it."""
        return {"from_us": self.from_us, "to_us": self.to_us}


EVER = Period()
DURING = "event.happened_us >= :from_us AND event.happened_us < :to_us"
"""The period in SQL, for a question about what happened then."""
ACTING = "CASE WHEN event.act IN ('accept', 'refuse') THEN event.to_station ELSE event.from_station END"
"""The station that acted."""
ODD = "(event.written_us - event.happened_us > 60000000 OR event.happened_us - event.written_us > 2000000)"
"""As the partial index of these few records says it, word for word."""
EVENT_FILTERS = {
    "station": f"{ACTING} = :station",
    "shift": "event.shift = :shift",
    "person": "(event.person = :person OR event.second_person = :person)",
    "machine": "event.machine = :machine",
    "tray": "event.tray = :tray",
    "act": "event.act = :act",
    "kind": "EXISTS (SELECT 1 FROM custody_unit AS unit WHERE unit.event_id = event.event_id AND unit.kind = :kind)",
}
"""How a list of events is narrowed."""


def whenever(from_us: int | None, to_us: int | None) -> Period:
    """Return the period asked for, open where it was not said: for questions that an index answers over all time."""
    return Period(FIRST_US if from_us is None else from_us, LAST_US if to_us is None else to_us)


def bounded(from_us: int | None, to_us: int | None) -> Period:
    """Return the period asked for, or else today: for questions that read all that happened in it."""
    if from_us is None and to_us is None:
        start = datetime.now().astimezone().date()
        return Period(midnight_us(start.isoformat()), midnight_us((start + timedelta(days=1)).isoformat()), True)
    return whenever(from_us, to_us)


def midnight_us(day: str) -> int:
    """Return when an ISO date begins in the local time zone, in microseconds UTC."""
    return in_us(datetime.fromisoformat(day).astimezone())


def in_us(moment: datetime) -> int:
    """Return a zoned moment in microseconds UTC, exactly.

    >>> in_us(datetime(1970, 1, 1, 0, 0, 1, 5, UTC))
    1000005
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def now_us() -> int:
    """Return the time in microseconds UTC."""
    return time.time_ns() // 1000


class Answer(Generic[R]):
    """The rows of an answer, read while they are taken; taken once.

    `period` is the time it covers, None for a question about now. `cursor` is None until the rows were taken; then it
    is what `after` takes to go on behind the last of them, or None when there are no more.
    """

    def __init__(
        self, row_type: type[R], pages: Callable[[Key | None, int], Sequence[R]], key: Sequence[str], *, name: str,
        after: str | None, limit: int | None, period: Period | None = None,
    ) -> None:  # fmt: skip
        self._pages, self._key, self._name = pages, key, name
        self._after = None if after is None else _opened(name, after, _kinds(row_type, key))
        self._limit = limit
        self.period = period
        self.cursor: str | None = None

    def __iter__(self) -> Iterator[R]:
        after, left = self._after, self._limit
        while True:
            # One row more than is wanted says whether there is a next page.
            wanted = PAGE_ROWS if left is None else min(PAGE_ROWS, left + 1)
            page = self._pages(after, wanted)
            given = page if left is None else page[:left]
            yield from given
            if given:
                after = tuple(cast(Row, given[-1])[name] for name in self._key)
            if len(given) < len(page):
                self.cursor = None if after is None else _sealed(self._name, after)
                return
            if len(page) < wanted:
                return
            left = None if left is None else left - len(given)


def _sealed(name: str, key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, *key]).encode()).decode().rstrip("=")


def _opened(name: str, cursor: str, kinds: Sequence[type]) -> Key:
    try:
        asked, *key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise BadCursorError(name, cursor) from error
    if asked != name or [type(part) for part in key] != list(kinds) or not all(map(_is_askable, key)):
        raise BadCursorError(name, cursor)
    return tuple(key)


def _is_askable(part: str | int) -> bool:
    """Whether a database takes the value at all."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return part.isprintable() and not any("\ud800" <= character <= "\udfff" for character in part)


def by_sql(
    reading: Reading,
    row_type: type[R],
    sql: str,
    key: Sequence[str],
    start: Key,
    *,
    name: str,
    after: str | None,
    limit: int | None,
    period: Period | None = None,
    newest_first: bool = False,
    conditions: Mapping[str, str] | None = None,
    **parameters: Value,
) -> Answer[R]:
    """Answer by one statement, page by page.

    `sql` orders by `key`, begins behind `:after_<each of key>` (`start` for the first page), takes `:page` rows, and
    has `{filters}` where those of `conditions` are put whose parameter is given. An answer in the order of time starts
    at its period's beginning and does not ask for that again: of two lower bounds, SQLite may go by the wider one.
    """
    statement, given = _narrowed(sql, period, conditions or {}, parameters)

    def page(behind: Key | None, rows: int) -> Sequence[R]:
        first = (min if newest_first else max)(behind or start, start)
        begin = {f"after_{column}": part for column, part in zip(key, first, strict=True)}
        return typed(row_type, reading.rows(statement, page=rows, **given, **begin))

    return Answer(row_type, page, key, name=name, after=after, limit=limit, period=period)


def summed(
    reading: Reading, sql: str, period: Period | None, conditions: Mapping[str, str], **parameters: Value
) -> list[Row]:
    """Return the few rows of a summary; `sql` has `{filters}` as in `by_sql`."""
    statement, given = _narrowed(sql, period, conditions, parameters)
    return reading.rows(statement, **given)


def _narrowed(
    sql: str, period: Period | None, conditions: Mapping[str, str], parameters: Mapping[str, Value]
) -> tuple[str, dict[str, Value]]:
    given: dict[str, Value] = {name: value for name, value in parameters.items() if value is not None}
    filters = "".join(f" AND {condition}" for name, condition in conditions.items() if name in given)
    if period is not None:
        given |= period.parameters()
    return sql.replace("{filters}", filters), given


def of_rows(
    row_type: type[R],
    rows: Iterable[Row],
    key: Sequence[str],
    *,
    name: str,
    after: str | None,
    limit: int | None,
    period: Period | None = None,
) -> Answer[R]:
    """Answer by rows that are few enough to be held, such as a summary's."""
    ordered = sorted(rows, key=lambda row: tuple(row[column] for column in key))

    def page(behind: Key | None, count: int) -> Sequence[R]:
        later = (row for row in ordered if behind is None or tuple(row[column] for column in key) > behind)
        return typed(row_type, [row for row, _ in zip(later, range(count), strict=False)])

    return Answer(row_type, page, key, name=name, after=after, limit=limit, period=period)


def typed(row_type: type[R], rows: Iterable[Row]) -> list[R]:
    """Return rows with the columns of `row_type`, in its order; SQLite's 0 and 1 become flags."""
    columns = columns_of(cast(type, row_type))
    flags = [column.name for column in columns if column.type is Type.FLAG]
    names = [column.name for column in columns]
    found = []
    for row in rows:
        ordered: dict[str, Any] = {name: row[name] for name in names}
        for flag in flags:
            ordered[flag] = bool(ordered[flag])
        found.append(cast(R, ordered))
    return found


def _kinds(row_type: Any, key: Sequence[str]) -> list[type]:
    """The types of the key's columns, by which a cursor goes on."""
    types = {column.name: column.type for column in columns_of(row_type)}
    return [str if types[name] is Type.TEXT else int for name in key]


@lru_cache
def columns_of(row_type: Any) -> tuple[Column, ...]:
    """Return the columns of a row's TypedDict: `…_us` are times."""
    return tuple(Column(name, _type(name, hint)) for name, hint in get_type_hints(row_type).items())


def _type(name: str, hint: Any) -> Type:
    (kind,) = {part for part in get_args(hint) or (hint,) if part is not NoneType}
    if kind is bool:
        return Type.FLAG
    if kind is str:
        return Type.TEXT
    return Type.TIME if name.endswith("_us") else Type.INTEGER
