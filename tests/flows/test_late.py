"""What is late, what will be, and why: counted by the database, and counted again here by hand."""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import filing
import pytest
from sqlalchemy import Engine, create_engine, insert, text, update
from sqlmodel import SQLModel, col

from flows.default_line import write_default
from flows.errors import Exit
from flows.facts import STATIONS
from flows.late import Late, LateFacts, Status, Why, late_facts
from flows.late_command import late_command
from flows.run_folder import RunFolder
from flows.station_rates import station_rates
from handoff_logs import log, register
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.register import Register
from handoff_logs.tables import OpenOffer, UnitNumber, Whereabouts
from stations.calendar import CHINA, WorkCalendar, to_us
from stations.deadlines import ALLOWANCES, time_node_us
from stations.intake.tables import IntakeBatch
from stations.packing.tables import Parcel
from stations.personalization.tables import Job, MachineState

NOW = datetime(2026, 11, 25, 10, tzinfo=CHINA)
"""A Wednesday morning; the hours that follow are working time."""
NOW_US = to_us(NOW)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
ONWARD = dict(zip(STATIONS, (*STATIONS[1:], "carrier"), strict=True))
FROM = {"review": "intake"} | {after: before for before, after in ONWARD.items()}
CALENDAR = WorkCalendar()


def evening(days: int) -> int:
    """The close of the day so many days from now."""
    return to_us((NOW + timedelta(days=days)).replace(hour=18))


def node_us(station: str, service_class: str, deadline_us: int) -> int:
    return time_node_us(station, service_class, deadline_us, CALENDAR)


@dataclass
class Centre:
    """A line's tables, filled by hand, and a log in which stations hand on."""

    database: Database
    engine: Engine
    url: str
    batch: str = field(default_factory=new_id)
    made: int = 0
    tx: Any = None

    def __post_init__(self) -> None:
        zero = dict.fromkeys(("lines", "lines_read", "loaded", "set_aside"), 0)
        self.put(IntakeBatch, batch_id=self.batch, manifest_sha256=new_id(), started_us=1, emulated=True, **zero)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """One transaction for all that is written within."""
        if self.tx is not None:
            yield self.tx
            return
        with self.engine.begin() as self.tx:
            yield self.tx
        self.tx = None

    def put(self, table: type[SQLModel], **row: Any) -> None:
        with self.writing() as tx:
            tx.execute(insert(table), row)

    def applications(self, count: int, *where: Any, **options: Any) -> list[str]:
        """So many alike."""
        with self.writing():
            return [self.application(*where, **options) for _ in range(count)]

    def application(
        self,
        station: str = "review",
        deadline_us: int | None = None,
        *,
        service_class: str = "normal",
        product: str = "passport",
        state: str | None = None,
        provisional: bool = False,
        offered: bool = False,
        place: str = "input",
        unit_state: str | None = None,
        since_us: int = NOW_US - MINUTE_US,
        priority: int | None = None,
    ) -> str:
        """An application at a station; returns its number. `offered`: still on its way there."""
        self.made += 1
        number, application_id = f"A{self.made:010d}", new_id()
        urgency = (0 if service_class == "emergency" else 2) if priority is None else priority
        due_us = evening(7) if deadline_us is None else deadline_us
        handoff = new_id() if offered else None
        stands: dict[str, Any] = {
            "state": unit_state or ("offered" if offered else "held"),
            "station": FROM[station] if offered else station,
            "place": place,
            "handoff_id": handoff,
            "priority": urgency,
            "due_us": node_us(station, service_class, due_us) if station in STATIONS else due_us,
            "since_us": since_us,
        }
        is_order = station in ("review", "personalization")
        order = self.unit("order", **stands) if is_order else self.unit("order", state="ended", station="qc")
        row: dict[str, Any] = {
            "application_id": application_id,
            "application_key": new_id(),
            "revision": 1,
            "product": product,
            "service_class": service_class,
            "delivery": "post",
            "office": "jinan",
            "accepted_us": 1,
            "deadline_us": due_us,
            "provisional": provisional,
            "priority": 0 if service_class == "emergency" else 2,
            "person_key": new_id(),
            "applicant": b"",
            "state": state or {"review": "waiting", "personalization": "passed"}.get(station, "in_production"),
            "live": True,
            "order_unit": order,
            "batch_id": self.batch,
            "emulated": True,
        }
        with self.writing() as tx:
            filing.file(tx, [row])
        self.put(UnitNumber, unit_id=order, kind="order", number=number, salt="s")
        if not is_order:
            document = self.unit("document", **stands) if station == "qc" else self.packed(stands)
            self.job(application_id, product, document=document)
        if handoff is not None:
            self.put(
                OpenOffer,
                handoff_id=handoff,
                from_station=FROM[station],
                to_station=station,
                person="e-1",
                kind="order",
                unit_count=1,
                priority=urgency,
                due_us=stands["due_us"],
                offered_us=since_us,
                emulated=True,
            )
        return number

    def unit(self, kind: str, **stands: Any) -> str:
        unit_id = new_id()
        usual = {"place": "input", "person": "e-1", "step": 1, "since_us": 1, "handoff_id": None, "container": None}
        self.put(Whereabouts, unit_id=unit_id, kind=kind, **usual | stands)
        return unit_id

    def packed(self, stands: dict[str, Any], documents: int = 1) -> str:
        parcel = self.unit("parcel", **stands)
        usual = {"grouping": "single", "expected_g": 1, "packer": "e-1", "packed_us": 1, "emulated": True}
        self.put(Parcel, parcel_unit=parcel, label=new_id(), tray="t", documents=documents, **usual)
        return self.unit("document", state="packed", station="packing", container=parcel)

    def job(
        self, application_id: str, product: str, *, document: str | None = None, attempt: int = 1, voided: bool = False
    ) -> None:
        """A finished job, good and live, or spoiled and `voided`; unfinished where no document is given."""
        job_id, blank = new_id(), self.defaced() if voided else new_id()
        self.put(
            Job,
            job_id=job_id,
            application_id=application_id,
            product=product,
            attempt=attempt,
            previous_attempt=attempt - 1 or None,
            order_unit=new_id(),
            machine="book-01",
            machine_serial="S",
            journal_id="J",
            journal_position=0,
            fence=1,
            worker="w",
            state="INTENT",
            unfinished=True,
            live=True,
            intent_us=NOW_US,
            emulated=True,
        )
        if document is None:
            return
        for values in (
            {"state": "FED", "blank_serial": job_id[-12:], "blank_unit": blank},
            {"state": "PREPARED", "document_number": job_id[-9:], "data_sha256": "0"},
            {"state": "STARTING"},
            {"state": "RESULT", "unfinished": False, "result_us": 1}
            | ({"outcome": "failed", "live": False} if voided else {"outcome": "good", "document_unit": document}),
        ):
            with self.writing() as tx:
                tx.execute(update(Job).where(col(Job.job_id) == job_id).values(values))

    def defaced(self) -> str:
        """A blank that two people voided."""
        by, stamp, blank = Party("vault", "e-1", "day"), Stamp(NOW_US - HOUR_US, True), new_id()

        def write(tx: Any) -> None:
            log.receive(tx, by, "e-2", [Birth(blank, Kind.BLANK)], "shelf", stamp)
            log.void(tx, by, "e-2", [blank], "voided", stamp)

        self.database.write(write)
        return blank

    def hand_on(self, station: str, *handed: tuple[int, int]) -> None:
        """Record handoffs of a station: (minutes before now, documents) each."""

        def write(tx: Any, minutes: int, documents: int) -> None:
            stamp = Stamp(NOW_US - minutes * MINUTE_US, True)
            births = [Birth(new_id(), Kind.ORDER, new_id()) for _ in range(documents)]
            by = Party(station, "e-1", "day")
            log.receive(tx, by, None, births, "input", stamp)
            units = [birth.unit_id for birth in births]
            handoff = log.offer(tx, by, "input", ONWARD[station], units, priority=2, stamp=stamp)
            # Answered, so that it waits nowhere.
            log.withdraw(tx, by, handoff.handoff_id, stamp)
            tx.execute(text("UPDATE whereabouts SET place = 'hold' WHERE state = 'held' AND due_us IS NULL"))

        for minutes, documents in handed:
            self.database.write(lambda tx, m=minutes, d=documents: write(tx, m, d))

    def hourly(self, **rates: int) -> None:
        """Let stations have handed on so many documents an hour for the last four hours, the last just now."""
        for station, rate in rates.items():
            self.hand_on(station, *((minutes, rate // 4) for minutes in range(0, 240, 15)))

    def late(self, **options: Any) -> LateFacts:
        with open_reading(self.url) as reading:
            return late_facts(reading, now_us=NOW_US, **options)


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def centre(database: Database, database_url: str) -> Iterator[Centre]:
    engine = create_engine(database_url)
    yield Centre(database, engine, database_url)
    engine.dispose()


def told(found: LateFacts) -> list[tuple[str, str, str]]:
    return [(one.number, one.status.value, one.why.value) for one in found.listed]


def test_nothing_is_late_on_an_empty_line(centre: Centre) -> None:
    found = centre.late()
    assert (found.listed, found.counts, found.late_now, found.terms.reckoned) == ((), {}, 0, True)


def test_late_is_past_the_stations_node_and_overdue_past_the_deadline_the_worst_first(centre: Centre) -> None:
    """Nodes are counted from the deadline that holds now, whatever node the last offer had."""
    centre.application("review", evening(7))
    late = centre.application("review", evening(1))
    later = centre.application("personalization", evening(1))
    overdue = centre.application("mailing", evening(-1))
    worst = centre.application("qc", evening(-2))
    found = centre.late()
    assert [one.number for one in found.listed] == [worst, overdue, late, later]
    assert [one.status for one in found.listed] == [Status.OVERDUE, Status.OVERDUE, Status.LATE, Status.LATE]
    assert found.listed[0].late_s == (NOW_US - evening(-2)) / 1e6
    assert found.listed[2].node_us == node_us("review", "normal", evening(1))
    assert found.listed[2].late_s == (NOW_US - found.listed[2].node_us) / 1e6
    assert found.late_now == 4


def test_without_a_rate_nothing_is_said_of_what_will_be(centre: Centre) -> None:
    centre.applications(30, "mailing", evening(0))
    assert centre.late().rates.per_hour == {}
    assert centre.late().listed == ()


def test_what_is_too_far_back_in_the_queue_will_be_late(centre: Centre) -> None:
    """Eight working hours are left until the node, and ten documents an hour are handed on: the 81st is too late."""
    centre.hourly(mailing=12)
    numbers = [centre.application("mailing", evening(0), since_us=NOW_US - 1_000 + each) for each in range(110)]
    found = centre.late()
    rate = found.rates.per_hour["mailing"]
    fitting = int(8 * rate)
    assert 12 <= rate < 14
    assert {one.number for one in found.listed} == set(numbers[fitting:])
    last = found.listed[0]
    assert (last.number, last.status, last.why, last.at) == (numbers[-1], Status.WILL_BE, Why.SLOW, "mailing")
    assert last.ahead == 109
    assert last.late_s == pytest.approx((110 / rate - 8) * 3600, abs=0.2)
    assert last.words(NOW_US) == f"station mailing too slow: 109 ahead at {rate:.0f} an hour"
    assert found.late_now == 0


def test_the_green_channel_goes_before_all_others(centre: Centre) -> None:
    centre.hourly(mailing=12)
    centre.applications(100, "mailing", evening(0))
    emergency = centre.application("mailing", NOW_US + HOUR_US, service_class="emergency", since_us=NOW_US)
    assert emergency not in [one.number for one in centre.late().listed]


def test_a_slow_station_further_on_makes_late_what_is_not_there_yet(centre: Centre) -> None:
    """Whatever is more urgent and anywhere before that station has to pass it first."""
    centre.hourly(review=80, personalization=4, qc=80, packing=80, mailing=80)
    deadline = evening(7)
    ahead = centre.applications(160, "personalization", deadline, since_us=NOW_US - 2 * MINUTE_US)
    mine = centre.application("review", deadline)
    found = {one.number: one for one in centre.late().listed}
    assert (found[mine].station, found[mine].at, found[mine].why) == ("review", "personalization", Why.SLOW)
    assert found[mine].ahead == 160
    assert ahead[0] not in found


def test_a_station_that_hands_nothing_on_while_the_line_works_stands(centre: Centre) -> None:
    centre.hourly(review=40)
    waiting = centre.application("qc", evening(7), since_us=NOW_US - 3 * HOUR_US)
    (one,) = centre.late().listed
    assert (one.number, one.status, one.why, one.per_hour) == (waiting, Status.WILL_BE, Why.STANDS, 0.0)
    assert one.words(NOW_US) == "station qc stands: it hands nothing on, 0 ahead"


def test_a_station_that_work_has_only_just_reached_does_not_stand(centre: Centre) -> None:
    centre.hourly(review=40)
    centre.application("qc", evening(7), since_us=NOW_US - MINUTE_US)
    assert centre.late().listed == ()


@pytest.mark.parametrize(
    ("options", "why", "words"),
    [
        ({"state": "stopped"}, Why.STOPPED, "stopped for 3 h 00 at review"),
        ({"state": "held", "place": "hold"}, Why.ON_HOLD, "on hold for 3 h 00 at review"),
        ({"unit_state": "doubt"}, Why.IN_DOUBT, "in doubt for 3 h 00 at review"),
        ({"unit_state": "missing"}, Why.IN_DOUBT, "in doubt for 3 h 00 at review"),
        ({"unit_state": "refused"}, Why.REFUSED, "refused 3 h 00 ago: review has to take it back"),
        ({}, Why.CAME_LATE, "came late to review, 3 h 00 ago"),
        ({"since_us": NOW_US - 216 * HOUR_US}, Why.WAITING, "waiting too long at review: 9 d 0 h, 0 ahead"),
        ({"provisional": True}, Why.CAME_LATE, "had passed; its date is provisional"),
    ],
)
def test_the_reason_says_what_to_look_at(centre: Centre, options: dict[str, Any], why: Why, words: str) -> None:
    centre.application("review", evening(1), **{"since_us": NOW_US - 3 * HOUR_US} | options)
    (one,) = centre.late().listed
    assert (one.status, one.why) == (Status.LATE, why)
    assert words in one.words(NOW_US)


def drivers(centre: Centre, **machines: str) -> None:
    entries = [register.Entry(Register.MACHINE, name, "driver", driver) for name, driver in machines.items()]
    stamp = Stamp(NOW_US, True)
    centre.database.write(lambda tx: register.record(tx, register.administration(), None, entries, stamp))


def shown(centre: Centre, machine: str, state: str, reason: str | None) -> None:
    centre.put(MachineState, machine=machine, state=state, reason=reason, since_us=NOW_US, emulated=True)


def test_held_machines_and_empty_ones_are_told_apart_by_what_they_make(centre: Centre) -> None:
    drivers(centre, book01="book-personalizer", card01="card-personalizer", card02="card-personalizer")
    shown(centre, "book01", "suspended", "no-blanks")
    shown(centre, "card01", "held", "PathJammedError")
    shown(centre, "card02", "suspended", "no-blanks")
    book = centre.application("personalization", evening(1), product="passport")
    card = centre.application("personalization", evening(1), product="taiwan_permit")
    assert {one.number: one.why for one in centre.late().listed} == {book: Why.BLANKS_SHORT, card: Why.MACHINE_HELD}


def test_machines_of_which_one_works_are_no_reason(centre: Centre) -> None:
    drivers(centre, card01="card-personalizer", card02="card-personalizer")
    shown(centre, "card01", "held", "PathJammedError")
    shown(centre, "card02", "execute", None)
    centre.application("personalization", evening(1), product="taiwan_permit")
    assert [one.why for one in centre.late().listed] == [Why.CAME_LATE]


def test_what_was_voided_before_is_told_as_remade(centre: Centre) -> None:
    number = centre.application("personalization", evening(1), priority=1)
    application_id = centre.late().listed[0].application_id
    for attempt in (1, 2):
        centre.job(application_id, "passport", document=new_id(), attempt=attempt, voided=True)
    (one,) = centre.late().listed
    assert (one.number, one.why, one.remakes) == (number, Why.REMADE, 2)
    assert one.words(NOW_US).startswith("remade 2 times; now at personalization")


def test_a_document_in_a_machine_that_is_held_waits_for_the_machine(centre: Centre) -> None:
    centre.application("personalization", evening(1))
    centre.job(centre.late().listed[0].application_id, "passport")
    shown(centre, "book-01", "held", "PathJammedError")
    assert [one.why for one in centre.late().listed] == [Why.MACHINE_HELD]


def test_what_is_offered_counts_at_the_station_it_is_offered_to(centre: Centre) -> None:
    centre.application("packing", evening(0), offered=True)
    (one,) = centre.late().listed
    assert (one.station, one.status, one.node_us) == ("packing", Status.LATE, node_us("packing", "normal", evening(0)))


def test_what_the_carrier_has_not_taken_is_late_from_its_deadline_on(centre: Centre) -> None:
    centre.application("carrier", evening(0), offered=True)
    gone = centre.application("carrier", evening(-1), offered=True, since_us=evening(-2))
    assert told(centre.late()) == [(gone, "overdue", "waiting")]


def test_only_what_is_still_on_the_line_can_be_late(centre: Centre) -> None:
    centre.application("review", evening(-1))
    with centre.engine.begin() as tx:
        tx.execute(text("UPDATE application SET state = 'returned', live = :no"), {"no": False})
    assert centre.late().listed == ()


def test_filters_and_counts(centre: Centre) -> None:
    centre.hourly(review=80, personalization=80, qc=80, packing=80, mailing=4)
    overdue = centre.application("qc", evening(-1), service_class="expedited")
    soon = centre.applications(40, "mailing", evening(0))
    later = centre.applications(60, "packing", evening(1))
    found = centre.late()
    assert found.count(Status.OVERDUE) == 1
    assert sum(found.counts.values()) == sum(found.by_class.values()) == len(found.listed)
    assert found.by_class[Status.OVERDUE, "expedited"] == 1
    assert found.counts[Status.WILL_BE, "mailing"] == len(found.listed) - 1
    numbers = {one.number for one in found.listed}
    assert numbers & set(later)
    assert {one.number for one in centre.late(service_class="expedited").listed} == {overdue}
    # What is at a station, and what is not there yet and will be late because of it.
    assert {one.number for one in centre.late(station="qc").listed} == {overdue}
    assert {one.number for one in centre.late(station="mailing").listed} == numbers - {overdue}
    within = {one.number for one in centre.late(within_us=9 * HOUR_US).listed}
    assert within == numbers - set(later)
    assert within & set(soon)
    short = centre.late(limit=3)
    assert short.listed == found.listed[:3]
    assert short.counts == found.counts


def test_nodes_follow_the_lines_own_allowances_and_calendar(centre: Centre) -> None:
    centre.application("packing", evening(1))
    assert centre.late().listed == ()

    def set_facts(tx: Any) -> None:
        by, stamp = register.administration(), Stamp(NOW_US, True)
        day = (NOW + timedelta(days=1)).date()
        register.follow(tx, by, {Register.CALENDAR: WorkCalendar({day: False}).facts}, stamp)

    # Tomorrow is off now: the ten hours before tomorrow's close are yesterday's.
    centre.database.write(set_facts)
    (one,) = centre.late().listed
    assert one.status == Status.LATE
    assert not centre.late().terms.reckoned
    entries = [register.Entry(Register.THRESHOLD, "mailing", "normal_hours", "1")]
    stamp = Stamp(NOW_US, True)
    centre.database.write(lambda tx: register.record(tx, register.administration(), None, entries, stamp))
    assert centre.late().listed == ()


def test_rates_leave_out_the_time_in_which_the_line_stood(centre: Centre) -> None:
    """Night and lunch are no time at work; the last evening's rate holds next morning."""
    centre.hand_on("review", *((16 * 60 + minutes, 10) for minutes in range(0, 120, 10)))
    with open_reading(centre.url) as reading:
        rates = station_rates(reading, NOW_US)
    assert rates.worked_s == 110 * 60
    assert rates.per_hour == {"review": pytest.approx(120 / 110 * 60)}
    assert rates.stood_s == 16 * 3600


def counted_by_hand(rows: list[dict[str, Any]], rates: dict[str, float]) -> dict[str, tuple[str, str, int]]:
    """The whole question over again, one application after the other: number to status, station and documents ahead."""
    places = (*STATIONS, "carrier")
    found = {}
    for mine in rows:
        worst: tuple[float, str, int] | None = None
        before = 0
        for station in STATIONS[places.index(mine["station"]) :] if mine["station"] in STATIONS else ():
            others = [one for one in rows if one["station"] == station and one is not mine]
            if station == mine["station"]:
                before += sum(one["order_here"] < mine["order_here"] for one in others)
            else:
                before += sum(one["order_on_line"] < mine["order_on_line"] for one in others)
            until = node_us(station, mine["class"], mine["deadline"])
            left = (until - NOW_US) / 1e6
            if mine["class"] != "emergency":
                end = datetime.fromtimestamp(until / 1e6, CHINA)
                left = CALENDAR.between(NOW, end).total_seconds()
            lacking = (before + 1) * 3600 / rates[station] - left
            if worst is None or lacking > worst[0]:
                worst = lacking, station, before
        here = (
            mine["deadline"]
            if mine["station"] == "carrier"
            else node_us(mine["station"], mine["class"], mine["deadline"])
        )
        if mine["deadline"] < NOW_US:
            found[mine["number"]] = "overdue", mine["station"], -1
        elif here < NOW_US:
            found[mine["number"]] = "late", mine["station"], -1
        elif worst and worst[0] > 0:
            found[mine["number"]] = "will-be-late", worst[1], worst[2]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_database_counts_as_one_would_by_hand(centre: Centre, seed: int) -> None:
    chance = random.Random(seed)
    centre.hourly(review=4)
    for station in STATIONS[1:]:
        centre.hand_on(station, *((minutes, 1) for minutes in range(0, 240, chance.choice([30, 60]))))
    rows: list[dict[str, Any]] = []
    for _ in range(100):
        station = chance.choice([*STATIONS, "carrier"])
        service_class = chance.choices([*ALLOWANCES], [6, 3, 1])[0]
        deadline = (
            NOW_US + chance.randint(-3, 12) * HOUR_US
            if service_class == "emergency"
            else evening(chance.randint(-1, 9))
        )
        priority = 0 if service_class == "emergency" else chance.choice([1, 2, 2, 2])
        since = NOW_US - chance.randint(1, 300) * MINUTE_US
        offered = station == "carrier" or chance.random() < 0.5
        number = centre.application(
            station, deadline, service_class=service_class, priority=priority, since_us=since, offered=offered
        )
        rows.append({"number": number, "station": station, "class": service_class, "deadline": deadline})
    with centre.engine.connect() as connection:
        query = text(
            "SELECT number, application_id, stand.priority, stand.due_us, stand.since_us FROM unit_number"
            " JOIN application ON application.order_unit = unit_number.unit_id"
            " LEFT JOIN job USING (application_id) LEFT JOIN whereabouts made ON made.unit_id = job.document_unit"
            " JOIN whereabouts stand ON stand.unit_id = coalesce(made.container, made.unit_id, unit_number.unit_id)"
        )
        stands = {row.number: row for row in connection.execute(query)}
    for row in rows:
        stand = stands[row["number"]]
        row["order_here"] = (stand.priority, stand.due_us, stand.since_us, stand.application_id)
        row["order_on_line"] = (stand.priority, row["deadline"], stand.application_id)
    found = centre.late()
    expected = counted_by_hand(rows, dict(found.rates.per_hour))
    assert {one.number: (one.status.value, one.at) for one in found.listed} == {
        number: (status, at) for number, (status, at, _) in expected.items()
    }
    for one in found.listed:
        if one.status is Status.WILL_BE:
            assert one.ahead == expected[one.number][2]
    assert {status for status, *_ in expected.values()} == {"overdue", "late", "will-be-late"}


@pytest.fixture
def folder(centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder whose line uses the filled database; it is Wednesday there."""
    monkeypatch.setenv("PASSLINE_DATABASE__URL", centre.url)
    monkeypatch.setattr("flows.late.time.time_ns", lambda: NOW_US * 1_000)
    made = RunFolder(tmp_path / "run")
    write_default(made)
    return made


@pytest.fixture
def ask(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def asking(**options: Any) -> tuple[int, str, str]:
        status = late_command(directory=folder.path, **options)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return asking


def test_the_command_ends_with_one_only_where_something_is_late_now(centre: Centre, ask: Any) -> None:
    centre.hourly(mailing=4)
    assert ask()[0] == Exit.FINE
    centre.applications(60, "mailing", evening(0))
    assert "△ will be" in ask()[1]
    assert ask()[0] == Exit.FINE
    centre.application("review", evening(1))
    assert ask()[0] == Exit.FINDINGS
    assert ask(service_class="emergency")[0] == Exit.FINE


def test_the_table_says_emulated_and_stops_at_a_hundred_rows(centre: Centre, ask: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    numbers = centre.applications(103, "review", evening(1))
    _, out, err = ask()
    assert "EMULATED" in out
    assert sum(number in out for number in numbers) == 100
    assert err.splitlines()[0] == "passline: and 3 more; --output csv or json has them all"
    assert "No station's rate is known yet" in out


def test_json_and_csv_have_the_same_rows(centre: Centre, ask: Any) -> None:
    centre.hourly(review=40)
    number = centre.application("review", evening(1), provisional=True)
    _, out, _ = ask(output="json")
    whole = json.loads(out)
    (row,) = whole["applications"]
    assert (row["number"], row["status"], row["why"], row["provisional"]) == (number, "late", "came-late", True)
    assert (whole["emulated"], whole["counts"]) == (True, {"overdue": 0, "late": 1, "will-be-late": 0})
    assert whole["by_station"] == [{"status": "late", "at": "review", "applications": 1}]
    assert set(whole["per_hour"]) == set(STATIONS)
    (line,) = csv.DictReader(io.StringIO(ask(output="csv")[1]))
    assert (line["number"], line["words"]) == (number, row["words"])
    assert list(line) == list(row) == [*Late.__dataclass_fields__, "words"]
