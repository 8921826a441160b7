"""The custody protocol against an oracle: whatever is tried in whatever order, the log does just what the rules say."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from signing_keys import open_signed

from handoff_logs import log, offers, questions, whereabouts
from handoff_logs.errors import CustodyRefusedError
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id

STATIONS = ("review", "qc", "vault")
station = st.sampled_from(STATIONS)
some = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)


class Protocol(RuleBasedStateMachine):
    """Six blanks and three stations; the oracle is a dictionary of (state, station) and a list of open handoffs."""

    template: Path
    keys: Path

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        shutil.copyfile(self.template, self.home / "passline.db")
        self.url = f"sqlite:///{self.home / 'passline.db'}"
        self.database = open_signed(self.url, self.keys, self.home / "signing")
        self.at: dict[str, tuple[str, str]] = {}
        self.handoffs: dict[str, tuple[str, str, list[str]]] = {}
        self.time_us = 0

    @initialize()
    def receive(self) -> None:
        births = [Birth(new_id(), Kind.BLANK) for _ in range(6)]
        self.names = [birth.unit_id for birth in births]
        self.tried(True, lambda tx: log.receive(tx, self.by("review"), "x", births, "in", self.stamp()))
        self.at = dict.fromkeys(self.names, ("held", "review"))

    @rule(units=some, frm=station, to=station)
    def offer(self, units: list[int], frm: str, to: str) -> None:
        names = [self.names[i] for i in units]
        states = {self.at[name] for name in names}
        legal = all(s in ("held", "void") and where == frm for s, where in states)
        legal = legal and (to == "vault" or not any(s == "void" for s, _ in states))
        offer = self.tried(
            legal, lambda tx: log.offer(tx, self.by(frm), "out", to, names, priority=2, stamp=self.stamp())
        )
        if offer:
            self.handoffs[offer.handoff_id] = (frm, to, names)
            for name in names:
                self.at[name] = ("offered" if self.at[name][0] == "held" else "void_offered", frm)

    @rule(data=st.data(), by=station, keep=st.integers(0, 3), act=st.sampled_from(["accept", "refuse", "withdraw"]))
    def answer(self, data: Any, by: str, keep: int, act: str) -> None:
        if not self.handoffs:
            return
        handoff = data.draw(st.sampled_from(sorted(self.handoffs)))
        frm, to, names = self.handoffs[handoff]
        is_open = all(self.at[name][0].endswith("offered") for name in names) and self.open_for(handoff)
        party = self.by(by, "in" if act != "withdraw" else "out")
        legal = is_open and by == (frm if act == "withdraw" else to)
        if act == "accept":
            counted = names[:keep]
            work = lambda tx: log.accept(tx, party, handoff, counted, "in", self.stamp())  # noqa: E731
        elif act == "refuse":
            counted = []
            work = lambda tx: log.refuse(tx, party, handoff, self.stamp())  # noqa: E731
        else:
            counted = names
            work = lambda tx: log.withdraw(tx, party, handoff, self.stamp())  # noqa: E731
        if self.tried(legal, work):
            del self.handoffs[handoff]
            for name in names:
                void = "void" if self.at[name][0].startswith("void") else ""
                rest = "missing" if act == "accept" else "refused"
                if name in counted:
                    self.at[name] = (void or "held", to if act == "accept" else frm)
                else:
                    self.at[name] = (f"void_{rest}" if void else rest, frm)

    @rule(unit=st.integers(0, 5), by=station)
    def void(self, unit: int, by: str) -> None:
        state, where = self.at[self.names[unit]]
        legal = state in ("held", "doubt") and where == by
        if self.tried(legal, lambda tx: log.void(tx, self.by(by), "w", [self.names[unit]], "reject", self.stamp())):
            self.at[self.names[unit]] = ("void", by)

    @rule(unit=st.integers(0, 5), by=station)
    def destroy(self, unit: int, by: str) -> None:
        legal = self.at[self.names[unit]] == ("void", by)
        if self.tried(legal, lambda tx: log.destroy(tx, self.by(by), "w", [self.names[unit]], self.stamp())):
            self.at[self.names[unit]] = ("ended", by)

    @rule(unit=st.integers(0, 5), by=station, outcome=st.sampled_from(["found-at-sender", "lost", "found-elsewhere"]))
    def settle(self, unit: int, by: str, outcome: str) -> None:
        state, where = self.at[self.names[unit]]
        missing = state in ("missing", "void_missing")
        legal = missing and (outcome != "found-at-sender" or by == where)
        if self.tried(
            legal, lambda tx: log.settle(tx, self.by(by), "w", [self.names[unit]], outcome, "x", self.stamp())
        ):
            void = state == "void_missing"
            after = {"lost": ("ended", where), "found-at-sender": ("void" if void else "held", by)}
            self.at[self.names[unit]] = after.get(outcome, ("void" if void else "doubt", by))

    @invariant()
    def log_and_oracle_agree(self) -> None:
        with self.database.read() as conn:
            standing = whereabouts.standing(conn, self.at)
        assert {unit.unit_id: (unit.state, unit.station) for unit in standing} == self.at

    def teardown(self) -> None:
        self.database.write(lambda tx: (whereabouts.rebuild(tx), offers.rebuild(tx)))
        self.log_and_oracle_agree()
        with open_reading(self.url) as reading:
            assert questions.violations(reading) == []
            assert {row["handoff_id"] for row in questions.waiting(reading)} == set(self.handoffs)
        self.database.close()
        shutil.rmtree(self.home)

    def open_for(self, handoff: str) -> bool:
        with self.database.read() as conn:
            return any(o.handoff_id == handoff for where in STATIONS for o in offers.waiting(conn, where))

    def by(self, where: str, side: str = "out") -> Party:
        return Party(where, f"{where}-{side}", "day")

    def stamp(self) -> log.Stamp:
        self.time_us += 1
        return log.Stamp(self.time_us, True, reason="damaged")

    def tried(self, legal: bool, work: Any) -> Any:
        if legal:
            return self.database.write(work)
        with pytest.raises(CustodyRefusedError):
            self.database.write(work)
        return None


def test_the_log_agrees_with_the_oracle(sqlite_template: Path, signing_keys: Path) -> None:
    Protocol.template, Protocol.keys = sqlite_template, signing_keys
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )
