"""Rule 7: nobody chooses what to work on: the next application is assigned.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | the best offer is called, whoever asks and whichever they would like | `test_acts` (order of the queue, leases), `test_review_station` (assigned in turn), `test_review_desk` (the most urgent, one reviewer, not again), `test_production` (machines draw the best), `test_turns` |
| plain SQL | - : who claimed an offer is a line table's word and passes no custody | `test_illegal_custody` (acceptance alone passes it) |
| command | no command takes a tray or an application to work on | `test_commands_are_documented` |
| page | no page does; at QC a piece of the tray that was assigned is what lies on top of it | `test_app` (which pages take a form) |
| two processes | workers that ask at the same instant get the next ones, each another | `test_races` (threads) |
"""  # noqa: E501

import inspect
from collections.abc import Callable
from typing import Any

from at_once import DONE, claim

from flows.cli import run
from flows.errors import Exit
from handoff_logs import offers
from stations.personalization import draws

Together = Callable[..., list[str]]
WORKING = ("review", "qc", "packing", "mailing", "personalization")


def test_the_best_offer_is_called_whoever_asks_called_directly(centre: Any) -> None:
    """The least urgent was offered first, and is called last; asked again, a worker has the one called before."""
    urgent_last = [centre.offer([unit], priority=2 - number) for number, unit in enumerate(centre.orders(3))]
    called = [centre.do(lambda tx, worker=worker: offers.claim(tx, "qc", worker, 60.0)) for worker in "abc"]
    assert [each.handoff_id for each in called] == [each.handoff_id for each in reversed(urgent_last)]
    again = centre.do(lambda tx: offers.claim(tx, "qc", "b", 60.0))
    assert again.handoff_id == called[1].handoff_id
    assert centre.do(lambda tx: offers.claim(tx, "qc", "d", 60.0)) is None


def test_a_machine_draws_no_order_that_somebody_names(line: Any) -> None:
    """There is nothing to name one by."""
    assert "application_id" not in inspect.signature(draws.draw).parameters
    assert line.facts("SELECT count(*) FROM job") == [(0,)]


def test_workers_that_ask_at_the_same_instant_are_given_the_next_ones_each_another(
    centre: Any, together: Together
) -> None:
    """Four processes and five offers: the least urgent is the one that is left."""
    offered = [centre.offer([unit], priority=number % 3).handoff_id for number, unit in enumerate(centre.orders(5))]
    least = centre.do(lambda tx: offers.waiting(tx, "qc"))[-1].handoff_id
    assert together(*[(claim, ("qc", f"w-{number}")) for number in range(4)]) == [DONE] * 4
    waiting = centre.do(lambda tx: offers.waiting(tx, "qc"))
    assert [each.handoff_id for each in waiting if each.claimed_by is None] == [least]
    assert len({each.claimed_by for each in waiting} - {None}) == 4
    assert {each.handoff_id for each in waiting} == set(offered)


def test_no_command_takes_a_tray_or_an_application_to_work_on(house: Any, capsys: Any) -> None:
    """A station works what waits: there is no command of one, and `run` is told a shift alone."""
    for station in WORKING:
        assert run([station, "work", "--dir", str(house.folder.path)]) == Exit.REFUSED
    for option in ("--application", "--tray", "--order", "--station"):
        assert run(["run", option, "x", "--dir", str(house.folder.path)]) == Exit.REFUSED
    capsys.readouterr()


def test_no_page_takes_a_tray_or_an_application_to_work_on(house: Any) -> None:
    before = house.rows("SELECT handoff_id, claimed_by FROM open_offer ORDER BY handoff_id")
    assert before
    with house.pages("lead") as client:
        for row in before:
            for address in (f"/queues/{row['handoff_id']}", f"/review/{row['handoff_id']}", "/queues"):
                assert client.post(address).status_code in (404, 405)
    assert house.rows("SELECT handoff_id, claimed_by FROM open_offer ORDER BY handoff_id") == before
