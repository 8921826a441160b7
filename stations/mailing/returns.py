"""What comes back from the carrier is received by two people and a blind scan.

The carrier's side of this handoff is its file (who took it, what it says comes back, under which return note); the
centre's is the scan. Where they differ, each parcel is a case.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from handoff_logs import log, register, whereabouts
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, CaseKind, Kind, Outcome, State, new_id
from handoff_logs.register import Register
from handoff_logs.whereabouts import Standing
from handoff_logs.writing import Difference, Entry
from stations.mailing import sendings
from stations.mailing.delivery_load import STATION
from stations.mailing.delivery_rules import Sending
from stations.mailing.errors import NothingScannedError, UnknownNoteError, UnknownParcelsError
from stations.mailing.tables import DeliveredParcel, DeliveryEvent, DeliveryKind, ReturnedParcel
from stations.packing.contents import parcel_units
from stations.packing.tables import Parcel
from stations.workplace import Workplace

RETURNED: Final = "returned"
"""The place at mailing where what came back waits for its decision, and the reason of its receipt."""

_event = DeliveryEvent.__table__  # type: ignore[attr-defined]
_about = DeliveredParcel.__table__  # type: ignore[attr-defined]
_back = ReturnedParcel.__table__  # type: ignore[attr-defined]
_parcel = Parcel.__table__  # type: ignore[attr-defined]

_NOTED = (
    select(_about.c.parcel_unit)
    .join(_event, _event.c.event_id == _about.c.event_id)
    .where(_event.c.note == bindparam("of_note"))
)
_LABELS = select(_parcel.c.parcel_unit, _parcel.c.label).where(
    _parcel.c.parcel_unit.in_(bindparam("units", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a count of returns found, by label. `strays` are not the carrier's to give back: they wait in quarantine.

    `unannounced`: received, though the carrier had not said so. Each of these, of `missing` and of `strays` is a case.
    """

    received: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unannounced: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    record: str | None = None


def receive(workplace: Workplace, labels: Sequence[str], note: str | None = None) -> Receipt:
    """Receive what the two people of `workplace`, who signed in, scanned blind; held against the return note, if any.

    Scanned again, nothing changes. Raises `UnknownParcelsError`, `UnknownNoteError`, `NothingScannedError`.
    """
    return workplace.database.write(lambda tx: receive_in(tx, workplace, labels, note))


def receive_in(tx: Connection, workplace: Workplace, labels: Sequence[str], note: str | None) -> Receipt:
    """The same in the transaction of `tx`."""
    return _receive(tx, workplace, list(dict.fromkeys(labels)), note)


def check(conn: Connection, labels: Sequence[str], note: str | None) -> None:
    """Raise what `receive` would of these scans and this note."""
    if not labels and note is None:
        raise NothingScannedError
    units = parcel_units(conn, labels)
    if unknown := [label for label in labels if label not in units]:
        raise UnknownParcelsError(tuple(unknown[:20]))
    if note is not None and conn.execute(_NOTED, {"of_note": note}).first() is None:
        raise UnknownNoteError(note)


def stamp_of_two(workplace: Workplace, reason: str, *, tray: str | None = None, due_us: int | None = None) -> Stamp:
    """A stamp for an act of both people of a workplace that happens now."""
    return Stamp(
        time.time_ns() // 1_000,
        workplace.emulated,
        reason=reason,
        tray=tray,
        due_us=due_us,
        second_sign_in=workplace.party(1).sign_in,
    )


def _receive(tx: Connection, workplace: Workplace, labels: Sequence[str], note: str | None) -> Receipt:
    sendings.one_at_a_time(tx)
    check(tx, labels, note)
    units = parcel_units(tx, labels)
    noted = set() if note is None else set(tx.execute(_NOTED, {"of_note": note}).scalars())
    named = {units[label]: label for label in labels}
    sent = sendings.latest(tx, [*named, *noted])
    standing = whereabouts.find(tx, [*named, *noted])
    cases = sendings.open_cases(tx, [*named, *noted])
    here = [unit for unit in named if waits_here(standing[unit])]
    out = [unit for unit in named if unit not in here and unit in sent and _is_out(standing[unit])]
    strays = [unit for unit in named if unit not in here and unit not in out]
    absent = sorted(unit for unit in noted if unit not in named and _is_out(standing[unit]) and unit in sent)
    unsaid = [unit for unit in out if sent[unit].last is not DeliveryKind.RETURNED or (noted and unit not in noted)]
    differing = [Difference(new_id(), unit, CaseKind.MISSING) for unit in absent if not cases.get(unit)]
    differing += [Difference(new_id(), unit, CaseKind.SURPLUS) for unit in (*unsaid, *strays) if not cases.get(unit)]
    record = _received(tx, workplace, out, sent, unsaid, note) if out else None
    _counted(tx, workplace, note, len(out), len(absent), len(unsaid) + len(strays), differing)
    _close_found(tx, workplace, out, cases)
    named |= dict(map(tuple, tx.execute(_LABELS, {"units": absent})))

    def told(those: Sequence[str]) -> tuple[str, ...]:
        return tuple(named[unit] for unit in those)

    return Receipt(told(out), told(here), told(absent), told(unsaid), told(strays), record)


def _is_out(standing: Standing) -> bool:
    return standing.state == State.OUTSIDE


def waits_here(standing: Standing) -> bool:
    """Whether a parcel waits among what came back."""
    return standing.state == State.HELD and standing.station == STATION and standing.place == RETURNED


def _received(
    tx: Connection,
    workplace: Workplace,
    units: Sequence[str],
    sent: dict[str, Sending],
    unsaid: Sequence[str],
    note: str | None,
) -> str:
    """Record the receipt: the units are in the centre's custody again, and what is in them with them."""
    by, second = workplace.party(0), workplace.party(1)
    births = [Birth(unit, Kind.PARCEL) for unit in units]
    record = log.receive(tx, by, second.person, births, RETURNED, stamp_of_two(workplace, RETURNED))
    rows = [
        {
            "parcel_unit": unit,
            "consignment_id": sent[unit].consignment_id,
            "note": note,
            "announced": unit not in unsaid,
            "record": record,
            "received_us": workplace.database.clock_us(tx),
            "received_by": by.person,
            "received_second": second.person,
            "decision": None,
            "emulated": workplace.emulated,
        }
        for unit in units
    ]
    tx.execute(insert(_back), rows)
    return record


def _counted(
    tx: Connection,
    workplace: Workplace,
    note: str | None,
    found: int,
    missing: int,
    surplus: int,
    differing: Sequence[Difference],
) -> None:
    """Record the count of a return note, and open a case of each parcel in which it differs."""
    if not differing:
        return
    by, second = workplace.party(0), workplace.party(1)
    entry = Entry(Register.DELIVERY, note or "-", "counted", f"received={found} missing={missing} surplus={surplus}")
    administration = register.administration(by.person, by.sign_in)
    register.record(tx, administration, second.person, [entry], stamp_of_two(workplace, RETURNED), differing, STATION)


def _close_found(
    tx: Connection, workplace: Workplace, units: Sequence[str], cases: dict[str, list[tuple[str, str]]]
) -> None:
    """What was reported lost, or did not come with its note, is in two people's hands: its case is closed by them."""
    by, second = workplace.party(0), workplace.party(1)
    for unit in units:
        for case_id, kind in cases.get(unit, ()):
            if kind == CaseKind.MISSING:
                why = stamp_of_two(workplace, RETURNED)
                log.settle(tx, by, second.person, [], Outcome.FOUND_ELSEWHERE, RETURNED, why, case_id)
