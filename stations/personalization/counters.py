"""A machine's own counters as a third opinion: what it ever drew must be what its jobs account for."""

from sqlalchemy import Connection, exists, func, insert, select, update

from devices.roles import MachineIdentity
from handoff_logs.records import Act, Kind
from handoff_logs.tables import CustodyEvent, CustodyUnit
from stations.personalization import booking
from stations.personalization.tables import Job, MachineBaseline
from stations.workplace import Workplace

_STEP = CustodyUnit.__table__  # type: ignore[attr-defined]
_EVENT = CustodyEvent.__table__  # type: ignore[attr-defined]
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


def excess_voided(conn: Connection, identity: MachineIdentity) -> bool:
    """Whether as many blanks that no job names were voided at the machine, since it was counted last, as it has drawn
    beyond its jobs.
    """
    base = conn.execute(select(_BASELINE).where(_BASELINE.c.machine_serial == identity.serial)).one()
    voided = (
        select(func.count())
        .select_from(_STEP)
        .join(_EVENT, _EVENT.c.event_id == _STEP.c.event_id)
        .where(
            _EVENT.c.act == Act.VOID.value,
            _EVENT.c.machine == identity.machine,
            _EVENT.c.written_us >= base.since_us,
            _STEP.c.kind == Kind.BLANK.value,
            ~exists().where(_JOB.c.blank_unit == _STEP.c.unit_id),
        )
    )
    return int(conn.execute(voided).scalar_one()) == _beyond_jobs(conn, identity) - int(base.fed)


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
