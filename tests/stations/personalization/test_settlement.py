"""What no machine can answer waits for two people, and ends as they find it."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from devices.messages import Counters
from devices.roles import MachineIdentity
from handoff_logs import log
from handoff_logs.errors import SamePersonError
from stations.personalization import bench, blanks, booking, draws, jobs, leases, rules, settlement
from stations.personalization.booking import Work
from stations.personalization.errors import AlreadySettledError, FindingRefusedError, NotInDoubtError, UnknownJobError
from stations.personalization.rules import Settlement
from stations.vault import losing
from stations.vault.errors import LossRefusedError, NotVoidableError
from stations.vault.losing import Loss

MACHINE = MachineIdentity("book-01", "B1", "1", "0", True, "j", 1, 1, 0, Counters(0, 0, 0, 0, 0), ())


@pytest.fixture
def doubt(shop):
    """A job in doubt with its blank, as recovery leaves it."""
    shop.stock("book")
    shop.accept_orders(6)
    blanks.load(shop.workplace, _NoHands(shop.desk), "book-01", "book", 3)
    return shop.line.database.write(lambda tx: _make_doubt(tx, shop))


@pytest.fixture
def unread(shop):
    """A job in doubt whose machine never told which blank it drew."""
    shop.stock("book")
    shop.accept_orders(6)
    blanks.load(shop.workplace, _NoHands(shop.desk), "book-01", "book", 3)

    def make(tx):
        lease = leases.take(tx, 1, "book-01", "w", 30, 0)
        draw = draws.draw(tx, lease, MACHINE, "jinan", ("passport",), 1)
        jobs.uncertain(tx, lease, draw.job_id, jobs.JobState.INTENT)
        jobs.doubted(tx, lease, draw.job_id, "power lost", None)
        return booking.work_of(jobs.find(tx, draw.job_id))

    return shop.line.database.write(make)


class _NoHands:
    """A desk that records only: the pieces stay where they are."""

    def __init__(self, desk):
        self.scan = desk.scan

    def load(self, machine, serials):
        return serials


def _make_doubt(tx, shop):
    lease = leases.take(tx, 1, "book-01", "w", 30, 0)
    draw = draws.draw(tx, lease, MACHINE, "jinan", ("passport",), 1)
    serial, unit = next(iter(blanks.at(tx, rules.input_stack("book-01")).items()))
    work = booking.work_of(jobs.find(tx, draw.job_id))
    booking.book_prepared(tx, shop.workplace, lease, work, serial, serial, "0" * 64)
    state = jobs.JobState.PREPARED
    jobs.starting(tx, lease, draw.job_id, 1)
    jobs.uncertain(tx, lease, draw.job_id, jobs.JobState.STARTING)
    log.doubt(tx, shop.workplace.party(), [unit], rules.reject_bin("book-01"), booking.stamp(shop.workplace, "book-01"))
    jobs.doubted(tx, lease, draw.job_id, "power lost", None)
    return Work(
        draw.job_id, draw.application_id, draw.product, draw.order_unit, None, None, state, serial, serial, unit
    )


def settle(shop, work, found, first="e-per-1", second="e-per-2", serial=None, place="bench/book-01"):
    """Two people settle."""
    return settlement.settle(shop.workplace, work.job_id, found, first, second, place, serial)


def row(shop, work):
    """The job, its application's state and its blank's state."""
    query = """
        SELECT job.state, job.outcome, job.live, application.state, whereabouts.state FROM job
        JOIN application USING (application_id) JOIN whereabouts ON whereabouts.unit_id = job.blank_unit
        WHERE job_id = :job"""
    state, outcome, live, application, blank = shop.line.facts(query, job=work.job_id)[0]
    return state, outcome, bool(live), application, blank


@pytest.mark.parametrize(
    ("found", "ended"),
    [
        (Settlement.MADE_GOOD, ("RESULT", "good", True, "in_production", "ended")),
        (Settlement.MADE_BAD, ("RESULT", "failed", False, "passed", "void")),
        (Settlement.UNREADABLE, ("RESULT", "failed", False, "passed", "void")),
        (Settlement.UNMARKED, ("RESULT", "returned", False, "passed", "held")),
        (Settlement.NOT_FOUND, ("UNCERTAIN", None, True, "in_production", "doubt")),
    ],
)
def test_a_job_in_doubt_ends_as_two_people_find_it(shop, doubt, found, ended):
    """Each finding has its custody record and its outcome; not found stays open, without a remake."""
    document = settle(shop, doubt, found)
    assert row(shop, doubt) == ended
    assert (document is not None) == (found is Settlement.MADE_GOOD)


def test_nobody_settles_alone(shop, doubt):
    """Two different people hold the piece; one for both is refused and nothing is written."""
    with pytest.raises(SamePersonError):
        settle(shop, doubt, Settlement.MADE_GOOD, "e-per-1", "e-per-1")
    assert row(shop, doubt)[0] == "UNCERTAIN"


def test_a_settled_job_is_not_settled_again(shop, doubt):
    """The second finding comes too late."""
    settle(shop, doubt, Settlement.MADE_BAD)
    with pytest.raises(AlreadySettledError, match=r"as made-bad by e-per-1 and e-per-2 on 20\d\d-") as refused:
        settle(shop, doubt, Settlement.MADE_GOOD, "e-per-2", "e-per-3")
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_of_two_pairs_who_settle_at_once_one_wins_and_the_other_is_told(shop, doubt):
    """Four threads, each a pair of its own, in one moment."""
    findings = [Settlement.MADE_GOOD, Settlement.MADE_BAD, Settlement.UNMARKED, Settlement.UNREADABLE]

    def one(number):
        try:
            settle(shop, doubt, findings[number], f"e-per-{number}1", f"e-per-{number}2")
        except AlreadySettledError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == [False, False, False, True]


def test_nobody_settles_alone_what_was_not_found(shop, doubt):
    """No custody record is written that would refuse it."""
    with pytest.raises(SamePersonError):
        settle(shop, doubt, Settlement.NOT_FOUND, "e-per-1", "e-per-1")


def test_a_finding_that_contradicts_the_job_is_refused(shop, doubt):
    """The drawn blank is known: nothing drawn, another blank, or a bad piece in the stock can't be true."""
    for found, more in (
        (Settlement.NOT_DRAWN, {}),
        (Settlement.MADE_BAD, {"serial": "EA0000199"}),
        (Settlement.MADE_BAD, {"place": "stock:book"}),
        (Settlement.UNMARKED, {"place": "stock:card"}),
    ):
        with pytest.raises(FindingRefusedError):
            settle(shop, doubt, found, **more)
    assert row(shop, doubt)[0] == "UNCERTAIN"
    settle(shop, doubt, Settlement.UNMARKED, serial=doubt.blank_serial, place="stock:book")


def test_a_piece_whose_blank_was_never_read_is_named_by_elimination(shop, unread):
    """Without its serial no custody would tell of the spoiled blank, and the application would be made again."""
    in_the_machine = sorted(
        serial
        for serial, _ in shop.line.facts(
            "SELECT number, place FROM whereabouts JOIN unit_number USING (unit_id) WHERE place = 'book-01:input'"
        )
    )
    elsewhere = "EA0000199"
    for found, serial in (
        (Settlement.MADE_BAD, None),
        (Settlement.UNMARKED, None),
        (Settlement.MADE_BAD, elsewhere),
        (Settlement.MADE_BAD, "EA9999999"),
        (Settlement.MADE_GOOD, in_the_machine[0]),
        (Settlement.NOT_DRAWN, in_the_machine[0]),
    ):
        with pytest.raises(FindingRefusedError):
            settle(shop, unread, found, serial=serial)
    settle(shop, unread, Settlement.UNREADABLE, serial=in_the_machine[1], place="voided")
    assert row(shop, unread) == ("RESULT", "failed", False, "passed", "void")


def test_a_blank_of_another_job_in_doubt_is_not_named_again(shop, unread):
    """One piece can't be what two jobs drew."""
    second = shop.line.database.write(lambda tx: _make_doubt(tx, shop))
    with pytest.raises(FindingRefusedError, match=second.job_id):
        settle(shop, unread, Settlement.UNREADABLE, serial=second.blank_serial)


def test_what_was_not_drawn_is_made_again_and_no_blank_moves(shop, unread):
    """The stacks are whole."""
    before = shop.line.facts("SELECT unit_id, state, place FROM whereabouts WHERE kind = 'blank' ORDER BY unit_id")
    assert settle(shop, unread, Settlement.NOT_DRAWN) is None
    assert shop.line.facts("SELECT state, outcome FROM job") == [("RESULT", "void")]
    after = shop.line.facts("SELECT unit_id, state, place FROM whereabouts WHERE kind = 'blank' ORDER BY unit_id")
    assert before == after


def test_hands_deface_a_bad_piece_and_carry_no_marked_one_to_the_stock(shop, doubt):
    """The physical act before the record, where hands can do it; they look at the piece first."""
    with shop.line.database.read() as conn:
        job = jobs.find(conn, doubt.job_id)
    serial, people = doubt.blank_serial, ("p-0417", "p-0418")
    with pytest.raises(FindingRefusedError, match="is unmarked"):
        bench.act_on(shop.desk, job, serial, Settlement.MADE_GOOD, "rack", people)
    bench.act_on(shop.desk, job, serial, Settlement.UNMARKED, "stock:book", people)
    assert shop.tally().pieces[serial].place == "stock:book"
    bench.act_on(shop.desk, job, serial, Settlement.UNREADABLE, "voided", people)
    piece = shop.tally().pieces[serial]
    assert (piece.place, piece.defaced) == ("voided", True)
    with pytest.raises(FindingRefusedError, match="is made-bad"):
        bench.act_on(shop.desk, job, serial, Settlement.UNMARKED, "stock:book", people)
    bench.act_on(shop.desk, job, "EA9999999", Settlement.UNMARKED, "stock:book", people)


def test_a_piece_that_turns_up_is_settled_after_it_was_not_found(shop, doubt):
    """Not found is no end."""
    settle(shop, doubt, Settlement.NOT_FOUND)
    settle(shop, doubt, Settlement.MADE_BAD, "e-per-2", "e-per-3")
    assert shop.line.facts("SELECT settlement, settled_by, settled_second FROM job") == [
        ("made-bad", "e-per-2", "e-per-3")
    ]


def test_a_job_that_is_not_in_doubt_is_not_peoples_to_settle(shop, doubt):
    """Neither an unknown job nor one that its machine still answers for."""
    with pytest.raises(UnknownJobError):
        settlement.settle(shop.workplace, "0" * 32, Settlement.MADE_GOOD, "e-per-1", "e-per-2", "bench")
    shop.line.database.write(lambda tx: tx.execute(text("UPDATE job SET doubt = NULL")))
    with pytest.raises(NotInDoubtError):
        settle(shop, doubt, Settlement.MADE_GOOD)


def test_a_found_document_goes_on_and_its_application_is_not_made_again(shop, doubt):
    """Made good: the one live document; no machine can draw the application."""
    settle(shop, doubt, Settlement.MADE_GOOD)
    drawable = "SELECT count(*) FROM application WHERE state = 'passed' AND application_id = :application"
    assert shop.line.facts(drawable, application=doubt.application_id) == [(0,)]
    assert shop.line.facts("SELECT kind, whereabouts.state FROM whereabouts JOIN job ON document_unit = unit_id") == [
        ("document", "held")
    ]


def test_what_was_not_found_is_made_again_once_two_people_report_it_lost(shop, doubt):
    """Looked for first, then reported; the blank has ended, the job is over, the application waits again."""
    with pytest.raises(LossRefusedError, match="devices settle"):
        losing.report(shop.workplace, doubt.blank_serial, Loss.LOST, "vanished", "book-01", booking.now_us())
    with pytest.raises(FindingRefusedError):
        settle(shop, doubt, Settlement.LOST)
    settle(shop, doubt, Settlement.NOT_FOUND)
    assert row(shop, doubt) == ("UNCERTAIN", None, True, "in_production", "doubt")
    losing.report(shop.workplace, doubt.blank_serial, Loss.LOST, "vanished", "book-01", booking.now_us())
    assert row(shop, doubt) == ("RESULT", "failed", False, "passed", "ended")
    assert shop.line.facts("SELECT settlement, settled_by, settled_second FROM job WHERE settlement IS NOT NULL") == [
        ("lost", *shop.workplace.people[:2])
    ]
    again = losing.report(shop.workplace, doubt.blank_serial, Loss.LOST, "vanished", "book-01", booking.now_us())
    assert again.repeated


def test_a_blank_of_a_job_is_not_voided_beside_it(shop, doubt):
    """Its job would go on as if the blank were there."""
    with pytest.raises(NotVoidableError, match="settle the job"):
        losing.void(shop.workplace, [doubt.blank_serial], "damaged")


def test_a_spoiled_blank_that_is_lost_ends_its_job_as_a_void_would(shop):
    """It lies in no reject bin any more: reported lost, its application may be made again."""
    shop.stock("book")
    shop.accept_orders(6)
    blanks.load(shop.workplace, _NoHands(shop.desk), "book-01", "book", 3)

    def spoil(tx):
        lease = leases.take(tx, 1, "book-01", "w", 30, 0)
        draw = draws.draw(tx, lease, MACHINE, "jinan", ("passport",), 1)
        serial = next(iter(blanks.at(tx, rules.input_stack("book-01"))))
        work = booking.work_of(jobs.find(tx, draw.job_id))
        booking.book_prepared(tx, shop.workplace, lease, work, serial, serial, "0" * 64)
        jobs.starting(tx, lease, draw.job_id, 1)
        work = booking.work_of(jobs.find(tx, draw.job_id))
        booking.book_failed(tx, shop.workplace, lease, work, "jam", "0" * 64)
        return booking.work_of(jobs.find(tx, draw.job_id))

    work = shop.line.database.write(spoil)
    assert row(shop, work)[:4] == ("RESULT", "failed", True, "in_production")
    losing.report(shop.workplace, work.blank_serial, Loss.STOLEN, "bin-was-open", "book-01", booking.now_us())
    assert row(shop, work) == ("RESULT", "failed", False, "passed", "ended")


def test_no_blank_of_a_machine_is_reported_lost_while_a_job_may_have_drawn_it_unread(shop, unread):
    """Else the count of its stacks would come out even, and the job would be made again beside its piece."""
    with shop.line.database.read() as conn:
        serial = next(iter(blanks.at(conn, rules.input_stack("book-01"))))
    with pytest.raises(LossRefusedError, match="drawn it unread"):
        losing.report(shop.workplace, serial, Loss.LOST, "vanished", "book-01", booking.now_us())
    settle(shop, unread, Settlement.NOT_DRAWN)
    losing.report(shop.workplace, serial, Loss.LOST, "vanished", "book-01", booking.now_us())
