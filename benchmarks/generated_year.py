"""A year of a centre's custody on SQLite, signed and sealed: what the questions are asked of at their full size.

Blanks come in monthly deliveries; applications come every working day, three times as many in the peaks, and go in
trays through review, personalization (a document at a time, on sixteen machines), QC, packing and mailing to the
carrier, over two or three days. Some are returned for recapture, some blanks are spoiled, voided and destroyed, some
units are missing at a count and settled, some records are corrected or written late. The log ends in the middle of
the work. About 23 unit rows a document, as on the line.
"""

import heapq
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.bulk_log import BulkLog, writing
from handoff_logs.records import Kind, Scalar

STATIONS = ("intake", "review", "vault", "personalization", "qc", "packing", "mailing", "carrier")
STAFF = {"intake": 4, "review": 16, "vault": 3, "personalization": 8, "qc": 8, "packing": 6, "mailing": 4, "carrier": 2}
MACHINES = tuple(f"{kind}-{n:02}" for kind in ("book", "card") for n in range(1, 9))
OFFICES = ("office:jinan", "office:linyi", "office:rizhao", "office:weifang", "office:yantai")
TRAY, DRAWN, LOADED, BOX = 100, 300, 10, 500
"""Applications a tray; blanks that a draw, a machine's magazine and a box of a delivery hold."""
GREEN, RECAPTURED, SPOILED, MISSING, LATE, CORRECTED, LOST = 0.02, 0.02, 0.004, 0.02, 0.002, 0.02, 0.3
"""Shares of trays, applications, blanks, handoffs, handoffs, trays and settlements."""
ROWS_AN_APPLICATION = 23.0
DAYS = 365
PEAK = 3
PEAKS = ((1, 20, 3, 31), (7, 1, 8, 31), (9, 25, 10, 8))
"""From (month, day) to (month, day): Spring Festival, summer, the national holiday."""
OPENS_H, CLOSES_H, SECOND_SHIFT_H, ENDS_H = 8, 22, 15, 20
S, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

Process = Iterator[int]
"""Somebody at work: gives the time (microseconds UTC) at which it goes on."""


@dataclass(frozen=True)
class Year:
    """A written log: its url, its rows, and the first instants (UTC) of its last and its busiest day."""

    url: str
    unit_rows: int
    last_day_us: int
    busiest_day_us: int


def generate(folder: Path, rows: int, *, days: int = DAYS, until: date | None = None, seed: int = 1) -> Year:
    """Write about `rows` unit rows below `folder`, over the `days` before `until` (today), by UTC; the last one ends
    in the middle of the work.
    """
    end = datetime.combine(until or datetime.now(UTC).date(), datetime.min.time(), UTC)
    dates = [end - timedelta(days=days - n) for n in range(days)]
    weights = {_us(day): _weight(day) for day in dates if days < 7 or day.weekday() < 6}
    rng = random.Random(seed)
    with writing(folder, STATIONS, rng, _us(dates[0])) as log:
        centre = _Centre(log, rng)
        applications = rows / ROWS_AN_APPLICATION / sum(weights.values())
        for day_us, weight in weights.items():
            centre.start(day_us + OPENS_H * HOUR, centre.day(day_us, round(applications * weight)))
        month = round(rows / ROWS_AN_APPLICATION / days * 30)
        for first_us in list(weights)[::26]:
            centre.start(first_us + OPENS_H * HOUR - HOUR, centre.delivery(month))
        centre.run(max(weights) + ENDS_H * HOUR)
    return told(folder / "passline.db")


def told(path: Path) -> Year:
    """Return what a written log has."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as log:
        (rows,) = log.execute("SELECT count(*) FROM custody_unit").fetchone()
        by_day = "SELECT happened_us / ?, count(*) FROM custody_event GROUP BY 1 ORDER BY 1"
        days = log.execute(by_day, (DAY,)).fetchall()
    busiest, _ = max(days, key=lambda day: day[1])
    return Year(f"sqlite:///{path}", rows, days[-1][0] * DAY, busiest * DAY)


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * S


def _weight(day: datetime) -> int:
    return PEAK if any(peak[:2] <= (day.month, day.day) <= peak[2:] for peak in PEAKS) else 1


def _opened(at_us: int) -> int:
    """The next instant at which the centre works."""
    day_us, since_us = at_us // DAY * DAY, at_us % DAY
    if since_us < OPENS_H * HOUR:
        return day_us + OPENS_H * HOUR
    return at_us if since_us < CLOSES_H * HOUR else day_us + DAY + OPENS_H * HOUR + since_us % HOUR


@dataclass(slots=True)
class _Unit:
    unit_id: str
    kind: str
    step: int = 0


class _Centre:
    """Everybody at work, in the order of time."""

    def __init__(self, log: BulkLog, rng: random.Random) -> None:
        self._log, self._rng = log, rng
        self._waiting: list[tuple[int, int, Process]] = []
        self._started = self._serial = 0
        self._shelf: list[_Unit] = []
        self._stock: list[_Unit] = []
        self._voided: list[_Unit] = []
        self._magazines: dict[str, list[_Unit]] = {machine: [] for machine in MACHINES}

    def start(self, at_us: int, process: Process) -> None:
        self._started += 1
        heapq.heappush(self._waiting, (at_us, self._started, process))

    def run(self, until_us: int) -> None:
        """Let everybody work until then; whoever is not done by then leaves it as it is."""
        while self._waiting and self._waiting[0][0] < until_us:
            at_us, _, process = heapq.heappop(self._waiting)
            self._log.clock_us = max(self._log.clock_us, at_us)
            following = next(process, None)
            if following is not None:
                self.start(max(_opened(following), at_us + 1), process)

    def day(self, day_us: int, applications: int) -> Process:
        """A day's applications, in trays spread over its first ten hours; a few of them green, alone in a tray."""
        trays = [min(TRAY, applications - first) for first in range(0, applications, TRAY)]
        for n, size in enumerate(trays):
            yield day_us + OPENS_H * HOUR + 10 * HOUR * n // len(trays)
            self.start(self._log.clock_us, self.tray(size, 2))
            if self._rng.random() < GREEN:
                self.start(self._log.clock_us, self.tray(1, 0))

    def delivery(self, blanks: int) -> Process:
        """A month's blanks, received into the vault by two people, box by box."""
        for first in range(0, blanks, BOX):
            self._receive_blanks(min(BOX, blanks - first))
            yield self._log.clock_us + MINUTE

    def tray(self, size: int, priority: int) -> Process:
        """Applications on their way through the centre."""
        soon = 1 if priority == 2 else 10
        orders = [self._born(Kind.ORDER) for _ in range(size)]
        rows = self._rows(orders, "intake", "input", self._person("intake"), birth=True)
        self._act("receive", "intake", rows, to_place="input")
        settling = yield from self._pass_on(orders, "intake", "review", priority, self._minutes(10, 60) // soon)
        yield self._log.clock_us + self._minutes(60, 300) // soon
        returned = [order for order in orders if self._rng.random() < RECAPTURED and order is not settling]
        orders = [order for order in orders if order is not settling and order not in returned]
        if returned:
            self._return(returned)
        if not orders:
            return
        yield from self._pass_on(orders, "review", "personalization", priority, self._minutes(5, 30), shrink=False)
        documents: list[_Unit] = []
        yield from self._personalize(orders, documents)
        yield from self._pass_on(documents, "personalization", "qc", priority, self._minutes(10, 60) // soon)
        yield self._log.clock_us + self._minutes(60, 240) // soon
        yield from self._pass_on(documents, "qc", "packing", priority, self._minutes(10, 60) // soon, shrink=False)
        yield self._log.clock_us + self._minutes(30, 120) // soon
        parcels = self._pack(documents)
        yield from self._pass_on(parcels, "packing", "mailing", priority, self._minutes(10, 60) // soon, shrink=False)
        yield self._log.clock_us + self._minutes(120, 900) // soon
        yield from self._pass_on(parcels, "mailing", "carrier", priority, self._minutes(5, 30), shrink=False)

    def _pass_on(
        self, units: list[_Unit], here: str, there: str, priority: int, wait_us: int, *, shrink: bool = True
    ) -> Iterator[int]:
        """Offer and accept. Returns the unit that the count missed and which therefore stays behind, if any."""
        log, giver = self._log, self._person(here)
        offer, place = log.new_id(), "input"
        tray = log.new_id()
        due_us = log.clock_us + self._minutes(30, 2000)
        rows = self._rows(units, here, "outgoing", giver, state="offered", handoff_id=offer)
        facts: dict[str, Scalar] = {"from_place": "outgoing", "to_station": there, "person": giver, "tray": tray}
        _, offer_hash = self._act(
            "offer", here, rows, **facts, event_id=offer, priority=priority, due_us=due_us, **self._late()
        )
        yield log.clock_us + wait_us
        taker = self._person(there)
        facts |= {"handoff_id": offer, "offer_id": offer, "offer_hash": offer_hash, "offer_person": giver}
        facts |= {"person": taker}
        missing = None
        if shrink and len(units) > 1 and self._rng.random() < MISSING:
            missing = units.pop(self._rng.randrange(len(units)))
        outside = {"state": "outside"} if there == "carrier" else {}
        rows = self._rows(units, there, place, taker, **outside)
        counts: dict[str, Scalar] = {"count_expected": len(units) + (missing is not None)}
        self._act("accept", here, rows, to_place=place, **facts, **counts)
        if missing is not None:
            rows = self._rows([missing], here, "outgoing", giver, state="missing", handoff_id=offer)
            self._act("refuse", here, rows, **facts, missing=there, reason="missing", count_counted=0)
            self.start(log.clock_us + self._minutes(60, 3000), self._settle(missing, here))
        return missing

    def _settle(self, missing: _Unit, station: str) -> Process:
        """Two people settle what a count did not find. What they find stays where it was."""
        case_id = self._log.case_of(missing.unit_id)
        found = {"state": "ended", "outcome": "lost"} if self._rng.random() < LOST else {"outcome": "found-at-sender"}
        first, second = self._two(station)
        rows = self._rows([missing], station, "outgoing", first, **found)
        self._act("settle", station, rows, to_place="outgoing", case_id=case_id, person=first, second_person=second)
        return
        yield 0

    def _return(self, orders: list[_Unit]) -> None:
        """To the office that took them in; some of the reasons are corrected."""
        office, person = self._rng.choice(OFFICES), self._person("review")
        rows = self._rows(orders, office, "input", office, state="outside")
        event, _ = self._act("dispatch", "review", rows, to_station=office, reason="recapture", person=person)
        if self._rng.random() < CORRECTED:
            facts: dict[str, Scalar] = {"corrects": event, "corrects_field": "reason", "corrects_value": "photo"}
            self._act("correct", "review", (), reason="wrong-code", **facts)

    def _personalize(self, orders: Sequence[_Unit], documents: list[_Unit]) -> Process:
        """One machine, a document each half minute; a spoiled blank is voided and the next one taken."""
        machine, log = self._rng.choice(MACHINES), self._log
        person = self._person("personalization")
        for order in orders:
            blank = yield from self._loaded(machine)
            while self._rng.random() < SPOILED:
                yield log.clock_us + 20 * S
                self._void(blank, machine)
                blank = yield from self._loaded(machine)
            yield log.clock_us + 30 * S
            document = self._born(Kind.DOCUMENT)
            good = f"{machine}:good"
            rows = [
                *self._rows([order], "personalization", "queue", person, state="ended"),
                *self._rows([blank], "personalization", f"{machine}:path", person, state="ended"),
                *self._rows([document], "personalization", good, person, birth=True),
            ]
            due_us = log.clock_us + self._minutes(60, 600)
            self._act(
                "transform", "personalization", rows, machine=machine, to_place=good, due_us=due_us, person=person
            )
            rows = self._rows([document], "personalization", "rack", person)
            self._act("move", "personalization", rows, machine=machine, to_place="rack", person=person)
            documents.append(document)
        yield log.clock_us + self._minutes(1, 10)
        rows = self._rows(documents, "personalization", "outgoing", person)
        self._act("move", "personalization", rows, to_place="outgoing", tray=log.new_id(), person=person)

    def _loaded(self, machine: str) -> Iterator[int]:
        """The next blank, in the machine's path. Returns it."""
        magazine, person = self._magazines[machine], self._person("personalization")
        if not magazine:
            if len(self._stock) < 4 * LOADED:
                yield from self._draw()
            magazine += [self._stock.pop() for _ in range(LOADED)]
            rows = self._rows(magazine, "personalization", f"{machine}:input", person)
            self._act("move", "personalization", rows, machine=machine, to_place=f"{machine}:input", person=person)
        blank = magazine.pop()
        rows = self._rows([blank], "personalization", f"{machine}:path", person)
        self._act("move", "personalization", rows, machine=machine, to_place=f"{machine}:path", person=person)
        return blank

    def _draw(self) -> Iterator[int]:
        """Blanks from the vault into the stock."""
        if len(self._shelf) < DRAWN:
            self._receive_blanks(BOX)
        drawn = [self._shelf.pop(0) for _ in range(DRAWN)]
        missing = yield from self._pass_on(drawn, "vault", "personalization", 2, MINUTE)
        del missing
        self._stock += drawn

    def _receive_blanks(self, count: int) -> None:
        first, second = self._two("vault")
        blanks = [self._born(Kind.BLANK) for _ in range(count)]
        rows = self._rows(blanks, "vault", "shelf", first, birth=True)
        self._act("receive", "vault", rows, to_place="shelf", person=first, second_person=second)
        self._shelf += blanks

    def _void(self, blank: _Unit, machine: str) -> None:
        """By two people; every hundred are destroyed together."""
        first, second = self._two("personalization")
        people: dict[str, Scalar] = {"person": first, "second_person": second}
        rows = self._rows([blank], "personalization", "voided", first, state="void")
        self._act("void", "personalization", rows, machine=machine, to_place="voided", **people)
        self._voided.append(blank)
        if len(self._voided) == TRAY:
            rows = self._rows(self._voided, "personalization", "voided", first, state="ended")
            self._act("destroy", "personalization", rows, **people)
            self._voided.clear()

    def _pack(self, documents: list[_Unit]) -> list[_Unit]:
        """Two of three documents alone in a parcel, the others two and two."""
        person, parcels = self._person("packing"), []
        rows = []
        left = list(documents)
        while left:
            parcel = self._born(Kind.PARCEL)
            parcels.append(parcel)
            size = 2 if self._rng.random() < 1 / 3 else 1
            inside, left = left[:size], left[size:]
            rows += self._rows(
                inside, "packing", "input", person, state="packed", container=parcel.unit_id
            ) + self._rows([parcel], "packing", "input", person, birth=True)
        self._act("pack", "packing", rows, to_place="input", tray=self._log.new_id(), person=person)
        return parcels

    def _born(self, kind: Kind) -> _Unit:
        return _Unit(self._log.new_id(), kind.value)

    def _rows(
        self, units: Sequence[_Unit], station: str, place: str, person: str, *, birth: bool = False, **columns: Scalar
    ) -> list[tuple[str, int, dict[str, Scalar]]]:
        rows = []
        after = {"state": "held", "station": station, "place": place, "person": person} | columns
        for unit in units:
            unit.step += 1
            own = after | {"kind": unit.kind}
            if birth:
                self._serial += 1
                number = f"{unit.kind[0].upper()}{self._serial:09}"
                own["number_hash"] = self._log.number(unit.unit_id, Kind(unit.kind), number)
            rows.append((unit.unit_id, unit.step, own))
        return rows

    def _act(
        self, act: str, station: str, rows: Sequence[tuple[str, int, dict[str, Scalar]]], **facts: Scalar
    ) -> tuple[str, str]:
        facts.setdefault("person", rows[0][2]["person"] if rows else self._person(station))
        return self._log.event(act, station, rows, shift=self._shift(), **facts)

    def _late(self) -> dict[str, Scalar]:
        """A few are written minutes after they happened."""
        return {"happened_us": self._log.clock_us - 2 * MINUTE} if self._rng.random() < LATE else {}

    def _shift(self) -> str:
        return "early" if self._log.clock_us % DAY < SECOND_SHIFT_H * HOUR else "late"

    def _person(self, station: str) -> str:
        return f"{station[:3]}-{self._rng.randrange(STAFF[station]) + 1:03}"

    def _two(self, station: str) -> tuple[str, str]:
        first, second = self._rng.sample(range(STAFF[station]), 2)
        return f"{station[:3]}-{first + 1:03}", f"{station[:3]}-{second + 1:03}"

    def _minutes(self, least: int, most: int) -> int:
        return self._rng.randint(least * 60, most * 60) * S
