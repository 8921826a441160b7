"""Blind counts and what becomes of the difference."""

from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs import errors, log


def kinds_of_cases(centre: Any) -> dict[str, str]:
    rows = centre.do(lambda tx: tx.execute(text("SELECT unit_id, kind FROM custody_case")).all())
    return {row[0]: row[1] for row in rows}


def test_what_is_not_counted_stays_with_the_sender_as_missing(centre: Any) -> None:
    units = centre.documents(4)
    acceptance = centre.accept(centre.offer(units), [units[0], units[2]])
    assert acceptance.accepted == (units[0], units[2])
    assert acceptance.missing == (units[1], units[3])
    assert centre.states(units) == [("held", "qc"), ("missing", "review")] * 2
    assert kinds_of_cases(centre) == {units[1]: "missing", units[3]: "missing"}
    assert len(acceptance.cases) == 2


def test_nothing_counted_writes_no_acceptance(centre: Any) -> None:
    units = centre.orders(2)
    offer = centre.offer(units)
    assert centre.accept(offer, []).accepted == ()
    assert centre.states(units) == [("missing", "review")] * 2
    with pytest.raises(errors.AlreadyAnsweredError):
        centre.accept(offer, units)


def test_a_surplus_unit_opens_a_case_and_keeps_its_custodian(centre: Any) -> None:
    units, (stray,) = centre.orders(2), centre.orders(1, station="packing")
    acceptance = centre.accept(centre.offer(units), [*units, stray])
    assert acceptance.surplus == (stray,)
    assert centre.states([stray]) == [("held", "packing")]
    assert kinds_of_cases(centre) == {stray: "surplus"}
    centre.settle([], "found-elsewhere", station="qc", case_id=acceptance.cases[0])
    with pytest.raises(errors.CustodyRefusedError):
        centre.settle([], "found-elsewhere", station="qc", case_id=acceptance.cases[0])


def test_one_missing_and_one_stray_of_a_kind_are_swapped(centre: Any) -> None:
    units, strays = centre.orders(2), centre.orders(1, station="packing") + centre.blanks(1, station="packing")
    centre.accept(centre.offer(units), [units[0], *strays])
    assert kinds_of_cases(centre) == {units[1]: "missing", strays[0]: "swapped", strays[1]: "surplus"}


def test_a_unit_the_log_does_not_know_is_no_count(centre: Any) -> None:
    units = centre.orders(1)
    with pytest.raises(errors.UnknownUnitError):
        centre.accept(centre.offer(units), [*units, "f" * 32])
    assert centre.states(units) == [("offered", "review")]


@pytest.mark.parametrize(
    ("outcome", "station", "ends_as"),
    [
        ("found-at-sender", "review", ("held", "review")),
        ("found-at-receiver", "qc", ("held", "qc")),
        ("found-elsewhere", "packing", ("doubt", "packing")),
        ("lost", "qc", ("ended", "review")),
    ],
)
def test_a_missing_unit_ends_where_two_people_settle_it(
    centre: Any, outcome: str, station: str, ends_as: tuple[str, str]
) -> None:
    units = centre.orders(2)
    centre.accept(centre.offer(units), units[:1])
    centre.settle(units[1:], outcome, station=station)
    assert centre.states(units[1:]) == [ends_as]


def test_a_missing_unit_is_not_settled_where_it_was_not_found(centre: Any) -> None:
    units = centre.orders(3)
    centre.accept(centre.offer(units), units[:1])
    for outcome, station in (("found-at-sender", "qc"), ("found-at-receiver", "review")):
        with pytest.raises(errors.WrongStationError):
            centre.settle(units[1:2], outcome, station=station)
    with pytest.raises(errors.CustodyRefusedError, match="settled alone"):
        centre.settle(units[1:], "lost")
    with pytest.raises(errors.UnknownCaseError):
        centre.settle(units[1:2], "lost", case_id=centre.case_of(units[2]))


def test_a_missing_void_unit_stays_void(centre: Any) -> None:
    blanks = centre.blanks(2)
    centre.void(blanks)
    centre.accept(centre.offer(blanks, to="vault"), blanks[:1], station="vault")
    assert centre.states(blanks) == [("void", "vault"), ("void_missing", "review")]
    centre.settle(blanks[1:], "found-elsewhere", station="packing")
    assert centre.states(blanks[1:]) == [("void", "packing")]


def test_contents_follow_their_parcel_and_come_out_where_it_is_opened(centre: Any) -> None:
    documents = centre.documents(3)
    parcel = centre.pack(documents)
    with pytest.raises(errors.IllegalMoveError):
        centre.offer(documents[:1])
    centre.accept(centre.offer([parcel]), [parcel])
    centre.do(lambda tx: log.unpack(tx, centre.by("qc"), parcel, "shelf", centre.stamp()))
    assert centre.states([parcel, *documents]) == [("ended", "qc")] + [("held", "qc")] * 3
    centre.offer(documents, station="qc", to="review")


def test_a_unit_is_packed_once(centre: Any) -> None:
    (document,) = centre.documents(1)
    with pytest.raises(errors.CustodyRefusedError):
        centre.pack([])
    centre.pack([document])
    with pytest.raises(errors.IllegalMoveError):
        centre.pack([document])
