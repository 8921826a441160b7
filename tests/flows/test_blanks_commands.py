"""`passline blanks`: what keepers do with blanks, each act signed by whom it needs, and the balance that shows it."""

import hashlib
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_line import Line as HandMade
from typed_commands import feed

from flows import balance_command as balance_module
from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.parts import Parts
from flows.reckoning import reckon
from flows.run_folder import RunFolder
from handoff_logs import log
from handoff_logs.log import Stamp
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from handoff_logs.records import Party
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.qc.pieces import document_units, offered_numbers
from stations.review import station as review
from stations.trays import accept_by_scan, tray_place
from stations.vault import pieces, receiving
from stations.vault.receiving import Delivery

PEOPLE = {
    Credentials("p-0101", "a password of keeper one"): Role.KEEPER,
    Credentials("p-0102", "a password of keeper two"): Role.KEEPER,
    Credentials("p-0201", "a password of operator one"): Role.OPERATOR,
    Credentials("p-0202", "a password of operator two"): Role.OPERATOR,
    Credentials("p-0301", "a password of the lead"): Role.LEAD,
}
KEEPER, SECOND_KEEPER, OPERATOR, SECOND_OPERATOR, LEAD = PEOPLE
ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
TWENTY = Delivery("book", "EA0000001", "EA0000020", 20, "DN-2026-0815")
DELIVERY = ("EA0000001", "EA0000020", "--kind", "book", "--count", "20", "--note", "DN-2026-0815")

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with keepers, operators and a lead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("vault") / "line")
        write_default(folder, books=1, cards=1, readers=1, gate=False, tray_size=3, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in PEOPLE.items():
                register.enrol(database, by, person, [role], emulated=True)
    return folder.path


SOUND = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)


@pytest.fixture(scope="module")
def ordered(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with three passports to make and twenty books on the vault's shelf."""
    folder = RunFolder(shutil.copytree(built, tmp_path_factory.mktemp("ordered") / "line"))
    batch = folder.path.with_name("batch")
    generate(batch, 3, 1, day=date(2026, 9, 1), shares=SOUND)
    with open_line(folder, shift="day", stations=("intake",)) as line:
        load(line.workplace("intake"), batch, folder.path / "replies", tray_size=3)
        serials = receiving.check(TWENTY)
        line.parts.hands().deliver(serials, "shelf:book")
        receiving.receive(line.workplace("vault"), TWENTY)
    return folder.path


@pytest.fixture
def busy(ordered: Path, folder: RunFolder) -> RunFolder:
    """That line in place of the other."""
    shutil.rmtree(folder.path)
    shutil.copytree(ordered, folder.path)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> RunFolder:
    """A copy of that line."""
    return RunFolder(shutil.copytree(built, tmp_path / "line"))


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline blanks …` on the line, its people typing their passwords; what it wrote is in `said`."""
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
        return run(["blanks", *arguments, *options])

    return command


@pytest.fixture
def balance(folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """The row of a place as `passline blanks balance` says it."""

    def ask(station: str, machine: str = "", kind: str = "book") -> dict[str, Any]:
        assert passline("balance", "--output", "json") == Exit.FINE
        rows = json.loads(capsys.readouterr().out)
        with closing(open_reading(folder.line().database_url)) as reading:
            assert violations(reading) == []
        key = (station, machine, kind)
        return next((row for row in rows if (row["station"], row["machine"], row["kind"]) == key), {})

    return ask


def received(passline: Command) -> None:
    assert passline("receive", *DELIVERY, signed=(KEEPER, SECOND_KEEPER)) == Exit.FINE


def test_two_keepers_receive_a_delivery_once(
    folder: RunFolder, passline: Command, balance: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sign with their own passwords; the same again asks nobody and changes nothing; every blank is there."""
    received(passline)
    assert "EMULATED: 20 book blanks EA0000001 to EA0000020 of delivery DN-2026-0815" in capsys.readouterr().out
    assert passline("receive", *DELIVERY) == Exit.FINE
    assert "received before" in capsys.readouterr().out
    vault = balance("vault")
    assert (vault["received"], vault["good"], vault["difference"], vault["emulated"]) == (20, 20, 0, True)
    with closing(open_reading(folder.line().database_url)) as reading:
        [event] = reading.rows("SELECT * FROM custody_event WHERE act = 'receive' AND to_place = 'shelf:book'")
        signed = reading.rows(
            "SELECT code FROM sign_in_attempt WHERE attempt_id IN (:first, :second) ORDER BY code",
            first=event["sign_in"],
            second=event["second_sign_in"],
        )
    assert (event["person"], event["second_person"], event["reason"]) == (KEEPER.code, SECOND_KEEPER.code, DELIVERY[-1])
    assert [row["code"] for row in signed] == [KEEPER.code, SECOND_KEEPER.code]


@pytest.mark.parametrize(
    "signed", [(KEEPER, OPERATOR), (KEEPER, KEEPER), (KEEPER, Credentials("p-0102", "not the password"))]
)
def test_no_delivery_without_two_keepers(
    passline: Command, balance: Callable[..., dict[str, Any]], signed: tuple[Credentials, ...]
) -> None:
    """Another role, the same person twice, a wrong password: nothing is received."""
    assert passline("receive", *DELIVERY, signed=signed) == Exit.REFUSED
    assert balance("vault") == {}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("EA0000001", "EA0000020", "--kind", "book", "--count", "19", "--note", "DN-1"), "20 blanks and 19"),
        (("EA0000001", "EB0000002", "--kind", "book", "--count", "2", "--note", "DN-1"), "no range"),
        (("KA0000001", "KA0000002", "--kind", "book", "--count", "2", "--note", "DN-1"), "no serial of a book"),
        (("EA0000001", "EA0000002", "--kind", "card", "--count", "2", "--note", "DN-1"), "no serial of a card"),
        (("EA0000001", "EA0000002", "--kind", "book", "--count", "2", "--note", "one sentence"), "delivery note"),
    ],
)
def test_a_delivery_whose_parts_disagree_is_refused_whole(
    passline: Command,
    balance: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    why: str,
) -> None:
    """Count, range, kind and note: nobody is asked to sign for what can't be."""
    assert passline("receive", *arguments) == Exit.REFUSED
    assert why in capsys.readouterr().err
    assert balance("vault") == {}


def test_known_serials_in_a_delivery_are_named_and_nothing_of_it_is_received(
    passline: Command, balance: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A supplier who sends a serial twice, or a note that is booked twice by another range."""
    received(passline)
    overlapping = ("EA0000019", "EA0000030", "--kind", "book", "--count", "12", "--note", "DN-2")
    assert passline("receive", *overlapping) == Exit.REFUSED
    assert "2 of the 12 blanks are in the log already, under another delivery: EA0000019, EA0000020" in (
        capsys.readouterr().err
    )
    assert passline("receive", *DELIVERY[:-1], "DN-2") == Exit.REFUSED
    assert balance("vault")["received"] == 20


def test_the_balance_is_told_as_a_sum_of_named_terms(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Table, CSV and a past instant; times that bound nothing and unknown shifts are refused."""
    received(passline)
    capsys.readouterr()
    assert passline("balance") == Exit.FINE
    shown = capsys.readouterr().out
    assert "EMULATED: blanks until now" in shown
    for words in ("carried over", "+ received", "= made into documents", "+ still here", "difference"):
        assert words in shown
    assert passline("balance", "--output", "csv", "--shift", "day") == Exit.FINE
    assert ",vault,,0,20," in capsys.readouterr().out
    assert passline("balance", "--at", "2020-01-01", "--output", "json") == Exit.FINE
    assert json.loads(capsys.readouterr().out) == []
    assert passline("balance", "--from", "2026-01-02", "--to", "2026-01-01") == Exit.REFUSED
    assert passline("balance", "--shift", "night") == Exit.REFUSED


def test_the_balance_of_twenty_machines_is_read_on_a_hundred_columns(
    passline: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every station and machine has its column, whole, however large its numbers are."""
    received(passline)
    (vault,) = json_of(passline, capsys)
    places = [("vault", ""), ("personalization", ""), ("qc", "")]
    places += [("personalization", f"book-{number:02}") for number in range(1, 21)]
    many = [{**vault, "station": at, "machine": machine, "received": 4_000_000} for at, machine in places]
    monkeypatch.setattr(balance_module, "balance", lambda *_, **__: many)
    assert passline("balance") == Exit.FINE
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    names = re.findall(r"(?m)^ {27}(.+)$", shown)
    assert sorted(" ".join(names).split()) == sorted(machine or at for at, machine in places)
    assert shown.count("4000000") == len(places)


def json_of(passline: Command, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The balance as JSON."""
    capsys.readouterr()
    assert passline("balance", "--output", "json") == Exit.FINE
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def handoff(said: str) -> str:
    """The handoff that a command named as the next one to accept."""
    return re.findall(r"blanks accept ([0-9a-f]{32})", said)[0]


@pytest.mark.usefixtures("busy")
def test_the_vault_issues_what_the_shift_needs_and_no_more(
    passline: Command, balance: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Three orders, one for five in a hundred and ten: fourteen. More is refused and says what is needed and there."""
    assert passline("issue", "--kind", "book", "--count", "15") == Exit.REFUSED
    assert "14 are needed: 3 for orders and 11 in reserve, of which 0 lie there" in capsys.readouterr().err
    assert passline("issue", "--kind", "book", signed=(OPERATOR,)) == Exit.REFUSED
    assert passline("issue", "--kind", "book", "--count", "10", signed=(KEEPER,)) == Exit.FINE
    ten = handoff(capsys.readouterr().out)
    assert passline("issue", "--kind", "book", "--count", "5") == Exit.REFUSED
    assert "14 are needed" not in capsys.readouterr().err
    assert balance("vault")["offered"] == 10
    assert passline("accept", ten, signed=(OPERATOR,)) == Exit.FINE
    assert passline("issue", "--kind", "book", signed=(KEEPER,)) == Exit.FINE
    four = handoff(capsys.readouterr().out)
    assert passline("accept", four, signed=(SECOND_OPERATOR,)) == Exit.FINE
    assert passline("issue", "--kind", "book") == Exit.FINE
    assert "no book blanks are needed: 14 lie there" in capsys.readouterr().out
    assert (balance("vault")["handed_on"], balance("vault")["good"]) == (14, 6)
    assert balance("personalization")["good"] == 14


@pytest.mark.usefixtures("busy")
def test_an_acceptance_is_a_blind_count_by_an_operator(
    tmp_path: Path, passline: Command, balance: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is offered is listed without how many; a scan that finds fewer leaves the rest missing, and says so."""
    passline("issue", "--kind", "book", "--count", "3", signed=(KEEPER,))
    given = handoff(capsys.readouterr().out)
    assert passline("accept") == Exit.FINE
    listed = capsys.readouterr().out
    assert given in listed and " 3 " not in listed
    scan = tmp_path / "scan"
    scan.write_text("EA0000001\n\nEA0000003\nEA9999999\n")
    assert passline("accept", given, "--scanned", str(scan), signed=(OPERATOR,)) == Exit.REFUSED
    assert "the log knows no blank EA9999999" in capsys.readouterr().err
    scan.write_text("EA0000001\n\nEA0000003\n")
    assert passline("accept", given, "--scanned", str(scan), signed=(KEEPER,)) == Exit.REFUSED
    assert passline("accept", given, "--scanned", str(scan), signed=(OPERATOR,)) == Exit.IN_DOUBT
    assert "1 that were offered were not found" in capsys.readouterr().out
    assert balance("vault")["missing"] == ["EA0000002"]
    assert passline("accept", given, signed=(OPERATOR,)) == Exit.REFUSED


@pytest.mark.usefixtures("busy")
def test_unmarked_blanks_go_back_to_the_vault_by_two_signatures(
    passline: Command, balance: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """At the shift's end: an operator offers what is left, a keeper counts it in; it may be issued again."""
    passline("issue", "--kind", "book", "--count", "6", signed=(KEEPER,))
    passline("accept", handoff(capsys.readouterr().out), signed=(OPERATOR,))
    assert passline("return") == Exit.REFUSED
    assert passline("return", "--kind", "book", "--count", "4", signed=(OPERATOR,)) == Exit.FINE
    back = handoff(capsys.readouterr().out)
    assert passline("accept", back, "--station", "vault", signed=(SECOND_KEEPER,)) == Exit.FINE
    assert (balance("personalization")["returned"], balance("personalization")["good"]) == (4, 2)
    assert balance("vault")["good"] == 18
    assert passline("issue", "--kind", "book", "--count", "12", signed=(KEEPER,)) == Exit.FINE
    assert passline("return", "--voided") == Exit.FINE
    assert "nothing of that is at personalization" in capsys.readouterr().out


def voided(folder: RunFolder, *serials: str) -> None:
    """Void blanks that lie in the vault, as two keepers would who found them damaged."""
    settings = read_settings(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        with database.read() as conn:
            units = [piece.unit_id for piece in pieces.find(conn, serials).values()]
        by = Party("vault", KEEPER.code, "day")
        stamp = Stamp(time.time_ns() // 1_000, True, reason="damaged")
        database.write(lambda tx: log.void(tx, by, SECOND_KEEPER.code, units, "voided", stamp))
    with closing(Parts(folder, settings)) as parts:
        parts.operators().deface(serials, KEEPER.code, SECOND_KEEPER.code)
        parts.operators().put(serials, "voided")


def test_a_lot_is_destroyed_before_a_witness_and_its_certificate_can_be_printed_again(
    busy: RunFolder,
    tmp_path: Path,
    passline: Command,
    balance: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Keeper and lead sign; the PDF's SHA-256 is in the log; the second print is the first byte for byte."""
    voided(busy, "EA0000004", "EA0000005")
    scan, paper, again = tmp_path / "scan", tmp_path / "first.pdf", tmp_path / "again.pdf"
    scan.write_text("EA0000004\nEA0000005\nEA0000006\n")
    destroy = ("destroy", str(scan), "--method", "shredded", "--out", str(paper))
    assert passline(*destroy) == Exit.REFUSED
    assert "EA0000006 is held at vault, shelf:book" in capsys.readouterr().err
    scan.write_text("EA0000004\nEA0000005\n")
    assert passline(*destroy, signed=(KEEPER, OPERATOR)) == Exit.REFUSED
    assert not paper.exists()
    assert passline(*destroy, signed=(KEEPER, LEAD)) == Exit.FINE
    said = capsys.readouterr().out
    assert hashlib.sha256(paper.read_bytes()).hexdigest() in said
    assert passline(*destroy) == Exit.FINE
    assert "destroyed before; nothing changed" in capsys.readouterr().out
    assert passline("certificate", "--output", "json") == Exit.FINE
    [lot] = json.loads(capsys.readouterr().out)
    assert lot["sha256"] == hashlib.sha256(paper.read_bytes()).hexdigest()
    assert passline("certificate", lot["destruction"], "--out", str(again)) == Exit.FINE
    assert again.read_bytes() == paper.read_bytes()
    again.write_bytes(b"another paper")
    assert passline("certificate", lot["destruction"], "--out", str(again)) == Exit.REFUSED
    assert (balance("vault")["destroyed"], balance("vault")["voided"]) == (2, 0)
    with closing(open_reading(busy.line().database_url)) as reading:
        assert reckon(reading, busy.world).blanks_unaccounted == 0


def test_a_stolen_blank_is_reported_and_what_turns_up_is_voided_and_destroyed(
    busy: RunFolder,
    tmp_path: Path,
    passline: Command,
    balance: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the report to the certificate, each act by two people; the report for the authority has all of it."""
    lost = ("report-lost", "EA0000007", "--stolen", "--circumstances", "burglary", "--place", "shelf:book")
    assert passline(*lost[:-1], "On the shelf") == Exit.REFUSED
    assert passline(*lost, signed=(KEEPER, KEEPER)) == Exit.REFUSED
    assert passline(*lost, signed=(KEEPER, LEAD)) == Exit.FINE
    assert passline(*lost) == Exit.FINE
    assert "reported lost before; nothing changed" in capsys.readouterr().out
    assert balance("vault")["lost"] == 1
    assert passline("found", "EA0000008") == Exit.REFUSED
    assert passline("found", "EA0000007", signed=(KEEPER, OPERATOR)) == Exit.REFUSED
    assert passline("found", "EA0000007", signed=(KEEPER, SECOND_KEEPER)) == Exit.FINE
    assert balance("vault")["in_doubt"] == 1
    assert (
        passline("void", "EA0000007", "EA0000008", "--reason", "turned-up", signed=(KEEPER, SECOND_KEEPER)) == Exit.FINE
    )
    scan = tmp_path / "scan"
    scan.write_text("EA0000007\nEA0000008\n")
    assert passline("destroy", str(scan), "--method", "shredded", signed=(SECOND_KEEPER, LEAD)) == Exit.FINE
    assert passline("report") == Exit.FINE
    told = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in told["pieces"]] == ["stolen", "found", "voided", "voided", "destroyed", "destroyed"]
    assert told["emulated"] and told["centre"] == "demo"
    paper = tmp_path / "report.pdf"
    assert passline("report", "--out", str(paper), "--from", "2026-01-01") == Exit.FINE
    assert paper.read_bytes().startswith(b"%PDF-1.7")
    assert passline("report", "--out", str(tmp_path / "report.doc")) == Exit.REFUSED
    with closing(open_reading(busy.line().database_url)) as reading:
        assert reckon(reading, busy.world).blanks_unaccounted == 0


def test_a_document_that_qc_did_not_find_is_taken_in_by_two_of_qc(
    busy: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the same command as a lost blank, but by the people of the station that it was handed to."""
    inspector = Credentials("p-0601", "a password of QC")
    with open_database(busy, busy.line().database_url) as database:
        by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
        register.enrol(database, by, inspector, [Role.INSPECTOR], emulated=True)
        line = HandMade(database, busy.path, machines_made=7_000_000)
        for offer in line.waiting("review"):
            review.work_tray(line.at("review"), offer, line.reviewer)
        line.make_documents()
        (offer,) = line.waiting("qc")
        with database.read() as conn:
            expected = offered_numbers(conn, offer.handoff_id)
        serial = sorted(expected)[0]
        line.hands.put([serial], "behind:the-bench")
        assert accept_by_scan(line.at("qc"), offer, line.inspector, expected, document_units).missing == 1
        assert passline("found", serial, signed=(KEEPER, SECOND_KEEPER)) == Exit.REFUSED
        assert passline("found", serial, signed=(inspector, LEAD)) == Exit.FINE
        assert f"EMULATED: {serial} is at qc again, in tray " in capsys.readouterr().out
        (tray,) = line.facts(
            "SELECT tray FROM whereabouts AS w JOIN job ON job.document_unit = w.unit_id"
            " WHERE job.blank_serial = :serial",
            serial=serial,
        )[0]
        assert line.hands.scan(tray_place(tray)) == [serial]
        assert line.facts("SELECT 1 FROM open_case") == []
        line.close()


@pytest.mark.usefixtures("busy")
def test_a_stock_that_does_not_last_is_a_finding(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty books: enough for a day of three, not for a month of them. EMULATED, its orders alone are asked for."""
    assert passline("stock") == Exit.FINE
    assert passline("stock", "--days", "1") == Exit.FINE
    assert "lasts" in capsys.readouterr().out
    assert passline("stock", "--days", "30", "--output", "json") == Exit.FINDINGS
    book, card = json.loads(capsys.readouterr().out)
    assert (book["shelf"], book["orders"], book["a_day"], book["low"], card["low"]) == (20, 3, 3.0, True, False)
    assert passline("stock", "--days", "30", "--output", "csv") == Exit.FINDINGS


def test_a_balance_that_is_open_is_a_finding_and_names_the_blank(
    busy: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever got past the guards and cut a record out is told of by the count."""
    passline("issue", "--kind", "book", "--count", "2", signed=(KEEPER,))
    passline("accept", handoff(capsys.readouterr().out), signed=(OPERATOR,))
    with closing(sqlite3.connect(busy.database_file)) as thief:
        for (name,) in thief.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            thief.execute(f"DROP TRIGGER {name}")
        thief.execute(
            "DELETE FROM custody_unit WHERE step = 2 AND unit_id ="
            " (SELECT unit_id FROM unit_number WHERE kind = 'blank' AND number = 'EA0000002')"
        )
        thief.commit()
    assert passline("balance") == Exit.FINDINGS
    assert "unaccounted, book blanks at vault: EA0000002" in capsys.readouterr().out
    assert passline("balance", "--station", "vault", "--output", "json") == Exit.FINDINGS
    [row] = json.loads(capsys.readouterr().out)
    assert (row["difference"], row["unaccounted"]) == (1, ["EA0000002"])


def test_who_asks_for_the_balance_or_the_report_is_recorded(busy: RunFolder, passline: Command) -> None:
    """On a production line nobody has the report who is not signed in; by the balance everybody at the line counts."""
    assert passline("balance", "--station", "vault") == Exit.FINE
    assert passline("report") == Exit.FINE
    with closing(open_reading(busy.line().database_url)) as reading:
        asked = [row["question"] for row in reading.rows("SELECT question FROM audit_lookup ORDER BY 1")]
    assert asked == ["blanks balance", "export blanks report json"]
    line = busy.configuration.read_text()
    busy.configuration.write_text(line.replace('mode = "emulated"', 'mode = "production"', 1))
    assert passline("balance") == Exit.FINE
    assert passline("report") == Exit.REFUSED
    assert passline("certificate", "0" * 32) == Exit.REFUSED
