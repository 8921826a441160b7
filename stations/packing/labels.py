"""A parcel's label comes out of the line's printer once, whatever is lost.

The intent is committed before anything is sent. Whatever may have been sent and is not known to have come out is asked
of the printer; what it can't tell, people look at. Only when they find no label does a next attempt begin, as an intent
of its own: the program never sends a label twice by itself.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from devices.errors import DeviceError, PrinterNotReadyError, PrinterSilentError
from devices.roles import LabelPrinter, LabelState, ParcelLabel, PrinterCondition
from stations.kept_machine import KeptMachine, MachineStandsError
from stations.packing.desk import PackingDesk
from stations.packing.rules import Grouping, barcode
from stations.packing.tables import LabelJob
from stations.workplace import Workplace

_log = structlog.get_logger()

PRINT_TIMEOUT_S: Final = 30.0
ASK_AGAIN_S: Final = 0.1
POST: Final = "POST"
JOB_ID_CHARACTERS: Final = 32
MOST_ABSENT: Final = 3
"""Labels of one tray that people look for in vain, before the printer is taken for broken."""

INTENT, PRINTED, ABSENT = "intent", "printed", "absent"

_job = LabelJob.__table__  # type: ignore[attr-defined]
_INTEND = insert(_job)
_JOBS = (
    select(_job.c.parcel_unit, _job.c.attempt, _job.c.state)
    .where(_job.c.parcel_unit.in_(bindparam("parcels", expanding=True)))
    .order_by(_job.c.attempt)
)
_TELL = (
    update(_job)
    .where(_job.c.parcel_unit == bindparam("of_parcel"), _job.c.attempt == bindparam("of_attempt"))
    .where(_job.c.state == INTENT)
    .values(state=bindparam("becomes"), settled_by=bindparam("by"), told_us=bindparam("told"))
)

Printer = KeptMachine[LabelPrinter]


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one parcel's label."""

    parcel_unit: str
    attempt: int
    label: ParcelLabel

    @property
    def id(self) -> str:
        """What the printer knows it by."""
        return job_id(self.parcel_unit, self.attempt)


@dataclass(frozen=True, slots=True)
class Told:
    """How a job ended: `printed` or `absent`; `by` is who looked, None where the printer said it."""

    job: Job
    state: str
    by: str | None = None


def job_id(parcel_unit: str, attempt: int) -> str:
    """The id of a parcel's label job; the same attempt always has the same."""
    return sha256(f"{parcel_unit}/{attempt}".encode()).hexdigest()[:JOB_ID_CHARACTERS]


def print_labels(workplace: Workplace, parcels: Sequence[Row[Any]], desk: PackingDesk, printer: Printer) -> list[Told]:
    """Have the label of each parcel printed; what became of it, to be booked by `book_told`.

    Raises MachineStandsError when the printer does not come back (what was known until then is booked), and
    LabelRefusedError, before anything is sent, for a label that could not be printed as it is meant.
    """
    left, fresh = _jobs_of(workplace, parcels)
    jobs = deque(_intend(workplace, printer, [_settle(workplace, job, desk, printer) for job in left], fresh))
    told: list[Told] = []
    absent = 0
    try:
        while jobs:
            told.append(_print(workplace, jobs.popleft(), desk, printer))
            if told[-1].state == ABSENT:
                absent += 1
                if absent == MOST_ABSENT:
                    raise MachineStandsError(printer.name, f"{absent} labels sent to {printer.name} never came out")
                jobs.extendleft(_intend(workplace, printer, told, []))
                told = []
    except MachineStandsError:
        workplace.database.write(lambda tx: book_told(tx, workplace, told))
        raise
    return told


def book_told(tx: Connection, workplace: Workplace, told: Sequence[Told]) -> None:
    """Record how label jobs ended."""
    if told:
        told_us = workplace.database.clock_us(tx)
        rows = [
            {
                "of_parcel": each.job.parcel_unit,
                "of_attempt": each.job.attempt,
                "becomes": each.state,
                "by": each.by,
                "told": told_us,
            }
            for each in told
        ]
        tx.execute(_TELL, rows)


def _jobs_of(workplace: Workplace, parcels: Sequence[Row[Any]]) -> tuple[list[Job], list[Job]]:
    """Jobs that were left open, which may have been sent, and those to begin."""
    with workplace.database.read() as connection:
        rows = connection.execute(_JOBS, {"parcels": [parcel.unit_id for parcel in parcels]})
        latest = {row.parcel_unit: row for row in rows}
    left, fresh = [], []
    for parcel in parcels:
        before = latest.get(parcel.unit_id)
        if before is None:
            fresh.append(Job(parcel.unit_id, 1, _label(parcel)))
        elif before.state == INTENT:
            left.append(Job(parcel.unit_id, before.attempt, _label(parcel)))
        elif before.state == ABSENT:
            fresh.append(Job(parcel.unit_id, before.attempt + 1, _label(parcel)))
    return left, fresh


def _label(parcel: Row[Any]) -> ParcelLabel:
    """What is printed: the parcel's number and where it goes; nobody's name."""
    destination = parcel.office if parcel.grouping == Grouping.OFFICE else POST
    return ParcelLabel(parcel.label, barcode(parcel.label), destination.upper())


def _intend(workplace: Workplace, printer: Printer, told: Sequence[Told], fresh: Sequence[Job]) -> list[Job]:
    """Commit how jobs ended and which begin now: a next one for each that never came out, and `fresh`."""
    again = [Job(each.job.parcel_unit, each.job.attempt + 1, each.job.label) for each in told if each.state == ABSENT]
    begun = [*again, *fresh]

    def write(tx: Connection) -> None:
        book_told(tx, workplace, told)
        if begun:
            beginning = {
                "printer": printer.name,
                "state": INTENT,
                "intent_us": workplace.database.clock_us(tx),
                "emulated": workplace.emulated,
            }
            rows = [{"parcel_unit": job.parcel_unit, "attempt": job.attempt, **beginning} for job in begun]
            tx.execute(_INTEND, rows)

    if told or begun:
        workplace.database.write(write)
    return begun


def _print(workplace: Workplace, job: Job, desk: PackingDesk, printer: Printer) -> Told:
    """Send the job's label, once, and learn what became of it."""
    while True:
        try:
            state = printer.once(lambda opened: opened.print_label(job.id, job.label, PRINT_TIMEOUT_S))
        except (PrinterNotReadyError, PrinterSilentError) as error:
            if error.state != LabelState.NOT_SENT:
                return _settle(workplace, job, desk, printer, believed=False)
            printer.ask(lambda opened: _must_be_ready(opened, job.id, LabelState.NOT_SENT))
        except DeviceError:
            return _settle(workplace, job, desk, printer, believed=False)
        else:
            return Told(job, PRINTED) if state is LabelState.PRINTED else _settle(workplace, job, desk, printer)


def _settle(workplace: Workplace, job: Job, desk: PackingDesk, printer: Printer, *, believed: bool = True) -> Told:
    """Learn what became of a label that may have been sent: from the printer or, where it can't tell, from people.

    Not `believed` is a printer that may have lost its power, for it says of a label lost with it that it is out.
    """
    state = printer.ask(lambda opened: _at_rest(opened, job.id))
    if believed and state is LabelState.PRINTED:
        return Told(job, PRINTED)
    told = PRINTED if desk.came_out(job.label.parcel, printer.name) else ABSENT
    _log.warning("label_looked_for", machine=printer.name, unit=job.label.parcel, attempt=job.attempt, outcome=told)
    return Told(job, told, workplace.first)


def _at_rest(printer: LabelPrinter, job_id: str) -> LabelState:
    """PRINTED or UNKNOWN, once nothing waits in the printer: what has not come out by then never will."""
    give_up_s = time.monotonic() + PRINT_TIMEOUT_S
    while (state := printer.status(job_id)) is LabelState.WAITING and time.monotonic() < give_up_s:
        time.sleep(ASK_AGAIN_S)
    if state is not LabelState.PRINTED:
        _must_be_ready(printer, job_id, state)
    return state


def _must_be_ready(printer: LabelPrinter, job_id: str, state: LabelState) -> None:
    condition = printer.condition()
    if condition is not PrinterCondition.READY:
        raise PrinterNotReadyError(printer.machine, condition, job_id, state)
