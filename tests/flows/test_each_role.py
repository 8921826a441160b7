"""Every command that touches a machine, tried by a person of every role: theirs is done, others refuse."""

from pathlib import Path

import pytest
from enrolled import enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn

PASSWORD = "a password of everybody"
PRODUCTION = """
mode = "production"
centre = "jinan"
[staff]
kind = "desks"
[[devices]]
id = "book-01"
driver = "book-personalizer"
port = "/dev/serial/by-id/usb-1"
serial = "BP-2207-0031"
"""
TOUCHING = (
    ("probe", "/dev/serial/by-id/usb-1"),
    ("console", "book-01"),
    ("console", "/dev/serial/by-id/usb-2"),
)
"""What opens a port; with nobody on it each is refused for that, once its person is let through."""
MAY_TOUCH = {"engineer", "lead"}


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def everybody(database: Database) -> dict[str, SignedIn]:
    """Somebody of every role, each with a password."""
    people = enrol(database, **{role.value: role.value for role in Role if role is not Role.ADMINISTRATOR})
    kept = passwords.hashed(PASSWORD)
    insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
    for who in people.values():
        facts = {"code": who.code, "hash": kept}
        database.write(lambda tx, facts=facts: tx.execute(insert, facts))
    return people


@pytest.fixture
def production(tmp_path: Path) -> RunFolder:
    """A production line on which somebody of every role is enrolled."""
    folder = RunFolder(tmp_path / "production")
    folder.path.mkdir()
    folder.configuration.write_text(PRODUCTION, "utf-8")
    return prepared(folder)


@pytest.fixture
def emulated(tmp_path: Path) -> RunFolder:
    """An emulated line with the same people."""
    folder = RunFolder(tmp_path / "emulated")
    write_default(folder, books=1, cards=0, readers=1)
    return prepared(folder)


def prepared(folder: RunFolder) -> RunFolder:
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        everybody(database)
    return folder


def codes(folder: RunFolder) -> dict[str, str]:
    """Somebody's code by role."""
    with open_reading(folder.line().database_url) as reading:
        return {row["role"]: row["code"] for row in reading.rows("SELECT role, code FROM person_role ORDER BY code")}


def signed_in(folder: RunFolder, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, (PASSWORD,))
    assert run(["sign-in", code, "--passwords-from", "-", "--dir", str(folder.path)]) == Exit.FINE


def touches(folder: RunFolder) -> list[tuple[str, str]]:
    """Who touched machines, and how, as the log's record of look-ups has it."""
    with open_reading(folder.line().database_url) as reading:
        rows = reading.rows(
            "SELECT reader, question FROM audit_lookup WHERE question LIKE :acts ORDER BY seq", acts="devices %"
        )
    return [(row["reader"], row["question"]) for row in rows]


def test_a_production_lines_machines_are_touched_by_engineers_and_leads_alone(
    production: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No port is opened for anybody else, and who was let through is recorded before it is."""

    def said(*arguments: str) -> str:
        assert run(["devices", *arguments, "--dir", str(production.path)]) == Exit.REFUSED
        return capsys.readouterr().err

    for arguments in TOUCHING:
        shown = said(*arguments)
        assert "Nobody is signed in" in shown and "engineers and leads may touch machines" in shown, arguments
    for role, code in codes(production).items():
        signed_in(production, code, monkeypatch)
        capsys.readouterr()
        for arguments in TOUCHING:
            shown = said(*arguments)
            if role in MAY_TOUCH:
                assert "can't be opened" in shown, (role, arguments, shown)
            else:
                assert f"{code} is not engineer or lead, which this needs" in shown, (role, arguments, shown)
    may = {codes(production)[role] for role in MAY_TOUCH}
    assert {reader for reader, _ in touches(production)} == may
    assert len(touches(production)) == len(may) * len(TOUCHING)


def test_no_environment_lets_anybody_at_a_production_lines_machines(
    production: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does another database, whose nobody is signed in as little."""
    probe = ["devices", "probe", "/dev/serial/by-id/usb-1", "--dir", str(production.path)]
    monkeypatch.setenv("PASSLINE_MODE", "emulated")
    assert run(probe) == Exit.REFUSED
    assert "Nobody is signed in" in capsys.readouterr().err
    monkeypatch.setenv("PASSLINE_DATABASE__URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert run(probe) == Exit.REFUSED
    assert "Nobody is signed in" in capsys.readouterr().err


def test_on_an_emulated_line_anybody_swaps_and_faults_but_who_signed_in_as_somebody_else(
    emulated: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swap(port: str) -> int:
        return run(["devices", "swap", "book-01", "--to", port, "--dir", str(emulated.path)])

    assert swap("/dev/ttyUSB0") == Exit.FINE
    assert "records it as unsigned:" in capsys.readouterr().err
    people = codes(emulated)
    for role in Role:
        signed_in(emulated, people[role.value], monkeypatch)
        assert swap("/dev/ttyUSB1") == (Exit.FINE if role in MAY_TOUCH else Exit.REFUSED), role
        assert swap("/dev/ttyUSB0") == (Exit.FINE if role in MAY_TOUCH else Exit.REFUSED), role
    assert {reader for reader, _ in touches(emulated)[1:]} == {people[role] for role in MAY_TOUCH}
    assert {question for _, question in touches(emulated)} == {"devices swap"}


def test_at_a_bench_without_a_line_nobody_signs_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["devices", "probe", "/dev/serial/by-id/usb-1", "--dir", str(tmp_path)]) == Exit.REFUSED
    assert "can't be opened" in capsys.readouterr().err
