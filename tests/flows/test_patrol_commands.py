"""`passline patrol`: rounds signed with one's own password, findings followed to their end, what is due and overdue."""

import csv
import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patrol_line import picture
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.alarms import Watcher
from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_rules import DIFFERENCES
from flows.pages_parts import open_served
from flows.patrol_view import ANSWERS
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from stations.alarms.listing import listed
from stations.patrol.listing import findings
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

OPERATOR, LEAD = Credentials("p-0201", "a password of operator one"), Credentials("p-0301", "a password of the lead")
KEEPER = Credentials("p-0101", "a password of keeper one")
ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with its people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("patrol") / "line")
        write_default(folder, books=1, cards=1, readers=1, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in ((OPERATOR, Role.OPERATOR), (LEAD, Role.LEAD), (KEEPER, Role.KEEPER)):
                register.enrol(database, by, person, [role], emulated=True)
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Iterator[RunFolder]:
    """A copy of that line; whatever was done, its tables are what the log says."""
    copy = RunFolder(shutil.copytree(built, tmp_path / "line"))
    yield copy
    with open_reading(copy.line().database_url) as reading:
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline patrol …` on the line, whoever signs typing their password; what it wrote is in `capsys`."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, by: Credentials | None = None) -> int:
        signed = ["--by", by.code, "--passwords-from", "-"] if by else []
        feed(monkeypatch, [by.password] if by else [])
        capsys.readouterr()
        return run(["patrol", *arguments, *signed, "--dir", str(folder.path)])

    return command


def filled(passline: Command, capsys: Any, file: Path, **cells: str) -> str:
    """The form of the round filled in: all in order but `covers` of book-01, and as `cells` say."""
    assert passline("plan", "machines", "--output", "csv") == Exit.FINE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    found = {"answer": "bad", "kind": "device", "what": "the cover has a crack", **cells}
    for row in rows:
        row["answer"] = "ok"
        row |= found if (row["point"], row["item"]) == ("book-01", "covers") else {}
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, ANSWERS)
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


def test_a_round_is_signed_and_its_finding_followed_to_its_end(
    passline: Command, folder: RunFolder, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "crack.jpg").write_bytes(picture())
    answers = filled(passline, capsys, tmp_path / "answers.csv", photo="crack.jpg", hold="yes")
    assert passline("round", "machines", "--answers", answers, by=OPERATOR) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "signed by p-0201" in told and "book-01 is held" in told and told.startswith("EMULATED")
    assert passline("findings", "--output", "json") == Exit.FINDINGS
    [one] = json.loads(capsys.readouterr().out)["findings"]
    assert (one["state"], one["machine"], one["by"], len(one["photo"])) == ("found", "book-01", "p-0201", 64)
    assert passline("take", "1", by=OPERATOR) == Exit.FINE
    assert passline("mended", "1", "--done", "a new cover", by=OPERATOR) == Exit.FINE
    assert passline("close", "1", by=OPERATOR) == Exit.REFUSED
    assert "somebody else looks at it" in capsys.readouterr().err
    assert passline("close", "1", "--still", "it opens again", by=LEAD) == Exit.FINDINGS
    assert "book-01 is still held" in capsys.readouterr().out
    assert passline("take", "1", by=OPERATOR) == passline("mended", "1", "--done", "again", by=OPERATOR) == Exit.FINE
    assert passline("close", "1", by=LEAD) == Exit.FINE
    assert "book-01 is free" in capsys.readouterr().out
    assert passline("findings", "1") == Exit.FINE
    assert "returned" in capsys.readouterr().out
    assert run(["logs", "verify", "--dir", str(folder.path)]) == Exit.FINE


@pytest.mark.parametrize(
    ("arguments", "by", "says"),
    [
        (("round", "nights", "--all-ok"), OPERATOR, "no patrol 'nights'"),
        (("round", "machines"), OPERATOR, "No item was answered"),
        (("round", "machines", "--all-ok"), KEEPER, "is not operator or lead"),
        (("round", "machines", "--answers", "none.csv"), OPERATOR, "can't be read"),
        (("take", "7"), OPERATOR, "there is no finding 7"),
        (("mended", "7", "--done", "a\x1bb"), OPERATOR, "is no text"),
    ],
)
def test_what_can_not_be_recorded_is_refused_before_anything_is(
    passline: Command, folder: RunFolder, capsys: Any, arguments: tuple[str, ...], by: Credentials, says: str
) -> None:
    assert passline(*arguments, by=by) == Exit.REFUSED
    assert says in capsys.readouterr().err
    with open_reading(folder.line().database_url) as reading:
        assert reading.rows("SELECT 1 AS one FROM patrol_round") == []


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("point,item", "where,item", "does not begin with the columns"),
        ("card-01,covers,ok", "card-01,covers,perhaps", "has a word in its"),
        ("card-01,covers,ok,,,,", "card-01,covers,ok", "another number of columns"),
        ("card-01,covers,ok,,,,", "book-01,sound,ok,,,,", "answers book-01 sound twice"),
        ("card-01,covers,ok,,,,\r\n", "", "not answered in patrol machines: card-01 covers"),
        ("the cover has a crack,,", "the cover has a crack,none.jpg,", "none.jpg can't be read"),
        ("a crack,,", "a crack,answers.csv,", "is no JPEG or PNG"),
    ],
)
def test_answers_that_can_not_be_read_are_refused_whole(
    passline: Command, folder: RunFolder, capsys: Any, tmp_path: Path, before: str, after: str, says: str
) -> None:
    file = tmp_path / "answers.csv"
    filled(passline, capsys, file)
    text = file.read_bytes().decode()
    assert before in text
    file.write_bytes(text.replace(before, after, 1).encode())
    assert passline("round", "machines", "--answers", str(file), by=OPERATOR) == Exit.REFUSED
    assert says in capsys.readouterr().err
    with open_reading(folder.line().database_url) as reading:
        assert findings(reading) == []


def test_emulated_people_walk_a_round_and_are_named_so(passline: Command, capsys: Any) -> None:
    assert passline("round", "machines", "--emulated") == Exit.FINE
    assert "EMULATED: round of machines recorded: 12 answers, signed by e-pat-1" in capsys.readouterr().out
    assert passline("status", "--output", "json") == Exit.FINE
    status = json.loads(capsys.readouterr().out)
    assert status["emulated"] and status["patrols"][0]["last_by"] == "e-pat-1"


def test_emulated_people_walk_nothing_on_a_line_of_real_ones(passline: Command, folder: RunFolder, capsys: Any) -> None:
    said = folder.configuration.read_text("utf-8")
    text = re.sub(r'(?m)^(\w+) = "emulated"( +# "(desks|people)")', r'\1 = "\3"\2', said)
    folder.configuration.write_text(text, "utf-8")
    assert passline("round", "machines", "--emulated") == Exit.REFUSED
    assert "no emulated ones" in capsys.readouterr().err


def test_the_plan_is_shown_in_both_languages(passline: Command, capsys: Any) -> None:
    assert passline("plan") == Exit.FINE
    shown = capsys.readouterr().out
    assert "machines, every 60 min: book-01, card-01, place:server-room" in shown
    assert "Covers are closed and whole" in shown and "罩盖关好且完好" in shown and "Nothing else" in shown


class _Delivery:
    """Nobody is told anything."""

    names = on_call = frozenset[str]()

    def hung(self) -> set[str]:
        return set()


def alarms(folder: RunFolder) -> list[tuple[str, str, str]]:
    """The open alarms of patrols."""
    with open_reading(folder.line().database_url) as reading:
        return [(one.code, one.subject, one.owner) for one in listed(reading) if one.code == "patrol-overdue"]


def test_an_overdue_round_is_an_operators_alarm_until_it_is_walked(passline: Command, folder: RunFolder) -> None:
    with open_line(folder, shift="day", stations=()) as line:
        watcher = Watcher(line, _Delivery())  # type: ignore[arg-type]
        watcher.look()
        assert alarms(folder) == []
        an_hour_on_ns = time.time_ns() + 61 * 60 * 1_000_000_000
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("flows.alarms.time_ns", lambda: an_hour_on_ns)
            watcher.look()
        assert alarms(folder) == [("patrol-overdue", "machines", "operator")]
    assert passline("round", "machines", "--emulated") == Exit.FINE
    with open_line(folder, shift="day", stations=()) as line:
        Watcher(line, _Delivery()).look()  # type: ignore[arg-type]
    assert alarms(folder) == []


def test_the_pages_record_nothing_on_a_database_that_was_rolled_back(folder: RunFolder, passline: Command) -> None:
    """Auditors read it all the same."""
    settings = read_settings(folder)
    earlier = folder.database_file.read_bytes()
    assert passline("round", "machines", "--emulated") == Exit.FINE
    with open_served(folder, settings, https=False) as (served, database):
        assert served.rounds is not None and database.keyring is not None
    kept = {path: path.read_bytes() for path in folder.database_file.parent.glob("passline.db*")}
    for path in kept:
        path.unlink()
    folder.database_file.write_bytes(earlier)
    with open_served(folder, settings, https=False) as (served, database):
        assert served.rounds is None and database.keyring is None
    for path in folder.database_file.parent.glob("passline.db*"):
        path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
