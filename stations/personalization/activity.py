"""What each machine is doing and why it is not at work, for the board and for everyone who would draw on it.

`machine_state` says what it does now, `machine_period` what it did when: time in state and OEE come from the periods.
Both are written in one transaction. Only a change is a row; the same state in another shift is one too.
"""

from sqlalchemy import Connection, bindparam, desc, insert, select, update

from devices import packml
from devices.oee import GROUP, HOSTED, LOST
from handoff_logs.statements import Statement
from stations.personalization import leases
from stations.personalization.tables import Activity, MachinePeriod, MachineState
from stations.workplace import Workplace

_STATE = MachineState.__table__  # type: ignore[attr-defined]
_PERIOD = MachinePeriod.__table__  # type: ignore[attr-defined]
_SHOWN = Statement(select(_STATE.c.machine, _STATE.c.state, _STATE.c.reason))
# Locked on PostgreSQL, so that periods follow each other; SQLite has one writer.
_BEFORE = Statement(
    select(_STATE.c.state, _STATE.c.reason).where(_STATE.c.machine == bindparam("of_machine")).with_for_update()
)
_FIRST = insert(_STATE)
_CHANGE = update(_STATE).where(_STATE.c.machine == bindparam("of_machine"))
_CHANGE = _CHANGE.values({name: bindparam(name) for name in ("state", "reason", "since_us", "emulated")})
_LAST = Statement(
    select(_PERIOD.c.position, _PERIOD.c.began_us, _PERIOD.c.state, _PERIOD.c.reason, _PERIOD.c.shift)
    .where(_PERIOD.c.machine == bindparam("of_machine"))
    .order_by(desc(_PERIOD.c.position))
    .limit(1)
)
_BEGIN = insert(_PERIOD)

Shown = tuple[Activity, str | None]


def show(workplace: Workplace, machine: str, activity: Activity, reason: str | None, now_us: int) -> bool:
    """Record what `machine` does from now on and say whether that is news; held and suspended need a `reason` code."""
    return workplace.database.write(lambda tx: change(tx, workplace, machine, (activity, reason), now_us))


def let_go(tx: Connection, workplace: Workplace, machine: str, now_us: int, *, held: bool) -> None:
    """Record that the line works `machine` no longer: its period ends.

    One that is `held` goes on being shown as held, since nothing may be drawn on it, but no more of its time is counted
    as that.
    """
    if held:
        _begin(tx, workplace, machine, (Activity.STOPPED, None), now_us, workplace.shift)
    else:
        change(tx, workplace, machine, (Activity.STOPPED, None), now_us)


def note_lost(workplace: Workplace, machine: str, worker: str, now_us: int) -> None:
    """End what a killed run left `machine` doing: it stopped, for the reason `LOST`, when its lease was last renewed.

    Called by `worker` before it does anything with the machine. Within a process a machine is always held or let go of
    before it is taken up again, so what still is at work was left so by a dead one. One that was held stays held.
    """
    database = workplace.database

    def write(tx: Connection) -> None:
        last = _LAST.run(tx, {"of_machine": machine}).fetchone()
        if last is None or GROUP[packml.MachineState(last[2])] not in HOSTED:
            return
        clock_us = database.clock_us(tx)
        heard_us = leases.last_heard(tx, clock_us, machine, worker)
        if heard_us is None:
            return
        # Leases go by the database's clock, periods by this computer's.
        lost_us = now_us - max(0, clock_us - heard_us)
        change(tx, workplace, machine, (Activity.STOPPED, LOST), lost_us, shift=last[4])

    database.write(write)


def shown(conn: Connection, machine: str) -> Shown | None:
    """What `machine` was last said to do, and why; None for one that never worked here."""
    return all_shown(conn).get(machine)


def all_shown(conn: Connection) -> dict[str, Shown]:
    """The same of every machine that ever worked here."""
    return {machine: (Activity(state), reason) for machine, state, reason in _SHOWN.run(conn, {}).fetchall()}


def change(
    tx: Connection, workplace: Workplace, machine: str, now: Shown, at_us: int, *, shift: str | None = None
) -> bool:
    """The same as `show`, in the caller's transaction."""
    activity, reason = now
    values = {"state": activity.value, "reason": reason, "since_us": at_us, "emulated": workplace.emulated}
    before = _BEFORE.run(tx, {"of_machine": machine}).fetchone()
    news = before != (activity.value, reason)
    if before is None:
        tx.execute(_FIRST, {"machine": machine, **values})
    elif news:
        tx.execute(_CHANGE, {"of_machine": machine, **values})
    _begin(tx, workplace, machine, now, at_us, shift or workplace.shift)
    return news


def _begin(tx: Connection, workplace: Workplace, machine: str, now: Shown, at_us: int, shift: str) -> None:
    """Begin a period unless the last one is the same.

    A clock that was set back does not turn time round: the period begins when the one before it did.
    """
    activity, reason = now
    last = _LAST.run(tx, {"of_machine": machine}).fetchone()
    position, began_us = 1, at_us
    if last is not None:
        if last[2:] == (activity.value, reason, shift):
            return
        position, began_us = last[0] + 1, max(at_us, last[1])
    period = {"state": activity.value, "reason": reason, "began_us": began_us, "shift": shift}
    tx.execute(_BEGIN, {"machine": machine, "position": position, "emulated": workplace.emulated, **period})
