"""A shift as tests work it: emulated people, five books in the vault, and who counts them."""

from dataclasses import dataclass

from sqlalchemy import text

from stations.people import emulated_roster
from stations.shift import counting, handing_over, relieving, station
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan
from stations.shift.rules import CREW, Scan

CREW_OF_EMULATED = {at: duty.codes for at, duty in emulated_roster("early").items() if at in CREW}
BOOKS = tuple(f"EA{number:07d}" for number in range(1, 6))
ONE = Signers("e-lead-1", "e-lead-2")
OTHER = Signers("e-lead-2", "e-lead-3")


def scanned(*serials: str, place: str = "shelf:book") -> Counted:
    """What lies on the vault's shelf; nothing at personalization."""
    scans = tuple(Scan("vault", place, serial) for serial in serials)
    return counting.joined([Counted(scans, frozenset({"vault", "personalization"}))])


def plan(name: str = "early", **changes: object) -> Plan:
    """A shift of emulated people."""
    facts = {"crew": CREW_OF_EMULATED, "machines": ("book-01",), "confirmed": ("all",), "emulated": True, **changes}
    return Plan(name, **facts)  # type: ignore[arg-type]


@dataclass
class ShiftLine:
    """A line, and its shift as people work it."""

    line: object
    database: object

    def open(self, count=None, *, reason=None, by=ONE, **changes):
        return station.open_shift(self.database, plan(**changes), count or scanned(*BOOKS), by, reason)

    def close(self, count=None, *, reason=None, by=ONE, unbalanced=()):
        return station.close_shift(self.database, count or scanned(*BOOKS), by, unbalanced, reason)

    def hand_over(self, count=None, *, name="late", reason=None, by=ONE, unbalanced=(), **changes):
        next_one = plan(name, **changes)
        return handing_over.hand_over(self.database, next_one, count or scanned(*BOOKS), by, unbalanced, reason)

    def relieve(self, absent, count=None, *, reliever="e-lead-3", reason="ill", sign_in=None, by=ONE):
        taking = relieving.Taking(absent, reliever, reason, sign_in)
        return relieving.relieve(self.database, taking, count or scanned(*BOOKS), by)

    def rows(self, query, **parameters):
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement, **parameters):
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
