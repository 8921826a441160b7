"""What each machine is doing and why it is not at work, for the board and for everyone who would draw on it."""

from sqlalchemy import Connection, bindparam, insert, select, update

from handoff_logs.statements import Statement
from stations.personalization.tables import Activity, MachineState
from stations.workplace import Workplace

_STATE = MachineState.__table__  # type: ignore[attr-defined]
_SHOWN = Statement(select(_STATE.c.machine, _STATE.c.state, _STATE.c.reason))
_FIRST = insert(_STATE)
_CHANGE = update(_STATE).where(_STATE.c.machine == bindparam("of_machine"))
_CHANGE = _CHANGE.values({name: bindparam(name) for name in ("state", "reason", "since_us", "emulated")})

Shown = tuple[Activity, str | None]


def show(workplace: Workplace, machine: str, activity: Activity, reason: str | None, now_us: int) -> bool:
    """Record what `machine` does from now on and say whether that is news; held and suspended need a `reason` code."""
    values = {"state": activity.value, "reason": reason, "since_us": now_us, "emulated": workplace.emulated}

    def write(tx: Connection) -> bool:
        before = shown(tx, machine)
        if before is None:
            tx.execute(_FIRST, {"machine": machine, **values})
        elif before != (activity, reason):
            tx.execute(_CHANGE, {"of_machine": machine, **values})
        return before != (activity, reason)

    return workplace.database.write(write)


def shown(conn: Connection, machine: str) -> Shown | None:
    """What `machine` was last said to do, and why; None for one that never worked here."""
    return all_shown(conn).get(machine)


def all_shown(conn: Connection) -> dict[str, Shown]:
    """The same of every machine that ever worked here."""
    return {machine: (Activity(state), reason) for machine, state, reason in _SHOWN.run(conn, {}).fetchall()}
