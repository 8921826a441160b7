"""Loading what a carrier says: every line by itself, believed or set aside, and once whatever is loaded again.

A delivered parcel ends with all that is in it; for a lost one a case is opened; of one that comes back the note is
kept, and its custody changes when two people have it in their hands (`returns`).
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, insert, select

from handoff_logs import log, register
from handoff_logs.log import Stamp
from handoff_logs.records import CaseKind, Outcome, new_id
from handoff_logs.register import Register
from handoff_logs.writing import Difference, Entry
from stations.mailing import deliveries, sendings
from stations.mailing.deliveries import Line, SetAside, Told
from stations.mailing.delivery_rules import REASONS, Sending, refusal
from stations.mailing.tables import DeliveredParcel, DeliveryEvent, DeliveryKind
from stations.people import Role
from stations.workplace import Workplace

STATION: Final = "mailing"
LOADERS: Final = (Role.MAILER, Role.LEAD)
"""Who loads what a carrier says, decides of what came back, and settles: two of them."""
CHUNK_LINES: Final = 200
CARRIER_SAYS: Final = "carrier-says"

_event = DeliveryEvent.__table__  # type: ignore[attr-defined]
_about = DeliveredParcel.__table__  # type: ignore[attr-defined]
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_KNOWN = select(_event.c.event_id, _event.c.sha256).where(_event.c.event_id.in_(_IDS))


@dataclass(slots=True)
class LoadReport:
    """What a file came to, in lines. `repeated` were loaded before; `parcels` that ended, or that a case is open of."""

    lines: int = 0
    delivered: int = 0
    returned: int = 0
    lost: int = 0
    repeated: int = 0
    set_aside: int = 0
    parcels_delivered: int = 0
    cases_opened: int = 0


@dataclass(slots=True)
class _Chunk:
    """What some lines came to."""

    report: LoadReport = field(default_factory=LoadReport)
    set_aside: list[SetAside] = field(default_factory=list)
    believed: list[tuple[Told, list[Sending]]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)


def load(
    workplace: Workplace,
    file: Path,
    reply: Path,
    *,
    chunk_lines: int = CHUNK_LINES,
    progress: Callable[[int], None] = lambda _: None,
) -> LoadReport:
    """Load a carrier's file by the two people of `workplace`, who have signed in; what is set aside goes into `reply`.

    Each chunk is one transaction: loading again, or after a crash, records only what is missing. The reply is JSON
    Lines, written whole or not at all. `progress` is told how many lines are done. Raises `DeliveryFileError`.
    """
    whole, set_aside = load_lines(workplace, deliveries.read(file), chunk_lines=chunk_lines, progress=progress)
    _write_reply(reply, set_aside)
    return whole


def load_lines(
    workplace: Workplace,
    said: Iterable[Line | SetAside],
    *,
    chunk_lines: int = CHUNK_LINES,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[LoadReport, list[SetAside]]:
    """The same of lines that were read; also what was set aside."""
    whole = LoadReport()
    set_aside: list[SetAside] = []
    for lines in _portions(said, chunk_lines):
        chunk = workplace.database.write(lambda tx, lines=lines: _book(tx, workplace, lines))  # type: ignore[misc]
        for name, count in asdict(chunk.report).items():
            setattr(whole, name, getattr(whole, name) + count)
        set_aside += chunk.set_aside
        progress(whole.lines)
    return whole, set_aside


def _portions(lines: Iterable[Line | SetAside], size: int) -> Iterator[list[Line | SetAside]]:
    reading = iter(lines)
    while portion := list(islice(reading, size)):
        yield portion


def _book(tx: Connection, workplace: Workplace, lines: Sequence[Line | SetAside]) -> _Chunk:
    sendings.one_at_a_time(tx)
    chunk = _Chunk()
    chunk.report.lines = len(lines)
    told = [line.told for line in lines if isinstance(line, Line)]
    known = tx.execute(_KNOWN, {"ids": [each.event_id for each in told]})
    chunk.seen = {row.event_id: row.sha256 for row in known}
    posted = sendings.by_tracking(tx, [each.tracking for each in told if each.tracking is not None])
    manifests = sendings.by_manifest(tx, [each.manifest for each in told if each.manifest is not None])
    now_us = workplace.database.clock_us(tx)
    for line in lines:
        if isinstance(line, SetAside):
            chunk.set_aside.append(line)
            continue
        each = line.told
        if chunk.seen.get(each.event_id) == each.sha256:
            chunk.report.repeated += 1
            continue
        about = [posted[each.tracking]] if each.tracking in posted else manifests.get(each.manifest or "", [])
        if (reason := _refusal(each, about, chunk.seen, now_us)) is not None:
            named = "event_id" if reason == "event_id_taken" else _FIELD.get(reason, _item(each))
            chunk.set_aside.append(SetAside(line.line, named, reason, each.event_id))
            continue
        chunk.seen[each.event_id] = each.sha256
        chunk.believed.append((each, _believe(each, about)))
    chunk.report.set_aside = len(chunk.set_aside)
    if chunk.believed:
        _record(tx, workplace, chunk)
    return chunk


_FIELD: Final = {"before_handoff": "at", "future": "at", "earlier": "at", "count": "parcels"}


def _item(told: Told) -> str:
    return "manifest" if told.tracking is None else "tracking"


def _refusal(told: Told, about: Sequence[Sending], seen: dict[str, str], now_us: int) -> str | None:
    """Why an event is set aside. One of a manifest is about what of it is still out, and says how many that are."""
    if told.event_id in seen:
        return "event_id_taken"
    if not about:
        return "unknown_item"
    if told.manifest is None:
        return refusal(about[0], told.event, told.at_us, now_us)
    out = [sending for sending in about if sending.is_out]
    if out and len(out) != told.parcels:
        return "count"
    return next(filter(None, (refusal(each, told.event, told.at_us, now_us) for each in out or about)), None)


def _believe(told: Told, about: Sequence[Sending]) -> list[Sending]:
    """What is known of the parcels from now on, also to the lines that follow; those that the event is about."""
    believed = [sending for sending in about if sending.is_out]
    for sending in believed:
        sending.last, sending.last_us = told.event, told.at_us
        if told.event is DeliveryKind.DELIVERED:
            sending.ended = Outcome.DELIVERED.value
        sending.lost_case = told.event is DeliveryKind.LOST
    return believed


def _record(tx: Connection, workplace: Workplace, chunk: _Chunk) -> None:
    """Record a chunk's events: one act of the register for all, one end of custody for each delivered parcel."""
    by, second = workplace.party(0), workplace.party(1)
    stamp = Stamp(_now_us(), workplace.emulated, reason=CARRIER_SAYS, second_sign_in=second.sign_in)
    entries, cases, rows, about = [], [], [], []
    now_us = workplace.database.clock_us(tx)
    record = new_id()
    for told, believed in chunk.believed:
        entries += [Entry(Register.DELIVERY, each.parcel_unit, told.event.value, told.sha256) for each in believed]
        rows.append(
            {
                "event_id": told.event_id,
                "kind": told.event.value,
                "tracking": told.tracking,
                "consignment_id": told.manifest,
                "note": told.note,
                "at_us": told.at_us,
                "sha256": told.sha256,
                "record": record,
                "loaded_us": now_us,
                "loaded_by": by.person,
                "loaded_second": second.person,
                "emulated": workplace.emulated,
            }
        )
        about += [
            {"event_id": told.event_id, "parcel_unit": each.parcel_unit, "consignment_id": each.consignment_id}
            for each in believed
        ]
        if told.event is DeliveryKind.LOST:
            cases += [Difference(new_id(), each.parcel_unit, CaseKind.MISSING) for each in believed]
        name = told.event.value
        setattr(chunk.report, name, getattr(chunk.report, name) + 1)
    administration = register.administration(by.person, by.sign_in)
    said = replace(stamp, event_id=record)
    register.record(tx, administration, second.person, entries, said, cases, STATION)
    tx.execute(insert(_event), rows)
    tx.execute(insert(_about), about)
    chunk.report.cases_opened = len(cases)
    ended = [
        each.parcel_unit
        for told, believed in chunk.believed
        if told.event is DeliveryKind.DELIVERED
        for each in believed
    ]
    log.settle_each(tx, by, second.person, ended, Outcome.DELIVERED, CARRIER_SAYS, stamp)
    chunk.report.parcels_delivered = len(ended)


def _write_reply(reply: Path, set_aside: Sequence[SetAside]) -> None:
    """Write the reply whole or not at all; it is the account's alone."""
    reply.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=reply.parent, prefix=f".{reply.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as content:
            for each in set_aside:
                answer = {
                    "line": each.line,
                    "event_id": each.event_id,
                    "field": each.field,
                    "reason": each.reason,
                    "sentence": REASONS[each.reason],
                }
                content.write(json.dumps(answer, ensure_ascii=False) + "\n")
            content.flush()
            os.fsync(content.fileno())
        Path(beside).replace(reply)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise


def _now_us() -> int:
    return time.time_ns() // 1_000
