"""A shift hands everything over to the next: a handoff a station, lists of what is open, and always one open shift."""

import threading

import pytest
from small_shift import BOOKS, CREW_OF_EMULATED, ONE, OTHER, scanned
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from handoff_logs import log
from handoff_logs.errors import CustodyRefusedError
from handoff_logs.reading import open_reading
from stations.personalization import booking
from stations.review import station as review
from stations.shift import counting, station, stops
from stations.shift.counting import Counted
from stations.shift.errors import (
    CrewShortError,
    NoShiftOpenError,
    SameShiftNameError,
    SettledByForcersError,
    ShiftMovedError,
    ShiftReasonError,
)
from stations.shift.handing_over import REASON
from stations.shift.rules import Ending, Scan, What
from stations.trays import offered_units, stamp
from stations.vault import losing
from stations.vault import station as vault
from stations.vault.losing import Loss

HANDOFFS = (
    "SELECT from_station, person, second_person, shift, count_expected FROM custody_event"
    " WHERE reason = :reason ORDER BY from_station"
)
SHIFTS = "SELECT name, closed, closed_how FROM shift ORDER BY opened_us, closed DESC"
HERE = "SELECT station, place, state, person FROM whereabouts WHERE kind = 'blank' ORDER BY station, place"


def test_each_stations_content_passes_in_one_handoff_of_two_people(shift):
    """From the outgoing lead to the incoming, each unit where it lies, as it was."""
    shift.line.file(2)
    for offer in shift.line.waiting("review"):
        review.work_tray(shift.line.at("review"), offer, shift.line.reviewer)
    shift.line.machines_made = 50  # the first five books lie in the vault
    shift.line.make_documents()
    inspectors = shift.line.at("qc")
    for offer in shift.line.waiting("qc"):
        shift.database.write(lambda tx, o=offer: _accept_all(tx, inspectors, o))
    shift.open()
    before = shift.rows("SELECT unit_id, station, place, state, tray, priority, due_us FROM whereabouts ORDER BY 1")
    handed = shift.hand_over(scanned(*BOOKS))
    assert (handed.how, handed.from_name, handed.differences) == (Ending.BALANCED, "early", ())
    assert shift.rows(SHIFTS) == [("early", True, "balanced"), ("late", False, None)]
    assert shift.rows(HANDOFFS, reason=REASON) == [
        (at, "e-lead-2", "e-lead-1", "late", units) for at, units in sorted(handed.units.items())
    ]
    assert (handed.units["vault"], handed.units["qc"]) == (len(BOOKS), 2)
    assert before == shift.rows(
        "SELECT unit_id, station, place, state, tray, priority, due_us FROM whereabouts ORDER BY 1"
    )
    lying = "SELECT DISTINCT person FROM whereabouts WHERE state IN ('held', 'void', 'doubt') AND station <> 'supplier'"
    assert shift.rows(lying) == [("e-lead-2",)]


def _accept_all(tx, here, offer):
    log.accept(tx, here.party(), offer.handoff_id, offered_units(tx, offer.handoff_id), "input", stamp(here))


def test_voided_pieces_and_those_in_doubt_are_handed_over_as_well(shift):
    """They are answered for like all others."""
    shift.open()
    here = shift.line.at("vault")
    units = [row[0] for row in shift.rows("SELECT unit_id FROM whereabouts WHERE kind = 'blank' ORDER BY unit_id")]
    shift.database.write(lambda tx: log.doubt(tx, here.party(), units[:1], "quarantine", stamp(here)))
    shift.database.write(lambda tx: log.void(tx, here.party(), here.people[1], units[1:2], "voided", stamp(here)))
    handed = shift.hand_over(scanned(*BOOKS, place=""))
    assert handed.units == {"vault": 5}
    assert [(state, person) for _, _, state, person in sorted(shift.rows(HERE), key=lambda row: row[2])] == [
        ("doubt", "e-lead-2"),
        *[("held", "e-lead-2")] * 3,
        ("void", "e-lead-2"),
    ]


def test_open_offers_and_cases_pass_by_list_and_are_named(shift, database_url):
    """They keep a shift from closing, not from being handed over; the next one sees which, and which are still open."""
    shift.open()
    handoff = vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    by = shift.line.at("personalization")
    [unit] = shift.rows("SELECT unit_id FROM unit_number WHERE number = :number", number=BOOKS[0])[0]
    shift.database.write(lambda tx: log.accept(tx, by.party(), handoff, [unit], "stock:book", stamp(by)))
    other = vault.issue_scanned(shift.line.at("vault"), BOOKS[2:3], shift.line.plenty, "b" * 32)
    [case] = shift.rows("SELECT case_id FROM custody_case")[0]
    handed = shift.hand_over(_with_stock(BOOKS[3:], BOOKS[:1]))
    assert (handed.how, set(handed.passed)) == (
        Ending.BALANCED,
        {("offer", other, "vault"), ("case", case, "personalization")},
    )
    with open_reading(database_url) as reading:
        passed = reading.rows(stops.PASSED, count_id=handed.count_id)
        assert [(row["kind"], bool(row["still_open"])) for row in passed] == [("case", True), ("offer", True)]
    shift.database.write(lambda tx: log.withdraw(tx, shift.line.at("vault").party(), other, stamp(by)))
    with open_reading(database_url) as reading:
        passed = reading.rows(stops.PASSED, count_id=handed.count_id)
        assert [(row["kind"], bool(row["still_open"])) for row in passed] == [("case", True), ("offer", False)]
    said = "SELECT value FROM custody_register WHERE subject = :shift AND field LIKE 'passed-%' ORDER BY field"
    assert len(shift.rows(said, shift=handed.count_id)) == 2


def _with_stock(shelf, stock):
    scans = [Scan("vault", "shelf:book", one) for one in shelf]
    scans += [Scan("personalization", "stock:book", one) for one in stock]
    return counting.joined([Counted(tuple(scans), frozenset({"vault", "personalization"}))])


def test_a_refused_handoff_passes_by_list(shift):
    shift.open()
    handoff = vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    by = shift.line.at("personalization")
    shift.database.write(lambda tx: log.refuse(tx, by.party(), handoff, stamp(by, reason="torn")))
    assert shift.close().stops
    assert shift.hand_over().passed == (("refused", handoff, "vault"),)


def test_a_count_that_differs_hands_nothing_over_unless_a_lead_forces_it(shift):
    """What nobody found stays with whoever answered for it; the case is the ended shift's, and others close it."""
    shift.open()
    refused = shift.hand_over(scanned(*BOOKS[1:]))
    assert (refused.to_shift, [one.what for one in refused.differences]) == (None, [What.MISSING])
    assert shift.rows(SHIFTS) == [("early", False, None)]
    assert shift.rows(HANDOFFS, reason=REASON) == []
    forced = shift.hand_over(scanned(*BOOKS[1:]), reason="found-short")
    assert (forced.how, forced.units) == (Ending.FORCED, {"vault": 4})
    assert sorted({row[3] for row in shift.rows(HERE)}) == ["e-lead-2", shift.line.at("vault").people[0]]
    with pytest.raises(SettledByForcersError):
        station.settle(shift.database, forced.from_shift, "recounted", ONE)
    losing.report(shift.line.at("vault"), BOOKS[0], Loss.LOST, "fell-behind", "shelf:book", booking.now_us())
    assert station.settle(shift.database, forced.from_shift, "reported-lost", OTHER) == ["close"]


def test_a_job_without_an_outcome_is_never_handed_over_unforced(shift):
    """Nobody could say whether its document lives."""
    shift.line.file(1)
    shift.open()
    shift.sql(
        "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
        " journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
        " SELECT 'j', application_id, product, 1, order_unit, 'book-01', 'BP-1', 'journal', 1, 1, 'test', 'INTENT',"
        " TRUE, TRUE, 1, TRUE FROM application"
    )
    refused = shift.hand_over()
    assert ([stop.code for stop in refused.stops], refused.to_shift) == (["job-unfinished"], None)
    assert shift.rows("SELECT count(*) FROM shift_count") == [(1,)]
    assert shift.hand_over(reason="power-cut").how is Ending.FORCED
    assert "job-unfinished" in shift.rows("SELECT closing_left FROM shift WHERE closed")[0][0]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"name": "early"}, SameShiftNameError),
        ({"crew": {"vault": CREW_OF_EMULATED["vault"]}}, CrewShortError),
        ({"reason": "Not a code!"}, ShiftReasonError),
    ],
)
def test_what_is_not_ready_takes_nothing_over_and_records_nothing(shift, changes, refusal):
    shift.open()
    with pytest.raises(refusal):
        shift.hand_over(**changes)
    assert shift.rows(SHIFTS) == [("early", False, None)]
    assert shift.rows("SELECT count(*) FROM shift_count") == [(1,)]


def test_there_is_nothing_to_hand_over_before_a_shift_is_opened(shift):
    with pytest.raises(NoShiftOpenError):
        shift.hand_over()


def test_a_shift_goes_on_being_handed_over_and_is_closed_at_last(shift):
    """Each count is one shift's last and the next one's first."""
    shift.open()
    shift.hand_over()
    shift.hand_over(name="night")
    assert shift.close().how is Ending.BALANCED
    assert [row[0] for row in shift.rows(SHIFTS)] == ["early", "late", "night"]
    chained = "SELECT count(*) FROM shift AS one JOIN shift AS next ON next.opening_count = one.closing_count"
    assert shift.rows(chained) == [(2,)]


def test_of_four_who_hand_over_at_once_one_does(shift):
    shift.open()
    outcomes, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        try:
            outcomes.append(shift.hand_over().to_shift)
        except (SameShiftNameError, ShiftMovedError):
            outcomes.append(None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert shift.rows(SHIFTS) == [("early", True, "balanced"), ("late", False, None)]


def refused_by_the_database(shift, words, *statements, **parameters):
    def write(tx):
        for statement in statements:
            tx.execute(text(statement), {name: parameters[name] for name in parameters if f":{name}" in statement})

    with pytest.raises((IntegrityError, CustodyRefusedError), match=words):
        shift.database.write(write)


def test_no_shift_ends_by_a_hand_over_without_the_next_one_whoever_writes_it(shift):
    """The next one's key is looked at on commit."""
    opened = shift.open()
    handover = "INSERT INTO shift_handover VALUES (:old, :new)"
    refused_by_the_database(shift, "(?i)foreign key", handover, old=opened.shift_id, new="f" * 32)
    assert shift.rows("SELECT count(*) FROM shift_handover") == [(0,)]
    refused_by_the_database(shift, "of an open shift", handover, old="e" * 32, new=opened.shift_id)


def test_a_hand_over_leaves_nothing_behind_that_is_not_on_its_list_whoever_writes_it(shift):
    """Neither content that passed to nobody nor an unlisted offer."""
    opened = shift.open()
    at = shift.rows("SELECT opened_us FROM shift")[0][0] + 1
    count = "INSERT INTO shift_count VALUES ('c', 'hand-over', 'e-lead-1', 'e-lead-2', NULL, NULL, :at, TRUE)"
    places = [
        f"INSERT INTO shift_counted VALUES ('c', '{where}', '', 0, '', '{'0' * 64}')"
        for where in ("vault", "personalization")
    ]
    refused_by_the_database(
        shift,
        "on nothing open unless forced",
        count,
        *places,
        "INSERT INTO shift_handover VALUES (:old, 'n')",
        "UPDATE shift SET closed = TRUE, closed_us = :at, closed_how = 'balanced', closing_count = 'c'",
        old=opened.shift_id,
        at=at,
    )
    assert shift.rows(SHIFTS) == [("early", False, None)]


def test_what_was_handed_over_is_never_changed(shift):
    shift.open()
    vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    handed = shift.hand_over()
    for table in ("shift_handover", "shift_handed", "shift_passed"):
        assert shift.rows(f"SELECT * FROM {table}")
        column = "from_shift" if table == "shift_handover" else "count_id"
        with pytest.raises(IntegrityError):
            shift.sql(f"UPDATE {table} SET {column} = {column}")
        with pytest.raises(IntegrityError):
            shift.sql(f"DELETE FROM {table}")
    with pytest.raises(IntegrityError):
        shift.sql("INSERT INTO shift_passed VALUES (:c, 'case', 'x', 'vault')", c=handed.count_id)


def test_a_hand_over_is_told_by_the_questions_on_both_databases(shift, database_url):
    shift.open()
    handed = shift.hand_over()
    with open_reading(database_url) as reading:
        [taken] = reading.rows(stops.TAKEN_OVER, shift_id=handed.to_shift)
        assert (taken["from_name"], taken["handed_by"], taken["taken_by"]) == ("early", "e-lead-1", "e-lead-2")
        assert [row["units"] for row in reading.rows(stops.HANDED, count_id=handed.count_id)] == [5]
        counts = reading.rows(stops.COUNTS, count_id="")
        assert [(row["moment"], row["outcome"], row["shift"]) for row in counts] == [
            ("hand-over", "balanced", "early"),
            ("opening", "opened", "early"),
        ]
        [row] = reading.rows(stops.OPEN_SHIFT)
        assert (row["name"], row["opened_by"], row["opened_second"]) == ("late", "e-lead-1", "e-lead-2")
