"""`passline rolls`: each act signed in by whom it needs, the counters the machine's own, and the list that shows it."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows import roll_list_command
from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_rules import DIFFERENCES
from flows.locks import line_lock
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.verify.run import Asked, verify
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

PEOPLE = {
    Credentials("p-0101", "a password of keeper one"): Role.KEEPER,
    Credentials("p-0102", "a password of keeper two"): Role.KEEPER,
    Credentials("p-0201", "a password of operator one"): Role.OPERATOR,
    Credentials("p-0301", "a password of the lead"): Role.LEAD,
}
KEEPER, SECOND_KEEPER, OPERATOR, LEAD = PEOPLE
ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
DELIVERY = ("LR-0001", "LR-0002", "--kind", "book", "--pieces", "1000", "--note", "LN-2026-11")

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with keepers, an operator and a lead, and two rolls at personalization."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("rolls") / "line")
        write_default(folder, books=1, cards=1, readers=1, tray_size=3, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in PEOPLE.items():
                register.enrol(database, by, person, [role], emulated=True)
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(built, tmp_path / "line"))


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline rolls …` on the line, its people typing their passwords."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, signed: Sequence[Credentials] = ()) -> int:
        feed(monkeypatch, [person.password for person in signed])
        options = ["--dir", str(folder.path)]
        names = ("--first", "--second") if len(signed) != 1 else ("--by",)
        for name, person in zip(names, signed, strict=False):
            options += [name, person.code]
        if signed:
            options += ["--passwords-from", "-"]
        capsys.readouterr()
        return run(["rolls", *arguments, *options])

    return command


@pytest.fixture
def listed(passline: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, dict[str, Any]]]:
    """The rolls as `passline rolls list` says them, by number."""

    def ask(*arguments: str, status: Exit = Exit.FINE) -> dict[str, dict[str, Any]]:
        assert passline("list", *arguments, "--output", "json") == status
        return {row["number"]: row for row in json.loads(capsys.readouterr().out)}

    return ask


def issued(passline: Command) -> None:
    assert passline("receive", *DELIVERY, signed=(KEEPER, SECOND_KEEPER)) == Exit.FINE
    assert passline("issue", "LR-0001", "LR-0002", signed=(KEEPER, OPERATOR)) == Exit.FINE


def test_a_roll_goes_from_the_supplier_to_its_end(
    folder: RunFolder, passline: Command, listed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """By real commands and a real machine, switched on for as long as it is read; all of it is in the verified log."""
    issued(passline)
    assert passline("receive", *DELIVERY) == Exit.FINE
    assert "received before; nothing changed" in capsys.readouterr().out
    assert passline("mount", "LR-0001", "book-01", signed=(OPERATOR,)) == Exit.FINE
    assert "EMULATED: roll LR-0001 is on book-01, which has counted 0 good and 0 rejected" in capsys.readouterr().out
    row = listed()["LR-0001"]
    assert (row["place"], row["answers"], row["emulated"]) == ("book-01", OPERATOR.code, True)
    assert passline("mount", "LR-0002", "book-01", signed=(OPERATOR,)) == Exit.REFUSED
    assert "book-01 has roll LR-0001 on" in capsys.readouterr().err
    assert passline("take-off", "LR-0001", signed=(OPERATOR,)) == Exit.FINE
    assert passline("return", "LR-0001", signed=(OPERATOR, SECOND_KEEPER)) == Exit.FINE
    destroyed = ("destroy", "LR-0001", "--left", "1000", "--method", "shredded")
    assert passline(*destroyed, signed=(KEEPER, LEAD)) == Exit.FINE
    assert list(listed()) == ["LR-0002"]
    assert listed("--all")["LR-0001"]["left"] == 1000
    assert passline("report-lost", "LR-0002", "--circumstances", "burglary", signed=(OPERATOR, LEAD)) == Exit.FINE
    assert listed() == {}
    url = folder.line().database_url
    with open_reading(url) as reading:
        asked = reading.rows("SELECT DISTINCT question FROM audit_lookup WHERE question LIKE 'rolls%'")
    assert [row["question"] for row in asked] == ["rolls list"]
    assert [one for one in verify(url, Asked(differences=DIFFERENCES)).problems if "roll" in one.rule] == []


@pytest.mark.parametrize(
    ("command", "signed"),
    [
        (("receive", *DELIVERY), (KEEPER, OPERATOR)),
        (("receive", *DELIVERY), (KEEPER, KEEPER)),
        (("receive", *DELIVERY), (KEEPER, Credentials("p-0102", "not the password"))),
    ],
)
def test_nothing_is_recorded_without_the_two_whom_an_act_needs(
    passline: Command, listed: Any, command: tuple[str, ...], signed: tuple[Credentials, ...]
) -> None:
    assert passline(*command, signed=signed) == Exit.REFUSED
    assert listed() == {}


def test_who_gives_and_who_takes_are_not_changed_for_each_other(passline: Command, listed: Any) -> None:
    passline("receive", *DELIVERY, signed=(KEEPER, SECOND_KEEPER))
    assert passline("issue", "LR-0001", signed=(OPERATOR, KEEPER)) == Exit.REFUSED
    assert listed()["LR-0001"]["state"] == "received"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("issue", "LR-0009"), "no roll LR-0009 was received"),
        (("issue",), "No roll was named"),
        (("issue", "LR-0001"), "can't be issued: it was issued last"),
        (("take-off", "LR-0001"), "can't be taken-off"),
        (("mount", "LR-0001", "book-07"), "Rolls go on book-01, card-01."),
        (("mount", "LR-0001", "card-01"), "roll LR-0001 is for a book and card-01 makes a card"),
        (("destroy", "LR-0001", "--left", "-1", "--method", "x"), "not -1"),
        (("report-lost", "LR-0001", "--circumstances", "it fell"), "letters, digits"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(
    passline: Command, listed: Any, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], said: str
) -> None:
    issued(passline)
    assert passline(*command) == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert listed()["LR-0001"]["state"] == "issued"


def test_rolls_are_changed_while_the_line_stands(
    folder: RunFolder, passline: Command, listed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a machine makes while its counters are read would be on either roll."""
    issued(passline)
    with line_lock(folder):
        assert passline("mount", "LR-0001", "book-01") == Exit.REFUSED
    assert "runs" in capsys.readouterr().err
    assert listed()["LR-0001"]["state"] == "issued"


def test_a_roll_comes_off_a_machine_that_is_no_more(
    folder: RunFolder, passline: Command, listed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    issued(passline)
    assert passline("mount", "LR-0001", "book-01", signed=(OPERATOR,)) == Exit.FINE
    written = folder.configuration.read_text()
    folder.configuration.write_text(written.replace('"book-01"', '"book-09"'))
    assert passline("take-off", "LR-0001", signed=(OPERATOR,)) == Exit.REFUSED
    assert "no machine book-01" in capsys.readouterr().err
    assert passline("take-off", "LR-0001", "--unread", signed=(OPERATOR,)) == Exit.FINE
    assert "whose counters were not read" in capsys.readouterr().out
    assert listed(status=Exit.FINDINGS)["LR-0001"]["place"] == "personalization"


def test_the_list_is_read_on_a_hundred_columns_and_names_what_differs(
    passline: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(passline)
    assert passline("list") == Exit.FINE
    assert "EMULATED: rolls of laminate" in capsys.readouterr().out
    assert passline("list", "--output", "csv") == Exit.FINE
    assert "LR-0001,book,1000,issued,personalization," in capsys.readouterr().out
    asked = roll_list_command.rolls
    facts = {"number": "L" * 20, "place": "personalization", "state": "taken-off", "pieces": 100_000, "made": 99_000}
    facts |= {"used": 99_001, "findings": ["book-01 +1: it counted 99001 pieces, 99000 are booked"]}
    monkeypatch.setattr(roll_list_command, "rolls", lambda reading: [{**asked(reading)[0], **facts}])
    assert passline("list") == Exit.FINDINGS
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    for words in ("L" * 20, "personalization", "100000", "99001", "! differs", "+1: it counted 99001"):
        assert words in shown
