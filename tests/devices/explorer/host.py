"""The hosts' moves: worker processes that share one database, and the database being restored from a backup.

A commit and the message that it allows are one step, because what was sent may arrive never or late anyway: that is
also what a crash between commit and send looks like. A worker decides by what the database says and remembers nothing
but its sessions; whatever an outdated worker could still send, it could have sent earlier and the link been slow.
"""

from collections.abc import Iterator

from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.people import with_counted
from tests.devices.explorer.world import NOBODY, Label, Message, Row, Session, Step, World, also, put

OPEN = frozenset({"INTENT", "FED", "PREPARED", "STARTING"})
RESULT_OF = {"DONE": "made", "FAILED": "failed", "RETURNED": "returned", "VOIDED": "voided"}
NO_DOCUMENT = frozenset({"returned", "voided", "defaced", "unmarked", "not fed", "abandoned"})
"""Outcomes that leave an application free for its next attempt; 'failed' does not until people deface the piece."""
NEXT_MESSAGES = {"INTENT": ("FEED",), "FED": ("PREPARE",), "STARTING": ("PREPARE", "START")}
"""STARTING may have been committed before PREPARE was ever sent."""


def host_steps(design: Design, bounds: Bounds, world: World) -> Iterator[Step]:
    """Every step that some worker, or the people who keep the database, can take next."""
    for h, sessions in enumerate(world.hosts):
        if h and world.hosts[h - 1] == sessions:
            continue  # workers that remember the same are alike
        for m, session in enumerate(sessions):
            if _may_open(design, bounds, world, m, session):
                yield _open(design, world, h, m)
            if not session.fence:
                continue
            if not session.claimed:
                said = Message(m, "CLAIMED", NOBODY, session.fence, session.journal_id)
                if said in world.told:
                    yield _claimed(world, h, m)
            elif _current(design, world, m, session):
                yield from _works(design, bounds, world, h, m, session)
            if not design.list_after_claim:
                yield from _lists(design, world, h, m, session)
        if world.left.host_crashes and any(session.fence for session in sessions):
            left = world.left._replace(host_crashes=world.left.host_crashes - 1)
            dead = (Session(),) * bounds.machines
            yield Label("host {} crashes", (h,)), world._replace(hosts=_hosts(world, h, dead), left=left)
    yield from _database(design, bounds, world)


def _current(design: Design, world: World, m: int, session: Session) -> bool:
    """Whether the database lets this session write: every job write carries the fence."""
    return design.fence == "none" or session.fence == world.leases[m]


def _may_open(design: Design, bounds: Bounds, world: World, m: int, session: Session) -> bool:
    """Whether a worker may open the machine: always if nobody can use it, else as a take-over if opens are to spare.

    The spare ones are kept for the accidents that may still happen, so that no state is stuck only for want of an open.
    """
    if not world.left.opens:
        return False
    unusable = [k for k in range(bounds.machines) if not any(_usable(world, k, host[k]) for host in world.hosts)]
    if m in unusable:
        return True
    if _usable(world, m, session):
        return False
    left = world.left
    kept = len(unusable) + left.journal_losses + (left.host_crashes + left.restores) * bounds.machines
    return left.opens > kept


def _usable(world: World, m: int, session: Session) -> bool:
    return 0 < session.fence == world.leases[m] and session.journal_id == world.machines[m].journal_id


def _open(design: Design, world: World, h: int, m: int) -> Step:
    """HELLO, a lease with a fence above the database's and the machine's, CLAIM, and open jobs' next messages again.

    A real worker waits for the claim's answer before it goes on with jobs; sending at once is worse, so it covers both.
    """
    machine = world.machines[m]
    floor = max(world.leases[m], machine.fence)
    fence = 1 + (max(floor, world.issued[m]) if design.fence_from_clock else floor)
    session = Session(fence, machine.journal_id)
    again = [
        # A host that believes any journal takes ABSENT at its word and begins the job again.
        Message(m, name, job, fence)
        for job, row in enumerate(world.rows)
        if row.machine == m and row.state in NEXT_MESSAGES and _same_journal(design, row, session.journal_id)
        for name in (NEXT_MESSAGES[row.state] if design.host_checks_journal else ("FEED",))
    ]
    return Label("host {} opens machine {}: HELLO, lease and CLAIM with fence={}", (h, m, fence)), world._replace(
        leases=put(world.leases, m, fence),
        known=put(world.known, m, machine.journal_id),
        issued=put(world.issued, m, max(world.issued[m], fence)),
        hosts=_hosts(world, h, put(world.hosts[h], m, session)),
        sent=also(world.sent, Message(m, "CLAIM", NOBODY, fence, machine.journal_id), *again),
        left=world.left._replace(opens=world.left.opens - 1),
    )


def _claimed(world: World, h: int, m: int) -> Step:
    """The claim was answered: from here on the worker may draw and book."""
    session = world.hosts[h][m]._replace(claimed=True)
    label = Label("host {} hears that machine {} is claimed with fence={}", (h, m, session.fence))
    return label, world._replace(hosts=_hosts(world, h, put(world.hosts[h], m, session)))


def _same_journal(design: Design, row: Row, journal_id: int) -> bool:
    return row.journal_id == journal_id or not design.host_checks_journal


def _works(design: Design, bounds: Bounds, world: World, h: int, m: int, session: Session) -> Iterator[Step]:
    """What a worker does with a machine that it has claimed."""
    yield from _lists(design, world, h, m, session)
    for job, row in enumerate(world.rows):
        if not row.state:
            if not world.unlisted and _free(bounds, world, job):
                yield from _intends(design, world, h, m, job, session)
        elif row.machine == m:
            yield from _follows(design, bounds, world, job, row, session)


def _free(bounds: Bounds, world: World, job: int) -> bool:
    """Whether this is the application's next attempt and no other one is open or left a live document."""
    first = job - job % bounds.attempts
    ended = {"RELEASED"} if bounds.releases else {"RESULT", "RELEASED"}
    others = world.rows[first : first + bounds.attempts]
    return all(row.state for row in world.rows[first:job]) and all(
        row.state in ended and row.outcome in NO_DOCUMENT for row in others if row.state
    )


def _intends(design: Design, world: World, h: int, m: int, job: int, session: Session) -> Iterator[Step]:
    feed = Message(m, "FEED", job, session.fence)
    intent = put(world.rows, job, Row(m, session.journal_id, "INTENT"))
    committed = world._replace(rows=intent, sent=also(world.sent, feed))
    if design.commit_first:
        yield (
            Label("host {} commits INTENT job={} on machine {} and sends FEED fence={}", (h, job, m, feed.fence)),
            committed,
        )
        return
    another_is_at_it = any(  # a worker that has sent would itself commit what it sent, unless it died
        message.name == "FEED" and message.job == job and host[message.machine].fence == message.fence
        for message in world.sent
        for host in world.hosts
        if message != feed
    )
    if another_is_at_it:
        return
    yield Label("host {} commits INTENT job={} on machine {}", (h, job, m)), committed
    if feed not in world.sent:
        label = Label("host {} sends FEED job={} to machine {} before it commits", (h, job, m))
        yield label, world._replace(sent=also(world.sent, feed))


def _follows(design: Design, bounds: Bounds, world: World, job: int, row: Row, session: Session) -> Iterator[Step]:
    """One job's next commit: from a report of the machine, or by the worker's own decision."""
    m = row.machine
    if not _same_journal(design, row, session.journal_id):
        if row.state in OPEN:
            yield _commit(world, job, row._replace(state="UNCERTAIN"), "another journal answers")
        elif row.state == "RESULT" and bounds.releases:
            yield _commit(world, job, row._replace(state="RELEASED"), "that journal is gone")
        return
    for report in world.told:
        if report.job == job and report.machine == m and _same_journal(design, row, report.journal_id):
            yield from _believes(design, bounds, world, job, row, report, session.fence)
    if row.state == "PREPARED":
        start = Message(m, "START", job, session.fence)
        yield _commit(world, job, row._replace(state="STARTING"), "sends START", start)
    if row.state == "RESULT" and bounds.releases:
        release = Message(m, "RELEASE", job, session.fence)
        if release not in world.sent:
            yield Label("host sends RELEASE job={}", (job,)), world._replace(sent=also(world.sent, release))
    if bounds.gives_up and row.state in OPEN:
        name = "VOID" if row.state == "INTENT" else "RETURN"
        taken_back = Message(m, name, job, session.fence)
        if taken_back not in world.sent:
            yield Label("host sends {} job={}", (name, job)), world._replace(sent=also(world.sent, taken_back))
    if row.state == "INTENT" and not design.absent_is_a_hint:
        yield _commit(world, job, row._replace(state="RESULT", outcome="not fed"), "machine said ABSENT")
    if row.state in OPEN and not design.timeout_keeps_id:
        yield _commit(world, job, row._replace(state="RESULT", outcome="abandoned"), "no answer in time")
    if row.state in OPEN and not design.settle_after_claim:
        yield _commit(world, job, row._replace(state="UNCERTAIN"), "no answer in time")


def _believes(
    design: Design, bounds: Bounds, world: World, job: int, row: Row, report: Message, fence: int
) -> Iterator[Step]:
    """What a worker commits when it hears the report, perhaps long after it was true."""
    why = f"hears {report.name}" + ("" if report.piece == NOBODY else f"({report.piece})")
    if row.state == "INTENT" and report.name == "FED":
        prepare = Message(row.machine, "PREPARE", job, fence)
        yield _commit(world, job, row._replace(state="FED", piece=report.piece), why + ", sends PREPARE", prepare)
        start = Message(row.machine, "START", job, fence)
        at_once = row._replace(state="STARTING", piece=report.piece)
        yield _commit(world, job, at_once, why + ", sends PREPARE and START", prepare, start)
    elif row.state == "FED" and report.name == "PREPARED":
        yield _commit(world, job, row._replace(state="PREPARED"), why)
    elif row.state in OPEN and report.name in RESULT_OF:
        outcome = RESULT_OF[report.name]
        yield _commit(world, job, row._replace(state="RESULT", piece=report.piece, outcome=outcome), why)
    elif row.state in OPEN and report.name == "UNKNOWN":
        if design.unknown_needs_people:
            piece = report.piece if report.piece != NOBODY else row.piece
            yield _commit(world, job, row._replace(state="UNCERTAIN", piece=piece), why)
        else:
            yield _commit(world, job, row._replace(state="RESULT", outcome="abandoned"), why + ", taken for a spoil")
    elif row.state == "RESULT" and report.name == "RELEASED" and bounds.releases:
        yield _commit(world, job, row._replace(state="RELEASED"), why)


def _commit(world: World, job: int, row: Row, why: str, *allowed: Message) -> Step:
    outcome = f" {row.outcome}" if row.outcome else ""
    label = Label("host commits {}{} job={} ({})", (row.state, outcome, job, why))
    return label, world._replace(rows=put(world.rows, job, row), sent=also(world.sent, *allowed))


def _lists(design: Design, world: World, h: int, m: int, session: Session) -> Iterator[Step]:
    """JOURNAL: jobs that only the machine knows are booked, then followed like any other.

    A journal that the backup does not know can't tell what an earlier one made: then two people count the pieces too.
    """
    waiting = next((known for k, known in world.unlisted if k == m), None)
    machine = world.machines[m]
    if waiting is None or session.journal_id != machine.journal_id:
        return
    rows = tuple(
        Row(m, machine.journal_id, "INTENT") if not row.state and entry.state != "ABSENT" else row
        for row, entry in zip(world.rows, machine.journal, strict=True)
    )
    how = ""
    if design.restore_counts and waiting != machine.journal_id:
        how = ", which the backup does not know; two people count its pieces"
        rows = with_counted(world, m, rows)
    listed = tuple(entry for entry in world.unlisted if entry[0] != m)
    label = Label("host {} lists machine {}'s journal{}", (h, m, how))
    yield label, world._replace(rows=rows, unlisted=listed)


def _database(design: Design, bounds: Bounds, world: World) -> Iterator[Step]:
    """A backup taken, and the backup put back in place of everything that came after."""
    if not world.left.restores:
        return
    if world.backup is None:
        yield Label("the database is backed up"), world._replace(backup=(world.rows, world.known))
        return
    rows, known = world.backup
    after = world._replace(
        rows=rows,
        known=known,
        leases=(0,) * bounds.machines if design.restore_ends_leases else world.leases,
        unlisted=tuple(enumerate(known)) if design.restore_lists else (),
        backup=None,
        left=world.left._replace(restores=world.left.restores - 1),
    )
    yield Label("the database is restored from the backup"), after


def _hosts(world: World, h: int, sessions: tuple[Session, ...]) -> tuple[tuple[Session, ...], ...]:
    """The workers with one of them changed, sorted: which of two worker processes is which does not matter."""
    return tuple(sorted(put(world.hosts, h, sessions), reverse=True))
