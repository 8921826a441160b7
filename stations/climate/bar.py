"""Whether a machine may draw in the air around it: asked in the transaction of every draw.

A machine in no zone always may. The guard on `job` refuses a draw in a suspended zone too, whoever writes it.
"""

from typing import Final

from sqlalchemy import Connection, bindparam, literal, select

from handoff_logs.statements import Statement
from stations.climate.errors import ZoneSuspendedError
from stations.climate.tables import ClimateMachine, ClimateSuspension, ClimateZone

SUSPENDED: Final = "climate"
UNWATCHED: Final = "climate-unwatched"
"""Nobody has looked at the air for longer than it may be outside: so it may be."""

_MACHINE = ClimateMachine.__table__  # type: ignore[attr-defined]
_ZONE = ClimateZone.__table__  # type: ignore[attr-defined]
_SUSPENSION = ClimateSuspension.__table__  # type: ignore[attr-defined]

_OPEN = select(literal(1)).where(_SUSPENSION.c.zone == _ZONE.c.zone, _SUSPENSION.c.resumed_us.is_(None)).exists()
_QUESTION = (
    select(_ZONE.c.zone, _OPEN, _ZONE.c.looked_us, _ZONE.c.holds_us)
    .join(_MACHINE, _MACHINE.c.zone == _ZONE.c.zone)
    .where(_MACHINE.c.machine == bindparam("of_machine"))
)
_LOOK = Statement(_QUESTION)
# Who suspends the zone waits for a draw that began before: none begins after it.
_LOCKED = Statement(_QUESTION.with_for_update(read=True, of=_ZONE))


def barred(tx: Connection, machine: str, now_us: int) -> str | None:
    """Why `machine` may not draw, `SUSPENDED` or `UNWATCHED`; holds until the transaction ends.

    `now_us`: the database's clock.
    """
    return _why(_LOCKED.run(tx, {"of_machine": machine}).fetchone(), now_us)


def shown(conn: Connection, machine: str, now_us: int) -> str | None:
    """The same, of this instant alone."""
    return _why(_LOOK.run(conn, {"of_machine": machine}).fetchone(), now_us)


def refuse_suspended(tx: Connection, machine: str) -> None:
    """Raise ZoneSuspendedError where the machine's zone is suspended."""
    row = _LOCKED.run(tx, {"of_machine": machine}).fetchone()
    if row is not None and row[1]:
        raise ZoneSuspendedError(machine, row[0])


def _why(row: tuple[str, bool, int | None, int] | None, now_us: int) -> str | None:
    if row is None:
        return None
    _, suspended, looked_us, holds_us = row
    if suspended:
        return SUSPENDED
    return UNWATCHED if looked_us is None or now_us - looked_us > holds_us else None
