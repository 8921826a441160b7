"""Blanks between the station's stock and the machines' input stacks.

Recorded first, carried after: a blank is never in a machine that the log does not put there, and hands that were
interrupted begin by carrying what is recorded and still lies in the stock.
"""

from math import ceil

from sqlalchemy import Connection, bindparam, func, select

from handoff_logs import log
from handoff_logs.records import Kind, State
from handoff_logs.statements import Statement
from handoff_logs.tables import UnitNumber, Whereabouts
from stations.personalization import booking, rules
from stations.personalization.desk import MachineDesk
from stations.workplace import Workplace

_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_AT = (
    _WHERE.c.station == rules.STATION,
    _WHERE.c.state == State.HELD.value,
    _WHERE.c.kind == Kind.BLANK.value,
    _WHERE.c.place == bindparam("of_place"),
)
_HELD = Statement(select(func.count()).select_from(_WHERE).where(*_AT))
_SOME = Statement(
    select(func.count()).select_from(select(_WHERE.c.unit_id).where(*_AT).limit(bindparam("at_most")).subquery())
)
_NUMBERED = (
    select(_NUMBER.c.number, _WHERE.c.unit_id)
    .join(_WHERE, _WHERE.c.unit_id == _NUMBER.c.unit_id)
    .where(*_AT)
    .order_by(_NUMBER.c.number)
)
_ALL = Statement(_NUMBERED)
_FIRST = _NUMBERED.limit(bindparam("at_most"))
_LOWEST = Statement(_FIRST)
_TAKE = Statement(_FIRST.with_for_update(of=_WHERE, skip_locked=True))


def load(workplace: Workplace, desk: MachineDesk, machine: str, kind: str, count: int, sharing: int = 1) -> int:
    """Fill the input stack of `machine` with up to `count` blanks of `kind` from the stock; how many lie there now.

    No more than an equal part of the stock for each of the `sharing` machines that load from it: the last blanks of a
    batch would lie in a few, and the others stand.
    """
    stock, inside = rules.blank_stock(kind), rules.input_stack(machine)

    def take(tx: Connection) -> None:
        part = ceil(_at_most(tx, stock, count * sharing) / sharing)
        missing = min(count - held(tx, inside), part)
        chosen = list(at(tx, stock, missing, take=True).values()) if missing > 0 else []
        if chosen:
            log.move(tx, workplace.party(), chosen, inside, booking.stamp(workplace, machine))

    workplace.database.write(take)
    with workplace.database.read() as conn:
        recorded = at(conn, inside)
    # Only from the stock: what is recorded inside and lies elsewhere was drawn, and is two people's to look at.
    desk.load(machine, [serial for serial in desk.scan(stock) if serial in recorded])
    return len(desk.scan(inside))


def restock(workplace: Workplace, desk: MachineDesk, machine: str, kind: str) -> int:
    """Carry the unmarked blanks that `machine` gave back to the stock again; how many were recorded there."""
    stock, hold = rules.blank_stock(kind), rules.hold_stack(machine)
    desk.empty(machine, "hold", stock)

    lying = set(desk.scan(stock))

    def back(tx: Connection) -> int:
        units = [unit for serial, unit in at(tx, hold).items() if serial in lying]
        if units:
            log.move(tx, workplace.party(), units, stock, booking.stamp(workplace, machine))
        return len(units)

    with workplace.database.read() as conn:
        if not held(conn, hold):
            return 0
    return workplace.database.write(back)


def held(conn: Connection, place: str) -> int:
    """How many blanks the log has at a place of the station."""
    row = _HELD.run(conn, {"of_place": place}).fetchone()
    return int(row[0]) if row else 0


def _at_most(conn: Connection, place: str, most: int) -> int:
    """The same, counted no further than `most`: a stock may hold thousands."""
    row = _SOME.run(conn, {"of_place": place, "at_most": most}).fetchone()
    return int(row[0]) if row else 0


def at(conn: Connection, place: str, count: int | None = None, *, take: bool = False) -> dict[str, str]:
    """Serial -> unit of the blanks that the log has at a place of the station, lowest serials first.

    With `take` two machines that load at the same moment choose different ones.
    """
    if count is None:
        return dict(_ALL.run(conn, {"of_place": place}).fetchall())
    return dict((_TAKE if take else _LOWEST).run(conn, {"of_place": place, "at_most": count}).fetchall())
