"""One shift hands everything over to the next, station by station, on one blind count: neither none nor two are open.

The outgoing lead and the incoming one count and sign. What lies at a station passes to the incoming lead, who answers
for it until the station's own people take it up; what is on its way or an open case passes by list.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, update

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.reading import Row
from handoff_logs.records import new_id
from stations.shift import counting, rules
from stations.shift.acts import asking, one_at_a_time, open_shift_row, refuse_evacuated, written
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan, check_plan, held, write_shift
from stations.shift.errors import NoShiftOpenError, SameShiftNameError
from stations.shift.keeping import keep
from stations.shift.passing import Hands, Listed, pass_on, to_list
from stations.shift.rules import Difference, Ending, Moment, What
from stations.shift.stops import CONTENT, Stop, stops
from stations.shift.tables import Shift, ShiftHandover
from stations.vault.balance import Period

REASON: Final = "shift-hand-over"
"""Of the records by which a shift hands over what lies at each station."""
_SHIFT: Final = Shift.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of handing over: `to_shift` is None where it was refused and the shift is open as it was.

    `units`: how many passed at each station. `passed`: what passed by list.
    """

    from_shift: str
    from_name: str
    to_shift: str | None
    how: Ending | None
    count_id: str | None
    differences: tuple[Difference, ...]
    stops: tuple[Stop, ...]
    units: Mapping[str, int]
    passed: tuple[Listed, ...]
    held: Mapping[str, str]


def check_hand_over(conn: Connection, plan: Plan, unbalanced: Sequence[Stop]) -> tuple[Row, list[Stop]]:
    """The open shift, and what keeps it from being handed over but the count.

    Raises `NoShiftOpenError`, `LineEvacuatedError`, `SameShiftNameError`, and as `crews.check_plan`.
    """
    refuse_evacuated(conn)
    row = open_shift_row(conn)
    if row is None:
        raise NoShiftOpenError
    check_plan(conn, plan)
    if plan.name == row["name"]:
        raise SameShiftNameError(plan.name)
    against = [stop for stop in stops(asking(conn), clock_us(conn)) if stop.code not in rules.PASSED_ON]
    return row, [*against, *unbalanced]


def hand_over(
    database: Database,
    plan: Plan,
    count: Counted,
    by: Signers,
    unbalanced: Sequence[Stop] = (),
    reason: str | None = None,
) -> HandedOver:
    """End the open shift and begin the next on one count, by the outgoing lead (`by.first`) and the incoming.

    With a `reason` in spite of what stands against it, which stays a case of the shift that ends. What nobody found
    stays with whoever answered for it. Refused, the shift is open as it was; a count that differs is recorded. Raises
    as `check_hand_over`, `ShiftReasonError`, `ShiftMovedError`.
    """
    rules.check_reason(reason)

    def work(tx: Connection) -> HandedOver:
        one_at_a_time(tx)
        row, against = check_hand_over(tx, plan, unbalanced)
        machines = held(tx, plan.machines)
        if against and reason is None:
            return refused(row, None, (), against)
        now_us = clock_us(tx)
        count_id, found = counting.record(tx, count, Moment.HAND_OVER, by, now_us, emulated=plan.emulated)
        if found and reason is None:
            return refused(row, count_id, found, ())
        old, new = row["shift_id"], new_id()
        stood = keep(tx, old, Period(row["opened_us"], now_us))
        tx.execute(insert(ShiftHandover).values(from_shift=old, to_shift=new))
        missing = {one.serial for one in found if one.what is What.MISSING}
        content = [
            (unit["station"], unit["unit_id"])
            for unit in asking(tx)(CONTENT)
            if unit["number"].partition("/")[0] not in missing
        ]
        passed = to_list(tx)
        stamp = Stamp(now_us, plan.emulated, reason=REASON, second_sign_in=by.first_sign_in)
        hands = Hands(by.first, by.second, by.second_sign_in, plan.name)
        units, handed = pass_on(tx, count_id, content, passed, hands, stamp)
        how = Ending.FORCED if found or against else Ending.BALANCED
        forced = reason if how is Ending.FORCED else None
        left = json.dumps([[stop.code, stop.where, stop.what] for stop in against]) if forced else None
        tx.execute(
            update(Shift)
            .where(_SHIFT.c.shift_id == old)
            .values(
                closed=True,
                closing_count=count_id,
                closed_us=now_us,
                closed_how=how.value,
                closing_reason=forced,
                closing_left=left,
            )
        )
        facts = [(old, "closed", f"{now_us} {how} {count_id} {forced or '-'}"), (old, "handed-to", new), stood]
        if left is not None:
            facts.append((old, "left", counting.digest(left)))
        facts += handed
        facts += write_shift(tx, new, plan, count_id, now_us, None)
        counting.note(tx, by, now_us, facts, emulated=plan.emulated)
        return HandedOver(
            old, row["name"], new, how, count_id, tuple(found), tuple(against), units, tuple(passed), machines
        )

    return written(database, work)


def refused(row: Row, count_id: str | None, found: Iterable[Difference], against: Iterable[Stop]) -> HandedOver:
    """What came of a hand-over that was refused."""
    return HandedOver(row["shift_id"], row["name"], None, None, count_id, tuple(found), tuple(against), {}, (), {})
