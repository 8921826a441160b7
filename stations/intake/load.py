"""Loading a batch: checked whole, then entered chunk by chunk in bounded memory; a cut-off load goes on."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time as clock_time
from datetime import timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations.calendar import CLOSES, WorkCalendar
from stations.deadlines import ALLOWANCES
from stations.intake.booking import Booked, Chunk, ChunkRacedError, book, number_context
from stations.intake.deadline_changes import hold_still, keep_up, set_calendar
from stations.intake.errors import BatchBusyError, CalendarMovedError, EmulatedBatchError
from stations.intake.faces import FaceFinder
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
    accepts_until: clock_time | None = CLOSES,
    chunk_lines: int = CHUNK_LINES,
    faces: FaceFinder | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Load the batch in `directory`; good applications become orders offered to review, the rest goes into the reply.

    `allowances` (service class to station to working time) set review's time nodes. A `calendar` is set first, and all
    deadlines on the line follow it; without one that in force is kept (`deadline_changes`). `accepts_until`: until
    when an acceptance counts as of its own day (`DeadlineRule`). `faces` finds the faces on photos. The reply is
    `replies/<batch id>.jsonl`; `progress` is told lines done and lines in all. Loading a batch again, or after a
    crash, enters only what is missing.
    Raises `BatchRefusedError` (nothing is loaded), `EmulatedBatchError`, `BatchBusyError`.
    """
    folder = open_batch(directory)
    if folder.manifest.emulated and not workplace.emulated:
        raise EmulatedBatchError(str(directory))
    replies.mkdir(parents=True, exist_ok=True)
    batch_id, lines_read = _enter_batch(workplace, folder)
    if calendar is not None:
        set_calendar(workplace.database, calendar, emulated=workplace.emulated)
    repeated = lines_read == folder.manifest.applications
    preparer = Preparer(
        folder,
        batch_id,
        workplace.personal,
        keep_up(workplace.database, accepts_until, emulated=workplace.emulated),
        allowances,
        emulated=folder.manifest.emulated,
        faces=faces,
    )
    trays = 0
    for first, lines in _portions(folder, lines_read, chunk_lines):
        booked = None
        while booked is None:
            try:
                booked = _book(workplace, preparer, _chunk(preparer, first, lines), tray_size)
            except CalendarMovedError:
                # Somebody set another one: these lines are prepared anew by it, and all after them.
                preparer = replace(
                    preparer, rule=keep_up(workplace.database, accepts_until, emulated=workplace.emulated)
                )
        trays += booked.trays
        if progress:
            progress(first + len(lines) - 1, folder.manifest.applications)
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


def _portions(folder: BatchFolder, lines_read: int, chunk_lines: int) -> Iterator[tuple[int, list[bytes | None]]]:
    """The lines after the first `lines_read`, `chunk_lines` at a time, each time with the first one's number."""
    lines = folder.lines()
    for _ in islice(lines, lines_read):
        pass
    first = lines_read + 1
    while portion := list(islice(lines, chunk_lines)):
        yield first, portion
        first += len(portion)


def _chunk(preparer: Preparer, first: int, lines: Sequence[bytes | None]) -> Chunk:
    portion = [preparer.prepare(line, content) for line, content in enumerate(lines, start=first)]
    return Chunk(
        preparer.batch_id,
        first,
        first + len(portion) - 1,
        [item for item in portion if isinstance(item, Prepared)],
        [item for item in portion if isinstance(item, SetAsideLine)],
    )


def _book(workplace: Workplace, preparer: Preparer, chunk: Chunk, tray_size: int) -> Booked:
    """Book a chunk. Raises `CalendarMovedError` where the calendar that it was prepared by is in force no longer."""

    def write(tx: Connection) -> Booked:
        hold_still(tx, preparer.rule.calendar)
        return book(tx, chunk, workplace.party(), workplace.personal, tray_size, _now_us())

    for _ in range(TRIES):
        try:
            return workplace.database.write(write)
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
