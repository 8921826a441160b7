"""Rolls as tests work them: everybody signs in anew for each act."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from handoff_logs.dialects import clock_us
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.rolls import station
from stations.rolls.balance import RollRow, rolls
from stations.rolls.rules import HANDS, CounterReading, Delivered, RollAct
from stations.workplace import Workplace

USUAL = {
    RollAct.RECEIVED: ("keeper", "other"),
    RollAct.ISSUED: ("keeper", "operator"),
    RollAct.MOUNTED: ("operator",),
    RollAct.TAKEN_OFF: ("operator",),
    RollAct.RETURNED: ("operator", "keeper"),
    RollAct.DESTROYED: ("keeper", "lead"),
    RollAct.LOST: ("operator", "lead"),
}


@dataclass
class RollHands:
    """The line's people, by name."""

    line: Any
    codes: dict[str, str]
    url: str
    forged: bool = False

    def signed(self, names: tuple[str, ...], before_us: int = 0) -> Workplace:
        """The workplace of people who have signed in `before_us` ago."""
        sign_ins = {}
        for name in names:
            code, attempt = self.codes[name], new_id()
            self.line.database.write(
                lambda tx, code=code, attempt=attempt: tx.execute(
                    text("INSERT INTO sign_in_attempt VALUES (:id, :code, :at_us, 'accepted')"),
                    {"id": attempt, "code": code, "at_us": clock_us(tx) - before_us},
                )
            )
            sign_ins[code] = attempt
        people = tuple(self.codes[name] for name in names)
        return self.line.at("vault").at("vault", people if len(people) > 1 else (*people, "e-per-9"), sign_ins)

    def receive(self, *numbers: str, kind: str = "book", pieces: int = 100, note: str = "LN-1", **how: Any) -> None:
        """Take rolls in."""
        station.receive(self._by(RollAct.RECEIVED, how), [Delivered(number, kind, pieces, note) for number in numbers])

    def hand(self, act: RollAct, *numbers: str, by: tuple[str, ...] = (), before_us: int = 0, **facts: Any) -> None:
        """Any act of two people after the receipt."""
        station.hand(self._by(act, {"by": by, "before_us": before_us}), numbers, act, **facts)

    def mount(self, number: str, machine: str = "book-01", good: int = 0, rejected: int = 0, **how: Any) -> None:
        """Mount a roll on a machine that has counted so much."""
        takes = how.pop("takes", machine.partition("-")[0])
        reading = self.reading(machine, good, rejected, how.pop("journal", "j1"))
        station.mount(self._by(RollAct.MOUNTED, how), number, reading, takes)

    def take_off(self, number: str, machine: str = "book-01", good: int = 0, rejected: int = 0, **how: Any) -> None:
        """Take it off."""
        reading = self.reading(machine, good, rejected, how.pop("journal", "j1"))
        station.take_off(self._by(RollAct.TAKEN_OFF, how), number, reading)

    def take_off_unread(self, number: str) -> None:
        """Take it off a machine that can't answer."""
        station.take_off(self._by(RollAct.TAKEN_OFF, {}), number, None)

    def rows(self) -> dict[str, RollRow]:
        """What is said of each roll."""
        with open_reading(self.url) as reading:
            return {row["number"]: row for row in rolls(reading)}

    def sql(self, statement: str, **facts: object) -> None:
        """Past the program."""
        self.line.database.write(lambda tx: tx.execute(text(statement), facts))

    @staticmethod
    def reading(machine: str, good: int, rejected: int, journal: str = "j1") -> CounterReading:
        """What a machine says."""
        return CounterReading(machine, f"S-{machine}", journal, good, rejected, emulated=True)

    def _by(self, act: RollAct, how: dict[str, Any]) -> Workplace:
        names = how.get("by") or USUAL[act]
        assert len(names) >= len(HANDS[act])
        return self.signed(names, how.get("before_us", 0))
