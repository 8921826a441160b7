"""`logs epcis…`: files that are whole or not there, look-ups on record, tokens shown once, and a quick start."""

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import text

from handoff_logs import cli, terminal
from handoff_logs.epcis.readers import FILE, Readers
from handoff_logs.epcis.rules import events_of, findings, misshapen_document

COMMAND = [sys.executable, "-c", "from handoff_logs.cli import app; app()"]


class Answer(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Answer:
    """Run a command in this process, where it is loaded already."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.app(arguments, exit_on_error=False, result_action="return_value")
        except SystemExit as ended:
            status = int(str(ended.code))
    return Answer(status, out.getvalue(), err.getvalue())


@pytest.fixture
def directory(history: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run's folder whose `line.toml` names the database and the centre, as the log's own commands read it."""
    monkeypatch.setattr(cli, "resolve_url", cli.database_url)
    monkeypatch.setattr(terminal, "who_asks", terminal.unsigned)
    monkeypatch.setattr(cli, "resolve_centre", cli.centre_name)
    (tmp_path / "line.toml").write_text(f'database = "{history.url}"\ncentre = "jinan"\n')
    return str(tmp_path)


def test_an_export_is_whole_in_form_and_of_its_centre(directory: str, history: Any, tmp_path: Path) -> None:
    for form, kind in (("document", "EPCISDocument"), ("query", "EPCISQueryDocument")):
        out = tmp_path / f"{form}.json"
        answer = run("epcis", "--dir", directory, "--out", str(out), "--as", form)
        assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
        assert out.stat().st_mode & 0o777 == 0o600
        whole = json.loads(out.read_text("utf-8"))
        assert whole["type"] == kind
        assert misshapen_document(whole) == []
        assert findings(events_of(whole)) == []
        assert [event["eventID"] for event in events_of(whole)] == [event["eventID"] for event in history.told]
        assert "urn:passline:jinan:" in out.read_text("utf-8")
    again = run("epcis", "--dir", directory, "--out", str(out))
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"line.toml", "keys", "document.json", "query.json"}


def test_an_export_holds_what_was_selected_and_is_on_record_without_the_number(directory: str, history: Any) -> None:
    answer = run("epcis", "--dir", directory, "--out", "-", "--number", "E1", "--from", "2020-01-01T00:00:00")
    events = events_of(json.loads(answer.stdout))
    assert 5 < len(events) < len(history.told)
    parcels = {
        event["parentID"] for event in events if event["passline:act"] == "pack" and ":parcel:" in event["parentID"]
    }
    assert len(parcels) == 2
    station = events_of(json.loads(run("epcis", "--dir", directory, "--out", "-", "--station", "vault").stdout))
    assert {"receive", "destroy"} <= {event["passline:act"] for event in station}
    assert events_of(json.loads(run("epcis", "--dir", directory, "--out", "-", "--shift", "night").stdout)) == []
    query = text("SELECT parameters FROM audit_lookup WHERE question = 'epcis export' ORDER BY seq DESC")
    asked = [json.loads(row[0]) for row in history.centre.do(lambda tx: tx.execute(query).all())]
    assert (asked[0]["shift"], asked[1]["station"]) == ("night", "vault")
    assert asked[2]["number"] != "E1"
    assert asked[2]["number"].startswith("hidden:") and len(asked[2]["number"]) == len("hidden:") + 32


def test_what_can_not_be_exported_is_one_sentence_and_leaves_no_file(directory: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    key = tmp_path / "keys" / "epcis-pseudonym.key"
    for arguments, word in (
        (("--number", "A9"), "A9"),
        (("--out", str(tmp_path / "nowhere" / "out.json")), "nowhere"),
        (("--dir", str(tmp_path / "elsewhere")), "elsewhere"),
    ):
        answer = run("epcis", *(() if "--dir" in arguments else ("--dir", directory)),
                     *(() if "--out" in arguments else ("--out", out)), *arguments)  # fmt: skip
        assert (answer.returncode, answer.stdout, len(answer.stderr.splitlines())) == (2, "", 1), answer.stderr
        assert word in answer.stderr
    key.chmod(0o644)
    assert "open to others" in run("epcis", "--dir", directory, "--out", out).stderr
    key.chmod(0o600)
    key.write_bytes(b"short")
    assert "5 bytes" in run("epcis", "--dir", directory, "--out", out).stderr
    assert not Path(out).exists()


def test_a_token_is_shown_once_kept_as_a_hash_and_revoked_by_name(directory: str, tmp_path: Path) -> None:
    token = run("epcis-token", "create", "auditor", "--dir", directory).stdout.strip()
    kept = tmp_path / "keys" / FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    assert token not in kept.read_text()
    readers = Readers(tmp_path / "keys")
    assert (readers.known_by(token), readers.known_by(token[:-1]), readers.known_by("")) == ("auditor", None, None)
    assert "auditor" in run("epcis-token", "list", "--dir", directory, "--output", "csv").stdout
    for arguments, word in (
        (("create", "auditor"), "already"),
        (("create", "Dr. No"), "no name"),
        (("revoke", "x"), "not there"),
    ):
        answer = run("epcis-token", *arguments, "--dir", directory)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert word in answer.stderr
    assert run("epcis-token", "revoke", "auditor", "--dir", directory).returncode == 0
    assert readers.known_by(token) is None
    kept.chmod(0o640)
    assert "open to others" in run("epcis-token", "list", "--dir", directory).stderr


def test_the_served_log_answers_its_readers_until_interrupted(directory: str) -> None:
    token = run("epcis-token", "create", "auditor", "--dir", directory).stdout.strip()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*COMMAND, "epcis-serve", "--dir", directory, "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            answer = _asked(f"http://127.0.0.1:{port}/epcis/v2/events?EQ_bizStep=destroying", token)
            assert [event["disposition"] for event in events_of(answer.json())] == ["destroyed"]
        finally:
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=20)
    assert token not in said
    assert "Traceback" not in said


def _asked(url: str, token: str) -> httpx.Response:
    until = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_web_server_is_loaded_by_the_command_that_serves_alone() -> None:
    heavy = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "pydantic", "psycopg")
    check = f"import sys, handoff_logs.epcis.commands; print([m for m in {heavy!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
