"""`passline shift`: people open and close it with their own passwords, on what they scanned; emulated ones on a line
whose blanks are EMULATED."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, start

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.facts import board_facts
from flows.line_rules import DIFFERENCES
from flows.line_run import working_shift
from flows.locks import line_lock
from flows.run_folder import RunFolder
from flows.settings import DesksSettings
from flows.two_hands import workplace_of
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.shift.rules import CHECKLIST
from stations.vault import receiving, station
from stations.vault.receiving import Delivery
from stations.vault.rules import Reserve

PEOPLE = {
    Credentials("p-0301", "a password of the lead"): Role.LEAD,
    Credentials("p-0302", "a password of another lead"): Role.LEAD,
    Credentials("p-0101", "a password of keeper one"): Role.KEEPER,
    Credentials("p-0102", "a password of keeper two"): Role.KEEPER,
    Credentials("p-0201", "a password of operator one"): Role.OPERATOR,
    Credentials("p-0202", "a password of operator two"): Role.OPERATOR,
    Credentials("p-0401", "a password of inspector one"): Role.INSPECTOR,
    Credentials("p-0402", "a password of inspector two"): Role.INSPECTOR,
    Credentials("p-0501", "a password of a reviewer"): Role.REVIEWER,
    Credentials("p-0601", "a password of a packer"): Role.PACKER,
    Credentials("p-0701", "a password of a mailer"): Role.MAILER,
    Credentials("p-0801", "a password of an auditor"): Role.AUDITOR,
}
LEAD, SECOND_LEAD, KEEPER, KEEPER_TWO, *_, AUDITOR = PEOPLE
ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
CREW = [
    *("--crew", "vault=p-0101,p-0102", "--crew", "personalization=p-0201,p-0202", "--crew", "qc=p-0401,p-0402"),
    *("--crew", "review=p-0501", "--crew", "packing=p-0601", "--crew", "mailing=p-0701"),
]
OPEN = ("open", "early", *CREW, "--confirm", "all")
BOOKS = [f"EA{number:07d}" for number in range(1, 6)]

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with its people, and five books in the vault."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("shift") / "line")
        write_default(folder, books=1, cards=1, readers=1, gate=False, tray_size=3, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in PEOPLE.items():
                register.enrol(database, by, person, [role], emulated=True)
        with open_line(folder, shift="day", stations=("intake",)) as line:
            line.parts.hands().deliver(BOOKS, "shelf:book")
            receiving.receive(line.workplace("vault"), Delivery("book", BOOKS[0], BOOKS[-1], 5, "DN-1"))
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> RunFolder:
    """A copy of that line."""
    return RunFolder(shutil.copytree(built, tmp_path / "line"))


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline shift …` on the line, its people typing their passwords; what it wrote is in `capsys`."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, signed: Sequence[Credentials] = ()) -> int:
        feed(monkeypatch, [person.password for person in signed])
        options = ["--dir", str(folder.path)]
        for name, person in zip(("--first", "--second"), signed, strict=False):
            options += [name, person.code]
        if signed:
            options += ["--passwords-from", "-"]
        capsys.readouterr()
        return run(["shift", *arguments, *options])

    return command


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Makes the scanner's file of the vault, and an empty one of personalization."""

    def write(*serials: str) -> tuple[str, ...]:
        (tmp_path / "vault.txt").write_text("".join(f"{serial}\n" for serial in serials))
        (tmp_path / "none.txt").write_text("")
        return "--counted", f"vault={tmp_path / 'vault.txt'}", "--counted", f"personalization={tmp_path / 'none.txt'}"

    return write


@pytest.fixture(autouse=True)
def _sound(folder: RunFolder):
    """Whatever was done, custody and the line's tables are what the log says."""
    yield
    with closing(open_reading(folder.line().database_url)) as reading:
        assert violations(reading) == []
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


def rows(folder: RunFolder, query: str) -> list[tuple[object, ...]]:
    with closing(open_reading(folder.line().database_url)) as reading:
        return reading.tuples(query)


def test_a_lead_and_a_keeper_open_and_close_a_shift_on_what_they_scanned(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both by their own passwords; what the shift does bears its name; all of it is sealed."""
    assert passline(*OPEN, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    out = capsys.readouterr().out
    assert "EMULATED: shift early is open: 9 people, 2 machines, 5 counted; signed by p-0301 and p-0101" in out
    assert working_shift(folder, read_settings(folder)) == "early"
    with workplace_of(folder, "vault") as here:
        assert here.shift == "early"
    assert passline("status", "--output", "json") == Exit.FINE
    shown = json.loads(capsys.readouterr().out)
    assert (shown["emulated"], shown["shift"]["name"], shown["stops"]) == (True, "early", [])
    assert [row["difference"] for row in shown["balance"]] == [0]
    assert passline("close", *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    said = capsys.readouterr()
    assert "shift early is closed, balanced; 5 counted" in said.out
    [(shift_id,)] = rows(folder, "SELECT shift_id FROM shift")
    report = f"passline shift report {shift_id} --pdf shift-early.pdf --dir {folder.path}"
    assert said.out.endswith(f"next, for both to sign: {report}\n")
    assert "No Prefect server runs now" in said.err
    assert working_shift(folder, read_settings(folder)) == "day"
    signed = (
        "SELECT count(*) FROM custody_event WHERE person = 'p-0301' AND sign_in IS NOT NULL"
        " AND second_sign_in IS NOT NULL"
    )
    assert rows(folder, signed) == [(4,)]
    assert rows(folder, "SELECT count(*) FROM custody_event") == rows(folder, "SELECT count(*) FROM seal_leaf")


@pytest.mark.parametrize(
    ("signed", "why"),
    [
        ((KEEPER, LEAD), "p-0101 is not lead"),
        ((LEAD, LEAD), "two"),
        ((LEAD, AUDITOR), "p-0801"),
        ((LEAD, Credentials("p-0101", "not the password")), "p-0101"),
        ((LEAD, ONE), "p-0001"),
    ],
    ids=["no lead first", "one person twice", "an auditor", "a wrong password", "an administrator"],
)
def test_no_shift_without_a_lead_and_a_second_person(
    folder: RunFolder,
    passline: Command,
    scan: Callable[..., tuple[str, ...]],
    capsys: pytest.CaptureFixture[str],
    signed: tuple[Credentials, ...],
    why: str,
) -> None:
    """And the refusal says who it is about."""
    assert passline(*OPEN, *scan(*BOOKS), signed=signed) == Exit.REFUSED
    assert why in capsys.readouterr().err
    assert rows(folder, "SELECT count(*) FROM shift_count") == [(0,)]


def test_the_count_is_blind(
    passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither refusals before the count nor the status say how many there must be, or which."""
    for arguments in (("open", "early"), (*OPEN, *scan(*BOOKS, BOOKS[0])), ("open", "early", "--confirm", "all")):
        assert passline(*arguments) == Exit.REFUSED
        said = capsys.readouterr()
        assert not any(serial in said.out + said.err for serial in BOOKS[1:])
    assert passline(*OPEN, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    for output in ("table", "json"):
        capsys.readouterr()
        assert passline("status", "--output", output) == Exit.FINE
        assert "still_here" not in (said := capsys.readouterr().out) and BOOKS[0] not in said
        assert "carried" not in said


def test_a_difference_refuses_the_opening_and_is_named_unless_a_lead_forces_it(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Forced, it is a case that others than those two close."""
    assert passline(*OPEN, *scan(*BOOKS[1:]), signed=(LEAD, KEEPER)) == Exit.FINDINGS
    said = capsys.readouterr().out
    assert "NOT open" in said and f"missing {BOOKS[0]}: vault; the log: held at vault, shelf:book" in said
    assert passline(*OPEN, *scan(*BOOKS[1:]), "--reason", "Found short", signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert passline(*OPEN, *scan(*BOOKS[1:]), "--reason", "found-short", signed=(LEAD, KEEPER)) == Exit.FINE
    assert passline("status") == Exit.FINDINGS
    [(shift_id,)] = rows(folder, "SELECT shift_id FROM shift")
    assert f"forced at its opening (found-short): passline shift settle {shift_id}" in capsys.readouterr().out
    settle = ("settle", str(shift_id), "--finding", "found-behind-shelf")
    assert passline(*settle, signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert passline(*settle, signed=(SECOND_LEAD, KEEPER)) == Exit.FINE
    assert passline("status") == Exit.FINE


def test_a_close_says_all_that_stands_against_it_and_what_to_do_and_asks_nobody_to_sign(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed; a lead's reason closes it all the same, and what was left is kept."""
    assert passline(*OPEN, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    with workplace_of(folder, "vault") as here:
        handoff = station.issue_scanned(here, BOOKS[:1], Plenty(), "a" * 32)
    assert passline("close", *scan(*BOOKS), "--output", "json") == Exit.FINDINGS
    refused = json.loads(capsys.readouterr().out)
    assert (refused["closed"], [stop["code"] for stop in refused["stops"]]) == (False, ["offer-unanswered"])
    assert f"passline blanks accept {handoff} --station personalization" in refused["stops"][0]["to_do"]
    assert rows(folder, "SELECT closed FROM shift") == [(0,)]
    assert rows(folder, "SELECT count(*) FROM shift_count") == [(1,)]
    assert passline("close", *scan(*BOOKS), "--reason", "evacuation", signed=(LEAD, KEEPER)) == Exit.FINE
    assert "closed, forced" in capsys.readouterr().out
    [(left,)] = rows(folder, "SELECT closing_left FROM shift")
    assert handoff in str(left)


class Plenty(Reserve):
    """Blanks whatever is ordered."""

    def beside(self, orders: int) -> int:
        return 1_000


def test_a_refused_count_can_be_looked_at_again(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each count with what came of it; one by its id, with its places and differences."""
    assert passline(*OPEN, *scan(*BOOKS[1:]), signed=(LEAD, KEEPER)) == Exit.FINDINGS
    assert passline(*OPEN, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    assert passline("counts", "--output", "json") == Exit.FINE
    good, refused = json.loads(capsys.readouterr().out)
    assert (good["shift"], good["outcome"], good["pieces"], good["differences"]) == ("early", "opened", 5, 0)
    assert (refused["shift"], refused["outcome"], refused["pieces"], refused["differences"]) == ("", "refused", 4, 1)
    assert passline("counts", refused["count_id"]) == Exit.FINE
    said = capsys.readouterr().out
    assert f"missing {BOOKS[0]}: vault" in said and "personalization (all of it): 0" in said
    assert passline("counts", "f" * 32) == Exit.REFUSED
    assert passline("close", *scan(*BOOKS), "--reason", "to-be-safe", signed=(LEAD, KEEPER)) == Exit.FINE
    assert passline("counts") == Exit.FINE
    assert "balanced" in capsys.readouterr().out


def test_nothing_is_counted_while_the_line_runs(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """A running line moves what people count."""
    with line_lock(folder):
        assert passline("open", "early", "--emulated") == Exit.REFUSED
        assert "run by another process" in capsys.readouterr().err
    assert passline("open", "early", "--emulated") == Exit.FINE
    with line_lock(folder):
        assert passline("close", "--emulated") == Exit.REFUSED
    assert rows(folder, "SELECT name, closed FROM shift") == [("early", 0)]


def test_of_two_processes_that_close_at_once_one_does(folder: RunFolder, passline: Command) -> None:
    """The other is refused, and there is one closing count."""
    assert passline("open", "early", "--emulated") == Exit.FINE
    both: list[subprocess.Popen[str]] = [start("shift", "close", "--emulated", folder=folder.path) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [Exit.FINE, Exit.REFUSED], said
    assert rows(folder, "SELECT moment, count(*) FROM shift_count GROUP BY moment ORDER BY 1") == [
        ("close", 1),
        ("opening", 1),
    ]


def test_emulated_people_say_so(folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """On an emulated line nobody types a password; every word of it is marked."""
    assert passline("open", "early", "--emulated") == Exit.FINE
    assert "EMULATED: shift early is open" in capsys.readouterr().out
    assert passline("close", "--emulated") == Exit.FINE
    assert capsys.readouterr().out.startswith("EMULATED: shift early is closed, balanced; 5 counted")
    assert rows(folder, "SELECT DISTINCT emulated FROM shift_count") == [(1,)]


def test_a_line_of_real_people_has_no_emulated_ones(
    folder: RunFolder, passline: Command, monkeypatch: pytest.MonkeyPatch, scan: Callable[..., tuple[str, ...]]
) -> None:
    """Nor eyes that count for them: without a scan there is no count."""
    monkeypatch.setenv("PASSLINE_STAFF__KIND", "desks")
    for desk in DesksSettings.model_fields:
        monkeypatch.setenv(f"PASSLINE_DESKS__{desk.upper()}", "people")
    assert passline("open", "early", "--emulated") == Exit.REFUSED
    assert passline(*OPEN, signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert rows(folder, "SELECT count(*) FROM shift_count") == [(0,)]
    assert passline(*OPEN, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE


def test_a_count_comes_from_one_file_with_places_or_from_a_pipe(
    folder: RunFolder, passline: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A piece in the wrong place is named; a pipe can't be passwords and count at once."""
    lines = ["station,place,serial", *(f"vault,shelf:book,{serial}" for serial in BOOKS[1:])]
    lines += [f"vault,shelf:card,{BOOKS[0]}", "personalization,stock:book,"]
    (tmp_path / "count.csv").write_text("\n".join(lines))
    counted = ("--counted", str(tmp_path / "count.csv"))
    assert passline(*OPEN, *counted, "--output", "json", signed=(LEAD, KEEPER)) == Exit.FINDINGS
    [difference] = json.loads(capsys.readouterr().out)["differences"]
    assert (difference["serial"], difference["what"], difference["place"]) == (BOOKS[0], "misplaced", "shelf:card")
    assert passline(*OPEN, "--counted", "-", signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert "can't be read beside" in capsys.readouterr().err
    assert passline(*OPEN, "--counted", str(tmp_path / "nothing.csv"), signed=(LEAD, KEEPER)) == Exit.REFUSED


def test_the_checklist_is_printed_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["shift", "checklist"]) == Exit.FINE
    shown = capsys.readouterr().out
    assert all(item.english in shown and item.chinese in shown for item in CHECKLIST)


def test_there_is_nothing_to_close_or_to_settle_before_a_shift_is_opened(
    passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("close", "--emulated") == Exit.REFUSED
    assert "no shift is open" in capsys.readouterr().err
    assert passline("settle", "f" * 32, "--finding", "recounted", "--emulated") == Exit.REFUSED
    assert passline("status") == Exit.FINE
    assert "no shift is open" in capsys.readouterr().out


@pytest.mark.parametrize("crew", ["vault", "vault=", "vault=p-0101,", "=p-0101"])
def test_a_crew_that_names_nobody_is_refused(passline: Command, crew: str) -> None:
    assert passline("open", "early", "--crew", crew, "--confirm", "all") == Exit.REFUSED


def test_two_leads_hand_a_shift_over_on_what_they_scanned(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each station's content is one handoff that both sign; the next shift says from whom it took over."""
    both = (LEAD, SECOND_LEAD)
    assert passline(*OPEN, *scan(*BOOKS), signed=both) == Exit.FINE
    late = ("hand-over", "late", *CREW, "--confirm", "all")
    # A keeper takes no shift over, and nothing was recorded.
    assert passline(*late, *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert rows(folder, "SELECT count(*) FROM shift_count") == [(1,)]
    assert passline(*late, *scan(*BOOKS[1:]), signed=both) == Exit.FINDINGS
    assert f"missing {BOOKS[0]}" in capsys.readouterr().out
    assert passline(*late, *scan(*BOOKS), "--output", "json", signed=both) == Exit.FINE
    said = json.loads(capsys.readouterr().out)
    assert (said["shift"], said["next"], said["units"], said["how"]) == ("early", "late", {"vault": 5}, "balanced")
    [handoff] = rows(
        folder,
        "SELECT person, second_person, shift, sign_in IS NOT NULL, second_sign_in IS NOT NULL, count_expected"
        " FROM custody_event WHERE reason = 'shift-hand-over'",
    )
    assert handoff == (SECOND_LEAD.code, LEAD.code, "late", 1, 1, 5)
    assert passline("status", "--output", "json") == Exit.FINE
    said = json.loads(capsys.readouterr().out)
    assert (said["shift"]["name"], said["taken_over"]["from_name"]) == ("late", "early")
    assert said["taken_over"]["taken_by"] == SECOND_LEAD.code
    assert passline("close", *scan(*BOOKS), signed=both) == Exit.FINE


def test_a_hand_over_that_is_refused_says_what_to_do_before_anybody_signs(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Open offers pass by list; a job without an outcome does not."""
    assert passline("hand-over", "late", "--emulated") == Exit.REFUSED
    assert passline("open", "early", "--emulated") == Exit.FINE
    with workplace_of(folder, "vault") as here:
        station.issue_scanned(here, BOOKS[:2], Plenty(), "a" * 32)
    assert passline("hand-over", "early", "--emulated") == Exit.REFUSED
    assert passline("hand-over", "late", "--emulated") == Exit.FINE
    said = capsys.readouterr().out
    assert said.startswith("EMULATED: shift early is handed over, balanced, and shift late is open; 5 counted")
    assert "by list: offer" in said
    assert passline("status") == Exit.FINDINGS
    said = capsys.readouterr().out
    assert "taken over from shift early, balanced, by e-lead-2" in said and "by list: offer" in said
    with closing(open_database(folder, folder.line().database_url)) as database:
        database.write(
            lambda tx: tx.exec_driver_sql("INSERT INTO machine_lease VALUES ('book-01', 'w', 3, 9007199254740990, 1)")
        )
    assert passline("hand-over", "night", "--emulated") == Exit.FINDINGS
    assert "machine-at-work, book-01" in capsys.readouterr().out
    assert rows(folder, "SELECT name FROM shift WHERE NOT closed") == [("late",)]


def test_an_absent_keeper_is_relieved_and_signs_in_to_nothing(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A lead, a witness and whoever takes over type their passwords, in this order."""
    both = (LEAD, SECOND_LEAD)
    assert passline(*OPEN, *scan(*BOOKS), signed=both) == Exit.FINE
    with workplace_of(folder, "vault") as here:
        absent = here.people[0]
    relieve = ("relieve", absent, "--reason", "ill")
    assert passline(*relieve, "--by", "p-0302", *scan(*BOOKS), signed=(*both, SECOND_LEAD)) == Exit.REFUSED
    assert "can't sign as witness" in capsys.readouterr().err
    assert passline(*relieve, "--by", "p-0101", *scan(*BOOKS), signed=(*both, KEEPER)) == Exit.FINE
    assert f"{absent} is relieved by p-0101: 5 units passed; 5 counted" in capsys.readouterr().out
    assert rows(folder, "SELECT person, second_person FROM custody_event WHERE reason = 'relief'") == [
        ("p-0101", "p-0301")
    ]
    # The keeper of the crew who took over goes away as well; they had signed in before.
    relieve = ("relieve", "p-0101", "--reason", "called-away", "--by", "p-0102", "--output", "json")
    assert passline(*relieve, *scan(*BOOKS[1:]), signed=(*both, KEEPER_TWO)) == Exit.FINDINGS
    said = json.loads(capsys.readouterr().out)
    assert (said["units"], [one["what"] for one in said["differences"]]) == ({"vault": 4}, ["missing"])
    assert passline("close", *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert "p-0101 was relieved by p-0102" in capsys.readouterr().err
    assert passline("status") == Exit.FINE
    assert "p-0101 is relieved by p-0102 (called-away)" in capsys.readouterr().out
    assert passline("close", *scan(*BOOKS), signed=both) == Exit.FINE


def test_an_emulated_relief_needs_no_passwords(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("open", "early", "--emulated") == Exit.FINE
    with workplace_of(folder, "vault") as here:
        absent = here.people[0]
    assert passline("relieve", absent, "--by", "e-lead-3", "--reason", "ill", "--emulated") == Exit.FINE
    said = capsys.readouterr().out
    assert said.startswith(f"EMULATED: {absent} is relieved by e-lead-3: 5 units passed; 5 counted")
    assert passline("close", "--emulated") == Exit.FINE


def test_one_person_evacuates_the_line_and_two_come_back(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody of the line by their own password, also while it runs; a count of two lifts it."""
    both = (LEAD, SECOND_LEAD)
    assert passline(*OPEN, *scan(*BOOKS), signed=both) == Exit.FINE
    assert evacuate(folder, AUDITOR) == Exit.REFUSED
    assert "p-0801 is not" in capsys.readouterr().err
    with line_lock(folder):
        assert evacuate(folder, KEEPER) == Exit.FINE
    assert "the line is evacuated (fire), by p-0101" in capsys.readouterr().out
    assert evacuate(folder, KEEPER) == Exit.REFUSED
    assert "evacuated since" in capsys.readouterr().err
    assert passline("status") == Exit.FINDINGS
    assert "EVACUATED since" in capsys.readouterr().out
    assert run(["status", "--dir", str(folder.path), "--output", "json"]) == Exit.FINE
    assert json.loads(capsys.readouterr().out)["evacuated"]["reason"] == "fire"
    assert run(["status", "--dir", str(folder.path)]) == Exit.FINE
    assert " EVACUATED " in capsys.readouterr().out
    with closing(open_reading(folder.line().database_url)) as reading:
        facts = board_facts(reading)
        assert [(one.code, one.subject) for one in facts.standing] == [("evacuated", "line")]
    assert run(["run", "--dir", str(folder.path)]) == Exit.REFUSED
    assert passline("close", *scan(*BOOKS), signed=both) == Exit.REFUSED
    assert passline("return", *scan(*BOOKS[1:]), signed=(LEAD, KEEPER)) == Exit.FINDINGS
    assert f"missing {BOOKS[0]}" in capsys.readouterr().out
    assert passline("return", *scan(*BOOKS), signed=(LEAD, KEEPER)) == Exit.FINE
    assert (
        "the evacuation (fire) is over, counted; 5 counted and signed by p-0301 and p-0101" in capsys.readouterr().out
    )
    assert passline("close", *scan(*BOOKS), signed=both) == Exit.FINE


def evacuate(folder: RunFolder, who: Credentials) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        feed(patch, [who.password])
        arguments = ["--reason", "fire", "--by", who.code, "--passwords-from", "-"]
        return run(["shift", "evacuate", *arguments, "--dir", str(folder.path)])


def test_an_emulated_evacuation_needs_no_passwords_and_a_forced_return_is_a_case(
    folder: RunFolder, passline: Command, scan: Callable[..., tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("return", "--emulated") == Exit.REFUSED
    assert passline("evacuate", "--reason", "fire", "--emulated") == Exit.FINE
    assert capsys.readouterr().out.startswith("EMULATED: the line is evacuated (fire), by e-lead-1")
    assert passline("return", *scan(*BOOKS[1:]), "--reason", "smoke", "--emulated", "--output", "json") == Exit.FINE
    said = json.loads(capsys.readouterr().out)
    assert (said["how"], [one["serial"] for one in said["differences"]]) == ("forced", BOOKS[:1])
    assert passline("status") == Exit.FINDINGS
    assert "was forced at its return (smoke)" in capsys.readouterr().out
    assert passline("settle", said["evacuation_id"], "--finding", "recounted", "--emulated") == Exit.FINE
    assert passline("status") == Exit.FINE


def test_a_line_that_was_handed_over_relieved_and_evacuated_is_verified(folder: RunFolder, passline: Command) -> None:
    """The log of it is whole, sealed, and agrees with the tables; and it leaves as EPCIS."""
    assert passline("open", "early", "--emulated") == Exit.FINE
    assert passline("hand-over", "late", "--emulated") == Exit.FINE
    # Who was relieved signs none of what follows.
    assert passline("relieve", "e-lead-2", "--by", "e-lead-3", "--reason", "ill", "--emulated") == Exit.FINE
    assert passline("evacuate", "--reason", "fire", "--emulated") == Exit.FINE
    assert passline("return", "--emulated") == Exit.FINE
    assert passline("close", "--emulated") == Exit.FINE
    signed = rows(folder, "SELECT moment, counted_by, counted_second FROM shift_count ORDER BY counted_us")
    assert signed[2:] == [
        (moment, *signers)
        for moment, *signers in (
            ("relief", "e-lead-3", "e-lead-1"),
            ("return", "e-lead-1", "e-lead-3"),
            ("close", "e-lead-1", "e-lead-3"),
        )
    ]
    at = ["--dir", str(folder.path)]
    assert run(["logs", "verify", *at]) == Exit.FINE
    assert run(["logs", "check", *at]) == Exit.FINE
    assert run(["logs", "epcis", "--out", str(folder.path / "epcis.json"), *at]) == Exit.FINE
    assert run(["logs", "same-person", *at]) == Exit.FINE
    assert run(["logs", "gaps", *at]) == Exit.FINE
