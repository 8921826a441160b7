"""A small centre for custody tests: four stations, two people at each, and the acts in one call each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from handoff_logs import log, whereabouts
from handoff_logs.database import Database
from handoff_logs.records import Birth, Kind, Party, new_id

T = TypeVar("T")


@dataclass
class Centre:
    """Drives the log as stations would."""

    database: Database

    def by(self, station: str, index: int = 1) -> Party:
        return Party(station, f"{station}-{index}", "day")

    def stamp(self, **facts: object) -> log.Stamp:
        return log.Stamp(time.time_ns() // 1000, True, **facts)

    def do(self, work: Callable[[Connection], T]) -> T:
        return self.database.write(work)

    def orders(self, count: int, station: str = "review", numbers: Sequence[str] = ()) -> list[str]:
        births = [Birth(new_id(), Kind.ORDER, numbers[i] if numbers else None) for i in range(count)]
        self.do(lambda tx: log.receive(tx, self.by(station), None, births, "in", self.stamp()))
        return [birth.unit_id for birth in births]

    def blanks(self, count: int, station: str = "review", numbers: Sequence[str] = ()) -> list[str]:
        births = [Birth(new_id(), Kind.BLANK, numbers[i] if numbers else None) for i in range(count)]
        second = self.by(station, 2).person
        self.do(lambda tx: log.receive(tx, self.by(station), second, births, "shelf", self.stamp()))
        return [birth.unit_id for birth in births]

    def documents(self, count: int, station: str = "review") -> list[str]:
        made = [Birth(new_id(), Kind.DOCUMENT) for _ in range(count)]
        for order, blank, birth in zip(self.orders(count, station), self.blanks(count, station), made, strict=True):
            self.transform(station, order, blank, birth)
        return [birth.unit_id for birth in made]

    def transform(self, station: str, order: str, blank: str, birth: Birth) -> str:
        return self.do(lambda tx: log.transform(tx, self.by(station), order, blank, birth, "good", self.stamp()))

    def offer(self, units: Sequence[str], station: str = "review", to: str = "qc", **facts: object) -> log.Offer:
        priority = int(facts.pop("priority", 2))
        stamp = self.stamp(**facts)
        return self.do(lambda tx: log.offer(tx, self.by(station), "out", to, units, priority=priority, stamp=stamp))

    def accept(self, offer: log.Offer, counted: Sequence[str], station: str = "qc", **facts: object) -> log.Acceptance:
        stamp = self.stamp(**facts)
        return self.do(lambda tx: log.accept(tx, self.by(station), offer.handoff_id, counted, "in", stamp))

    def refuse(self, offer: log.Offer, station: str = "qc") -> str:
        return self.do(lambda tx: log.refuse(tx, self.by(station), offer.handoff_id, self.stamp(reason="damaged")))

    def void(self, units: Sequence[str], station: str = "review", reborn: Sequence[Birth] = ()) -> str:
        by, second = self.by(station), self.by(station, 2).person
        return self.do(lambda tx: log.void(tx, by, second, units, "reject", self.stamp(), reborn))

    def destroy(self, units: Sequence[str], station: str = "review") -> str:
        by, second = self.by(station), self.by(station, 2).person
        return self.do(lambda tx: log.destroy(tx, by, second, units, self.stamp()))

    def settle(self, units: Sequence[str], outcome: str, station: str = "review", **facts: Any) -> str:
        by, second = self.by(station), self.by(station, 2).person
        return self.do(lambda tx: log.settle(tx, by, second, units, outcome, "shelf", self.stamp(), **facts))

    def doubt(self, units: Sequence[str], station: str = "review") -> str:
        return self.do(lambda tx: log.doubt(tx, self.by(station), units, "quarantine", self.stamp()))

    def pack(self, units: Sequence[str], station: str = "review", number: str | None = None) -> str:
        parcel = Birth(new_id(), Kind.PARCEL, number)
        self.do(lambda tx: log.pack(tx, self.by(station), {parcel: units}, "shelf", self.stamp()))
        return parcel.unit_id

    def standing(self, unit_id: str) -> whereabouts.Standing:
        return self.do(lambda tx: whereabouts.standing(tx, [unit_id])[0])

    def states(self, units: Sequence[str]) -> list[tuple[str, str]]:
        found = self.do(lambda tx: whereabouts.standing(tx, units))
        return [(unit.state, unit.station) for unit in found]

    def case_of(self, unit_id: str) -> str:
        query = text("SELECT case_id FROM custody_case WHERE unit_id = :unit_id")
        return self.do(lambda tx: tx.execute(query, {"unit_id": unit_id}).scalar_one())

    def sql(self, statement: str, **facts: object) -> None:
        self.do(lambda tx: tx.execute(text(statement), facts))
