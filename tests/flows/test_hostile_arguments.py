"""Whatever stands for an argument of any command: one sentence, a status that says so, and nothing changed.

Every parameter of every command is tried, in this process; by rotation with one value of its kind, with `--dense` with
all. What must be refused whichever command it is for is refused by its argument's name.
"""

import datetime
import enum
import io
import signal
import sqlite3
import subprocess
import sys
import types
import typing
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from flows.cli import build, run
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.typed_arguments import LONGEST

NEVER = {
    int: ("1" + "0" * 30, "-1" + "0" * 30),
    float: ("nan", "inf", "-inf", "1e999"),
    str: ("\0", "\udcff", "A" * 100_000, "\x1b[2J", "\u202e", "x\npassline: fine"),
    Path: ("a\0b", "\udcff", "A" * 5_000),
    datetime.date: ("0001-01-01", "9999-12-31"),
}
"""What no command takes, by the kind of the argument."""
HOSTILE = {
    int: ("-1", "nan", "0x", "1.5", "'; --"),
    float: ("-1", "-0", "1,5", "'; --"),
    str: ("../../../etc/passwd", "'; DROP TABLE shift; --", "A" * 900, "%s{0}$(id)", "-1"),
    Path: ("missing", "folder", "garbage", "empty", "nul", "no-utf-8", "../../../../../../etc/shadow/x", "A" * 300),
    datetime.date: ("yesterday", "2026-13-99"),
    typing.Literal: ("no-such", "'; --"),
}
"""What a command may find nothing for, or refuses itself."""
COMMON = ("--dir", "--output", "--passwords-from", "--out", "--columns", "--by", "--second", "--first", "--password")
TIMES_COMMON = 9
"""Parameters that commands share are tried on so many of them."""
UNTIL_STOPPED = {"serve", "deploy"}
"""They take any name, and work until they are told to stop; Prefect refuses what it does not take."""
PATIENCE_S = 20.0
MOST_SAID = 2_500
READING = "audit_lookup"
"""Who asked what is recorded, whatever comes of it."""
Status = int | str


class BegunError(BaseException):
    """A command began to work, or works on."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command."""

    command: tuple[str, ...]
    name: str
    kind: Any
    required: bool
    positional: bool


@dataclass
class Typed:
    """How a command line ended and what it said; `never`: nobody may take the value."""

    parameter: Parameter
    value: str
    status: Status
    said: str
    never: bool

    @property
    def wrong(self) -> str | None:
        """What is wrong with it."""
        if self.status not in (Exit.FINE, Exit.FINDINGS, Exit.REFUSED, Exit.IN_DOUBT):
            return f"ended with {self.status}"
        if self.never and (self.status != Exit.REFUSED or not self.said.startswith(f"passline: {self.parameter.name}")):
            return "was not refused by its name"
        if self.status == Exit.REFUSED and not self.said.startswith("passline: "):
            return "says nothing"
        if "Traceback" in self.said or len(self.said) > MOST_SAID:
            return "says too much"
        if any(unicodedata.category(one) in ("Cc", "Cf", "Cs") and one != "\n" for one in self.said):
            return "moves the cursor"
        return None

    def __str__(self) -> str:
        what = f"{' '.join(self.parameter.command)} {self.parameter.name} {self.value[:40]!r}"
        return f"{what} {self.wrong}: {self.said[:300]!r}"


def kind_of(hint: Any) -> Any:
    """The plain kind of an annotation."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal or (isinstance(hint, type) and issubclass(hint, enum.Enum)):
        return typing.Literal
    if origin is typing.Annotated or origin in (tuple, list):
        return kind_of(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return kind_of(next(one for one in typing.get_args(hint) if one is not type(None)))
    if isinstance(hint, type):
        return next((one for one in (bool, int, float, Path, datetime.date, str) if issubclass(hint, one)), str)
    return str


def first_choice(hint: Any) -> str:
    """A word that is taken where words are listed."""
    if typing.get_origin(hint) is typing.Literal:
        return str(typing.get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return str(next(iter(hint)).value)
    return first_choice(next(one for one in typing.get_args(hint) if one is not type(None)))


def leaves(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that does something."""
    for name in app:
        if not name.startswith("-"):
            below = app[name]
            yield from leaves(below, (*path, name))
            if below.default_command is not None:
                yield (*path, name), below


def fillings(app: App, command: tuple[str, ...]) -> list[tuple[Parameter, str]]:
    """Each parameter of a command, and what fills it where it must be filled."""
    plain = {int: "1", float: "1", Path: "text", datetime.date: "2026-11-30", str: "x", bool: ""}
    found = []
    for argument in app.assemble_argument_collection():
        if argument.name == "*":
            continue  # a group of parameters, which are there by themselves
        kind = kind_of(argument.hint)
        positional = argument.field_info.kind.name in ("POSITIONAL_ONLY", "VAR_POSITIONAL")
        parameter = Parameter(command, argument.name, kind, argument.required, positional)
        found.append((parameter, first_choice(argument.hint) if kind is typing.Literal else plain[kind]))
    return found


def command_line(folder: Path, filled: list[tuple[Parameter, str]], tried: Parameter, value: str) -> list[str]:
    """A command line with `value` for the parameter that is tried, and what else must be there."""
    options, positional = list(tried.command), []
    for parameter, filling in filled:
        if parameter == tried:
            typed = value
        elif parameter.name == "--dir":
            typed = str(folder)
        elif parameter.required:
            typed = filling
        else:
            continue
        if parameter.positional:
            positional.append(typed)
        else:
            options.append(f"{parameter.name}={typed}")
    return [*options, *(["--"] if positional else []), *positional]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line at rest, in a folder with hostile files; no command starts a process."""
    home = tmp_path / "home"
    home.mkdir()
    for name, content in (("text", b"a\n"), ("empty", b""), ("nul", b"\0" * 999), ("no-utf-8", b"\xff\xfe{}\n")):
        (home / name).write_bytes(content)
    (home / "garbage").write_bytes(bytes(range(256)) * 40_000)  # 10 MB
    (home / "folder").mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("PASSLINE_DEBUG", raising=False)
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=1, readers=1, gate=False)
    prepare(folder)
    with open_line(folder, shift="day", stations=("intake",)):
        pass  # what is configured is in its registers
    monkeypatch.setattr(subprocess.Popen, "__init__", begun)
    return folder.path


def begun(*_arguments: object, **_options: object) -> None:
    raise BegunError


@pytest.fixture
def type_it(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], tuple[Status, str]]:
    """Runs a command line in this process with nothing on its standard input."""

    def typed(arguments: list[str]) -> tuple[Status, str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace") for _ in range(2))
        with monkeypatch.context() as swapped:
            swapped.setattr(sys, "stdout", out)
            swapped.setattr(sys, "stderr", err)
            swapped.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
            status: Status
            try:
                status = run(arguments)
            except BegunError:
                status = "the beginning of its work"
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        err.flush()
        written = err.buffer
        assert isinstance(written, io.BytesIO)
        return status, written.getvalue().decode()

    signal.signal(signal.SIGALRM, begun)
    return typed


def held(folder: Path) -> tuple[dict[str, int], bytes]:
    """How many rows each table has, and the configuration."""
    with closing(sqlite3.connect(folder / "passline.db")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        rows = {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names if name != READING
        }
    return rows, (folder / "line.toml").read_bytes()


def values(parameter: Parameter, turn: int, *, dense: bool) -> list[tuple[str, bool]]:
    """What to type for a parameter: each with whether no command may take it."""
    lines = parameter.name == "SQL"
    every = [(value, not (lines and "\n" in value)) for value in NEVER.get(parameter.kind, ())]
    every += [(value, False) for value in HOSTILE.get(parameter.kind, ())]
    return every if dense or not every else [every[turn % len(every)]]


@pytest.mark.parametrize("usage", [["status", "--\x1b[2J"], ["\x1b[2J"], ["logs", "\u202e"], ["status", "A" * 100_000]])
def test_what_is_no_argument_at_all_is_repeated_as_text(
    usage: list[str], type_it: Callable[[list[str]], tuple[Status, str]]
) -> None:
    status, said = type_it(usage)
    tried = Typed(
        Parameter(("status",), usage[-1], str, required=False, positional=False), "", status, said, never=False
    )
    assert status == Exit.REFUSED and tried.wrong is None, said


def test_a_query_may_have_lines_and_be_long(line: Path, type_it: Callable[[list[str]], tuple[Status, str]]) -> None:
    status, said = type_it(["logs", "sql", f"SELECT 1\n\t-- {'x' * 2 * LONGEST}", "--dir", str(line)])
    assert status == Exit.REFUSED and "snapshot" in said


@pytest.mark.timeout(900)
def test_no_argument_of_any_command_is_a_fault_of_ours_or_changes_anything(
    line: Path, type_it: Callable[[list[str]], tuple[Status, str]], request: pytest.FixtureRequest
) -> None:
    dense, tried, turn = bool(request.config.getoption("--dense")), dict[str, int](), 0
    wrong: list[str] = []
    for command, app in leaves(build()):
        filled, before = fillings(app, command), held(line)
        for parameter, _ in filled:
            tried[parameter.name] = tried.get(parameter.name, 0) + 1
            if not dense and parameter.name in COMMON and tried[parameter.name] > TIMES_COMMON:
                continue
            turn += 1
            if command[0] in UNTIL_STOPPED or (parameter.name in ("--dir", "--resume") and command[0] == "demo"):
                continue
            for value, never in values(parameter, turn, dense=dense):
                status, said = type_it(command_line(line, filled, parameter, value))
                told = Typed(parameter, value, status, said, never)
                if told.wrong is not None:
                    wrong.append(str(told))
        if held(line) != before:
            wrong.append(f"{' '.join(command)} changed the line")
    assert len(tried) > 100 and turn > 400
    assert not wrong, "\n".join(wrong)
