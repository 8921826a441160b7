"""`logs`: what an auditor asks of the handoff log, answered read-only."""

import csv
import json
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from cyclopts import App, Parameter

from handoff_logs import questions
from handoff_logs.errors import HandoffLogError, UnreadableDatabaseError
from handoff_logs.reading import Reading, Row, open_reading

FINDINGS, UNKNOWN = 1, 2
"""Exit codes: rules are broken; the question can't be answered as asked."""

Directory = Annotated[Path, Parameter(name="--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]

Number = Annotated[str, Parameter(help="A document's, application's, blank's or parcel's number.")]

PIPED_WIDTH = 160
"""Characters of a table that no terminal bounds."""

DEFAULT_DIRECTORY = Path(".passline")

app = App(name="logs", help="Ask the handoff log who held what, when.")


def database_url(directory: Path) -> str:
    """Return the database url of a run's folder: `database` in its `line.toml`, or the SQLite file beside it.

    Raises UnreadableDatabaseError for a `line.toml` that is no TOML.
    """
    settings = directory / "line.toml"
    configured = None
    if settings.is_file():
        try:
            configured = tomllib.loads(settings.read_text(encoding="utf-8")).get("database")
        except tomllib.TOMLDecodeError as error:
            raise UnreadableDatabaseError(f"{settings} does not say which database: {error}") from error
    return str(configured or f"sqlite:///{directory / 'passline.db'}")


def centre_name(directory: Path) -> str:
    """Return the centre of a run's folder: `centre` in its `line.toml`, or `centre` where it names none."""
    settings = directory / "line.toml"
    try:
        content = tomllib.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise UnreadableDatabaseError(f"{settings} does not say which centre: {error}") from error
    return str(content.get("centre") or "centre")


resolve_url: Callable[[Path], str] = database_url
resolve_centre: Callable[[Path], str] = centre_name
"""How a folder becomes a database url and a centre's name; the program that owns the environment puts its own here."""

app.command("handoff_logs.epcis.commands:export", name="epcis", help="Export acts of custody as an EPCIS 2.0 document.")
app.command("handoff_logs.epcis.commands:serve", name="epcis-serve", help="Serve the log read-only in EPCIS 2.0.")
app.command(
    "handoff_logs.epcis.commands:token_app",
    name="epcis-token",
    help="The readers of the EPCIS query interface and their tokens.",
)


@app.command
def document(number: Number, /, *, directory: Directory = DEFAULT_DIRECTORY, output: Output = "table") -> None:
    """Print the whole custody of a document, application, blank or parcel number."""
    rows = _ask(directory, lambda reading: questions.document(reading, number))
    if not rows:
        fail(f"The log does not know the number {number}; check it, or ask another run's folder with --dir.")
    columns = ("happened", "act", "kind", "number", "state", "where", "people", "tray")
    print_rows(rows, output, columns, f"Custody of {number}")


@app.command
def waiting(*, directory: Directory = DEFAULT_DIRECTORY, output: Output = "table") -> None:
    """Print the open offers, each station's next one first, with their age in seconds."""
    now_us = time.time_ns() // 1000
    rows = [row | {"age_s": (now_us - row["offered_us"]) // 1_000_000} for row in _ask(directory, questions.waiting)]
    columns = ("to_station", "from_station", "kind", "unit_count", "tray", "priority", "due", "age_s", "claimed_by")
    print_rows(rows, output, columns, "Offered and not yet accepted" if rows else "No offer waits")


@app.command
def check(*, directory: Directory = DEFAULT_DIRECTORY, output: Output = "table") -> None:
    """Recompute every custody rule from the records alone; exit 1 if one is broken."""
    rows = _ask(directory, questions.violations)
    print_rows(rows, output, ("rule", "subject"), "Broken custody rules" if rows else "No custody rule is broken")
    if rows:
        sys.exit(FINDINGS)


def _ask(directory: Path, question: Callable[[Reading], Sequence[Row]]) -> Sequence[Row]:
    try:
        with open_reading(resolve_url(directory)) as reading:
            return question(reading)
    except HandoffLogError as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.")


def fail(sentence: str) -> NoReturn:
    """Say why nothing is answered, and end with the status of a refusal."""
    print(f"passline: {sentence}", file=sys.stderr)  # noqa: T201 a command's own voice
    sys.exit(UNKNOWN)


def _readable(row: Row) -> Row:
    """Return a row for eyes: local times under their names without the unit, place and people in one word each."""
    readable = row | {key[:-3]: _local(value) for key, value in row.items() if key.endswith("_us")}
    if "place" in row:
        readable["where"] = f"{row['station']}: {row['place']}"
        readable["people"] = " + ".join(filter(None, (row["person"], row["second_person"])))
    return readable


def _local(time_us: int | None) -> str | None:
    if time_us is None:
        return None
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")


def print_rows(rows: Sequence[Row], output: str, columns: Sequence[str], title: str) -> None:
    """Print rows: a table shows `columns` under `title`, JSON and CSV hold everything."""
    if output == "json":
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    elif output == "csv":
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]) if rows else list(columns))
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table([_readable(row) for row in rows], columns, title)


def _print_table(rows: Sequence[Row], columns: Sequence[str], title: str) -> None:
    # A third of the command's time: only where a table is asked for.
    from rich.console import Console
    from rich.table import Table

    emulated = any(row.get("emulated") for row in rows)
    title = f"{title} (EMULATED)" if emulated else title
    table = Table(box=None, header_style="dim", pad_edge=False, collapse_padding=True)
    for column in columns:
        # Folded, never cut: what an auditor looks for may be a number's last digit.
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row[column] is None else str(row[column]) for column in columns))
    # Into a file or a pipe a table is as wide as it needs to be.
    console = Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
    console.print(title)
    if rows:
        console.print(table)
