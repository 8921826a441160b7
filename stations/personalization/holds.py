"""Machines that people hold: while a patrol's finding on one is open, nothing is drawn on it.

What is drawn already is finished. `stations.patrol` writes the findings; here they are obeyed. Not a trigger on jobs:
what a held machine made before, and a lost database forgot, must still be taken up.
"""

from typing import Final

from sqlalchemy import Connection

from handoff_logs.statements import Statement
from stations.personalization import activity
from stations.personalization.errors import HeldByFindingError
from stations.personalization.tables import Activity
from stations.workplace import Workplace

REASON: Final = "patrol-finding"
"""Why a machine is shown as held."""
_OPEN = Statement("SELECT min(finding_id) FROM patrol_finding WHERE machine = :machine AND NOT ended")


def finding(conn: Connection, machine: str) -> int | None:
    """The first open finding that holds a machine; None where none does."""
    row = _OPEN.run(conn, {"machine": machine}).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def refuse(tx: Connection, machine: str) -> None:
    """Raise `HeldByFindingError` where a machine is held by one."""
    if (held_by := finding(tx, machine)) is not None:
        raise HeldByFindingError(machine, held_by)


def show(tx: Connection, workplace: Workplace, machine: str, now_us: int) -> None:
    """Show a machine as held from now on; one that is held for another cause stays shown so."""
    now = activity.shown(tx, machine)
    if now is None or now[0] is not Activity.HELD:
        activity.change(tx, workplace, machine, (Activity.HELD, REASON), now_us)


def end(tx: Connection, workplace: Workplace, machine: str, now_us: int) -> bool:
    """Show a machine as free once no finding holds it; whether it is. A running line takes it up again by itself."""
    if finding(tx, machine) is not None:
        return False
    if activity.shown(tx, machine) == (Activity.HELD, REASON):
        activity.change(tx, workplace, machine, (Activity.STOPPED, None), now_us)
    return True
