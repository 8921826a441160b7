"""The mailing station: parcels are weighed, numbered, put on manifests and offered to the carrier."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, insert, select

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from handoff_logs.records import State, new_id
from handoff_logs.tables import Whereabouts
from stations import trays
from stations.acceptance import counts
from stations.mailing import tracking, weighings
from stations.mailing.desk import MailingDesk
from stations.mailing.errors import NothingRefusedError
from stations.mailing.rules import Weight, judged, weight_agrees
from stations.mailing.tables import ConsignedParcel, Consignment
from stations.packing.contents import (
    Contained,
    offered_labels,
    packed_documents,
    parcel_units,
    parcels_of_tray,
)
from stations.packing.rules import USUAL, Grouping, Tolerance
from stations.trays import (
    HOLD,
    INPUT,
    PUBLISHED,
    TimeNodes,
    TrayOutcome,
    TrayScanner,
    accept_by_scan,
    book_without_stopped,
    stamp,
    table_place,
    tray_of,
    tray_place,
    urgency,
)
from stations.workplace import Workplace

CARRIER = "carrier"
BACK = "packing"
OPENED = "opened"

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_parcel_rows = ConsignedParcel.__table__  # type: ignore[attr-defined]

_UNITS: BindParameter[str] = bindparam("units", expanding=True)
_REFUSED = (
    select(_where.c.handoff_id)
    .where(
        _where.c.station == bindparam("of_station"),
        _where.c.state == State.REFUSED,
        _where.c.tray == bindparam("of_tray"),
    )
    .limit(1)
)
_REFUSED_TRAY = (
    select(_where.c.tray)
    .where(
        _where.c.station == bindparam("of_station"),
        _where.c.state == State.REFUSED,
        _where.c.handoff_id == bindparam("of_handoff"),
    )
    .limit(1)
)
# What the carrier took stays on its manifest, under its number.
_UNTAKEN = (_parcel_rows.c.parcel_unit.in_(_UNITS), _parcel_rows.c.taken_us.is_(None))
_TRACKED = select(_parcel_rows.c.parcel_unit, _parcel_rows.c.tracking).where(*_UNTAKEN)
_TAKE_OFF = delete(_parcel_rows).where(*_UNTAKEN)
_STORE_MANIFESTS = insert(Consignment.__table__)  # type: ignore[attr-defined]
_STORE_PARCELS = insert(_parcel_rows)

Parcels = Sequence[Row[Any]]


def work_tray(
    workplace: Workplace,
    offer: OpenOffer,
    desk: MailingDesk,
    nodes: TimeNodes = PUBLISHED,
    tolerance: Tolerance = USUAL,
) -> TrayOutcome:
    """Accept the offered tray of parcels by a blind scan, weigh and number them, and offer them to the carrier.

    Raises `AlreadyAnsweredError` when another worker was first, `TrackingNumbersSpentError` when the ranges run out
    (the tray stays accepted).
    """
    with workplace.database.read() as connection:
        expected = offered_labels(connection, offer.handoff_id)
    counted = accept_by_scan(workplace, offer, desk, expected, parcel_units)
    outcome = resume_tray(workplace, tray_of(offer), desk, nodes, tolerance)
    return replace(outcome, missing=counted.missing, surplus=len(counted.surplus))


def accept_counted(workplace: Workplace, offer: OpenOffer, hands: TrayScanner | None) -> None:
    """Accept an offered tray by what somebody counted of it at the desk, as that person.

    `hands` put what does not belong there aside on an EMULATED line. Raises `AlreadyAnsweredError`.
    """
    with workplace.database.read() as connection:
        counted = counts.counted_tray(connection, offer, hands)
        expected = offered_labels(connection, offer.handoff_id)
    people = tuple(dict.fromkeys([counted.by.code, *workplace.people]))
    signed = {counted.by.code: counted.by.sign_in} if counted.by.sign_in is not None else {}
    accept_by_scan(workplace.at(workplace.station, people, signed), offer, counted, expected, parcel_units)


def unfinished_trays(workplace: Workplace) -> list[str]:
    """Trays accepted and not offered on, and trays that the carrier refused and nobody has taken back."""
    refused = select(_where.c.tray).where(_where.c.station == workplace.station, _where.c.state == State.REFUSED)
    with workplace.database.read() as connection:
        waiting = [str(tray) for tray in connection.execute(refused).scalars()]
    return list(dict.fromkeys([*waiting, *trays.unfinished_trays(workplace)]))


def resume_tray(
    workplace: Workplace, tray: str, desk: MailingDesk, nodes: TimeNodes = PUBLISHED, tolerance: Tolerance = USUAL
) -> TrayOutcome:
    """Go on with an accepted tray of parcels, after taking it back if the carrier refused it.

    What people weighed at their desks before the tray was given to `desk` stands.
    """
    _take_back(workplace, tray, desk)
    with workplace.database.read() as connection:
        parcels = parcels_of_tray(connection, workplace.station, tray)
        stored = weighings.of_tray(connection, tray)
        allowed_g = _allowed_g(connection, workplace, tray, parcels, tolerance)
    weights = {}
    for parcel in parcels:
        seen = stored.get(parcel.unit_id, ())
        grams = [each.grams for each in seen]
        settled = judged(parcel.expected_g, grams, allowed_g[parcel.unit_id]) in (Weight.SOUND, Weight.ASIDE)
        weights[parcel.unit_id] = grams[-1] if settled else desk.weigh(parcel.label)
    outcome = _book(workplace, tray, weights, desk, nodes, tolerance)
    # None: a parcel that was stopped, and so was not here, was released meanwhile.
    return outcome or resume_tray(workplace, tray, desk, nodes, tolerance)


def book_weighed(
    workplace: Workplace,
    tray: str,
    desk: TrayScanner | None,
    nodes: TimeNodes = PUBLISHED,
    tolerance: Tolerance = USUAL,
) -> TrayOutcome | None:
    """Book an accepted tray that people weighed at their desks; None, and nothing done, while any of it waits.

    Whoever weighed last signs for it. What is stopped is weighed by nobody and is opened. `desk` carries EMULATED
    parcels; None where people carry real ones. Raises `TrackingNumbersSpentError`.
    """
    with workplace.database.read() as connection:
        if connection.execute(_REFUSED, {"of_station": workplace.station, "of_tray": tray}).first() is not None:
            return None
        parcels = parcels_of_tray(connection, workplace.station, tray)
        stored = weighings.of_tray(connection, tray)
        opened = weighings.stopped_in(connection, tray)
        allowed_g = _allowed_g(connection, workplace, tray, parcels, tolerance)
    weights = {}
    for parcel in parcels:
        seen = [each.grams for each in stored.get(parcel.unit_id, ())]
        if judged(parcel.expected_g, seen, allowed_g[parcel.unit_id]) in (Weight.SOUND, Weight.ASIDE):
            weights[parcel.unit_id] = seen[-1]
        elif parcel.unit_id not in opened:
            return None
    weighed_by = sorted((each for one in stored.values() for each in one), key=lambda each: -each.stored_us)
    signers = {each.mailer: each.sign_in for each in reversed(weighed_by)}
    people = tuple(dict.fromkeys([*(each.mailer for each in weighed_by), *workplace.people]))
    return _book(workplace.at(workplace.station, people, signers), tray, weights, desk, nodes, tolerance)


def _book(
    workplace: Workplace,
    tray: str,
    weights: Mapping[str, int],
    desk: TrayScanner | None,
    nodes: TimeNodes,
    tolerance: Tolerance,
) -> TrayOutcome | None:
    """Book an accepted tray by the weights of its parcels; None where one of them that goes on was not weighed."""

    def put(numbers: Sequence[str], place: str) -> None:
        if desk is not None:
            desk.put(numbers, place)

    with workplace.database.read() as connection:
        parcels = parcels_of_tray(connection, workplace.station, tray)
        documents = packed_documents(connection, workplace.station, tray)
        allowed_g = _allowed_g(connection, workplace, tray, parcels, tolerance)
    outcome = TrayOutcome(workplace.station, tray, len(parcels))
    if not parcels:
        return outcome
    inside: dict[str, list[Contained]] = defaultdict(list)
    for document in documents:
        inside[document.container].append(document)
    weighed = [parcel for parcel in parcels if parcel.unit_id in weights]
    wrong = [
        parcel
        for parcel in weighed
        if not weight_agrees(parcel.expected_g, weights[parcel.unit_id], allowed_g[parcel.unit_id])
    ]
    put([parcel.label for parcel in wrong], table_place(workplace.station, HOLD))
    sound = [parcel for parcel in parcels if parcel not in wrong]
    reopened = new_id()
    towards: dict[Grouping, str] = {grouping: new_id() for grouping in Grouping}
    for grouping, onward in towards.items():
        put([parcel.label for parcel in sound if parcel.grouping == grouping], tray_place(onward))

    def has(parcel: Row[Any], stopped_ids: frozenset[str]) -> bool:
        return any(document.application_id in stopped_ids for document in inside[parcel.unit_id])

    def take_out(stopped_ids: frozenset[str]) -> None:
        for parcel in sound:
            if has(parcel, stopped_ids):
                put([document.blank_serial for document in inside[parcel.unit_id]], tray_place(reopened))
                put([parcel.label], table_place(workplace.station, OPENED))

    def book(tx: Connection, taken_out: frozenset[str]) -> list[TrayOutcome]:
        opened = [parcel for parcel in sound if has(parcel, taken_out)]
        going_on = [parcel for parcel in sound if parcel not in opened]
        if any(parcel.unit_id not in weights for parcel in going_on):
            return []
        if wrong:
            units = [parcel.unit_id for parcel in wrong]
            log.doubt(tx, workplace.party(), units, HOLD, stamp(workplace, tray, reason="weight"))
        offered = _send_back(tx, workplace, opened, inside, reopened, nodes)
        for grouping, onward in towards.items():
            group = [parcel for parcel in going_on if parcel.grouping == grouping]
            if group:
                offered.append(_consign(tx, workplace, grouping, group, inside, weights, onward, nodes))
        done = replace(
            outcome,
            passed=len(going_on),
            held=len(wrong),
            stopped=len(taken_out),
            offered=tuple(offered),
        )
        return [done]

    going_on = [document.application_id for parcel in sound for document in inside[parcel.unit_id]]
    booked = book_without_stopped(workplace, going_on, take_out, book)
    return booked[0] if booked else None


def _allowed_g(
    conn: Connection, workplace: Workplace, tray: str, parcels: Parcels, tolerance: Tolerance
) -> dict[str, int]:
    """What each parcel of a tray may weigh more or less, by what is in it."""
    products: dict[str, list[str]] = defaultdict(list)
    for document in packed_documents(conn, workplace.station, tray):
        products[document.container].append(document.product)
    return {each.unit_id: tolerance.grams(Grouping(each.grouping), products[each.unit_id]) for each in parcels}


def take_back(tx: Connection, workplace: Workplace, handoff_id: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Take a tray that the carrier refused back, by a mailer's recount; the labels that it did not find.

    Raises `NothingRefusedError`.
    """
    refused = tx.execute(_REFUSED_TRAY, {"of_station": workplace.station, "of_handoff": handoff_id}).first()
    if refused is None:
        raise NothingRefusedError(handoff_id)
    expected = offered_labels(tx, handoff_id)
    counted = [expected[label] for label in dict.fromkeys(labels) if label in expected]
    log.take_back(tx, workplace.party(), handoff_id, counted, INPUT, stamp(workplace, refused.tray))
    return tuple(sorted(label for label in expected if label not in labels))


def _take_back(workplace: Workplace, tray: str, desk: MailingDesk) -> None:
    """Take a refused tray back with a recount."""
    with workplace.database.read() as connection:
        of_tray = {"of_station": workplace.station, "of_tray": tray}
        handoff_id = connection.execute(_REFUSED, of_tray).scalar_one_or_none()
        if handoff_id is None:
            return
        labels = offered_labels(connection, handoff_id)
    counted = [labels[label] for label in desk.scan(tray_place(tray)) if label in labels]
    workplace.database.write(
        lambda tx: log.take_back(tx, workplace.party(), handoff_id, counted, INPUT, stamp(workplace, tray))
    )


def _send_back(
    tx: Connection,
    workplace: Workplace,
    opened: Parcels,
    inside: Mapping[str, Sequence[Contained]],
    tray: str,
    nodes: TimeNodes,
) -> list[str]:
    """Open parcels and give their documents back to packing, where the stopped ones are taken out."""
    if not opened:
        return []
    for parcel in opened:
        log.unpack(tx, workplace.party(), parcel.unit_id, INPUT, stamp(workplace, tray, reason="stopped"))
    tx.execute(_TAKE_OFF, {"units": [parcel.unit_id for parcel in opened]})
    documents = [document for parcel in opened for document in inside[parcel.unit_id]]
    priority, due_us = urgency(tx, BACK, [document.application_id for document in documents], nodes)
    onward = stamp(workplace, tray, due_us=due_us, reason="stopped")
    units = [document.unit_id for document in documents]
    return [log.offer(tx, workplace.party(), INPUT, BACK, units, priority=priority, stamp=onward).handoff_id]


def _consign(
    tx: Connection,
    workplace: Workplace,
    grouping: Grouping,
    parcels: Parcels,
    inside: Mapping[str, Sequence[Contained]],
    weights: Mapping[str, int],
    tray: str,
    nodes: TimeNodes,
) -> str:
    """Offer parcels to the carrier, one manifest for the post or one for each office; the handoff."""
    documents = [document for parcel in parcels for document in inside[parcel.unit_id]]
    priority, due_us = urgency(tx, CARRIER, [document.application_id for document in documents], nodes)
    offer = log.offer(
        tx,
        workplace.party(),
        INPUT,
        CARRIER,
        [parcel.unit_id for parcel in parcels],
        priority=priority,
        stamp=stamp(workplace, tray, due_us=due_us),
    )
    numbers = _tracking_numbers(tx, parcels) if grouping is Grouping.SINGLE else {}
    by_office: dict[str | None, list[Row[Any]]] = defaultdict(list)
    for parcel in parcels:
        by_office[parcel.office].append(parcel)
    offered_us = workplace.database.clock_us(tx)
    manifests, lines = [], []
    for office, group in by_office.items():
        manifest = new_id()
        manifests.append(
            {
                "consignment_id": manifest,
                "grouping": grouping.value,
                "office": office,
                "tray": tray,
                "handoff_id": offer.handoff_id,
                "parcels": len(group),
                "documents": sum(parcel.documents for parcel in group),
                "weight_g": sum(weights[parcel.unit_id] for parcel in group),
                "state": "offered",
                "mailer": workplace.people[0],
                "offered_us": offered_us,
                "emulated": workplace.emulated,
            }
        )
        lines += [
            {
                "parcel_unit": parcel.unit_id,
                "consignment_id": manifest,
                "weight_g": weights[parcel.unit_id],
                "tracking": numbers.get(parcel.unit_id),
            }
            for parcel in group
        ]
    tx.execute(_TAKE_OFF, {"units": [parcel.unit_id for parcel in parcels]})
    tx.execute(_STORE_MANIFESTS, manifests)
    tx.execute(_STORE_PARCELS, lines)
    return offer.handoff_id


def _tracking_numbers(tx: Connection, parcels: Parcels) -> dict[str, str]:
    """A number for each parcel: its own from before if the carrier refused it once, else the next of the ranges."""
    units = [parcel.unit_id for parcel in parcels]
    rows = tx.execute(_TRACKED, {"units": units})
    known = {unit: tracking_number for unit, tracking_number in rows if tracking_number is not None}
    new = [unit for unit in units if unit not in known]
    return known | dict(zip(new, tracking.take(tx, len(new)), strict=True))
