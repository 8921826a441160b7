"""Specimens: set-up pieces on real blanks, voided at once by two people.

A specimen is a job without an application, drawn and recovered like any other; the database lets it be no document.
What a machine made or spoiled of one is held where it was ejected until two people have defaced it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, bindparam, func, insert, select, text

from devices.jobs import JobState, job_id
from devices.roles import MachineIdentity
from handoff_logs import log
from handoff_logs.errors import NotInsideError
from handoff_logs.freezing import pass_by
from handoff_logs.records import Act, State
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.climate import bar
from stations.people import EMULATED_PREFIX, Role
from stations.personalization import blanks, booking, holds, jobs, leases, rules
from stations.personalization.booking import Work
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import FenceLostError, SpecimenReasonError, SpecimenRefusedError
from stations.personalization.jobs import JOB
from stations.personalization.leases import Lease
from stations.personalization.tables import SPECIMENS
from stations.workplace import Workplace

FIRSTS: Final = (Role.OPERATOR,)
SECONDS: Final = (Role.OPERATOR, Role.INSPECTOR, Role.LEAD, Role.ENGINEER)
"""Who has a specimen made, and who may be the second hand that defaces it."""
FORGOTTEN: Final = "forgotten"
"""Why one was made that a restored database knows of from its machine alone."""
_REASON: Final = re.compile(r"[a-z][a-z0-9-]{0,19}", re.ASCII)

_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_MADE = Statement(
    select(func.coalesce(func.max(JOB.c.attempt), 0)).where(
        JOB.c.machine == bindparam("of_machine"),
        JOB.c.product == bindparam("of_product"),
        text("specimen IS NOT NULL"),
    )
)
_LEFT = Statement(
    select(JOB.c.blank_serial, JOB.c.blank_unit)
    .join(_WHERE, _WHERE.c.unit_id == JOB.c.blank_unit)
    .where(
        JOB.c.machine == bindparam("of_machine"),
        text(SPECIMENS),
        _WHERE.c.state == State.HELD.value,
        _WHERE.c.station == rules.STATION,
    )
    .order_by(JOB.c.blank_serial)
)
# The log refuses what they sign; they are asked before the machine has drawn what they then could not void.
_OUTSIDE = Statement(
    "SELECT core.emulated FROM core_station AS core WHERE core.station = :station"
    " AND NOT EXISTS (SELECT 1 FROM inside WHERE inside.person = :person)"
)
_HOLDS = Statement(select(leases.holds()))
_FACTS = (
    *("job_id", "product", "attempt", "previous_attempt", "machine", "machine_serial", "journal_id"),
    *("journal_position", "fence", "worker", "intent_us", "emulated", "specimen"),
)
_INTENT = Statement(
    insert(JOB).values(
        state=JobState.INTENT.value, unfinished=True, live=False, **{name: bindparam(name) for name in _FACTS}
    )
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """The `number`-th specimen of a product on its machine, counted from 1."""

    product: str
    number: int


def check_reason(reason: str) -> str:
    """The reason ("set-up"), if it can be one. Raises `SpecimenReasonError`."""
    if _REASON.fullmatch(reason) is None or reason == FORGOTTEN:
        raise SpecimenReasonError(reason)
    return reason


def check(workplace: Workplace, machine: str, kind: str, *, stocked: bool) -> None:
    """Raise `SpecimenRefusedError` for what would refuse a specimen, before anybody is asked to sign.

    `stocked`: whether somebody can load `machine` from the stock. One that has a specimen open or not voided yet needs
    no blank: that one is ended first.
    """
    database = workplace.database
    with database.read() as conn:
        if left(conn, machine) or any(row.specimen and row.doubt is None for row in jobs.unreleased(conn, machine)):
            return
        _refuse(machine, _barred(conn, machine, bar.shown(conn, machine, database.clock_us(conn))))
        if jobs.in_doubt(conn, machine):
            raise SpecimenRefusedError(machine, "two people settle its job in doubt first, passline devices settle")
        places = [rules.input_stack(machine), *([rules.blank_stock(kind)] if stocked else [])]
        if not any(blanks.held(conn, place) for place in places):
            raise SpecimenRefusedError(machine, f"no {kind} lies in {' or '.join(places)}; issue some first")


def draw(
    tx: Connection,
    workplace: Workplace,
    lease: Lease,
    machine: MachineIdentity,
    centre: str,
    product: str,
    reason: str,
) -> Work:
    """Commit to making a specimen of `product` on the leased machine; nothing waits for it and nothing is overtaken.

    Raises `SpecimenRefusedError`, `NotInsideError` for who may not sign its void here, `FenceLostError`; nothing is
    written then.
    """
    frozen, clock_us = pass_by(tx), workplace.database.clock_us(tx)
    _refuse(lease.machine, _barred(tx, lease.machine, bar.barred(tx, lease.machine, clock_us), frozen=frozen))
    for hand, person in zip(("person", "second_person"), workplace.people, strict=False):
        outside = _OUTSIDE.run(tx, {"station": workplace.station, "person": person}).fetchone()
        if outside is not None and (not outside[0] or person.startswith(EMULATED_PREFIX)):
            raise NotInsideError(Act.VOID, hand, person, workplace.station)
    specimen = Numbered(product, _made(tx, lease.machine, product) + 1)
    identity = job_id(centre, _source(lease.machine), product, specimen.number)
    _intend(tx, lease, machine, specimen, identity, machine.journal_next, reason)
    return Work(identity, None, product, None, None, None, JobState.INTENT, specimen=reason)


def next_ones(conn: Connection, centre: str, machine: str, products: Sequence[str], count: int) -> dict[str, Numbered]:
    """The specimens that `machine` may have made next, by their job ids: `count` of each product."""
    return {
        job_id(centre, _source(machine), product, number): Numbered(product, number)
        for product in products
        for made in [_made(conn, machine, product)]
        for number in range(made + 1, made + count + 1)
    }


def take_up(
    tx: Connection, lease: Lease, machine: MachineIdentity, specimen: Numbered, identity: str, position: int
) -> None:
    """Commit to the specimen that the machine's journal shows to have been made, and the database forgot.

    Raises `FenceLostError`, and `ZoneSuspendedError` while its zone is.
    """
    bar.refuse_suspended(tx, lease.machine)
    _intend(tx, lease, machine, specimen, identity, position, FORGOTTEN)


def left(conn: Connection, machine: str) -> dict[str, str]:
    """Serial -> unit of the specimens of `machine`, made or spoiled, that nobody has voided yet."""
    return dict(_LEFT.run(conn, {"of_machine": machine}).fetchall())


def void(workplace: Workplace, desk: MachineDesk, machine: str) -> list[str]:
    """Deface, carry away and void the specimens of `machine`, wherever its hands find them; their serials."""
    with workplace.database.read() as conn:
        pieces = list(left(conn, machine))
    if not pieces:
        return []
    # Each stack is taken out whole, to where its own round carries it and records what lies there.
    for stack, lies, aside in (
        ("good", rules.good_stack(machine), rules.RACK),
        ("reject", rules.reject_bin(machine), rules.bench(machine)),
    ):
        if not set(pieces).isdisjoint(desk.scan(lies)):
            desk.empty(machine, stack, aside)
    desk.deface(pieces, workplace.party(0).person, workplace.party(1).person)
    desk.put(pieces, rules.VOIDED)
    return record_void(workplace, machine, pieces)


def record_void(workplace: Workplace, machine: str, serials: Sequence[str]) -> list[str]:
    """Record that two people defaced specimens of `machine`; those that nobody had voided yet."""
    return workplace.database.write(lambda tx: record_void_in(tx, workplace, machine, serials))


def record_void_in(tx: Connection, workplace: Workplace, machine: str, serials: Sequence[str]) -> list[str]:
    """The same in the transaction of `tx`."""
    first, second = workplace.party(0), workplace.party(1)
    units = {serial: unit for serial, unit in left(tx, machine).items() if serial in serials}
    if units:
        stamp = booking.stamp(workplace, machine, None, rules.SPECIMEN)
        signed = replace(stamp, second_sign_in=second.sign_in)
        log.void(tx, first, second.person, list(units.values()), rules.VOIDED, signed)
    return list(units)


def _barred(conn: Connection, machine: str, air: str | None, *, frozen: bool | None = None) -> str | None:
    """Why nothing may be drawn on `machine`; air that nobody watches, as while the line stands, bars no specimen."""
    if pass_by(conn) if frozen is None else frozen:
        return "the line is evacuated; two people count their way back, passline shift return"
    if air == bar.SUSPENDED:
        return "its zone is suspended for its climate; a lead resumes it, passline climate resume"
    if (finding := holds.finding(conn, machine)) is not None:
        return f"finding {finding} holds it until that is mended, see passline patrol findings"
    return None


def _refuse(machine: str, why: str | None) -> None:
    if why is not None:
        raise SpecimenRefusedError(machine, why)


def _made(conn: Connection, machine: str, product: str) -> int:
    row = _MADE.run(conn, {"of_machine": machine, "of_product": product}).fetchone()
    return int(row[0]) if row else 0


def _source(machine: str) -> str:
    """What stands in a specimen's job id where another has its application's."""
    return f"specimen/{machine}"


def _intend(
    tx: Connection,
    lease: Lease,
    machine: MachineIdentity,
    specimen: Numbered,
    identity: str,
    position: int,
    reason: str,
) -> None:
    holding = _HOLDS.run(tx, leases.held(lease)).fetchone()
    if holding is None or not holding[0]:
        raise FenceLostError(lease.machine, lease.fence)
    intent = {
        "job_id": identity,
        "product": specimen.product,
        "attempt": specimen.number,
        "previous_attempt": specimen.number - 1 or None,
        "machine": lease.machine,
        "machine_serial": machine.serial,
        "journal_id": machine.journal_id,
        "journal_position": position,
        "fence": lease.fence,
        "worker": lease.worker,
        "intent_us": booking.now_us(),
        "emulated": machine.emulated,
        "specimen": reason,
    }
    _INTENT.run(tx, intent)
