"""Putting right: two people settle what is missing or in doubt, and one record corrects another's facts."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from handoff_logs import whereabouts
from handoff_logs.errors import CustodyRefusedError, UnknownCaseError, WrongStationError
from handoff_logs.moves import SETTLING
from handoff_logs.records import Act, Birth, Kind, Outcome, Party, State
from handoff_logs.whereabouts import Standing
from handoff_logs.writing import Stamp, born, draft, is_repeated, stored_event, turned, write, write_each

CORRECTABLE = frozenset({"reason", "condition", "happened_us"})
"""What a correction may change: never unit, party, count or step."""

_ENDINGS = (Outcome.LOST, Outcome.DELIVERED)
_MISSING_STATES = (State.MISSING, State.VOID_MISSING)
_OPEN_CASE = text(
    "SELECT case_id FROM custody_case WHERE unit_id = :unit_id AND kind = 'missing'"
    " AND NOT EXISTS (SELECT 1 FROM custody_event WHERE custody_event.case_id = custody_case.case_id)"
)
_CASE_UNIT = text("SELECT unit_id FROM custody_case WHERE case_id = :case_id")


def settle(
    tx: Connection,
    by: Party,
    second: str,
    units: Sequence[str],
    outcome: Outcome | str,
    place: str,
    stamp: Stamp,
    case_id: str | None = None,
    reborn: Sequence[Birth] = (),
) -> str:
    """Settle by two people what became of units that are missing, in doubt or outside.

    `by.station` and `place` are where the units are found; `lost` and `delivered` end them. A parcel that ends is named
    alone, and ends with all that is in it. A missing unit is settled alone and closes its case (looked up when
    `case_id` is None). A case of a unit that is not missing (any more) is closed with no `units`: custody did not
    change. Orders in `reborn` remake what is lost or bad. Raises UnknownCaseError, WrongStationError, IllegalMoveError.
    """
    outcome = Outcome(outcome)
    if outcome in _ENDINGS:
        units = _with_contents(tx, units)
    names = [*units, *(birth.unit_id for birth in reborn)]
    event = draft(Act.SETTLE, by, stamp, expected=len(names), second_person=second, to_place=place)
    if is_repeated(tx, stamp, event, names):
        return str(event["event_id"])
    standing = whereabouts.standing(tx, units)
    for unit in standing:
        _found_where(tx, by, unit, outcome)
    event["case_id"] = _case(tx, standing, case_id)
    ends = outcome in _ENDINGS
    changes = [
        turned(
            SETTLING[outcome],
            unit,
            place=unit.place if ends else place,
            person=by.person,
            station=unit.station if ends else by.station,
            outcome=outcome.value,
        )
        for unit in standing
    ]
    changes += [born(birth, by, place) for birth in reborn]
    return write(tx, event, changes, births=reborn)


def settle_each(
    tx: Connection, by: Party, second: str, parcels: Sequence[str], outcome: Outcome, place: str, stamp: Stamp
) -> None:
    """Settle parcels that are outside, each by a record of its own with all that is in it: as `settle` of one after
    another, in a few statements for all.

    `stamp` names no event. Raises IllegalMoveError, and CustodyRefusedError for what `settle` would look up a case of.
    """
    if outcome not in _ENDINGS or stamp.event_id is not None:
        raise CustodyRefusedError("many at once are settled as an end, and have no id in common")
    standing = whereabouts.standing(tx, parcels)
    inside = whereabouts.contents_of_each(tx, [unit.unit_id for unit in standing if unit.kind == Kind.PARCEL])
    drafts = []
    for parcel in standing:
        if parcel.state != State.OUTSIDE:
            raise CustodyRefusedError(f"unit {parcel.unit_id} is {parcel.state}, and settled alone")
        units = [parcel, *inside.get(parcel.unit_id, ())]
        event = draft(Act.SETTLE, by, stamp, expected=len(units), second_person=second, to_place=place)
        changes = [
            turned(
                SETTLING[outcome],
                unit,
                place=unit.place,
                person=by.person,
                station=unit.station,
                outcome=outcome.value,
            )
            for unit in units
        ]
        drafts.append((event, changes))
    write_each(tx, drafts)


def correct(tx: Connection, by: Party, corrects: str, field: str, value: str, stamp: Stamp) -> str:
    """Put a reason, a condition or a time of happening right by a further record that names the first.

    `field`: one of CORRECTABLE; `corrects`: that record's event id. Raises CustodyRefusedError for any other.
    """
    if field not in CORRECTABLE:
        raise CustodyRefusedError(f"{field} can't be corrected, only {', '.join(sorted(CORRECTABLE))}")
    event = draft(Act.CORRECT, by, stamp, expected=0, corrects=corrects, corrects_field=field, corrects_value=value)
    if is_repeated(tx, stamp, event, ()):
        return str(event["event_id"])
    if stored_event(tx, corrects) is None:
        raise CustodyRefusedError(f"there is no event {corrects} to correct")
    return write(tx, event, ())


def _with_contents(tx: Connection, units: Sequence[str]) -> Sequence[str]:
    """Return the units, and after a parcel what is in it; nothing can be settled that stays in a parcel that ends."""
    if not any(unit.kind == Kind.PARCEL for unit in whereabouts.standing(tx, units)):
        return units
    if len(units) > 1:
        raise CustodyRefusedError("each parcel ends alone, with what is in it")
    return [*units, *(unit.unit_id for unit in whereabouts.contents(tx, units[0]))]


def _found_where(tx: Connection, by: Party, unit: Standing, outcome: Outcome) -> None:
    """Raise WrongStationError unless the people who settle are where the outcome says the unit is."""
    rightful = by.station
    if outcome is Outcome.FOUND_AT_RECEIVER and unit.handoff_id is not None:
        offer = stored_event(tx, unit.handoff_id)
        rightful = str(offer["to_station"]) if offer else unit.station
    elif outcome is Outcome.FOUND_AT_SENDER or unit.state == State.DOUBT:
        rightful = unit.station
    if rightful != by.station:
        raise WrongStationError(Act.SETTLE, f"unit {unit.unit_id}", by.station, rightful)


def _case(tx: Connection, standing: Sequence[Standing], case_id: str | None) -> str | None:
    """Return the case that a settlement closes. Raises UnknownCaseError when it isn't the units' own."""
    missing = [unit for unit in standing if unit.state in _MISSING_STATES]
    if case_id is None and not missing:
        if not standing:
            raise UnknownCaseError("a settlement of no units")
        return None
    if missing and any(unit.state != State.PACKED for unit in standing[1:]):
        raise CustodyRefusedError("each missing unit is settled alone, by the case that names it")
    if case_id is None:
        row = tx.execute(_OPEN_CASE, {"unit_id": missing[0].unit_id}).first()
        if row is None:
            raise UnknownCaseError(f"unit {missing[0].unit_id}")
        return str(row.case_id)
    case = tx.execute(_CASE_UNIT, {"case_id": case_id}).first()
    if case is None or (standing and case.unit_id != standing[0].unit_id):
        raise UnknownCaseError(f"case {case_id}")
    if not standing and whereabouts.standing(tx, [case.unit_id])[0].state in _MISSING_STATES:
        raise UnknownCaseError(f"case {case_id} of a unit that is still missing")
    return case_id
