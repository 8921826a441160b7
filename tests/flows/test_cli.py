"""The command line answers at once, with a sentence and a status; a traceback only for those who ask for one."""

import errno
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import cli
from flows.cli import COMMANDS, main, run
from flows.collector import NEW_OBJECTS
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from flows.settings import Desk

HEAVY = {"prefect", "sqlalchemy", "sqlmodel", "pydantic", "structlog", "alembic"}
"""What takes longer to import than a quick command may take to answer."""


class LampBrokenError(FlowError):
    """A refusal of this test's own."""

    exit_code = Exit.IN_DOUBT
    next_step = "Change the lamp."

    def __str__(self) -> str:
        return "The lamp is broken."


def raising(error: BaseException) -> object:
    """A stand-in for `build`: an application that ends in this error."""

    def application(*_arguments: object, **_options: object) -> None:
        raise error

    return lambda: application


def imported_by(*arguments: str) -> set[str]:
    """The heavy packages that a command line imports."""
    program = "import sys\nfrom flows.cli import run\nrun(sys.argv[1:])\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=30)
    return HEAVY & set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["statu"],
        ["status", "--help"],
        ["logs", "--help"],
        ["devices", "oee", "--dir", "nowhere"],
        ["late", "--dir", "nowhere"],
        ["calendar", "show", "--dir", "nowhere"],
        ["logs", "waiting", "--dir", "nowhere"],
        ["whoami", "--dir", "nowhere"],
        ["sign-out", "--dir", "nowhere"],
        ["sign-in", "--help"],
    ],
)
def test_what_runs_no_flow_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported_by(*arguments) == set()


def test_help_takes_less_than_half_a_second_of_a_processor() -> None:
    # Processor time, not the clock's: other tests may run on the same machine.
    with subprocess.Popen(
        [sys.executable, "-c", "from flows.cli import main; main()", "--help"], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == Exit.FINE
    assert used.ru_utime + used.ru_stime < 0.5


def test_a_mistyped_command_is_refused_with_a_near_match(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stauts"]) == Exit.REFUSED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "passline: there is no command `stauts`; did you mean `status`?\n"


@pytest.mark.parametrize(
    "arguments", [["status", "--outptu", "json"], ["status", "--output", "xml"], ["status", "too", "much"]]
)
def test_wrong_usage_is_refused_in_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == Exit.REFUSED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("passline: ")
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("command", ["status", "board", "run"])
def test_a_folder_without_a_line_is_refused_with_what_to_do(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--dir", str(tmp_path / "nowhere")]) == Exit.REFUSED
    assert "There is no line in" in (error := capsys.readouterr().err)
    assert "passline demo --dir" in error


def test_a_line_that_was_never_set_up_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_default(RunFolder(tmp_path))
    assert run(["status", "--dir", str(tmp_path)]) == Exit.REFUSED
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "fault in passline" not in error


def test_a_refusal_ends_with_its_own_status_and_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "build", raising(LampBrokenError()))
    assert run(["status"]) == Exit.IN_DOUBT
    assert capsys.readouterr().err == "passline: The lamp is broken.\npassline: Change the lamp.\n"


def test_a_fault_of_the_program_shows_no_traceback_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "build", raising(ZeroDivisionError("division by zero")))
    assert run(["status"]) == Exit.UNEXPECTED
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("PASSLINE_DEBUG", "1")
    assert run(["status"]) == Exit.UNEXPECTED
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["new", "--dir"],
        ["intake", "generate", "--documents", "1"],
        ["devices", "emulate", "mt-sics-scale", "--folder"],
    ],
)
def test_a_path_that_cannot_be_used_is_refused_by_name(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (taken := tmp_path / "taken").write_text("a file")
    assert run([*arguments, str(taken)]) == Exit.REFUSED
    error = capsys.readouterr().err
    assert str(taken) in error
    assert "fault in passline" not in error


def test_a_file_without_rights_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Raised here: whoever runs the tests may have the right to everything.
    monkeypatch.setattr(cli, "build", raising(PermissionError(errno.EACCES, "Permission denied", "line/line.toml")))
    assert run(["status"]) == Exit.REFUSED
    assert "line/line.toml can't be used: Permission denied" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "build", raising(KeyboardInterrupt()))
    assert run(["status"]) == Exit.INTERRUPTED


@pytest.mark.parametrize("arguments", [["--help"], ["devices", "list", "--dir"]])
def test_a_reader_that_has_seen_enough_hears_no_complaint(arguments: list[str], tmp_path: Path) -> None:
    write_default(RunFolder(tmp_path))
    whole = [*arguments, str(tmp_path)] if "--dir" in arguments else arguments
    program = "import sys; from flows.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, *whole], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == Exit.FINE


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    shown = capsys.readouterr().out
    assert all(command.name in shown for command in COMMANDS)


def test_a_new_line_of_real_people_needs_no_editing_and_has_them_at_every_desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people, usual = tmp_path / "people", tmp_path / "usual"
    assert run(["new", "--dir", str(people), "--staff", "desks"]) == Exit.FINE
    assert f"passline people found P-CODE P-CODE --dir {people}" in capsys.readouterr().err
    settings = read_settings(RunFolder(people))
    assert settings.real_staff
    assert settings.emulated  # its machines, until real ones are named
    assert set(settings.desks.by_station().values()) == {Desk.PEOPLE}
    assert run(["new", "--dir", str(usual)]) == Exit.FINE
    assert not read_settings(RunFolder(usual)).real_staff


def test_a_new_line_takes_a_batch_at_once_and_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "line"
    assert run(["new", "--dir", str(folder), "--centre", "jinan", "--speed", "0"]) == Exit.FINE
    written = Path(capsys.readouterr().out.strip())
    assert written == folder / "line.toml"
    before = written.read_bytes()
    assert run(["new", "--dir", str(folder)]) == Exit.REFUSED
    assert written.read_bytes() == before
    batch = Path(__file__).parents[2] / "examples" / "batch-small"
    assert run(["intake", "load", str(batch), "--dir", str(folder)]) == Exit.FINE
    assert run(["status", "--dir", str(folder), "--output", "json"]) == Exit.FINE
    assert '"centre": "jinan"' in capsys.readouterr().out


def test_a_new_line_with_a_word_that_no_line_takes_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["new", "--dir", str(tmp_path), "--centre", 'two words " =']) == Exit.REFUSED
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "line.toml").exists()


def test_a_command_looks_for_garbage_seldom(monkeypatch):
    """What it imports stays: hundreds of thousands of objects, for a line."""
    before = gc.get_threshold()
    monkeypatch.setattr("sys.argv", ["passline", "--version"])
    try:
        with pytest.raises(SystemExit):
            main()
        assert gc.get_threshold()[0] == NEW_OBJECTS
    finally:
        gc.set_threshold(*before)
