"""Parcels on the scale at mailing's desk: each weight is stored as a mailer reads it; a tray is booked when all are.

A desk makes a weighing's id before it sends it, so that one that is sent again is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us
from handoff_logs.records import State
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.tables import ApplicationState
from stations.mailing import own_scale
from stations.mailing.desk_ids import check_id
from stations.mailing.errors import (
    DeskIdTakenError,
    NotInTrayError,
    ParcelStoppedError,
    ScaleWeighsError,
    UnknownAskError,
    UnknownLabelError,
    WeighedBeforeError,
    WeightRefusedError,
)
from stations.mailing.rules import Weight, judged
from stations.mailing.sendings import one_at_a_time
from stations.mailing.tables import ScaleFault
from stations.packing.rules import USUAL, Grouping, Tolerance, count_by_weight
from stations.trays import INPUT
from stations.workplace import Workplace

MOST_G: Final = 100_000
_STORED = Statement(
    "SELECT w.parcel_unit, w.tray, w.attempt, w.grams, w.mailer, p.label FROM mailing_weighing AS w"
    " JOIN parcel AS p ON p.parcel_unit = w.parcel_unit WHERE w.weighing_id = :weighing_id"
)
_PARCEL = Statement(
    "SELECT p.parcel_unit, p.grouping, p.expected_g, p.documents, w.state, w.station, w.place, w.tray FROM parcel AS p"
    " JOIN whereabouts AS w ON w.unit_id = p.parcel_unit WHERE p.label = :label"
)
_PRODUCTS = Statement(
    "SELECT a.product, a.state FROM whereabouts AS w JOIN job AS j ON j.document_unit = w.unit_id"
    " JOIN application AS a ON a.application_id = j.application_id WHERE w.container = :parcel_unit"
)
_SEEN = Statement(
    "SELECT grams, mailer FROM mailing_weighing WHERE parcel_unit = :parcel_unit AND tray = :tray ORDER BY attempt"
)
_STORE = Statement(
    "INSERT INTO mailing_weighing (weighing_id, parcel_unit, tray, attempt, grams, mailer, sign_in, stored_us,"
    " emulated, ask_id) VALUES (:weighing_id, :parcel_unit, :tray, :attempt, :grams, :mailer, :sign_in, :stored_us,"
    " :emulated, :ask_id)"
)
_CONFIRMED = Statement("SELECT 1 FROM mailing_weighing WHERE ask_id = :ask_id")
_LAST_ASK = Statement(
    "SELECT fault FROM mailing_scale_ask WHERE parcel_unit = :parcel_unit AND tray = :tray"
    " ORDER BY asked_us DESC LIMIT 1"
)
_OF_TRAY = Statement(
    "SELECT m.parcel_unit, m.grams, m.mailer, m.sign_in, m.stored_us FROM whereabouts AS w JOIN mailing_weighing AS m"
    " ON m.parcel_unit = w.unit_id AND m.tray = w.tray WHERE w.station = 'mailing' AND w.state = 'held'"
    " AND w.kind = 'parcel' AND w.place = 'input' AND w.tray = :tray ORDER BY m.parcel_unit, m.attempt"
)
_STOPPED = Statement(
    "SELECT DISTINCT inside.container FROM whereabouts AS here JOIN whereabouts AS inside"
    " ON inside.container = here.unit_id JOIN job ON job.document_unit = inside.unit_id"
    " JOIN application AS a ON a.application_id = job.application_id WHERE here.station = 'mailing'"
    " AND here.state = 'held' AND here.kind = 'parcel' AND here.place = 'input' AND here.tray = :tray"
    " AND a.state = 'stopped'"
)
PROGRESS: Final = """
SELECT here.tray, min(here.priority) AS priority, count(*) AS parcels, count(seen.parcel_unit) AS weighed
FROM whereabouts AS here LEFT JOIN mailing_weighing AS seen
    ON seen.parcel_unit = here.unit_id AND seen.tray = here.tray AND seen.attempt = 1
WHERE here.station = 'mailing' AND here.state = 'held' AND here.kind = 'parcel' AND here.place = 'input'
GROUP BY here.tray ORDER BY 2, here.tray
"""
"""The trays that mailing accepted and has not handed on, with how many of their parcels were on the scale."""
LATEST: Final = """
SELECT p.label, m.grams, m.stored_us, p.grouping, p.office,
       (SELECT s.tracking FROM consigned_parcel AS s JOIN consignment AS c ON c.consignment_id = s.consignment_id
        WHERE s.parcel_unit = m.parcel_unit AND c.offered_us >= m.stored_us ORDER BY c.offered_us LIMIT 1) AS tracking,
       here.station, here.state, here.place
FROM mailing_weighing AS m JOIN parcel AS p ON p.parcel_unit = m.parcel_unit
JOIN whereabouts AS here ON here.unit_id = m.parcel_unit
WHERE m.mailer = :mailer ORDER BY m.stored_us DESC LIMIT :most
"""
"""What a mailer weighed last, with the number that it was given when its tray was booked."""


REFUSED_TRAYS: Final = """
SELECT here.handoff_id, here.tray, min(here.since_us) AS since_us FROM whereabouts AS here
WHERE here.station = 'mailing' AND here.state = 'refused' AND here.kind = 'parcel'
GROUP BY here.handoff_id, here.tray ORDER BY 3
"""
"""The trays that came back from the door, and that a mailer counts before they go on."""
_ONCE = Statement(
    "SELECT p.parcel_unit, p.label, p.grouping, p.expected_g, m.grams FROM whereabouts AS here"
    " JOIN parcel AS p ON p.parcel_unit = here.unit_id"
    " JOIN mailing_weighing AS m ON m.parcel_unit = here.unit_id AND m.tray = here.tray AND m.attempt = 1"
    " WHERE here.station = 'mailing' AND here.state = 'held' AND here.kind = 'parcel' AND here.place = 'input'"
    " AND NOT EXISTS (SELECT 1 FROM mailing_weighing AS again WHERE again.parcel_unit = here.unit_id"
    " AND again.tray = here.tray AND again.attempt = 2) ORDER BY m.stored_us"
)
_NEXT = Statement(
    """
    SELECT p.label FROM whereabouts AS here JOIN parcel AS p ON p.parcel_unit = here.unit_id
    WHERE here.station = 'mailing' AND here.state = 'held' AND here.kind = 'parcel' AND here.place = 'input'
    AND NOT EXISTS (SELECT 1 FROM mailing_weighing AS m WHERE m.parcel_unit = here.unit_id AND m.tray = here.tray)
    AND NOT EXISTS (SELECT 1 FROM whereabouts AS inside JOIN job ON job.document_unit = inside.unit_id
        JOIN application AS a ON a.application_id = job.application_id
        WHERE inside.container = here.unit_id AND a.state = 'stopped')
    ORDER BY here.priority, here.due_us, here.tray, p.label LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One stored weight of a parcel, with who stored it by which sign-in. Microseconds UTC."""

    grams: int
    mailer: str
    sign_in: str
    stored_us: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a weighing came to. `counted`: how many documents the weight says are inside, where it can tell."""

    label: str
    weight: Weight
    grams: int
    expected_g: int
    documents: int
    counted: int | None


def weigh(
    workplace: Workplace,
    by: By,
    weighing_id: str,
    label: str,
    grams: int,
    tolerance: Tolerance = USUAL,
    scale: str | None = None,
) -> Weighed:
    """Store what a mailer typed of a parcel; the same weighing sent again is answered alike.

    Where the desk has a `scale` of its own, only when that stands. Raises ScaleWeighsError, BadDeskIdError,
    DeskIdTakenError, WeightRefusedError, UnknownLabelError, NotInTrayError, ParcelStoppedError, WeighedBeforeError.
    """
    return _store(workplace, by, weighing_id, label, grams, tolerance, ask_id=None, scale=scale)


def confirm(workplace: Workplace, by: By, weighing_id: str, ask_id: str, tolerance: Tolerance = USUAL) -> Weighed:
    """Store what the desk's own scale told a mailer of a parcel, once.

    Raises UnknownAskError, and what `weigh` raises but ScaleWeighsError.
    """
    with workplace.database.read() as conn:
        told = own_scale.asked(conn, ask_id)
    if told.grams is None or told.mailer != by.code:
        raise UnknownAskError(ask_id)
    return _store(workplace, by, weighing_id, told.label, told.grams, tolerance, ask_id=ask_id, scale=None)


def _store(
    workplace: Workplace,
    by: By,
    weighing_id: str,
    label: str,
    grams: int,
    tolerance: Tolerance,
    *,
    ask_id: str | None,
    scale: str | None,
) -> Weighed:
    check_id(weighing_id)
    if not 1 <= grams <= MOST_G:
        raise WeightRefusedError(grams)

    def work(tx: Connection) -> Weighed:
        # The same one sent twice at once is found by whoever comes later.
        one_at_a_time(tx)
        before = _STORED.run(tx, {"weighing_id": weighing_id}).fetchone()
        parcel = _PARCEL.run(tx, {"label": label}).fetchone()
        if before is not None:
            if parcel is None or (before[3], before[4], before[5]) != (grams, by.code, label):
                raise DeskIdTakenError(weighing_id)
            seen = _SEEN.run(tx, {"parcel_unit": before[0], "tray": before[1]}).fetchall()
            return _weighed(tx, label, parcel, [each[0] for each in seen[: before[2]]], tolerance)
        if parcel is None:
            raise UnknownLabelError(label)
        unit, grouping, expected_g, _, state, station, place, tray = parcel
        if (state, station, place) != (State.HELD, workplace.station, INPUT) or tray is None:
            raise NotInTrayError(label, f"{state} at {station}, {place}")
        products = _PRODUCTS.run(tx, {"parcel_unit": unit}).fetchall()
        if any(found == ApplicationState.STOPPED for _, found in products):
            raise ParcelStoppedError(label)
        seen = _SEEN.run(tx, {"parcel_unit": unit, "tray": tray}).fetchall()
        allowed_g = tolerance.grams(Grouping(grouping), [product for product, _ in products])
        if judged(expected_g, [each[0] for each in seen], allowed_g) in (Weight.SOUND, Weight.ASIDE):
            raise WeighedBeforeError(label, seen[-1][1], seen[-1][0])
        if ask_id is not None and _CONFIRMED.run(tx, {"ask_id": ask_id}).fetchone() is not None:
            raise UnknownAskError(ask_id)
        if scale is not None:
            last = _LAST_ASK.run(tx, {"parcel_unit": unit, "tray": tray}).fetchone()
            if last is None or last[0] != ScaleFault.STANDS:
                raise ScaleWeighsError(label, scale)
        facts = {
            "weighing_id": weighing_id,
            "parcel_unit": unit,
            "tray": tray,
            "attempt": len(seen) + 1,
            "grams": grams,
            "mailer": by.code,
            "sign_in": by.sign_in,
            "stored_us": clock_us(tx),
            "emulated": workplace.emulated,
            "ask_id": ask_id,
        }
        _STORE.run(tx, facts)
        return _weighed(tx, label, parcel, [*(each[0] for each in seen), grams], tolerance)

    try:
        return workplace.database.write(work)
    except IntegrityError:
        # Somebody else was a moment quicker, and now it is there to be found.
        return workplace.database.write(work)


def of_tray(conn: Connection, tray: str) -> dict[str, list[Seen]]:
    """Parcel → its stored weights in the order in which they were seen, of an accepted tray."""
    found: dict[str, list[Seen]] = {}
    for unit, *rest in _OF_TRAY.run(conn, {"tray": tray}).fetchall():
        found.setdefault(unit, []).append(Seen(*rest))
    return found


def stopped_in(conn: Connection, tray: str) -> frozenset[str]:
    """The parcels of an accepted tray in which an application is stopped: nobody weighs them."""
    return frozenset(row[0] for row in _STOPPED.run(conn, {"tray": tray}).fetchall())


def seen_once(conn: Connection, tolerance: Tolerance = USUAL) -> list[str]:
    """The labels of parcels in the accepted trays whose weight differed and was not seen again; they are waited for."""
    found = []
    for unit, label, grouping, expected_g, grams in _ONCE.run(conn).fetchall():
        if grams == expected_g:
            continue
        products = [product for product, _ in _PRODUCTS.run(conn, {"parcel_unit": unit}).fetchall()]
        if judged(expected_g, [grams], tolerance.grams(Grouping(grouping), products)) is Weight.AGAIN:
            found.append(label)
    return found


def next_unweighed(conn: Connection) -> str | None:
    """The label of the next parcel in the accepted trays that nobody has weighed."""
    row = _NEXT.run(conn).fetchone()
    return None if row is None else str(row[0])


def _weighed(tx: Connection, label: str, parcel: Sequence[Any], grams: Sequence[int], tolerance: Tolerance) -> Weighed:
    unit, grouping, expected_g, documents, *_ = parcel
    products = [product for product, _ in _PRODUCTS.run(tx, {"parcel_unit": unit}).fetchall()]
    weight = judged(expected_g, grams, tolerance.grams(Grouping(grouping), products))
    counted = count_by_weight(Grouping(grouping), products, grams[-1]) if products else None
    return Weighed(label, weight or Weight.AGAIN, grams[-1], expected_g, documents, counted)
