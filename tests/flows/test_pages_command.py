"""`passline pages` as it is started: it says where it is, serves from the folder, refuses an open network, and ends."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from served import browser

from flows.cli import run
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder

MAIN = "from flows.cli import main; main()"
PATIENCE_S = 60.0


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """The folder of a line that was never run."""
    write_default(RunFolder(tmp_path / "line"))
    return tmp_path / "line"


def test_the_pages_are_served_until_interrupted(line: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "pages", "--port", "0", "--dir", str(line)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.fullmatch(r"EMULATED line: audit pages at (http://127\.0\.0\.1:[0-9]+); stop with Ctrl-C\.\n", said)
        assert found is not None, said
        with browser(found[1]) as opened:
            assert "passline people found" in opened.get("/sign-in").text
            assert opened.get("/").status_code == 303
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (Exit.FINE, "", "")
    finally:
        process.kill()
        process.wait()
    for name in ("pages-cookie.key", "epcis-pseudonym.key"):
        assert (line / "keys" / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "pages.example"])
def test_passwords_cross_no_network_in_the_clear(line: Path, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pages", "--host", host, "--port", "0", "--dir", str(line)]) == Exit.REFUSED
    assert "--certificate" in capsys.readouterr().err


def test_a_taken_port_is_named(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["pages", "--port", port, "--dir", str(line)]) == Exit.REFUSED
    assert f"port {port}" in capsys.readouterr().err


def test_a_folder_without_a_line_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pages", "--dir", str(tmp_path)]) == Exit.REFUSED
    assert "line.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("secret", "mode", "said"),
    [(None, 0o600, "can't be read"), ("a secret", 0o644, "is open to others"), ("", 0o600, "must hold"),
     ("one\ntwo", 0o600, "must hold"), ("x" * 600, 0o600, "must hold")],
)  # fmt: skip
def test_without_a_kept_secret_of_the_issuers_client_the_pages_are_not_started(
    line: Path, secret: str | None, mode: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (line / "line.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[pages.oidc]\nissuer = "https://id.example"\nclient_id = "passline"\nclaim = "staff"\n'
            'secret_file = "oidc.secret"\naddress = "https://10.0.0.5:8475"\n'
        )
    if secret is not None:
        (line / "oidc.secret").write_text(secret, "utf-8")
        (line / "oidc.secret").chmod(mode)
    assert run(["pages", "--port", "0", "--dir", str(line)]) == Exit.REFUSED
    err = capsys.readouterr().err
    assert f"oidc.secret {said}" in err and not (secret and secret in err)
