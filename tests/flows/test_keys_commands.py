"""`passline keys` by its real commands: two administrators sign in, and the line goes on with the new key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, typed

from flows.cli import run
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs import keyring, log_key, pins
from stations.people_register import passwords

ONE, TWO, NEW, PIN = "correct horse one", "correct horse two", "a password of p-0417", "4711-0815"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
Command = Callable[..., int]


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """The folder of a line that was never run."""
    write_default(RunFolder(tmp_path / "line"))
    return tmp_path / "line"


@pytest.fixture
def command(line: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `passline …` in this process, passwords from its standard input."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(pins, "_COST", 2)

    def call(*arguments: str, lines: tuple[str, ...] = ()) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, "--dir", str(line)])

    return call


@pytest.fixture
def founded(command: Command) -> Command:
    """The same, with two administrators and an operator."""
    assert command("people", "found", "p-0001", "p-0002", "--passwords-from", "-", lines=(ONE, TWO)) == Exit.FINE
    enrol = ("people", "enrol", "p-0417", "--role", "operator", *SIGNED)
    assert command(*enrol, lines=(ONE, TWO, NEW)) == Exit.FINE
    return command


@pytest.fixture
def listed(command: Command, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[dict[str, Any]]]:
    """The keys of an owner, as listed."""

    def ask(owner: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert command("keys", "list", "--output", "json") == Exit.FINE
        found = json.loads(capsys.readouterr().out)
        assert found["emulated"] is True
        return [row for row in found["keys"] if row["owner"] == owner]

    return ask


def test_keys_are_listed_with_their_last_number_and_file(
    founded: Command, listed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (administration,) = listed("station:administration")
    assert (administration["last_number"], administration["revoked"], administration["file"]) == (3, None, "key")
    (log,) = listed("log")
    assert (log["last_number"], log["file"]) == (0, "key")
    assert founded("keys", "list") == Exit.FINE
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].strip() == "EMULATED line"
    assert log["key_id"] in shown


def test_a_key_is_replaced_and_revoked_by_two_administrators(
    founded: Command, listed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert founded("keys", "rotate", "review", "--reason", "stolen", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert "EMULATED line: station:review signs with the new key" in capsys.readouterr().out
    old, new = listed("station:review")
    assert (old["revoked"].split()[0], old["file"], new["revoked"], new["file"]) == ("stolen", "retired", None, "key")
    assert founded("keys", "revoke", new["key_id"], "--reason", "lost", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert founded("keys", "create", "review", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    assert [row["revoked"] is None for row in listed("station:review")] == [False, False, True]


def test_the_log_s_own_key_is_replaced_by_two_and_takes_over_with_the_next_seal(
    founded: Command, listed: Callable[..., Any], line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(line).log_key
    first, old_pub = log_key.read(folder), tmp_path / "old.pub"
    old_pub.write_bytes((folder / "log.pub").read_bytes())
    assert founded("logs", "seal", "--once") == Exit.FINE
    assert founded("keys", "revoke", first.public.key_id, "--reason", "lost", *SIGNED) == Exit.REFUSED
    assert "passline keys rotate log" in " ".join(capsys.readouterr().err.split())
    assert founded("keys", "rotate", "log", "--reason", "stolen", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    said = capsys.readouterr().out
    old, new = listed("log")
    assert said.startswith(f"EMULATED line: the log's next key {new['key_id']} is named and the old one ends (stolen)")
    assert (old["revoked"].split()[0], old["file"], new["revoked"], new["file"]) == ("stolen", "key", None, "key")
    assert founded("keys", "rotate", "log", *SIGNED) == Exit.REFUSED
    assert "is named already" in " ".join(capsys.readouterr().err.split())
    assert founded("logs", "seal", "--once") == Exit.FINE
    assert [row["file"] for row in listed("log")] == ["retired", "key"]
    assert str(log_key.read(folder).verifier) in said
    proof = tmp_path / "key.json"
    assert founded("logs", "prove-key", "--out", str(proof)) == Exit.FINE
    capsys.readouterr()
    assert run(["logs", "check", str(proof), "--key", str(old_pub)]) == Exit.FINE
    told = capsys.readouterr().out
    assert "changed at leaf 3, signed over by the key before it" in told
    assert told.splitlines()[-1].endswith(str(log_key.read(folder).verifier))
    assert founded("logs", "verify", "--log-key", str(old_pub)) == Exit.FINE
    assert told.splitlines()[-1] in capsys.readouterr().out.splitlines()


def test_a_person_enrols_a_key_of_their_own_and_then_signs_with_a_pin_too(
    founded: Command, listed: Callable[..., Any], line: Path
) -> None:
    """An administrator's: from then on their PIN is asked after the passwords."""
    administrator = ("people", "enrol", "p-0003", "--role", "administrator", *SIGNED)
    assert founded(*administrator, lines=(ONE, TWO, "correct horse three")) == Exit.FINE
    enrol = ("keys", "enrol", "p-0003", *SIGNED)
    assert founded(*enrol, lines=(ONE, TWO, PIN)) == Exit.FINE
    three = ("--first", "p-0001", "--second", "p-0003", "--passwords-from", "-")
    rotate = ("keys", "rotate", "qc", *three)
    assert founded(*rotate, lines=(ONE, "correct horse three")) == Exit.REFUSED
    assert founded(*rotate, lines=(ONE, "correct horse three", "not the pin")) == Exit.REFUSED
    (own,) = listed("person:p-0003")
    assert (own["last_number"], own["file"]) == (0, "locked")
    assert founded(*rotate, lines=(ONE, "correct horse three", PIN)) == Exit.FINE
    assert listed("person:p-0003")[0]["last_number"] == 1
    kept = b"".join(file.read_bytes() for file in line.rglob("*") if file.is_file())
    assert PIN.encode() not in kept


def test_a_person_replaces_their_key_under_a_new_pin(founded: Command, listed: Callable[..., Any]) -> None:
    assert founded("keys", "enrol", "p-0417", *SIGNED, lines=(ONE, TWO, PIN)) == Exit.FINE
    assert founded("keys", "rotate", "person:p-0417", *SIGNED, lines=(ONE, TWO, "another pin")) == Exit.FINE
    assert [(row["revoked"] is None, row["file"]) for row in listed("person:p-0417")] == [
        (False, "retired"),
        (True, "locked"),
    ]


def test_a_file_that_no_record_names_is_listed(founded: Command, listed: Callable[..., Any], line: Path) -> None:
    fresh = keyring.write_new(RunFolder(line).signing_keys, "station:review")
    used, strange = listed("station:review")
    assert used["since"] != "never registered"
    assert (strange["key_id"], strange["since"]) == (fresh.key_id, "never registered")


def test_a_pin_is_typed_twice_without_echo(founded: Command, line: Path) -> None:
    answers = [("Password of p-0001", ONE), ("Password of p-0002", TWO), ("New PIN of p-0417: ", PIN)]
    arguments = ("keys", "enrol", "p-0417", "--first", "p-0001", "--second", "p-0002")
    status, shown = typed(*arguments, folder=line, answers=[*answers, ("again: ", "4711-0816")])
    assert (status, "the two new PINs differ" in shown) == (Exit.REFUSED, True), shown
    assert PIN not in shown


REFUSED = (
    (("rotate", "binding", *SIGNED), (), "binding is nobody"),
    (("create", "log", *SIGNED), (), "log is nobody"),
    (("rotate", "log", *SIGNED), (ONE, ONE), "p-0002 is refused"),
    (("create", "p-0417", *SIGNED), (), "p-0417 is nobody"),
    (("create", "review", *SIGNED), (), "has the key"),
    (("rotate", "p-0417", *SIGNED), (), "person:p-0417 has no key in use"),
    (("revoke", "0" * 16, "--reason", "lost", *SIGNED), (), "knows no key"),
    (("revoke", "0" * 16, "--reason", "bored", *SIGNED), (), "stolen"),
    (("enrol", "p-0009", *SIGNED), (), "nobody's code"),
    (("enrol", "e-per-1", *SIGNED), (), "EMULATED staff"),
    (("enrol", "p-0417", *SIGNED), (ONE, TWO, "12345"), "6 to 64"),
    (("enrol", "p-0001", *SIGNED), (ONE, TWO, PIN), "their own standing"),
    (("rotate", "review", *SIGNED), (ONE, ONE), "p-0002 is refused"),
    (("rotate", "review", "--first", "p-0001", "--second", "p-0417", "--passwords-from", "-"), (ONE, NEW),
     "p-0417 is not administrator"),
)  # fmt: skip
"""Command, what is typed into it, and of what it answers."""


def test_what_is_refused_is_refused_in_a_sentence_and_changes_no_key(
    founded: Command, line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file.name for file in RunFolder(line).signing_keys.iterdir()} | {"lock"}
    for arguments, lines, said in REFUSED:
        assert founded("keys", *arguments, lines=lines) == Exit.REFUSED, arguments
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in " ".join(shown.err.split()), shown.err
    assert {file.name for file in RunFolder(line).signing_keys.iterdir()} | {"lock"} == before


def test_where_nobody_is_enrolled_it_says_how_to_begin(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("keys", "rotate", "review", *SIGNED, lines=(ONE, TWO)) == Exit.REFUSED
    assert "also on an EMULATED line: `passline people found" in capsys.readouterr().err
