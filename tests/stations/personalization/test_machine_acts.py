"""What operators sign at the machines: stored once, booked once by those who signed; no thread waits for them."""

import random
import threading
from typing import Any

import pytest
from operators_desk import KINDS, OperatorsDesk
from sqlalchemy.exc import DBAPIError, IntegrityError

from handoff_logs.records import new_id
from stations.personalization import acts
from stations.personalization.errors import (
    ActTakenError,
    BadActIdError,
    CountDiffersError,
    FindingRefusedError,
    NoPieceScannedError,
    NotThereError,
    TrayNotReadyError,
    UnknownMachineError,
)
from stations.trays import tray_place

GOOD = "SELECT count(*) FROM job WHERE outcome = 'good'"


@pytest.fixture
def desk(shop):
    """The operators' desk beside one machine for books, with blanks in the stock."""
    shop.stock("book")
    return OperatorsDesk.of(shop)


def made(desk, documents, loaded=None, **rates):
    """Orders accepted and made on blanks that two operators loaded; how many passports."""
    desk.shop.start("book-01", **rates)
    desk.shop.accept_orders(documents)
    [(passports,)] = desk.rows("SELECT count(*) FROM application WHERE product = 'passport'")
    desk.load("book-01", loaded or passports)
    with desk.working("book-01"):
        desk.until(GOOD, [(passports,)])
    return passports


def test_a_machine_goes_from_its_loading_to_qc_by_hand(desk):
    """Loaded by two, made, taken out, its tray filled and offered: each record bears who did it, and their sign-ins."""
    passports = made(desk, 12)
    assert desk.do("collect", "book-01", *desk.in_good_stack("book-01")) == {"pieces": passports}
    told = [desk.do("fill", tray, *desk.documents(tray)) for tray in desk.ready()]
    assert sum(each["pieces"] for each in told) == passports
    assert not any(each["missing"] or each["stopped"] for each in told)
    for each in told:
        assert len(desk.shop.line.hands.scan(tray_place(each["tray"]))) == each["pieces"]
    assert sum(offer.unit_count for offer in desk.shop.line.waiting("qc")) == passports
    ann, bob = (desk.people[name].code for name in ("ann", "bob"))
    moved = desk.rows(
        "SELECT DISTINCT e.act, e.person, e.second_person, one.code, two.code FROM custody_event e"
        " LEFT JOIN sign_in_attempt one ON one.attempt_id = e.sign_in"
        " LEFT JOIN sign_in_attempt two ON two.attempt_id = e.second_sign_in"
        " WHERE e.to_place IN ('book-01:input', 'rack', 'outgoing') OR e.to_station = 'qc'"
    )
    assert set(moved) == {
        ("move", ann, bob, ann, bob),
        ("move", ann, None, ann, None),
        ("offer", ann, None, ann, None),
    }


def test_what_is_not_in_the_stock_is_refused_and_named(desk):
    """And nothing of it is loaded."""
    desk.shop.start("book-01")
    first, second = desk.stock("book-01", 2)
    desk.load("book-01", 1)
    with pytest.raises(NotThereError) as refused:
        desk.sign("load", "book-01", first, second, "EZ9999999")
    assert (refused.value.place, refused.value.serials) == ("stock:book", (first, "EZ9999999"))
    assert desk.rows("SELECT count(*) FROM machine_act") == [(1,)]


@pytest.mark.parametrize(
    ("refusal", "kind", "subject", "facts"),
    [
        (NoPieceScannedError, "load", "book-01", {}),
        (UnknownMachineError, "right", "book-99", {}),
        (TrayNotReadyError, "fill", "0" * 32, {}),
        (BadActIdError, "right", "book-01", {"act_id": "short"}),
    ],
)
def test_what_can_not_be_is_refused_before_anybody_signs(desk, refusal, kind, subject, facts):
    with pytest.raises(refusal):
        acts.sign(desk.here, KINDS, desk.signed(kind, subject, **facts))
    assert desk.rows("SELECT count(*) FROM machine_act") == [(0,)]


def test_two_people_load_and_deface_and_never_one_twice(desk):
    """The database holds it whoever writes: one hand, the same hands, no role, an old sign-in, an act changed later."""
    serial, *_ = desk.stock("book-01", 1)
    for hands in (("ann",), ("ann", "ann"), ("ann", "pam"), ("pam", "ann"), ("ann", "eng")):
        with pytest.raises((IntegrityError, DBAPIError)):
            acts.sign(desk.here, KINDS, desk.signed("load", "book-01", serial, hands=hands))
    old = desk.signed("load", "book-01", serial)
    late = new_id()
    desk.sql(
        "INSERT INTO sign_in_attempt SELECT :id, :code, at_us - 400000000, 'accepted' FROM sign_in_attempt"
        " WHERE attempt_id = :of",
        id=late,
        code=old.second.code,
        of=old.second.sign_in,
    )
    with pytest.raises((IntegrityError, DBAPIError)):
        desk.sql(
            "INSERT INTO machine_act (act_id, kind, subject, detail, content, first, first_sign_in, second,"
            " second_sign_in, stored_us, emulated) SELECT :act, 'load', 'book-01', '', '[]', :first, :one, :second,"
            " :two, at_us, true FROM sign_in_attempt WHERE attempt_id = :one",
            act=new_id(),
            first=old.first.code,
            one=old.first.sign_in,
            second=old.second.code,
            two=late,
        )
    desk.sign("load", "book-01", serial)
    for change in ("UPDATE machine_act SET subject = 'card-01'", "DELETE FROM machine_act"):
        with pytest.raises((IntegrityError, DBAPIError)):
            desk.sql(change)
    assert desk.run(hands=False) and desk.rows("SELECT content FROM machine_act") == [("",)]


def test_an_act_sent_again_is_the_same(desk):
    """After a lost answer or a double click; its id is no other's; and two runs book it once."""
    desk.shop.start("book-01")
    serial, other = desk.stock("book-01", 2)
    first = desk.sign("load", "book-01", serial)
    assert not acts.sign(desk.here, KINDS, desk.signed("load", "book-01", serial, act_id=first.act_id))
    with pytest.raises(ActTakenError):
        acts.sign(desk.here, KINDS, desk.signed("load", "book-01", other, act_id=first.act_id))
    assert desk.run() == [{"pieces": 1}]
    assert desk.run() == []
    assert desk.book(first.act_id) == {}
    assert not acts.sign(desk.here, KINDS, desk.signed("load", "book-01", serial, act_id=first.act_id))
    assert desk.shop.line.hands.scan("book-01:input") == [serial]


def test_of_two_pairs_who_load_the_same_blank_one_is_told(desk):
    """The first holds; the second is refused when its turn comes, and says which."""
    desk.shop.start("book-01")
    serial, *_ = desk.stock("book-01", 1)
    desk.sign("load", "book-01", serial)
    desk.sign("load", "book-01", serial, hands=("lead", "bob"))
    assert desk.run()[1]["serials"] == (serial,)
    assert desk.rows("SELECT refusal FROM machine_act ORDER BY stored_us") == [(None,), ("NotThereError",)]


def test_a_machine_without_blanks_says_so_and_goes_on_when_it_is_loaded(desk):
    """Its thread holds its lease meanwhile and makes no job a look; blanks that are not in it yet are asked for."""
    desk.shop.start("book-01")
    desk.shop.accept_orders(8)
    [(passports,)] = desk.rows("SELECT count(*) FROM application WHERE product = 'passport'")
    with desk.working("book-01", lease_s=1.0):
        desk.until_shown("book-01", "suspended", "no-blanks")
        serials = desk.stock("book-01", passports)
        act = desk.sign("load", "book-01", *serials)
        desk.book(act.act_id, hands=False)  # by the log they are in it; nobody has laid them in
        desk.until_shown("book-01", "suspended", "not-laid-in")
        [(jobs,)] = desk.rows("SELECT count(*) FROM job")
        desk.do("right", "book-01")
        desk.until(GOOD, [(passports,)])
    assert jobs <= 3
    assert desk.rows("SELECT count(*) FROM job WHERE outcome = 'void'") == [(2,)]
    assert desk.rows("SELECT max(fence) FROM machine_lease WHERE machine = 'book-01'") == [(1,)]


def test_a_spoiled_blank_is_defaced_by_two_and_its_order_made_again(desk):
    """By those who signed; the blank is accounted, and not before somebody scanned it."""
    desk.shop.start("book-01", misread_rate=0.3)
    desk.shop.accept_orders(24)
    [(passports,)] = desk.rows("SELECT count(*) FROM application WHERE product = 'passport'")
    desk.load("book-01", passports * 4)
    spoiled = "SELECT count(*) FROM job WHERE outcome = 'failed' AND live"
    with desk.working("book-01"):
        for _ in range(400):
            if desk.rows(GOOD) == [(passports,)]:
                break
            lying = desk.shop.desk.empty("book-01", "reject", "bench/book-01")
            known = [serial for serial in desk.shop.line.hands.scan("bench/book-01") if serial in rejected(desk)]
            if known:
                assert defaced(desk, known) in (0, len(known)), lying
            threading.Event().wait(0.02)
        desk.until(spoiled, [(0,)])
    ann, bob = (desk.people[name].code for name in ("ann", "bob"))
    assert desk.rows("SELECT DISTINCT person, second_person FROM custody_event WHERE act = 'void'") == [(ann, bob)]
    assert desk.rows("SELECT count(*) FROM custody_event WHERE act = 'void' AND second_sign_in IS NULL") == [(0,)]
    voided = [row[0] for row in desk.rows("SELECT number FROM unit_number JOIN whereabouts USING (unit_id)"
                                          " WHERE state = 'void'")]  # fmt: skip
    assert voided and all(desk.shop.tally().pieces[serial].defaced for serial in voided)


def defaced(desk, serials):
    """How many were defaced: none where the machine is just drawing, so that one of them may yet be its job's."""
    try:
        act = desk.sign("deface", "book-01", *serials)
    except NotThereError:
        return 0
    told = desk.book(act.act_id)
    return told.get("pieces", 0)


def rejected(desk):
    with desk.database.read() as conn:
        return acts.recorded(conn, KINDS, acts.ActKind.DEFACE, "book-01")


def test_a_tray_is_counted_blind_and_what_is_missing_goes_to_quarantine(desk):
    """First the count is asked for again, naming the stacks that nobody emptied; then two words end it."""
    passports = made(desk, 10)
    lying = desk.in_good_stack("book-01")
    tray, *_ = sorted(desk.ready(), key=lambda each: -len(desk.documents(each)))
    documents = desk.documents(tray)
    with pytest.raises(CountDiffersError) as refused:
        desk.sign("fill", tray, *documents[1:])
    assert refused.value.machines == ("book-01",)
    desk.do("collect", "book-01", *lying)
    with pytest.raises(CountDiffersError) as refused:
        desk.sign("fill", tray, *documents[1:])
    assert refused.value.machines == ()
    with pytest.raises(NotThereError):
        desk.sign("fill", tray, *documents, "EZ9999999")
    told = desk.do("fill", tray, *documents[1:], detail="as-is")
    assert (told["pieces"], told["missing"]) == (len(documents) - 1, 1)
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'quarantine'") == [(1,)]
    assert tray not in desk.ready()
    assert passports == len(lying)


def test_unmarked_blanks_go_back_to_the_stock(desk):
    """Those that a machine gave back, and those that it never drew."""
    desk.shop.start("book-01")
    desk.load("book-01", 3)
    inside = desk.shop.line.hands.scan("book-01:input")
    desk.shop.line.hands.empty("book-01", "input", "stock:book")
    assert desk.do("restock", "book-01", *inside) == {"pieces": 3}
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'book-01:input'") == [(0,)]


def test_a_doubt_is_settled_by_two_as_by_the_command(desk):
    """What contradicts the job is refused before anybody signs; then the order waits again."""
    passports = in_doubt(desk)
    doubts = desk.rows("SELECT job_id, blank_serial FROM job WHERE doubt IS NOT NULL")
    with pytest.raises(FindingRefusedError):
        desk.sign("settle", doubts[0][0], detail="not-drawn")
    for job, serial in doubts:
        found, piece, _ = look(desk, job)
        assert piece == serial
        desk.do("settle", job, detail=found, hands=("ann", "eng"))
    ann, eng = (desk.people[name].code for name in ("ann", "eng"))
    settled = "SELECT DISTINCT settled_by, settled_second FROM job WHERE doubt IS NOT NULL"
    assert desk.rows(settled) == [(ann, eng)]
    desk.load("book-01", 6)
    with desk.working("book-01"):
        desk.until(GOOD, [(passports,)])


def in_doubt(desk) -> Any:
    """A machine whose power went while it wrote, so that it does not know what became of the piece."""
    desk.shop.start("book-01")
    desk.shop.accept_orders(6)
    [(passports,)] = desk.rows("SELECT count(*) FROM application WHERE product = 'passport'")
    desk.load("book-01", passports + 3)
    desk.shop.supervisor.control("book-01").ask("fault", fault={"name": "lost-journal", "at": "WORKING"})
    with desk.working("book-01"):
        desk.until_shown("book-01", "held", "PortUnavailableError")
        desk.shop.supervisor.ensure()
        desk.until_shown("book-01", "held", "in-doubt")
    return passports


def look(desk, job):
    from stations.personalization import bench, jobs

    with desk.database.read() as conn:
        row = jobs.find(conn, job)
    desk.shop.desk.empty("book-01", "reject", "bench/book-01")
    return bench.look(desk.here, desk.shop.desk, row)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_commit_nothing_is_lost_and_nothing_done_twice(desk, monkeypatch, seed):
    """The desk and the run die before or after each commit of a day; what got no answer is sent again."""
    passports = made(desk, 8)
    chance, write, deaths = random.Random(seed), desk.database.write, []

    def mortal(work):
        fate = chance.choice(("before", "after", "lives"))
        if fate == "before":
            deaths.append(fate)
            raise Killed
        answer = write(work)
        if fate == "after":
            deaths.append(fate)
            raise Killed
        return answer

    def insist(act):
        for _ in range(400):
            try:
                return act()
            except Killed:
                continue
        raise AssertionError

    def do(kind, subject, *serials):
        with monkeypatch.context() as patch:
            sent = desk.signed(kind, subject, *serials)
            patch.setattr(desk.database, "write", mortal)
            insist(lambda: acts.sign(desk.here, KINDS, sent))
            insist(desk.run)
        acts.lay_in(desk.here, desk.shop.desk, "book-01", "book")  # as each run begins

    do("load", "book-01", *desk.stock("book-01", 2))
    do("collect", "book-01", *desk.in_good_stack("book-01"))
    for tray in desk.ready():
        do("fill", tray, *desk.documents(tray))
    do("restock", "book-01", *desk.shop.line.hands.empty("book-01", "input", "stock:book"))
    assert len(deaths) > 5
    assert desk.rows("SELECT count(*) FROM machine_act WHERE booked_us IS NULL OR refusal IS NOT NULL") == [(0,)]
    assert sum(offer.unit_count for offer in desk.shop.line.waiting("qc")) == passports
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place IN ('quarantine', 'book-01:input')") == [(0,)]
    at = desk.rows("SELECT count(*) FROM custody_event WHERE to_place = 'outgoing' AND act = 'move'")
    assert at == desk.rows("SELECT count(*) FROM machine_act WHERE kind = 'fill'")
