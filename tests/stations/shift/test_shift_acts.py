"""A shift opens and closes on what two people counted without knowing how many there must be."""

import re
import threading

import pytest
from small_shift import BOOKS, CREW_OF_EMULATED, ONE, OTHER, plan, scanned
from statement_plans import whole_tables

from handoff_logs import log, register
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.personalization import booking
from stations.shift import eyes, station, stops
from stations.shift.counting import Signers
from stations.shift.errors import (
    ChecklistError,
    CrewRefusedError,
    CrewShortError,
    NoShiftOpenError,
    NothingToSettleError,
    SettledByForcersError,
    ShiftOpenError,
    ShiftReasonError,
)
from stations.shift.rules import Ending, What
from stations.shift.stops import Stop
from stations.trays import stamp
from stations.vault import losing, receiving
from stations.vault import station as vault
from stations.vault.losing import Loss
from stations.vault.receiving import Delivery

COUNTS = "SELECT moment, counted_by, counted_second FROM shift_count ORDER BY counted_us"


def test_a_shift_opens_and_closes_on_a_count_that_agrees(shift):
    """People, machines, checklist and every serial are kept."""
    opened = shift.open()
    assert (opened.differences, opened.forced) == ((), False)
    assert shift.rows("SELECT station, place, pieces, serials FROM shift_counted ORDER BY station") == [
        ("personalization", "", 0, ""),
        ("vault", "shelf:book", 5, "\n".join(BOOKS)),
    ]
    assert len(shift.rows("SELECT code FROM shift_person")) == sum(map(len, CREW_OF_EMULATED.values()))
    assert shift.rows("SELECT machine, state FROM shift_machine") == [("book-01", "new")]
    closed = shift.close()
    assert (closed.how, closed.name, closed.stops) == (Ending.BALANCED, "early", ())
    assert shift.rows(COUNTS) == [(moment, "e-lead-1", "e-lead-2") for moment in ("opening", "close")]
    [row] = shift.rows("SELECT name, closed_how, opening_reason, closing_reason, emulated FROM shift")
    assert row == ("early", "balanced", None, None, True)


def test_one_shift_is_open_at_a_time(shift):
    shift.open()
    with pytest.raises(ShiftOpenError) as refused:
        shift.open(name="late")
    assert refused.value.name == "early"
    assert len(shift.rows(COUNTS)) == 1
    shift.close()
    with pytest.raises(NoShiftOpenError):
        shift.close()
    assert shift.open(name="late").shift_id


def test_two_who_open_or_close_at_once_one_wins(shift):
    """The other is told so, and nothing of its act is left."""

    def at_once(act, refusal):
        outcomes, barrier = [], threading.Barrier(4)

        def work():
            barrier.wait()
            try:
                outcomes.append(act())
            except refusal:
                outcomes.append(None)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [outcome for outcome in outcomes if outcome is not None]

    assert len(at_once(shift.open, ShiftOpenError)) == 1
    assert len(at_once(shift.close, NoShiftOpenError)) == 1
    assert len(shift.rows(COUNTS)) == 2


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"confirmed": ("gate",)}, ChecklistError),
        ({"crew": {"vault": ("e-vlt-1", "e-vlt-2")}}, CrewShortError),
        ({"emulated": False}, CrewRefusedError),
        ({"crew": {**CREW_OF_EMULATED, "vault": ("p-0101", "p-0102")}}, CrewRefusedError),
    ],
)
def test_what_is_not_ready_opens_nothing_and_records_nothing(shift, changes, refusal):
    """An item not confirmed, a station short of people, emulated people among real ones, people nobody enrolled."""
    with pytest.raises(refusal):
        shift.open(**changes)
    assert shift.rows(COUNTS) == []


def test_a_count_that_differs_at_the_opening_is_recorded_and_opens_nothing(shift):
    """Counting again can't take back what was found."""
    opened = shift.open(scanned(*BOOKS[1:], "EA0000099"))
    assert opened.shift_id is None
    assert [(one.serial, one.what) for one in opened.differences] == [
        (BOOKS[0], What.MISSING),
        ("EA0000099", What.UNKNOWN),
    ]
    assert shift.rows("SELECT count(*) FROM shift") == [(0,)]
    assert shift.rows("SELECT serial, what, station FROM shift_difference ORDER BY serial") == [
        (BOOKS[0], "missing", "vault"),
        ("EA0000099", "unknown", "vault"),
    ]
    assert shift.open().shift_id
    assert len(shift.rows(COUNTS)) == 2


def test_an_opening_by_force_is_a_case_until_others_close_it(shift):
    opened = shift.open(scanned(*BOOKS[1:]), reason="found-short")
    assert opened.forced
    with pytest.raises(SettledByForcersError):
        station.settle(shift.database, opened.shift_id, "recounted", ONE)
    assert station.settle(shift.database, opened.shift_id, "recounted", OTHER) == ["opening"]
    with pytest.raises(NothingToSettleError):
        station.settle(shift.database, opened.shift_id, "recounted", OTHER)
    assert shift.rows("SELECT moment, finding, settled_by FROM shift_settlement") == [
        ("opening", "recounted", "e-lead-2")
    ]


def test_a_reason_where_nothing_differs_forces_nothing(shift):
    """Nobody makes a case of a shift that is in order."""
    opened = shift.open(reason="to-be-safe")
    closed = shift.close(reason="to-be-safe")
    assert (opened.forced, closed.how) == (False, Ending.BALANCED)
    with pytest.raises(ShiftReasonError):
        shift.close(reason="To be safe!")


def test_a_lost_blank_is_not_counted_as_here(shift):
    """Missing at the close, it keeps the shift open; reported lost, it does not."""
    shift.open()
    refused = shift.close(scanned(*BOOKS[1:]))
    assert (refused.how, [one.what for one in refused.differences]) == (None, [What.MISSING])
    assert shift.rows("SELECT closed FROM shift") == [(False,)]
    losing.report(shift.line.at("vault"), BOOKS[0], Loss.LOST, "fell-behind", "shelf:book", booking.now_us())
    [surplus] = shift.close(scanned(*BOOKS)).differences
    assert (surplus.serial, surplus.what, surplus.logged.startswith("ended")) == (BOOKS[0], What.SURPLUS, True)
    assert shift.close(scanned(*BOOKS[1:])).how is Ending.BALANCED


def test_what_came_during_the_shift_is_counted_at_its_close(shift):
    shift.open()
    receiving.receive(shift.line.at("vault"), Delivery("book", "EA0000006", "EA0000006", 1, "DN-2"))
    assert [one.serial for one in shift.close().differences] == ["EA0000006"]
    assert shift.close(scanned(*BOOKS, "EA0000006")).how is Ending.BALANCED


def test_an_unsigned_handoff_of_blanks_keeps_a_shift_open(shift):
    """Before anybody is asked to count; its blanks are on their way, whoever scans them."""
    shift.open()
    handoff = vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    for count in (scanned(*BOOKS), scanned(*BOOKS[2:])):
        refused = shift.close(count)
        assert (refused.how, [stop.code for stop in refused.stops]) == (None, ["offer-unanswered"])
        assert handoff in refused.stops[0].what and f"accept {handoff}" in refused.stops[0].to_do
    assert len(shift.rows(COUNTS)) == 1
    shift.database.write(lambda tx: log.withdraw(tx, shift.line.at("vault").party(), handoff, booking_stamp(shift)))
    assert shift.close().how is Ending.BALANCED


def booking_stamp(shift):
    return stamp(shift.line.at("vault"))


def test_orders_that_wait_for_their_station_keep_no_shift_open(shift):
    """They are the line's queue, and data: the next shift finds them in the log."""
    shift.line.file(2)
    shift.open()
    assert shift.line.waiting("review")
    assert shift.close().how is Ending.BALANCED


def test_documents_on_their_way_and_what_a_count_missed_keep_a_shift_open(shift):
    """A handoff with a missing piece is a case for two people, named with its unit."""
    shift.open()
    handoff = vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    by = shift.line.at("personalization").party()
    units = shift.rows("SELECT unit_id FROM unit_number WHERE number = :number", number=BOOKS[0])[0]
    shift.database.write(
        lambda tx: log.accept(tx, by, handoff, list(units), "stock:book", stamp(shift.line.at("personalization")))
    )
    refused = shift.close()
    assert [stop.code for stop in refused.stops] == ["difference-open"]
    assert BOOKS[1] in refused.stops[0].what


def test_a_forced_close_says_what_was_left_and_stays_a_case(shift):
    """What stood open is in the row; the shift is closed, its case is not."""
    opened = shift.open()
    vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    closed = shift.close(scanned(*BOOKS[3:]), reason="evacuation")
    assert (closed.how, [one.serial for one in closed.differences]) == (Ending.FORCED, [BOOKS[2]])
    [row] = shift.rows("SELECT closed_how, closing_reason, closing_left FROM shift")
    assert row[:2] == ("forced", "evacuation") and "offer-unanswered" in row[2]
    with pytest.raises(SettledByForcersError):
        station.settle(shift.database, opened.shift_id, "recounted", ONE)
    assert shift.open(scanned(*BOOKS[2:]), name="late").shift_id
    assert station.settle(shift.database, opened.shift_id, "recounted", OTHER) == ["close"]


def test_a_balance_that_does_not_hold_keeps_a_shift_open(shift):
    shift.open()
    stop = Stop("balance", "vault", "1 book blanks on one side only", "Verify the log.")
    refused = shift.close(unbalanced=[stop])
    assert (refused.how, refused.stops) == (None, (stop,))


def test_a_job_without_an_outcome_keeps_a_shift_open(shift):
    """One in doubt is named with how to settle it."""
    shift.line.file(1)
    shift.open()
    job = {"job_id": "j" * 32, "machine": "book-01", "state": "'UNKNOWN'", "doubt": "'power lost'"}
    shift.sql(
        "INSERT INTO job (job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id,"
        " journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
        " SELECT :job, application_id, product, 1, order_unit, 'book-01', 'BP-1', 'journal', 1, 1, 'test', 'INTENT',"
        " TRUE, TRUE, 1, TRUE FROM application",
        job=job["job_id"],
    )
    refused = shift.close()
    assert [stop.code for stop in refused.stops] == ["job-unfinished"]
    assert refused.stops[0].where == "book-01"
    assert shift.close(reason="power-cut").how is Ending.FORCED


def test_emulated_eyes_count_what_lies_there_and_not_what_the_log_says(shift):
    """A piece carried away is missed, one carried in is found."""
    hands = shift.line.hands
    hands.deliver([*BOOKS, "EA0000099"], "shelf:book")

    def seen():
        with shift.database.read() as conn:
            return eyes.count(conn, hands, ("book-01",))

    assert [one.serial for one in shift.open(seen()).differences] == ["EA0000099"]
    hands.put(["EA0000099"], "corridor")
    assert shift.open(seen()).shift_id
    hands.put([BOOKS[0]], "stock:book")
    [moved] = shift.close(seen()).differences
    assert (moved.serial, moved.what, moved.station) == (BOOKS[0], What.SURPLUS, "personalization")
    hands.put([BOOKS[0]], "shelf:book")
    assert shift.close(seen()).how is Ending.BALANCED


def test_a_shift_and_its_counts_are_answered_by_the_same_questions_on_both_databases(shift, database_url):
    opened = shift.open(scanned(*BOOKS[1:]), reason="found-short")
    with open_reading(database_url) as reading:
        [row] = reading.rows(stops.OPEN_SHIFT)
        assert (row["name"], row["opened_by"], row["opened_second"]) == ("early", "e-lead-1", "e-lead-2")
        assert len(reading.rows(stops.PEOPLE, shift_id=opened.shift_id)) == sum(map(len, CREW_OF_EMULATED.values()))
        assert [m["state"] for m in reading.rows(stops.MACHINES, shift_id=opened.shift_id)] == ["new"]
        assert [case["moment"] for case in reading.rows(stops.CASES)] == ["opening"]
        [count] = reading.rows(stops.COUNTS, count_id="")
        assert [count] == reading.rows(stops.COUNTS, count_id=opened.count_id)
        assert (count["pieces"], count["differences"], count["outcome"]) == (4, 1, "forced")
        assert [one["pieces"] for one in reading.rows(stops.COUNTED, count_id=opened.count_id)] == [0, 4]
        assert [one["serial"] for one in reading.rows(stops.DIFFERING, count_id=opened.count_id)] == [BOOKS[0]]
        assert list(stops.unbalanced(stops.balance_of(reading, row["opened_us"]))) == []


def test_a_machine_that_is_worked_keeps_a_shift_open(shift):
    """On whichever computer: its lease says so."""
    shift.open()
    shift.sql("INSERT INTO machine_lease VALUES ('book-01', 'w', 3, :until, NULL)", until=2**52)
    assert [(stop.code, stop.where) for stop in shift.close().stops] == [("machine-at-work", "book-01")]


def test_a_held_machine_is_named_at_the_opening(shift):
    shift.sql("INSERT INTO machine_state VALUES ('book-01', 'held', 'jam', 1, TRUE)")
    opened = shift.open()
    assert opened.held == {"book-01": "jam"}
    assert shift.rows("SELECT state, reason FROM shift_machine") == [("held", "jam")]


def test_a_plan_is_checked_before_anybody_signs(shift):
    with shift.database.read() as conn:
        station.check_open(conn, plan())
    shift.open()
    with shift.database.read() as conn, pytest.raises(ShiftOpenError):
        station.check_open(conn, plan("late"))


def enters(shift, *people):
    """They are inside, as the gate's records say."""
    for stay, person in enumerate(people, 1):
        entry = Entry(Register.GATE, person, f"entered-{stay}", "entered")
        shift.database.write(
            lambda tx, one=entry: register.record(tx, register.administration(), None, [one], Stamp(1, True))
        )


def test_a_shift_is_not_closed_while_others_are_inside_than_the_two_who_count(shift):
    """Each is named with what to do; the two who sign may be inside, where they count."""
    shift.open()
    enters(shift, "e-lead-1", "p-0101")
    closed = shift.close()
    assert closed.how is None
    assert [(stop.code, stop.what) for stop in closed.stops] == [("still-inside", "p-0101 is inside")]
    assert "passline gate settle p-0101" in closed.stops[0].to_do
    assert shift.close(by=Signers("e-lead-1", "e-lead-3"), reason="evacuation").how is Ending.FORCED


def test_the_two_who_count_may_be_inside_at_the_close(shift):
    shift.open()
    enters(shift, "e-lead-1", "e-lead-2")
    assert shift.close().how is Ending.BALANCED


def test_three_inside_are_listed_before_anybody_counts(shift):
    shift.open()
    enters(shift, "e-lead-1", "e-lead-2", "e-per-1")
    with shift.database.read() as conn:
        _, against = station.check_close(conn, ())
    assert {stop.code for stop in against} == {"still-inside"} and len(against) == 3


def test_what_keeps_a_shift_from_closing_is_found_without_reading_every_case_ever(sqlite_templates):
    """Nor every offer, job or refusal: only what is open."""
    asked = [getattr(stops, name) for name in ("_JOBS", "_OFFERS", "_CASES", "_INSIDE", "TO_PASS", "_LEASES")]
    filled = [re.sub(r":\w+", "1", one).strip() for one in asked]
    assert whole_tables(filled, sqlite_templates(True)) == set()
