"""Rule 2: every unit has exactly one custodian at every instant; a unit in a container follows it and is not offered.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | what is packed, void or outside is not handed on by itself; an end by two people | `test_acts`, `test_inside`, `test_losing` |
| plain SQL | a unit that comes back, received by one | `test_illegal_custody` (two custodians, gaps, wrong stations, packed, after the end, a parcel that ends), `test_counts` |
| command | each blank of a line has one holder, whoever asks | `test_cli`, `test_blanks_commands` (lost by two), `test_mailing_commands` (what comes back) |
| page | - : where the desks are | `test_qc_pages` (a piece in one hand alone), `test_mailing_pages` (the driver's count, a case), `test_pages` (a time line is read only) |
| two processes | two offers of one unit; an offer and a voiding; an acceptance and a voiding, at the same instant | `test_races` (acceptances in processes, offers and withdrawals in threads) |
"""  # noqa: E501

import json
from collections.abc import Callable
from typing import Any

import pytest
from at_once import DONE, accept, offer, void
from sqlalchemy.exc import DBAPIError

from flows.errors import Exit
from handoff_logs.errors import CustodyRefusedError, IllegalMoveError

Together = Callable[..., list[str]]


def test_what_is_in_a_parcel_is_not_offered_until_it_is_unpacked_called_directly(centre: Any) -> None:
    documents = centre.documents(2)
    parcel = centre.pack(documents)
    with pytest.raises(IllegalMoveError) as refused:
        centre.offer(documents[:1])
    assert (refused.value.unit_id, refused.value.state) == (documents[0], "packed")
    centre.accept(centre.offer([parcel]), [parcel])
    assert centre.standing(parcel).station == "qc"


def test_dispatch_is_an_outside_partys_custody_and_no_end_called_directly(centre: Any) -> None:
    """Nobody of the line acts on what is outside, and it is somebody's there."""
    documents = centre.documents(1)
    centre.accept(centre.offer(documents, to="carrier"), documents, station="carrier")
    assert centre.states(documents) == [("outside", "carrier")]
    for act in (lambda: centre.offer(documents), lambda: centre.void(documents), lambda: centre.pack(documents)):
        with pytest.raises(CustodyRefusedError):
            act()
    assert centre.states(documents) == [("outside", "carrier")]


def test_what_comes_back_is_not_received_by_one_person_in_plain_sql(forger: Any) -> None:
    documents = forger.centre.documents(1)
    forger.centre.accept(forger.centre.offer(documents, to="carrier"), documents, station="carrier")
    row = forger.row(documents[0], "held", station="review", person="review-1")
    with pytest.raises(DBAPIError, match="two-people"):
        forger.write("receive", [row])
    assert forger.centre.states(documents) == [("outside", "carrier")]


@pytest.mark.parametrize("rival", ["another offer", "voiding"])
def test_a_unit_that_is_offered_at_the_same_instant_has_one_custodian(
    centre: Any, together: Together, rival: str
) -> None:
    """Two processes of one station: one has its way, and the unit one next step."""
    documents = centre.documents(2)
    other = (offer, ("review", "review-2", "packing", documents))
    if rival == "voiding":
        other = (void, ("review", ("review-1", "review-2"), documents))  # type: ignore[assignment]
    told = together((offer, ("review", "review-1", "qc", documents)), other)
    assert told.count(DONE) == 1
    assert len({centre.standing(unit).step for unit in documents}) == 1
    assert len(set(centre.states(documents))) == 1


def test_a_unit_that_is_accepted_at_two_stations_at_the_same_instant_is_at_the_one_it_was_offered_to(
    centre: Any, together: Together
) -> None:
    units = centre.orders(2)
    handoff = centre.offer(units).handoff_id
    attempts = [(accept, (station, f"{station}-1", handoff, units)) for station in ("packing", "qc", "mailing")]
    assert [word == DONE for word in together(*attempts)] == [False, True, False]
    assert centre.states(units) == [("held", "qc")] * 2


def test_each_unit_of_a_line_has_one_holder_as_a_command_tells_it(house: Any) -> None:
    done = house.do("logs", "holder", "EA0000001", "--output", "json")
    assert done.returncode == Exit.FINE, done.stderr
    [row] = json.loads(done.stdout)
    assert (row["station"], row["state"]) == ("vault", "held")
    twice = "SELECT unit_id FROM custody_unit GROUP BY unit_id, step HAVING count(*) > 1"
    nowhere = "SELECT unit_id FROM custody_unit WHERE unit_id NOT IN (SELECT unit_id FROM whereabouts)"
    assert house.rows(twice) == house.rows(nowhere) == []
