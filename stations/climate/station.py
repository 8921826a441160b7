"""The zones' watch on the database: each look is recorded in one transaction with all that follows from it.

What is outside, since when, and that a zone is suspended is in the database before anybody acts on it, so that a crash
begins no second grace and ends no suspension. Only people resume, and the log has the record of both.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.records import new_id
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.alarms import register as alarms
from stations.alarms.rules import CLIMATE
from stations.climate import rules
from stations.climate.errors import (
    AcceptedTimeError,
    NotLookedError,
    NotSuspendedError,
    ResumeReasonError,
    StillOutsideError,
    SuspendedZoneChangedError,
    UnknownZoneError,
)
from stations.climate.rules import KEPT_DAYS, S_US, Figure, Look, Minute, Standing, Step, Zone
from stations.climate.tables import (
    ClimateCrossing,
    ClimateMachine,
    ClimateReading,
    ClimateSensor,
    ClimateSuspension,
    ClimateZone,
)
from stations.people_register.credentials import SignedIn, TwoSigned

_ZONE = ClimateZone.__table__  # type: ignore[attr-defined]
_MACHINE = ClimateMachine.__table__  # type: ignore[attr-defined]
_SENSOR = ClimateSensor.__table__  # type: ignore[attr-defined]
_READING = ClimateReading.__table__  # type: ignore[attr-defined]
_CROSSING = ClimateCrossing.__table__  # type: ignore[attr-defined]
_SUSPENSION = ClimateSuspension.__table__  # type: ignore[attr-defined]

_REASON: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_DAY_US: Final = 86_400 * S_US
_LOCKED = select(_ZONE).where(_ZONE.c.zone == bindparam("of_zone")).with_for_update()
_OPEN = select(_SUSPENSION).where(_SUSPENSION.c.zone == bindparam("of_zone"), _SUSPENSION.c.resumed_us.is_(None))
_SENSORS = select(_SENSOR.c.sensor, _SENSOR.c.outside).where(_SENSOR.c.zone == bindparam("of_zone"))
_LOOKED = Statement(
    "UPDATE climate_zone SET looked_us = :looked_us, out_since_us = :out_since_us,"
    " accepted_until_us = :accepted_until_us WHERE zone = :zone"
)
_TOLD = ("zone", "looked_us", "temperature_c", "humidity_percent", "particles_m3", "failure", "outside", "emulated")
_TELL = Statement(
    f"INSERT INTO climate_sensor (sensor, {', '.join(_TOLD)})"  # noqa: S608 own names
    f" VALUES (:sensor, {', '.join(f':{name}' for name in _TOLD)})"
    f" ON CONFLICT (sensor) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _TOLD)}"
)
_COLUMNS: Final = ((Figure.TEMPERATURE, "c"), (Figure.HUMIDITY, "percent"), (Figure.PARTICLES, "m3"))


def follow_settings(tx: Connection, zones: Sequence[Zone], *, emulated: bool) -> None:
    """Make the tables say which zones there are and which machines stand in them.

    Raises SuspendedZoneChangedError, and changes nothing, rather than take a machine out of a suspended zone.
    """
    known = {row.zone: row for row in tx.execute(select(_ZONE))}
    for zone in zones:
        values = {
            "limits": json.dumps({figure.value: zone.limits[figure] for figure in sorted(zone.limits)}),
            "grace_us": zone.grace_us,
            # Whoever does not look for as long as the air may be outside does not know whether it is.
            "holds_us": max(zone.grace_us, round(3 * zone.every_s * S_US), S_US),
            "emulated": emulated,
        }
        before = known.get(zone.name)
        if before is None:
            tx.execute(insert(_ZONE).values(zone=zone.name, **values))
        elif any(getattr(before, name) != value for name, value in values.items()):
            tx.execute(update(_ZONE).where(_ZONE.c.zone == zone.name).values(values))
    sensors = [sensor for zone in zones for sensor in zone.sensors]
    tx.execute(delete(_SENSOR).where(_SENSOR.c.sensor.not_in(sensors)))
    _follow_machines(tx, {machine: zone.name for zone in zones for machine in zone.machines})


def _follow_machines(tx: Connection, wanted: dict[str, str]) -> None:
    stands = {row.machine: row.zone for row in tx.execute(select(_MACHINE))}
    suspended = set(tx.execute(select(_SUSPENSION.c.zone).where(_SUSPENSION.c.resumed_us.is_(None))).scalars())
    for machine, zone in stands.items():
        if wanted.get(machine) == zone:
            continue
        if zone in suspended:
            raise SuspendedZoneChangedError(machine, zone)
        tx.execute(delete(_MACHINE).where(_MACHINE.c.machine == machine))
    for machine, zone in wanted.items():
        if stands.get(machine) != zone:
            tx.execute(insert(_MACHINE).values(machine=machine, zone=zone))


def record(tx: Connection, zone: Zone, looks: Sequence[Look], now_us: int, *, emulated: bool) -> tuple[Step, ...]:
    """Record a look at all sensors of a zone, and whatever follows from it; what happened.

    `now_us`: the database's clock. Raises UnknownZoneError.
    """
    row = _locked(tx, zone.name)
    out = rules.outside(zone.limits, looks)
    before = {sensor: outside for sensor, outside in tx.execute(_SENSORS, {"of_zone": zone.name})}  # noqa: C416
    for look in looks:
        _record_sensor(tx, zone.name, look, out[look.sensor], before.get(look.sensor, ""), now_us, emulated=emulated)
    stood = Standing(row.out_since_us, _open(tx, zone.name) is not None, row.accepted_until_us)
    # A sensor that line.toml names and nobody asked is as silent as one that does not answer.
    anything = any(out.values()) or not looks
    stands, happened = rules.follow(stood, anything, now_us, zone.grace_us)
    standing = {"out_since_us": stands.out_since_us, "accepted_until_us": stands.accepted_until_us}
    _LOOKED.run(tx, {"zone": zone.name, "looked_us": now_us, **standing})
    if Step.SUSPENDED in happened:
        _suspend(tx, zone.name, out, stands, now_us, emulated=emulated)
    _follow_alarm(tx, zone, stands, now_us, emulated=emulated)
    return happened


def _record_sensor(
    tx: Connection,
    zone: str,
    look: Look,
    out: dict[Figure, float | None],
    before: str,
    now_us: int,
    *,
    emulated: bool,
) -> None:
    was = {Figure(name) for name in before.split(",") if name}
    told = look.told
    crossed = [(figure, True, out[figure]) for figure in Figure if figure in out and figure not in was]
    crossed += [(figure, False, told.get(figure)) for figure in Figure if figure in was and figure not in out]
    for figure, outwards, value in crossed:
        tx.execute(
            insert(_CROSSING).values(
                crossing_id=new_id(),
                zone=zone,
                sensor=look.sensor,
                figure=figure.value,
                outwards=outwards,
                value=value,
                at_us=now_us,
                emulated=emulated,
            )
        )
    facts = {
        "sensor": look.sensor,
        "zone": zone,
        "looked_us": now_us,
        "temperature_c": told.get(Figure.TEMPERATURE),
        "humidity_percent": told.get(Figure.HUMIDITY),
        "particles_m3": told.get(Figure.PARTICLES),
        "failure": look.failure,
        "outside": ",".join(figure.value for figure in Figure if figure in out),
        "emulated": emulated,
    }
    _TELL.run(tx, facts)


def _suspend(
    tx: Connection,
    zone: str,
    out: dict[str, dict[Figure, float | None]],
    stands: Standing,
    now_us: int,
    *,
    emulated: bool,
) -> None:
    causes = [(sensor, figure, value) for sensor, found in out.items() for figure, value in found.items()]
    sensor, figure, value = causes[0] if causes else ("-", Figure.SILENCE, None)
    suspension = new_id()
    tx.execute(
        insert(_SUSPENSION).values(
            suspension_id=suspension,
            zone=zone,
            sensor=sensor,
            figure=figure.value,
            value=value,
            out_since_us=stands.out_since_us,
            suspended_us=now_us,
            emulated=emulated,
        )
    )
    said = f"{zone} {now_us} {stands.out_since_us} {sensor} {figure}"
    entry = Entry(Register.CLIMATE, suspension, "suspended", said)
    register.record(tx, register.administration(), None, [entry], Stamp(now_us, emulated))


def _follow_alarm(tx: Connection, zone: Zone, stands: Standing, now_us: int, *, emulated: bool) -> None:
    if not stands.alarms(now_us, zone.grace_us):
        alarms.clear(tx, CLIMATE, zone.name)
    elif not alarms.is_open(tx, CLIMATE, zone.name):
        alarms.raise_alarm(tx, CLIMATE, zone.name, emulated=emulated)


def keep(tx: Connection, zone: str, minutes: Iterable[tuple[str, Minute]], *, emulated: bool) -> None:
    """Keep minutes that are over, by sensor."""
    rows = []
    for sensor, minute in minutes:
        row: dict[str, Any] = {"sensor": sensor, "zone": zone, "began_us": minute.began_us, "emulated": emulated}
        row |= {"looks": minute.looks, "silent": minute.silent}
        for figure, unit in _COLUMNS:
            spread = minute.spreads.get(figure)
            for name, value in (
                ("min", spread and spread.lowest), ("max", spread and spread.highest), ("mean", spread and spread.mean),
            ):  # fmt: skip
                row[f"{figure}_{name}_{unit}"] = value
        rows.append(row)
    if rows:
        tx.execute(insert(_READING), rows)


def purge(tx: Connection, zone: str, now_us: int) -> int:
    """Delete a zone's readings and crossings that are older than they are kept; how many. Guards allow no younger."""
    oldest_us = now_us - (KEPT_DAYS + 1) * _DAY_US
    readings = delete(_READING).where(_READING.c.zone == zone, _READING.c.began_us < oldest_us)
    crossings = delete(_CROSSING).where(_CROSSING.c.zone == zone, _CROSSING.c.at_us < oldest_us)
    return int(tx.execute(readings).rowcount + tx.execute(crossings).rowcount)


def check_resume(conn: Connection, zone: str, reason: str, now_us: int, accept_min: int | None = None) -> None:
    """Raise what keeps a zone suspended, before anybody is asked to sign.

    `accept_min`: minutes for which two people accept air that is outside, None where a lead alone resumes. Raises
    ResumeReasonError, AcceptedTimeError, UnknownZoneError, NotSuspendedError, NotLookedError, StillOutsideError.
    """
    if _REASON.fullmatch(reason) is None:
        raise ResumeReasonError
    if accept_min is not None and not 1 <= accept_min <= rules.LONGEST_ACCEPTED_MIN:
        raise AcceptedTimeError(accept_min, rules.LONGEST_ACCEPTED_MIN)
    row = _known(conn, zone, conn.execute(select(_ZONE).where(_ZONE.c.zone == zone)).one_or_none())
    _refuse(conn, row, now_us, accepted=accept_min is not None)


def resume(
    tx: Connection,
    zone: str,
    reason: str,
    by: SignedIn | TwoSigned,
    now_us: int,
    *,
    accept_min: int | None = None,
    emulated: bool,
) -> int | None:
    """End a zone's suspension by a lead; until when its air is accepted as it is, None where it is within its limits.

    `by`: two people where `accept_min` is given. Raises as `check_resume`, and ValueError for two
    people without it, or one with it.
    """
    row = _locked(tx, zone)
    check_resume(tx, zone, reason, now_us, accept_min)
    suspension = _open(tx, zone)
    if suspension is None:
        raise NotSuspendedError(zone)
    two = isinstance(by, TwoSigned)
    if two is (accept_min is None):
        raise ValueError("two people accept air that is outside, and a lead alone resumes in air that is within")
    until_us = None if accept_min is None else now_us + accept_min * 60 * S_US
    lead, sign_in = (by.first, by.first_sign_in) if isinstance(by, TwoSigned) else (by.code, by.sign_in)
    second, second_sign_in = (by.second, by.second_sign_in) if isinstance(by, TwoSigned) else (None, None)
    ended_us = max(now_us, suspension.suspended_us)
    tx.execute(
        update(_SUSPENSION)
        .where(_SUSPENSION.c.suspension_id == suspension.suspension_id)
        .values(
            resumed_us=ended_us,
            resumed_by=lead,
            sign_in=sign_in,
            resumed_second=second,
            second_sign_in=second_sign_in,
            reason=reason,
            accepted_until_us=until_us,
        )
    )
    # Air that was not looked at counts as outside from now on.
    out_since_us = (row.out_since_us or now_us) if until_us is not None else None
    standing = {"out_since_us": out_since_us, "accepted_until_us": until_us}
    tx.execute(update(_ZONE).where(_ZONE.c.zone == zone).values(standing))
    said = f"{zone} {ended_us} {until_us if until_us is not None else '-'} {reason}"
    entry = Entry(Register.CLIMATE, suspension.suspension_id, "resumed", said)
    stamp = Stamp(now_us, emulated, second_sign_in=second_sign_in)
    register.record(tx, register.administration(lead, sign_in), second, [entry], stamp)
    alarms.clear(tx, CLIMATE, zone)
    return until_us


def _refuse(conn: Connection, row: Row[Any], now_us: int, *, accepted: bool) -> None:
    if _open(conn, row.zone) is None:
        raise NotSuspendedError(row.zone)
    if accepted:
        return
    if row.looked_us is None or now_us - row.looked_us > row.holds_us:
        raise NotLookedError(row.zone, row.looked_us)
    if row.out_since_us is not None:
        raise StillOutsideError(row.zone, row.out_since_us)


def _locked(tx: Connection, zone: str) -> Row[Any]:
    return _known(tx, zone, tx.execute(_LOCKED, {"of_zone": zone}).one_or_none())


def _known(conn: Connection, zone: str, row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise UnknownZoneError(zone, tuple(conn.execute(select(_ZONE.c.zone).order_by(_ZONE.c.zone)).scalars()))
    return row


def _open(conn: Connection, zone: str) -> Row[Any] | None:
    return conn.execute(_OPEN, {"of_zone": zone}).one_or_none()
