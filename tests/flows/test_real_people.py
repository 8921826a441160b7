"""A line of real people: who is on duty, who signs, and what is refused while nobody is."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import SettingsError, read_settings
from flows.default_line import write_default
from flows.duty import roster_of
from flows.errors import Exit, NoEmulatedHandsError, ShiftNeededError
from flows.line_run import run_line
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settings import Desk, StaffKind
from handoff_logs import log
from handoff_logs.errors import EmulatedPersonError
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.verify.run import Asked, verify
from stations.errors import NobodyOnDutyError
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.shift import station
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan
from stations.shift.errors import CrewRefusedError

ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
CLERK = Credentials("p-0911", "a password of the clerk")
LEAD = Credentials("p-0101", "a password of the lead")
PACKER = Credentials("p-0601", "a password of the packer")
KEEPERS = Credentials("p-0301", "a password of keeper one"), Credentials("p-0302", "a password of keeper two")
CREW = {
    "vault": ("p-0301", "p-0302"),
    "personalization": ("p-0201", "p-0202"),
    "qc": ("p-0401", "p-0402"),
    "review": ("p-0501",),
    "packing": ("p-0601",),
    "mailing": ("p-0701",),
}
ROLE = {
    "vault": Role.KEEPER,
    "personalization": Role.OPERATOR,
    "qc": Role.INSPECTOR,
    "review": Role.REVIEWER,
    "packing": Role.PACKER,
    "mailing": Role.MAILER,
}
PRODUCTION = """
mode = "production"
centre = "jinan"
[prefect]
own_server = true
[staff]
kind = "desks"
[[devices]]
id = "book-01"
driver = "book-personalizer"
port = "/dev/serial/by-id/usb-of-nobody"
serial = "BP-2207-0031"
"""
Command = Callable[..., int]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


def people_of(folder: RunFolder) -> None:
    """Enrol everybody."""
    emulated = folder.line().emulated
    with open_database(folder, folder.line().database_url) as database:
        register.found(database, ONE, TWO, emulated=emulated)
        by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
        register.enrol(database, by, CLERK, [Role.CLERK], emulated=emulated)
        register.enrol(database, by, LEAD, [Role.LEAD], emulated=emulated)
        for at, codes in CREW.items():
            for code in codes:
                who = {each.code: each for each in (*KEEPERS, PACKER)}.get(code, Credentials(code, f"words of {code}"))
                register.enrol(database, by, who, [ROLE[at]], emulated=emulated)


def open_shift(folder: RunFolder, **crew: tuple[str, ...]) -> None:
    """Open a shift of these people, beside the usual ones; nothing lies anywhere, and that is what two count."""
    settings = read_settings(folder)
    with open_database(folder, folder.line().database_url) as database:
        by = sign_in_two(database, LEAD, KEEPERS[0], (Role.LEAD, Role.KEEPER))
        real = settings.real_staff
        plan = Plan("early", CREW | crew, settings.personalizers, ("all",), settings.emulated, real_staff=real)
        count = Counted((), frozenset({"vault", "personalization"}))
        station.open_shift(database, plan, count, Signers(*by.codes, by.first_sign_in, by.second_sign_in))


@pytest.fixture
def production(tmp_path: Path) -> RunFolder:
    """A production line whose people are enrolled; no machine is there."""
    folder = RunFolder(tmp_path / "line")
    folder.make()
    folder.configuration.write_text(PRODUCTION, "utf-8")
    prepare(folder)
    people_of(folder)
    return folder


@pytest.fixture
def trial(tmp_path: Path) -> RunFolder:
    """Real people at EMULATED machines."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=1, readers=1, small=1, speed=0, staff=StaffKind.DESKS)
    prepare(folder)
    people_of(folder)
    return folder


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[RunFolder, Credentials], int]:
    """`passline intake load` of two applications, signed by somebody."""
    batch = tmp_path / "batch"
    generate(batch, 2, 7, day=date(2026, 9, 1), shares=Shares(emergencies=0, intake_defects=0, review_defects=0))

    def command(folder: RunFolder, by: Credentials) -> int:
        feed(monkeypatch, [by.password])
        signed = ["--by", by.code, "--passwords-from", "-"]
        return run(["intake", "load", str(batch), *signed, "--output", "json", "--dir", str(folder.path)])

    return command


def test_people_of_the_stations_decide_at_every_desk_that_is_left_out(trial: RunFolder) -> None:
    settings = read_settings(trial)
    assert set(settings.desks.by_station().values()) == {Desk.PEOPLE} and settings.desks.open


def test_a_desk_of_emulated_staff_among_real_people_is_refused_with_its_place(production: RunFolder) -> None:
    production.configuration.write_text(PRODUCTION + '[desks]\nqc = "emulated"\n', "utf-8")
    with pytest.raises(SettingsError) as refused:
        read_settings(production)
    assert [(fault.place, fault.allowed) for fault in refused.value.faults] == [("desks.qc", "people")]


def test_a_line_of_real_people_does_not_run_without_a_shift(trial: RunFolder) -> None:
    with pytest.raises(ShiftNeededError) as refused:
        run_line(trial)
    assert "passline shift open" in refused.value.next_step
    with pytest.raises(ShiftNeededError), open_line(trial, shift="day", stations=("review",)):
        pass


def test_the_open_shift_says_who_is_on_duty(trial: RunFolder) -> None:
    open_shift(trial)
    with open_line(trial, shift="another", stations=("review",)) as line:
        assert {at: line.workplace(at).people for at in CREW} == CREW
        assert line.workplace("carrier").people == () and line.shift == "early"
        with pytest.raises(NobodyOnDutyError, match="carrier needs 1"):
            line.workplace("carrier").party()
        with pytest.raises(NobodyOnDutyError, match="review needs 2"):
            _ = line.workplace("review").second


def test_nobody_emulated_stands_among_real_people(trial: RunFolder) -> None:
    with pytest.raises(CrewRefusedError):
        open_shift(trial, review=("e-rev-1",))
    emulated = ["shift", "open", "early", "--emulated", "--dir", str(trial.path)]
    assert run(emulated) != Exit.FINE


def orders_of(folder: RunFolder) -> list[tuple[object, ...]]:
    """Whose the records of intake are."""
    with open_reading(folder.line().database_url) as reading:
        return reading.tuples(
            "SELECT DISTINCT event.person, event.shift, event.emulated, attempt.code FROM custody_event AS event"
            " LEFT JOIN sign_in_attempt AS attempt ON attempt.attempt_id = event.sign_in"
            " WHERE event.from_station = 'intake'"
        )


def test_a_clerk_signs_what_is_loaded(trial: RunFolder, load: Callable[[RunFolder, Credentials], int]) -> None:
    open_shift(trial)
    assert load(trial, CLERK) == Exit.FINE
    assert orders_of(trial) == [(CLERK.code, "early", True, CLERK.code)]


def test_on_a_production_line_a_clerk_signs_a_batch_that_is_real(
    production: RunFolder, load: Callable[[RunFolder, Credentials], int], tmp_path: Path
) -> None:
    open_shift(production)
    assert load(production, CLERK) != Exit.FINE
    assert orders_of(production) == []
    manifest = tmp_path / "batch" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | {"emulated": False}), "utf-8")
    assert load(production, CLERK) == Exit.FINE
    assert orders_of(production) == [(CLERK.code, "early", False, CLERK.code)]


def test_nobody_but_a_clerk_loads(
    production: RunFolder, load: Callable[[RunFolder, Credentials], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(production, PACKER) != Exit.FINE
    assert "clerk" in capsys.readouterr().err
    with open_reading(production.line().database_url) as reading:
        assert reading.tuples("SELECT count(*) FROM application") == [(0,)]


def test_a_production_line_has_no_emulated_hands_and_no_emulated_people(production: RunFolder) -> None:
    parts = Parts(production, read_settings(production))
    with pytest.raises(NoEmulatedHandsError):
        parts.hands()
    with open_database(production, production.line().database_url) as database:
        with database.read() as conn:
            assert set(roster_of(conn, read_settings(production), "day").values()) == {()}
        births, by = [Birth(new_id(), Kind.ORDER)], Party("intake", "e-int-1", "day")
        with pytest.raises(EmulatedPersonError):
            database.write(
                lambda tx: log.receive(tx, by, None, births, "in", Stamp(database.clock_us(tx), emulated=False))
            )
        assert database.write(lambda tx: tx.execute(text("SELECT count(*) FROM custody_unit")).scalar()) == 0
    assert [
        problem.rule for problem in verify(production.line().database_url, Asked()).problems if problem.step == 7
    ] == []


def test_an_emulated_line_needs_no_clerk(tmp_path: Path, load: Callable[[RunFolder, Credentials], int]) -> None:
    folder = RunFolder(tmp_path / "emulated")
    write_default(folder, books=1, cards=1, readers=1, small=1, speed=0)
    assert load(folder, CLERK) != Exit.FINE
    assert run(["intake", "load", str(tmp_path / "batch"), "--output", "json", "--dir", str(folder.path)]) == Exit.FINE
