"""The blind count: what two people scanned, read from their files and compared with where the log has each blank.

Serials go by what is printed on a piece, also after it became a document. Nothing here shows what is expected before
the count is recorded.
"""

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.records import new_id
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.shift import rules
from stations.shift.errors import CountFileError
from stations.shift.rules import Difference, Logged, Moment, Scan
from stations.shift.tables import ShiftCount, ShiftCounted, ShiftDifference
from stations.vault import pieces

MOST: Final = 1_000_000
"""Pieces of one count."""
MOST_BYTES: Final = 64 * MOST
COLUMNS: Final = ("station", "place", "serial")

_SERIAL: Final = re.compile(r"[A-Z0-9]{1,40}", re.ASCII)
_WHERE: Final = re.compile(r"[a-z0-9][a-z0-9:/-]{0,39}", re.ASCII)
_LYING: Final = Statement(
    "SELECT number.number, here.kind, here.state, here.station, here.place FROM whereabouts AS here"
    " JOIN unit_number AS number ON number.unit_id = here.unit_id"
    " WHERE here.kind = 'blank' AND here.station IN"
    " ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')"
    " AND here.state IN ('held', 'void', 'doubt')"
)
_AT_A_TIME: Final = 5_000
"""Serials asked for in one statement."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One count: what was scanned, and at which stations somebody looked."""

    scans: tuple[Scan, ...]
    stations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signers:
    """Who counted, a lead first, and the ids of their sign-ins, None for emulated people."""

    first: str
    second: str
    first_sign_in: str | None = None
    second_sign_in: str | None = None


def read(name: str, text: str, station: str | None = None) -> Counted:
    """The count in the text of a file: a serial a line of `station`, or CSV with station, place and serial.

    A line without a serial says that somebody looked there and found nothing. Raises `CountFileError`.
    """
    if len(text) > MOST_BYTES:
        raise CountFileError(name, f"has more than {MOST} pieces")
    if station is not None:
        scans = tuple(Scan(station, "", line.strip()) for line in text.splitlines() if line.strip())
        stations = frozenset((station,))
    else:
        rows = list(_rows(name, text))
        scans, stations = tuple(row for row in rows if row.serial), frozenset(row.station for row in rows)
    for scan in scans:
        if _SERIAL.fullmatch(scan.serial) is None:
            raise CountFileError(name, f"has {scan.serial[:40]!r}, which is no serial")
    if unknown := next((one for one in stations if one not in rules.CREW), None):
        raise CountFileError(name, f"names {unknown[:40]!r}, which is no station")
    return Counted(scans, stations)


def joined(counts: Iterable[Counted], needed: Iterable[str] = rules.COUNTED) -> Counted:
    """Several counts as one, which looked at all `needed` stations. Raises `CountMissingError`, `CountTwiceError`."""
    all_counts = list(counts)
    scans = tuple(scan for count in all_counts for scan in count.scans)
    stations = frozenset(station for count in all_counts for station in count.stations)
    rules.check_count(scans, stations, needed)
    return Counted(scans, stations)


def differences(conn: Connection, count: Counted) -> list[Difference]:
    """What differs between a count and the log as it stands in this transaction, by station and serial."""
    return sorted(rules.compare(count.scans, _logged(conn, count.scans)), key=lambda one: (one.station, one.serial))


def record(
    tx: Connection,
    count: Counted,
    moment: Moment,
    by: Signers,
    counted_us: int,
    *,
    emulated: bool,
    found: list[Difference] | None = None,
) -> tuple[str, list[Difference]]:
    """Record a count and what differs from the log, in the tables and, as a digest, in the log; its id.

    `found`: what differs where not all blanks were counted.
    """
    found = differences(tx, count) if found is None else found
    count_id = new_id()
    tx.execute(
        insert(ShiftCount).values(
            count_id=count_id,
            moment=moment.value,
            counted_by=by.first,
            counted_second=by.second,
            sign_in=by.first_sign_in,
            second_sign_in=by.second_sign_in,
            counted_us=counted_us,
            emulated=emulated,
        )
    )
    lying = list(_by_place(count_id, count))
    if lying:
        tx.execute(insert(ShiftCounted), lying)
    if found:
        rows = [{"count_id": count_id, **one._asdict(), "what": one.what.value} for one in found]
        tx.execute(insert(ShiftDifference), rows)
    facts = [(count_id, "counted", f"{moment} {counted_us}"), (count_id, "differences", str(len(found)))]
    for number, one in enumerate(lying, 1):
        told = f"{one['station']} {one['place']} {one['pieces']} {one['sha256']}"
        facts.append((count_id, f"place-{number}", told))
    facts.append((count_id, "digest", digest(lying, [list(each) for each in found])))
    note(tx, by, counted_us, facts, emulated=emulated)
    return count_id, found


def note(tx: Connection, by: Signers, now_us: int, facts: Sequence[tuple[str, str, str]], *, emulated: bool) -> None:
    """Record facts of a shift (subject, field, value) in the log, where they are signed and sealed."""
    party = register.administration(by.first, by.first_sign_in)
    stamp = Stamp(now_us, emulated, second_sign_in=by.second_sign_in)
    register.record(tx, party, by.second, [Entry(Register.SHIFT, *fact) for fact in facts], stamp)


def digest(*parts: object) -> str:
    """SHA-256 over parts that JSON can write."""
    written = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def _rows(name: str, text: str) -> Iterator[Scan]:
    reader = csv.reader(io.StringIO(text))
    if tuple(next(reader, ())) != COLUMNS:
        raise CountFileError(name, "does not begin with the columns station,place,serial")
    try:
        for row in reader:
            if not row:
                continue
            if len(row) != len(COLUMNS) or (row[1] and _WHERE.fullmatch(row[1]) is None):
                raise CountFileError(name, f"has no station, place and serial in its {reader.line_num}. line")
            yield Scan(row[0], row[1], row[2].strip())
    except csv.Error as error:
        raise CountFileError(name, f"can't be read in its {reader.line_num}. line") from error


def _logged(conn: Connection, scans: Sequence[Scan]) -> Mapping[str, Logged]:
    found = [Logged(str(row[0]).partition("/")[0], *row[1:]) for row in _LYING.run(conn).fetchall()]
    logged = {one.serial: one for one in found}
    # The rest is on its way, has ended, became a document, or never was.
    others = [scan.serial for scan in scans if scan.serial not in logged]
    for start in range(0, len(others), _AT_A_TIME):
        for serial, piece in pieces.find(conn, others[start : start + _AT_A_TIME]).items():
            logged[serial] = Logged(serial, piece.unit_kind, piece.state, piece.station, piece.place)
    return logged


def _by_place(count_id: str, count: Counted) -> Iterator[dict[str, object]]:
    lying: dict[tuple[str, str], list[str]] = defaultdict(list)
    for scan in count.scans:
        lying[scan.station, scan.place].append(scan.serial)
    for station in count.stations - {station for station, _ in lying}:
        lying[station, ""] = []
    for (station, place), serials in sorted(lying.items()):
        written = "\n".join(sorted(serials))
        yield {
            "count_id": count_id,
            "station": station,
            "place": place,
            "pieces": len(serials),
            "serials": written,
            "sha256": hashlib.sha256(written.encode()).hexdigest(),
        }
