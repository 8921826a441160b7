"""Processes that act on one database at the same instant: each opens it, waits for the others, and acts."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from devices.roles import Counters, MachineIdentity
from handoff_logs import log, offers
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.keyring import Keyring
from handoff_logs.log import Stamp
from handoff_logs.records import Party
from stations.by import By
from stations.errors import StationError
from stations.intake.station import stop
from stations.people import emulated_duty
from stations.personal import PersonalData
from stations.personalization import draws
from stations.personalization import leases as machine_leases
from stations.review import decisions, leases
from stations.review import station as review
from stations.vault import destruction
from stations.workplace import Workplace

DONE = "done"
PATIENCE_S = 60.0
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["at_once", "loading", "handoff_logs.log", "stations.vault.destruction"])

Attempt = tuple[Callable[..., object], Sequence[Any]]
"""One of the acts below and what it takes after the database."""


def at_once(url: str, keys: Path, *attempts: Attempt) -> list[str]:
    """Make each attempt in a process of its own; for each `DONE`, or the kind of its refusal, in their order."""
    start, told = _PROCESSES.Barrier(len(attempts)), _PROCESSES.Queue()
    acting = [
        _PROCESSES.Process(target=_attempt, args=(url, keys, number, act, arguments, start, told))
        for number, (act, arguments) in enumerate(attempts)
    ]
    for process in acting:
        process.start()
    found = dict(told.get(timeout=PATIENCE_S) for _ in acting)
    for process in acting:
        process.join(PATIENCE_S)
    return [found[number] for number in range(len(attempts))]


def _attempt(
    url: str, keys: Path, number: int, act: Callable[..., object], arguments: Any, start: Any, told: Any
) -> None:
    with Database(url, keyring=Keyring(keys)) as database:
        start.wait(PATIENCE_S)
        try:
            act(database, *arguments)
        except (HandoffLogError, StationError, SQLAlchemyError, ValueError) as refusal:
            told.put((number, type(refusal).__name__))
        else:
            told.put((number, DONE))


def stamp(emulated: bool = True) -> Stamp:
    """An act that happens now."""
    return Stamp(time.time_ns() // 1000, emulated)


def plain(database: Database, statement: str, facts: dict[str, Any]) -> None:
    """One statement, past every rule of the program."""
    database.write(lambda tx: tx.execute(text(statement), facts))


def accept(database: Database, station: str, person: str, handoff_id: str, units: Sequence[str]) -> None:
    """Accept an offer as somebody."""
    by = Party(station, person, "day")
    database.write(lambda tx: log.accept(tx, by, handoff_id, units, "in", stamp()))


def offer(database: Database, station: str, person: str, to: str, units: Sequence[str]) -> None:
    """Offer units to a station."""
    by = Party(station, person, "day")
    database.write(lambda tx: log.offer(tx, by, "out", to, units, priority=2, stamp=stamp()))


def destroy(database: Database, station: str, hands: tuple[str, str], units: Sequence[str]) -> None:
    """Destroy units by two hands."""
    by = Party(station, hands[0], "day")
    database.write(lambda tx: log.destroy(tx, by, hands[1], units, stamp()))


def void(database: Database, station: str, hands: tuple[str, str], units: Sequence[str]) -> None:
    """Void units by two hands."""
    by = Party(station, hands[0], "day")
    database.write(lambda tx: log.void(tx, by, hands[1], units, "voided", stamp()))


def settle(database: Database, station: str, hands: tuple[str, str], units: Sequence[str]) -> None:
    """Settle what is in doubt as lost, by two hands."""
    by = Party(station, hands[0], "day")
    database.write(lambda tx: log.settle(tx, by, hands[1], units, "lost", "shelf", stamp()))


def transform(database: Database, station: str, person: str, order: str, blank: str, birth: Any) -> None:
    """Make a document of an order and a blank."""
    by = Party(station, person, "day")
    database.write(lambda tx: log.transform(tx, by, order, blank, birth, "rack", stamp()))


def correct(database: Database, station: str, person: str, event_id: str, reason: str) -> None:
    """Correct a record's reason by a further one."""
    by = Party(station, person, "day")
    database.write(lambda tx: log.correct(tx, by, event_id, "reason", reason, stamp()))


def claim(database: Database, station: str, worker: str) -> None:
    """Call the best offer."""
    database.write(lambda tx: offers.claim(tx, station, worker, 60.0))


def draw(database: Database, machine: str, products: tuple[str, ...]) -> None:
    """Draw the best order for a machine. Raises `ValueError` where nothing waits."""

    def drawn(tx: Any) -> None:
        lease = machine_leases.take(tx, database.clock_us(tx), machine, machine, 600.0, 0)
        identity = MachineIdentity(
            machine, f"S-{machine}", "1", "b", True, f"J-{machine}", 1, 1, 0, Counters(0, 0, 0, 0, 0), ()
        )
        if draws.draw(tx, lease, identity, "jinan", products, database.clock_us(tx)) is None:
            raise ValueError("nothing waits")

    database.write(drawn)


def stop_one(database: Database, application_id: str, person: str) -> None:
    """Stop an application."""
    database.write(lambda tx: stop(tx, application_id, person, "withdrawn", time.time_ns() // 1000))


def take_applications(database: Database, keys: Path, reviewer: str, ahead: int) -> None:
    """Take the next applications at the review desk. Raises `ValueError` where nothing waits."""
    if not leases.take(desk_at(database, keys), By(reviewer), ahead=ahead):
        raise ValueError("nothing waits")


def decide_application(database: Database, keys: Path, reviewer: str, verdict: decisions.Verdict) -> None:
    """Decide an application at the review desk."""
    decisions.decide(desk_at(database, keys), By(reviewer), verdict)


def undo_decision(database: Database, keys: Path, reviewer: str, decision_id: str) -> None:
    """Undo a verdict at the review desk."""
    decisions.undo(desk_at(database, keys), By(reviewer), decision_id)


def book_tray(database: Database, keys: Path, tray: str) -> None:
    """Book a tray that was decided. Raises `ValueError` where it is not."""
    if review.book_decided(desk_at(database, keys), tray) is None:
        raise ValueError("not decided")


def desk_at(database: Database, keys: Path) -> Workplace:
    """The review station, with the keys of a line."""
    return Workplace(database, "review", "day", emulated_duty("review", "day").codes, True, PersonalData(keys))


def destroy_lot(database: Database, keys: Path, people: tuple[str, str], serials: Sequence[str]) -> None:
    """Destroy a lot at the vault, as the command does."""
    shift = emulated_duty("vault", "day").shift
    destruction.destroy(Workplace(database, "vault", shift, people, True, PersonalData(keys)), serials, "shredded")
