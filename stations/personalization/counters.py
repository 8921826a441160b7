"""A machine's own counters as a third opinion: what it ever drew must be what its jobs account for."""

from sqlalchemy import Connection, func, insert, select, update

from devices.roles import MachineIdentity
from stations.personalization import booking
from stations.personalization.tables import Job, MachineBaseline
from stations.workplace import Workplace

_JOB = Job.__table__  # type: ignore[attr-defined]
_BASELINE = MachineBaseline.__table__  # type: ignore[attr-defined]


def excess(tx: Connection, identity: MachineIdentity) -> int:
    """How many blanks a machine drew beyond those its jobs name; what it drew before it came here is not counted."""
    drawn = _beyond_jobs(tx, identity)
    base = tx.execute(select(_BASELINE.c.fed).where(_BASELINE.c.machine_serial == identity.serial)).scalar()
    if base is None:
        values = {"machine_serial": identity.serial, "machine": identity.machine, "fed": drawn}
        tx.execute(insert(_BASELINE).values(**values, since_us=booking.now_us()))
        return 0
    return drawn - int(base)


def recount(workplace: Workplace, identity: MachineIdentity, first: str, second: str) -> None:
    """Two people have counted the stacks of a held machine and accept its counters as they are; it may draw again.

    The database refuses one person for both.
    """

    def accept(tx: Connection) -> None:
        signed = {"counted_by": first, "counted_second": second, "since_us": booking.now_us()}
        tx.execute(
            update(_BASELINE)
            .where(_BASELINE.c.machine_serial == identity.serial)
            .values(fed=_beyond_jobs(tx, identity), **signed)
        )

    workplace.database.write(accept)


def _beyond_jobs(tx: Connection, identity: MachineIdentity) -> int:
    named = select(func.count()).where(_JOB.c.machine_serial == identity.serial, _JOB.c.blank_serial.is_not(None))
    return int(identity.counters.fed - tx.execute(named).scalar_one())
