"""The green channel: a lead raises an application that waits, and it overtakes everything from where it is."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs import offers
from handoff_logs.errors import AlreadyAnsweredError, HandoffLogError
from stations.calendar import CHINA, from_us
from stations.deadlines import DeadlineRule
from stations.green import station as green
from stations.green.errors import AlreadyGreenError, NotRaisableError
from stations.green.station import Overtakes
from stations.intake import filed
from stations.intake.deadline_changes import in_force, reckon
from stations.intake.generator.defects import Shares
from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.packing import station as packing
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_as, sign_in_two
from stations.personalization import station as personalization
from stations.qc import station as qc
from stations.review import station as review
from stations.review.desk import Decision, Outcome
from stations.stopping.errors import UnknownNumberError
from stations.trays import PUBLISHED

ONE = Credentials("p-0001", "a password of one")
TWO = Credentials("p-0002", "a password of two")
LEAD = Credentials("p-0003", "the lead's own password")
OTHER_LEAD = Credentials("p-0004", "another lead's password")
ORDINARY = Shares(emergencies=0, expedited=0, intake_defects=0, review_defects=0)
OFFERS = (
    "SELECT to_station, unit_count, priority, due_us, tray FROM open_offer WHERE kind = 'order' ORDER BY priority, tray"
)
DISPATCHED = (
    "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit WHERE a.state = 'dispatched'"
)


@pytest.fixture
def staffed(line, monkeypatch):
    """The line with two leads, and ordinary applications alone."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line.shares = ORDINARY
    register.found(line.database, ONE, TWO, emulated=True)
    by = sign_in_two(line.database, ONE, TWO, ADMINISTRATORS)
    for lead in (LEAD, OTHER_LEAD):
        register.enrol(line.database, by, lead, [Role.LEAD], emulated=True)
    return line


@pytest.fixture
def numbers(staffed) -> list[str]:
    """The numbers of twelve applications that wait for review in trays of four, accepted today."""
    staffed.file(12, tray_size=4, day=datetime.now(CHINA).date())
    return [row[0] for row in staffed.facts("SELECT number FROM unit_number WHERE kind = 'order' ORDER BY number")]


@pytest.fixture
def number(staffed, numbers) -> str:
    """One of them that is in a tray with others."""
    tray = next(offer.tray for offer in staffed.waiting("review") if offer.unit_count > 1)
    return next(number for number in numbers if stands(staffed, number)[5] == tray)


@pytest.fixture
def raised(staffed) -> Callable[..., green.Raised]:
    """Raises the application of a number by a lead who signs in for it."""

    def act(number: str, reason: str = "exam", lead: Credentials = LEAD) -> green.Raised:
        by = sign_in_as(staffed.database, lead, green.RAISERS)
        here = staffed.at("personalization").at("personalization", (lead.code, "p-0001"), {lead.code: by.sign_in})
        return green.raise_to_green(here, number, reason, PUBLISHED)

    return act


def stands(line, number):
    """Its class, priority and deadline, and where its order is."""
    ((*found,),) = line.facts(
        "SELECT a.service_class, a.priority, a.deadline_us, w.station, w.state, w.tray, w.priority, a.application_id,"
        " a.order_unit FROM application a JOIN unit_number n ON n.unit_id = a.order_unit"
        " JOIN whereabouts w ON w.unit_id = a.order_unit WHERE n.number = :n",
        n=number,
    )
    return found


def reviewed(line):
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)


def accepted(line):
    for offer in line.waiting("personalization"):
        personalization.accept_tray(line.at("personalization"), offer)


def before(line, number, station):
    """The offer to `station` that an order is in."""
    tray = stands(line, number)[5]
    (offer,) = [offer for offer in line.waiting(station) if offer.tray == tray]
    return offer


@pytest.mark.parametrize("station", ["review", "personalization"])
def test_an_order_under_offer_is_offered_alone_and_the_others_as_before(staffed, number, raised, station):
    if station == "personalization":
        reviewed(staffed)
    offer = before(staffed, number, station)
    told = raised(number)
    assert (told.station, told.overtakes) == (station, Overtakes.OFFERED_ALONE)
    service_class, priority, deadline_us, _, _, tray, *_ = stands(staffed, number)
    assert (service_class, priority, deadline_us) == ("emergency", 0, told.deadline_us)
    first, *rest = staffed.waiting(station)
    due_us = PUBLISHED.due_us(station, "emergency", deadline_us)
    assert (first.tray, first.unit_count, first.priority, first.due_us) == (tray, 1, 0, due_us)
    assert tray != offer.tray
    others = [each for each in rest if each.tray == offer.tray]
    (other,) = others
    assert (other.unit_count, other.priority, other.due_us) == (offer.unit_count - 1, offer.priority, offer.due_us)
    assert staffed.facts("SELECT person FROM custody_event WHERE act = 'withdraw'") == [(LEAD.code,)]
    assert sum(each.unit_count for each in staffed.waiting(station)) == 12


def test_the_deadline_is_this_day_with_its_record_and_is_not_reckoned_again(staffed, numbers, raised):
    was_us = stands(staffed, numbers[0])[2]
    told = raised(numbers[0], "death_abroad")
    (raised_us,) = staffed.facts("SELECT raised_us FROM green_channel")[0]
    at = from_us(raised_us)
    assert told.deadline_us == DeadlineRule(PUBLISHED.calendar).deadline("emergency", at, at).due_us
    assert from_us(told.deadline_us) - at <= timedelta(hours=24)
    assert staffed.facts("SELECT before_us, after_us, position FROM deadline_change") == [(was_us, told.deadline_us, 1)]
    assert staffed.facts(
        "SELECT approver, reason, class_before, priority_before, deadline_before_us, deadline_change FROM green_channel"
    ) == [(LEAD.code, "death_abroad", "normal", 2, was_us, 1)]
    with staffed.database.read() as conn:
        rule = DeadlineRule(in_force(conn))
    reckon(staffed.database, DeadlineRule(rule.calendar, None), emulated=True)
    assert stands(staffed, numbers[0])[2] == told.deadline_us


def test_a_deadline_that_is_nearer_already_is_not_put_off(staffed, raised):
    staffed.file(3)  # accepted months ago
    number = staffed.facts("SELECT min(number) FROM unit_number WHERE kind = 'order'")[0][0]
    was_us = stands(staffed, number)[2]
    assert raised(number).deadline_us == was_us
    assert staffed.facts("SELECT deadline_change FROM green_channel") == [(None,)]
    assert stands(staffed, number)[:3] == ["emergency", 0, was_us]


def test_a_claimed_offer_is_left_alone_and_parted_by_review(staffed, number, raised):
    """Whoever claimed the tray is about to scan it: it goes on alone from review, at the priority of that moment."""
    offer = before(staffed, number, "review")
    staffed.database.write(lambda tx: offers.claim(tx, "review", "worker", 60.0, among=[offer.handoff_id]))
    assert raised(number).overtakes == Overtakes.FROM_NEXT_HANDOFF
    assert offer.handoff_id in {each.handoff_id for each in staffed.waiting("review")}
    review.work_tray(staffed.at("review"), offer, staffed.reviewer)
    first = staffed.waiting("personalization")[0]
    assert (first.unit_count, first.priority) == (1, 0)
    assert sum(each.unit_count for each in staffed.waiting("personalization")) == offer.unit_count


def test_a_claim_that_lapsed_holds_nothing_back(staffed, number, raised):
    """Its worker is dead; were it only slow, its acceptance would be told that the offer has its answer."""
    offer = before(staffed, number, "review")
    staffed.database.write(lambda tx: offers.claim(tx, "review", "worker", -1.0, among=[offer.handoff_id]))
    assert raised(number).overtakes == Overtakes.OFFERED_ALONE
    with pytest.raises(AlreadyAnsweredError):
        review.work_tray(staffed.at("review"), offer, staffed.reviewer)
    assert sum(each.unit_count for each in staffed.waiting("review")) == 12


def test_review_parts_what_was_raised_while_it_decided(staffed, number, raised):
    offer = before(staffed, number, "review")

    class Slow:
        def decide(self, case):
            if stands(staffed, number)[1]:
                assert raised(number).overtakes == Overtakes.FROM_NEXT_HANDOFF
            return Decision(Outcome.PASS)

    review.work_tray(staffed.at("review"), offer, Slow())
    first, *rest = staffed.waiting("personalization")
    assert (first.unit_count, first.priority) == (1, 0)
    assert first.due_us == PUBLISHED.due_us("personalization", "emergency", stands(staffed, number)[2])
    assert {each.priority for each in rest} == {2}


def test_the_review_desk_is_told_who_approved_and_suspects_nothing(staffed, number, raised):
    raised(number, "medical_care")
    cases = []

    class Desk:
        def decide(self, case):
            cases.append(case)
            return Decision(Outcome.PASS)

    review.work_tray(staffed.at("review"), staffed.waiting("review")[0], Desk())
    (case,) = cases
    assert (case.approval.approver, case.approval.reason) == (LEAD.code, "medical_care")
    assert "no_approver" not in {finding.reason for finding in case.findings.values()}
    with staffed.database.read() as conn:
        personal = staffed.at("review").personal
        assert filed.by_ids(conn, personal, [case.application_id])[case.application_id].record.emergency is None


def test_an_undrawn_order_is_parted_and_drawn_next(staffed, numbers, number, raised):
    reviewed(staffed)
    accepted(staffed)
    old = stands(staffed, number)[5]
    told = raised(number)
    assert (told.station, told.overtakes) == ("personalization", Overtakes.DRAWN_NEXT)
    *_, station, state, tray, priority, _, _ = stands(staffed, number)
    assert (station, state, priority) == ("personalization", "held", 0)
    assert tray != old
    assert personalization.parted_trays(staffed.at("personalization"), [old]) == [tray]
    statuses = {status.tray: status.orders for status in personalization.tray_status(staffed.at("personalization"))}
    assert statuses[tray] == 1
    assert statuses[old] == len([each for each in numbers if stands(staffed, each)[5] == old]) > 0
    best = "SELECT unit_id FROM whereabouts WHERE station = 'personalization' AND kind = 'order' AND state = 'held'"
    assert staffed.facts(f"{best} ORDER BY priority, due_us LIMIT 1") == [(stands(staffed, number)[-1],)]


def test_what_was_raised_between_call_and_acceptance_is_parted_by_its_station(staffed, numbers, raised):
    reviewed(staffed)
    here = staffed.at("personalization")
    offer = max(staffed.waiting("personalization"), key=lambda each: each.unit_count)
    assert offer.unit_count > 1
    number = next(number for number in numbers if stands(staffed, number)[5] == offer.tray)
    staffed.database.write(lambda tx: offers.claim(tx, "personalization", "worker", 60.0, among=[offer.handoff_id]))
    assert raised(number).overtakes == Overtakes.FROM_NEXT_HANDOFF
    personalization.accept_tray(here, offer)
    (tray,) = personalization.part_green(here, offer.tray)
    assert (stands(staffed, number)[5], stands(staffed, number)[6]) == (tray, 0)
    assert personalization.part_green(here, offer.tray) == []
    assert personalization.part_green(here, tray) == []


def test_a_made_document_goes_first_from_its_next_handoff_on(staffed, number, raised, readers):
    reviewed(staffed)
    staffed.make_documents()
    under_offer = [(offer.handoff_id, offer.priority) for offer in staffed.waiting("qc")]
    assert raised(number).overtakes == Overtakes.FROM_NEXT_HANDOFF
    assert [(offer.handoff_id, offer.priority) for offer in staffed.waiting("qc")] == under_offer
    for offer in staffed.waiting("qc"):
        qc.work_tray(staffed.at("qc"), offer, staffed.inspector, readers, staffed.trust_anchor)
    assert staffed.waiting("packing")[0].priority == 0


def test_what_is_raised_while_it_is_inspected_goes_first_already(staffed, number, raised, readers):
    reviewed(staffed)
    staffed.make_documents()
    tray = staffed.facts(
        "SELECT w.tray FROM whereabouts w JOIN job j ON j.document_unit = w.unit_id WHERE j.application_id = :a",
        a=stands(staffed, number)[7],
    )[0][0]
    (offer,) = [offer for offer in staffed.waiting("qc") if offer.tray == tray]
    inspector, act = staffed.inspector, staffed.inspector.inspect

    def inspect(case):
        if stands(staffed, number)[1]:
            raised(number)
        return act(case)

    inspector.inspect = inspect
    qc.work_tray(staffed.at("qc"), offer, inspector, readers, staffed.trust_anchor)
    assert [each.priority for each in staffed.waiting("packing")] == [0]


def test_what_is_stopped_or_gone_or_green_is_refused_with_what_holds(staffed, numbers, raised):
    staffed.stop(stands(staffed, numbers[0])[7])
    with pytest.raises(NotRaisableError) as refused:
        raised(numbers[0])
    assert refused.value.state == "stopped"
    staffed.database.write(
        lambda tx: tx.execute(
            text("UPDATE application SET state = 'returned', live = FALSE WHERE application_id = :a"),
            {"a": stands(staffed, numbers[1])[7]},
        )
    )
    with pytest.raises(NotRaisableError) as refused:
        raised(numbers[1])
    assert refused.value.state == "returned"
    raised(numbers[2])
    with pytest.raises(AlreadyGreenError) as again:
        raised(numbers[2], "conference", OTHER_LEAD)
    assert (again.value.approver, again.value.reason) == (LEAD.code, "exam")
    with pytest.raises(UnknownNumberError):
        raised("JN2026-999999")
    assert staffed.facts("SELECT count(*) FROM green_channel") == [(1,)]
    assert staffed.facts("SELECT count(*) FROM custody_event WHERE act = 'withdraw'") == [(1,)]


def test_an_emergency_as_filed_is_green_already(staffed, raised):
    staffed.shares = Shares(emergencies=1.0, expedited=0, intake_defects=0, review_defects=0)
    staffed.file(2)
    number = staffed.facts("SELECT min(number) FROM unit_number WHERE kind = 'order'")[0][0]
    with pytest.raises(AlreadyGreenError) as refused:
        raised(number)
    assert refused.value.approver is None
    with staffed.database.read() as conn:
        assert [each.approval is not None for each in green.on_the_line(conn, staffed.at("review"))] == [True, True]


def test_of_two_leads_at_once_one_is_told(staffed, number, raised):
    told = []

    def act(lead):
        try:
            told.append(raised(number, "exam", lead))
        except AlreadyGreenError as error:
            told.append(error)

    threads = [threading.Thread(target=act, args=(lead,)) for lead in (LEAD, OTHER_LEAD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(each).__name__ for each in told) == ["AlreadyGreenError", "Raised"]
    assert staffed.facts("SELECT count(*) FROM green_channel") == [(1,)]


def test_two_of_one_tray_raised_at_once_are_each_offered_alone(staffed, numbers, number, raised):
    tray = stands(staffed, number)[5]
    two = [number for number in numbers if stands(staffed, number)[5] == tray][:2]
    assert len(two) == 2
    threads = [
        threading.Thread(target=raised, args=pair) for pair in ((two[0], "exam", LEAD), (two[1], "exam", OTHER_LEAD))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.unit_count, each.priority) for each in staffed.waiting("review")][:2] == [(1, 0), (1, 0)]
    assert sum(each.unit_count for each in staffed.waiting("review")) == 12


def test_raised_as_a_worker_takes_the_tray_either_wins_and_nothing_is_lost(staffed, numbers, number, raised):
    """Claim and acceptance race with the withdrawal, tray by tray: a claimed tray is never taken from its worker."""
    trouble, ways = [], []
    go = threading.Barrier(2)

    def work():
        go.wait()
        while True:
            offer = staffed.database.write(lambda tx: offers.claim(tx, "review", "worker", 60.0))
            if offer is None:
                return
            try:
                review.work_tray(staffed.at("review"), offer, staffed.reviewer)
            except AlreadyAnsweredError as error:  # what a claim is there to prevent
                trouble.append(error)

    def lift():
        go.wait()
        for number in numbers:
            try:
                ways.append(raised(number).overtakes)
            except HandoffLogError as error:
                trouble.append(error)

    threads = [threading.Thread(target=act) for act in (work, lift)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert len(ways) == 12
    reviewed(staffed)
    assert staffed.states() == {"passed": 12}
    assert sum(each.unit_count for each in staffed.waiting("personalization")) == 12
    accepted(staffed)
    held = "SELECT count(*) FROM whereabouts WHERE kind = 'order' AND state = 'held' AND priority = 0"
    assert staffed.facts(held) == [(12,)]


@pytest.mark.parametrize("raised_at", ["review", "personalization"])
def test_a_raised_one_among_forty_is_the_first_to_be_dispatched(staffed, raised, readers, raised_at):
    """Every station takes the best of what waits, one tray at a time; nothing but the order of work decides."""
    line = staffed
    line.file(40, tray_size=8, day=datetime.now(CHINA).date())
    number = line.facts("SELECT max(number) FROM unit_number WHERE kind = 'order'")[0][0]
    if raised_at == "personalization":
        reviewed(line)
    raised(number)
    acts = {
        "carrier": lambda offer: carrier.work_tray(line.at("carrier"), offer, line.carrier),
        "mailing": lambda offer: mailing.work_tray(line.at("mailing"), offer, line.mailer),
        "packing": lambda offer: packing.work_tray(line.at("packing"), offer, line.packer),
        "qc": lambda offer: qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor),
        "personalization": lambda offer: line.make_documents(only=offer),
        "review": lambda offer: review.work_tray(line.at("review"), offer, line.reviewer),
    }
    while not line.facts(DISPATCHED):
        for station in ("review", "personalization", "qc", "packing", "mailing", "carrier"):
            if waiting := line.waiting(station):
                acts[station](waiting[0])
    assert line.facts(DISPATCHED) == [(number,)]


def test_class_and_priority_change_by_a_raise_alone_and_its_record_stays(staffed, numbers, raised):
    raised(numbers[0])
    sign_in = staffed.facts("SELECT sign_in FROM green_channel")[0][0]
    forged = (
        "INSERT INTO green_channel (application_id, approver, sign_in, reason, raised_us, class_before,"
        " priority_before, deadline_before_us, emulated) SELECT application_id, '{approver}', '{sign_in}', 'exam',"
        " (SELECT max(at_us) FROM sign_in_attempt) + {late}, service_class, priority, deadline_us, TRUE"
        " FROM application WHERE priority = {priority}"
    )
    good = {"approver": LEAD.code, "sign_in": sign_in, "late": 0, "priority": 2}
    for statement in (
        "UPDATE application SET priority = 0",
        "UPDATE application SET service_class = 'expedited'",
        "UPDATE application SET priority = 2 WHERE priority = 0",
        "UPDATE green_channel SET approver = 'p-0001'",
        "DELETE FROM green_channel",
        forged.format(**good | {"approver": "p-0001"}),
        forged.format(**good | {"sign_in": "0" * 32}),
        forged.format(**good | {"late": 400_000_000}),
        forged.format(**good | {"priority": 0}),
    ):
        with pytest.raises((HandoffLogError, DBAPIError)):
            staffed.database.write(lambda tx, s=statement: tx.execute(text(s)))
    assert staffed.facts("SELECT count(*) FROM green_channel") == [(1,)]
    staffed.database.write(lambda tx: tx.execute(text(forged.format(**good))))
