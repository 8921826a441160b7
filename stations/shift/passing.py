"""What passes on a count from one person to another: what lies at each station by a record, what is open by list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert

from handoff_logs import log
from handoff_logs.log import Stamp
from handoff_logs.records import Party
from stations.shift.acts import asking
from stations.shift.stops import TO_PASS
from stations.shift.tables import ShiftHanded, ShiftPassed


class Hands(NamedTuple):
    """Who hands over and who takes over, by which sign-in, during which shift; the stamp has the outgoing one's."""

    outgoing: str
    taker: str
    taker_sign_in: str | None
    shift: str


class Listed(NamedTuple):
    """What passes by list: its kind, the handoff's or case's id, and the station that answers for it."""

    kind: str
    subject: str
    station: str


def to_list(tx: Connection, person: str | None = None) -> list[Listed]:
    """What is open: of the whole line, or what one person offered and answers for."""
    rows = asking(tx)(TO_PASS)
    return [Listed(row["kind"], row["subject"], row["station"]) for row in rows if person in (None, row["person"])]


def pass_on(
    tx: Connection,
    count_id: str,
    content: Iterable[tuple[str, str]],
    passed: Sequence[Listed],
    hands: Hands,
    stamp: Stamp,
) -> tuple[Mapping[str, int], list[tuple[str, str, str]]]:
    """Pass `content` (station and unit id) on, a record a station, and write the lists.

    Returns how many units passed at each station, and the facts of the count for the log.
    """
    units: dict[str, list[str]] = {}
    for station, unit in content:
        units.setdefault(station, []).append(unit)
    handed = []
    for station, names in units.items():
        taker = Party(station, hands.taker, hands.shift, hands.taker_sign_in)
        event = log.hand_over(tx, taker, hands.outgoing, names, stamp)
        handed.append({"count_id": count_id, "station": station, "event_id": event, "units": len(names)})
    if handed:
        tx.execute(insert(ShiftHanded), handed)
    if passed:
        tx.execute(insert(ShiftPassed), [{"count_id": count_id, **one._asdict()} for one in passed])
    facts = [(count_id, f"handed-{one['station']}", f"{one['units']} {one['event_id']}") for one in handed]
    facts += [(count_id, f"passed-{number}", " ".join(one)) for number, one in enumerate(passed, 1)]
    return {station: len(names) for station, names in units.items()}, facts
