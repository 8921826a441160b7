"""What a personalizer tells of itself and its jobs: replies built from memory and counters, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from devices import messages as m
from devices.emulation.memory import Journal
from devices.jobs import Cause, Disposition, MachineJobState
from devices.messages import JournalEntry
from devices.wire import pack_record

_PAGE_OVERHEAD_BYTES = 64


def outcome(job: JournalEntry) -> m.Outcome:
    """How an ended job ended."""
    return m.Outcome(job.job_id, job.state, job.blank_serial, job.disposition, job.cause)


def state_of(job: JournalEntry | None) -> MachineJobState:
    """The job's state; ABSENT for one that the machine never heard of."""
    return MachineJobState.ABSENT if job is None else job.state


def open_jobs(journal: Journal) -> tuple[m.OpenJob, ...]:
    """The oldest unreleased jobs, as many as a HELLO lists."""
    return tuple(m.OpenJob(job.job_id, job.state) for job in islice(journal.open_jobs.values(), m.MAX_OPEN_JOBS))


def status(request: m.Status, job: JournalEntry | None, journal: Journal) -> m.StatusReply:
    """All that is known of a job, and the reach of the journal that says so."""
    return m.StatusReply(
        request=request.request,
        job_id=request.job_id,
        state=state_of(job),
        released=job is not None and job.released,
        blank_serial="" if job is None else job.blank_serial,
        data_sha256=m.NO_DIGEST if job is None else job.data_sha256,
        disposition=Disposition.NONE if job is None else job.disposition,
        cause=Cause.NONE if job is None else job.cause,
        journal_id=journal.journal_id,
        journal_first=journal.first,
        journal_next=journal.next,
    )


def page(request: m.Journal, journal: Journal, max_payload: int) -> m.JournalPage:
    """As many journal entries as fit into `max_payload` bytes."""
    entries = tuple(_fitting(journal.entries(request.since), max_payload - _PAGE_OVERHEAD_BYTES))
    return m.JournalPage(request.request, journal.journal_id, journal.first, journal.next, entries)


def _fitting(entries: Iterator[JournalEntry], room: int) -> Iterator[JournalEntry]:
    for entry in entries:
        room -= len(pack_record(entry))
        if room < 0:
            return
        yield entry
