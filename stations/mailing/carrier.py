"""The carrier's side of the last handoff: a blind count at the door, and the applications are dispatched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import BindParameter, Connection, bindparam, select, update

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from stations.intake.states import advance, stopped
from stations.intake.tables import ApplicationState
from stations.mailing.desk import CarrierDesk
from stations.mailing.errors import NothingAtTheDoorError, UnknownParcelsError
from stations.mailing.tables import ConsignedParcel, Consignment
from stations.packing.contents import offered_documents, offered_labels, parcel_units
from stations.trays import TrayOutcome, stamp, tray_of, tray_place
from stations.workplace import Workplace

VEHICLE = "vehicle"

UNITS_A_STATEMENT = 5_000

_manifests = Consignment.__table__  # type: ignore[attr-defined]
_parcels = ConsignedParcel.__table__  # type: ignore[attr-defined]
_UNITS: BindParameter[str] = bindparam("units", expanding=True)
_TAKE = (
    update(_parcels)
    .where(
        _parcels.c.parcel_unit.in_(_UNITS),
        _parcels.c.consignment_id.in_(
            select(_manifests.c.consignment_id).where(_manifests.c.handoff_id == bindparam("of_handoff"))
        ),
    )
    .values(taken_us=bindparam("now_us"))
)


def work_tray(workplace: Workplace, offer: OpenOffer, desk: CarrierDesk) -> TrayOutcome:
    """Count what stands at the door and accept it, with everything that follows from it in one transaction.

    A tray with a stopped application in it is refused whole and goes back to the door: mailing takes it back, opens the
    parcel and offers the rest again. Raises `AlreadyAnsweredError` when the offer was withdrawn or answered before.
    """
    tray = tray_of(offer)
    with workplace.database.read() as connection:
        expected = offered_labels(connection, offer.handoff_id)
    labels = desk.collect(tray_place(tray))

    def answer(tx: Connection) -> TrayOutcome:
        documents = offered_documents(tx, offer.handoff_id)
        stopped_ids = stopped(tx, [document.application_id for document in documents])
        if stopped_ids:
            return TrayOutcome(workplace.station, tray, len(expected), stopped=len(stopped_ids))
        strangers = parcel_units(tx, [label for label in labels if label not in expected])
        counted = [expected[label] for label in labels if label in expected]
        acceptance = log.accept(
            tx, workplace.party(), offer.handoff_id, [*counted, *strangers.values()], VEHICLE, stamp(workplace, tray)
        )
        gone = frozenset(acceptance.accepted)
        left = [document.application_id for document in documents if document.container in gone]
        advance(tx, left, ApplicationState.IN_PRODUCTION, ApplicationState.DISPATCHED)
        _close_manifests(tx, workplace, offer.handoff_id, acceptance.accepted)
        return TrayOutcome(
            workplace.station,
            tray,
            len(expected),
            passed=len(gone),
            missing=len(acceptance.missing),
            surplus=len(acceptance.surplus),
        )

    outcome = workplace.database.write(answer)
    if outcome.stopped:
        # Unloaded before it is refused: cut short in between, the tray is simply offered and counted again.
        desk.give_back(labels, tray_place(tray))
        refusal = stamp(workplace, tray, reason="stopped")
        workplace.database.write(lambda tx: log.refuse(tx, workplace.party(), offer.handoff_id, refusal))
    return outcome


@dataclass(frozen=True, slots=True)
class DoorCount:
    """What a driver's count at the door came to, by label; each of `missing` and `surplus` is a case.

    `refused`: trays that went back whole, for an application in them was stopped, or a counted number differed
    (`differs`).
    """

    taken: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def collect_counted(
    tx: Connection, workplace: Workplace, labels: Sequence[str], offered: Mapping[str, OpenOffer]
) -> DoorCount:
    """Book what a driver, who has signed, counted at the door: each handoff of which they counted anything.

    What they counted nothing of stays offered. A tray with a stopped application in it is refused whole. `offered`: the
    open offers to the carrier by handoff. Raises `NothingAtTheDoorError`, `UnknownParcelsError`.
    """
    counted = dict.fromkeys(labels)
    units = parcel_units(tx, list(counted))
    if unknown := [label for label in counted if label not in units]:
        raise UnknownParcelsError(tuple(unknown[:20]))
    standing: dict[str, dict[str, str]] = {handoff: offered_labels(tx, handoff) for handoff in offered}
    touched = {handoff: expected for handoff, expected in standing.items() if not counted.keys().isdisjoint(expected)}
    known = {label for expected in touched.values() for label in expected}
    strangers = {label: units[label] for label in counted if label not in known}
    if not touched:
        raise NothingAtTheDoorError(tuple(counted))
    found = DoorCount()
    for handoff, expected in touched.items():
        tray = tray_of(offered[handoff])
        documents = offered_documents(tx, handoff)
        if stopped(tx, [document.application_id for document in documents]):
            log.refuse(tx, workplace.party(), handoff, stamp(workplace, tray, reason="stopped"))
            found = replace(found, refused=(*found.refused, tray))
            continue
        present = [unit for label, unit in expected.items() if label in counted]
        party, on = workplace.party(), stamp(workplace, tray)
        acceptance = log.accept(tx, party, handoff, [*present, *strangers.values()], VEHICLE, on)
        gone = frozenset(acceptance.accepted)
        left = [document.application_id for document in documents if document.container in gone]
        advance(tx, left, ApplicationState.IN_PRODUCTION, ApplicationState.DISPATCHED)
        _close_manifests(tx, workplace, handoff, acceptance.accepted)
        found = replace(
            found,
            taken=(*found.taken, *(label for label in expected if label in counted)),
            missing=(*found.missing, *(label for label in expected if label not in counted)),
            surplus=(*found.surplus, *strangers),
        )
        # A case each, once.
        strangers = {}
    return found


def collect_numbered(
    tx: Connection, workplace: Workplace, handoff_id: str, number: int, offered: Mapping[str, OpenOffer]
) -> DoorCount:
    """Book what a driver without a scanner, who has signed, counted of one handoff: how many parcels.

    The whole of it is taken where the number is right. Where it differs nobody knows which, and it goes back whole:
    mailing's recount by scanner makes a case of each that is missing. Raises `NothingAtTheDoorError`.
    """
    if handoff_id not in offered:
        raise NothingAtTheDoorError((handoff_id,))
    offer = offered[handoff_id]
    expected = offered_labels(tx, handoff_id)
    if number != len(expected):
        tray = tray_of(offer)
        log.refuse(tx, workplace.party(), handoff_id, stamp(workplace, tray, reason="count"))
        return DoorCount(refused=(tray,), differs=(tray,))
    return collect_counted(tx, workplace, list(expected), {handoff_id: offer})


def _close_manifests(tx: Connection, workplace: Workplace, handoff_id: str, accepted: Sequence[str]) -> None:
    """Book the manifests of a handoff as dispatched, with the parcels that the carrier found."""
    accepted_us = workplace.database.clock_us(tx)
    for start in range(0, len(accepted), UNITS_A_STATEMENT):
        units = list(accepted[start : start + UNITS_A_STATEMENT])
        tx.execute(_TAKE, {"of_handoff": handoff_id, "units": units, "now_us": accepted_us})
    tx.execute(
        update(_manifests)
        .where(_manifests.c.handoff_id == handoff_id)
        .values(state="dispatched", accepted_us=accepted_us)
    )
