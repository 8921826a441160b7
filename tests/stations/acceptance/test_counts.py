"""A tray that is accepted at a desk is counted blind, by one person, and accepted by what they scanned."""

from dataclasses import dataclass
from typing import Any

import pytest
from enrolled import enrol
from small_desk import sign_in
from small_line import Line
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from stations.acceptance import counts
from stations.acceptance.counts import Count
from stations.acceptance.errors import CountOverError, CountTakenError, EmptyCountError, ScanRefusedError
from stations.by import By
from stations.emulated_staff import EmulatedInspector
from stations.qc.pieces import document_units, offered_numbers
from stations.review import station as review
from stations.trays import accept_by_scan, tray_place
from stations.workplace import Workplace


@dataclass
class Qc:
    """The QC station of a line, with two inspectors who signed in."""

    line: Line
    ann: By
    bob: By

    @property
    def here(self) -> Workplace:
        return self.line.at("qc")

    def lying(self, count: Count) -> list[str]:
        """What really lies in the tray."""
        return self.line.hands.scan(tray_place(count.tray))

    def begin(self, by: By, **more: Any) -> Count:
        count = counts.begin(self.here, by, **more)
        assert count is not None
        return count

    def sql(self, statement: str, **values: Any) -> None:
        self.line.database.write(lambda tx: tx.execute(text(statement), values))


@pytest.fixture
def qc(line: Line) -> Qc:
    line.file(9, tray_size=3)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    people = enrol(line.database, ann="inspector", bob="inspector")
    return Qc(line, *(sign_in(line.database, people[name]) for name in ("ann", "bob")))


def test_nobody_picks_which_tray_they_count(qc: Qc) -> None:
    """The most urgent is given; whoever has one keeps it, and the next person is given the next."""
    urgent = qc.line.waiting("qc")
    first, second = qc.begin(qc.ann), qc.begin(qc.bob)
    assert [first.handoff_id, second.handoff_id] == [offer.handoff_id for offer in urgent[:2]]
    assert qc.begin(qc.ann) == first


def test_nobody_counts_a_tray_that_they_handed_on_themselves(qc: Qc) -> None:
    """The log would refuse one person on both sides, and the tray would be nobody's."""
    handed_on = {offer.handoff_id: offer.person for offer in qc.line.waiting("qc")}
    for person in set(handed_on.values()):
        count = counts.begin(qc.here, By(person))
        assert count is None or handed_on[count.handoff_id] != person
    assert qc.begin(qc.ann).handoff_id in handed_on


def test_a_tray_is_accepted_by_what_was_scanned(qc: Qc) -> None:
    """What is missing opens a case, whatever was expected."""
    count = qc.begin(qc.ann)
    found, *_ = lying = qc.lying(count)
    for number in (found, f" {found}\n", "never seen by this line"):
        counts.scan(qc.here, qc.ann, count.count_id, number)
    (offer,) = [each for each in qc.line.waiting("qc") if each.handoff_id == count.handoff_id]
    with qc.line.database.read() as conn:
        assert not counts.counted(conn, [offer])
        expected = offered_numbers(conn, offer.handoff_id)
        with pytest.raises(LookupError):
            counts.counted_tray(conn, offer, EmulatedInspector(qc.line.hands))
    counts.close(qc.here, qc.ann, count.count_id)
    with qc.line.database.read() as conn:
        assert counts.counted(conn, [offer]) == {offer.handoff_id: qc.ann}
        tray = counts.counted_tray(conn, offer, EmulatedInspector(qc.line.hands))
    assert set(tray.numbers) == {found, "never seen by this line"}
    answer = accept_by_scan(qc.here, offer, tray, expected, document_units)
    assert (answer.missing, answer.surplus) == (len(lying) - 1, ("never seen by this line",))
    assert len(qc.line.facts("SELECT 1 FROM custody_case")) == len(lying) - 1


def test_a_scan_sent_again_is_the_same_scan(qc: Qc) -> None:
    count = qc.begin(qc.ann)
    for _ in range(2):
        assert counts.scan(qc.here, qc.ann, count.count_id, "A1").scanned == ("A1",)
    counts.close(qc.here, qc.ann, count.count_id)
    counts.close(qc.here, qc.ann, count.count_id)


def test_a_count_without_a_scan_ends_only_where_the_tray_is_said_to_be_empty(qc: Qc) -> None:
    """A key that was pressed too early makes no case of everything that was handed over."""
    count = qc.begin(qc.ann)
    with pytest.raises(EmptyCountError):
        counts.close(qc.here, qc.ann, count.count_id)
    assert qc.begin(qc.ann) == count
    counts.close(qc.here, qc.ann, count.count_id, empty=True)


def test_what_is_no_number_is_refused_whole(qc: Qc) -> None:
    count = qc.begin(qc.ann)
    for nothing in ("", " ", "x" * 65, "a\x1b[2J"):
        with pytest.raises(ScanRefusedError):
            counts.scan(qc.here, qc.ann, count.count_id, nothing)
    assert counts.begin(qc.here, qc.ann) == count


def test_a_count_that_is_over_takes_no_scan(qc: Qc) -> None:
    """Closed, lapsed, given up or somebody else's."""
    count = qc.begin(qc.ann)
    with pytest.raises(CountOverError):
        counts.scan(qc.here, qc.bob, count.count_id, "A1")
    with pytest.raises(CountOverError):
        counts.close(qc.here, qc.bob, count.count_id)
    counts.close(qc.here, qc.ann, count.count_id, empty=True)
    with pytest.raises(CountOverError):
        counts.scan(qc.here, qc.ann, count.count_id, "A1")
    short = qc.begin(qc.bob, count_s=0.000001)
    for act in (lambda: counts.scan(qc.here, qc.bob, short.count_id, "A1"),
                lambda: counts.close(qc.here, qc.bob, short.count_id)):  # fmt: skip
        with pytest.raises(CountOverError):
            act()


def test_what_nobody_finished_goes_to_another_and_nothing_of_it_counts(qc: Qc) -> None:
    """Lapsed or given up; a counted tray is given to nobody again."""
    short = qc.begin(qc.ann, count_s=0.2)
    counts.scan(qc.here, qc.ann, short.count_id, "A1")
    while (taken := qc.begin(qc.bob)).handoff_id != short.handoff_id:
        counts.give_up(qc.here, qc.bob)
    assert taken.scanned == ()
    assert counts.give_up(qc.here, qc.bob) == 1
    assert counts.give_up(qc.here, qc.bob) == 0
    mine = qc.begin(qc.ann)
    assert (mine.handoff_id, mine.scanned) == (short.handoff_id, ())
    counts.close(qc.here, qc.ann, mine.count_id, empty=True)
    assert qc.begin(qc.bob).handoff_id != mine.handoff_id


def test_with_nothing_offered_nobody_is_given_a_tray(line: Line) -> None:
    assert counts.begin(line.at("qc"), By("e-qc-1")) is None


def test_only_who_signed_in_within_a_shift_counts(qc: Qc) -> None:
    for by in (By("p-9999", qc.ann.sign_in), By(qc.ann.code, qc.bob.sign_in), By(qc.ann.code)):
        with pytest.raises(CountTakenError):
            counts.begin(qc.here, by)


def test_the_database_holds_that_a_count_is_written_once(qc: Qc) -> None:
    """In plain SQL, as the owner of the tables."""
    count = qc.begin(qc.ann)
    counts.scan(qc.here, qc.ann, count.count_id, "A1")
    forged = (
        "INSERT INTO tray_scan (count_id, number, scanned_us) SELECT count_id, :number, begun_us + 1 FROM tray_count"
    )
    again = (
        "INSERT INTO tray_count SELECT :other, station, handoff_id, tray, 'e-qc-1', NULL, begun_us, until_us, NULL,"
        " NULL, emulated FROM tray_count"
    )
    for statement in (
        "UPDATE tray_count SET person = 'p-0012'",
        "UPDATE tray_count SET until_us = until_us + 1",
        "DELETE FROM tray_count",
        "UPDATE tray_scan SET number = 'A2'",
        "DELETE FROM tray_scan",
    ):
        with pytest.raises(DBAPIError, match=r"tray_count|tray_scan"):
            qc.sql(statement)
    with pytest.raises(DBAPIError):
        qc.sql(again, other="0" * 32)
    counts.close(qc.here, qc.ann, count.count_id)
    with pytest.raises(DBAPIError, match="in a count that is open"):
        qc.sql(forged, number="A2")
    with pytest.raises(DBAPIError, match="ends once"):
        qc.sql("UPDATE tray_count SET ended_how = 'lapsed'")
    with pytest.raises(DBAPIError):
        qc.sql(again, other="0" * 32)
