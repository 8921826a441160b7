"""Signing in at the terminal, by the real commands: who asks is whose session is there, and nobody else is answered."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import make_url
from typed_commands import feed, piped, typed

from flows import session_file
from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs import direct, log
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS, FAILURES
from stations.people_register.sign_in import sign_in_two

ONE, TWO, OWN = "correct horse one", "correct horse two", "a password of my own"
AUDITOR, LEAD, OPERATOR, CLERK = "p-0417", "p-0418", "p-0419", "p-0420"
NUMBER = "370100-20261125-0001"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
PRODUCTION = """
mode = "production"
centre = "jinan"
[database]
[staff]
kind = "desks"
[[devices]]
id = "book-01"
driver = "book-personalizer"
port = "/dev/serial/by-id/usb-1"
serial = "BP-2207-0031"
"""
Command = Callable[..., int]


def make(folder: RunFolder) -> RunFolder:
    """A line with two administrators, an auditor, a lead, an operator, and one application in its log."""
    prepare(folder)
    line = folder.line()
    by, births = Party("intake", CLERK, "day"), [Birth(new_id(), Kind.ORDER, NUMBER)]
    first, second = Credentials("p-0001", ONE), Credentials("p-0002", TWO)
    with open_database(folder, line.database_url) as database:
        register.found(database, first, second, emulated=line.emulated)
        both = sign_in_two(database, first, second, ADMINISTRATORS)
        for code, role in ((AUDITOR, Role.AUDITOR), (LEAD, Role.LEAD), (OPERATOR, Role.OPERATOR)):
            register.enrol(database, both, Credentials(code, OWN), [role], emulated=line.emulated)
        database.write(
            lambda tx: log.receive(tx, by, None, births, "in", log.Stamp(database.clock_us(tx), line.emulated))
        )
    return folder


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def emulated(tmp_path: Path) -> RunFolder:
    """An emulated line."""
    folder = RunFolder(tmp_path / "emulated")
    write_default(folder)
    return make(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def production(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunFolder]:
    """A production line, once on SQLite and once on PostgreSQL with the line's own roles."""
    folder = RunFolder(tmp_path / "production")
    folder.path.mkdir()
    folder.configuration.write_text(PRODUCTION, "utf-8")
    if request.param == "sqlite":
        yield make(folder)
        return
    server = request.getfixturevalue("postgresql_server")
    name, service = f"signin_{uuid4().hex[:8]}", f"svc_{uuid4().hex[:8]}"
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    administrator = server.format(database=name)
    login = make_url(administrator).set(drivername="postgresql+psycopg", username=service, password=None)
    text = PRODUCTION.replace("[database]", f'[database]\nurl = "{login.render_as_string(hide_password=False)}"')
    folder.configuration.write_text(text, "utf-8")
    assert run(["database", "roles", "--dir", str(folder.path), "--as", administrator]) == Exit.FINE
    yield make(folder)
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def passline(production: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the production line within this process."""
    return on(production, monkeypatch)


def on(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Command:
    def command(*arguments: str, lines: tuple[str, ...] = ()) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, "--dir", str(folder.path)])

    return command


def sign_in(passline: Command, code: str = AUDITOR, password: str = OWN) -> int:
    return passline("sign-in", code, "--passwords-from", "-", lines=(password,))


def looked_up(folder: RunFolder) -> list[tuple[str, str]]:
    """Who asked what."""
    with open_reading(folder.line().database_url) as reading:
        rows = reading.rows("SELECT reader, question FROM audit_lookup ORDER BY seq")
    return [(row["reader"], row["question"]) for row in rows]


ASKING = (
    ("document", NUMBER), ("waiting",), ("person", AUDITOR), ("state",), ("check",), ("lookups",), ("snapshot",),
    ("prove", NUMBER), ("epcis", "--out", "-"), ("document", NUMBER, "--output", "json"),
)  # fmt: skip


def test_a_production_line_answers_nobody_who_did_not_sign_in(
    passline: Command, production: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(production.path)
    for arguments in ASKING:
        assert passline("logs", *arguments) == Exit.REFUSED, arguments
        shown = capsys.readouterr()
        assert shown.out == "" and "passline sign-in CODE" in shown.err and len(shown.err.splitlines()) == 2
    assert looked_up(production) == []


def test_no_environment_and_no_other_folder_makes_a_production_line_an_emulated_one(
    passline: Command, production: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSLINE_MODE", "emulated")
    assert passline("logs", "document", NUMBER) == Exit.REFUSED
    monkeypatch.delenv("PASSLINE_MODE")
    own = RunFolder(tmp_path / "own")
    own.path.mkdir()
    url = production.line().database_url
    own.configuration.write_text(f'mode = "emulated"\ncentre = "jinan"\n[database]\nurl = "{url}"\n', "utf-8")
    assert on(own, monkeypatch)("logs", "document", NUMBER) == Exit.REFUSED
    assert looked_up(production) == []


def test_a_production_line_whose_log_has_nothing_real_yet_is_one(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = emulated.configuration.read_text("utf-8")
    emulated.configuration.write_text(text.replace('mode = "emulated"  ', 'mode = "production"  ', 1), "utf-8")
    for mode in ("", "emulated", "anything"):
        monkeypatch.setenv("PASSLINE_MODE", mode)
        assert on(emulated, monkeypatch)("logs", "waiting") == Exit.REFUSED
    emulated.configuration.write_text(text, "utf-8")
    monkeypatch.setenv("PASSLINE_MODE", "production")
    assert on(emulated, monkeypatch)("logs", "waiting") == Exit.REFUSED


def test_whoever_signed_in_asks_by_their_own_code_and_signs_out(
    passline: Command, production: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("whoami") == Exit.REFUSED
    assert sign_in(passline) == Exit.FINE
    assert "p-0417 is signed in" in capsys.readouterr().out
    assert passline("whoami", "--output", "json") == Exit.FINE
    said = json.loads(capsys.readouterr().out)
    assert (said["code"], said["roles"], said["emulated"]) == (AUDITOR, ["auditor"], False)
    assert passline("logs", "document", NUMBER) == Exit.FINE
    assert NUMBER in capsys.readouterr().out
    assert passline("logs", "document", NUMBER, "--output", "json") == Exit.FINE
    assert passline("logs", "lookups", "--reader", AUDITOR, "--output", "jsonl") in (Exit.FINE,)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"seq')]
    assert [row["question"] for row in rows] == ["export lookups jsonl", "export document json", "document"]
    assert {json.loads(row["parameters"])["session"] for row in rows} == {said["session"]}
    assert NUMBER not in json.dumps(rows)
    copied = session_file.read(production.path)
    assert copied is not None
    assert passline("sign-out") == Exit.FINE == passline("sign-out")
    assert passline("logs", "document", NUMBER) == Exit.REFUSED
    session_file.write(production.path, copied)
    capsys.readouterr()
    assert passline("logs", "document", NUMBER) == Exit.REFUSED, "a copy of an ended session opens nothing"
    assert "it was signed out" in capsys.readouterr().err


def test_a_badge_and_the_password_sign_in_and_never_say_whose_badge_is_refused(
    passline: Command, production: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
    assert passline("people", "badge", "issue", AUDITOR, *signed, lines=(ONE, TWO)) == Exit.FINE
    number = capsys.readouterr().out.strip()
    for wrong, password in ((number, "a wrong password"), ("1" * 20, OWN)):
        assert passline("sign-in", wrong, "--passwords-from", "-", lines=(password,)) == Exit.REFUSED
        said = capsys.readouterr().err
        assert "with that badge is refused" in said and AUDITOR not in said and wrong not in said
    assert passline("sign-in", number, "--passwords-from", "-", lines=(OWN,)) == Exit.FINE
    assert f"{AUDITOR} is signed in" in capsys.readouterr().out
    assert passline("whoami", "--output", "json") == Exit.FINE
    assert json.loads(capsys.readouterr().out)["code"] == AUDITOR
    assert passline("people", "badge", "revoke", AUDITOR, "--by", LEAD, "--passwords-from", "-", lines=(OWN,)) == 0
    assert passline("people", "sign-ins", "--output", "json") == Exit.FINE
    rows = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [(row["code"], row["outcome"], row["reason"]) for row in rows if row["by"] == "badge"] == [
        (AUDITOR, "accepted", ""),
        ("", "refused", "unknown"),
        (AUDITOR, "refused", ""),
    ]


@pytest.mark.parametrize(
    ("code", "asks", "oversees"), [(AUDITOR, 0, 0), ("p-0001", 0, 0), (LEAD, 0, 2), (OPERATOR, 2, 2)]
)
def test_who_may_ask_is_told_by_their_roles(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch, code: str, asks: int, oversees: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    passline = on(emulated, monkeypatch)
    assert sign_in(passline, code, ONE if code == "p-0001" else OWN) == Exit.FINE
    assert passline("logs", "document", NUMBER) == asks
    assert passline("logs", "lookups") == oversees
    assert ("auditor" in capsys.readouterr().err) is (oversees == 2)
    assert passline("logs", "verify") in (0, 2)
    assert looked_up(emulated)[-1] == (code, "verify")


def test_wrong_passwords_are_counted_and_lock_the_code_here_too(
    passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(FAILURES):
        assert sign_in(passline, password="a wrong password") == Exit.REFUSED
    assert sign_in(passline) == Exit.REFUSED
    assert "locked until" in capsys.readouterr().err
    assert passline("whoami") == Exit.REFUSED


@pytest.mark.parametrize("code", ["p-9999", "e-qc-1", "a password typed here"])
def test_nobodys_code_signs_nobody_in(passline: Command, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign_in(passline, code) == Exit.REFUSED
    assert "a password typed here" not in capsys.readouterr().err


def test_an_emulated_line_answers_newcomers_and_says_so_once(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passline = on(emulated, monkeypatch)
    for said in (1, 0, 0):
        assert passline("logs", "document", NUMBER) == Exit.FINE
        err = capsys.readouterr().err
        assert len(err.splitlines()) == said and ("EMULATED" in err) is bool(said)
    ((reader, question),) = set(looked_up(emulated))
    assert reader.startswith("unsigned:") and question == "document"


def test_an_ended_session_is_refused_on_an_emulated_line_too(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passline = on(emulated, monkeypatch)
    assert sign_in(passline) == Exit.FINE
    real = direct._SqliteWriting.clock_us
    monkeypatch.setattr(direct._SqliteWriting, "clock_us", lambda self: real(self) + 31 * 60 * 1_000_000)
    assert passline("logs", "waiting") == Exit.REFUSED
    assert "half an hour" in capsys.readouterr().err
    assert passline("logs", "verify") in (0, 2), "a verification at night needs nobody"
    assert passline("sign-out") == Exit.FINE
    assert passline("logs", "waiting") == Exit.FINE


def test_a_session_ends_with_its_persons_standing_and_password(
    passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sign_in(passline) == Exit.FINE
    changed = ("people", "password", AUDITOR, "--passwords-from", "-")
    assert passline(*changed, lines=(OWN, "another password")) == Exit.FINE
    assert passline("logs", "waiting") == Exit.REFUSED
    assert "password was changed" in capsys.readouterr().err
    assert sign_in(passline, password="another password") == Exit.FINE
    assert passline("people", "end", AUDITOR, *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert passline("logs", "waiting") == Exit.REFUSED
    assert "standing has ended" in capsys.readouterr().err


def test_a_session_is_no_signature_where_two_sign(passline: Command, production: RunFolder) -> None:
    assert sign_in(passline, "p-0001", ONE) == Exit.FINE
    enrol = ("people", "enrol", "p-0500", "--role", "packer", *SIGNED)
    assert passline(*enrol) == Exit.REFUSED
    assert passline(*enrol, lines=(OWN, TWO)) == Exit.REFUSED
    erase = ("logs", "erase", NUMBER, "--reason", "request", *SIGNED)
    assert passline(*erase) == Exit.REFUSED


def test_signing_in_anew_ends_the_session_before(
    passline: Command, production: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sign_in(passline) == Exit.FINE
    earlier = session_file.read(production.path)
    assert earlier is not None
    assert sign_in(passline, LEAD) == Exit.FINE
    session_file.write(production.path, earlier)
    assert passline("logs", "waiting") == Exit.REFUSED
    assert "signed in anew" in capsys.readouterr().err


def test_a_session_of_one_line_is_none_of_another(
    passline: Command, production: RunFolder, emulated: RunFolder, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert sign_in(on(emulated, monkeypatch)) == Exit.FINE
    other = session_file.read(emulated.path)
    assert other is not None
    session_file.write(production.path, other)
    assert passline("logs", "waiting") == Exit.REFUSED
    assert "knows no such session" in capsys.readouterr().err


def test_the_auditors_login_of_the_database_asks_with_a_session_and_signs_nobody_in(
    production: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = make_url(production.line().database_url)
    if service.drivername == "sqlite":
        pytest.skip("SQLite has no logins")
    passline = on(production, monkeypatch)
    auditor = service.set(username=f"{service.username}_auditor")
    assert sign_in(passline) == Exit.FINE
    monkeypatch.setenv("PASSLINE_DATABASE__URL", auditor.render_as_string(hide_password=False))
    assert passline("logs", "document", NUMBER) == Exit.FINE
    assert looked_up(production) == [(AUDITOR, "document")]
    real = direct._PostgresqlWriting.clock_us
    monkeypatch.setattr(direct._PostgresqlWriting, "clock_us", lambda self: real(self) + 120 * 1_000_000)
    assert passline("logs", "lookups") == Exit.FINE, "it may keep the session seen"
    capsys.readouterr()
    assert sign_in(passline) == Exit.REFUSED
    assert "login of the database may not" in capsys.readouterr().err
    assert passline("sign-out") == Exit.FINE
    assert passline("logs", "document", NUMBER) == Exit.REFUSED
    with psycopg.connect(auditor.set(drivername="postgresql").render_as_string(hide_password=False)) as thief:
        for statement in (
            "UPDATE terminal_session SET code = 'p-0001'",
            "UPDATE terminal_session SET until_us = until_us + 1",
            "INSERT INTO terminal_session SELECT * FROM terminal_session",
            "DELETE FROM terminal_session",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), thief.transaction():
                thief.execute(statement)


def test_the_password_is_typed_without_echo_and_the_session_knows_its_terminal(emulated: RunFolder) -> None:
    status, shown = typed("sign-in", folder=emulated.path, answers=[("Your code: ", AUDITOR), ("Password of", OWN)])
    assert status == Exit.FINE and OWN not in shown and "p-0417 is signed in" in shown
    said = json.loads(piped("whoami", "--output", "json", folder=emulated.path).stdout)
    assert said["terminal"].startswith("/dev/pts/")
    assert piped("sign-in", folder=emulated.path).returncode == Exit.REFUSED


def test_two_people_ask_by_turns_from_processes_of_their_own(production: RunFolder, tmp_path: Path) -> None:
    """Two accounts at once, each with its own folder of sessions; every question is its asker's."""
    for code in (AUDITOR, LEAD):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(tmp_path / code))
            assert sign_in(on(production, patch), code) == Exit.FINE
    script = "from flows.cli import main; main()"
    ask = [sys.executable, "-c", script, "logs", "waiting", "--dir", str(production.path)]
    asking = [
        subprocess.Popen(ask, env={**os.environ, "XDG_STATE_HOME": str(tmp_path / code)}, stdout=subprocess.DEVNULL)
        for code in (AUDITOR, LEAD) * 3
    ]
    assert [process.wait(60) for process in asking] == [0] * 6
    assert sorted(looked_up(production)) == [(AUDITOR, "waiting")] * 3 + [(LEAD, "waiting")] * 3


def test_another_accounts_session_file_opens_nothing(emulated: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process of another account finds the folder of sessions open; and a copy is not believed either."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser becomes another account")
    with tempfile.TemporaryDirectory(prefix="passline-state-") as name:
        state = Path(name)
        monkeypatch.setenv("XDG_STATE_HOME", name)
        passline = on(emulated, monkeypatch)
        assert sign_in(passline) == Exit.FINE
        script = (
            "import os, sys, pathlib\nfrom flows import session_file\nos.setuid(65534)\n"
            "try:\n    print(session_file.read(pathlib.Path(sys.argv[1])))\n"
            "except (session_file.SessionFileRefusedError, OSError) as error:\n    print('refused', error)\n"
        )
        command = [sys.executable, "-c", script, str(emulated.path)]
        for opened in (False, True):
            for path in (state, *state.rglob("*")) if opened else ():
                path.chmod(0o777)
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            assert answer.stdout.startswith("refused"), answer
        for path in (state, *state.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        assert passline("logs", "waiting") == Exit.FINE
        for path in state.rglob("*"):
            os.chown(path, 65534, 65534)
        assert passline("logs", "waiting") == Exit.REFUSED


def test_a_question_takes_less_than_half_a_second_with_a_session(emulated: RunFolder) -> None:
    """Of the processor: other tests run beside this one."""
    with pytest.MonkeyPatch.context() as patch:
        assert sign_in(on(emulated, patch)) == Exit.FINE
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert piped("logs", "document", NUMBER, folder=emulated.path).returncode == Exit.FINE
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.5


def test_asking_needs_none_of_the_machinery_that_writes() -> None:
    forbidden = ("sqlalchemy", "sqlmodel", "pydantic", "prefect", "psycopg", "alembic")
    check = f"import sys, flows.log_commands; print([m for m in {forbidden!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_nothing_of_a_token_is_said_or_kept_in_the_lines_folder(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    passline = on(emulated, monkeypatch)
    assert sign_in(passline) == Exit.FINE
    secret: Any = session_file.read(emulated.path)
    for command in (("whoami",), ("whoami", "--output", "json"), ("logs", "lookups"), ("sign-out",)):
        passline(*command)
    shown = capfd.readouterr()
    kept = b"".join(file.read_bytes() for file in emulated.path.rglob("*") if file.is_file())
    assert secret.token.encode() not in kept + (shown.out + shown.err).encode()
