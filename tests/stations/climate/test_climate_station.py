"""The zones' watch on both databases: what a look records, what suspends, who resumes, and what nobody may write."""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from enrolled import end, enrol
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices.roles import Climate
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.climate import bar, listing, station
from stations.climate.errors import (
    AcceptedTimeError,
    NotLookedError,
    NotSuspendedError,
    ResumeReasonError,
    StillOutsideError,
    SuspendedZoneChangedError,
    UnknownZoneError,
    ZoneSuspendedError,
)
from stations.climate.projection import DIFFERENCES
from stations.climate.rules import Figure, Look, Minutes, Step, Zone
from stations.people_register.credentials import SignedIn, TwoSigned

REFUSED = (DBAPIError, HandoffLogError)
S = 1_000_000
GRACE_S = 300
ZONE = Zone("core", {Figure.TEMPERATURE: (18.0, 26.0)}, GRACE_S, 10.0, ("air-01",), ("book-01",))
FINE, WARM, SILENT = "22.0", "28.5", None

Rows = Callable[[str], list[Any]]


def look(told: str | None, sensor: str = "air-01") -> Look:
    if told is None:
        return Look(sensor, None, "SensorSilentError")
    return Look(sensor, Climate(Decimal(told), Decimal("45.0")))


class Room:
    """One zone and a clock that a test moves; it begins at this instant, as sign-ins are of just now."""

    def __init__(self, database: Database) -> None:
        self.database, self.now_us = database, time.time_ns() // 1_000 - 3_600 * S
        self.follow(ZONE)

    def follow(self, *zones: Zone) -> None:
        self.database.write(lambda tx: station.follow_settings(tx, zones, emulated=True))

    def look(self, told: str | None, after_s: float = 10.0) -> tuple[Step, ...]:
        self.now_us += round(after_s * S)
        now_us = self.now_us
        return self.database.write(lambda tx: station.record(tx, ZONE, [look(told)], now_us, emulated=True))

    def suspend(self) -> None:
        self.look(WARM)
        assert self.look(WARM, GRACE_S + 1) == (Step.SUSPENDED,)

    def resume(self, by: SignedIn | TwoSigned, *, accept_min: int | None = None, reason: str = "repaired") -> Any:
        now_us = self.now_us
        signed = _sign(self.database, by, now_us)
        return self.database.write(
            lambda tx: station.resume(tx, "core", reason, signed, now_us, accept_min=accept_min, emulated=True)
        )

    def barred(self, after_s: float = 0.0) -> str | None:
        now_us = self.now_us + round(after_s * S)
        return self.database.write(lambda tx: bar.barred(tx, "book-01", now_us))


def _sign(database: Database, by: SignedIn | TwoSigned, at_us: int) -> SignedIn | TwoSigned:
    """The same people, who have signed in at that moment."""

    def attempt(code: str) -> str:
        made = new_id()
        facts = {"id": made, "code": code, "at": at_us}
        insert = text("INSERT INTO sign_in_attempt VALUES (:id, :code, :at, 'accepted')")
        database.write(lambda tx: tx.execute(insert, facts))
        return made

    if isinstance(by, TwoSigned):
        return TwoSigned(by.first, by.second, attempt(by.first), attempt(by.second))
    return SignedIn(by.code, by.roles, attempt(by.code))


@pytest.fixture
def room(line_database: Database) -> Room:
    return Room(line_database)


@pytest.fixture
def people(line_database: Database) -> dict[str, SignedIn]:
    return enrol(line_database, lead="lead", other="lead", operator="operator")


@pytest.fixture
def rows(line_database: Database) -> Rows:
    def ask(query: str) -> list[Any]:
        with line_database.read() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask


def two(people: dict[str, SignedIn], second: str = "operator") -> TwoSigned:
    return TwoSigned(people["lead"].code, people[second].code, "", "")


def test_an_excursion_no_longer_than_its_grace_suspends_nothing(room: Room, rows: Rows) -> None:
    assert room.look(FINE) == ()
    assert room.look(WARM) == (Step.WENT_OUT,)
    assert room.look(WARM, GRACE_S) == ()
    assert room.look(FINE) == (Step.CAME_BACK,)
    assert room.look(WARM) == (Step.WENT_OUT,)
    assert room.look(WARM, GRACE_S) == ()
    assert (rows("SELECT * FROM climate_suspension"), room.barred()) == ([], None)
    assert rows("SELECT sensor, figure, value FROM climate_crossing ORDER BY at_us") == [
        ("air-01", "temperature", 28.5),
        ("air-01", "temperature", 22.0),
        ("air-01", "temperature", 28.5),
    ]


@pytest.mark.parametrize(("told", "figure", "value"), [(WARM, "temperature", 28.5), (SILENT, "silence", None)])
def test_a_longer_one_suspends_with_a_record_and_so_does_silence(
    room: Room, rows: Rows, told: str | None, figure: str, value: float | None
) -> None:
    room.look(FINE)
    room.look(told)
    began_us = room.now_us
    assert room.look(told, GRACE_S + 1) == (Step.SUSPENDED,)
    assert room.barred() == bar.SUSPENDED
    found = rows("SELECT sensor, figure, value, out_since_us, suspended_us FROM climate_suspension")
    assert found == [("air-01", figure, value, began_us, room.now_us)]
    (said,) = rows("SELECT field, value FROM custody_register WHERE register = 'climate'")
    assert said == ("suspended", f"core {room.now_us} {began_us} air-01 {figure}")
    assert room.look(told) == ()


def test_no_draw_is_written_in_a_suspended_zone_whoever_writes_it(room: Room, line: Any) -> None:
    line.file(1)
    room.suspend()
    job = (
        "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
        " journal_position, fence, worker, state, unfinished, live, intent_us, emulated) SELECT 'j', application_id,"
        " product, 1, order_unit, '{}', 'S', 'J', 1, 1, 'w', 'INTENT', true, true, 1, true FROM application"
    )
    with pytest.raises(REFUSED, match="suspended"):
        room.database.write(lambda tx: tx.execute(text(job.format("book-01"))))
    with pytest.raises(ZoneSuspendedError):
        room.database.write(lambda tx: bar.refuse_suspended(tx, "book-01"))
    room.database.write(lambda tx: tx.execute(text(job.format("book-09"))))


def test_a_machine_in_no_zone_draws_in_whatever_air(room: Room) -> None:
    room.suspend()
    assert room.database.write(lambda tx: bar.barred(tx, "book-09", room.now_us)) is None


def test_nobody_draws_where_nobody_looks(room: Room) -> None:
    """Before the first look, and once the last is older than the grace; no suspension comes of it."""
    assert room.barred() == bar.UNWATCHED
    room.look(FINE)
    assert (room.barred(GRACE_S), room.barred(GRACE_S + 1)) == (None, bar.UNWATCHED)
    room.look(FINE, 3_600)
    assert room.barred() is None


def test_a_crash_begins_no_second_grace_and_ends_no_suspension(room: Room, line_database: Database) -> None:
    room.look(WARM)
    again = Room(line_database)
    again.now_us = room.now_us
    assert again.look(WARM, GRACE_S + 1) == (Step.SUSPENDED,)
    once_more = Room(line_database)
    once_more.now_us = again.now_us
    assert once_more.look(FINE) == (Step.CAME_BACK,)
    assert once_more.barred() == bar.SUSPENDED


def test_a_lead_resumes_in_air_within_its_limits_with_a_record(
    room: Room, people: dict[str, SignedIn], rows: Rows
) -> None:
    room.suspend()
    with pytest.raises(StillOutsideError):
        room.resume(people["lead"])
    room.look(FINE)
    assert room.resume(people["lead"], reason="cooling-fixed") is None
    assert room.barred() is None
    assert rows("SELECT resumed_by, resumed_second, reason FROM climate_suspension") == [
        (people["lead"].code, None, "cooling-fixed")
    ]
    said = rows(
        "SELECT event.person, said.value FROM custody_register AS said JOIN custody_event AS event"
        " ON event.event_id = said.event_id WHERE said.register = 'climate' AND said.field = 'resumed'"
    )
    assert said == [(people["lead"].code, f"core {room.now_us} - cooling-fixed")]
    with pytest.raises(NotSuspendedError):
        room.resume(people["lead"])


def test_two_accept_air_that_is_outside_for_a_time(room: Room, people: dict[str, SignedIn], rows: Rows) -> None:
    room.suspend()
    assert room.resume(two(people), accept_min=10) == room.now_us + 600 * S
    assert room.barred() is None
    assert room.look(WARM, 300) == ()
    assert room.look(WARM, 290) == (), "accepted still"
    assert room.look(WARM, 11) == (Step.SUSPENDED,)
    assert len(rows("SELECT 1 FROM climate_suspension")) == 2
    hands = rows("SELECT person, second_person FROM custody_event WHERE second_person IS NOT NULL")
    assert hands == [(people["lead"].code, people["operator"].code)]


def test_what_was_accepted_is_no_longer_once_the_air_was_within(room: Room, people: dict[str, SignedIn]) -> None:
    room.suspend()
    room.resume(two(people), accept_min=600)
    room.look(FINE)
    room.look(WARM)
    assert room.look(WARM, GRACE_S + 1) == (Step.SUSPENDED,)


def test_air_that_nobody_looks_at_is_resumed_by_two_alone(room: Room, people: dict[str, SignedIn]) -> None:
    room.suspend()
    room.look(FINE)
    room.now_us += (GRACE_S + 1) * S
    with pytest.raises(NotLookedError):
        room.resume(people["lead"])
    room.resume(two(people), accept_min=5)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reason": "Somebody Repaired It"}, ResumeReasonError),
        ({"reason": "x" * 41}, ResumeReasonError),
        ({"accept_min": 0}, AcceptedTimeError),
        ({"accept_min": 721}, AcceptedTimeError),
    ],
)
def test_a_sentence_or_too_long_a_time_is_refused(
    room: Room, people: dict[str, SignedIn], change: dict[str, Any], error: type[Exception]
) -> None:
    room.suspend()
    with pytest.raises(error):
        room.resume(two(people), **{"accept_min": 5, **change})
    assert room.barred() == bar.SUSPENDED


def test_no_other_zone_is_known(room: Room) -> None:
    with pytest.raises(UnknownZoneError, match="core"), room.database.read() as connection:
        station.check_resume(connection, "hall", "repaired", room.now_us)


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(lambda people: people["operator"], id="no lead"),
        pytest.param(lambda people: TwoSigned(people["operator"].code, people["lead"].code, "", ""), id="lead second"),
        pytest.param(lambda people: TwoSigned(people["lead"].code, people["lead"].code, "", ""), id="one hand"),
    ],
)
def test_the_database_takes_only_a_lead_and_another(room: Room, people: dict[str, SignedIn], who: Any) -> None:
    """Whatever the program checked before: the guards look again."""
    room.suspend()
    by = who(people)
    if isinstance(by, SignedIn):
        room.look(FINE)
    with pytest.raises(REFUSED):
        room.resume(by, accept_min=5 if isinstance(by, TwoSigned) else None)
    assert room.barred() == bar.SUSPENDED


def test_a_lead_who_left_or_signed_in_long_ago_resumes_nothing(
    room: Room, people: dict[str, SignedIn], line_database: Database
) -> None:
    room.suspend()
    room.look(FINE)
    now_us = room.now_us
    with pytest.raises(REFUSED, match="just now"):
        line_database.write(lambda tx: station.resume(tx, "core", "old", people["lead"], now_us, emulated=True))
    end(line_database, people["lead"].code)
    with pytest.raises(REFUSED, match="just now"):
        room.resume(people["lead"])
    room.resume(people["other"])


FORGED = (
    "UPDATE climate_suspension SET resumed_us = suspended_us + 1, resumed_by = 'p-0011', reason = 'x',"
    " sign_in = (SELECT attempt_id FROM sign_in_attempt WHERE code = 'p-0011' ORDER BY at_us DESC LIMIT 1)"
)


@pytest.mark.parametrize(
    "forged",
    [
        FORGED,
        "UPDATE climate_suspension SET suspended_us = suspended_us + 1",
        "DELETE FROM climate_suspension",
        "DELETE FROM climate_machine",
        "UPDATE climate_machine SET machine = 'book-02'",
        "UPDATE climate_crossing SET value = 20",
        "DELETE FROM climate_crossing",
        "UPDATE climate_reading SET temperature_max_c = 25",
        "DELETE FROM climate_reading",
        "INSERT INTO climate_suspension (suspension_id, zone, sensor, figure, out_since_us, suspended_us, emulated)"
        " VALUES ('s', 'core', 'air-01', 'silence', 1, 1, true)",
    ],
)
def test_nobody_writes_the_climate_otherwise(room: Room, people: dict[str, SignedIn], forged: str) -> None:
    assert people["lead"].code == "p-0011"
    minutes = Minutes()
    list(minutes.add((look(WARM),), room.now_us))
    room.database.write(lambda tx: station.keep(tx, "core", minutes.rest(), emulated=True))
    room.suspend()
    with pytest.raises(REFUSED):
        room.database.write(lambda tx: tx.execute(text(forged)))
    assert room.barred() == bar.SUSPENDED


def test_a_machine_stays_in_its_zone_while_that_is_suspended(room: Room, people: dict[str, SignedIn]) -> None:
    hall = Zone("hall", ZONE.limits, GRACE_S, 10.0, ("air-02",), ("book-01",))
    room.suspend()
    with pytest.raises(SuspendedZoneChangedError, match="book-01"):
        room.follow(hall)
    with pytest.raises(SuspendedZoneChangedError, match="book-01"):
        room.follow()
    room.look(FINE)
    room.resume(people["lead"])
    room.follow(hall)
    assert room.barred() == bar.UNWATCHED
    room.follow()
    assert room.barred() is None


def test_the_alarm_is_the_leads_and_lasts_until_the_air_is_within_or_the_zone_resumed(
    room: Room, people: dict[str, SignedIn], rows: Rows
) -> None:
    def is_open() -> list[Any]:
        return rows("SELECT kind, subject FROM alarm WHERE cleared_us IS NULL")

    room.look(WARM)
    assert is_open() == []
    room.look(WARM, 60)
    assert is_open() == [("climate", "core")]
    room.look(FINE)
    assert is_open() == []
    room.suspend()
    room.look(FINE)
    assert is_open() == [("climate", "core")], "suspended still"
    room.resume(people["lead"])
    assert is_open() == []
    room.look(FINE)
    assert is_open() == []


def test_a_suspension_that_the_log_does_not_know_is_found(
    room: Room, people: dict[str, SignedIn], database_url: str
) -> None:
    (_, sql), _ = DIFFERENCES
    room.suspend()
    room.resume(two(people), accept_min=3)
    room.look(FINE)
    room.suspend()
    with open_reading(database_url) as reading:
        assert reading.rows(sql) == []
    room.look(FINE)
    room.resume(people["lead"])
    forged = (
        "INSERT INTO climate_suspension (suspension_id, zone, sensor, figure, out_since_us, suspended_us, emulated)"
        " VALUES ('s', 'core', 'air-01', 'silence', 1, 1, true)"
    )
    room.database.write(lambda tx: tx.execute(text(forged)))
    with open_reading(database_url) as reading:
        found = reading.rows(sql)
    assert [(row["subject"], str(row["what"]).partition(":")[0]) for row in found] == [
        ("s", "in the table and not in the log")
    ]


def test_readings_are_kept_by_the_minute_for_400_days(room: Room, rows: Rows) -> None:
    day_us = 86_400 * S
    minutes, kept = Minutes(), []
    for days, told in ((-500, FINE), (-402, SILENT), (-399, WARM), (0, FINE)):
        kept += list(minutes.add((look(told),), room.now_us + days * day_us))
    kept += list(minutes.rest())
    room.database.write(lambda tx: station.keep(tx, "core", kept, emulated=True))
    room.look(FINE)
    assert room.database.write(lambda tx: station.purge(tx, "core", room.now_us)) == 2
    assert rows("SELECT looks, silent, temperature_mean_c FROM climate_reading ORDER BY began_us") == [
        (1, 0, 28.5),
        (1, 0, 22.0),
    ]


def test_what_is_listed_says_how_each_zone_stands(room: Room, people: dict[str, SignedIn], database_url: str) -> None:
    def state(after_s: float = 0) -> str:
        with open_reading(database_url) as reading:
            (zone,) = listing.standing(reading, room.now_us + round(after_s * S))
        return zone.state

    assert state() == "unwatched"
    room.look(FINE)
    assert (state(), state(GRACE_S + 1)) == ("within", "unwatched")
    room.look(WARM)
    assert state() == "outside"
    room.look(WARM, GRACE_S + 1)
    assert state(GRACE_S + 1) == "suspended"
    room.resume(two(people), accept_min=5)
    assert state() == "accepted"


COUNTED = Zone("core", {**ZONE.limits, Figure.PARTICLES: (None, 3_520_000.0)}, GRACE_S, 10.0, ("air-01", "dust-01"))
SILENT_COUNTER = Look("dust-01", None, "SensorSilentError")


def dust(particles_m3: int) -> Look:
    return Look("dust-01", Climate(particles_m3=particles_m3))


def test_particles_suspend_after_their_grace_and_a_lead_resumes(
    line_database: Database, people: dict[str, SignedIn], rows: Rows
) -> None:
    """A thermohygrometer and a counter share a zone: each is judged by what it tells, and neither lacks the other's."""
    room = Room(line_database)
    room.follow(replace(COUNTED, machines=ZONE.machines))

    def looked(counted: Look, after_s: float = 10.0) -> tuple[Step, ...]:
        room.now_us += round(after_s * S)
        now_us = room.now_us
        return line_database.write(lambda tx: station.record(tx, COUNTED, [look(FINE), counted], now_us, emulated=True))

    assert looked(dust(3_520_000)) == ()
    assert looked(dust(3_520_001)) == (Step.WENT_OUT,)
    assert looked(dust(4_000_000), GRACE_S) == ()
    assert room.barred() is None
    assert looked(dust(4_000_000), 1) == (Step.SUSPENDED,)
    assert room.barred() == bar.SUSPENDED
    assert rows("SELECT sensor, figure, value FROM climate_suspension") == [("dust-01", "particles", 4_000_000.0)]
    with pytest.raises(StillOutsideError):
        room.resume(people["lead"])
    assert looked(dust(352_000)) == (Step.CAME_BACK,)
    room.resume(people["lead"])
    assert room.barred() is None
    assert rows("SELECT sensor, temperature_c, particles_m3, outside FROM climate_sensor ORDER BY sensor") == [
        ("air-01", 22.0, None, ""),
        ("dust-01", None, 352_000.0, ""),
    ]
    assert looked(SILENT_COUNTER) == (Step.WENT_OUT,)
    assert rows("SELECT sensor, outside FROM climate_sensor WHERE outside <> ''") == [("dust-01", "silence")]


def test_a_minute_that_only_counts_is_kept_and_one_that_tells_nothing_is_silent(room: Room, rows: Rows) -> None:
    minutes = Minutes()
    assert list(minutes.add((dust(10), look(FINE), SILENT_COUNTER), room.now_us)) == []
    rest = list(minutes.rest())
    room.database.write(lambda tx: station.keep(tx, "core", rest, emulated=True))
    kept = rows(
        "SELECT sensor, looks, silent, temperature_mean_c, particles_mean_m3 FROM climate_reading ORDER BY sensor"
    )
    assert kept == [("air-01", 1, 0, 22.0, None), ("dust-01", 2, 1, None, 10.0)]


def test_a_sensor_that_tells_nothing_and_names_no_failure_is_refused(room: Room) -> None:
    nothing = Look("dust-01", Climate())
    with pytest.raises(REFUSED):
        room.database.write(lambda tx: station.record(tx, COUNTED, [nothing], room.now_us, emulated=True))
