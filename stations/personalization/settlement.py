"""Jobs in doubt, settled by two people who hold the piece in their hands (design.md, crash safety, point 4).

The physical act comes first: a bad piece is defaced, an unmarked blank carried to the stock, before it is recorded.
"""

from sqlalchemy import Connection

from devices.jobs import JobState
from handoff_logs import log
from handoff_logs.records import Outcome, Party
from stations.personalization import booking, jobs, rules
from stations.personalization.booking import Work
from stations.personalization.errors import JobStateError, UnknownJobError
from stations.personalization.rules import Settlement
from stations.workplace import Workplace


def settle(
    workplace: Workplace, job_id: str, found: Settlement, first: str, second: str, place: str, serial: str | None = None
) -> str | None:
    """Record that `first` and `second` found this of a job in doubt, its piece now at `place`; the document, if one.

    `serial` is the blank by elimination where the machine never read it. Made good: a document, for QC alone. Made bad
    or unreadable: voided (it must be defaced already), the order waits again. Unmarked: the blank is held at `place`.
    Not drawn: the stacks are whole, nothing was drawn. Not found: the job stays open and is not remade. Raises
    `UnknownJobError`, `JobStateError`; the log refuses `first` = `second`.
    """
    return workplace.database.write(lambda tx: _settle(tx, workplace, job_id, found, (first, second), place, serial))


def _settle(
    tx: Connection,
    workplace: Workplace,
    job_id: str,
    found: Settlement,
    people: tuple[str, str],
    place: str,
    serial: str | None,
) -> str | None:
    row = jobs.find(tx, job_id)
    if row is None:
        raise UnknownJobError(job_id)
    if row.state != JobState.UNCERTAIN or row.doubt is None:
        raise JobStateError(job_id, row.state, found.value)
    if serial is not None and row.blank_unit is None:
        _attach(tx, workplace, job_id, row.machine, serial)
        row = jobs.find(tx, job_id)
        assert row is not None  # noqa: S101 - found above, and jobs are never deleted
    document = None
    if row.blank_unit is not None and found is not Settlement.NOT_FOUND:
        document = _settle_blank(tx, workplace, booking.work_of(row), found, people, place)
    jobs.settled(tx, job_id, found, people, document, booking.now_us())
    if found not in (Settlement.MADE_GOOD, Settlement.NOT_FOUND):
        booking.make_again(tx, row.application_id, row.order_unit)
    return document


def _attach(tx: Connection, workplace: Workplace, job_id: str, machine: str, serial: str) -> None:
    unit = booking.find_blank(tx, serial, machine)
    log.doubt(tx, workplace.party(), [unit], rules.bench(machine), booking.stamp(workplace, machine))
    jobs.attach_blank(tx, job_id, serial, unit)


_OUTCOMES = {
    Settlement.MADE_GOOD: Outcome.MADE_GOOD,
    Settlement.MADE_BAD: Outcome.MADE_BAD,
    Settlement.UNREADABLE: Outcome.MADE_BAD,
    Settlement.UNMARKED: Outcome.UNMARKED,
}


def _settle_blank(
    tx: Connection, workplace: Workplace, work: Work, found: Settlement, people: tuple[str, str], place: str
) -> str | None:
    if found not in _OUTCOMES or work.blank_unit is None:
        raise JobStateError(work.job_id, work.state, found.value)
    by = Party(workplace.station, people[0], workplace.shift)
    stamp = booking.stamp(workplace, None, work, found.value)
    log.settle(tx, by, people[1], [work.blank_unit], _OUTCOMES[found], place, stamp)
    if found is not Settlement.MADE_GOOD:
        return None
    return booking.born_document(tx, workplace, None, work, place)
