"""An emergency while no shift is open: `applications raise` opens the on-call shift, and those on call are told."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alarm_target import Hook, hook
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, start

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_rules import DIFFERENCES
from flows.locks import line_lock
from flows.on_call import tell
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.alarms.register import raise_alarm
from stations.alarms.rules import MACHINE_HELD
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.vault import receiving
from stations.vault.receiving import Delivery

ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
LEAD, OTHER_LEAD = Credentials("p-0301", "a password of the lead"), Credentials("p-0302", "another lead's password")
KEEPER = Credentials("p-0101", "a password of keeper one")
STAFF = {
    LEAD: Role.LEAD,
    OTHER_LEAD: Role.LEAD,
    KEEPER: Role.KEEPER,
    Credentials("p-0102", "a password of keeper two"): Role.KEEPER,
    Credentials("p-0103", "a password of keeper three"): Role.KEEPER,
    Credentials("p-0201", "a password of operator one"): Role.OPERATOR,
    Credentials("p-0202", "a password of operator two"): Role.OPERATOR,
    Credentials("p-0401", "a password of inspector one"): Role.INSPECTOR,
    Credentials("p-0402", "a password of inspector two"): Role.INSPECTOR,
    Credentials("p-0501", "a password of a reviewer"): Role.REVIEWER,
    Credentials("p-0601", "a password of a packer"): Role.PACKER,
    Credentials("p-0701", "a password of a mailer"): Role.MAILER,
}
BOOKS = [f"EJ{number:07d}" for number in range(1, 6)]
ON_CALL = """
[on_call]
keeper = ["p-0101", "p-0102", "p-0103"]
operator = ["p-0201", "p-0202"]
inspector = ["p-0401", "p-0402"]
reviewer = ["p-0501"]
packer = ["p-0601"]
mailer = ["p-0701"]
"""
TARGET = '[[alarms.targets]]\nname = "duty"\nfile = "keys/duty.target"\n'
NUMBERS = (
    "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit"
    " WHERE a.state = 'waiting' AND a.priority = 2 ORDER BY n.number"
)
SHIFTS = "SELECT name, closed FROM shift"
ALARMS = "SELECT kind, cleared_us IS NULL FROM alarm ORDER BY alarm_id"
RAISED = "SELECT approver, reason FROM green_channel ORDER BY raised_us"

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with its people, five books in the vault, and six ordinary applications that wait for review."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("on-call") / "line")
        write_default(folder, books=1, cards=1, readers=1, tray_size=3, gate=False, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in STAFF.items():
                register.enrol(database, by, person, [role], emulated=True)
        with open_line(folder, shift="day", stations=("intake",)) as line:
            line.parts.hands().deliver(BOOKS, "shelf:book")
            receiving.receive(line.workplace("vault"), Delivery("book", BOOKS[0], BOOKS[-1], 5, "DN-1"))
        batch = str(folder.path.with_name("batch"))
        sound = ("--emergencies", "0", "--expedited", "0", "--intake-defects", "0", "--review-defects", "0")
        assert run(["intake", "generate", batch, "--documents", "6", *sound]) == Exit.FINE
        assert run(["intake", "load", batch, "--dir", str(folder.path)]) == Exit.FINE
    return folder.path


@pytest.fixture
def duty() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


@pytest.fixture
def folder(built: Path, tmp_path: Path, duty: Hook) -> Iterator[RunFolder]:
    """A copy of that line, with people on call and a target; whatever is done, tables and log say the same of it."""
    folder = RunFolder(shutil.copytree(built, tmp_path / "line"))
    with folder.configuration.open("a", encoding="utf-8") as file:
        file.write(ON_CALL + TARGET)
    target = folder.keys / "duty.target"
    target.write_text(duty.address, "utf-8")
    target.chmod(0o600)
    yield folder
    with closing(open_reading(folder.line().database_url)) as reading:
        assert violations(reading) == []
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


@pytest.fixture
def rows(folder: RunFolder) -> Callable[[str], list[tuple[object, ...]]]:
    def ask(query: str) -> list[tuple[object, ...]]:
        with closing(open_reading(folder.line().database_url)) as reading:
            return reading.tuples(query)

    return ask


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline …` on the line, its people typing their passwords; what it wrote is in `capsys`."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, typed: tuple[Credentials, ...] = ()) -> int:
        feed(monkeypatch, [person.password for person in typed])
        capsys.readouterr()
        return run([*arguments, "--dir", str(folder.path)])

    return command


@pytest.fixture
def emergency(passline: Command, rows: Callable[[str], list[tuple[object, ...]]], tmp_path: Path) -> Command:
    """Raises the first application that waits by a lead and a keeper, on what they scanned."""

    def act(*more: str, scanned: list[str] = BOOKS, typed: tuple[Credentials, ...] = (LEAD, KEEPER)) -> int:
        number = str(rows(NUMBERS)[0][0])
        signed = ("--by", typed[0].code, "--second", typed[-1].code, "--passwords-from", "-")
        counted = counts(tmp_path, scanned)
        return passline("applications", "raise", number, "--reason", "exam", *signed, *counted, *more, typed=typed)

    return act


def counts(folder: Path, scanned: list[str]) -> tuple[str, ...]:
    (folder / "vault.txt").write_text("".join(f"{serial}\n" for serial in scanned))
    (folder / "none.txt").write_text("")
    return "--counted", f"vault={folder / 'vault.txt'}", "--counted", f"personalization={folder / 'none.txt'}"


def test_an_emergency_while_no_shift_is_open_opens_the_on_call_shift_and_tells_those_on_call(
    emergency: Command,
    rows: Callable[[str], list[tuple[object, ...]]],
    duty: Hook,
    capsys: pytest.CaptureFixture[str],
    passline: Command,
) -> None:
    """Two have signed it; they are told once, and nothing of the applicant."""
    number = str(rows(NUMBERS)[0][0])
    assert emergency("--confirm", "all") == Exit.FINE
    said = capsys.readouterr().out
    assert "EMULATED line: the on-call shift is open: p-0501, p-0101, p-0102, p-0103, p-0201" in said
    assert "5 counted, signed by p-0301 and p-0101" in said
    assert "told: duty" in said and "in the green channel (exam), approved by p-0301" in said
    assert rows(SHIFTS) == [("on-call", 0)]
    assert rows(RAISED) == [("p-0301", "exam")]
    assert rows(ALARMS) == [("on-call", 1)]
    [told] = duty.wait_for(1)
    assert told["title"].startswith("EMULATED 模拟 URGENT 紧急") and "on-call shift is open" in told["title"]
    assert number not in str(told)
    # The raise itself bears the shift that it was made in.
    assert rows("SELECT DISTINCT shift FROM custody_event WHERE reason = 'green'") == [("on-call",)]
    # The next one comes while it is open: one lead signs, and nobody is called again.
    assert emergency(typed=(OTHER_LEAD,)) == Exit.FINE
    assert "on-call shift" not in capsys.readouterr().out
    assert len(rows(RAISED)) == 2 and len(rows(SHIFTS)) == 1
    assert len(duty.told) == 1
    assert passline("shift", "status") == Exit.FINE


def test_too_few_on_call_raise_nothing_and_the_missing_role_is_named(
    emergency: Command,
    rows: Callable[[str], list[tuple[object, ...]]],
    duty: Hook,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody absent, and nobody else of that role; before anybody signs."""
    before = rows("SELECT count(*) FROM custody_event"), rows("SELECT count(*) FROM sign_in_attempt")
    assert emergency("--confirm", "all", "--absent", "p-0501") == Exit.REFUSED
    assert "reviewer (0 of 1)" in capsys.readouterr().err
    assert emergency("--confirm", "all", "--absent", "p-0777") == Exit.REFUSED
    assert "p-0777 is not on call" in capsys.readouterr().err
    assert (rows(SHIFTS), rows(RAISED), rows(ALARMS), duty.told) == ([], [], [], [])
    assert (rows("SELECT count(*) FROM custody_event"), rows("SELECT count(*) FROM sign_in_attempt")) == before
    # There is a third keeper.
    assert emergency("--confirm", "all", "--absent", "p-0102") == Exit.FINE


def test_whoever_was_ended_is_on_call_no_more(
    emergency: Command, rows: Callable[[str], list[tuple[object, ...]]], passline: Command
) -> None:
    """Whatever line.toml says."""
    by = ("--first", ONE.code, "--second", TWO.code, "--passwords-from", "-")
    assert passline("people", "end", "p-0701", *by, typed=(ONE, TWO)) == Exit.FINE
    assert emergency("--confirm", "all") == Exit.REFUSED
    assert (rows(SHIFTS), rows(RAISED)) == ([], [])


def test_an_application_that_can_not_be_raised_opens_no_shift(
    passline: Command, rows: Callable[[str], list[tuple[object, ...]]], tmp_path: Path, duty: Hook
) -> None:
    signed = ("--by", LEAD.code, "--second", KEEPER.code, "--passwords-from", "-", "--confirm", "all")
    given = ("applications", "raise", "JN2020-000001", "--reason", "exam", *signed, *counts(tmp_path, BOOKS))
    assert passline(*given, typed=(LEAD, KEEPER)) == Exit.REFUSED
    assert (rows(SHIFTS), rows(ALARMS), duty.told) == ([], [], [])


def test_a_count_that_differs_raises_nothing_unless_a_lead_forces_it(
    emergency: Command, rows: Callable[[str], list[tuple[object, ...]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept all the same."""
    assert emergency("--confirm", "all", scanned=BOOKS[1:]) == Exit.FINDINGS
    said = capsys.readouterr().out
    assert "NOT raised" in said and f"missing {BOOKS[0]}" in said and "--force" in said
    assert (rows(SHIFTS), rows(RAISED)) == ([], [])
    assert rows("SELECT moment FROM shift_count") == [("opening",)]
    assert emergency("--confirm", "all", "--force", "night", scanned=BOOKS[1:]) == Exit.FINE
    assert rows("SELECT opening_reason FROM shift") == [("night",)]


def test_those_on_call_are_called_at_their_own_target_and_told_of_nothing_in_the_shift(
    folder: RunFolder, emergency: Command, duty: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    with hook() as night:
        with folder.configuration.open("a", encoding="utf-8") as file:
            file.write('[[on_call.targets]]\nname = "night"\nfile = "keys/night.target"\n')
        (folder.keys / "night.target").write_text(night.address, "utf-8")
        (folder.keys / "night.target").chmod(0o600)
        assert emergency("--confirm", "all") == Exit.FINE
        assert "told: duty, night" in capsys.readouterr().out
        settings = read_settings(folder)
        with open_database(folder, folder.line().database_url) as database:
            database.write(lambda tx: raise_alarm(tx, MACHINE_HELD, "book-01", emulated=True))
            assert str(tell(database, folder, settings)) == "told: duty, night"
    assert (len(duty.told), len(night.told)) == (2, 1)


@pytest.mark.parametrize("broken", ["refuses", "unusable"])
def test_a_target_that_can_not_be_told_undoes_nothing_and_is_an_alarm(
    folder: RunFolder,
    emergency: Command,
    rows: Callable[[str], list[tuple[object, ...]]],
    duty: Hook,
    capsys: pytest.CaptureFixture[str],
    broken: str,
) -> None:
    """The notice stays in the outbox, to be told when the line runs."""
    if broken == "refuses":
        duty.status = 500
    else:
        (folder.keys / "duty.target").chmod(0o644)
    assert emergency("--confirm", "all") == Exit.FINE
    assert "NOT told: duty" in capsys.readouterr().out
    assert (rows(SHIFTS), len(rows(RAISED))) == ([("on-call", 0)], 1)
    assert rows(ALARMS) == [("on-call", 1), ("notices-unsent", 1)]
    assert rows("SELECT count(*) FROM alarm_notice WHERE ended IS NULL") == [(2,)]


def test_a_line_that_is_at_work_opens_no_shift_for_an_emergency(
    folder: RunFolder, emergency: Command, rows: Callable[[str], list[tuple[object, ...]]]
) -> None:
    """Nobody counts what moves, and nobody needs to be called."""
    with line_lock(folder):
        assert emergency(typed=(LEAD,)) == Exit.FINE
    assert (rows(SHIFTS), len(rows(RAISED))) == ([], 1)


def test_two_emergencies_at_the_same_instant_open_one_on_call_shift(
    folder: RunFolder, rows: Callable[[str], list[tuple[object, ...]]], tmp_path: Path, duty: Hook
) -> None:
    """Two leads at two terminals; both applications are raised."""
    counted = (*counts(tmp_path, BOOKS), "--confirm", "all")
    both = []
    for lead, (number,) in zip((LEAD, OTHER_LEAD), rows(NUMBERS), strict=False):
        signed = ("--by", lead.code, "--second", KEEPER.code, "--passwords-from", "-", *counted)
        given = ("applications", "raise", str(number), "--reason", "exam", *signed)
        both.append(start(*given, folder=folder.path, lines=(lead.password, KEEPER.password)))
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [Exit.FINE, Exit.FINE], said
    assert rows(SHIFTS) == [("on-call", 0)]
    assert sorted(rows(RAISED)) == [("p-0301", "exam"), ("p-0302", "exam")]
    assert rows(ALARMS) == [("on-call", 1)]
    assert len(duty.told) == 1


def test_an_emergency_that_comes_with_a_batch_is_told_and_opens_nothing(
    passline: Command,
    rows: Callable[[str], list[tuple[object, ...]]],
    tmp_path: Path,
    duty: Hook,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A batch is nobody's signature. Loaded again it tells nothing new; the shift that opens ends the alarm."""
    batch = str(tmp_path / "batch")
    sound = ("--emergencies", "1", "--intake-defects", "0", "--review-defects", "0", "--seed", "7")
    assert run(["intake", "generate", batch, "--documents", "2", *sound]) == Exit.FINE
    for _ in range(2):
        assert passline("intake", "load", batch) == Exit.FINE
        assert "passline shift open on-call --on-call" in capsys.readouterr().err
    assert (rows(SHIFTS), rows(ALARMS)) == ([], [("emergency-waits", 1)])
    [told] = duty.wait_for(1)
    assert "An emergency waits and no shift is open" in told["title"] and "2 applications" in told["message"]
    signed = ("--first", LEAD.code, "--second", KEEPER.code, "--passwords-from", "-", "--confirm", "all")
    opening = ("shift", "open", "on-call", "--on-call", *signed, *counts(tmp_path, BOOKS))
    assert passline(*opening, "--absent", "p-0102", typed=(LEAD, KEEPER)) == Exit.FINE
    assert "told: duty" in capsys.readouterr().out
    assert rows(SHIFTS) == [("on-call", 0)]
    assert rows(ALARMS) == [("emergency-waits", 0), ("on-call", 1)]
    assert passline("intake", "load", batch) == Exit.FINE
    assert rows(ALARMS) == [("emergency-waits", 0), ("on-call", 1)]


def test_what_comes_a_moment_after_the_last_emergency_is_told_again(
    passline: Command, rows: Callable[[str], list[tuple[object, ...]]], tmp_path: Path, duty: Hook
) -> None:
    """An alarm that comes back within ten minutes is the one that it was; another emergency is another one."""
    sound = ("--emergencies", "1", "--intake-defects", "0", "--review-defects", "0")
    for seed in ("7", "8"):
        batch = str(tmp_path / f"batch-{seed}")
        assert run(["intake", "generate", batch, "--documents", "1", *sound, "--seed", seed]) == Exit.FINE
        assert passline("intake", "load", batch) == Exit.FINE
    assert rows(ALARMS) == [("emergency-waits", 1), ("emergency-waits", 1)]
    assert len(duty.wait_for(2)) == 2
    signed = ("--first", LEAD.code, "--second", KEEPER.code, "--passwords-from", "-", "--confirm", "all")
    opening = ("shift", "open", "on-call", "--on-call", *signed, *counts(tmp_path, BOOKS))
    assert passline(*opening, typed=(LEAD, KEEPER)) == Exit.FINE
    assert rows(ALARMS) == [("emergency-waits", 0), ("emergency-waits", 0), ("on-call", 1)]


def test_a_line_without_people_on_call_opens_no_on_call_shift(
    folder: RunFolder, passline: Command, emergency: Command, rows: Callable[[str], list[tuple[object, ...]]]
) -> None:
    """A raise is then a lead's alone, as it was."""
    folder.configuration.write_text(folder.configuration.read_text("utf-8").replace(ON_CALL, ""), "utf-8")
    assert passline("shift", "open", "on-call", "--on-call", "--confirm", "all") == Exit.REFUSED
    assert emergency(typed=(LEAD,)) == Exit.FINE
    assert (rows(SHIFTS), len(rows(RAISED))) == ([], 1)


def test_one_person_in_two_roles_on_call_is_refused_when_line_toml_is_read(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in the night, when it would be found out that somebody is missing."""
    text = folder.configuration.read_text("utf-8").replace('reviewer = ["p-0501"]', 'reviewer = ["p-0101"]')
    folder.configuration.write_text(text, "utf-8")
    assert passline("shift", "open", "on-call", "--on-call", "--confirm", "all") == Exit.REFUSED
    assert "on_call.reviewer[0] is 'p-0101', who is on call as keeper already" in capsys.readouterr().err


def test_people_of_an_on_call_shift_are_not_named_one_by_one(passline: Command) -> None:
    assert passline("shift", "open", "night", "--on-call", "--crew", "vault=p-0101,p-0102") == Exit.REFUSED
    assert passline("shift", "open", "night", "--absent", "p-0101") == Exit.REFUSED
