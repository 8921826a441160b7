"""What must be settled with a machine before anything is drawn on it: ask about every open intent, then decide.

Nothing moves here. The caller books what is settled, puts in doubt what is not, and only then goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.errors import MachineRefusedError
from devices.jobs import DRAWN, RESULTS, JobIntent, JobJournal, JobState, MachineJobState
from devices.levels import Level
from devices.messages import OpenJob
from devices.roles import JobResult, JobStatus, JournalEntry, MachineIdentity, Personalizer

UNDRAWN = frozenset({JobState.INTENT, JobState.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A job that no machine can answer for: two people must look.

    `result` is the machine's UNKNOWN, if it has one, or what another journal has of the job: to be released, no answer.
    """

    intent: JobIntent
    reason: str
    result: JobResult | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How a machine's open jobs stand.

    `settled`: ended; book, then release. `waiting`: drawn or prepared; go on with the same id, or return the blank.
    `working`: wait for the result. `unheard`: the intent's own journal, or the count that it recorded, proves that it
    never began; the same id may be sent, or voided. `in_doubt`: for two people. `strangers`: known to the machine
    only; nothing more is drawn until they are booked. `balanced`: the machine's counters account for every blank; if
    not, hold it.
    """

    identity: MachineIdentity
    settled: tuple[tuple[JobIntent, JobResult], ...] = ()
    waiting: tuple[tuple[JobIntent, JobStatus], ...] = ()
    working: tuple[JobIntent, ...] = ()
    unheard: tuple[JobIntent, ...] = ()
    in_doubt: tuple[InDoubt, ...] = ()
    strangers: tuple[OpenJob, ...] = ()

    @property
    def may_draw(self) -> bool:
        """Whether nothing stands in the way of drawing on this machine."""
        return self.identity.balanced and not self.strangers

    @property
    def may_settle(self) -> bool:
        """Whether two people may settle what is in doubt, once `settled` is booked.

        While another job of the machine is open, the piece that no booked job names may be that job's.
        """
        return not (self.waiting or self.working or self.unheard or self.strangers)


def recover(personalizer: Personalizer, journal: JobJournal) -> Reconciliation:
    """Open, claim with a fence above everyone's, and reconcile. Raises what the personalizer's calls raise."""
    identity = personalizer.open()
    personalizer.claim(journal.next_fence(personalizer.machine, identity.fence))
    return reconcile(personalizer, journal.open_intents(personalizer.machine), journal.booked_result)


def reconcile(
    personalizer: Personalizer, intents: Sequence[JobIntent], booked: Callable[[str], str | None]
) -> Reconciliation:
    """Ask a claimed machine about each open intent. `booked` is `JobJournal.booked_result`.

    Results that were booked but not released are released here. Must run under the claim: only then can no earlier
    session's message still move anything.
    """
    identity = personalizer.hello()
    settled: list[tuple[JobIntent, JobResult]] = []
    waiting: list[tuple[JobIntent, JobStatus]] = []
    working: list[JobIntent] = []
    unheard: list[JobIntent] = []
    in_doubt: list[InDoubt] = []
    for intent in intents:
        if (intent.machine_serial, intent.journal_id) != (identity.serial, identity.journal_id):
            left = _latched(personalizer, intent.job_id) if intent.machine_serial == identity.serial else None
            in_doubt.append(InDoubt(intent, "the job belongs to another machine or journal", left))
            continue
        status = personalizer.status(intent.job_id)
        if status.state in RESULTS:
            result = personalizer.result(intent.job_id, 0.0)
            if result.certain:
                settled.append((intent, result))
            else:
                in_doubt.append(InDoubt(intent, "the machine lost power during the act", result))
        elif status.state in DRAWN:
            waiting.append((intent, status))
        elif status.state is not MachineJobState.ABSENT:
            working.append(intent)
        elif absent_counts(intent, status):
            unheard.append(intent)
        else:
            in_doubt.append(InDoubt(intent, _why_not_absent(personalizer.level, intent, intents, status)))
    known = {intent.job_id for intent in intents}
    strangers = [job for job in identity.open_jobs if job.job_id not in known]
    return Reconciliation(
        identity=identity,
        settled=tuple(settled),
        waiting=tuple(waiting),
        working=tuple(working),
        unheard=tuple(unheard),
        in_doubt=tuple(in_doubt),
        strangers=tuple(job for job in strangers if not _released(personalizer, job, booked(job.job_id))),
    )


def unknown_jobs(personalizer: Personalizer, since: int, knows: Callable[[str], bool]) -> list[JournalEntry]:
    """The last journal entry of every job that the host does not know, released ones included, oldest first.

    What a restored database must book before anything is drawn; must run under the claim.
    """
    last: dict[str, JournalEntry] = {}
    for entry in personalizer.journal(since):
        last[entry.job_id] = entry
    return sorted((last[job] for job in last if not knows(job)), key=lambda entry: entry.position)


def absent_counts(intent: JobIntent, status: JobStatus) -> bool:
    """Whether 'absent' proves that the job never began.

    It must come from the intent's own journal, which must reach back to the intent, and the host must know of no blank.
    A machine that only counts reaches back no further than its count: that must be the one which the intent recorded.
    """
    reaches = status.journal_first <= intent.journal_position <= status.journal_next
    undrawn = intent.state in UNDRAWN and intent.blank_serial is None
    return status.journal_id == intent.journal_id and reaches and undrawn


def _latched(personalizer: Personalizer, job_id: str) -> JobResult | None:
    """The result that a machine holds of a job until it is released; None if it holds none."""
    known = personalizer.status(job_id).state in RESULTS
    return personalizer.result(job_id, 0.0) if known else None


def _why_not_absent(level: Level, intent: JobIntent, intents: Sequence[JobIntent], status: JobStatus) -> str:
    """Why the machine's not knowing the job proves nothing; where it counts, what people must look for."""
    if level is not Level.B:
        return "the machine's journal does not reach back to the job"
    # What was drawn after a later intent was made is that one's: at this level one job is drawn at a time.
    later = [other.journal_position for other in intents if other.journal_position > intent.journal_position]
    drawn = min([status.journal_next, *later]) - intent.journal_position
    if drawn < 0:
        return "the machine's counter was set back below the intent: count all blanks"
    if drawn == 0:
        return "the books name a blank that the machine's counter did not see: look for it"
    if drawn == 1:
        return "one blank was drawn since the intent: inspect it"
    return f"{drawn} blanks were drawn since the intent, a double feed: inspect all of them"


def _released(personalizer: Personalizer, job: OpenJob, booked: str | None) -> bool:
    """Release a job whose result the host has booked already; False for one that the host does not know."""
    if booked is None or job.state not in RESULTS:
        return False
    try:
        result = personalizer.result(job.job_id, 0.0)
    except MachineRefusedError:
        return False
    if result.result_hash != booked:
        return False
    personalizer.release(job.job_id, booked)
    return True
