"""docs/witness.md is true: its commands run, and its alarms are those that the program raises."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_log import SmallLog

from handoff_logs.notes import VerifierKey
from handoff_logs.witness import errors, rates, server
from handoff_logs.witness.client import add_checkpoint
from handoff_logs.witness.errors import WitnessError
from handoff_logs.witness.protocol import MAX_REQUEST_BYTES
from handoff_logs.witness.store import Verdict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "witness.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ (passline .*)$", PAGE, re.MULTILINE)
SAMPLES = (
    errors.FolderTakenError("F"),
    errors.NoWitnessError("F"),
    errors.UnsafeKeyError("F", "because"),
    errors.StoreLostError("F", "is not there"),
    errors.AddressTakenError("H", 1, "because"),
    errors.StoreBusyError("because"),
    errors.ClockBehindError(1, 5),
    errors.UnreachableError("U", "because"),
    errors.OldSizeError("U", 1, 2),
    errors.RolledBackError("U", "O", 1, 2),
    errors.TwoHistoriesError("U", "O", 2, 1),
    errors.RefusedError("U", 404, "because"),
    errors.StrangeKeyError("U", 403, "because"),
    errors.FalseAnswerError("U", "because"),
    errors.NoKeyChangeError(),
    errors.KeyChangedOtherwiseError("O", "K1", "K2"),
)


def passline(command: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a command of the page in a folder, with a log's key, on a free port."""
    words = shlex.split(command.replace("LOG_KEY", str(SmallLog().key)).replace("8474", "0"))[1:]
    call = [sys.executable, "-c", "from flows.cli import main; main()", *words]
    return subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_the_three_commands_make_a_witness_that_cosigns(tmp_path: Path) -> None:
    init, serve, show = COMMANDS
    vkey, _ = passline(init, tmp_path).communicate(timeout=30)
    running = passline(serve, tmp_path)
    try:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        add_checkpoint(url, VerifierKey.parse(vkey.strip()), 0, (), SmallLog().note(5))
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)
    shown, _ = passline(show, tmp_path).communicate(timeout=30)
    assert shown.startswith(vkey)
    assert "5 leaves" in shown


def phrases() -> list[str]:
    """What the page says that people read, as a pattern each: an ellipsis stands for what differs."""
    sections = PAGE.split("\n## ")
    tables = [section for section in sections if section.startswith(("Alarms at the centre", "What goes wrong"))]
    return [re.escape(one).replace("…", ".*") for table in tables for one in re.findall(r"^\| `(.*?)` ", table, re.M)]


def test_every_refusal_stands_on_the_page_in_its_own_words() -> None:
    kinds = set(WitnessError.__subclasses__())
    assert {type(sample) for sample in SAMPLES} == kinds | {one for kind in kinds for one in kind.__subclasses__()}
    for sample in SAMPLES:
        assert sum(bool(re.search(phrase, str(sample))) for phrase in phrases()) == 1, str(sample)
    for phrase in phrases():
        assert any(re.search(phrase, str(sample)) for sample in SAMPLES), phrase


def test_every_event_of_the_witness_stands_on_the_page() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "handoff_logs" / "witness").glob("*.py"))
    events = set(re.findall(r'log\.\w+\(\s*"(\w+)"', source))
    assert len(events) == 6
    assert events == {
        name for row in re.findall(r"^\| (`\w+_\w+`.*?) \|", PAGE, re.M) for name in re.findall(r"\w+", row)
    }
    assert all(f"`{verdict.value}`" in PAGE for verdict in (Verdict.OTHER_ROOT, Verdict.UNPROVEN))


@pytest.mark.parametrize(
    "words",
    [
        f"within {server.PATIENCE_S:g} s",
        f"more than {server.MAX_CONNECTIONS_OF_HOST} connections, or all hold {server.MAX_CONNECTIONS}",
        f"{rates.BURST:g} times at once and {rates.PER_SECOND:g} times a second",
        f"{MAX_REQUEST_BYTES // 1024} KiB",
    ],
)
def test_the_pages_figures_are_the_programs(words: str) -> None:
    assert words in PAGE.replace("\n", " ")
