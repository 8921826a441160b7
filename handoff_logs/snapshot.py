"""A sealed-only copy of the log as Parquet files, stamped with its checkpoint, and SQL over it that changes nothing.

What is not sealed is not in it. Numbers are not either: the log itself has only their hashes. Its manifest names the
checkpoint and each file's SHA-256, so that what is asked of it is asked of exactly these records.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handoff_logs import outputs
from handoff_logs.errors import (
    NotSealedError,
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotTakenError,
    SqlRefusedError,
)
from handoff_logs.opened import refuse_opened
from handoff_logs.questions.answers import Column, Type
from handoff_logs.reading import Reading, Row
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS

MANIFEST = "snapshot.json"
MEMORY = "1GB"
"""That a question may use; what is more goes to disk beside the snapshot."""

_INTEGERS = {
    *("seq", "epoch", "leaf_index", "step", "prev_step", "position", "key_number", "second_key_number", "priority"),
    *("count_expected", "count_counted", "last_position", "schema_version"),
}
_LATEST = """
SELECT checkpoint.epoch, origin.origin, checkpoint.size, checkpoint.root, checkpoint.key_id, checkpoint.signature,
       (SELECT max(time_s) FROM seal_cosignature AS seen WHERE seen.epoch = checkpoint.epoch
        AND seen.size >= checkpoint.size) AS cosigned_s
FROM seal_checkpoint AS checkpoint JOIN seal_origin AS origin ON origin.epoch = checkpoint.epoch
ORDER BY checkpoint.epoch DESC, checkpoint.size DESC LIMIT 1
"""
_SEALED = (
    " JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " AND (leaf.epoch < :epoch OR (leaf.epoch = :epoch AND leaf.leaf_index < :size))"
)


class _Table(NamedTuple):
    name: str
    fields: Sequence[str]
    sql: str


def _told(name: str, fields: Sequence[str]) -> str:
    return ", ".join(f"{name}.{field}" for field in fields)


_EVENT = (*EVENT_FIELDS, "signature", "second_signature")
_TABLES = (
    _Table(
        "event",
        ("epoch", "leaf_index", "seq", *_EVENT),
        f"SELECT leaf.epoch, leaf.leaf_index, event.seq, {_told('event', _EVENT)} FROM custody_event AS event{_SEALED}"  # noqa: S608
        " ORDER BY leaf.epoch, leaf.leaf_index",
    ),
    *(
        _Table(
            name,
            fields,
            f"SELECT {_told('kept', fields)} FROM custody_event AS event{_SEALED}"  # noqa: S608
            f" JOIN custody_{name} AS kept ON kept.event_id = event.event_id ORDER BY leaf.epoch, leaf.leaf_index",
        )
        for name, fields in (("unit", UNIT_FIELDS), ("case", CASE_FIELDS), ("register", REGISTER_FIELDS))
    ),
)


class Snapshot(NamedTuple):
    """A snapshot's folder and the checkpoint that it is stamped with."""

    folder: Path
    origin: str
    size: int
    cosigned_s: int | None
    rows: Mapping[str, int]


def take(reading: Reading, folder: Path) -> Snapshot:
    """Write all that is sealed into a new folder, whole or not at all.

    Raises NotSealedError for a log without a checkpoint, SnapshotTakenError for a folder that is there,
    ExtraMissingError, and OpenedArchiveError, since a snapshot is of all that is sealed.
    """
    outputs.require("parquet")
    refuse_opened(reading)
    found = reading.rows(_LATEST)
    if not found:
        raise NotSealedError
    stamp = found[0]
    if folder.exists():
        raise SnapshotTakenError(str(folder))
    making = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        files = {}
        for table in _TABLES:
            path, counted = making / f"{table.name}.parquet", [0]
            rows = _counted(reading.stream(table.sql, epoch=stamp["epoch"], size=stamp["size"]), counted)
            outputs.write(rows, [_column(field) for field in table.fields], "parquet", path)
            files[table.name] = {"rows": counted[0], "sha256": _digest(path)}
        (making / MANIFEST).write_text(json.dumps(stamp | {"files": files}, indent=2), encoding="utf-8")
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return opened(folder)


def opened(folder: Path) -> Snapshot:
    """Read a snapshot's manifest and hold its files against it. Raises SnapshotMissingError, SnapshotDamagedError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {table.name: manifest["files"][table.name] for table in _TABLES}
        stamp = (manifest["origin"], int(manifest["size"]), manifest["cosigned_s"])
    except FileNotFoundError:
        raise SnapshotMissingError(str(folder)) from None
    except (ValueError, KeyError, TypeError):
        raise SnapshotDamagedError(str(folder / MANIFEST)) from None
    for name, said in files.items():
        path = folder / f"{name}.parquet"
        if not path.is_file() or _digest(path) != said["sha256"]:
            raise SnapshotDamagedError(str(path))
    return Snapshot(folder, *stamp, {name: said["rows"] for name, said in files.items()})


class Asked(NamedTuple):
    """What a statement found: its columns and rows, as they come."""

    columns: Sequence[Column]
    rows: Iterator[Row]


def ask(snapshot: Snapshot, sql: str) -> Asked:
    """Answer one SELECT over the views `event`, `unit`, `"case"` and `register`.

    It can read nothing else: no other file, no network, no extension. Raises SqlRefusedError with DuckDB's own words.
    """
    outputs.require("parquet")
    import duckdb

    connection = duckdb.connect(config={"memory_limit": MEMORY})
    for table in _TABLES:
        path = str(snapshot.folder / f"{table.name}.parquet").replace("'", "''")
        connection.execute(f"CREATE VIEW \"{table.name}\" AS SELECT * FROM read_parquet('{path}')")  # noqa: S608
    paths = [str(snapshot.folder / f"{table.name}.parquet") for table in _TABLES]
    connection.execute("SET allowed_paths = ?", [paths])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise SqlRefusedError("it is not one SELECT")
        result = connection.execute(statements[0])
    except duckdb.Error as error:
        raise SqlRefusedError(re.sub(r"\s+", " ", str(error)).strip()) from None
    names = [name for name, *_ in result.description or ()]
    return Asked([Column(name, Type.TEXT) for name in names], _rows(result, names))


def _rows(result: Any, names: Sequence[str]) -> Iterator[Row]:
    while portion := result.fetchmany(1_000):
        for row in portion:
            yield dict(zip(names, (_plain(value) for value in row), strict=True))


def _plain(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _column(field: str) -> Column:
    if field.endswith("_us"):
        return Column(field, Type.TIME)
    if field == "emulated":
        return Column(field, Type.FLAG)
    return Column(field, Type.INTEGER if field in _INTEGERS else Type.TEXT)


def _counted(rows: Iterator[Row], counted: list[int]) -> Iterator[Row]:
    for row in rows:
        counted[0] += 1
        yield row | {"emulated": bool(row["emulated"])} if "emulated" in row else row


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
