"""`passline devices specimen` on a line that stands: an operator and a second hand sign, the real command makes one.

The line is built once and copied for each test; every specimen is the command in a process of its own, on an emulator
of its own.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, piped, start

from devices.emulation.world import Tally
from devices.pidfile import running_pid
from flows.cli import run
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.locks import line_lock
from flows.run_folder import RunFolder
from flows.supply import supply
from handoff_logs import offers
from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.personalization import station
from stations.review import station as review
from stations.shift.report_questions import SPOILED

MACHINE = "book-01"
SOUND = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
ADMINISTRATORS_BOTH = (Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two"))
OPERATOR = Credentials("p-0417", "the operator's password")
INSPECTOR = Credentials("p-0418", "the inspector's password")
KEEPERS = (Credentials("p-0501", "the keeper's password"), Credentials("p-0502", "the witness's password"))
SIGNED = ("--first", OPERATOR.code, "--second", INSPECTOR.code, "--passwords-from", "-")
BOTH = (OPERATOR.password, INSPECTOR.password)
MAKE = ("devices", "specimen", MACHINE, "--reason", "set-up")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line with two passports to make and blanks for them in the stock, and people who may sign."""
    folder = RunFolder(tmp_path_factory.mktemp("specimen") / "line")
    write_default(folder, books=1, cards=0, readers=1, tray_size=2, speed=50, seed=1)
    prepare(folder)
    batch = folder.path.with_name("batch")
    generate(batch, 2, 1, day=date(2026, 9, 1), shares=SOUND)
    with open_line(folder, shift="day", stations=("intake", "review", "personalization")) as line:
        load(line.workplace("intake"), batch, folder.path / "replies", tray_size=2)
        with line.database.read() as conn:
            (at_review,) = offers.waiting(conn, "review")
        review.work_tray(line.workplace("review"), at_review, line.parts.reviewer())
        with line.database.read() as conn:
            (orders,) = offers.waiting(conn, "personalization")
        station.accept_tray(line.workplace("personalization"), orders)
        supply(line)
        _enrol(line.database)
    return folder.path


def _enrol(database: Database) -> None:
    """Their hashes are real and cheap, and cost as little when the commands verify them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        register.found(database, *ADMINISTRATORS_BOTH, emulated=True)
        by = sign_in_two(database, *ADMINISTRATORS_BOTH, ADMINISTRATORS)
        register.enrol(database, by, OPERATOR, [Role.OPERATOR], emulated=True)
        register.enrol(database, by, INSPECTOR, [Role.INSPECTOR], emulated=True)
        for keeper in KEEPERS:
            register.enrol(database, by, keeper, [Role.KEEPER], emulated=True)


@pytest.fixture
def line(built: Path, tmp_path: Path) -> Path:
    """A copy of that line, not running."""
    return shutil.copytree(built, tmp_path / "line", ignore=shutil.ignore_patterns("control", "pid", "port"))


@pytest.fixture
def facts(line: Path) -> Callable[[str], list[Any]]:
    """Asks the line's database."""

    def ask(query: str) -> list[Any]:
        with closing(sqlite3.connect(line / "passline.db")) as database:
            return database.execute(query).fetchall()

    return ask


def test_a_specimen_is_made_voided_balanced_reported_and_destroyed(
    line: Path, facts: Callable[[str], list[Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the draw to the certificate, by commands alone; every record of two bears both sign-ins."""
    done = piped(*MAKE, *SIGNED, folder=line, lines=BOTH)
    assert (done.returncode, done.stderr) == (Exit.FINE, "")
    ((serial,),) = facts("SELECT blank_serial FROM job")
    assert all(words in done.stdout for words in ("EMULATED", serial, "defaced and voided", "p-0417 and p-0418"))
    query = (
        "SELECT reason, person, second_person, sign_in IS NOT NULL, second_sign_in IS NOT NULL FROM custody_event"
        " WHERE act = 'void'"
    )
    assert facts(query) == [("specimen", OPERATOR.code, INSPECTOR.code, 1, 1)]
    assert facts("SELECT outcome, live, application_id, specimen FROM job") == [("specimen", 0, None, "set-up")]
    assert facts("SELECT count(*) FROM custody_unit WHERE kind = 'document'") == [(0,)]
    assert not [each for each in (line / "machines").iterdir() if running_pid(each) is not None]

    assert facts("SELECT state, reason FROM machine_period ORDER BY position") == [
        ("stopped", "specimen"),
        ("stopped", None),
    ]
    assert facts("SELECT state, reason FROM machine_state") == [("stopped", None)]
    capsys.readouterr()
    assert run(["devices", "oee", "--dir", str(line), "--output", "json"]) == Exit.FINE
    (shift,) = json.loads(capsys.readouterr().out)
    assert (shift["specimens"], shift["good"], shift["quality"], shift["availability"]) == (1, 0, 0.0, 0.0)
    assert [one["reason"] for one in shift["stoppages"]] == ["specimen"] and shift["planned_s"] > 0

    assert run(["blanks", "balance", "--dir", str(line), "--output", "json"]) == Exit.FINE
    rows = json.loads(capsys.readouterr().out)
    (here,) = [row for row in rows if row["station"] == "personalization" and not row["machine"]]
    assert (here["voided"], here["specimens"], here["made"], here["difference"]) == (1, 1, 0, 0)
    assert run(["blanks", "balance", "--dir", str(line)]) == Exit.FINE
    assert "specimens of them" in capsys.readouterr().out
    with closing(open_reading(f"sqlite:///{line / 'passline.db'}")) as reading:
        spoiled = reading.rows(SPOILED, from_us=0, to_us=2**53)
    told = {"station": "personalization", "machine": MACHINE, "kind": "blank", "reason": "specimen", "pieces": 1}
    assert spoiled == [told]

    feed(monkeypatch, [OPERATOR.password])
    by = ("--by", OPERATOR.code, "--passwords-from", "-", "--dir", str(line))
    assert run(["blanks", "return", "--voided", *by]) == Exit.FINE, capsys.readouterr()
    ((handoff,),) = facts("SELECT handoff_id FROM open_offer WHERE to_station = 'vault'")
    feed(monkeypatch, [KEEPERS[0].password])
    by = ("--station", "vault", "--by", KEEPERS[0].code, "--passwords-from", "-", "--dir", str(line))
    assert run(["blanks", "accept", handoff, *by]) == Exit.FINE, capsys.readouterr()
    scanned = line / "scanned"
    scanned.write_text(f"{serial}\n")
    feed(monkeypatch, [keeper.password for keeper in KEEPERS])
    by = ("--first", KEEPERS[0].code, "--second", KEEPERS[1].code, "--passwords-from", "-", "--dir", str(line))
    assert run(["blanks", "destroy", str(scanned), "--method", "shredded", *by]) == Exit.FINE, capsys.readouterr()
    assert facts("SELECT count(*) FROM custody_event WHERE act = 'destroy'") == [(1,)]


def test_real_people_scan_the_piece_once_they_defaced_it(line: Path, facts: Callable[[str], list[Any]]) -> None:
    """Another piece is refused, and what was left is voided before another is made."""
    desks = re.sub(r'(?m)^(\w+) = "emulated"( +# "(desks|people)")', r'\1 = "\3"\2', (line / "line.toml").read_text())
    load_by_hand(line)
    (line / "line.toml").write_text(desks)
    done = piped(*MAKE, *SIGNED, folder=line, lines=(*BOTH, "EA9999999"))
    assert (done.returncode, facts("SELECT count(*) FROM custody_event WHERE act = 'void'")) == (Exit.REFUSED, [(0,)])
    ((serial,),) = facts("SELECT blank_serial FROM job")
    assert f"not specimen {serial}" in done.stderr
    done = piped(*MAKE, *SIGNED, folder=line, lines=(*BOTH, serial))
    assert (done.returncode, done.stderr) == (Exit.FINE, "")
    assert "an earlier specimen of book-01 was left" in done.stdout
    assert facts("SELECT reason FROM custody_event WHERE act = 'void'") == [("specimen",)]
    assert facts("SELECT count(*) FROM job") == [(1,)]


def load_by_hand(line: Path) -> None:
    """Lay one blank into the machine, as people do before they give the command."""
    from stations.personalization import blanks

    with open_line(RunFolder(line), shift="day", stations=("personalization",)) as opened:
        opened.parts.emulators()
        assert blanks.load(opened.workplace("personalization"), opened.parts.operators(), MACHINE, "book", 1) == 1


@pytest.mark.parametrize(
    ("arguments", "lines", "words"),
    [
        (("--first", OPERATOR.code, "--second", OPERATOR.code, "--passwords-from", "-"), BOTH[:1] * 2, OPERATOR.code),
        (("--first", INSPECTOR.code, "--second", OPERATOR.code, "--passwords-from", "-"), BOTH[::-1], "operator"),
        ((*SIGNED, "--product", "taiwan_permit"), (), "makes no taiwan_permit"),
        ((*SIGNED, "--reason", "just because"), (), "is a code"),
    ],
)
def test_one_person_twice_a_wrong_role_product_or_reason_is_refused(
    line: Path, facts: Callable[[str], list[Any]], arguments: tuple[str, ...], lines: tuple[str, ...], words: str
) -> None:
    given = MAKE if "--reason" not in arguments else MAKE[:3]
    done = piped(*given, *arguments, folder=line, lines=lines)
    assert (done.returncode, words in done.stderr) == (Exit.REFUSED, True), done.stderr
    assert facts("SELECT count(*) FROM job") == [(0,)]


def test_a_specimen_is_refused_while_the_line_runs_or_on_no_machine(
    line: Path, facts: Callable[[str], list[Any]], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, BOTH)
    with line_lock(RunFolder(line)):
        assert run([*MAKE, *SIGNED, "--dir", str(line)]) == Exit.REFUSED
    assert run(["devices", "specimen", "reader-01", "--reason", "set-up", *SIGNED, "--dir", str(line)]) == Exit.REFUSED
    assert "no machine reader-01 that makes documents" in capfd.readouterr().err
    assert facts("SELECT count(*) FROM job") == [(0,)]


def test_of_two_commands_at_once_one_makes_one_and_the_other_is_refused(
    line: Path, facts: Callable[[str], list[Any]]
) -> None:
    """A double click."""
    racing = [start(*MAKE, *SIGNED, folder=line, lines=BOTH) for _ in range(2)]
    ended = sorted((process.communicate(timeout=60.0)[0], process.returncode)[1] for process in racing)
    assert ended == [Exit.FINE, Exit.REFUSED]
    assert facts("SELECT count(*) FROM job") == [(1,)]
    (piece,) = [seen for seen in Tally.read(line / "world").pieces.values() if seen.made]
    assert piece.defaced
