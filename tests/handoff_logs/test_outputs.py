"""Answers as files: typed, whole or not there, safe to open, and of a size that memory does not feel."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from handoff_logs import outputs
from handoff_logs.errors import BinaryToTerminalError, ExtraMissingError
from handoff_logs.questions import Column, Type

COLUMNS = (
    Column("number", Type.TEXT),
    Column("units", Type.INTEGER),
    Column("happened_us", Type.TIME),
    Column("emulated", Type.FLAG),
)
TIME_US = 1_795_636_765_186_063
ROWS = [
    {"number": "370926112622010000056", "units": 3, "happened_us": TIME_US, "emulated": True},
    {"number": None, "units": -1, "happened_us": None, "emulated": False},
    {"number": "=cmd|' /C calc'!A1", "units": 2**60, "happened_us": 0, "emulated": False},
    {"number": "", "units": None, "happened_us": TIME_US, "emulated": False},
]


def written(tmp_path: Path, output: str, rows: Any = ROWS) -> Path:
    out = tmp_path / f"answer.{output}"
    outputs.write(iter(rows), COLUMNS, output, out, "What was asked")
    assert list(tmp_path.iterdir()) == [out], "nothing half-written is left beside it"
    return out


def test_json_and_its_lines_are_the_rows(tmp_path: Path) -> None:
    assert json.loads(written(tmp_path, "json").read_text("utf-8")) == ROWS
    (tmp_path / "answer.json").unlink()
    assert json.loads(written(tmp_path, "json", []).read_text("utf-8")) == []
    (tmp_path / "answer.json").unlink()
    lines = written(tmp_path, "jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_csv_opens_in_a_spreadsheet_without_running_anything(tmp_path: Path) -> None:
    content = written(tmp_path, "csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert header == ["number", "units", "happened", "emulated"]
    assert [row[0] for row in rows] == ["370926112622010000056", "", "'=cmd|' /C calc'!A1", ""]
    assert rows[1][1] == "-1", "a negative number is no formula"
    assert rows[0][2].startswith(f"{outputs.local(TIME_US):%Y-%m-%d %H:%M:%S}.186063")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_begins_like_a_formula_is_quoted(tmp_path: Path, start: str) -> None:
    row = {"number": f"{start}1", "units": 1, "happened_us": None, "emulated": False}
    content = written(tmp_path, "csv", [row]).read_bytes().decode("utf-8-sig")
    # A bare return would begin a row to some programs; it is written as the end of a line within the cell.
    assert f"'{start}1".replace("\r", "\n") in content


def test_xlsx_cells_have_types_and_no_formulas(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path, "xlsx")) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert '<c r="A2" t="inlineStr"><is><t>370926112622010000056</t></is></c>' in sheet
    assert '<c r="B2"><v>3</v></c>' in sheet
    assert f"<t>{2**60}</t>" in sheet, "what a spreadsheet would round is text"
    assert '<c r="D2" t="b"><v>1</v></c>' in sheet
    assert 't="inlineStr"' not in sheet[sheet.index('<c r="C2"') : sheet.index('<c r="D2"')]


def test_parquet_has_the_declared_types_and_tells_nothing_from_empty(tmp_path: Path) -> None:
    out = written(tmp_path, "parquet")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM '{out}'")
        types = [(column[0], str(column[1])) for column in found.description]
        rows = found.fetchall()
    assert types == [
        ("number", "VARCHAR"), ("units", "BIGINT"), ("happened_utc", "TIMESTAMP"), ("emulated", "BOOLEAN"),
    ]  # fmt: skip
    assert [(row[0], row[1]) for row in rows] == [(row["number"], row["units"]) for row in ROWS]
    assert rows[0][2].microsecond == 186063


@pytest.mark.parametrize("output", ["csv", "json", "xlsx", "parquet"])
def test_a_file_that_could_not_be_finished_is_not_there_and_the_old_one_stays(tmp_path: Path, output: str) -> None:
    def broken() -> Any:
        yield ROWS[0]
        raise LookupError

    out = tmp_path / f"answer.{output}"
    out.write_text("old")
    with pytest.raises(LookupError):
        outputs.write(broken(), COLUMNS, output, out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_text() == "old"


def test_bytes_are_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(BinaryToTerminalError, match="--out"):
        outputs.write([], COLUMNS, "xlsx")


@pytest.mark.parametrize(
    ("output", "module", "extra"), [("xlsx", "xlsxwriter", "reports"), ("parquet", "duckdb", "analytics")]
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissingError, match=rf"passline\[{extra}\]"):
        outputs.write([], COLUMNS, output, tmp_path / "answer")


GROWTH_MB = 40
"""What 200,000 rows may cost more than 2,000: held, they would be 80 MB and more."""
MANY = """
import resource, sys
from pathlib import Path
from handoff_logs import outputs
from handoff_logs.questions import Column, Type
columns = (Column("number", Type.TEXT), Column("happened_us", Type.INTEGER))
def rows(count):
    for n in range(count):
        yield {"number": f"E{n:020}", "happened_us": 1795636765186063 + n}
used = []
for count in (2_000, 200_000):
    outputs.write(rows(count), columns, sys.argv[1], Path(sys.argv[2]))
    used.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print((used[1] - used[0]) // 1024)
"""


@pytest.mark.parametrize("output", ["json", "csv", "xlsx", "parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, output: str) -> None:
    command = [sys.executable, "-c", MANY, output, str(tmp_path / f"many.{output}")]
    grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(grown) < GROWTH_MB
