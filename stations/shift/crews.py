"""What a shift begins with: its people by station, its machines, and the checklist; checked, and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from stations.people import EMULATED_PREFIX
from stations.people_register.sign_in import PERSON, roles_of
from stations.personalization import activity
from stations.personalization.tables import Activity
from stations.shift import counting, rules
from stations.shift.errors import CrewRefusedError
from stations.shift.rules import Crew
from stations.shift.tables import Shift, ShiftItem, ShiftMachine, ShiftPerson


@dataclass(frozen=True, slots=True)
class Plan:
    """What a shift is opened with: its people by station, its machines, and what of the checklist was confirmed.

    `least`: of an on-call shift, the fewest people of each station; None: the usual crew. `real_staff`: nobody of the
    crew may be EMULATED, though the line's machines are.
    """

    name: str
    crew: Crew
    machines: tuple[str, ...]
    confirmed: tuple[str, ...]
    emulated: bool
    least: Mapping[str, int] | None = None
    real_staff: bool = False


def check_plan(conn: Connection, plan: Plan) -> None:
    """Raise what is wrong with a plan, whatever stands on the line.

    `ShiftNameError`, `ChecklistError`, `ChecklistItemError`, `CrewStationError`, `CrewTwiceError`, `CrewShortError`,
    `OnCallShortError`, `CrewRefusedError`.
    """
    rules.check_name(plan.name)
    rules.check_items(plan.confirmed)
    if plan.least is None:
        rules.check_crew(plan.crew)
    else:
        rules.check_on_call(plan.crew, plan.least)
    for station, codes in plan.crew.items():
        for code in codes:
            if why := unfit(conn, code, station, emulated=plan.emulated and not plan.real_staff):
                raise CrewRefusedError(code, station, why)


def write_shift(
    tx: Connection, shift_id: str, plan: Plan, count_id: str, opened_us: int, forced: str | None
) -> list[tuple[str, str, str]]:
    """Write a shift that begins, with its people, machines and checklist; the facts of it for the log."""
    tx.execute(
        insert(Shift).values(
            shift_id=shift_id,
            name=plan.name,
            opening_count=count_id,
            opened_us=opened_us,
            opening_reason=forced,
            closed=False,
            emulated=plan.emulated,
        )
    )
    members = _write_members(tx, shift_id, plan)
    facts = [(shift_id, "opened", f"{plan.name} {opened_us} {count_id} {forced or '-'}")]
    facts += [(shift_id, f"at-{code}", at) for at, codes in plan.crew.items() for code in codes]
    facts.append((shift_id, "digest", counting.digest(members)))
    return facts


def held(conn: Connection, machines: Sequence[str]) -> Mapping[str, str]:
    """Those of `machines` that stand, and why."""
    shown = activity.all_shown(conn)
    return {
        machine: shown[machine][1] or "held"
        for machine in machines
        if machine in shown and shown[machine][0] in (Activity.HELD, Activity.SUSPENDED)
    }


def unfit(
    conn: Connection, code: str, station: str, *, emulated: bool, also: frozenset[str] = frozenset()
) -> str | None:
    """Why a person can't stand at a station; None where they can, by its role or one of `also`."""
    role = rules.role_at(station)
    if code.startswith(EMULATED_PREFIX):
        return None if emulated else "emulated people stand where [staff] is emulated alone"
    row = conn.execute(select(PERSON.c.ended_us).where(PERSON.c.code == code)).one_or_none()
    if row is None or row.ended_us is not None:
        return "nobody of this code is enrolled"
    return None if roles_of(conn, code) & {role, *also} else f"its people are {role}s"


def _write_members(tx: Connection, shift_id: str, plan: Plan) -> list[list[dict[str, str | None]]]:
    """Write people, machines and checklist of a shift; what was written."""
    shown = activity.all_shown(tx)
    people: list[dict[str, str | None]] = [
        {"code": code, "station": station, "role": rules.role_at(station).value}
        for station, codes in plan.crew.items()
        for code in codes
    ]
    machines: list[dict[str, str | None]] = []
    for machine in plan.machines:
        state, why = shown.get(machine, ("new", None))
        machines.append({"machine": machine, "state": str(state), "reason": why})
    items: list[dict[str, str | None]] = [{"item": item.id} for item in rules.CHECKLIST]
    for table, rows in ((ShiftPerson, people), (ShiftMachine, machines), (ShiftItem, items)):
        if rows:
            tx.execute(insert(table), [{"shift_id": shift_id, **row} for row in rows])
    return [people, machines, items]
