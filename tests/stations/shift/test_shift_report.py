"""A shift's report is what its records say, told again from the log's rows in another way, on both databases."""

import re
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import asdict, replace

import pytest
from signing_keys import log_key_of
from small_shift import ONE, plan
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from statement_plans import GROWING, whole_tables

from handoff_logs import log_key
from handoff_logs.proofs.spoken_line import SpokenLine
from handoff_logs.questions import late
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer
from stations.emulated_staff import EmulatedReviewer
from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.packing import station as packing
from stations.qc import station as qc
from stations.review import station as review
from stations.review.desk import Decision, Outcome
from stations.shift import counting, report, report_questions, station, stood, stops
from stations.shift.counting import Counted
from stations.shift.errors import NoShiftYetError, ShiftUnknownError
from stations.shift.rules import Scan
from stations.vault import balance as blanks
from stations.vault import losing, receiving
from stations.vault.balance import Period, balance
from stations.vault.receiving import Delivery

BOOKS = tuple(f"EB{number:07d}" for number in range(1, 6))
BEFORE, WITHIN = 1, 2
"""Trays that review works before the shift is opened, and in it."""


class Strict(EmulatedReviewer):
    """Returns the second application, holds the fifth, and returns the seventh for two reasons."""

    def __init__(self):
        self.seen = 0

    def decide(self, case):
        self.seen += 1
        if self.seen == 5:
            return Decision(Outcome.HOLD, ("person_name",))
        reasons = {2: ("photo_ears",), 7: ("photo_ears", "signature_present")}.get(self.seen)
        return Decision(Outcome.PASS, ()) if reasons is None else Decision(Outcome.RETURN, reasons)


def without_signature(piece):
    """A chip whose security object was cut short."""
    return replace(piece, chip={**piece.chip, "EF.SOD": piece.chip["EF.SOD"][:-1]})


def count_of(*places):
    """What two people scan: serials by station and place."""
    scans = tuple(Scan(at, place, serial) for at, place, serials in places for serial in serials)
    return counting.joined([Counted(scans, frozenset({"vault", "personalization"}))])


@pytest.fixture
def golden(line, readers, database_url):
    """A line that worked before, in and after a shift, with returns, a hold, a spoil and work that was left."""
    line.shares = replace(line.shares, emergencies=0.2, expedited=0.3)
    line.file(24, tray_size=4)
    desk = Strict()

    def work_review(trays):
        for offer in line.waiting("review")[:trays]:
            review.work_tray(line.at("review"), offer, desk)

    def make(**how):
        line.make_documents(**how)
        line.database.write(lambda tx: tx.execute(text(FINISHED), {"now_us": time.time_ns() // 1_000}))

    receiving.receive(line.at("vault"), Delivery("book", BOOKS[0], BOOKS[-1], len(BOOKS), "DN-1"))
    line.database.write(lambda tx: tx.execute(text(STATE)))
    work_review(BEFORE)
    shelf = ("vault", "shelf:book", BOOKS)
    opened = station.open_shift(line.database, plan(machines=("book-01",)), count_of(shelf), ONE)
    assert opened.shift_id is not None
    work_review(WITHIN)
    make(spoil=lambda piece: without_signature(piece) if line.machines_made == 2 else piece)
    for offer in line.waiting("qc")[:-1]:
        qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)
    for offer in line.waiting("packing")[:-1]:
        packing.work_tray(line.at("packing"), offer, line.packer)
    for offer in line.waiting("mailing")[:1]:
        mailing.work_tray(line.at("mailing"), offer, line.mailer)
    for offer in line.waiting("carrier")[:1]:
        carrier.work_tray(line.at("carrier"), offer, line.carrier)
    losing.void(line.at("vault"), BOOKS[:1], "damaged")
    voided = [row[0] for row in line.facts(VOIDED)]
    left = ("vault", "shelf:book", BOOKS[1:]), ("vault", "voided", BOOKS[:1]), ("qc", "voided", voided)
    closed = station.close_shift(line.database, count_of(*left), ONE, (), "end-of-day")
    assert closed.how == "forced"
    with closing(open_reading(database_url)) as reading:
        at_close = report.report(reading, report.find(reading), time.time_ns() // 1_000)
    # What comes after it is of another shift.
    work_review(2)
    make()
    for offer in line.waiting("qc"):
        qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)
    receiving.receive(line.at("vault"), Delivery("book", "EC0000001", "EC0000003", 3, "DN-2"))
    losing.void(line.at("vault"), BOOKS[1:2], "damaged")
    return Told(line, at_close)


FINISHED = "UPDATE job SET result_us = :now_us WHERE result_us IS NULL"
STATE = "INSERT INTO machine_state (machine, state, since_us, emulated) VALUES ('book-01', 'stopped', 1, true)"
VOIDED = (
    "SELECT DISTINCT number.number FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id ="
    " event.event_id JOIN job ON job.document_unit = unit.unit_id JOIN unit_number AS number"
    " ON number.unit_id = job.blank_unit WHERE event.act = 'void'"
)


class Told:
    """The same of a shift, replayed from the log's rows one by one in the order in which they were written."""

    def __init__(self, line, at_close):
        self.line, self.at_close = line, at_close
        self.from_us, self.to_us = at_close.shift.opened_us, at_close.until_us
        rows = line.facts(
            "SELECT event.act, event.from_station, event.to_station, event.happened_us, event.due_us, event.handoff_id,"
            " unit.unit_id, unit.kind, unit.state, unit.station, unit.place, unit.container, event.seq FROM"
            " custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id"
            " ORDER BY event.seq, unit.position"
        )
        self.rows = [row._mapping for row in rows]
        classes = dict(tuple(row) for row in line.facts("SELECT order_unit, service_class FROM application"))
        documents = line.facts(
            "SELECT job.document_unit, application.service_class FROM job JOIN application"
            " ON application.application_id = job.application_id WHERE job.document_unit IS NOT NULL"
        )
        first_orders = line.facts(
            "SELECT job.order_unit, application.service_class FROM job JOIN application"
            " ON application.application_id = job.application_id"
        )
        classes |= dict(tuple(row) for row in first_orders)
        self.classes = classes | dict(tuple(row) for row in documents)
        self.packed = defaultdict(list)
        for row in self.rows:
            if row["act"] == "pack" and row["container"]:
                self.packed[row["container"]].append(row["unit_id"])

    def within(self):
        """The rows of the shift's time."""
        return [row for row in self.rows if self.from_us <= row["happened_us"] < self.to_us]

    def documents(self, row):
        """The service class of each document that a row is of, or of the order for one."""
        return [
            self.classes[unit] for unit in self.packed.get(row["unit_id"], [row["unit_id"]]) if unit in self.classes
        ]

    def done(self):
        """By what left each station's hands."""
        found = Counter()
        for row in self.within():
            act, at = row["act"], row["from_station"]
            held = act == "move" and row["place"] == "hold"
            done = {
                "review": row["kind"] == "order" and (act in ("offer", "dispatch") or held),
                "personalization": act == "transform" and row["kind"] == "document",
                "qc": row["kind"] == "document" and act in ("offer", "void"),
                "packing": act == "pack" and row["kind"] == "document",
            }.get(at, False)
            if done:
                found.update((at, service_class) for service_class in self.documents(row))
            if act == "accept" and row["to_station"] == "carrier":
                found.update(("mailing", service_class) for service_class in self.documents(row))
        return found

    def waiting(self):
        """By where each unit stood when the time ended, and what its last offer was due."""
        stood, due, offers = {}, {}, {}
        for row in self.rows:
            if row["happened_us"] < self.to_us:
                stood[row["unit_id"]] = row
                if row["act"] == "offer":
                    due[row["unit_id"]] = row["due_us"]
                    offers[row["unit_id"]] = row["to_station"]
        waiting, on_hold, overdue = Counter(), Counter(), Counter()
        for unit, row in stood.items():
            if row["kind"] == "blank" or row["state"] not in ("held", "offered", "refused", "missing", "doubt"):
                continue
            at = offers[unit] if row["state"] == "offered" else row["station"]
            if (row["state"] == "held" and at in ("carrier",)) or at.startswith("office:"):
                continue
            for service_class in self.documents(row):
                (on_hold if row["place"] == "hold" else waiting)[at, service_class] += 1
                overdue[at, service_class] += (due.get(unit) or self.to_us) < self.to_us
        return waiting, on_hold, overdue


def by_class(found, name):
    return {(one.station, one.service_class): getattr(one, name) for one in found.work if getattr(one, name)}


def test_what_was_done_and_what_waited_is_what_the_rows_say(golden):
    found = golden.at_close
    assert by_class(found, "done") == golden.done()
    waiting, on_hold, overdue = golden.waiting()
    assert by_class(found, "waiting") == waiting
    assert by_class(found, "on_hold") == on_hold
    assert by_class(found, "overdue") == {at: count for at, count in overdue.items() if count}
    assert sum(on_hold.values()) == 1 and {at for at, _ in waiting} >= {"review", "personalization", "qc", "packing"}


def test_time_nodes_are_kept_or_missed_as_the_log_answers_it(golden, database_url):
    """By station; office parcels are there one unit and here the documents in them."""
    found, period = golden.at_close, {"from_us": golden.from_us, "to_us": golden.to_us}
    with closing(open_reading(database_url)) as reading:
        asked = list(late(reading, kind="order", **period)) + list(late(reading, kind="document", **period))
    for at in ("review", "qc"):
        work = [one for one in found.work if one.station == at]
        rows = [row for row in asked if row["station"] == at]
        assert sum(one.kept + one.missed for one in work) == sum(row["handed_on"] for row in rows)
        assert at == "qc" or rows  # documents that were made by hand came to QC without a time node
        assert sum(one.missed for one in work) == sum(row["late"] for row in rows)
    packed = Counter(at for one in golden.within() if one["act"] == "offer" and one["kind"] == "parcel"
                     for at in [one["from_station"]] for _ in golden.documents(one))  # fmt: skip
    for at in ("packing", "mailing"):
        assert sum(one.kept + one.missed for one in found.work if one.station == at) == packed[at] > 0


def test_returns_and_holds_are_told_by_reason_and_an_application_is_counted_once(golden):
    found = golden.at_close
    told = Counter()
    for verdict in found.verdicts:
        told[verdict.outcome, verdict.reason] += verdict.applications
    # The first four applications were reviewed before the shift, the second of them returned.
    assert told == {("return", "photo_ears"): 1, ("return", "signature_present"): 1, ("hold", "person_name"): 1}
    assert (found.returned, found.held) == (1, 1)


def test_spoils_are_told_with_their_reason_and_their_machine(golden):
    assert [tuple(one) for one in golden.at_close.spoils] == [
        ("qc", "book-01", "document", "chip_signature", 1),
        ("vault", "", "blank", "damaged", 1),
    ]


def test_blanks_balance_as_all_rows_of_the_log_say_and_the_counts_stand_beside(golden, database_url):
    found = golden.at_close
    with closing(open_reading(database_url)) as reading:
        rows = balance(reading, Period(golden.from_us, golden.to_us))
    assert [dict(row) for row in found.balance] == rows
    assert {one.moment: one.pieces for one in found.counts if one.station == "vault"} == {"opening": 5, "close": 5}
    assert found.cases == ("close",)


def test_a_closed_shift_is_told_alike_however_much_came_after_it(golden, database_url, monkeypatch):
    """Also one that ended before what stood was kept."""
    monkeypatch.setattr(stood, "kept", lambda _reading, _shift_id: None)
    with closing(open_reading(database_url, by_index=True)) as reading:
        again = report.report(reading, report.find(reading, "last"), time.time_ns() // 1_000)
        brief = report.report(reading, again.shift, time.time_ns() // 1_000, stood=False)
    assert replace(again, line=None, no_line=None) == replace(golden.at_close, line=None, no_line=None)
    assert brief.balance == () and {one.waiting for one in brief.work} == {None}
    assert [one.done for one in brief.work if one.done] == [one.done for one in again.work if one.done]


def test_the_report_of_an_open_shift_tells_no_count_of_blanks(shift, database_url):
    """Rule 3: what is still here is counted by people who don't know how many there must be."""
    shift.open()
    with closing(open_reading(database_url)) as reading:
        found = report.report(reading, report.find(reading), time.time_ns() // 1_000)
    assert found.counts == ()
    assert found.balance and not any({"carried_over", "still_here", "good"} & set(row) for row in found.balance)
    assert "carried" not in str(asdict(found))


def test_a_shift_is_found_by_its_id_as_the_last_or_as_the_open_one(shift, database_url):
    with closing(open_reading(database_url)) as reading, pytest.raises(NoShiftYetError):
        report.find(reading)
    shift.open()
    shift.close()
    shift.open(name="late")
    with closing(open_reading(database_url)) as reading:
        assert report.find(reading).name == "late"
        last = report.find(reading, "last")
        assert (last.name, report.find(reading, last.shift_id)) == ("early", last)
        assert [one.name for one in report.listed(reading, 2**53, 5)] == ["late", "early"]
        assert [one.name for one in report.listed(reading, last.opened_us + 1, 5)] == ["early"]
        with pytest.raises(ShiftUnknownError):
            report.find(reading, "no such shift")


def line_of(database_url):
    """The log's line on the report of the last shift, or why there is none."""
    with closing(open_reading(database_url)) as reading:
        found = report.report(reading, report.find(reading), time.time_ns() // 1_000)
    return found.line, found.no_line


def test_the_line_is_of_the_first_checkpoint_that_covers_the_close_for_ever(shift, database_url, signing_keys):
    """What two people signed on paper is printed again, whatever was sealed since."""
    sealer = Sealer(shift.database, log_key.read(log_key_of(signing_keys)))
    shift.open()
    sealer.seal()
    so_far, _ = line_of(database_url)
    shift.close()
    assert line_of(database_url) == (None, "unsealed")
    sealed = sealer.seal()
    line, why = line_of(database_url)
    assert why is None and line != so_far
    assert line == str(SpokenLine.of(sealed.checkpoint))
    losing.void(shift.line.at("vault"), ["EA0000001"], "damaged")
    assert sealer.seal().checkpoint.size > sealed.checkpoint.size
    assert line_of(database_url) == (line, None)


def test_a_checkpoint_that_the_logs_key_did_not_sign_is_no_line(shift, database_url, signing_keys):
    """Whoever holds the database can change a row, and can't have two people sign it."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the guards are PostgreSQL's own rights and triggers; what the rows say is the same")
    shift.open()
    shift.close()
    Sealer(shift.database, log_key.read(log_key_of(signing_keys))).seal()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as thief:
        for (name,) in thief.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            thief.execute(f"DROP TRIGGER {name}")
        thief.execute("UPDATE seal_checkpoint SET root = substr(root, 3) || '00'")
        thief.commit()
    assert line_of(database_url) == (None, "broken")


def test_no_part_of_a_report_reads_a_growing_table_whole(sqlite_templates):
    """However old the line is."""
    asked = questions()
    assert len(asked) > 15
    assert whole_tables([_filled(one) for one in asked], sqlite_templates(True)) == set()


def test_what_a_shift_closes_on_reads_what_moved_in_it_and_not_the_blanks_of_all_time(shift, database_url):
    """`shift status`, `close` and `hand-over` balance by this; what left before the shift costs them nothing."""
    shift.open()
    with open_reading(database_url) as reading:
        listening = Listening(reading)
        found = stops.balance_of(listening, shift.rows("SELECT opened_us FROM shift")[0][0])
    assert [row["difference"] for row in found] == [0] * len(found) and found
    asked = listening.asked
    assert len(asked) >= 3
    if database_url.startswith("sqlite"):
        assert whole_tables([_filled(one) for one in asked], database_url.removeprefix("sqlite:///")) == set()


class Listening:
    """A reading, and what it was asked."""

    def __init__(self, reading):
        self._reading, self.asked = reading, []

    def rows(self, sql, **parameters):
        self.asked.append(sql)
        return self._reading.rows(sql, **parameters)

    def stream(self, sql, **parameters):
        self.asked.append(sql)
        return self._reading.stream(sql, **parameters)


def _filled(question):
    return re.sub(r"(?<!:):[a-z_]+", "0", question).strip()


def test_postgresql_finds_every_part_of_a_report_by_an_index(database_url):
    """Where it could, it would not: `by_index` forbids it to read a table whole unless there is no other way."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite's plans are looked at above")
    whole = re.compile(rf"Seq Scan on ({'|'.join(GROWING)})(_\w+)?\b")
    with closing(open_reading(database_url, by_index=True)) as reading:
        for question in questions():
            values = dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", question), 0)
            values |= {name: "x" for name in ("shift_id",) if name in values}
            plan = reading.tuples(f"EXPLAIN {question}", **values)
            assert not [step for (step,) in plan if whole.search(step)], question


def questions():
    """Every question of a report about tables that grow with the documents."""
    asked = [value for name, value in vars(report_questions).items() if name.isupper() and not name.startswith("_")]
    asked += [blanks._MOVED_STEPS, blanks._STOOD, blanks._LACKING_SINCE]
    return [one.strip() for one in asked if "{" not in one]


def test_what_stood_is_kept_with_the_close_and_is_what_the_log_tells(golden, database_url):
    """However long ago: the report asks for no more than the shift holds."""
    period = Period(golden.from_us, golden.to_us)
    with closing(open_reading(database_url)) as reading:
        shift_id = golden.at_close.shift.shift_id
        kept = stood.kept(reading, shift_id)
        assert kept == stood.recounted(reading, period)
        assert kept.work and kept.balance

        asked = Listening(reading)
        assert report.report(asked, golden.at_close.shift, time.time_ns() // 1_000, stood=False).stood
    since_for_ever = {report_questions.WAITING, blanks._MOVED_STEPS, blanks._STOOD, blanks._LACKING_SINCE}
    assert report_questions.KEPT in asked.asked and not since_for_ever & set(asked.asked)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE shift_stood SET stood = '{}'",
        "DELETE FROM shift_stood",
        "INSERT INTO shift_stood (shift_id, stood) SELECT shift_id, '{}' FROM shift",
        "INSERT INTO shift_stood (shift_id, stood) VALUES ('of no shift', '{}')",
    ],
)
def test_what_stood_is_kept_once_and_changed_by_nobody(shift, tampering):
    shift.open()
    shift.close()
    with pytest.raises(DBAPIError):
        shift.database.write(lambda tx: tx.execute(text(tampering)))


def test_what_the_log_has_no_hash_of_is_told_anew_from_the_log(golden, database_url):
    """Whoever holds the database can change a row; the report says what the log says, or not what stood."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the guards are PostgreSQL's own rights and triggers; what the rows say is the same")
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as thief:
        thief.execute("DROP TRIGGER shift_stood_no_update")
        thief.execute("UPDATE shift_stood SET stood = replace(stood, '\"good\":4', '\"good\":3')")
        thief.commit()
    with closing(open_reading(database_url)) as reading:
        again = report.report(reading, golden.at_close.shift, time.time_ns() // 1_000)
        assert not report.report(reading, golden.at_close.shift, time.time_ns() // 1_000, stood=False).stood
    assert (again.balance, again.work) == (golden.at_close.balance, golden.at_close.work)
