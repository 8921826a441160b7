"""Workers that race for one offer: exactly one has it, and the others are told so."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from at_once import PROCESSES

from handoff_logs import log, offers
from handoff_logs.database import Database
from handoff_logs.errors import AlreadyAnsweredError, CustodyRefusedError, DatabaseBusyError, StaleStepError
from handoff_logs.keyring import Keyring
from handoff_logs.records import Party

RACERS = 6


def accept_as(database: Database, worker: int, handoff_id: str, units: list[str]) -> str:
    stamp = log.Stamp(time.time_ns() // 1000, True)
    by = Party("qc", f"qc-{worker}", "day")
    try:
        database.write(lambda tx: log.accept(tx, by, handoff_id, units, "in", stamp))
    except (AlreadyAnsweredError, StaleStepError) as refusal:
        return type(refusal).__name__
    return "won"


def accept_in_process(
    url: str, keys: Path, worker: int, handoff_id: str, units: list[str], start: Any, answers: Any
) -> None:
    with Database(url, keyring=Keyring(keys)) as database:
        start.wait()
        answers.put(accept_as(database, worker, handoff_id, units))


def test_of_racing_threads_one_accepts(centre: Any) -> None:
    units = centre.orders(20)
    offer = centre.offer(units)
    answers: list[str] = []
    start = threading.Barrier(RACERS)

    def race(worker: int) -> None:
        start.wait()
        answers.append(accept_as(centre.database, worker, offer.handoff_id, units))

    threads = [threading.Thread(target=race, args=(worker,)) for worker in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers)[-1] == "won"
    assert answers.count("won") == 1
    assert len(answers) == RACERS
    assert centre.states(units) == [("held", "qc")] * 20


def test_of_racing_processes_one_accepts(centre: Any, database_url: str, tmp_path: Path) -> None:
    units = centre.orders(20)
    offer = centre.offer(units)
    start, answers = PROCESSES.Barrier(3), PROCESSES.Queue()
    arguments = (offer.handoff_id, units, start, answers)
    racers = [
        PROCESSES.Process(target=accept_in_process, args=(database_url, tmp_path / "signing", n, *arguments))
        for n in range(3)
    ]
    for racer in racers:
        racer.start()
    found = [answers.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert found.count("won") == 1
    assert centre.states(units) == [("held", "qc")] * 20


def test_an_acceptance_and_a_withdrawal_do_not_both_happen(centre: Any) -> None:
    for _ in range(5):
        units = centre.orders(3)
        offer = centre.offer(units)
        outcomes: list[str] = []
        start = threading.Barrier(2)

        def accept(offer: Any = offer, units: Any = units, start: Any = start, outcomes: Any = outcomes) -> None:
            start.wait()
            outcomes.append(accept_as(centre.database, 1, offer.handoff_id, units))

        thread = threading.Thread(target=accept)
        thread.start()
        start.wait()
        try:
            centre.do(lambda tx, offer=offer: log.withdraw(tx, centre.by("review"), offer.handoff_id, centre.stamp()))
            outcomes.append("won")
        except CustodyRefusedError as refusal:
            outcomes.append(type(refusal).__name__)
        thread.join()
        assert outcomes.count("won") == 1
        assert len(set(centre.states(units))) == 1


def test_two_offers_of_one_unit_do_not_both_happen(centre: Any) -> None:
    shared = centre.orders(1)
    trays = [shared + centre.orders(5) for _ in range(4)]
    outcomes: list[str] = []
    start = threading.Barrier(len(trays))

    def race(tray: list[str]) -> None:
        start.wait()
        try:
            centre.offer(tray)
            outcomes.append("won")
        except (CustodyRefusedError, DatabaseBusyError) as refusal:
            outcomes.append(type(refusal).__name__)

    threads = [threading.Thread(target=race, args=(tray,)) for tray in trays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("won") == 1


def test_racing_claims_get_different_offers(centre: Any) -> None:
    offered = {centre.offer([unit]).handoff_id for unit in centre.orders(RACERS)}
    claimed: list[str | None] = []
    start = threading.Barrier(RACERS)

    def race(worker: int) -> None:
        start.wait()
        won = centre.do(lambda tx: offers.claim(tx, "qc", f"w{worker}", 60))
        claimed.append(won and won.handoff_id)

    threads = [threading.Thread(target=race, args=(worker,)) for worker in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(claimed) == offered


@pytest.mark.timeout(60)
def test_many_small_writes_from_threads_all_land(centre: Any) -> None:
    def load(worker: int) -> None:
        for _ in range(25):
            centre.orders(1)

    threads = [threading.Thread(target=load, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        centre.do(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM custody_event WHERE act = 'receive'").scalar())
        == 200
    )
