"""The EMULATED scanner of the operators' desk: hands take out what lies there, and read its numbers."""

from collections.abc import Sequence

from stations.personalization import acts, bench, blanks, jobs, rules, station
from stations.personalization.acts import Kinds
from stations.personalization.desk import MachineDesk
from stations.personalization.rules import Settlement
from stations.personalization.tables import ActKind
from stations.trays import tray_place
from stations.workplace import Workplace

FULL_STACK = 10
"""Blanks that EMULATED hands fill an input stack up to."""


def read(workplace: Workplace, hands: MachineDesk, kinds: Kinds, kind: ActKind, subject: str) -> list[str]:
    """Serials of the pieces that such an act is about, as far as hands and eyes find them."""
    if kind is ActKind.FILL:
        with workplace.database.read() as conn:
            wanted = [row.blank_serial for row in station.documents(conn, subject)]
        lying = {*hands.scan(rules.RACK), *hands.scan(tray_place(subject))}
        return [serial for serial in wanted if serial in lying]
    if subject not in kinds or kind in (ActKind.RIGHT, ActKind.SETTLE):
        return []
    lying = set(_taken_out(hands, kinds[subject], kind, subject))
    with workplace.database.read() as conn:
        there = acts.recorded(conn, kinds, kind, subject)
        inside = blanks.held(conn, rules.input_stack(subject)) if kind is ActKind.LOAD else 0
    found = [serial for serial in there if serial in lying]
    return found[: max(0, FULL_STACK - inside)] if kind is ActKind.LOAD else found


def look(workplace: Workplace, hands: MachineDesk, job_id: str) -> tuple[Settlement, str] | None:
    """What hands and eyes find of a job in doubt, and the serial to name where its machine never read it."""
    with workplace.database.read() as conn:
        job = jobs.find(conn, job_id)
    if job is None or job.doubt is None:
        return None
    hands.empty(job.machine, "reject", rules.bench(job.machine))
    found, serial, _ = bench.look(workplace, hands, job)
    if found is Settlement.MADE_GOOD and job.data_sha256 is None:
        found = Settlement.MADE_BAD  # nobody knows its number: it is defaced
    return found, "" if job.blank_serial is not None or serial is None else serial


def _taken_out(hands: MachineDesk, takes: str, kind: ActKind, machine: str) -> Sequence[str]:
    stock = rules.blank_stock(takes)
    match kind:
        case ActKind.COLLECT:
            hands.empty(machine, "good", rules.RACK)
            return hands.scan(rules.RACK)
        case ActKind.DEFACE:
            hands.empty(machine, "reject", rules.bench(machine))
            # What specimens were made lies among the good ones.
            return [*hands.scan(rules.bench(machine)), *hands.scan(rules.RACK), *hands.scan(rules.VOIDED)]
        case ActKind.RESTOCK:
            hands.empty(machine, "hold", stock)
    return hands.scan(stock)
