"""The custody in a proof: the steps of each unit, one on another, both sides of a handoff, and the numbers. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handoff_logs.moves import LEGAL_MOVES, NOT_BORN
from handoff_logs.proofs.errors import BrokenProofError
from handoff_logs.proofs.proof_file import Opening, ProvenEvent, Row
from handoff_logs.records import CASE_FIELDS, UNIT_FIELDS, Act, acting_station, number_hash


@dataclass
class Known:
    """An event whose rows, signatures and leaf hold, its place in the file, and its hash."""

    proven: ProvenEvent
    place: str
    hash: str


def custody(numbers: Sequence[Opening], events: Mapping[str, Known]) -> list[dict[str, Any]]:
    """Verify the units' steps in `events`, by event id in the order of the log, and return a row a step.

    Raises BrokenProofError.
    """
    opened = _opened(numbers, events)
    units: dict[str, list[tuple[Known, Row]]] = defaultdict(list)
    told = []
    for known in events.values():
        for number, one in enumerate(known.proven.rows):
            if one.fields is UNIT_FIELDS:
                place = f"rows[{number}] of {known.place}"
                before = units[str(one.row["unit_id"])]
                _verify_step(before, one.row, known, events, place)
                before.append((known, one.row))
                told.append(_told(known, one.row, opened))
            elif one.fields is CASE_FIELDS:
                told.append(_told_case(known, one.row, opened))
    if not units:
        raise BrokenProofError("events", "there is no step of any unit")
    return told


def _verify_step(
    before: Sequence[tuple[Known, Row]], row: Row, known: Known, events: Mapping[str, Known], place: str
) -> None:
    event, step = known.proven.event, len(before) + 1
    previous = before[-1][1] if before else None
    if row["step"] != step or row["prev_step"] != (step - 1 or None):
        raise BrokenProofError(place, f"it is the step {row['step']} of its unit where the step {step} has to be")
    if previous is not None and row["kind"] != previous["kind"]:
        raise BrokenProofError(place, f"its {previous['kind']} became a {row['kind']}")
    state = NOT_BORN if previous is None else previous["state"]
    if (event["act"], state, row["state"]) not in LEGAL_MOVES:
        raise BrokenProofError(place, f"{event['act']} can't take a unit from {state} to {row['state']}")
    if previous is not None and row["number_hash"] is not None:
        raise BrokenProofError(place, "only a unit's first step has a number's hash")
    if (
        previous is not None
        and event["act"] not in (Act.RECEIVE, Act.SETTLE, Act.UNPACK)
        and previous["station"] != event["from_station"]
    ):
        raise BrokenProofError(place, f"{event['from_station']} acts on what {previous['station']} holds")
    if event["offer_id"] is not None:
        _verify_answer(before, event, events, place)


def _verify_answer(before: Iterable[tuple[Known, Row]], event: Row, events: Mapping[str, Known], place: str) -> None:
    """Both sides signed the same: the answer carries the hash of the offer that this unit was in."""
    offer = events.get(str(event["offer_id"]))
    if offer is None or offer.proven.event["act"] != Act.OFFER or all(known is not offer for known, _ in before):
        raise BrokenProofError(place, f"{event['act']} answers no offer of this unit")
    if event["offer_hash"] != offer.hash:
        raise BrokenProofError(place, f"{event['act']} answers another offer than {event['offer_id']}")
    if event["act"] in (Act.ACCEPT, Act.REFUSE) and (both := _hands(event) & _hands(offer.proven.event)):
        raise BrokenProofError(place, f"{' and '.join(sorted(both))} signed both sides")


def _hands(event: Row) -> set[str]:
    """Return who signed an act."""
    return {str(event[hand]) for hand in ("person", "second_person") if event[hand] is not None}


def _opened(openings: Sequence[Opening], events: Mapping[str, Known]) -> dict[str, str]:
    """Return the numbers by unit id, each verified against its unit's first step."""
    hashes = {
        row.row["unit_id"]: row.row["number_hash"]
        for known in events.values()
        for row in known.proven.rows
        if row.fields is UNIT_FIELDS and row.row["step"] == 1
    }
    numbers: dict[str, str] = {}
    for number, one in enumerate(openings):
        if hashes.get(one.unit_id) != number_hash(one.salt, one.number) or one.unit_id in numbers:
            raise BrokenProofError(f"numbers[{number}]", f"{one.number} is not the number of the unit {one.unit_id}")
        numbers[one.unit_id] = one.number
    return numbers


def _told(known: Known, row: Row, numbers: Mapping[str, str]) -> dict[str, Any]:
    event, seal = known.proven.event, known.proven.seal
    return {
        "leaf": None if seal is None else seal.leaf,
        "unit_id": row["unit_id"],
        "number": numbers.get(str(row["unit_id"])),
        "kind": row["kind"],
        "step": row["step"],
        "act": event["act"],
        "state": row["state"],
        "station": row["station"],
        "place": row["place"],
        "person": row["person"],
        "second_person": event["second_person"],
        "signed_by": acting_station(event),
        "key_id": event["key_id"],
        "happened_us": event["happened_us"],
        "written_us": event["written_us"],
        "event_id": event["event_id"],
        "emulated": event["emulated"],
    }


def _told_case(known: Known, case: Row, numbers: Mapping[str, str]) -> dict[str, Any]:
    facts = {"unit_id": case["unit_id"], "kind": "case", "step": None, "state": case["kind"]}
    row = dict.fromkeys(UNIT_FIELDS) | facts | {"station": case["station"], "person": known.proven.event["person"]}
    return _told(known, row, numbers)
