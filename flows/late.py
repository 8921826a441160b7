"""What is late, what will be late at the present rate, and why: one question of the line's database.

An application is late when its station should have handed it on by now (its time node, counted back from the deadline
it has *now*), and past its deadline when that has gone by. It will be late where a station that it still has to pass
needs longer for what is before it, in the order of work, than working time is left until that station's node. The
database does the counting; only time nodes, a few dozen for any number of applications, are reckoned here.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flows.durations import duration
from flows.facts import STATIONS
from flows.late_statement import STANDS_A_DOCUMENT_US, statement
from flows.makers import MAKES
from flows.station_rates import HOUR_US, StationRates, station_rates
from flows.terms import Terms, terms
from handoff_logs.reading import Reading, Row
from stations.calendar import from_us
from stations.deadlines import time_node_us

CARRIER: Final = "carrier"
"""Where what mailing has offered waits to be taken away: until then it is still on the line."""
NO_BLANKS: Final = "no-blanks"

DEADLINES: Final = "SELECT service_class, deadline_us FROM application WHERE live GROUP BY service_class, deadline_us"
MACHINE_STATES: Final = "SELECT machine, state, reason FROM machine_state"


class Status(StrEnum):
    """How late an application is, the worst first."""

    OVERDUE = "overdue"
    """Past its deadline."""
    LATE = "late"
    """Past the time node of the station where it is."""
    WILL_BE = "will-be-late"
    """Not late, and will be at the present rate."""


class Why(StrEnum):
    """Why, as a code; `words` says it in a sentence."""

    STOPPED = "stopped"
    ON_HOLD = "on-hold"
    IN_DOUBT = "in-doubt"
    REFUSED = "refused"
    BLANKS_SHORT = "blanks-short"
    MACHINE_HELD = "machine-held"
    REMADE = "remade"
    CAME_LATE = "came-late"
    STANDS = "station-stands"
    SLOW = "station-slow"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Late:
    """One application that is or will be late.

    `station` has it, or has it offered, since `since_us`; `at` is the station that makes it late. `late_s` is by how
    much: since the deadline or the node has passed, or (`WILL_BE`) by the working time that will be lacking. `ahead`
    are documents before it at `at` or on their way there, `per_hour` that station's rate, None where none is known.
    """

    number: str
    application_id: str
    product: str
    service_class: str
    status: Status
    why: Why
    station: str
    at: str
    since_us: int
    node_us: int
    deadline_us: int
    provisional: bool
    late_s: float
    ahead: int
    per_hour: float | None
    remakes: int
    emulated: bool

    def words(self, now_us: int) -> str:
        """Why, as a sentence for the shift lead; `now_us` gives how long it has waited."""
        here = duration((now_us - self.since_us) / 1e6)
        said = {
            Why.STOPPED: f"stopped for {here} at {self.station}: two people release or close it",
            Why.ON_HOLD: f"on hold for {here} at {self.station}: a question is open",
            Why.IN_DOUBT: f"in doubt for {here} at {self.station}: waits for two people",
            Why.REFUSED: f"refused {here} ago: {self.station} has to take it back",
            Why.BLANKS_SHORT: f"blanks short: no machine that makes it has any; {self.ahead} ahead",
            Why.MACHINE_HELD: f"machine held: none that makes it is at work; {self.ahead} ahead",
            Why.REMADE: f"remade {self.remakes} {'time' if self.remakes == 1 else 'times'}; now at {self.station}",
            Why.CAME_LATE: f"came late to {self.station}, {here} ago: its time there had passed",
            Why.STANDS: f"station {self.at} stands: it hands nothing on, {self.ahead} ahead",
            Why.SLOW: f"station {self.at} too slow: {self.ahead} ahead at {self.per_hour or 0:.0f} an hour",
            Why.WAITING: f"waiting too long at {self.station}: {here}, {self.ahead} ahead",
        }[self.why]
        return f"{said}; its date is provisional" if self.provisional else said


@dataclass(frozen=True, slots=True)
class LateFacts:
    """What is late as of `now_us`, worst first.

    `counts` are of all that the filters let through, listed or not, by status and the station that makes it late;
    `by_class` the same by status and service class.
    """

    now_us: int
    terms: Terms
    rates: StationRates
    counts: Mapping[tuple[Status, str], int]
    by_class: Mapping[tuple[Status, str], int]
    listed: tuple[Late, ...]

    def count(self, status: Status) -> int:
        """How many there are of this status."""
        return sum(count for (one, _), count in self.counts.items() if one is status)

    @property
    def late_now(self) -> int:
        """Those past their deadline or their station's time node."""
        return self.count(Status.OVERDUE) + self.count(Status.LATE)


def late_facts(
    reading: Reading,
    *,
    station: str | None = None,
    service_class: str | None = None,
    within_us: int | None = None,
    limit: int | None = None,
    now_us: int | None = None,
) -> LateFacts:
    """Ask what is late, what will be (`within_us`: only what will be so soon) and why; `limit` rows of it.

    `station`: only what is there, or will be late because of it.
    """
    asked_us = time.time_ns() // 1_000 if now_us is None else now_us
    found, rates = terms(reading), station_rates(reading, asked_us)
    dry, held = _machines(reading, found)
    per_document = {f"{one}_us": _a_document_us(rates.per_hour.get(one)) for one in STATIONS}
    rows = reading.rows(
        statement(reading.dialect),
        now_us=asked_us,
        nodes=json.dumps(list(_nodes(reading, found, asked_us))),
        dry=dry,
        held=held,
        of_station=station,
        of_class=service_class,
        until_us=None if within_us is None else asked_us + within_us,
        page=-1 if limit is None and reading.dialect == "sqlite" else limit,
        **per_document,
    )
    summed = [row for row in rows if row["applications"] is not None]
    counts, by_class = _summed(summed, "at_station"), _summed(summed, "service_class")
    listed = tuple(_late(row, rates) for row in rows if row["applications"] is None)
    return LateFacts(asked_us, found, rates, counts, by_class, listed)


def _summed(rows: list[Row], by: str) -> dict[tuple[Status, str], int]:
    counts: dict[tuple[Status, str], int] = {}
    for row in rows:
        key = Status(row["status"]), row[by]
        counts[key] = counts.get(key, 0) + int(row["applications"])
    return counts


def _late(row: Row, rates: StationRates) -> Late:
    return Late(
        number=row["number"] or "",
        application_id=row["application_id"],
        product=row["product"],
        service_class=row["service_class"],
        status=Status(row["status"]),
        why=Why(row["why"]),
        station=row["station"],
        at=row["at_station"],
        since_us=row["since_us"],
        node_us=row["at_node_us"],
        deadline_us=row["deadline_us"],
        provisional=bool(row["provisional"]),
        late_s=round(row["late_us"] / 1e6, 1),
        ahead=int(row["ahead"]),
        per_hour=rates.per_hour.get(row["at_station"]),
        remakes=int(row["remakes"]),
        emulated=bool(row["emulated"]),
    )


def _a_document_us(per_hour: float | None) -> int | None:
    if per_hour is None:
        return None
    return round(HOUR_US / per_hour) if per_hour else STANDS_A_DOCUMENT_US


def _nodes(reading: Reading, found: Terms, now_us: int) -> Iterator[list[Any]]:
    """Each class and deadline that occurs, with the stations' nodes and the working time left until them, in µs."""
    now, calendar = from_us(now_us), found.rule.calendar

    def left_us(service_class: str, until: datetime) -> int:
        if until <= now:
            return 0  # late already, however much was lacking
        left = until - now if service_class == "emergency" else calendar.between(now, until)
        return round(left.total_seconds() * 1e6)

    for row in reading.rows(DEADLINES):
        service_class, deadline_us = row["service_class"], row["deadline_us"]
        nodes = [time_node_us(station, service_class, deadline_us, calendar, found.allowances) for station in STATIONS]
        yield [service_class, deadline_us, *nodes, *(left_us(service_class, from_us(node)) for node in nodes)]


def _machines(reading: Reading, found: Terms) -> tuple[str, str]:
    """The products of which no machine has blanks, and those of which none is at work for any reason, as `,a,b,`."""
    state = {row["machine"]: (row["state"], row["reason"]) for row in reading.rows(MACHINE_STATES)}
    dry: list[str] = []
    held: list[str] = []
    for driver, products in MAKES.items():
        making = [state[machine] for machine, named in found.drivers.items() if named == driver and machine in state]
        if making and all(now in ("held", "suspended") for now, _ in making):
            (dry if all(reason == NO_BLANKS for _, reason in making) else held).extend(products)
    return "".join(["," + each for each in dry]) + ",", "".join(["," + each for each in held]) + ","
