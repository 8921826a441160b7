"""What a reviewer is shown of an application that they hold: each look is recorded, then the data is decrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.filed import Filed, FiledImage
from stations.review import leases
from stations.review.cases import open_filed
from stations.review.errors import NotHeldError
from stations.review.history import Round, rounds
from stations.review.rules import Facts, Finding, Thresholds, examine
from stations.review.tables import Viewed
from stations.workplace import Workplace

_HELD = Statement(
    "SELECT application_id FROM review_lease WHERE lease_id = :lease_id AND reviewer = :reviewer"
    " AND ended_us IS NULL AND until_us > :now_us"
)
_VIEWED = Statement(
    "INSERT INTO review_view (view_id, lease_id, what, viewed_us) VALUES (:view_id, :lease_id, :what, :now_us)"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An application as it was filed, what the rules suggest, by item code, and its earlier returns and holds."""

    filed: Filed
    findings: Mapping[str, Finding]
    has_signature: bool
    history: Sequence[Round] = ()


def facts(workplace: Workplace, by: By, lease_id: str, thresholds: Thresholds | None = None) -> Shown:
    """What was filed, for whoever holds it. Raises NotHeldError."""
    limits = thresholds or Thresholds()
    seen, _, signature = _opened(workplace, by, lease_id, Viewed.FACTS, limits)
    with workplace.database.read() as conn:
        earlier = rounds(conn, [seen.filed.application_id]).get(seen.filed.application_id, ())
    return Shown(seen.filed, examine(seen, limits), signature is not None, earlier)


def image(workplace: Workplace, by: By, lease_id: str, role: Viewed) -> FiledImage | None:
    """The photo or the signature image, for whoever holds the application; None where no signature was filed.

    Raises NotHeldError.
    """
    _, photo, signature = _opened(workplace, by, lease_id, role, Thresholds())
    return photo if role is Viewed.PHOTO else signature


def _opened(
    workplace: Workplace, by: By, lease_id: str, what: Viewed, thresholds: Thresholds
) -> tuple[Facts, FiledImage, FiledImage | None]:
    application_id = leases.written(workplace, lambda tx: _look(tx, by, lease_id, what))
    return open_filed(workplace, [application_id], thresholds)[application_id]


def _look(tx: Connection, by: By, lease_id: str, what: Viewed) -> str:
    now_us = clock_us(tx)
    row = _HELD.run(tx, {"lease_id": lease_id, "reviewer": by.code, "now_us": now_us}).fetchone()
    if row is None:
        raise NotHeldError(lease_id)
    _VIEWED.run(tx, {"view_id": new_id(), "lease_id": lease_id, "what": what.value, "now_us": now_us})
    return str(row[0])
