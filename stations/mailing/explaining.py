"""Open cases of parcels, and what two people found of each: what a carrier lost, or a count at its door or ours did not
agree on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from handoff_logs import log, whereabouts
from handoff_logs.records import CaseKind, Outcome, State, new_id
from stations.mailing import sendings
from stations.mailing.errors import NothingToSettleError, UnknownSendingError
from stations.mailing.returns import RETURNED, stamp_of_two
from stations.trays import INPUT
from stations.workplace import Workplace


class Found(StrEnum):
    """What two people found out about a parcel with an open case."""

    LOST = "lost"
    DELIVERED = "delivered"
    WITH_CARRIER = "with-carrier"
    HERE = "here"
    EXPLAINED = "explained"


FINDABLE: Final = {
    (State.OUTSIDE, CaseKind.MISSING): frozenset({Found.LOST, Found.DELIVERED, Found.WITH_CARRIER}),
    (State.MISSING, CaseKind.MISSING): frozenset({Found.LOST, Found.HERE}),
}
"""By the state of a parcel and the kind of its case, what can have been found; of any other case, its explanation."""

OPEN_ITEMS: Final = """
SELECT 'case' AS what, opened.kind AS detail, parcel.label, sent.tracking, here.state, opened.opened_us AS since_us,
       NULL AS note
FROM custody_case AS opened
JOIN parcel ON parcel.parcel_unit = opened.unit_id
JOIN whereabouts AS here ON here.unit_id = opened.unit_id
LEFT JOIN consigned_parcel AS sent ON sent.parcel_unit = opened.unit_id AND sent.consignment_id = (
    SELECT last.consignment_id FROM consigned_parcel AS last WHERE last.parcel_unit = opened.unit_id
    ORDER BY coalesce(last.taken_us, 0) DESC LIMIT 1)
WHERE NOT EXISTS (SELECT 1 FROM custody_event AS settled WHERE settled.case_id = opened.case_id)
UNION ALL
SELECT 'coming back', 'returned', parcel.label, said.tracking, here.state, said.at_us, said.note
FROM delivery_event AS said
JOIN delivered_parcel AS about ON about.event_id = said.event_id
JOIN parcel ON parcel.parcel_unit = about.parcel_unit
JOIN whereabouts AS here ON here.unit_id = about.parcel_unit
WHERE said.kind = 'returned' AND said.kind <> 'delivered' AND here.state = 'outside' AND NOT EXISTS (
    SELECT 1 FROM returned_parcel AS back
    WHERE back.parcel_unit = about.parcel_unit AND back.consignment_id = about.consignment_id)
UNION ALL
SELECT 'undecided', 'returned', parcel.label, sent.tracking, here.state, back.received_us, back.note
FROM returned_parcel AS back
JOIN parcel ON parcel.parcel_unit = back.parcel_unit
JOIN whereabouts AS here ON here.unit_id = back.parcel_unit
JOIN consigned_parcel AS sent ON sent.parcel_unit = back.parcel_unit AND sent.consignment_id = back.consignment_id
WHERE back.decision IS NULL
ORDER BY 6, 3, 1
"""
"""All that waits for somebody: open cases of parcels, what is said to come back, and what came back undecided."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A case that two people closed: the parcel's label, and the record."""

    label: str
    record: str


def settle(workplace: Workplace, item: str, found: Found) -> Settled:
    """Close the oldest open case of a parcel by what the two people of `workplace` found, who signed in.

    `item`: a label or a tracking number. A parcel that is lost, or was delivered after all, ends with all that is in
    it; none of that is ever made again. One found here is offered anew. Raises `UnknownSendingError`,
    `NothingToSettleError`.
    """

    return workplace.database.write(lambda tx: settle_in(tx, workplace, item, found))


def settle_in(tx: Connection, workplace: Workplace, item: str, found: Found) -> Settled:
    """The same in the transaction of `tx`."""
    sendings.one_at_a_time(tx)
    unit, label, case_id = check(tx, item, found)
    by, second = workplace.party(0), workplace.party(1)
    why = stamp_of_two(workplace, f"found-{found}", tray=new_id() if found is Found.HERE else None)
    match found:
        case Found.LOST | Found.DELIVERED:
            units, outcome, place = [unit], Outcome(found.value), RETURNED
        case Found.HERE:
            units, outcome, place = [unit], Outcome.FOUND_AT_SENDER, INPUT
        case Found.WITH_CARRIER | Found.EXPLAINED:
            units, outcome, place = [], Outcome.FOUND_ELSEWHERE, RETURNED
    return Settled(label, log.settle(tx, by, second.person, units, outcome, place, why, case_id))


def check(conn: Connection, item: str, found: Found) -> tuple[str, str, str]:
    """The parcel, its label and the case that a finding closes. Raises as `settle`."""
    named = sendings.parcel_named(conn, item)
    if named is None:
        raise UnknownSendingError(item)
    unit, label = named
    state = State(whereabouts.standing(conn, [unit])[0].state)
    return unit, label, _case(conn, item, unit, state, found)


def _case(conn: Connection, item: str, unit: str, state: State, found: Found) -> str:
    """The oldest open case that the finding fits. Raises `NothingToSettleError`."""
    cases = sendings.open_cases(conn, [unit]).get(unit, [])
    for case_id, kind in cases:
        if found in FINDABLE.get((state, CaseKind(kind)), frozenset({Found.EXPLAINED})):
            return case_id
    kinds = " and ".join(kind for _, kind in cases)
    standing = f"{state} with an open case ({kinds})" if cases else f"{state}, without an open case"
    raise NothingToSettleError(item, standing, found.value)
