"""Two people at the bench of a machine: what it spoiled is defaced and voided, what it forgot is judged and settled.

They look at pieces and stacks, never into a journal, and may be interrupted anywhere: the next to come begin with what
lies there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, null, or_, select

from devices.roles import MachineIdentity
from handoff_logs import log
from stations.personalization import blanks, booking, counters, jobs, rules, settlement, specimens
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import FindingRefusedError
from stations.personalization.jobs import JOB
from stations.personalization.rules import Settlement
from stations.personalization.tables import JobOutcome
from stations.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was done at a bench: blanks voided, jobs settled as what, and jobs that stay in doubt."""

    voided: int
    settled: Mapping[str, Settlement]
    in_doubt: int


def clear(workplace: Workplace, desk: MachineDesk, machine: str) -> Cleared:
    """Clear a jam, settle the jobs of `machine` that are in doubt, then deface and void all that lies rejected.

    And specimens, wherever they lie.
    """
    desk.clear(machine)
    desk.empty(machine, "reject", rules.bench(machine))
    settled = _settle_doubts(workplace, desk, machine)
    voided = len(specimens.void(workplace, desk, machine)) + _void_rejects(workplace, desk, machine)
    return Cleared(voided, settled, sum(found is Settlement.NOT_FOUND for found in settled.values()))


def count(workplace: Workplace, desk: MachineDesk, identity: MachineIdentity) -> bool:
    """Two people count a machine's stacks by serial; where the log agrees with them they accept its counters.

    Only if what no job names was voided from its reject bin: blanks fed two at a time. Any other one stays a question.
    """
    machine = identity.machine
    places = [rules.input_stack(machine), rules.path(machine), rules.reject_bin(machine), rules.hold_stack(machine)]
    with workplace.database.read() as conn:
        recorded = {place: set(blanks.at(conn, place)) for place in places}
        explained = counters.excess_voided(conn, identity)
    if (
        not explained
        or any(set(desk.scan(place)) != recorded[place] for place in places)
        or desk.scan(rules.bench(machine))
    ):
        return False
    counters.recount(workplace, identity, workplace.party(0).person, workplace.party(1).person)
    return True


def act(desk: MachineDesk, serial: str, found: Settlement, place: str, people: tuple[str, str]) -> None:
    """What hands do before a settlement is recorded: a bad piece is defaced, then every piece is carried to `place`."""
    if found in (Settlement.MADE_BAD, Settlement.UNREADABLE):
        desk.deface([serial], *people)
    desk.put([serial], place)


def act_on(
    desk: MachineDesk, job: Row[Any], serial: str, found: Settlement, place: str, people: tuple[str, str]
) -> None:
    """The same for a piece that may lie in a stack of its machine still; nothing where the desk has no such piece.

    Raises `FindingRefusedError` for a piece that is neither unmarked nor good where it was found so.
    """
    # Each stack is taken out whole, to where its own round carries it and records what lies there.
    rounds = (
        ("reject", rules.reject_bin(job.machine), rules.bench(job.machine)),
        ("good", rules.good_stack(job.machine), rules.RACK),
        ("hold", rules.hold_stack(job.machine), rules.blank_stock(rules.blank_kind([job.product]))),
    )
    for stack, lies, aside in rounds:
        if serial in desk.scan(lies):
            desk.empty(job.machine, stack, aside)
    judged = desk.judge(serial)
    if judged is None:
        return
    if found in (Settlement.UNMARKED, Settlement.MADE_GOOD) and judged != found:
        raise FindingRefusedError(job.job_id, found.value, f"by eye and reader {serial} is {judged}; record that")
    act(desk, serial, found, place, people)


def _settle_doubts(workplace: Workplace, desk: MachineDesk, machine: str) -> dict[str, Settlement]:
    with workplace.database.read() as conn:
        doubts = jobs.in_doubt(conn, machine)
    found: dict[str, Settlement] = {}
    for job in doubts:
        finding, serial, place = look(workplace, desk, job)
        unread = job.blank_serial is None
        found[job.job_id] = finding
        if finding is Settlement.MADE_GOOD and job.data_sha256 is None:
            found[job.job_id] = Settlement.NOT_FOUND
            continue  # a good piece whose number nobody knows: whether it is defaced is for people to sign
        if finding is not Settlement.NOT_FOUND or job.settlement is None:
            _settle(workplace, desk, job, finding, serial if unread else None, serial, place)
    return found


def look(workplace: Workplace, desk: MachineDesk, job: Row[Any]) -> tuple[Settlement, str | None, str | None]:
    """What hands and eyes find of a job in doubt: the finding, the serial of its piece, and where that lies."""
    serial = _drawn_unread(workplace, desk, job.machine) if job.blank_serial is None else job.blank_serial
    if serial is None:
        return Settlement.NOT_DRAWN, None, None
    stock = rules.blank_stock(rules.blank_kind([job.product]))
    place = _place(desk, serial, (*_stacks(job.machine), stock))
    if place is None:
        return Settlement.NOT_FOUND, serial, None
    finding = Settlement(desk.judge(serial) or Settlement.NOT_FOUND.value)
    if finding is Settlement.MADE_GOOD and job.specimen is not None:
        finding = Settlement.MADE_BAD  # a specimen is defaced, well made or not
    return finding, serial, place


def _settle(
    workplace: Workplace,
    desk: MachineDesk,
    job: Row[Any],
    finding: Settlement,
    attached: str | None,
    serial: str | None,
    place: str | None,
) -> None:
    """The physical act, then its record."""
    first, second = workplace.party(0).person, workplace.party(1).person
    target = place or rules.bench(job.machine)
    lies = [rules.bench(job.machine)]
    if job.specimen is not None and finding is Settlement.MADE_BAD:
        if place == rules.good_stack(job.machine):
            desk.empty(job.machine, "good", rules.RACK)
        lies += [rules.good_stack(job.machine), rules.RACK]
    if serial is not None and place in lies:
        target = settlement.usual_place(job.product, job.machine, finding)
        act(desk, serial, finding, target, (first, second))
    settlement.settle(workplace, job.job_id, finding, first, second, target, attached)


def _drawn_unread(workplace: Workplace, desk: MachineDesk, machine: str) -> str | None:
    """The blank that was drawn without its number being booked: recorded in the input stack, lying elsewhere."""
    with workplace.database.read() as conn:
        recorded = blanks.at(conn, rules.input_stack(machine))
    lying = {serial for place in _stacks(machine) for serial in desk.scan(place)}
    return next((serial for serial in recorded if serial in lying), None)


def _place(desk: MachineDesk, serial: str, places: Sequence[str]) -> str | None:
    return next((place for place in places if serial in desk.scan(place)), None)


def _stacks(machine: str) -> tuple[str, ...]:
    """Where a piece can lie that a machine drew."""
    return rules.bench(machine), rules.good_stack(machine), rules.hold_stack(machine), rules.VOIDED, rules.RACK


def _void_rejects(workplace: Workplace, desk: MachineDesk, machine: str) -> int:
    """Deface, carry away and void everything on the bench that the log has in the machine."""
    first, second = workplace.party(0), workplace.party(1)
    with workplace.database.read() as conn:
        recorded = rejected(conn, machine)
    # What was carried to the voided ones by hands that were interrupted is defaced, but not recorded.
    lying = [*desk.scan(rules.bench(machine)), *desk.scan(rules.VOIDED)]
    spoiled = {serial: recorded[serial] for serial in lying if serial in recorded}
    if not spoiled:
        return 0
    desk.deface(list(spoiled), first.person, second.person)
    desk.put(list(spoiled), rules.VOIDED)
    workplace.database.write(lambda tx: void_in(tx, workplace, machine, spoiled))
    return len(spoiled)


def rejected(conn: Connection, machine: str) -> dict[str, str]:
    """Serial -> unit of what the log has in the machine and no job under way will still book.

    The machine works on meanwhile: what it has just ejected for the job behind is that job's until its end is booked.
    """
    under_way = conn.execute(select(JOB.c.blank_unit).where(JOB.c.machine == machine, JOB.c.unfinished)).scalars().all()
    places = [rules.reject_bin(machine), rules.path(machine)]
    if None not in under_way:
        places.append(rules.input_stack(machine))
    found = {serial: unit for place in places for serial, unit in blanks.at(conn, place).items()}
    return {serial: unit for serial, unit in found.items() if unit not in under_way}


def void_in(tx: Connection, workplace: Workplace, machine: str, spoiled: Mapping[str, str]) -> None:
    """Record that the two people of `workplace` defaced these pieces (serial -> unit) of a machine."""
    first, second = workplace.party(0), workplace.party(1)
    for serial, unit in spoiled.items():
        _attach(tx, machine, serial, unit)
    units = list(spoiled.values())
    signed = replace(booking.stamp(workplace, machine), second_sign_in=second.sign_in)
    log.void(tx, first, second.person, units, rules.VOIDED, signed)
    orders = tx.execute(
        select(JOB.c.application_id, JOB.c.order_unit).where(JOB.c.blank_unit.in_(units), JOB.c.live)
    ).all()
    jobs.voided(tx, units)
    for application_id, order_unit in orders:
        booking.make_again(tx, application_id, order_unit)


def _attach(tx: Connection, machine: str, serial: str, unit: str) -> None:
    """A spoiled blank that no job names is the one of the oldest failed job whose blank was never read."""
    named = or_(JOB.c.live, JOB.c.outcome == JobOutcome.SPECIMEN.value)
    if tx.execute(select(JOB.c.job_id).where(JOB.c.blank_unit == unit, named)).first():
        return
    failed = and_(JOB.c.live, JOB.c.outcome == JobOutcome.FAILED.value)
    unread = select(JOB.c.job_id).where(
        JOB.c.machine == machine,
        JOB.c.blank_unit.is_(null()),
        or_(failed, JOB.c.outcome == JobOutcome.SPECIMEN.value),
    )
    job = tx.execute(unread.order_by(JOB.c.intent_us).limit(1)).scalar()
    if job is not None:
        jobs.attach_blank(tx, job, serial, unit)
