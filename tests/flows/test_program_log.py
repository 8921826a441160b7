"""The program's log has constant events and codes; what might be personal never gets into it."""

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from flows.program_log import PERMITTED_KEYS, set_up_log
from flows.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    """A run folder; logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield RunFolder(tmp_path)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def kept(folder: RunFolder) -> list[dict[str, object]]:
    return [json.loads(line) for line in folder.program_log.read_text("utf-8").splitlines()]


def test_facts_stand_beside_a_constant_event(folder: RunFolder) -> None:
    set_up_log(folder)
    structlog.get_logger().info("tray_accepted", station="qc", tray="t-1", units=25)
    (event,) = kept(folder)
    assert (event["event"], event["station"], event["units"]) == ("tray_accepted", "qc", 25)


@pytest.mark.parametrize("value", ["张三", "Zhang San", "ZHANG<<SAN", "No. 5, Quancheng Road", {"name": "x"}])
def test_text_that_is_no_code_is_withheld(folder: RunFolder, value: object) -> None:
    set_up_log(folder)
    structlog.get_logger().info("order_held", reason=value)
    (event,) = kept(folder)
    assert event["reason"] == "withheld"


def test_keys_outside_the_list_are_withheld_even_when_bound_before(folder: RunFolder) -> None:
    set_up_log(folder)
    structlog.get_logger().bind(applicant="x").info("order_held", resident_id="11010519491231002X")
    (event,) = kept(folder)
    assert (event["applicant"], event["resident_id"]) == ("withheld", "withheld")


def test_facts_written_into_the_event_are_withheld(folder: RunFolder) -> None:
    set_up_log(folder)
    structlog.get_logger().info("spoiled E1234567 of Zhang San")
    assert kept(folder)[0]["event"] == "withheld"


def test_an_error_is_logged_by_its_kind_without_its_text(folder: RunFolder) -> None:
    set_up_log(folder)
    try:
        raise ValueError("ZHANG SAN")
    except ValueError:
        structlog.get_logger().exception("tray_failed", tray="t-1")
    assert kept(folder)[0]["error"] == "ValueError"
    assert "ZHANG" not in folder.program_log.read_text("utf-8")


def test_the_screen_gets_the_wanted_level_and_the_file_everything_from_info(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log(folder, level="warning", form="json")
    structlog.get_logger().info("tray_accepted")
    structlog.get_logger().warning("machine_held", machine="book-01")
    assert [event["event"] for event in kept(folder)] == ["tray_accepted", "machine_held"]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err)["event"] == "machine_held"


def test_what_is_no_terminal_gets_json(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(folder, form="auto")
    structlog.get_logger().warning("machine_held")
    assert json.loads(capsys.readouterr().err)["level"] == "warning"


def test_a_terminal_gets_words(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(folder, form="terminal")
    structlog.get_logger().warning("machine_held", machine="book-01")
    shown = capsys.readouterr().err
    assert not shown.startswith("{")
    assert "machine_held" in shown


def test_libraries_speak_to_a_file_only(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(folder)
    logging.getLogger("prefect.engine").warning("retrying")
    assert "retrying" in folder.library_log.read_text("utf-8")
    assert capsys.readouterr().err == ""


def test_a_second_run_in_one_process_closes_the_libraries_file_of_the_first(folder: RunFolder, tmp_path: Path) -> None:
    set_up_log(folder)
    (first,) = logging.getLogger().handlers
    assert isinstance(first, logging.FileHandler)
    logging.getLogger("prefect").warning("retrying")
    file = first.stream
    set_up_log(RunFolder(tmp_path / "second"))
    assert file.closed


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for package in ("flows", "stations", "devices", "handoff_logs"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LEVELS
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in {"log", "logger"}
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_log_call_has_a_constant_event_and_permitted_keys() -> None:
    for place, call in log_calls():
        event = call.args[0] if call.args else None
        assert isinstance(event, ast.Constant), f"{place}: the event is no constant"
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", str(event.value)), f"{place}: {event.value!r}"
        # What is handed on as ** is looked at when it is logged.
        unknown = {keyword.arg for keyword in call.keywords} - PERMITTED_KEYS - {None}
        assert not unknown, f"{place}: {unknown}"
