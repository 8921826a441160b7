"""A machine that journals nothing but counts is worked like any other: no station knows the difference."""

from typing import Any

import pytest

from devices.registry import DeviceEntry

MACHINE = "card-01"
POSITIONS = "SELECT journal_position, outcome FROM job ORDER BY intent_us"


@pytest.fixture
def counting(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop whose card machine is a CRT-591 of level B, with cards to fill."""
    entry = DeviceEntry(MACHINE, "crt-591-counting", f"emulator://{MACHINE}", "591M0042", "emulated")
    monkeypatch.setattr(type(shop), "entry", lambda _shop, _machine: entry)
    shop.stock("card")
    shop.start(MACHINE)
    return shop


def test_every_intent_records_the_count_at_which_it_was_made(counting: Any) -> None:
    """Also over two sessions, after each of which counter and books agree."""
    counting.accept_orders(6)
    counting.run(MACHINE, until=1)
    counting.accept_orders(6, seed=2)
    orders = counting.line.facts("SELECT count(*) FROM job")[0][0] + 1
    counting.run(MACHINE, until=orders)
    jobs = counting.line.facts(POSITIONS)
    assert [tuple(job) for job in jobs] == [(count, "good") for count in range(len(jobs))]
    assert counting.supervisor.control(MACHINE).ask("state")["counter"] == len(jobs)
