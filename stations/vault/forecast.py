"""Whether the stock of blanks lasts: what is left against the orders on the line and those of the days ahead.

Read-only and quick to start, so that a board or an alarm can ask; the reckoning itself is pure.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Final

from handoff_logs.reading import Reading
from handoff_logs.records import State
from stations.calendar import CHINA
from stations.documents import PRODUCTS
from stations.personalization import rules as personalization
from stations.vault import rules
from stations.vault.rules import Reserve

RECENT_DAYS: Final = 5
"""Days with intake that the mean is of."""
LOOK_BACK_DAYS: Final = 28
"""Older intake says nothing of the days ahead."""

# Unmarked, on the shelf, in a handoff to personalization, or in the stock there: the place names the kind.
LYING: Final = """
SELECT place, state, count(*) AS blanks FROM whereabouts
WHERE kind = 'blank' AND ((station = 'vault' AND state IN ('held', 'offered') AND place LIKE 'shelf:%')
                          OR (station = 'personalization' AND state = 'held' AND place LIKE 'stock:%'))
GROUP BY place, state
"""
# Where a machine takes it from or gave it back to: few, whose kind their first place names.
IN_STACKS: Final = """
SELECT substr(first.place, 7) AS kind, count(*) AS blanks
FROM whereabouts AS here JOIN custody_unit AS first ON first.unit_id = here.unit_id AND first.step = 1
WHERE here.kind = 'blank' AND here.station = 'personalization' AND here.state = 'held'
  AND (here.place LIKE :input_stack OR here.place LIKE :hold_stack) AND first.place LIKE 'shelf:%'
GROUP BY substr(first.place, 7)
"""
STACKS: Final = {"input_stack": "%:input", "hold_stack": "%:hold"}
ORDERS: Final = """
SELECT product, count(*) AS orders FROM application WHERE state IN ('waiting', 'passed', 'held') GROUP BY product
"""
INTAKE: Final = """
SELECT application.product, batch.started_us, count(*) AS applications
FROM intake_batch AS batch JOIN application ON application.batch_id = batch.batch_id
WHERE batch.started_us >= :since_us GROUP BY application.product, batch.batch_id, batch.started_us
"""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Blanks of a kind: `usable` of which `shelf` in the vault, for `orders` still to be made and `a_day` to come.

    `needed` until `days_ahead` working days have passed; `days_left` after the orders on the line, None where nothing
    comes in.
    """

    kind: str
    shelf: int
    usable: int
    orders: int
    a_day: float
    days_ahead: int
    needed: int
    days_left: float | None

    @property
    def short(self) -> int:
        """Blanks that must be delivered within the days ahead; 0 where the stock lasts."""
        return max(0, self.needed - self.usable)

    @property
    def low(self) -> bool:
        """Whether the stock does not last for the days ahead."""
        return self.short > 0


def forecast(
    kind: str, *, shelf: int, usable: int, orders: int, a_day: float, days_ahead: int, reserve: Reserve
) -> Forecast:
    """Reckon what is left against what is needed, each document with its share of what is spoiled.

    >>> facts = {"shelf": 900, "usable": 1000, "orders": 100, "a_day": 200.0, "days_ahead": 5}
    >>> found = forecast("book", reserve=Reserve(0.05, 10), **facts)
    >>> found.needed, found.short, found.low, round(found.days_left, 2)
    (1165, 165, True, 4.26)
    """
    wasted = 1 + reserve.share
    coming = ceil(a_day * days_ahead)
    needed = orders + coming + reserve.beside(orders + coming)
    left = usable - orders * wasted
    days_left = max(0.0, left / (a_day * wasted)) if a_day else None
    return Forecast(kind, shelf, usable, orders, a_day, days_ahead, needed, days_left)


def mean_day(intake: Mapping[date, int], today: date) -> float:
    """Applications of a day: the mean of the latest days that had any, today among them only if it exceeds it.

    >>> days = {date(2026, 11, day): 100 for day in (2, 3, 4, 5, 6)}
    >>> mean_day(days, date(2026, 11, 9)), mean_day(days | {date(2026, 11, 9): 40}, date(2026, 11, 9))
    (100.0, 100.0)
    >>> mean_day(days | {date(2026, 11, 9): 400}, date(2026, 11, 9)), mean_day({}, date(2026, 11, 9))
    (160.0, 0.0)
    """
    busy = sorted((day for day, applications in intake.items() if applications and day <= today), reverse=True)
    before = [intake[day] for day in busy if day < today][:RECENT_DAYS]
    mean = sum(before) / len(before) if before else 0.0
    if (so_far := intake.get(today, 0)) > mean:
        recent = [so_far, *before][:RECENT_DAYS]
        return sum(recent) / len(recent)
    return mean


def stock(reading: Reading, now_us: int, *, days_ahead: int, reserve: Reserve) -> list[Forecast]:
    """The forecast of every kind of blank, from what the database has now."""
    lying = {(row["place"], row["state"]): int(row["blanks"]) for row in reading.rows(LYING)}
    in_stacks = {row["kind"]: int(row["blanks"]) for row in reading.rows(IN_STACKS, **STACKS)}
    orders = {row["product"]: row["orders"] for row in reading.rows(ORDERS)}
    since_us = now_us - LOOK_BACK_DAYS * 86_400 * 1_000_000
    intake = reading.rows(INTAKE, since_us=since_us)
    found = []
    for kind in sorted({product.blank for product in PRODUCTS.values()}):
        products = [name for name, product in PRODUCTS.items() if product.blank == kind]
        days: Counter[date] = Counter()
        for row in intake:
            if row["product"] in products:
                days[_day(row["started_us"])] += row["applications"]
        shelf = lying.get((rules.shelf(kind), State.HELD), 0)
        issued = lying.get((rules.shelf(kind), State.OFFERED), 0)
        at_hand = lying.get((personalization.blank_stock(kind), State.HELD), 0) + in_stacks.get(kind, 0)
        found.append(
            forecast(
                kind,
                shelf=shelf,
                usable=shelf + issued + at_hand,
                orders=sum(orders.get(product, 0) for product in products),
                a_day=mean_day(days, _day(now_us)),
                days_ahead=days_ahead,
                reserve=reserve,
            )
        )
    return found


def _day(time_us: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).astimezone(CHINA).date()
