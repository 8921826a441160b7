"""Deadlines follow the calendar: what the log's register says is in force, and who sets it has every deadline on the
line reckoned anew, each change with its record.

The register changes in one transaction, the deadlines in many; whoever is cut off between them leaves a reckoning
unfinished, and whoever opens the line, loads a batch or sets the same calendar next finishes it. What a time node was
when it was offered stands sealed in that offer: new deadlines give new nodes from the next act on (decision 12).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time as clock_time
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.dialects import listed
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from stations.calendar import WorkCalendar, from_us
from stations.deadlines import WORKING_DAYS, DeadlineRule
from stations.intake.errors import CalendarMovedError
from stations.intake.states import LIVE
from stations.intake.tables import Application, DeadlineChange, DeadlineReckoning, GreenChannel

BATCH = 500
"""Deadlines that change in one transaction: short enough that a station never waits long for one of them."""
LOOK_AGAIN_S = 0.05

_application = Application.__table__  # type: ignore[attr-defined]
_change = DeadlineChange.__table__  # type: ignore[attr-defined]
_reckoning = DeadlineReckoning.__table__  # type: ignore[attr-defined]
_green = GreenChannel.__table__  # type: ignore[attr-defined]

# On PostgreSQL whoever enters applications holds the calendar still until their commit, so that a new one finds all
# that were reckoned by the old; SQLite has one writer.
_ALONE = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline calendar', 0))")
_BESIDE_OTHERS = Statement("SELECT pg_advisory_xact_lock_shared(hashtextextended('passline calendar', 0))")
_LAST = select(_reckoning.c.position, _reckoning.c.digest, _reckoning.c.finished_us).order_by(
    _reckoning.c.position.desc()
)
_ON_THE_LINE = select(
    _application.c.application_id,
    _application.c.service_class,
    _application.c.accepted_us,
    _application.c.deadline_us,
    _application.c.provisional,
).where(
    _application.c.state.in_([state.value for state in LIVE]),
    _application.c.live,
    _application.c.service_class.in_(list(WORKING_DAYS)),
)
"""By the state's index: an emergency's deadline knows no working days."""
_THESE = (
    select(
        _application.c.application_id,
        _application.c.service_class,
        _application.c.deadline_us,
        _application.c.provisional,
        _application.c.live,
    )
    .where(_application.c.application_id.in_(bindparam("ids", expanding=True)))
    .order_by(_application.c.application_id)
    .with_for_update(skip_locked=True)
)
_DEADLINE = select(_application.c.deadline_us, _application.c.provisional).where(
    _application.c.application_id == bindparam("of_application")
)
_POSITIONS = (
    select(_change.c.application_id, func.max(_change.c.position))
    .where(_change.c.application_id.in_(bindparam("ids", expanding=True)))
    .group_by(_change.c.application_id)
)
_RAISED = select(_green.c.application_id).where(
    _green.c.application_id == _change.c.application_id, _green.c.deadline_change == _change.c.position
)
_CHANGED_BY = select(func.count()).where(_change.c.reckoning == bindparam("of_reckoning"), ~_RAISED.exists())
"""What a lead raised meanwhile names the reckoning that was the latest then, and is none of its changes."""
_FOLLOW = Statement(
    "UPDATE application SET (deadline_us, provisional) = (SELECT change.after_us, change.after_provisional"
    " FROM deadline_change AS change WHERE change.application_id = application.application_id"
    " ORDER BY change.position DESC LIMIT 1) WHERE application_id IN {ids}"
)
"""What the latest record of each says."""


class Moved(NamedTuple):
    """A deadline that is not what the rule says: what it is, and what it becomes."""

    application_id: str
    before_us: int
    before_provisional: bool
    after_us: int
    after_provisional: bool


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a reckoning came to; `position` is None where nothing was to be done."""

    position: int | None
    changed: int


def in_force(conn: Connection) -> WorkCalendar:
    """The calendar that deadlines are reckoned with now: the published years, and what the register has beside them."""
    return WorkCalendar.from_facts(register.state(conn, Register.CALENDAR))


def hold_still(tx: Connection, calendar: WorkCalendar) -> None:
    """Make sure that `calendar` is in force and stays so until this transaction ends. Raises CalendarMovedError."""
    if tx.dialect.name != "sqlite":
        _BESIDE_OTHERS.run(tx)
    _refuse_moved(tx, calendar)


def set_calendar(database: Database, calendar: WorkCalendar, *, emulated: bool) -> str | None:
    """Record `calendar` as the one in force; the event's id, None where it was already."""

    def write(tx: Connection) -> str | None:
        _lock(tx)
        stamp = Stamp(database.clock_us(tx), emulated)
        return register.follow(tx, register.administration(), {Register.CALENDAR: calendar.facts}, stamp)

    return database.write(write)


def keep_up(
    database: Database,
    accepts_until: clock_time | None,
    *,
    emulated: bool,
    progress: Callable[[int, int], None] | None = None,
) -> DeadlineRule:
    """Reckon all deadlines by the calendar in force, and return the rule; nothing is done where they are up to date."""
    overtaken: WorkCalendar | None = None
    while True:
        with database.read() as conn:
            rule = DeadlineRule(in_force(conn), accepts_until)
        # By the same calendar and another closing time: that reckoning goes on, and two would not chase each other.
        if rule.calendar == overtaken:
            return rule
        try:
            reckon(database, rule, emulated=emulated, progress=progress)
        except CalendarMovedError:
            overtaken = rule.calendar
            continue
        return rule


def reckon(
    database: Database,
    rule: DeadlineRule,
    *,
    emulated: bool,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Reckoned:
    """Make every deadline on the line what `rule` says, in batches of a transaction each, every change with its record.

    Cut off and repeated it ends the same; nothing is read where the last reckoning was finished and by the same terms.
    `progress` is told deadlines done and to do. Raises CalendarMovedError when another calendar was set meanwhile.
    """
    position = database.write(lambda tx: _begin(tx, database, rule, emulated=emulated))
    if position is None:
        return Reckoned(None, 0)

    def move(portion: Sequence[Moved]) -> list[Moved]:
        return database.write(lambda tx: _move(tx, database, rule, position, portion))

    with database.read() as conn:
        left = list(_moved(conn, rule))
    whole, done = len(left), 0
    while left:
        passed_over: list[Moved] = []
        for start in range(0, len(left), batch):
            portion = left[start : start + batch]
            busy = move(portion)
            passed_over += busy
            done += len(portion) - len(busy)
            if progress:
                progress(done, whole)
        if len(passed_over) == len(left):
            time.sleep(LOOK_AGAIN_S)
        left = passed_over
    return Reckoned(position, database.write(lambda tx: _finish(tx, database, rule, position)))


def bring_forward(tx: Connection, application_id: str, deadline_us: int, now_us: int) -> int | None:
    """Record that a deadline is `deadline_us` from now on; the change's position, None where it is as near already.

    The caller holds the application's row and lets it follow in the same transaction. Raises LookupError for an
    application that was entered before any reckoning, which intake never does.
    """
    row = tx.execute(_DEADLINE, {"of_application": application_id}).one()
    if row.deadline_us <= deadline_us:
        return None
    last = tx.execute(_LAST.limit(1)).one_or_none()
    if last is None:
        raise LookupError(f"no deadline was ever reckoned, and application {application_id} has one")
    before: dict[str, int] = dict(tuple(each) for each in tx.execute(_POSITIONS, {"ids": [application_id]}))
    position = before.get(application_id, 0) + 1
    moved = Moved(application_id, row.deadline_us, bool(row.provisional), deadline_us, False)
    change = {**moved._asdict(), "reckoning": last.position, "changed_us": now_us, "position": position}
    tx.execute(insert(_change), change)
    return position


def _begin(tx: Connection, database: Database, rule: DeadlineRule, *, emulated: bool) -> int | None:
    _lock(tx)
    _refuse_moved(tx, rule.calendar)
    last = tx.execute(_LAST.limit(1)).one_or_none()
    if last is not None and last.digest == rule.digest:
        return None if last.finished_us is not None else int(last.position)
    position = 1 if last is None else int(last.position) + 1
    began = {
        "position": position,
        "digest": rule.digest,
        "terms": rule.terms,
        "began_us": database.clock_us(tx),
        "emulated": emulated,
    }
    tx.execute(insert(_reckoning), began)
    return position


def _moved(conn: Connection, rule: DeadlineRule) -> Iterator[Moved]:
    for row in conn.execution_options(yield_per=1_000).execute(_ON_THE_LINE):
        due = rule.deadline(row.service_class, from_us(row.accepted_us))
        if (due.due_us, due.provisional) != (row.deadline_us, bool(row.provisional)):
            yield Moved(row.application_id, row.deadline_us, bool(row.provisional), due.due_us, due.provisional)


def _move(
    tx: Connection, database: Database, rule: DeadlineRule, position: int, portion: Sequence[Moved]
) -> list[Moved]:
    """Change what is still as it was seen; what an act of a station holds just now is passed over and returned."""
    _go_on(tx, rule, position)
    ids = [moved.application_id for moved in portion]
    now = {row.application_id: row for row in tx.execute(_THESE, {"ids": ids})}
    going = [moved for moved in portion if moved.application_id in now and _stands(now[moved.application_id], moved)]
    if going:
        before: dict[str, int] = dict(
            tuple(row) for row in tx.execute(_POSITIONS, {"ids": [moved.application_id for moved in going]})
        )
        changed = {"reckoning": position, "changed_us": database.clock_us(tx)}
        tx.execute(
            insert(_change),
            [{**moved._asdict(), **changed, "position": before.get(moved.application_id, 0) + 1} for moved in going],
        )
        _FOLLOW.run(tx, {"ids": listed(moved.application_id for moved in going)})
    return [moved for moved in portion if moved.application_id not in now]


def _stands(row: Any, moved: Moved) -> bool:
    raised = row.service_class not in WORKING_DAYS
    return (
        bool(row.live)
        and not raised
        and (row.deadline_us, bool(row.provisional)) == (moved.before_us, moved.before_provisional)
    )


def _finish(tx: Connection, database: Database, rule: DeadlineRule, position: int) -> int:
    """Two that reckon by the same terms share a reckoning: the first to end finishes it."""
    _go_on(tx, rule, position)
    changed = tx.execute(_CHANGED_BY, {"of_reckoning": position}).scalar_one()
    tx.execute(
        update(_reckoning)
        .where(_reckoning.c.position == position, _reckoning.c.finished_us.is_(None))
        .values(finished_us=database.clock_us(tx), changed=changed)
    )
    return int(changed)


def _go_on(tx: Connection, rule: DeadlineRule, position: int) -> None:
    """Let nobody else reckon until this transaction ends. Raises CalendarMovedError where others have other terms."""
    _lock(tx)
    _refuse_moved(tx, rule.calendar)
    if tx.execute(_LAST.limit(1)).one().position != position:
        raise CalendarMovedError


def _lock(tx: Connection) -> None:
    if tx.dialect.name != "sqlite":
        _ALONE.run(tx)


def _refuse_moved(tx: Connection, calendar: WorkCalendar) -> None:
    if in_force(tx) != calendar:
        raise CalendarMovedError
