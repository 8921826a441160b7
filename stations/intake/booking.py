"""Booking one chunk of a batch: applications, what is set aside, orders and their first offer, in one transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs import log
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.intake.errors import BatchBusyError
from stations.intake.prepare import Prepared, SetAsideLine
from stations.intake.rules import OnFile, Refusal, revision_refusal
from stations.intake.states import advance
from stations.intake.tables import Application, ApplicationImage, ApplicationState, IntakeBatch, SetAside
from stations.personal import PersonalData

PLACE = "input"
REVIEW = "review"

_applications = Application.__table__  # type: ignore[attr-defined]
_images = ApplicationImage.__table__  # type: ignore[attr-defined]
_batches = IntakeBatch.__table__  # type: ignore[attr-defined]
_set_aside = SetAside.__table__  # type: ignore[attr-defined]


class ChunkRacedError(Exception):
    """Another load entered one of these applications or persons first: book the chunk again, it will be set aside."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive lines of a batch: those from `first` to `last` (counted from 1), each in exactly one of the lists."""

    batch_id: str
    first: int
    last: int
    prepared: Sequence[Prepared]
    set_aside: Sequence[SetAsideLine]


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of a chunk."""

    loaded: int
    set_aside: int
    trays: int


def book(tx: Connection, chunk: Chunk, by: Party, personal: PersonalData, tray_size: int, happened_us: int) -> Booked:
    """Enter a chunk whole: all its rows and custody records, or none.

    Raises `BatchBusyError` if the batch isn't just before the chunk, `ChunkRacedError` if a constraint held in a race.
    """
    entering, refused = _sort_out(tx, chunk.prepared)
    set_aside = sorted([*chunk.set_aside, *refused], key=lambda aside: aside.line)
    moved = tx.execute(
        update(_batches)
        .where(_batches.c.batch_id == chunk.batch_id, _batches.c.lines_read == chunk.first - 1)
        .values(
            lines_read=chunk.last,
            loaded=_batches.c.loaded + len(entering),
            set_aside=_batches.c.set_aside + len(set_aside),
        )
    )
    if moved.rowcount != 1:
        raise BatchBusyError(chunk.batch_id, chunk.first)
    if set_aside:
        tx.execute(insert(_set_aside), [_aside_row(chunk.batch_id, aside, personal) for aside in set_aside])
    if not entering:
        return Booked(0, len(set_aside), 0)
    try:
        tx.execute(insert(_applications), [prepared.application for prepared in entering])
    except IntegrityError as error:
        raise ChunkRacedError(chunk.batch_id, chunk.first) from error
    tx.execute(insert(_images), [image for prepared in entering for image in prepared.images])
    return Booked(len(entering), len(set_aside), _hand_to_review(tx, entering, by, tray_size, happened_us))


def _sort_out(tx: Connection, prepared: Sequence[Prepared]) -> tuple[list[Prepared], list[SetAsideLine]]:
    """Those that may enter, given what is on file and what this chunk enters before them; held ones make room."""
    on_file = _newest_on_file(tx, [item.application["application_key"] for item in prepared])
    persons = _live_persons(tx, [item.application["person_key"] for item in prepared])
    entering: list[Prepared] = []
    refused: list[SetAsideLine] = []
    superseded: list[str] = []
    for item in prepared:
        row = item.application
        before = on_file.get(row["application_key"])
        refusal = revision_refusal(item.record, before)
        live = persons.get((row["person_key"], row["product"]))
        if refusal is None and live is not None and live != row["application_key"]:
            refusal = Refusal("applicant.resident_id", "person_has_live_application", item.record.number)
        if refusal is not None:
            refused.append(SetAsideLine(item.line, refusal))
            continue
        if before and before.state is ApplicationState.HELD:
            superseded.append(before.application_id)
        on_file[row["application_key"]] = OnFile(row["application_id"], item.record.revision, ApplicationState.WAITING)
        persons[row["person_key"], row["product"]] = row["application_key"]
        entering.append(item)
    advance(tx, superseded, ApplicationState.HELD, ApplicationState.RETURNED)
    return entering, refused


def _newest_on_file(tx: Connection, keys: Sequence[str]) -> dict[str, OnFile]:
    columns = (_applications.c.application_key, _applications.c.application_id, _applications.c.revision)
    rows = tx.execute(
        select(*columns, _applications.c.state)
        .where(_applications.c.application_key.in_(keys))
        .order_by(_applications.c.revision)
    )
    # Later revisions come last and so stay.
    return {row.application_key: OnFile(row.application_id, row.revision, ApplicationState(row.state)) for row in rows}


def _live_persons(tx: Connection, keys: Sequence[str]) -> dict[tuple[str, str], str]:
    """The key of the live application of each of these persons, by person and product."""
    columns = (_applications.c.person_key, _applications.c.product, _applications.c.application_key)
    rows = tx.execute(select(*columns).where(_applications.c.person_key.in_(keys), _applications.c.live))
    return {(row.person_key, row.product): row.application_key for row in rows}


def _aside_row(batch_id: str, aside: SetAsideLine, personal: PersonalData) -> dict[str, object]:
    number = aside.refusal.number
    sealed = personal.encrypt(number.encode(), number_context(batch_id, aside.line)) if number else None
    return {
        "batch_id": batch_id,
        "line": aside.line,
        "field": aside.refusal.field,
        "reason": aside.refusal.reason,
        "number": sealed,
    }


def number_context(batch_id: str, line: int) -> str:
    """What the application number of a line that was set aside is sealed for."""
    return f"{batch_id}:{line}"


def _hand_to_review(tx: Connection, entering: Sequence[Prepared], by: Party, tray_size: int, happened_us: int) -> int:
    """Receive the orders and offer them to review, tray by tray; the number of trays."""
    emulated = bool(entering[0].application["emulated"])
    births = [Birth(item.application["order_unit"], Kind.ORDER, item.order_number) for item in entering]
    log.receive(tx, by, None, births, PLACE, log.Stamp(happened_us=happened_us, emulated=emulated))
    trays = 0
    for tray in _trays(entering, tray_size):
        log.offer(
            tx,
            by,
            PLACE,
            REVIEW,
            [item.application["order_unit"] for item in tray],
            priority=tray[0].application["priority"],
            stamp=log.Stamp(happened_us=happened_us, emulated=emulated, tray=new_id(), due_us=tray[0].review_due_us),
        )
        trays += 1
    return trays


def _trays(entering: Sequence[Prepared], tray_size: int) -> Iterator[Sequence[Prepared]]:
    """Trays of one priority and one product, the earliest time node first."""

    def kind(item: Prepared) -> tuple[int, str]:
        return item.application["priority"], item.application["product"]

    ordered = sorted(entering, key=lambda item: (*kind(item), item.review_due_us, item.line))
    for _, group in groupby(ordered, key=kind):
        items = list(group)
        for start in range(0, len(items), tray_size):
            yield items[start : start + tray_size]
