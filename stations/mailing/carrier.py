"""The carrier's side of the last handoff: a blind count at the door, and the applications are dispatched."""

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select, update

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from stations.intake.states import advance, stopped
from stations.intake.tables import ApplicationState
from stations.mailing.desk import CarrierDesk
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
