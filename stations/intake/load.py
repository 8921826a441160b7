"""Loading a batch: checked whole, then entered chunk by chunk in bounded memory; a cut-off load goes on."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.records import new_id
from handoff_logs.register import Register
from stations.calendar import WorkCalendar
from stations.deadlines import ALLOWANCES
from stations.intake.booking import Booked, Chunk, ChunkRacedError, book, number_context
from stations.intake.errors import BatchBusyError, EmulatedBatchError
from stations.intake.folder import BatchFolder, open_batch
from stations.intake.prepare import Prepared, Preparer, SetAsideLine
from stations.intake.rules import REASONS
from stations.intake.tables import IntakeBatch, SetAside
from stations.workplace import Workplace

CHUNK_LINES = 500
TRAY_SIZE = 25
# Losing a race is rare and the next try sees the winner; more losses in a row mean that something else is wrong.
TRIES = 5

_batches = IntakeBatch.__table__  # type: ignore[attr-defined]
_set_aside = SetAside.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a batch came to. `trays`: offered to review by this load; `repeated`: the batch was loaded before."""

    batch_id: str
    lines: int
    loaded: int
    set_aside: int
    trays: int
    repeated: bool
    reply: Path


def load(
    workplace: Workplace,
    directory: Path,
    replies: Path,
    *,
    tray_size: int = TRAY_SIZE,
    calendar: WorkCalendar | None = None,
    allowances: Mapping[str, Mapping[str, timedelta]] = ALLOWANCES,
    chunk_lines: int = CHUNK_LINES,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Load the batch in `directory`; good applications become orders offered to review, the rest goes into the reply.

    `allowances` (service class to station to working time) set review's time nodes; a `calendar` other than that of
    the load before is recorded, because deadlines are reckoned with it. The reply is
    `replies/<batch id>.jsonl`; `progress` is told lines done and lines in all. Loading a batch again, or
    after a crash, enters only what is missing.
    Raises `BatchRefusedError` (nothing is loaded), `EmulatedBatchError`, `BatchBusyError`.
    """
    folder = open_batch(directory)
    if folder.manifest.emulated and not workplace.emulated:
        raise EmulatedBatchError(str(directory))
    replies.mkdir(parents=True, exist_ok=True)
    days = calendar or WorkCalendar()
    batch_id, lines_read = _enter_batch(workplace, folder)
    workplace.database.write(lambda tx: _follow_calendar(tx, workplace, days))
    repeated = lines_read == folder.manifest.applications
    preparer = Preparer(
        folder,
        batch_id,
        workplace.personal,
        days,
        allowances,
        emulated=folder.manifest.emulated,
    )
    trays = 0
    for chunk in _chunks(preparer, lines_read, chunk_lines):
        trays += _book(workplace, chunk, tray_size).trays
        if progress:
            progress(chunk.last, folder.manifest.applications)
    loaded, set_aside = workplace.database.write(lambda tx: _finish(tx, batch_id))
    reply = replies / f"{batch_id}.jsonl"
    _write_reply(workplace, batch_id, reply)
    return LoadReport(batch_id, folder.manifest.applications, loaded, set_aside, trays, repeated, reply)


def _enter_batch(workplace: Workplace, folder: BatchFolder) -> tuple[str, int]:
    """Id of the batch and how many of its lines were read before."""
    try:
        return workplace.database.write(lambda tx: _find_or_insert(tx, folder))
    except IntegrityError:
        # Another load entered the same batch between our look and our insert; now it is there to be found.
        return workplace.database.write(lambda tx: _find_or_insert(tx, folder))


def _follow_calendar(tx: Connection, workplace: Workplace, days: WorkCalendar) -> None:
    by, stamp = register.administration(), Stamp(_now_us(), workplace.emulated)
    register.follow(tx, by, {Register.CALENDAR: days.facts}, stamp)


def _find_or_insert(tx: Connection, folder: BatchFolder) -> tuple[str, int]:
    known = tx.execute(
        select(_batches.c.batch_id, _batches.c.lines_read).where(_batches.c.manifest_sha256 == folder.manifest_sha256)
    ).one_or_none()
    if known is not None:
        return known.batch_id, known.lines_read
    batch_id = new_id()
    tx.execute(
        insert(_batches).values(
            batch_id=batch_id,
            manifest_sha256=folder.manifest_sha256,
            lines=folder.manifest.applications,
            lines_read=0,
            loaded=0,
            set_aside=0,
            started_us=_now_us(),
            emulated=folder.manifest.emulated,
        )
    )
    return batch_id, 0


def _chunks(preparer: Preparer, lines_read: int, chunk_lines: int) -> Iterator[Chunk]:
    lines = enumerate(preparer.folder.lines(), start=1)
    for _ in islice(lines, lines_read):
        pass
    first = lines_read + 1
    while portion := [preparer.prepare(line, content) for line, content in islice(lines, chunk_lines)]:
        yield Chunk(
            preparer.batch_id,
            first,
            first + len(portion) - 1,
            [item for item in portion if isinstance(item, Prepared)],
            [item for item in portion if isinstance(item, SetAsideLine)],
        )
        first += len(portion)


def _book(workplace: Workplace, chunk: Chunk, tray_size: int) -> Booked:
    for _ in range(TRIES):
        try:
            return workplace.database.write(
                lambda tx: book(tx, chunk, workplace.party(), workplace.personal, tray_size, _now_us())
            )
        except ChunkRacedError:
            continue
    raise BatchBusyError(chunk.batch_id, chunk.first)


def _finish(tx: Connection, batch_id: str) -> tuple[int, int]:
    tx.execute(
        update(_batches)
        .where(_batches.c.batch_id == batch_id, _batches.c.finished_us.is_(None))
        .values(finished_us=_now_us())
    )
    row = tx.execute(select(_batches.c.loaded, _batches.c.set_aside).where(_batches.c.batch_id == batch_id)).one()
    return row.loaded, row.set_aside


def _write_reply(workplace: Workplace, batch_id: str, reply: Path) -> None:
    """Write the reply file from what the database holds, whole or not at all."""
    fresh = reply.with_suffix(".part")
    with workplace.database.read() as conn, fresh.open("w", encoding="utf-8") as file:
        rows = conn.execution_options(yield_per=1_000).execute(
            select(_set_aside).where(_set_aside.c.batch_id == batch_id).order_by(_set_aside.c.line)
        )
        for row in rows:
            number = workplace.personal.decrypt(row.number, number_context(batch_id, row.line)) if row.number else b""
            answer = {
                "line": row.line,
                "number": number.decode() or None,
                "field": row.field or None,
                "reason": row.reason,
                "sentence": REASONS[row.reason],
            }
            file.write(json.dumps(answer, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(reply)


def _now_us() -> int:
    return time.time_ns() // 1_000
