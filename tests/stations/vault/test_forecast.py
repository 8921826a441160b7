"""The stock lasts or not: what is left, against the orders on the line and the days ahead."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs.reading import open_reading
from stations.vault import losing, receiving, station
from stations.vault.forecast import forecast, stock
from stations.vault.receiving import Delivery
from stations.vault.rules import Reserve

RESERVE = Reserve(0.05, 10)


@pytest.mark.parametrize(
    ("usable", "orders", "a_day", "low", "days_left"),
    [
        (0, 0, 0.0, False, None),  # nothing is there and nothing comes
        (0, 1, 0.0, True, None),
        (2_000, 0, 200.0, False, 9.52),
        (1_000, 950, 0.0, True, None),  # orders alone, with what is spoiled of them
        (1_010, 950, 0.0, False, None),
        (100, 500, 200.0, True, 0.0),
    ],
)
def test_the_stock_is_held_against_orders_and_days_ahead(usable, orders, a_day, low, days_left):
    """Orders come first; what is left is days."""
    found = forecast("book", shelf=usable, usable=usable, orders=orders, a_day=a_day, days_ahead=5, reserve=RESERVE)
    assert found.low is low
    assert found.days_left == (None if days_left is None else pytest.approx(days_left, abs=0.01))
    assert found.short == max(0, found.needed - usable)


@given(
    usable=st.integers(0, 100_000),
    orders=st.integers(0, 50_000),
    a_day=st.floats(0, 30_000),
    days=st.integers(1, 60),
    more=st.integers(0, 1_000),
)
def test_more_blanks_never_make_it_worse_and_more_orders_never_better(usable, orders, a_day, days, more):
    """An alarm that a delivery could set off, or an order silence, would not be trusted."""

    def short(usable, orders, a_day, days):
        facts = {"shelf": 0, "usable": usable, "orders": orders, "a_day": a_day, "days_ahead": days}
        return forecast("book", reserve=RESERVE, **facts).short

    now = short(usable, orders, a_day, days)
    assert short(usable + more, orders, a_day, days) <= now
    assert short(usable, orders + more, a_day, days) >= now
    assert short(usable, orders, a_day + more, days) >= now
    assert short(usable + now, orders, a_day, days) == 0


def test_only_what_can_be_made_into_a_document_is_counted(line, database_url):
    """Not what is voided, lost or in doubt; what is issued and not yet counted is on its way."""
    vault = line.at("vault")
    receiving.receive(vault, Delivery("book", "EA0000001", "EA0000010", 10, "DN-1"))
    losing.void(vault, ["EA0000009"], "damaged")
    losing.report(vault, "EA0000010", losing.Loss.LOST, "vanished", "shelf:book", time.time_ns() // 1_000)
    station.issue_scanned(vault, ["EA0000001", "EA0000002"], line.plenty, "a" * 32)
    line.file(20)
    passports = line.facts("SELECT count(*) FROM application WHERE product = 'passport'")[0][0]
    with open_reading(database_url) as reading:
        book, card = stock(reading, time.time_ns() // 1_000, days_ahead=5, reserve=RESERVE)
    assert (book.kind, book.shelf, book.usable) == ("book", 6, 8)
    assert (book.orders, book.a_day) == (passports, passports)
    assert (card.kind, card.usable, card.orders) == ("card", 0, 20 - passports)
    assert book.low and card.low
