"""What each machine is doing and why it is not at work, for the board and for everyone who would draw on it."""

from sqlalchemy import Connection, insert, select, update

from stations.personalization.tables import Activity, MachineState
from stations.workplace import Workplace

_STATE = MachineState.__table__  # type: ignore[attr-defined]


def show(workplace: Workplace, machine: str, activity: Activity, reason: str | None, now_us: int) -> bool:
    """Record what `machine` does from now on and say whether that is news; held and suspended need a `reason` code."""
    values = {"state": activity.value, "reason": reason, "since_us": now_us, "emulated": workplace.emulated}

    def write(tx: Connection) -> bool:
        before = shown(tx, machine)
        if before is None:
            tx.execute(insert(_STATE).values(machine=machine, **values))
        elif before != (activity, reason):
            tx.execute(update(_STATE).where(_STATE.c.machine == machine).values(**values))
        return before != (activity, reason)

    return workplace.database.write(write)


def shown(conn: Connection, machine: str) -> tuple[Activity, str | None] | None:
    """What `machine` was last said to do, and why; None for one that never worked here."""
    row = conn.execute(select(_STATE).where(_STATE.c.machine == machine)).one_or_none()
    return None if row is None else (Activity(row.state), row.reason)
