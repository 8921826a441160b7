"""Writing rows as a table, JSON, CSV, XLSX or Parquet, as they come: memory does not grow with them.

JSON, JSON Lines and Parquet are for programs: columns and numbers as the questions give them, in Parquet with times as
timestamps UTC. Tables, CSV and XLSX are for people: local times, under the column's name without its `_us`.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

from handoff_logs.errors import BinaryToTerminalError, ExtraMissingError
from handoff_logs.questions.answers import Column, Type
from handoff_logs.reading import Row
from handoff_logs.sheets import SheetWriter

TABLE_ROWS = 500
"""Rows whose widths are looked at together: a longer table is printed in portions."""
SHEET_ROWS = 1_048_576
"""Rows of a worksheet; what is more goes on in the next."""
EXACT = 2**53
"""Integers from here on a spreadsheet would round: they are written as text."""
DUCKDB_MEMORY = "256MB"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARQUET = {Type.TEXT: "VARCHAR", Type.INTEGER: "BIGINT", Type.FLAG: "BOOLEAN", Type.TIME: "BIGINT"}

BINARY = frozenset({"xlsx", "parquet"})


def write(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], output: str, out: Path | None = None, title: str = ""
) -> None:
    """Write rows as `output` (json, jsonl, csv, xlsx, parquet) to the file `out` or to standard output.

    A file appears whole or not at all. Raises BinaryToTerminalError, ExtraMissingError, OSError.
    """
    if output in BINARY:
        require(output)
        if out is None and sys.stdout.isatty():
            raise BinaryToTerminalError(output)
        with _whole(out) as path:
            (_write_xlsx if output == "xlsx" else _write_parquet)(rows, columns, path, title)
        return
    writer = _WRITERS[output]
    if out is None:
        writer(rows, columns, sys.stdout)
        return
    with _whole(out) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer(rows, columns, file)


def require(output: str) -> None:
    """Raise ExtraMissingError unless what writes `output` is installed."""
    try:
        if output == "xlsx":
            import xlsxwriter  # noqa: F401
        elif output == "parquet":
            import duckdb  # noqa: F401
    except ImportError as error:
        raise ExtraMissingError(output, "reports" if output == "xlsx" else "analytics") from error


@contextmanager
def _whole(out: Path | None) -> Iterator[Path]:
    """A file to write, which becomes `out` when all went well; without `out` it goes to standard output."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="passline-") as folder:
            path = Path(folder) / "out"
            yield path
            with path.open("rb") as written:
                shutil.copyfileobj(written, sys.stdout.buffer)
        return
    path = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield path
        path.replace(out)
    finally:
        path.unlink(missing_ok=True)


def _write_json(rows: Iterable[Mapping[str, Any]], _columns: Sequence[Column], file: IO[str]) -> None:
    separator = "[\n  "
    for row in rows:
        file.write(separator + json.dumps(row, ensure_ascii=False))
        separator = ",\n  "
    file.write("[]\n" if separator.startswith("[") else "\n]\n")


def _write_jsonl(rows: Iterable[Mapping[str, Any]], _columns: Sequence[Column], file: IO[str]) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], file: IO[str]) -> None:
    # Without the mark Excel takes Chinese for something else.
    file.write("\ufeff")
    writer = SheetWriter(file, line_end="\r\n")
    writer.writerow([readable_name(column) for column in columns])
    for row in rows:
        writer.writerow([_csv_cell(column, row[column.name]) for column in columns])


def _csv_cell(column: Column, value: Any) -> Any:
    if value is None:
        return ""
    if column.type is Type.TIME:
        return local(value).isoformat(" ", "microseconds")
    return value


def _write_xlsx(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], path: Path, title: str) -> None:
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="passline-") as folder:
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        try:
            book.set_properties({"title": title})
            _fill(book, iter(rows), columns)
        finally:
            # Also after a failure: it holds files open.
            book.close()


def _fill(book: Any, rows: Iterator[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
    row = next(rows, None)
    while True:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, 24 if column.type is Type.TIME else 14)
            sheet.write_string(0, place, readable_name(column), bold)
        for line in range(1, SHEET_ROWS):
            if row is None:
                return
            for place, column in enumerate(columns):
                _write_cell(sheet, line, place, column, row[column.name], moment)
            row = next(rows, None)


def _write_cell(sheet: Any, line: int, place: int, column: Column, value: Any, moment: Any) -> None:
    if value is None:
        return
    if column.type is Type.TIME:
        sheet.write_datetime(line, place, local(value).replace(tzinfo=None), moment)
    elif column.type is Type.FLAG:
        sheet.write_boolean(line, place, value)
    elif column.type is Type.INTEGER and abs(value) < EXACT:
        sheet.write_number(line, place, value)
    else:
        sheet.write_string(line, place, str(value))


def _write_parquet(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], path: Path, _title: str) -> None:
    import duckdb

    with tempfile.TemporaryDirectory(prefix="passline-", dir=path.parent) as folder:
        lines = Path(folder) / "rows.jsonl"
        with lines.open("w", encoding="utf-8") as file:
            _write_jsonl(rows, columns, file)
        read = ", ".join(f"'{column.name}': '{_PARQUET[column.type]}'" for column in columns)
        wanted = ", ".join(
            f'make_timestamp("{column.name}") AS "{column.name.removesuffix("_us")}_utc"'
            if column.type is Type.TIME
            else f'"{column.name}"'
            for column in columns
        )
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": DUCKDB_MEMORY,
            "threads": 1,
            "temp_directory": folder,
        }
        with duckdb.connect(config=settings) as connection:
            connection.execute(
                f"COPY (SELECT {wanted} FROM read_json('{_quoted(lines)}', format = 'newline_delimited',"  # noqa: S608
                f" columns = {{{read}}})) TO '{_quoted(path)}' (FORMAT parquet)"
            )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


_WRITERS: Mapping[str, Callable[[Iterable[Mapping[str, Any]], Sequence[Column], IO[str]], None]] = {
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}


def local(time_us: int) -> datetime:
    """Return a time in microseconds UTC in the local zone, exactly."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone()


def readable_name(column: Column) -> str:
    """Return a column's name as people read it: a time without its unit."""
    return column.name.removesuffix("_us") if column.type is Type.TIME else column.name


def print_table(
    rows: Iterable[Mapping[str, Any]], shown: Sequence[str], title: str, empty: str, *, on_its_side: bool = False
) -> None:
    """Print rows to standard output for eyes, a portion at a time: local times, a station with its place, both hands.

    `empty` is what is said instead when there are none. `on_its_side`: a column a row, for few rows of many columns.
    """
    # A third of the command's time: only where a table is asked for.
    from handoff_logs.screen import screen

    # Into a file or a pipe a table is as wide as it needs to be.
    console = screen()
    coming = iter(rows)
    portion = list(islice(coming, TABLE_ROWS))
    if not portion:
        console.print(empty)
        return
    emulated = any(row.get("emulated") for row in portion)
    console.print(f"{title} (EMULATED)" if emulated else title)
    while portion:
        console.print(_on_its_side(portion, shown) if on_its_side else _upright(portion, shown))
        portion = list(islice(coming, TABLE_ROWS))
        if not emulated and any(row.get("emulated") for row in portion):
            emulated = True
            console.print("From here on (EMULATED)")


def _upright(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> Any:
    table = _table()
    for name in shown:
        # Folded, never cut: what an auditor looks for may be a number's last digit.
        number = isinstance(rows[0].get(name), int)
        moment = f"{name}_us" in rows[0]
        table.add_column(_heading(name), overflow="fold", justify="right" if number else "left", no_wrap=moment)
    for row in rows:
        cells = readable(row)
        table.add_row(*(_cell(cells[name]) for name in shown))
    return table


def _on_its_side(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> Any:
    table = _table()
    cells = [readable(row) for row in rows]
    table.add_column(_heading(shown[0]), style="dim")
    for row in cells:
        table.add_column(_cell(row[shown[0]]), overflow="fold", justify="right")
    for name in shown[1:]:
        table.add_row(_heading(name), *(_cell(row[name]) for row in cells))
    return table


def _table() -> Any:
    from rich.table import Table

    return Table(box=None, header_style="dim", pad_edge=False, collapse_padding=True)


def _heading(name: str) -> str:
    return name.replace("_", " ")


def readable(row: Mapping[str, Any]) -> Row:
    """Return a row for eyes: local times under their names without the unit, `where` and `people` in one word each."""
    times = {
        name[:-3]: value and f"{local(value):%Y-%m-%d %H:%M:%S}" for name, value in row.items() if name.endswith("_us")
    }
    cells = {**row, **times}
    if "place" in row:
        cells["where"] = f"{row['station']}: {row['place']}"
    if "person" in row:
        cells["people"] = " + ".join(filter(None, (row["person"], row.get("second_person"))))
    return cells


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
