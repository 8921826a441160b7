"""What a forger with a text editor makes of an archive: any row, with all sums set right."""

import gzip
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from handoff_logs.archive import files
from handoff_logs.records import canonical

Rows = list[dict[str, Any]]


def read(folder: Path, name: str) -> Rows:
    with gzip.open(folder / name, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line in text]


def lines_of(rows: Iterable[dict[str, Any]]) -> list[bytes]:
    return [canonical(row) for row in rows]


def put(folder: Path, name: str, lines: list[bytes], rows: int | None = None) -> None:
    """Write a file anew, and its SHA-256 and number of rows where they belong: a forger's work."""
    data = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
    (folder / name).write_bytes(data)
    said = {"rows": len(lines) if rows is None else rows, "sha256": hashlib.sha256(data).hexdigest()}
    path = folder / (files.NUMBERS_MANIFEST if name == files.NUMBERS else files.MANIFEST)
    whole = json.loads(path.read_text("utf-8"))
    if name == files.NUMBERS:
        whole |= said
    else:
        whole["files"][name] = said
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


def leave_out(folder: Path, act: str) -> None:
    """Leave the first record of an act out with its rows; its leaf becomes a subtree of one."""
    tree, events = read(folder, "tree-1.jsonl.gz"), read(folder, files.EVENTS)
    event = next(event for event in events if event["act"] == act)
    hash_, name = hashlib.sha256(canonical(event)).hexdigest(), event["event_id"]
    leaf = next(row for row in tree if row.get("event_hash") == hash_)
    hidden = {"hash": hashlib.sha256(b"\0" + canonical(leaf)).hexdigest(), "level": 0}
    put(folder, "tree-1.jsonl.gz", lines_of(hidden if row is leaf else row for row in tree))
    for rows in (files.EVENTS, files.UNITS, files.CASES, files.REGISTERS, files.ABSENT):
        put(folder, rows, lines_of(row for row in read(folder, rows) if row["event_id"] != name))
