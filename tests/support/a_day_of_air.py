"""A day of a zone's air in the tables: it warms up, is suspended and resumed, and its sensors fall silent once."""

import math
from decimal import Decimal

from sqlalchemy import Connection, text

from devices.roles import Climate
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.climate import station
from stations.climate.rules import Figure, Look, Minutes, Zone
from stations.people_register.credentials import SignedIn

ZONE = Zone(
    "core",
    {Figure.TEMPERATURE: (18.0, 26.0), Figure.HUMIDITY: (30.0, 65.0), Figure.PARTICLES: (None, 3_520_000.0)},
    grace_s=300.0,
    every_s=60.0,
    sensors=("air-01", "air-02"),
    machines=("book-01", "card-01"),
)
MINUTE_US = 60_000_000


def look_at(sensor: str, minute: int) -> Look:
    """What a sensor told in the minute of a day that ends now."""
    if 400 <= minute < 408:
        return Look(sensor, None, "SensorSilentError")
    other = sensor != "air-01"
    temperature = 21.5 + 1.2 * math.sin(minute / 230) + 0.4 * other + 0.15 * math.sin(minute * 1.7)
    if 900 <= minute < 960:
        temperature += 6.5 * math.sin((minute - 900) / 60 * math.pi)
    humidity = 46 + 6 * math.cos(minute / 300) + 0.5 * math.sin(minute * 2.3) - 2 * other
    particles = 900_000 + 600_000 * math.sin(minute / 90) + (2_900_000 if 1_200 <= minute < 1_203 else 0)
    return Look(sensor, Climate(Decimal(f"{temperature:.1f}"), Decimal(f"{humidity:.1f}"), int(particles)))


def tell(database: Database, lead: SignedIn, *, minutes: int = 1440, suspended_now: bool = False) -> None:
    """Record the day. It was suspended for the warmth, and the lead resumed; with `suspended_now` nobody did."""
    now_us = _now_us(database)
    kept = Minutes()
    database.write(lambda tx: station.follow_settings(tx, [ZONE], emulated=True))

    def write(tx: Connection) -> None:
        for minute in range(1440 - minutes, 1440):
            at_us = now_us - (1440 - minute) * MINUTE_US
            looks = tuple(look_at(sensor, minute) for sensor in ZONE.sensors)
            over = list(kept.add(looks, at_us))
            station.record(tx, ZONE, looks, at_us, emulated=True)
            station.keep(tx, ZONE.name, over, emulated=True)
            if minute in (430, 985) and not (suspended_now and minute == 985):
                _resume(tx, lead, at_us)

    database.write(write)


def _resume(tx: Connection, lead: SignedIn, at_us: int) -> None:
    attempt = new_id()
    insert = text("INSERT INTO sign_in_attempt VALUES (:id, :code, :at, 'accepted')")
    tx.execute(insert, {"id": attempt, "code": lead.code, "at": at_us})
    signed = SignedIn(lead.code, lead.roles, attempt)
    station.resume(tx, ZONE.name, "cooling-repaired", signed, at_us, emulated=True)


def _now_us(database: Database) -> int:
    with database.read() as connection:
        return database.clock_us(connection)
