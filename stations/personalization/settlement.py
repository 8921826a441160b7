"""Jobs in doubt, settled by two people who hold the piece in their hands (design.md, crash safety, point 4).

The physical act comes first: a bad piece is defaced, an unmarked blank carried to the stock, before it is recorded.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from devices.jobs import JobState
from handoff_logs import log
from handoff_logs.errors import SamePersonError
from handoff_logs.records import Act, Outcome, Party
from stations.people import Role
from stations.personalization import booking, jobs, rules
from stations.personalization.booking import Work
from stations.personalization.errors import (
    AlreadySettledError,
    FindingRefusedError,
    ForeignBlankError,
    NotInDoubtError,
    UnknownJobError,
)
from stations.personalization.rules import Settlement
from stations.workplace import Workplace

SETTLERS = (Role.OPERATOR, Role.INSPECTOR, Role.LEAD)
"""Who may settle."""
SECONDS = (*SETTLERS, Role.ENGINEER)
"""Who may be the second of the two: an engineer who opened the machine, beside somebody who answers for pieces."""

HELD_IN_HANDS = (Settlement.MADE_GOOD, Settlement.MADE_BAD, Settlement.UNMARKED, Settlement.UNREADABLE)
"""Findings of a piece that is there."""


def settle(
    workplace: Workplace, job_id: str, found: Settlement, first: str, second: str, place: str, serial: str | None = None
) -> str | None:
    """Record that `first` and `second` found this of a job in doubt, its piece now at `place`; the document, if one.

    `serial` is the blank by elimination where the machine never read it. Made good: a document, for QC alone. Made bad
    or unreadable: voided (it must be defaced already), the order waits again. Unmarked: the blank is held at `place`.
    Not drawn: the stacks are whole, nothing was drawn. Not found: the job stays open and is not remade. Raises as
    `check`, and SamePersonError for `first` = `second`.
    """
    people = first, second
    return workplace.database.write(lambda tx: settle_in(tx, workplace, job_id, found, people, place, serial))


def check(conn: Connection, job_id: str, found: Settlement, place: str, serial: str | None = None) -> None:
    """Raise what `settle` would raise of the job and the finding, before anybody is asked to sign.

    Raises `UnknownJobError`, `NotInDoubtError`, `AlreadySettledError`, `FindingRefusedError`.
    """
    _check(conn, jobs.find(conn, job_id), job_id, found, place, serial)


def usual_place(product: str, machine: str, found: Settlement) -> str:
    """Where a piece belongs that was found so, once the physical act is done."""
    match found:
        case Settlement.MADE_GOOD:
            return rules.RACK
        case Settlement.MADE_BAD | Settlement.UNREADABLE:
            return rules.VOIDED
        case Settlement.UNMARKED:
            return rules.blank_stock(rules.blank_kind([product]))
        case _:
            return rules.bench(machine)


def _check(
    conn: Connection, row: Row[Any] | None, job_id: str, found: Settlement, place: str, serial: str | None
) -> Row[Any]:
    if row is None:
        raise UnknownJobError(job_id)
    if row.state != JobState.UNCERTAIN or row.doubt is None:
        if row.settlement is not None and row.result_us is not None:
            people = row.settled_by, row.settled_second
            raise AlreadySettledError(job_id, row.state, found.value, row.settlement, people, row.result_us)
        raise NotInDoubtError(job_id, row.state, found.value)
    if why := _impossible(row, found, serial) or _misplaced(row, found, place):
        raise FindingRefusedError(job_id, found.value, why)
    if serial is not None and row.blank_unit is None:
        _find_drawn(conn, row, found, serial)
    return row


def _impossible(row: Row[Any], found: Settlement, serial: str | None) -> str | None:
    """Why the job's own facts contradict the finding."""
    if found is Settlement.LOST:
        return "a loss is reported by `passline blanks report-lost`, after the piece was not found"
    if serial is not None and row.blank_serial not in (None, serial):
        return f"{row.machine} drew blank {row.blank_serial} for it, not {serial}; look at the piece again"
    if found is Settlement.NOT_DRAWN and row.blank_serial is not None:
        return f"{row.machine} drew blank {row.blank_serial} for it; look for that piece, or record it as not found"
    if found is Settlement.NOT_DRAWN and serial is not None:
        return f"blank {serial} is named, and nothing was drawn; leave the serial out, or say what the blank is"
    if found in HELD_IN_HANDS and row.blank_serial is None and serial is None:
        return f"{row.machine} never read its blank; count its stacks and name the serial that is missing from them"
    if found is Settlement.MADE_GOOD and row.specimen is not None:
        return "it is a specimen, which is never a document; deface zone and chip, then record made-bad"
    if found is Settlement.MADE_GOOD and row.data_sha256 is None:
        return "its data were never built, so nothing can have been made; look at the piece again"
    return None


def _misplaced(row: Row[Any], found: Settlement, place: str) -> str | None:
    """Why the piece can't lie at `place`: machines are filled from a stock, so unmarked blanks alone go there."""
    kind = rules.blank_kind([row.product])
    stock = rules.blank_stock(kind)
    if place.startswith("stock:") and (found is not Settlement.UNMARKED or place != stock):
        return f"{place} is no place for it; {stock} takes unmarked {kind}s alone"
    return None


def _find_drawn(conn: Connection, row: Row[Any], found: Settlement, serial: str) -> str:
    """The unit of the blank that two people name by elimination: in the machine by the log, and no other job's."""
    other = select(jobs.JOB.c.job_id).where(jobs.JOB.c.blank_serial == serial, jobs.JOB.c.unfinished)
    if (job := conn.execute(other).scalar()) is not None:
        raise FindingRefusedError(row.job_id, found.value, f"blank {serial} is job {job}'s; count the stacks again")
    try:
        return booking.find_blank(conn, serial, row.machine)
    except ForeignBlankError as error:
        why = f"the log has blank {serial} at {error.whereabouts}, not in {row.machine}; count its stacks again"
        raise FindingRefusedError(row.job_id, found.value, why) from error


def settle_in(
    tx: Connection,
    workplace: Workplace,
    job_id: str,
    found: Settlement,
    people: tuple[str, str],
    place: str,
    serial: str | None,
) -> str | None:
    """The same in the transaction of `tx`."""
    if people[0] == people[1]:
        raise SamePersonError(Act.SETTLE, people[0])
    # Locked, so that of two pairs who settle at one moment the second is told of the first.
    row = _check(tx, jobs.lock(tx, job_id), job_id, found, place, serial)
    work = booking.work_of(row)
    if serial is not None and work.blank_unit is None:
        work = _attach(tx, workplace, row, work, found, serial)
    document = None
    if work.blank_unit is not None and found is not Settlement.NOT_FOUND:
        document = _settle_blank(tx, workplace, work, work.blank_unit, found, people, place)
    jobs.settled(tx, job_id, found, people, document, booking.now_us())
    if found not in (Settlement.MADE_GOOD, Settlement.NOT_FOUND):
        booking.make_again(tx, row.application_id, row.order_unit)
    return document


def _attach(tx: Connection, workplace: Workplace, row: Row[Any], work: Work, found: Settlement, serial: str) -> Work:
    unit = _find_drawn(tx, row, found, serial)
    log.doubt(tx, workplace.party(), [unit], rules.bench(row.machine), booking.stamp(workplace, row.machine))
    jobs.attach_blank(tx, row.job_id, serial, unit)
    return replace(work, blank_serial=serial, blank_unit=unit)


_OUTCOMES = {
    Settlement.MADE_GOOD: Outcome.MADE_GOOD,
    Settlement.MADE_BAD: Outcome.MADE_BAD,
    Settlement.UNREADABLE: Outcome.MADE_BAD,
    Settlement.UNMARKED: Outcome.UNMARKED,
}


def _settle_blank(
    tx: Connection,
    workplace: Workplace,
    work: Work,
    blank: str,
    found: Settlement,
    people: tuple[str, str],
    place: str,
) -> str | None:
    first, second = (workplace.sign_ins.get(person) for person in people)
    by = Party(workplace.station, people[0], workplace.shift, first)
    outcome = _OUTCOMES[found]
    reason = rules.SPECIMEN if work.specimen and outcome is Outcome.MADE_BAD else found.value
    stamp = replace(booking.stamp(workplace, None, work, reason), second_sign_in=second)
    log.settle(tx, by, people[1], [blank], outcome, place, stamp)
    if found is not Settlement.MADE_GOOD:
        return None
    return booking.born_document(tx, workplace, None, work, place)
