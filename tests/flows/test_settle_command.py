"""`passline devices settle` on a line with a real job in doubt: the machine lost its power in the act.

The line is built once, up to the doubt, and copied for each test; every settlement is the real command in a process of
its own.
"""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection
from typed_commands import feed, piped, start, typed

import stations.migrations
from devices.emulation.world import Seen, Tally
from devices.pidfile import running_pid
from devices.piece import PieceData
from flows.cli import run
from flows.composition import open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_state import Line
from flows.locks import line_lock
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settle_command import BECAME, DOUBTS
from flows.supply import supply
from flows.swap_command import OPEN_JOBS
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
from stations.personalization import blanks, booking, draws, jobs, recovery, station
from stations.review import station as review

MACHINE = "book-01"
SOUND = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
ADMINISTRATOR_ONE = Credentials("p-0001", "a password of one")
ADMINISTRATOR_TWO = Credentials("p-0002", "a password of two")
OPERATOR = Credentials("p-0417", "the operator's password")
INSPECTOR = Credentials("p-0418", "the inspector's password")
PACKER = Credentials("p-0419", "the packer's password")
ENGINEER = Credentials("p-0420", "the engineer's password")
SIGNERS = ", ".join(
    f"(SELECT code FROM sign_in_attempt WHERE attempt_id = e.{sign_in} AND outcome = 'accepted')"
    for sign_in in ("sign_in", "second_sign_in")
)
"""Whose accepted sign-ins a record names."""
SIGNED = ("--first", OPERATOR.code, "--second", INSPECTOR.code, "--passwords-from", "-")
BOTH = (OPERATOR.password, INSPECTOR.password)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line with three passports to make, the first of them in doubt, and people who may settle."""
    folder = RunFolder(tmp_path_factory.mktemp("doubt") / "line")
    write_default(folder, books=1, cards=0, readers=1, tray_size=3, speed=20, seed=1)
    prepare(folder)
    batch = folder.path.with_name("batch")
    generate(batch, 3, 1, day=date(2026, 9, 1), shares=SOUND)
    with open_line(folder, shift="day", stations=("intake", "review", "personalization")) as line:
        load(line.workplace("intake"), batch, folder.path / "replies", tray_size=3)
        with line.database.read() as conn:
            (at_review,) = offers.waiting(conn, "review")
        review.work_tray(line.workplace("review"), at_review, line.parts.reviewer())
        with line.database.read() as conn:
            (orders,) = offers.waiting(conn, "personalization")
        station.accept_tray(line.workplace("personalization"), orders)
        supply(line)
        _lose_power_in_the_act(line)
        _enrol(line.database)
    return folder.path


def _lose_power_in_the_act(line: Line) -> None:
    """A real machine is killed after it began; recovery without staff finds that nobody can answer."""
    here, machine, stop = line.workplace("personalization"), line.machines.each[MACHINE], threading.Event()
    session = recovery.begin(here, machine.driver, machine.setup, None, stop)
    blanks.load(here, line.parts.operators(), MACHINE, "book", 3)
    lease, products, centre = session.lease, machine.setup.products, machine.setup.centre

    def draw(tx: Connection) -> draws.Draw:
        drawn = draws.draw(tx, lease, session.identity, centre, products, booking.now_us())
        assert drawn is not None
        return drawn

    drawn = line.database.write(draw)
    serial = machine.driver.feed(drawn.job_id)
    piece = PieceData("passport", serial, ("line",), portrait=b"portrait").encode()

    def prepared(tx: Connection) -> None:
        row = jobs.find(tx, drawn.job_id)
        assert row is not None
        digest = hashlib.sha256(piece).hexdigest()
        booking.book_prepared(tx, here, lease, booking.work_of(row), serial, serial, digest, start=True)

    line.database.write(prepared)
    machine.driver.prepare(drawn.job_id, piece)
    machine.driver.start(drawn.job_id)
    pid = line.parts.emulators().pid(MACHINE)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    machine.driver.close()
    while MACHINE not in line.parts.switch_on():
        time.sleep(0.01)
    assert recovery.begin(here, machine.driver, machine.setup, None, stop).held == "in-doubt"
    machine.driver.close()


def _enrol(database: Database) -> None:
    """Their hashes are real and cheap, and cost as little when the commands verify them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        _enrol_all(database)


def _enrol_all(database: Database) -> None:
    register.found(database, ADMINISTRATOR_ONE, ADMINISTRATOR_TWO, emulated=True)
    by = sign_in_two(database, ADMINISTRATOR_ONE, ADMINISTRATOR_TWO, ADMINISTRATORS)
    register.enrol(database, by, OPERATOR, [Role.OPERATOR], emulated=True)
    register.enrol(database, by, INSPECTOR, [Role.INSPECTOR], emulated=True)
    register.enrol(database, by, PACKER, [Role.PACKER], emulated=True)
    register.enrol(database, by, ENGINEER, [Role.ENGINEER], emulated=True)


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


@pytest.fixture
def job(facts: Callable[[str], list[Any]]) -> str:
    """The job in doubt."""
    ((job_id,),) = facts("SELECT job_id FROM job WHERE doubt IS NOT NULL")
    return str(job_id)


def listed(line: Path, capsys: pytest.CaptureFixture[str], status: Exit) -> list[dict[str, Any]]:
    """The jobs in doubt, as the command lists them."""
    capsys.readouterr()
    assert run(["devices", "settle", "--dir", str(line), "--output", "json"]) == status
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_the_questions_are_understood_by_both_databases(database_url: str) -> None:
    """Asked without SQLAlchemy, so nothing else translates them."""
    stations.migrations.upgrade(database_url)
    with closing(open_reading(database_url)) as reading:
        assert reading.rows(DOUBTS) == reading.rows(BECAME, job="0" * 32) == []
        assert reading.rows(OPEN_JOBS, machine=MACHINE) == [{"jobs": 0}]


def drawn_piece(line: Path, facts: Callable[[str], list[Any]]) -> Seen:
    """What physically became of the blank of the job in doubt."""
    ((serial,),) = facts("SELECT blank_serial FROM job")
    return Tally.read(line / "world").pieces[serial]


def test_the_jobs_in_doubt_are_listed_with_what_to_do(
    line: Path, job: str, facts: Callable[[str], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = listed(line, capsys, Exit.IN_DOUBT)
    ((number, serial),) = facts(
        "SELECT number, blank_serial FROM job JOIN unit_number ON unit_id = order_unit WHERE doubt IS NOT NULL"
    )
    assert (row["job"], row["machine"], row["application"], row["blank"]) == (job, MACHINE, number, serial)
    assert (row["emulated"], row["last_place"], row["found_before"]) == (True, "book-01:reject", "")
    assert "lost power" in row["reason"]
    assert all(words in row["to_do"] for words in ("deface", "stock:book", "not-found"))
    for output in ("table", "csv"):
        assert run(["devices", "settle", "--dir", str(line), "--output", output]) == Exit.IN_DOUBT
        shown = capsys.readouterr().out
        assert job in shown
        assert ("EMULATED" if output == "table" else "emulated") in shown


def test_two_people_settle_a_bad_piece_and_its_application_is_made_again(
    line: Path, job: str, facts: Callable[[str], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """While the line runs, as it may; every record of it bears both codes, and the EMULATED piece is defaced first."""
    events = facts("SELECT count(*) FROM custody_event")[0][0]
    folder = RunFolder(line)
    with line_lock(folder), closing(Parts(folder, read_settings(folder))) as parts:
        parts.emulators()
        done = piped("devices", "settle", job, "--found", "made-bad", *SIGNED, folder=line, lines=BOTH)
    assert (done.returncode, done.stderr) == (Exit.FINE, "")
    assert all(word in done.stdout for word in ("EMULATED", "p-0417 p-0418", "void at voided", "made again"))
    assert facts("SELECT state, outcome, live, settled_by, settled_second FROM job WHERE settlement = 'made-bad'") == [
        ("RESULT", "failed", 0, OPERATOR.code, INSPECTOR.code)
    ]
    assert facts(f"SELECT act, person, second_person, emulated FROM custody_event WHERE seq > {events}") == [
        ("settle", OPERATOR.code, INSPECTOR.code, 1)
    ]
    assert facts(f"SELECT {SIGNERS} FROM custody_event AS e WHERE seq > {events}") == [(OPERATOR.code, INSPECTOR.code)]
    assert facts("SELECT count(*) FROM application WHERE state = 'passed'") == [(3,)]
    piece = drawn_piece(line, facts)
    assert (piece.place, piece.defaced) == ("voided", True)
    assert listed(line, capsys, Exit.FINE) == []


def test_a_good_piece_becomes_the_document_and_is_not_made_again(
    line: Path, job: str, facts: Callable[[str], list[Any]]
) -> None:
    """A real piece: the emulated world has none, and no emulated hand moves."""
    shutil.rmtree(line / "world")
    events = facts("SELECT count(*) FROM custody_event")[0][0]
    arguments = ("devices", "settle", job, "--found", "made-good", "--output", "json", *SIGNED)
    done = piped(*arguments, folder=line, lines=BOTH)
    assert done.returncode == Exit.FINE, done.stderr
    (became,) = json.loads(done.stdout)
    assert (became["state"], became["outcome"], became["application_state"]) == ("RESULT", "good", "in_production")
    assert "goes to QC" in became["next_step"]
    assert facts(f"SELECT act, person, second_person FROM custody_event WHERE seq > {events} ORDER BY seq") == [
        ("settle", OPERATOR.code, INSPECTOR.code),
        ("transform", OPERATOR.code, None),
    ]
    assert facts(f"SELECT {SIGNERS} FROM custody_event AS e WHERE seq > {events} ORDER BY seq") == [
        (OPERATOR.code, INSPECTOR.code),
        (OPERATOR.code, None),
    ]
    assert facts("SELECT place FROM whereabouts WHERE kind = 'document'") == [("rack",)]
    assert not [each for each in (line / "machines").iterdir() if running_pid(each) is not None]


def test_a_finding_that_the_emulated_piece_contradicts_is_refused(
    line: Path, job: str, facts: Callable[[str], list[Any]], capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """It was marked when the power went, and is neither whole nor a blank any more."""
    for found in ("made-good", "unmarked"):
        feed(monkeypatch, BOTH)
        assert run(["devices", "settle", job, "--found", found, *SIGNED, "--dir", str(line)]) == Exit.REFUSED
        assert "EJ0000001 is made-bad; record that" in capfd.readouterr().err
    assert facts("SELECT settled_by FROM job") == [(None,)]


def test_what_is_not_found_stays_in_doubt(
    line: Path, job: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, BOTH)
    assert run(["devices", "settle", job, "--found", "not-found", *SIGNED, "--dir", str(line)]) == Exit.IN_DOUBT
    assert "not made again" in capsys.readouterr().out
    (row,) = listed(line, capsys, Exit.IN_DOUBT)
    assert row["found_before"] == "not-found"


def test_an_engineer_settles_beside_somebody_who_answers_for_pieces(
    line: Path, job: str, facts: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = ("--first", OPERATOR.code, "--second", ENGINEER.code, "--passwords-from", "-")
    feed(monkeypatch, (OPERATOR.password, ENGINEER.password))
    assert run(["devices", "settle", job, "--found", "not-found", *signed, "--dir", str(line)]) == Exit.IN_DOUBT
    assert facts("SELECT settled_by, settled_second FROM job") == [(OPERATOR.code, ENGINEER.code)]


def test_codes_and_passwords_are_typed_on_the_terminal(line: Path, job: str) -> None:
    answers = [("Code of the first", OPERATOR.code), ("Code of the second", INSPECTOR.code)]
    answers += [(f"Password of {OPERATOR.code}", BOTH[0]), (f"Password of {INSPECTOR.code}", BOTH[1])]
    status, shown = typed("devices", "settle", job, "--found", "unreadable", folder=line, answers=answers)
    assert (status, "void at voided" in shown) == (Exit.FINE, True), shown
    assert not [password for password in BOTH if password in shown]


def test_of_two_settlements_at_once_one_wins_and_the_other_is_told_by_whom(
    line: Path, job: str, facts: Callable[[str], list[Any]]
) -> None:
    """Two real processes, started together."""
    racing = [
        start("devices", "settle", job, "--found", found, *SIGNED, folder=line, lines=BOTH)
        for found in ("made-bad", "unreadable")
    ]
    ended = []
    for process in racing:
        _, said = process.communicate(timeout=60)
        ended.append((process.returncode, said))
    assert sorted(status for status, _ in ended) == [Exit.FINE, Exit.REFUSED], ended
    (told,) = [said for status, said in ended if status == Exit.REFUSED]
    assert f"settled as {facts('SELECT settlement FROM job WHERE settlement IS NOT NULL')[0][0]}" in told
    assert f"{OPERATOR.code} and {INSPECTOR.code} on 20" in told
    assert facts("SELECT count(*) FROM custody_event WHERE act = 'settle'") == [(1,)]
    assert [(drawn_piece(line, facts).place,)] == facts(
        "SELECT place FROM whereabouts JOIN job ON blank_unit = unit_id WHERE kind = 'blank'"
    )


def test_who_may_not_settle_changes_nothing(
    line: Path,
    job: str,
    facts: Callable[[str], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One person twice, a wrong password, emulated staff, the wrong role, nobody; and the file keeps no password."""
    before = facts("SELECT * FROM job"), facts("SELECT * FROM whereabouts"), facts("SELECT count(*) FROM custody_event")
    said = ""
    for first, second, typed_in, words in (
        (OPERATOR.code, OPERATOR.code, BOTH, "named twice"),
        (OPERATOR.code, INSPECTOR.code, (BOTH[0], "a wrong password"), "p-0418 is refused"),
        (OPERATOR.code, "p-9999", BOTH, "p-9999 is refused"),
        (OPERATOR.code, "e-per-2", BOTH, "EMULATED staff"),
        (
            OPERATOR.code,
            PACKER.code,
            (BOTH[0], PACKER.password),
            "p-0419 is not operator or inspector or lead or engineer",
        ),
        (ENGINEER.code, OPERATOR.code, (ENGINEER.password, BOTH[0]), "p-0420 is not operator or inspector or lead,"),
        (OPERATOR.code, INSPECTOR.code, BOTH[:1], "Password of p-0418 can't be asked for"),
    ):
        signed = ("--first", first, "--second", second, "--passwords-from", "-")
        feed(monkeypatch, typed_in)
        status = run(["devices", "settle", job, "--found", "made-bad", *signed, "--dir", str(line)])
        shown = capfd.readouterr()
        assert (status, shown.out) == (Exit.REFUSED, ""), shown.err
        assert words in shown.err
        assert "Traceback" not in shown.err
        said += shown.err
    assert before == (
        facts("SELECT * FROM job"),
        facts("SELECT * FROM whereabouts"),
        facts("SELECT count(*) FROM custody_event"),
    )
    kept = said.encode() + b"".join(file.read_bytes() for file in line.rglob("*") if file.is_file())
    assert not [secret for secret in (*BOTH, PACKER.password, "a wrong password") if secret.encode() in kept]


def test_a_locked_code_settles_nothing(
    line: Path,
    job: str,
    facts: Callable[[str], list[Any]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five wrong passwords, then the right ones."""
    with closing(sqlite3.connect(line / "passline.db")) as database:
        now_us = time.time_ns() // 1_000
        for number in range(5):
            row = (f"{number:032}", INSPECTOR.code, now_us - number, "begun")
            database.execute("INSERT INTO sign_in_attempt VALUES (?, ?, ?, ?)", row)
        database.commit()
    feed(monkeypatch, BOTH)
    assert run(["devices", "settle", job, "--found", "made-bad", *SIGNED, "--dir", str(line)]) == Exit.REFUSED
    assert "p-0418 is locked until" in capfd.readouterr().err
    assert facts("SELECT settled_by FROM job") == [(None,)]


def test_what_cannot_be_true_is_refused_before_anybody_signs(
    line: Path, job: str, facts: Callable[[str], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody types a password for nothing."""
    for arguments, words in (
        ((job, "--found", "not-drawn"), "drew blank"),
        ((job, "--found", "made-bad", "--serial", "EJ9999999"), "not EJ9999999"),
        ((job, "--found", "made-bad", "--place", "stock:book"), "unmarked books alone"),
        ((job, "--found", "made-bad", "--place", "by Mr Zhang"), "A place is"),
        ((job,), "names one job and what two people found"),
        (("--found", "made-bad"), "names one job and what two people found"),
        (("0" * 32, "--found", "made-bad"), "is not on file"),
        ((job, "--found", "stolen"), "not-found"),
    ):
        assert run(["devices", "settle", *arguments, *SIGNED, "--dir", str(line)]) == Exit.REFUSED
        shown = capsys.readouterr()
        assert (shown.out, words in " ".join(shown.err.split())) == ("", True), shown.err
    assert facts("SELECT count(*) FROM sign_in_attempt WHERE code = 'p-0417'") == [(0,)]


def test_a_machine_with_open_jobs_is_swapped_with_a_warning(
    line: Path, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new machine can't answer for what the old one drew."""
    assert run(["devices", "swap", MACHINE, "--to", "/dev/ttyUSB0", "--dir", str(line)]) == Exit.FINE
    assert "1 open jobs belong to the machine" in capsys.readouterr().err
