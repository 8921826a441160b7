"""The acts of custody as stations call them."""

import dataclasses
import inspect
import pickle
from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs import errors, log, offers, register, whereabouts
from handoff_logs.records import Birth, CaseKind, Kind, Outcome, new_id
from handoff_logs.writing import Difference, Entry


def test_custody_passes_by_acceptance_only(centre: Any) -> None:
    units = centre.orders(3)
    offer = centre.offer(units)
    assert centre.states(units) == [("offered", "review")] * 3
    acceptance = centre.accept(offer, units)
    assert centre.states(units) == [("held", "qc")] * 3
    assert acceptance.accepted == tuple(units)
    assert acceptance.missing == acceptance.surplus == acceptance.cases == ()


def test_an_outside_party_that_accepts_has_the_units_outside(centre: Any) -> None:
    units = centre.documents(2)
    centre.accept(centre.offer(units, to="carrier"), units, station="carrier")
    assert centre.states(units) == [("outside", "carrier")] * 2


def test_what_comes_back_is_received_by_two_people(centre: Any) -> None:
    (document,) = centre.documents(1)
    centre.accept(centre.offer([document], to="carrier"), [document], station="carrier")
    returned = [Birth(document, Kind.DOCUMENT)]
    receive = lambda second: centre.do(  # noqa: E731
        lambda tx: log.receive(tx, centre.by("mailing"), second, returned, "in", centre.stamp(reason="returned"))
    )
    with pytest.raises(errors.CustodyRefusedError, match="two people"):
        receive(None)
    receive("mailing-2")
    assert centre.states([document]) == [("held", "mailing")]


def test_a_withdrawn_offer_is_held_again_and_cannot_be_accepted(centre: Any) -> None:
    units = centre.orders(2)
    offer = centre.offer(units)
    centre.do(lambda tx: log.withdraw(tx, centre.by("review"), offer.handoff_id, centre.stamp()))
    assert centre.states(units) == [("held", "review")] * 2
    with pytest.raises(errors.AlreadyAnsweredError):
        centre.accept(offer, units)


def test_a_refused_offer_goes_back_by_a_recount(centre: Any) -> None:
    units = centre.orders(3)
    offer = centre.offer(units)
    centre.refuse(offer)
    assert centre.states(units) == [("refused", "review")] * 3
    back = centre.do(
        lambda tx: log.take_back(tx, centre.by("review"), offer.handoff_id, units[:2], "in", centre.stamp())
    )
    assert back.missing == (units[2],)
    assert centre.states(units) == [("held", "review")] * 2 + [("missing", "review")]
    centre.settle([units[2]], "found-at-receiver", station="qc")
    assert centre.states([units[2]]) == [("held", "qc")]


def test_nobody_signs_both_sides(centre: Any) -> None:
    units = centre.orders(1)
    offer = centre.offer(units)
    same = dataclasses.replace(centre.by("qc"), person="review-1")
    with pytest.raises(errors.SamePersonError):
        centre.do(lambda tx: log.accept(tx, same, offer.handoff_id, units, "in", centre.stamp()))
    with pytest.raises(errors.SamePersonError):
        centre.do(lambda tx: log.refuse(tx, same, offer.handoff_id, centre.stamp()))


def test_only_the_station_offered_to_answers(centre: Any) -> None:
    units = centre.orders(1)
    offer = centre.offer(units)
    with pytest.raises(errors.WrongStationError):
        centre.accept(offer, units, station="packing")
    with pytest.raises(errors.UnknownHandoffError):
        centre.accept(dataclasses.replace(offer, handoff_id=new_id()), units)


def test_only_the_holder_offers(centre: Any) -> None:
    units = centre.orders(1)
    with pytest.raises(errors.WrongStationError):
        centre.offer(units, station="qc", to="packing")
    with pytest.raises(errors.UnknownUnitError):
        centre.offer([new_id()])
    centre.offer(units)
    with pytest.raises(errors.IllegalMoveError) as refusal:
        centre.offer(units)
    assert (refusal.value.unit_id, refusal.value.state) == (units[0], "offered")


def test_a_document_is_made_of_an_order_and_a_blank(centre: Any) -> None:
    (order,), (blank,) = centre.orders(1), centre.blanks(1)
    birth = Birth(new_id(), Kind.DOCUMENT, "E1")
    with pytest.raises(errors.CustodyRefusedError, match="one order and one blank"):
        centre.transform("review", blank, order, birth)
    centre.transform("review", order, blank, birth)
    assert centre.states([order, blank, birth.unit_id]) == [("ended", "review")] * 2 + [("held", "review")]
    assert centre.standing(birth.unit_id).place == "good"


def test_a_number_is_refused_the_second_time_by_name(centre: Any) -> None:
    centre.blanks(1, numbers=["E1"])
    with pytest.raises(errors.NumberTakenError) as refusal:
        centre.blanks(2, numbers=["E2", "E1"])
    assert (refusal.value.kind, refusal.value.number) == ("blank", "E1")
    centre.blanks(1, numbers=["E2"])


def test_void_takes_two_people_and_only_leads_to_destruction(centre: Any) -> None:
    (document,) = centre.documents(1)
    remake = Birth(new_id(), Kind.ORDER, "A1/2")
    centre.void([document], reborn=[remake])
    assert centre.states([document, remake.unit_id]) == [("void", "review"), ("held", "review")]
    with pytest.raises(errors.CustodyRefusedError, match="vault"):
        centre.offer([document])
    centre.accept(centre.offer([document], to="vault"), [document], station="vault")
    centre.destroy([document], station="vault")
    assert centre.states([document]) == [("ended", "vault")]
    with pytest.raises(errors.IllegalMoveError):
        centre.destroy([document], station="vault")


def test_orders_are_dispatched_to_an_office_and_things_are_not(centre: Any) -> None:
    (order,), (document,) = centre.orders(1), centre.documents(1)
    dispatch = lambda unit, to: centre.do(  # noqa: E731
        lambda tx: log.dispatch(tx, centre.by("review"), [unit], to, centre.stamp())
    )
    dispatch(order, "office:jinan")
    assert centre.states([order]) == [("outside", "office:jinan")]
    for unit, to in ((document, "office:jinan"), (centre.orders(1)[0], "qc")):
        with pytest.raises(errors.CustodyRefusedError, match="only orders"):
            dispatch(unit, to)


@pytest.mark.parametrize(
    ("outcome", "state"), [("made-good", "held"), ("unmarked", "held"), ("made-bad", "void"), ("lost", "ended")]
)
def test_what_is_in_doubt_is_settled_by_two_people(centre: Any, outcome: str, state: str) -> None:
    blanks = centre.blanks(2)
    centre.doubt(blanks)
    with pytest.raises(errors.IllegalMoveError):
        centre.offer(blanks)
    with pytest.raises(errors.WrongStationError):
        centre.settle(blanks, outcome, station="qc")
    centre.settle(blanks, outcome)
    assert centre.states(blanks) == [(state, "review")] * 2


def dispatched(centre: Any, documents: list[str]) -> str:
    parcel = centre.pack(documents)
    centre.accept(centre.offer([parcel], to="carrier"), [parcel], station="carrier")
    return str(parcel)


@pytest.mark.parametrize("outcome", ["delivered", "lost"])
def test_a_parcel_that_ends_outside_ends_with_all_that_is_in_it(centre: Any, outcome: str) -> None:
    documents = centre.documents(3)
    parcel = dispatched(centre, documents)
    centre.settle([parcel], outcome)
    assert centre.states([parcel, *documents]) == [("ended", "carrier"), *[("ended", "review")] * 3]


def test_parcels_end_one_at_a_time(centre: Any) -> None:
    parcels = [dispatched(centre, centre.documents(1)) for _ in range(2)]
    with pytest.raises(errors.CustodyRefusedError, match="each parcel ends alone"):
        centre.settle(parcels, "delivered")


def test_parcels_settled_together_end_as_each_would_alone(centre: Any) -> None:
    """A record each, with all that is in it, numbered and signed in their order; the next act goes on from there."""
    inside = [centre.documents(2), centre.documents(1)]
    parcels = [dispatched(centre, documents) for documents in inside]
    alone = [dispatched(centre, centre.documents(1)) for _ in range(2)]
    centre.settle([alone[0]], "delivered")
    by, second = centre.by("review"), centre.by("review", 2).person
    centre.do(lambda tx: log.settle_each(tx, by, second, parcels, Outcome.DELIVERED, "shelf", centre.stamp()))
    centre.settle([alone[1]], "delivered")
    for parcel, documents in zip(parcels, inside, strict=True):
        assert centre.states([parcel, *documents]) == [("ended", "carrier"), *[("ended", "review")] * len(documents)]
    select = "SELECT {} FROM custody_event WHERE act = 'settle' ORDER BY seq"
    facts = "person, second_person, from_station, to_place, reason, count_counted, last_position"
    rows = lambda names: centre.do(lambda tx: [tuple(row) for row in tx.execute(text(select.format(names)))])  # noqa: E731
    first, *together, last = rows(facts)
    assert [each[:5] for each in together] == [first[:5]] * 2 and last == first
    assert [each[5:] for each in together] == [(3, 3), (2, 2)]
    numbers = [number for (number,) in rows("key_number")]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_of_parcels_settled_together_none_ends_where_one_may_not(centre: Any) -> None:
    """One that is here is none; nor is anything settled together otherwise than as an end."""
    away, here = dispatched(centre, centre.documents(1)), centre.pack(centre.documents(1))
    by, second = centre.by("review"), centre.by("review", 2).person
    for parcels, outcome in (([away, here], Outcome.DELIVERED), ([away], Outcome.FOUND_ELSEWHERE)):
        with pytest.raises(errors.CustodyRefusedError):
            centre.do(lambda tx, p=parcels, o=outcome: log.settle_each(tx, by, second, p, o, "shelf", centre.stamp()))
    assert centre.states([away]) == [("outside", "carrier")]


def test_only_what_is_outside_is_delivered(centre: Any) -> None:
    documents = centre.documents(2)
    parcel = centre.pack(documents[:1])
    for units in ([parcel], documents[1:]):
        with pytest.raises(errors.IllegalMoveError):
            centre.settle(units, "delivered")


def test_a_register_opens_a_case_that_is_closed_by_its_unit_or_by_two_people_alone(centre: Any) -> None:
    """What others say is lost stays where the log has it, and the case open until two people explain it."""
    first, second = (dispatched(centre, centre.documents(1)) for _ in range(2))
    cases = [Difference(new_id(), unit, CaseKind.MISSING) for unit in (first, second)]
    stamp, by = centre.stamp(event_id=new_id()), register.administration()
    say = lambda: centre.do(  # noqa: E731
        lambda tx: register.record(tx, by, None, [Entry("delivery", first, "lost", "x")], stamp, cases, "mailing")
    )
    assert say() == say()
    assert centre.states([first, second]) == [("outside", "carrier")] * 2
    centre.settle([first], "lost", case_id=centre.case_of(first))
    centre.settle([], "found-elsewhere", case_id=centre.case_of(second))
    assert centre.states([first, second]) == [("ended", "carrier"), ("outside", "carrier")]


def test_a_case_of_what_is_still_missing_is_not_closed_without_it(centre: Any) -> None:
    units = centre.orders(1)
    centre.accept(centre.offer(units), [])
    with pytest.raises(errors.UnknownCaseError, match="still missing"):
        centre.settle([], "found-elsewhere", case_id=centre.case_of(units[0]))


def test_split_and_merge_change_the_tray_only(centre: Any) -> None:
    units = centre.orders(3)
    centre.accept(centre.offer(units, tray="T1"), units)
    by = centre.by("qc")
    centre.do(lambda tx: log.split(tx, by, units[:1], "T2", centre.stamp()))
    assert [centre.standing(unit).tray for unit in units] == ["T2", "T1", "T1"]
    centre.do(lambda tx: log.merge(tx, by, units[:1], "T1", centre.stamp()))
    assert {(unit.tray, unit.place) for unit in map(centre.standing, units)} == {("T1", "in")}


def test_a_correction_is_a_further_record(centre: Any) -> None:
    offer = centre.offer(centre.orders(1))
    by = centre.by("review")
    centre.do(lambda tx: log.correct(tx, by, offer.event_id, "reason", "late", centre.stamp()))
    with pytest.raises(errors.CustodyRefusedError):
        centre.do(lambda tx: log.correct(tx, by, offer.event_id, "person", "x", centre.stamp()))
    with pytest.raises(errors.CustodyRefusedError):
        centre.do(lambda tx: log.correct(tx, by, new_id(), "reason", "late", centre.stamp()))


def test_the_same_act_again_returns_the_stored_record(centre: Any) -> None:
    """A lost answer of a commit can't double an act: the writer made the event id."""
    units = centre.orders(3)
    stamps = [centre.stamp(event_id=new_id()) for _ in range(4)]
    births = [Birth(new_id(), Kind.BLANK, "E7")]

    def receive() -> str:
        return centre.do(lambda tx: log.receive(tx, centre.by("review"), "review-2", births, "in", stamps[0]))

    def offer() -> log.Offer:
        return centre.do(lambda tx: log.offer(tx, centre.by("review"), "out", "qc", units, priority=1, stamp=stamps[1]))

    def accept(counted: list[str]) -> log.Acceptance:
        by, handoff = centre.by("qc"), stamps[1].event_id
        return centre.do(lambda tx: log.accept(tx, by, handoff, counted, "in", stamps[2]))

    assert receive() == receive()
    assert offer() == offer()
    assert accept(units[:2]) == accept(units[:2])
    with pytest.raises(errors.EventIdReusedError):
        accept(units)
    with pytest.raises(errors.EventIdReusedError):
        centre.do(lambda tx: log.move(tx, centre.by("qc"), units[:1], "y", stamps[2]))


def test_the_same_acceptance_of_nothing_returns_the_stored_record(centre: Any) -> None:
    units = centre.orders(2)
    offer = centre.offer(units)
    stamp = centre.stamp(event_id=new_id())
    accept = lambda: centre.do(  # noqa: E731
        lambda tx: log.accept(tx, centre.by("qc"), offer.handoff_id, [], "in", stamp)
    )
    first = accept()
    assert first == accept()
    assert first.event_id == stamp.event_id
    assert first.missing == tuple(units)


def test_the_queue_is_ordered_by_priority_then_time_node_then_age(centre: Any) -> None:
    a, b, c, d = ([unit] for unit in centre.orders(4))
    late = centre.offer(a, priority=2, due_us=200)
    early = centre.offer(b, priority=2, due_us=100)
    undated = centre.offer(c, priority=2)
    green = centre.offer(d, priority=0, due_us=900)
    waiting = centre.do(lambda tx: offers.waiting(tx, "qc"))
    assert [offer.handoff_id for offer in waiting] == [x.handoff_id for x in (green, early, late, undated)]
    assert waiting[0].kind == "order"
    assert waiting[0].unit_count == 1


def test_a_claim_lapses_by_the_database_clock(centre: Any) -> None:
    offer = centre.offer(centre.orders(1))
    claim = lambda worker, lease_s=60.0, among=None: centre.do(  # noqa: E731
        lambda tx: offers.claim(tx, "qc", worker, lease_s, among)
    )
    assert claim("w1", among=[new_id()]) is None
    assert claim("w1", among=[offer.handoff_id]).handoff_id == offer.handoff_id
    assert claim("w2") is None
    assert claim("w1", lease_s=-1.0).claimed_by == "w1"
    assert claim("w2").claimed_by == "w2"
    assert centre.do(lambda tx: offers.release_claims(tx, "w2")) == 1
    assert claim("w1") is not None


def test_every_refusal_survives_pickling() -> None:
    facts: dict[type, tuple[object, ...]] = {
        errors.NewerLogError: (2, 1, 1, ("0f (station:qc)", 2, 1)),
        errors.ErasureTooEarlyError: (2, 1),
    }
    for error in vars(errors).values():
        if (
            isinstance(error, type)
            and issubclass(error, errors.HandoffLogError)
            and error is not errors.HandoffLogError
        ):
            # One without facts has the constructor of all exceptions, which takes anything.
            count = 0 if error.__init__ is Exception.__init__ else len(inspect.signature(error).parameters)
            original = error(*facts.get(error, "abcdefgh"[:count]))
            copy = pickle.loads(pickle.dumps(original))
            assert (type(copy), copy.args, str(copy), vars(copy)) == (
                *(error, original.args, str(original)),
                vars(original),
            )


def test_whereabouts_and_queue_are_rebuilt_from_the_log(centre: Any) -> None:
    units = centre.orders(6)
    centre.accept(centre.offer(units, tray="T1", due_us=5, priority=1), units[:5])
    centre.offer(units[:2], station="qc", to="packing", priority=0)
    centre.do(lambda tx: log.split(tx, centre.by("qc"), units[2:3], "T9", centre.stamp()))
    documents = centre.documents(2)
    centre.pack(documents)
    centre.void(centre.blanks(1))
    mixed = centre.orders(1) + centre.blanks(1)
    centre.offer(mixed)

    def tables(tx: Any) -> list[list[tuple[Any, ...]]]:
        return [
            [tuple(row) for row in tx.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1")]
            for table in ("whereabouts", "open_offer")
        ]

    before = centre.do(tables)
    centre.do(lambda tx: (whereabouts.rebuild(tx), offers.rebuild(tx)))
    assert centre.do(tables) == before
    assert [len(rows) for rows in before] == [16, 2]
