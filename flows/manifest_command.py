"""`passline mailing manifest` and `manifests`: what was handed to the carrier together, on paper and as a table."""

import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter, validators

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from flows.who_asks import recorded
from handoff_logs.sheets import write_rows
from handoff_logs.terminal import Audience
from stations.mailing import manifests

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
HERE: Final = Path(".passline")
DAY_US: Final = 86_400_000_000
MOST: Final = 10_000


class NoManifestFileError(FlowError):
    """Nothing says where the manifest is to go, or a file of another kind stands there."""

    next_step = "Name a file with --pdf or --csv."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}; nothing was written."


def manifest_command(
    consignment: Annotated[str, Parameter(help="The manifest's id, as `passline mailing manifests` lists it.")],
    /,
    *,
    pdf: Annotated[Path | None, Parameter("--pdf", help="Write it as an A4 paper, in Chinese and English.")] = None,
    table: Annotated[Path | None, Parameter("--csv", help="Write it as a table.")] = None,
    language: Annotated[Literal["en", "zh"], Parameter("--language", help="The language of the table.")] = "en",
    directory: Directory = HERE,
) -> int:
    """Print a manifest for the carrier."""
    if pdf is None and table is None:
        raise NoManifestFileError("Nothing says where the manifest is to go")
    for file, begins in ((pdf, b"%PDF-"), (table, "\ufeff".encode())):
        if file is not None and file.exists() and not file.read_bytes().startswith(begins):
            raise NoManifestFileError(f"{file} is there and is no manifest")
    from flows.manifest_paper import manifest_paper, manifest_table

    line = RunFolder(directory).line()
    with recorded(directory, "export mailing manifest", Audience.READERS, consignment=consignment) as reading:
        found = manifests.manifest(reading, consignment)
    if pdf is not None:
        _write(pdf, manifest_paper(found, line.centre))
    if table is not None:
        _write(table, manifest_table(found, language).encode())
    mark = "EMULATED: " if found.emulated or line.emulated else ""
    written = " and ".join(str(file) for file in (pdf, table) if file is not None)
    sys.stdout.write(f"{mark}manifest {consignment}, {len(found.lines)} parcels: {written}\n")
    return Exit.FINE


def manifests_command(
    *,
    days: Annotated[int, Parameter("--days", validator=validators.Number(gte=1), help="Of so many days.")] = 2,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """List the manifests of the latest days, the latest first."""
    emulated = RunFolder(directory).line().emulated
    since_us = time.time_ns() // 1_000 - days * DAY_US
    with recorded(directory, "mailing manifests", Audience.ANYBODY) as reading:
        rows = reading.rows(manifests.LISTED, since_us=since_us, most=MOST)
    for row in rows:
        row["emulated"] = emulated or bool(row["emulated"])
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv" if rows:
            write_rows(list(rows[0]), rows)
        case "table" if rows:
            from rich.table import Table

            from handoff_logs.screen import screen

            console = screen()
            listed = Table("offered", "manifest", "to", "parcels", "documents", "g", "state", box=None)
            for row in rows:
                offered = datetime.fromtimestamp(row["offered_us"] / 1e6).astimezone()
                counts = (str(row[name]) for name in ("parcels", "documents", "weight_g"))
                mark = "EMULATED " if row["emulated"] else ""
                to = row["office"] or "post"
                listed.add_row(f"{mark}{offered:%Y-%m-%d %H:%M}", row["consignment_id"], to, *counts, row["state"])
            console.print(listed)
        case "table":
            sys.stdout.write(f"{'EMULATED: ' if emulated else ''}no manifest in {days} days\n")
    return Exit.FINE


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all; it names staff codes, so it is the account's alone."""
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)
        Path(beside).replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise
