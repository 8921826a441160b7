"""`passline people`: the register by its real commands; a password is typed or piped, and is nowhere afterwards."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, typed

from flows.cli import run
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register import passwords

ONE, TWO, NEW = "correct horse one", "correct horse two", "电池订书钉与正确的马匹"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
People = Callable[..., int]


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """The folder of a line that was never run."""
    write_default(RunFolder(tmp_path / "line"))
    return tmp_path / "line"


@pytest.fixture
def people(line: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    """Runs `passline people …` in this process, passwords from its standard input."""

    # Real hashes, and cheap ones: two dozen passwords are typed below.
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, lines: tuple[str, ...] = ()) -> int:
        feed(monkeypatch, lines)
        return run(["people", *arguments, "--dir", str(line)])

    return command


@pytest.fixture
def founded(people: People, capsys: pytest.CaptureFixture[str]) -> People:
    """The same, with two administrators."""
    assert people("found", "p-0001", "p-0002", "--passwords-from", "-", lines=(ONE, TWO)) == Exit.FINE
    assert capsys.readouterr().out.startswith("EMULATED line: p-0001 and p-0002")
    return people


def rows(people: People, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Codes with their roles, as listed."""
    capsys.readouterr()
    assert people("list", "--output", "json") == Exit.FINE
    listed = json.loads(capsys.readouterr().out)
    assert listed["emulated"] is True
    return {row["code"]: row["roles"] for row in listed["people"]}


def test_people_are_enrolled_given_roles_and_ended(founded: People, capsys: pytest.CaptureFixture[str]) -> None:
    assert founded("enrol", "p-0417", "--role", "operator", *SIGNED, lines=(ONE, TWO, NEW + "!")) == Exit.FINE
    assert founded("enrol", "p-0417", "--role", "lead", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert rows(founded, capsys)["p-0417"] == ["lead", "operator"]
    changed = ("password", "p-0417", "--passwords-from", "-")
    assert founded(*changed, lines=(NEW + "!", "another password")) == Exit.FINE
    assert founded(*changed, lines=(NEW + "!", "a third password")) == Exit.REFUSED
    assert founded("password", "p-0417", "--forgotten", *SIGNED, lines=(ONE, TWO, "a third password")) == Exit.FINE
    assert founded(*changed, lines=("a third password", "a fourth password")) == Exit.FINE
    assert founded("end", "p-0417", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert founded(*changed, lines=("a fourth password", "a fifth password")) == Exit.REFUSED
    assert people_table(founded, capsys).splitlines()[0].strip() == "EMULATED line"


def test_a_badge_is_issued_listed_and_lost_and_its_number_is_printed_once(
    founded: People, capsys: pytest.CaptureFixture[str]
) -> None:
    assert founded("enrol", "p-0417", "--role", "operator", *SIGNED, lines=(ONE, TWO, NEW + "!")) == Exit.FINE
    capsys.readouterr()
    assert founded("badge", "issue", "p-0417", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    issued = capsys.readouterr()
    assert re.fullmatch("[0-9]{20}\n", issued.out)
    assert issued.err.startswith("EMULATED line: the badge of p-0417, issued by p-0001 and p-0002")
    assert issued.out.strip() not in issued.err
    assert founded("badge", "list", "--output", "json") == Exit.FINE
    listed = capsys.readouterr().out
    assert issued.out.strip() not in listed
    (row,) = json.loads(listed)["badges"]
    assert (row["code"], row["state"], row["issued_by"]) == ("p-0417", "live", ["p-0001", "p-0002"])
    lost = ("badge", "revoke", "p-0417", "--lost", "--by", "p-0417", "--passwords-from", "-")
    assert founded(*lost, lines=(NEW + "!",)) == Exit.FINE
    assert capsys.readouterr().out == "EMULATED line: the badge of p-0417 is lost and ended; signed by p-0417.\n"
    assert founded(*lost, lines=(NEW + "!",)) == Exit.REFUSED
    assert "no live badge" in capsys.readouterr().err
    assert founded("badge", "list") == Exit.FINE
    assert "■ lost" in capsys.readouterr().out


def people_table(people: People, capsys: pytest.CaptureFixture[str]) -> str:
    """The list for eyes."""
    capsys.readouterr()
    assert people("list") == Exit.FINE
    return capsys.readouterr().out


NOT_SIGNED = (
    (("found", "p-0003", "p-0004", "--passwords-from", "-"), (ONE, TWO), "founded"),
    (("enrol", "p-0417", "--role", "operator", *SIGNED), (ONE, ONE, "a new password"), "p-0002 is refused"),
    (("enrol", "p-0417", "--role", "operator", *SIGNED), (ONE, TWO, "too short"), "12 to 128 characters"),
    (("enrol", "p-0417", "--role", "operator", *SIGNED), (ONE,), "Password of p-0002 can't be asked for"),
    (("enrol", "p-0417", "--role", "operator", "--passwords-from", "-"), (ONE, TWO), "code of the first person"),
    (("enrol", "e-per-1", "--role", "operator", *SIGNED), (ONE, TWO), "EMULATED staff"),
    (("enrol", "p-0001", "--role", "operator", *SIGNED), (ONE, TWO), "their own standing"),
    (("enrol", "p-0417", "--role", "chief", *SIGNED), (ONE, TWO), "administrator"),
    (("end", "p-0002", *SIGNED), (ONE, TWO), "their own standing"),
    (("end", "p-0009", *SIGNED), (ONE, TWO), "nobody's code"),
    (("end", "p-0009", "--first", "p-0001", "--second", "p-0001"), (), "named twice"),
    (("badge", "issue", "p-0001", *SIGNED), (ONE, TWO), "their own standing"),
    (("badge", "issue", "p-0009", *SIGNED), (ONE, TWO), "nobody's code"),
    (("badge", "revoke", "p-0002", "--by", "p-0001", "--passwords-from", "-"), (ONE,), "no live badge"),
)
"""Command, what is typed into it, and of what it answers."""


def test_what_two_administrators_did_not_sign_is_refused_in_a_sentence(
    founded: People, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, lines, said in NOT_SIGNED:
        assert founded(*arguments, lines=lines) == Exit.REFUSED, arguments
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in " ".join(shown.err.split())
        assert "Traceback" not in shown.err
    assert set(rows(founded, capsys)) == {"p-0001", "p-0002"}


def test_passwords_are_typed_without_echo_and_a_new_one_twice(line: Path) -> None:
    first, second = ("password of p-0001: ", ONE), ("password of p-0002: ", TWO)
    again = [("again: ", password) for password in (ONE, TWO)]
    status, shown = typed(
        "people", "found", "p-0001", "p-0002", folder=line, answers=[first, again[0], second, again[1]]
    )
    assert status == Exit.FINE, shown
    assert "EMULATED line: p-0001 and p-0002" in shown
    answers = [("Code of the first", "p-0001"), ("Code of the second", "p-0002")]
    answers += [("Password of p-0001", ONE), ("Password of p-0002", TWO), ("password of p-0417: ", NEW + "!")]
    status, also = typed(
        "people", "enrol", "p-0417", "--role", "lead", folder=line, answers=[*answers, ("again: ", NEW)]
    )
    assert (status, "the two new passwords differ" in also) == (Exit.REFUSED, True)
    assert not [password for password in (ONE, TWO, NEW) if password in shown + also]


def test_nothing_of_a_password_stays_behind(line: Path, people: People, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in the database, its log of writes, any other file of the folder, nor in what was said."""
    for arguments, lines in (
        (("found", "p-0001", "p-0002", "--passwords-from", "-"), (ONE, TWO)),
        (("enrol", "p-0417", "--role", "operator", *SIGNED), (ONE, TWO, NEW + "!")),
        (("password", "p-0417", "--passwords-from", "-"), ("a wrong password", "another password")),
    ):
        people(*arguments, lines=lines)
    shown = capfd.readouterr()
    with sqlite3.connect(line / "passline.db") as database:
        assert database.execute("SELECT count(*) FROM person_password").fetchone() == (3,)
    database.close()
    kept = b"".join(file.read_bytes() for file in line.rglob("*") if file.is_file()) + (shown.out + shown.err).encode()
    for password in (ONE, TWO, NEW, "a wrong password", "another password"):
        assert password.encode() not in kept
        assert password.encode("utf-16-le") not in kept
