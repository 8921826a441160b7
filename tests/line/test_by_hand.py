"""The whole line by hand: people at the desks of all five stations, in Chromium, by scanner and keyboard.

EMULATED are the machines, the pieces and the hands that carry them; whoever decides, counts and signs is a person.
"""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from passline_process import Passline, kill_all
from pwdlib.hashers.argon2 import Argon2Hasher
from real_browser import ADVISED, LOOK_MS, launched, listen, unexpected

from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.two_hands import as_two, workplace_of
from handoff_logs.reading import open_reading
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.sign_in import sign_in_two
from stations.shift import station
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan
from stations.vault import receiving
from stations.vault import station as vault
from stations.vault.need import need
from stations.vault.receiving import Delivery
from stations.workplace import Workplace

SOUND = Shares(emergencies=0, intake_defects=0, review_defects=0)
DAY = date(2026, 9, 1)
DOCUMENTS = 4
FOUNDERS = (Credentials("p-0001", "first administrator"), Credentials("p-0002", "second administrator"))
REVIEWER, INSPECTOR, SECOND, PACKER, MAILER, DRIVER = "p-0501", "p-0401", "p-0402", "p-0601", "p-0701", "p-0801"
CLERK, LEAD, KEEPER, OTHER_KEEPER, OPERATOR, OTHER_OPERATOR = "p-0911", "p-0101", "p-0301", "p-0302", "p-0201", "p-0202"
PEOPLE = {
    REVIEWER: Role.REVIEWER,
    INSPECTOR: Role.INSPECTOR,
    SECOND: Role.INSPECTOR,
    PACKER: Role.PACKER,
    MAILER: Role.MAILER,
    DRIVER: Role.DRIVER,
    CLERK: Role.CLERK,
    LEAD: Role.LEAD,
    KEEPER: Role.KEEPER,
    OTHER_KEEPER: Role.KEEPER,
    OPERATOR: Role.OPERATOR,
    OTHER_OPERATOR: Role.OPERATOR,
}
CREW = {
    "vault": (KEEPER, OTHER_KEEPER),
    "personalization": (OPERATOR, OTHER_OPERATOR),
    "qc": (INSPECTOR, SECOND),
    "review": (REVIEWER,),
    "packing": (PACKER,),
    "mailing": (MAILER,),
}
DELIVERED = {"book": ("EJ0000001", "EJ0000020"), "card": ("KJ00000001", "KJ00000020")}
PATIENCE_S = 60.0

pytestmark = [pytest.mark.line, pytest.mark.timeout(400)]

OFFERED_TO = """
SELECT count(DISTINCT w.handoff_id) AS trays FROM whereabouts AS w JOIN custody_event AS e ON e.event_id = w.handoff_id
WHERE w.state = 'offered' AND e.to_station = '{station}' AND w.handoff_id NOT IN
    (SELECT handoff_id FROM tray_count WHERE ended_how = 'counted')
"""
ENDED = "SELECT count(*) AS ended FROM application WHERE state = 'dispatched'"


class ByHand:
    """A line, its run and its desk in processes of their own, and a page for each person."""

    def __init__(self, folder: Path, chromium: Any) -> None:
        self.folder, self._chromium = folder, chromium
        self.said: list[str] = []
        self._pages: dict[str, Any] = {}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]

    def start(self) -> None:
        """Start the run and the desk."""
        where = ("--dir", str(self.folder))
        self.desk = Passline(self.folder, "desk", "--port", str(self._port), *where)
        self.run = Passline(self.folder, "run", "--output", "json", *where)
        self.until(self._answers)
        assert self.run.wait_until_released(), self.run.said

    def kill(self) -> None:
        """Kill both as a power failure would; who was signed in is not any more."""
        self.run.kill()
        self.desk.kill()
        kill_all(self.folder)
        self._pages.clear()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def at(self, code: str, path: str) -> Any:
        """The page of a person, at an address; they sign in by keyboard when first asked."""
        if code not in self._pages:
            context = self._chromium.new_context(
                base_url=f"http://127.0.0.1:{self._port}", locale="en-GB", viewport={"width": 1280, "height": 800}
            )
            listen(context, self.said)
            page = self._pages[code] = context.new_page()
            page.set_default_timeout(20_000)
            page.goto(path)
            # A person is slower than a browser, which moves the focus after it has loaded the page.
            page.focus("[name=code]")
            page.keyboard.type(code)
            page.keyboard.press("Tab")
            page.keyboard.type(password_of(code))
            page.keyboard.press("Enter")
            page.wait_for_url(f"**{path}")
        page = self._pages[code]
        if not page.url.endswith(path):
            page.goto(path)
        return page

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a question to the line's database."""
        with closing(open_reading(RunFolder(self.folder).line().database_url)) as reading:
            return reading.rows(sql)

    def number(self, sql: str) -> int:
        """The one number that a question is answered by."""
        [(found,)] = [tuple(row.values()) for row in self.rows(sql)]
        return int(found)

    def until(self, holds: Callable[[], object]) -> None:
        """Return when something holds; fails if it doesn't in time."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < give_up_s, self.run.said[-300:]
            time.sleep(0.1)

    def until_all(self, sql: str, wanted: int, step: Callable[[], object]) -> None:
        """Do a step again and again, until a question is answered by a number."""

        def holds() -> bool:
            step()
            return self.number(sql) == wanted

        self.until(holds)

    def count(self, code: str, station: str) -> None:
        """Count each tray that is offered to a station: the EMULATED scanner's key, and the key of the end."""
        while self.number(OFFERED_TO.format(station=station)):
            page = self.at(code, f"/{station}/count")
            with page.expect_navigation():
                page.locator("form.big button").press("Enter")
            with page.expect_navigation():
                page.keyboard.press("F4")
            assert page.locator("#tally").inner_text() != "0"
            with page.expect_navigation():
                page.keyboard.press("F9")

    def review(self) -> None:
        """Pass all applications, one key each."""
        page = self.at(REVIEWER, "/review")
        for _ in range(DOCUMENTS):
            page.wait_for_selector("article[data-lease]")
            lease = page.locator("article").get_attribute("data-lease")
            page.wait_for_timeout(LOOK_MS)
            page.keyboard.press("p")
            page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=lease)

    def operate(self) -> None:
        """Do what waits most urgently at the machines, if anything: the EMULATED hands' key, the passwords of two."""
        page = self.at(OPERATOR, "/machines")
        page.goto("/machines")
        if not page.locator('a[data-key="1"]').count():
            return
        # Its keys are there when all of it is loaded.
        with page.expect_navigation():
            page.keyboard.press("1")
        if page.locator("[data-emulated]").count():
            with page.expect_navigation():
                page.keyboard.press("F4")
        tally = page.locator("[data-tally]")
        if tally.count() and tally.inner_text() == "0":
            return
        if page.locator("[name=second_password]").count():
            for field, typed in (("password", OPERATOR), ("code", None), ("second_password", OTHER_OPERATOR)):
                page.focus(f"[name={field}]")
                page.keyboard.type(OTHER_OPERATOR if typed is None else password_of(typed))
        with page.expect_navigation():
            page.keyboard.press("F9")
        self.until(lambda: self.number(UNBOOKED) == 0)

    def inspect(self, *keys: str) -> None:
        """Count what is offered to QC, take the next piece that lies there, if any, and decide by these keys."""
        self.count(INSPECTOR, "qc")
        page = self.at(INSPECTOR, "/qc")
        if not self.number(TO_INSPECT):
            return
        page.keyboard.press("F4")
        page.wait_for_selector(".piece[data-painted]")
        page.wait_for_timeout(LOOK_MS)
        for key in keys or ("p",):
            page.keyboard.press(key)
        page.wait_for_selector(".piece", state="detached")

    def something_to_inspect(self) -> int:
        """Have the machines work and their trays counted; how many pieces QC may take."""
        self.operate()
        self.count(INSPECTOR, "qc")
        return self.number(TO_INSPECT)

    def make_and_inspect(self) -> None:
        """A step at the machines and one at QC."""
        self.operate()
        self.inspect()

    def void(self) -> None:
        """Fail a piece, and both sign with their passwords."""
        self.until(self.something_to_inspect)
        self.inspect("f", "m")
        page = self.at(INSPECTOR, "/qc")
        page.wait_for_selector("#void[open]")
        for typed, key in (
            (password_of(INSPECTOR), "Enter"),
            (SECOND, "Tab"),
            (password_of(SECOND), "Enter"),
        ):
            page.keyboard.type(typed)
            page.keyboard.press(key)
        page.wait_for_selector("#void", state="hidden")

    def pack(self) -> None:
        """Count what is offered to packing, and match the next piece that lies there: three scans."""
        self.count(PACKER, "packing")
        page = self.at(PACKER, "/packing")
        if not self.number(TO_PACK):
            return
        before = self.number(MATCHED)
        for have in range(3):
            page.wait_for_function("n => document.querySelectorAll('.three .have').length === n", arg=have)
            page.keyboard.press("F4")
        self.until(lambda: self.number(MATCHED) == before + 1)

    def close_boxes(self) -> None:
        """Close each open box by its key."""
        page = self.at(PACKER, "/packing")
        for left in range(self.number(OPEN_BOXES), 0, -1):
            page.wait_for_function("left => document.querySelectorAll('[data-box]').length === left", arg=left)
            page.keyboard.press("F8")
            page.wait_for_selector("#closing[open]")
            page.keyboard.press("1")
            self.until(lambda left=left: self.number(OPEN_BOXES) == left - 1)  # type: ignore[misc]

    def weigh(self) -> None:
        """Count what is offered to mailing, and weigh the next parcel on the table."""
        self.count(MAILER, "mailing")
        if not self.number(TO_WEIGH):
            return
        page = self.at(MAILER, "/mailing")
        page.reload()
        with page.expect_navigation():
            page.keyboard.press("F4")
        # The tray is accepted; its parcels may not have been carried to the table yet.
        if page.input_value("[name=label]"):
            with page.expect_navigation():
                page.locator("[name=grams]").press("Enter")

    def load_the_van(self) -> None:
        """The driver counts all parcels and signs."""
        page = self.at(MAILER, "/mailing/door")
        with page.expect_navigation():
            page.keyboard.press("F4")
        page.focus("[name=code]")
        page.keyboard.type(DRIVER)
        page.keyboard.press("Tab")
        page.keyboard.type(password_of(DRIVER))
        page.keyboard.press("Enter")
        page.wait_for_url("**/mailing/acts**")


UNBOOKED = "SELECT count(*) AS acts FROM machine_act WHERE booked_us IS NULL"
TO_INSPECT = """
SELECT count(*) AS pieces FROM qc_reading AS r JOIN whereabouts AS w ON w.unit_id = r.document_unit
WHERE w.station = 'qc' AND w.state = 'held' AND NOT EXISTS
    (SELECT 1 FROM qc_decision AS d WHERE d.document_unit = r.document_unit AND d.undone_us IS NULL)
"""
TO_PACK = """
SELECT count(*) AS pieces FROM whereabouts AS w WHERE w.kind = 'document' AND w.station = 'packing' AND w.state = 'held'
AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = w.unit_id)
"""
TO_WEIGH = """
SELECT count(*) AS parcels FROM whereabouts AS w WHERE w.kind = 'parcel' AND w.station = 'mailing' AND w.state = 'held'
AND NOT EXISTS (SELECT 1 FROM mailing_weighing AS m WHERE m.parcel_unit = w.unit_id)
"""
MATCHED = "SELECT count(*) AS pieces FROM packing_match WHERE outcome = 'matched'"
OPEN_BOXES = "SELECT count(*) AS boxes FROM packing_box WHERE closed_us IS NULL"
INSPECTED = """
SELECT count(*) AS pieces FROM whereabouts WHERE kind = 'document'
AND (station = 'packing' OR station = 'qc' AND state = 'offered')
"""
AT_THE_DOOR = """
SELECT count(*) AS documents FROM whereabouts WHERE kind = 'parcel' AND station = 'mailing' AND state = 'offered'
"""
PARCELS = "SELECT count(*) AS parcels FROM parcel"


def password_of(code: str) -> str:
    return f"the words of {code}"


def make_line(folder: Path, *, real: bool) -> None:
    """An emulated line with people at all desks, and applications on file; `real`: with nobody EMULATED at all."""
    run = RunFolder(folder)
    write_default(run, books=1, cards=1, readers=1, small=1, speed=0)
    said = run.configuration.read_text("utf-8")
    head, desks, rest = re.split(r"(\[desks\].*?\n\n)", said, maxsplit=1, flags=re.DOTALL)
    desks = desks.replace('= "emulated"', '= "people"')
    if real:
        head = head.replace('kind = "emulated"        #', 'kind = "desks"  #')
    run.configuration.write_text(head + desks + re.sub("spoil_rate = [0-9.]+", "spoil_rate = 0", rest), "utf-8")
    prepare(run)
    with pytest.MonkeyPatch.context() as patch, open_database(run, run.line().database_url) as database:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        register.found(database, *FOUNDERS, emulated=True)
        by = sign_in_two(database, *FOUNDERS, (Role.ADMINISTRATOR,))
        for code, role in PEOPLE.items():
            register.enrol(database, by, Credentials(code, password_of(code)), (role,), emulated=True)
    batch = folder.with_name("batch")
    generate(batch, DOCUMENTS, 7, day=DAY, shares=SOUND)
    if real:
        begin_shift(run, batch)
        return
    with open_line(run, shift="day", stations=("intake",)) as line:
        load(line.workplace("intake"), batch, folder / "replies", tray_size=DOCUMENTS)


def begin_shift(run: RunFolder, batch: Path) -> None:
    """A lead opens a shift of real people; a clerk loads, keepers receive and issue blanks, an operator takes them."""
    settings = read_settings(run)

    def signed(here: Workplace, one: str, other: str) -> TwoSigned:
        both = Credentials(one, password_of(one)), Credentials(other, password_of(other))
        return sign_in_two(here.database, *both, (PEOPLE[one], PEOPLE[other]))

    with closing(Parts(run, settings, leave_emulators=True)) as parts:
        desk = parts.operators()
        with workplace_of(run, "vault") as here:
            by = signed(here, LEAD, KEEPER)
            count = Counted((), frozenset({"vault", "personalization"}))
            plan = Plan("early", CREW, settings.personalizers, ("all",), emulated=True, real_staff=True)
            station.open_shift(here.database, plan, count, Signers(*by.codes, by.first_sign_in, by.second_sign_in))
        with workplace_of(run, "intake") as here:
            clerk = as_two(here, signed(here, CLERK, LEAD))
            load(clerk, batch, run.path / "replies", tray_size=DOCUMENTS)
        for kind, (first, last) in DELIVERED.items():
            delivery = Delivery(kind, first, last, 20, f"note-{kind}")
            with workplace_of(run, "vault") as here:
                assert here.people == CREW["vault"] and here.shift == "early"
                keepers = as_two(here, signed(here, KEEPER, OTHER_KEEPER))
                parts.hands().deliver(receiving.check(delivery), vault.rules.shelf(kind))
                receiving.receive(keepers, delivery)
                with here.database.read() as conn:
                    short = need(conn, kind, settings.vault.kept).short
                vault.issue(keepers, desk, kind, short, settings.vault.kept)
            with workplace_of(run, "personalization") as here:
                operator = as_two(here, signed(here, OPERATOR, OTHER_OPERATOR))
                for offer in vault.offered(here).values():
                    vault.accept(operator, desk, offer, vault.place_of(here, offer))


@pytest.fixture
def by_hand(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ByHand]:
    """A line at which people work, running; nothing of it outlives the test, and no page broke."""
    folder = tmp_path / "line"
    with launched() as chromium:
        make_line(folder, real=getattr(request, "param", "") == "real")
        line = ByHand(folder, chromium)
        try:
            line.start()
            yield line
        finally:
            line.kill()
    assert unexpected(line.said, ADVISED) == []


def checked(line: ByHand, *arguments: str) -> Any:
    """What a command prints in JSON, once it ended with 0."""
    asked = Passline(line.folder, *arguments, "--output", "json", "--dir", str(line.folder))
    assert asked.wait() == 0, asked.said
    return json.loads(asked.printed)


@pytest.mark.parametrize("by_hand", ["real"], indirect=True)
def test_people_run_the_whole_line_by_hand_from_the_pages(by_hand: ByHand) -> None:
    """Every application is dispatched, one remade; each record bears who did it and the sign-in by which they did."""
    line = by_hand
    line.review()
    line.void()
    line.until_all(INSPECTED, DOCUMENTS, line.make_and_inspect)
    line.until_all(MATCHED, DOCUMENTS, line.pack)
    line.close_boxes()
    line.until(lambda: line.number(PACKED) == DOCUMENTS)
    line.until_all(AT_THE_DOOR, line.number(PARCELS), line.weigh)
    line.load_the_van()
    assert line.run.wait() == 0, line.run.said

    report = line.run.report()
    assert (report["dispatched"], report["remade"], report["blanks_voided"]) == (DOCUMENTS, 1, 1)
    assert [report[rule] for rule in ("live_duplicates", "custody_violations", "blanks_unaccounted")] == [0, 0, 0]
    assert checked(line, "logs", "check") == []
    assert checked(line, "logs", "verify")["verdict"] == "clean"
    hands = {tuple(row.values()) for row in line.rows(HANDS)}
    assert hands == {
        ("offer", "review", "personalization", REVIEWER, None, REVIEWER, None),
        ("accept", "personalization", "qc", INSPECTOR, None, INSPECTOR, None),
        ("void", "qc", None, INSPECTOR, SECOND, INSPECTOR, SECOND),
        ("offer", "qc", "packing", INSPECTOR, None, INSPECTOR, None),
        # The remake's order is data: machines take it.
        ("offer", "qc", "personalization", INSPECTOR, None, INSPECTOR, None),
        ("accept", "qc", "packing", PACKER, None, PACKER, None),
        ("move", "packing", None, PACKER, None, PACKER, None),
        ("pack", "packing", None, PACKER, None, PACKER, None),
        ("offer", "packing", "mailing", PACKER, None, PACKER, None),
        ("accept", "packing", "mailing", MAILER, None, MAILER, None),
        ("offer", "mailing", "carrier", MAILER, None, MAILER, None),
        ("accept", "mailing", "carrier", DRIVER, None, DRIVER, None),
    }
    at_machines = {tuple(row.values()) for row in line.rows(AT_MACHINES)}
    assert at_machines == {
        ("move", "input", OPERATOR, OTHER_OPERATOR, OPERATOR, OTHER_OPERATOR),
        ("move", "rack", OPERATOR, None, OPERATOR, None),
        ("move", "outgoing", OPERATOR, None, OPERATOR, None),
        ("offer", "qc", OPERATOR, None, OPERATOR, None),
    }
    assert line.number("SELECT count(*) AS acts FROM machine_act WHERE refusal IS NOT NULL") == 0
    assert line.rows("SELECT DISTINCT reviewer FROM review_verdict") == [{"reviewer": REVIEWER}]
    assert {row["difference"] for row in checked(line, "blanks", "balance")} == {0}
    assert line.rows(EMULATED_PEOPLE) == []
    shifts = {row["shift"] for row in line.rows("SELECT DISTINCT shift FROM custody_event WHERE act <> 'register'")}
    assert shifts == {"early"}


PACKED = "SELECT count(*) AS documents FROM whereabouts WHERE kind = 'document' AND state = 'packed'"
HANDS = """
SELECT DISTINCT event.act, event.from_station, event.to_station, event.person, event.second_person,
    one.code AS signed_in, other.code AS second_signed_in
FROM custody_event AS event LEFT JOIN sign_in_attempt AS one ON one.attempt_id = event.sign_in
LEFT JOIN sign_in_attempt AS other ON other.attempt_id = event.second_sign_in
WHERE event.from_station IN ('qc', 'packing', 'mailing') AND event.to_station IS NOT 'personalization'
    OR event.to_station = 'qc' AND event.act = 'accept'
    OR event.from_station IN ('review', 'qc') AND event.act = 'offer'
"""
"""Every record of a station at which people work: whose it is, and whose sign-ins it bears."""
AT_MACHINES = """
SELECT DISTINCT event.act, CASE WHEN event.act = 'offer' THEN event.to_station
        WHEN event.to_place LIKE '%:input' THEN 'input' ELSE event.to_place END AS whither,
    event.person, event.second_person, one.code AS signed_in, other.code AS second_signed_in
FROM custody_event AS event LEFT JOIN sign_in_attempt AS one ON one.attempt_id = event.sign_in
LEFT JOIN sign_in_attempt AS other ON other.attempt_id = event.second_sign_in
WHERE event.act = 'move' AND (event.to_place LIKE '%:input' OR event.to_place IN ('rack', 'outgoing'))
    OR event.act = 'offer' AND event.from_station = 'personalization' AND event.to_station = 'qc'
"""
"""What hands did at the machines."""
EMULATED_PEOPLE = """
SELECT act, person, second_person FROM custody_event
WHERE substr(person, 1, 2) = 'e-' OR substr(second_person, 1, 2) = 'e-'
"""


def test_a_station_is_given_back_to_emulated_staff_half_way_after_a_power_failure(by_hand: ByHand) -> None:
    """Run and desk are killed; QC goes on by itself, and what the inspector decided before stands, as theirs."""
    line = by_hand
    line.review()
    line.until(line.something_to_inspect)
    line.inspect("p")
    line.until(line.something_to_inspect)
    line.inspect("f", "m")
    decided = line.rows(DECIDED)
    assert [row["outcome"] for row in decided] == ["fail", "pass"]
    line.kill()

    configuration = RunFolder(line.folder).configuration
    said = configuration.read_text("utf-8")
    configuration.write_text(re.sub('^qc = "people"', 'qc = "emulated"', said, flags=re.MULTILINE), "utf-8")
    line.start()
    line.until_all(MATCHED, DOCUMENTS, lambda: (line.operate(), line.pack()))
    line.close_boxes()
    line.until(lambda: line.number(PACKED) == DOCUMENTS)
    line.until_all(AT_THE_DOOR, line.number(PARCELS), line.weigh)
    line.load_the_van()
    assert line.run.wait() == 0, line.run.said

    report = line.run.report()
    assert (report["dispatched"], report["remade"], report["custody_violations"]) == (DOCUMENTS, 1, 0)
    assert [row for row in line.rows(DECIDED) if row["inspector"] == INSPECTOR] == decided
    theirs = {row["document_unit"] for row in decided}
    assert {row["document_unit"] for row in line.rows(INSPECTIONS) if row["inspector"] == INSPECTOR} == theirs
    others = {row["inspector"] for row in line.rows(INSPECTIONS)} - {INSPECTOR}
    assert others and all(person.startswith("e-") for person in others)
    assert checked(line, "logs", "verify")["verdict"] == "clean"


INSPECTIONS = "SELECT document_unit, inspector FROM inspection"
DECIDED = "SELECT document_unit, inspector, outcome, codes FROM qc_decision WHERE undone_us IS NULL ORDER BY outcome"
