"""Each closed parcel is weighed, and its weight says whether it holds what it must: a count without opening it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row, bindparam, update

from devices.roles import Scale
from stations.kept_machine import KeptMachine
from stations.packing.desk import PackingDesk
from stations.packing.rules import Grouping, Tolerance, WeightDiffersError, check_weight
from stations.packing.tables import Parcel

_log = structlog.get_logger()

WEIGH_TIMEOUT_S = 10.0

_parcel = Parcel.__table__  # type: ignore[attr-defined]
_WEIGHED = (
    update(_parcel)
    .where(_parcel.c.parcel_unit == bindparam("of_parcel"))
    .values(weighed_g=bindparam("grams"), scale=bindparam("on_scale"))
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Grams of parcels on the scale, and the differences that stop one; both by parcel unit."""

    scale: str = ""
    grams: Mapping[str, int] = field(default_factory=dict)
    differing: Mapping[str, WeightDiffersError] = field(default_factory=dict)


def weigh(
    parcels: Sequence[Row[Any]],
    inside: Mapping[str, Sequence[Row[Any]]],
    desk: PackingDesk,
    scale: KeptMachine[Scale],
    tolerance: Tolerance,
) -> Weighed:
    """Weigh parcels with these documents `inside`, by unit; a difference is believed when it is seen twice.

    Raises MachineStandsError when the scale does not come back.
    """
    weights: dict[str, int] = {}
    differing: dict[str, WeightDiffersError] = {}
    for parcel in parcels:
        products = [document.product for document in inside[parcel.unit_id]]
        try:
            weights[parcel.unit_id] = _checked(parcel, products, desk, scale, tolerance)
        except WeightDiffersError as error:
            weights[parcel.unit_id], differing[parcel.unit_id] = error.weighed_g, error
            facts = {"documents": error.documents, "counted": error.counted}
            _log.warning("parcel_put_aside", unit=parcel.label, reason="weight", **facts)
    desk.clear_scale(scale.name)
    return Weighed(scale.name, weights, differing)


def book_weights(tx: Connection, weighed: Weighed) -> None:
    """Store the grams that the scale showed for each closed parcel, and which scale."""
    rows = [{"of_parcel": unit, "grams": grams, "on_scale": weighed.scale} for unit, grams in weighed.grams.items()]
    if rows:
        tx.execute(_WEIGHED, rows)


def _checked(
    parcel: Row[Any], products: Sequence[str], desk: PackingDesk, scale: KeptMachine[Scale], tolerance: Tolerance
) -> int:
    """The grams of a parcel that weighs what it must. Raises WeightDiffersError."""
    for attempt in (1, 2):
        grams = round(scale.ask(lambda opened: _weigh_once(opened, desk, parcel.label)))
        try:
            check_weight(parcel.label, Grouping(parcel.grouping), products, grams, tolerance)
        except WeightDiffersError:
            # Something leaned on it, or it was switched on under its load: laid on anew.
            if attempt == 2:
                raise
        else:
            break
    return grams


def _weigh_once(scale: Scale, desk: PackingDesk, label: str) -> Decimal:
    desk.lay_on_scale(label, scale.machine)
    return scale.weigh(WEIGH_TIMEOUT_S)
