"""What comes back: received by two people and a blind scan, and decided by two: sent again, or destroyed.

The carrier's side of this handoff is its file (who took it, what it says comes back, under which return note); the
centre's is the scan. Where they differ, each parcel is a case.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from handoff_logs import log, register, whereabouts
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, CaseKind, Kind, Outcome, State, new_id
from handoff_logs.register import Register
from handoff_logs.tables import Whereabouts
from handoff_logs.whereabouts import Standing
from handoff_logs.writing import Difference, Entry
from stations.intake.states import come_back
from stations.intake.tables import Application, ApplicationState
from stations.mailing import sendings
from stations.mailing.delivery_load import STATION
from stations.mailing.delivery_rules import Sending
from stations.mailing.errors import (
    LiveElsewhereError,
    NothingScannedError,
    NotReturnedError,
    PersonErasedError,
    RemadeBeforeError,
    UnknownNoteError,
    UnknownParcelsError,
    UnknownSendingError,
)
from stations.mailing.tables import Decision, DeliveredParcel, DeliveryEvent, DeliveryKind, ReturnedParcel, ReturnRemake
from stations.packing.contents import parcel_units
from stations.packing.tables import Parcel
from stations.personalization import jobs
from stations.personalization.rules import VOIDED
from stations.qc.pieces import order_numbers
from stations.qc.station import remake_number
from stations.trays import INPUT, PUBLISHED, TimeNodes, urgency
from stations.workplace import Workplace

RETURNED: Final = "returned"
"""The place at mailing where what came back waits for its decision, and the reason of its receipt."""
REMADE_AT: Final = "personalization"
REMAKE_PRIORITY: Final = 1

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_event = DeliveryEvent.__table__  # type: ignore[attr-defined]
_about = DeliveredParcel.__table__  # type: ignore[attr-defined]
_back = ReturnedParcel.__table__  # type: ignore[attr-defined]
_remake = ReturnRemake.__table__  # type: ignore[attr-defined]
_parcel = Parcel.__table__  # type: ignore[attr-defined]

_NOTED = (
    select(_about.c.parcel_unit)
    .join(_event, _event.c.event_id == _about.c.event_id)
    .where(_event.c.note == bindparam("of_note"))
)
_LABELS = select(_parcel.c.parcel_unit, _parcel.c.label).where(
    _parcel.c.parcel_unit.in_(bindparam("units", expanding=True))
)
_OPEN = select(_back).where(_back.c.parcel_unit == bindparam("of_parcel"), _back.c.decision.is_(None))
_INSIDE = (
    select(
        _where.c.unit_id,
        jobs.JOB.c.blank_serial,
        _application.c.application_id,
        _application.c.product,
        _application.c.person_key,
        _application.c.state,
        _application.c.order_unit,
    )
    .join(jobs.JOB, jobs.JOB.c.document_unit == _where.c.unit_id)
    .join(_application, _application.c.application_id == jobs.JOB.c.application_id)
    .where(_where.c.container == bindparam("of_parcel"))
    .order_by(_where.c.unit_id)
)
_LIVE = select(_application.c.application_id).where(
    _application.c.person_key == bindparam("of_person"),
    _application.c.product == bindparam("of_product"),
    _application.c.live,
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


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What became of a parcel's documents: their serials, voided; and the handoffs of what is made again."""

    serials: tuple[str, ...]
    remakes: tuple[str, ...] = field(default=())


def receive(workplace: Workplace, labels: Sequence[str], note: str | None = None) -> Receipt:
    """Receive what the two people of `workplace`, who signed in, scanned blind; held against the return note, if any.

    Scanned again, nothing changes. Raises `UnknownParcelsError`, `UnknownNoteError`, `NothingScannedError`.
    """
    scanned = list(dict.fromkeys(labels))
    if not scanned and note is None:
        raise NothingScannedError
    return workplace.database.write(lambda tx: _receive(tx, workplace, scanned, note))


def send_again(workplace: Workplace, item: str) -> tuple[str, str]:
    """Let what came back be sent again, by the two people of `workplace`; its label and its new tray.

    It is weighed, numbered anew and offered to the carrier when the station next works. `item`: a label or a tracking
    number. Raises `UnknownSendingError`, `NotReturnedError`, `LiveElsewhereError`.
    """

    def decide(tx: Connection) -> tuple[str, str]:
        sendings.one_at_a_time(tx)
        back, label = check(tx, item)
        inside = tx.execute(_INSIDE, {"of_parcel": back.parcel_unit}).all()
        _revive(tx, inside, ApplicationState.IN_PRODUCTION)
        tray, by, second = new_id(), workplace.party(0), workplace.party(1)
        why = stamp_of_two(workplace, "sent-again", tray=tray)
        log.move(tx, by, [back.parcel_unit], INPUT, why, second=second.person)
        _decided(tx, workplace, back, Decision.SENT)
        return label, tray

    return workplace.database.write(decide)


def destroy(workplace: Workplace, item: str, *, remake: bool, nodes: TimeNodes = PUBLISHED) -> Destroyed:
    """Record that the two people of `workplace` opened what came back and defaced all that was in it.

    With `remake` its applications are made again, each once. `item`: a label or a tracking number. Raises
    `UnknownSendingError`, `NotReturnedError`, `RemadeBeforeError`, `PersonErasedError`, `LiveElsewhereError`.
    """

    def decide(tx: Connection) -> Destroyed:
        sendings.one_at_a_time(tx)
        back, _ = check(tx, item)
        by, second = workplace.party(0), workplace.party(1)
        inside = tx.execute(_INSIDE, {"of_parcel": back.parcel_unit}).all()
        orders = _orders_anew(tx, inside) if remake else {}
        if remake:
            # While its parcel still waits among what came back, by which the database knows that it may.
            _revive(tx, inside, ApplicationState.PASSED)
        log.unpack(tx, by, back.parcel_unit, RETURNED, replace(stamp_of_two(workplace, RETURNED), second_sign_in=None))
        for each in inside:
            reborn = [orders[each.application_id]] if each.application_id in orders else []
            log.void(tx, by, second.person, [each.unit_id], VOIDED, stamp_of_two(workplace, RETURNED), reborn)
        jobs.voided(tx, [each.unit_id for each in inside])
        remakes = _make_again(tx, workplace, inside, orders, nodes) if orders else []
        _decided(tx, workplace, back, Decision.DESTROYED)
        return Destroyed(tuple(each.blank_serial for each in inside), tuple(remakes))

    return workplace.database.write(decide)


def check(conn: Connection, item: str) -> tuple[Row[Any], str]:
    """The open return of a parcel, and its label. Raises `UnknownSendingError`, `NotReturnedError`."""
    named = sendings.parcel_named(conn, item)
    if named is None:
        raise UnknownSendingError(item)
    unit, label = named
    back = conn.execute(_OPEN, {"of_parcel": unit}).one_or_none()
    standing = whereabouts.standing(conn, [unit])[0]
    if back is None or not _waits_here(standing):
        raise NotReturnedError(item, f"{standing.state} at {standing.station}, {standing.place}")
    return back, label


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
    units = parcel_units(tx, labels)
    if unknown := [label for label in labels if label not in units]:
        raise UnknownParcelsError(tuple(unknown[:20]))
    noted = set() if note is None else set(tx.execute(_NOTED, {"of_note": note}).scalars())
    if note is not None and not noted:
        raise UnknownNoteError(note)
    named = {units[label]: label for label in labels}
    sent = sendings.latest(tx, [*named, *noted])
    standing = whereabouts.find(tx, [*named, *noted])
    cases = sendings.open_cases(tx, [*named, *noted])
    here = [unit for unit in named if _waits_here(standing[unit])]
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


def _waits_here(standing: Standing) -> bool:
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


def _decided(tx: Connection, workplace: Workplace, back: Row[Any], decision: Decision) -> None:
    row = (_back.c.parcel_unit == back.parcel_unit) & (_back.c.consignment_id == back.consignment_id)
    tx.execute(
        update(_back)
        .where(row)
        .values(
            decision=decision.value,
            decided_us=workplace.database.clock_us(tx),
            decided_by=workplace.party(0).person,
            decided_second=workplace.party(1).person,
        )
    )


def _revive(tx: Connection, inside: Sequence[Any], state: ApplicationState) -> None:
    """Bring the applications back on the line, where any of them can be stopped. Raises `LiveElsewhereError`."""
    for each in inside:
        # The unique index of live applications decides; this only says it in words.
        newer = tx.execute(_LIVE, {"of_person": each.person_key, "of_product": each.product}).first()
        if newer is not None:
            raise LiveElsewhereError(each.application_id, each.product)
    come_back(tx, [each.application_id for each in inside], state)


def _orders_anew(tx: Connection, inside: Sequence[Any]) -> dict[str, Birth]:
    """Application → the order by which it is made again, the once that it may be. Raises as `destroy`."""
    ids = [each.application_id for each in inside]
    for before in tx.execute(select(_remake.c.application_id).where(_remake.c.application_id.in_(ids))).scalars():
        raise RemadeBeforeError(before)
    numbers = order_numbers(tx, [each.order_unit for each in inside])
    for each in inside:
        if each.order_unit not in numbers:
            raise PersonErasedError(each.application_id)
    return {
        each.application_id: Birth(new_id(), Kind.ORDER, remake_number(numbers[each.order_unit])) for each in inside
    }


def _make_again(
    tx: Connection, workplace: Workplace, inside: Sequence[Any], orders: dict[str, Birth], nodes: TimeNodes
) -> list[str]:
    """Offer the new orders to personalization, a product at a time; their handoffs."""
    now_us = workplace.database.clock_us(tx)
    for each in inside:
        order = orders[each.application_id].unit_id
        tx.execute(
            update(_application).where(_application.c.application_id == each.application_id).values(order_unit=order)
        )
        remade = {"application_id": each.application_id, "document_unit": each.unit_id, "order_unit": order}
        tx.execute(insert(_remake), remade | {"remade_us": now_us})
    offered = []
    for product in sorted({each.product for each in inside}):
        group = [each.application_id for each in inside if each.product == product]
        priority, due_us = urgency(tx, REMADE_AT, group, nodes)
        onward = replace(stamp_of_two(workplace, "remake", tray=new_id(), due_us=due_us), second_sign_in=None)
        units = [orders[application_id].unit_id for application_id in group]
        offer = log.offer(
            tx,
            workplace.party(),
            VOIDED,
            REMADE_AT,
            units,
            priority=min(priority, REMAKE_PRIORITY),
            stamp=onward,
        )
        offered.append(offer.handoff_id)
    return offered
