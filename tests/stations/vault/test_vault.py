"""Blanks come in by range under two signatures, go out by scan, and every one is in exactly one term of the balance."""

import pytest

from handoff_logs.errors import SamePersonError
from handoff_logs.reading import open_reading
from stations.personalization.emulated_desk import EmulatedOperator
from stations.vault import rules, station
from stations.vault.balance import balance
from stations.vault.errors import DeliveryCountError, SerialRangeError, ShelfShortError


@pytest.fixture
def desk(line):
    """Hands and eyes; ten books lie on the shelf."""
    line.hands.deliver(rules.serials("EA0000001", "EA0000010"), rules.shelf("book"))
    return EmulatedOperator(line.hands)


def receive(line, desk, last="EA0000010", second=None):
    """The supplier's delivery, received by two."""
    vault = line.at("vault")
    return station.receive(vault, desk, "book", "EA0000001", last, second or vault.people[1])


def test_a_delivery_is_received_once_by_two_people(line, desk):
    """One person is not enough, and the same range again changes nothing."""
    with pytest.raises(SamePersonError):
        receive(line, desk, second=line.at("vault").people[0])
    assert receive(line, desk) == 10
    assert receive(line, desk) == 0


def test_a_short_delivery_is_refused_whole(line, desk):
    """What the count does not find is not received, nor is anything beside it."""
    with pytest.raises(DeliveryCountError) as refusal:
        receive(line, desk, last="EA0000012")
    assert refusal.value.missing == ("EA0000011", "EA0000012")
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'blank'") == [(0,)]


@pytest.mark.parametrize(("first", "last"), [("EA0000002", "EA0000001"), ("EA01", "EB02"), ("EA1", "EA10"), ("", "1")])
def test_no_range_no_receipt(first, last):
    """Two serials bound a range only with one prefix, one length and in order."""
    with pytest.raises(SerialRangeError):
        rules.serials(first, last)


def test_blanks_are_issued_and_accepted_by_scan_and_balance(line, desk, database_url):
    """The station's count decides; a blank that is missing stays the vault's to answer for; all are accounted for."""
    receive(line, desk)
    with pytest.raises(ShelfShortError):
        station.issue(line.at("vault"), desk, "book", 11, line.plenty)
    station.issue(line.at("vault"), desk, "book", 6, line.plenty)
    [offer] = line.waiting("personalization")
    line.hands.put(["EA0000003"], "under-the-table")
    accepted = station.accept(line.at("personalization"), desk, offer, "stock:book")
    assert (len(accepted.accepted), len(accepted.missing)) == (5, 1)
    assert len(desk.scan("stock:book")) == 5
    with open_reading(database_url) as reading:
        found = {row["station"]: row for row in balance(reading)}
    vault, here = found["vault"], found["personalization"]
    assert (vault["received"], vault["handed_on"], vault["good"], vault["difference"]) == (10, 5, 4, 0)
    assert (vault["in_doubt"], vault["missing"]) == (1, ["EA0000003"])
    assert (here["received"], here["good"], here["difference"]) == (5, 5, 0)
