"""Jobs that a machine's journal has and the database has not, because it was put back from an older copy.

They are booked as the intents that were lost, and the machine then answers for them like for any other. One that
can't be booked stops all drawing: its document may exist, and the order of it must not be drawn again.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection, bindparam, func, select, text

import devices.recovery
from devices.jobs import job_id
from devices.roles import JournalEntry, MachineIdentity, Personalizer
from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.personalization import draws, jobs, numbers, rules, specimens
from stations.personalization.jobs import JOB
from stations.personalization.leases import Lease
from stations.personalization.setup import Setup
from stations.workplace import Workplace

INTENTS_AT_ONCE = 3
"""Jobs of one machine whose numbers may have been taken without the machine having heard of them."""

_POSITION = Statement(
    select(func.max(JOB.c.journal_position)).where(
        JOB.c.machine == bindparam("machine"), JOB.c.journal_id == bindparam("journal")
    )
)
_EPOCH = Statement(text("SELECT coalesce(max(epoch), 1) FROM seal_origin"))
_READ = Statement(
    text(
        "SELECT entry.field, entry.value FROM custody_register AS entry"
        " JOIN custody_event AS event ON event.event_id = entry.event_id"
        " WHERE entry.register = 'origin' AND entry.subject = :epoch AND substr(entry.field, 1, 5) = 'read:'"
        " ORDER BY event.seq, entry.position"
    )
)

_log = structlog.get_logger()


def take_up(
    workplace: Workplace, personalizer: Personalizer, lease: Lease, setup: Setup, identity: MachineIdentity
) -> int:
    """Book what the claimed machine did and the database forgot, as intents; how many of its jobs stay unknown.

    Asked from the last intent on that is known of this journal: nothing earlier can have been forgotten. A machine that
    the database never used is asked only after a declared loss: until then its past is not this line's.
    """
    with workplace.database.read() as conn:
        since = _first(_POSITION.run(conn, {"machine": lease.machine, "journal": identity.journal_id}).fetchone())
        epoch = _first(_EPOCH.run(conn).fetchone()) or 1
        if since is None and epoch == 1:
            return 0
        found = devices.recovery.unknown_jobs(personalizer, since or 0, lambda job: jobs.find(conn, job) is not None)
    left = workplace.database.write(lambda tx: _book(tx, lease, setup, identity, found)) if found else []
    if left:
        _log.info("jobs_forgotten", machine=lease.machine, count=len(left))
    if epoch > 1:
        workplace.database.write(lambda tx: _read(tx, workplace, epoch, lease.machine, len(left)))
    return len(left)


def unread(workplace: Workplace, setup: Setup) -> Sequence[str]:
    """Return which of the line's machines have not been asked since a loss was declared, or have unknown jobs still."""
    with workplace.database.read() as conn:
        epoch = _first(_EPOCH.run(conn).fetchone()) or 1
        if epoch == 1:
            return ()
        read = dict(_READ.run(conn, {"epoch": str(epoch)}).fetchall())
    return [machine for machine in setup.machines if read.get(f"read:{machine}") != "0"]


def _book(
    tx: Connection, lease: Lease, setup: Setup, identity: MachineIdentity, found: Sequence[JournalEntry]
) -> list[JournalEntry]:
    """Insert the intents of the jobs whose orders wait here; what is left is not told by its id, or not bookable."""
    orders = {
        job_id(setup.centre, order.application_id, order.product, order.attempts + 1): order
        for order in draws.waiting_orders(tx, setup.products)
    }
    forgotten = specimens.next_ones(tx, setup.centre, lease.machine, setup.products, len(found))
    left: list[JournalEntry] = []
    spare: set[str] = set()
    for entry in found:
        order = orders.get(entry.job_id)
        if order is None and (specimen := forgotten.get(entry.job_id)) is not None:
            specimens.take_up(tx, lease, identity, specimen, entry.job_id, entry.position)
            continue
        if order is None:
            left.append(entry)
            continue
        number = entry.blank_serial or None
        if rules.numbered_from_range(order.product):
            # Which number it bears is nowhere but on the piece. As many as were given out are given out again, and a
            # few more, so that none of them comes a second time.
            number = numbers.take(tx, order.product)
            spare = {order.product, *spare}
        draws.take_up(tx, lease, identity, order, entry.job_id, entry.position, number)
    for product in spare:
        for _ in range(INTENTS_AT_ONCE):
            numbers.take(tx, product)
    return left


def _read(tx: Connection, workplace: Workplace, epoch: int, machine: str, left: int) -> None:
    field, value = f"read:{machine}", str(left)
    if register.state(tx, Register.ORIGIN).get((str(epoch), field)) != value:
        stamp = Stamp(workplace.database.clock_us(tx), workplace.emulated)
        register.record(tx, register.administration(), None, [Entry(Register.ORIGIN, str(epoch), field, value)], stamp)


def _first(row: Sequence[int | None] | None) -> int | None:
    return row[0] if row else None
