"""Stopping an application by its number, and what two people do with its units: let them go on, or end them.

The units of a stopped application go into quarantine when their station next touches them (`stations.trays`). What is
on hold stays there, and an order that no machine has drawn stays in its tray, and is drawn no more. Only from these
places can two people take them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from handoff_logs import log
from handoff_logs.records import Kind, Outcome, State, new_id
from handoff_logs.tables import CustodyUnit, UnitNumber, Whereabouts
from stations.errors import ApplicationStateError
from stations.intake import station as intake
from stations.intake.tables import Application, ApplicationState, ApplicationStop
from stations.people import Role
from stations.personalization import jobs
from stations.personalization.rules import RACK, VOIDED
from stations.personalization.rules import STATION as PERSONALIZATION
from stations.stopping.errors import (
    MachineHasItError,
    NotStoppableError,
    NotStoppedError,
    PieceNotVoidedError,
    StillUnderWayError,
    UnknownNumberError,
)
from stations.trays import HOLD, INPUT, QUARANTINE, stamp, table_place, tray_place
from stations.workplace import Workplace

STOPPERS = (Role.LEAD,)
"""Who may stop an application, alone."""

ENDERS = (Role.LEAD, Role.INSPECTOR)
"""Of whom two release or end one."""

REASONS = ("withdrawn", "alert", "mistake")
"""Why an application is stopped (codes)."""

Put = Callable[[Sequence[str], str], None]
"""Carries pieces, by their serials, to a physical place."""

_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_STOP = ApplicationStop.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_CUSTODY = CustodyUnit.__table__  # type: ignore[attr-defined]
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NEWEST = (
    select(_APPLICATION.c.application_id, _APPLICATION.c.state, _APPLICATION.c.order_unit)
    .order_by(_APPLICATION.c.revision.desc())
    .limit(1)
)
_UNITS = select(
    _WHERE.c.unit_id, _WHERE.c.kind, _WHERE.c.state, _WHERE.c.station, _WHERE.c.place, jobs.JOB.c.blank_serial
).outerjoin(jobs.JOB, jobs.JOB.c.document_unit == _WHERE.c.unit_id)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a stopped application that has not ended; `serial` is of a document's blank."""

    unit_id: str
    kind: str
    state: str
    station: str
    place: str
    serial: str | None

    @property
    def in_quarantine(self) -> bool:
        """Whether its station has put it aside."""
        return self.state == State.DOUBT and self.place == QUARANTINE

    @property
    def lies_still(self) -> bool:
        """Whether no station works on it: in quarantine, on hold, or an order at personalization, never drawn."""
        undrawn = self.kind == Kind.ORDER and self.station == PERSONALIZATION
        return self.in_quarantine or (self.state == State.HELD and (undrawn or self.place == HOLD))


@dataclass(frozen=True, slots=True)
class Stopped:
    """An open stop, and where the application's units are."""

    application_id: str
    reason: str
    state_before: str
    stopped_by: str
    stopped_us: int
    emulated: bool
    units: tuple[Unit, ...]


def stop(workplace: Workplace, number: str, by: str, reason: str) -> str:
    """Stop the application of `number` (its newest revision) wherever it is; its id.

    `reason`: one of REASONS. Raises UnknownNumberError, NotStoppableError.
    """
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is none of {', '.join(REASONS)}")

    def write(tx: Connection) -> str:
        application_id: str = _found(tx, workplace, number).application_id
        try:
            intake.stop(tx, application_id, by, reason, workplace.database.clock_us(tx))
        except ApplicationStateError as error:
            raise NotStoppableError(error.state) from error
        return application_id

    return workplace.database.write(write)


def stopped(conn: Connection) -> list[Stopped]:
    """Every application that is stopped now, the oldest stop first."""
    open_stops = (
        select(_STOP, _APPLICATION.c.order_unit, _APPLICATION.c.emulated)
        .join(_APPLICATION, _APPLICATION.c.application_id == _STOP.c.application_id)
        .where(_STOP.c.outcome.is_(None))
        .order_by(_STOP.c.stopped_us)
    )
    return [
        Stopped(
            row.application_id,
            row.reason,
            row.state_before,
            row.stopped_by,
            row.stopped_us,
            bool(row.emulated),
            tuple(_units(conn, row.application_id, row.order_unit)),
        )
        for row in conn.execute(open_stops)
    ]


def number_of(conn: Connection, each: Stopped) -> str:
    """The application's number, as its order bears it; empty once its person was erased."""
    orders = [unit.unit_id for unit in each.units if unit.kind == Kind.ORDER]
    order = (
        orders[0]
        if orders
        else select(_APPLICATION.c.order_unit)
        .where(_APPLICATION.c.application_id == each.application_id)
        .scalar_subquery()
    )
    number = conn.execute(select(_NUMBER.c.number).where(_NUMBER.c.unit_id == order)).scalar()
    return "" if number is None else str(number).partition("/")[0]


def release(workplace: Workplace, number: str, put: Put) -> ApplicationState:
    """Let a stopped application go on by the two people of `workplace`, from where it was; the state it has again.

    What was in quarantine goes into a tray of its own at its station, and is worked when that station next begins.
    Raises UnknownNumberError, NotStoppedError, StillUnderWayError, MachineHasItError.
    """
    first, second = workplace.people[:2]
    places: list[tuple[str, str]] = []

    def write(tx: Connection) -> ApplicationState:
        row = _found(tx, workplace, number)
        now_us = workplace.database.clock_us(tx)
        before: ApplicationState = _ended(lambda: intake.release(tx, row.application_id, first, second, now_us))
        places.clear()
        for unit in _units(tx, row.application_id, row.order_unit):
            if unit.in_quarantine:
                places.append((unit.serial or "", _go_on(tx, workplace, unit, second)))
        return before

    state = workplace.database.write(write)
    for serial, place in places:
        if serial:
            put([serial], place)
    return state


def end(workplace: Workplace, number: str, put: Put) -> list[Unit]:
    """End a stopped application for good by the two people of `workplace`; the units that they voided.

    Its document must be defaced before, or be lost by the word of two: then it lives on, and nothing is ever made again
    for this application. Its order, which is data, is voided and destroyed in one; then its person may apply anew.
    Raises UnknownNumberError, NotStoppedError, StillUnderWayError, MachineHasItError, PieceNotVoidedError.
    """
    first, second = workplace.people[:2]

    def write(tx: Connection) -> list[Unit]:
        row = _found(tx, workplace, number)
        if row.state != ApplicationState.STOPPED:
            raise NotStoppedError(row.state)
        _no_machine_has_it(tx, row.application_id)
        units = [unit for unit in _units(tx, row.application_id, row.order_unit) if unit.state != State.VOID]
        for unit in units:
            if not unit.lies_still:
                raise StillUnderWayError(unit.kind, unit.state, unit.station, unit.place)
            _void(tx, workplace, unit, second)
        documents = [unit.unit_id for unit in units if unit.kind == Kind.DOCUMENT]
        if documents:
            jobs.voided(tx, documents)
        _no_piece_lives(tx, row.application_id)
        _ended(lambda: intake.close(tx, row.application_id, first, second, workplace.database.clock_us(tx)))
        return units

    voided = workplace.database.write(write)
    for unit in voided:
        if unit.serial is not None:
            put([unit.serial], table_place(unit.station, VOIDED))
    return voided


def _go_on(tx: Connection, workplace: Workplace, unit: Unit, second: str) -> str:
    """Two people vouch for a unit in quarantine; where its piece is to be carried."""
    tray = new_id()
    here = workplace.at(unit.station, workplace.people, workplace.sign_ins)
    place = RACK if unit.station == PERSONALIZATION else INPUT
    why = stamp(here, tray, reason="released")
    log.settle(tx, here.party(), second, [unit.unit_id], Outcome.MADE_GOOD, place, why)
    return RACK if place == RACK else tray_place(tray)


def _void(tx: Connection, workplace: Workplace, unit: Unit, second: str) -> None:
    here = workplace.at(unit.station, workplace.people, workplace.sign_ins)
    why = stamp(here, reason="stopped")
    log.void(tx, here.party(), second, [unit.unit_id], VOIDED, why)
    if unit.kind == Kind.ORDER:
        log.destroy(tx, here.party(), second, [unit.unit_id], why)


def _found(conn: Connection, workplace: Workplace, number: str) -> Row[Any]:
    key = workplace.personal.application_key(number)
    row = conn.execute(_NEWEST.where(_APPLICATION.c.application_key == key)).one_or_none()
    if row is None:
        raise UnknownNumberError
    return row


def _ended(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except ApplicationStateError as error:
        raise NotStoppedError(error.state) from error


def _units(conn: Connection, application_id: str, order_unit: str) -> list[Unit]:
    """What of an application has not ended: its order, and documents of its jobs."""
    documents = select(jobs.JOB.c.document_unit).where(
        jobs.JOB.c.application_id == application_id, jobs.JOB.c.document_unit.is_not(None)
    )
    ids = [order_unit, *conn.execute(documents).scalars()]
    rows = conn.execute(_UNITS.where(_WHERE.c.unit_id.in_(ids), _WHERE.c.state != State.ENDED).order_by(_WHERE.c.kind))
    return [Unit(*row) for row in rows]


def _no_machine_has_it(conn: Connection, application_id: str) -> None:
    open_jobs = select(jobs.JOB.c.machine, jobs.JOB.c.state).where(
        jobs.JOB.c.application_id == application_id, jobs.JOB.c.unfinished
    )
    if (row := conn.execute(open_jobs).first()) is not None:
        raise MachineHasItError(row.machine, row.state)


def _no_piece_lives(conn: Connection, application_id: str) -> None:
    # What two people recorded as lost can't be defaced; what is outside is no stopped application's.
    lost = select(_CUSTODY.c.unit_id).where(
        _CUSTODY.c.unit_id == jobs.JOB.c.document_unit,
        _CUSTODY.c.state == State.ENDED.value,
        _CUSTODY.c.outcome == Outcome.LOST.value,
    )
    live = select(jobs.JOB.c.machine).where(
        jobs.JOB.c.application_id == application_id, jobs.JOB.c.live, ~lost.exists()
    )
    if (machine := conn.execute(live).scalar()) is not None:
        raise PieceNotVoidedError(machine)
