"""The operators' desk of a shop of machines: people who signed in, and the run that books beside them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from enrolled import enrol
from small_desk import sign_in
from sqlalchemy import text

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.personalization import acts, station
from stations.personalization.acts import Signed
from stations.personalization.production import run_machine
from stations.personalization.tables import ActKind
from stations.trays import PUBLISHED
from stations.workplace import Workplace

KINDS = {"book-01": "book", "card-01": "card"}
PASSWORD = "a password of everybody"
PATIENCE_S = 20.0


@dataclass
class OperatorsDesk:
    """`people` are two operators, a lead, an engineer and a packer, each of whom has just signed in."""

    shop: Any
    people: dict[str, SignedIn]
    by: dict[str, By]

    @classmethod
    def of(cls, shop: Any) -> "OperatorsDesk":
        """The desk of a shop."""
        database = shop.line.database
        people = enrol(database, ann="operator", bob="operator", lead="lead", eng="engineer", pam="packer")
        return cls(shop, people, {name: sign_in(database, who) for name, who in people.items()})

    def set_passwords(self) -> None:
        """Give everybody the same password, hashed cheaply: patch the hasher first."""
        for who in self.people.values():
            facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
            self.sql("INSERT INTO person_password VALUES (:code, :hash, 1)", **facts)

    @property
    def database(self) -> Database:
        return self.shop.line.database

    @property
    def here(self) -> Workplace:
        return self.shop.workplace

    def signed(
        self, kind: str, subject: str, *serials: str, hands: tuple[str, ...] = ("ann", "bob"), **facts: Any
    ) -> Signed:
        """An act of people who have just signed in: both where two sign, else the first."""
        of = ActKind(kind)
        first, *others = [sign_in(self.database, self.people[name]) for name in hands]
        second = others[0] if others and of in acts.TWO_HANDS else None
        return Signed(facts.pop("act_id", new_id()), of, first, second, subject, serials=serials, **facts)

    def sign(self, kind: str, subject: str, *serials: str, **facts: Any) -> Signed:
        sent = self.signed(kind, subject, *serials, **facts)
        assert acts.sign(self.here, KINDS, sent)
        return sent

    def run(self, *, hands: bool = True) -> list[Any]:
        """Book all that is signed, as the run does; what each came to."""
        with self.database.read() as conn:
            waiting = acts.waiting(conn)
        return [self.book(each, hands=hands) for each in waiting]

    def book(self, act_id: str, *, hands: bool = True) -> Any:
        return acts.book(self.here, KINDS, act_id, PUBLISHED, self.shop.desk if hands else None)

    def do(self, kind: str, subject: str, *serials: str, **facts: Any) -> Any:
        """Sign an act and have it booked; what it came to."""
        act = self.sign(kind, subject, *serials, **facts)
        told = self.book(act.act_id)
        assert self.rows("SELECT refusal FROM machine_act WHERE act_id = :id", id=act.act_id) == [(None,)], told
        return told

    def stock(self, machine: str, count: int) -> list[str]:
        """Serials that lie in the stock of a machine."""
        with self.database.read() as conn:
            return list(acts.recorded(conn, KINDS, ActKind.LOAD, machine))[:count]

    def load(self, machine: str, count: int) -> Any:
        return self.do("load", machine, *self.stock(machine, count))

    def ready(self) -> list[str]:
        """Trays that wait to be filled."""
        return station.ready_trays(self.here)

    def documents(self, tray: str) -> list[str]:
        """Serials of a tray's documents."""
        with self.database.read() as conn:
            return [row.blank_serial for row in station.documents(conn, tray)]

    def in_good_stack(self, machine: str) -> list[str]:
        return list(self.shop.line.hands.scan(f"{machine}:good"))

    def shown(self, machine: str) -> tuple[Any, ...] | None:
        """What a machine is shown to do, and why."""
        found = self.rows("SELECT state, reason FROM machine_state WHERE machine = :machine", machine=machine)
        return found[0] if found else None

    def until(self, query: str, wanted: Any) -> None:
        """Wait until a question is answered so."""
        for _ in range(round(PATIENCE_S / 0.02)):
            if self.rows(query) == wanted:
                return
            threading.Event().wait(0.02)
        raise AssertionError(self.rows(query), wanted)

    def until_shown(self, machine: str, state: str, reason: str | None) -> None:
        self.until(f"SELECT state, reason FROM machine_state WHERE machine = '{machine}'", [(state, reason)])

    @contextmanager
    def working(self, *machines: str, **changes: Any) -> Iterator[None]:
        """Work machines in threads, with nobody's hands in the run; then stop them and let each end."""
        stop = threading.Event()
        with ThreadPoolExecutor(len(machines)) as threads:
            running = [
                threads.submit(
                    run_machine,
                    self.here,
                    machine,
                    self.shop.driver(machine),
                    stop,
                    setup=self.shop.setup(machine, **changes),
                )
                for machine in machines
            ]
            try:
                yield
            finally:
                stop.set()
        for each in running:
            each.result()

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.shop.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
