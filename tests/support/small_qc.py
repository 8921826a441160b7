"""A line with documents in one tray at the QC desk, read back, and inspectors who signed in there."""

from dataclasses import dataclass, replace
from typing import Any

from enrolled import enrol
from small_desk import PASSWORD, sign_in
from sqlalchemy import text

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn, TwoSigned
from stations.qc import at_desks, in_hand, inspecting
from stations.qc.in_hand import Hold
from stations.qc.inspecting import Stands
from stations.qc.pieces import document_units, offered_numbers
from stations.qc.reading_back import Means
from stations.review import station as review
from stations.trays import TrayOutcome, accept_by_scan, tray_of, unfinished_trays
from stations.workplace import Workplace

ROLES = {"ann": "inspector", "bob": "inspector", "cid": "inspector", "lead": "lead", "rev": "reviewer"}


@dataclass
class QcDesk:
    """The QC desk of a small line; `by` are three inspectors, a lead and a reviewer."""

    line: Any
    means: Means
    people: dict[str, SignedIn]
    by: dict[str, By]

    @classmethod
    def of(cls, line: Any, means: Means) -> "QcDesk":
        """The desk of a line, with its people."""
        people = enrol(line.database, **ROLES)
        return cls(line, means, people, {name: sign_in(line.database, people[name]) for name in ROLES})

    def set_passwords(self) -> None:
        """Give everybody the same password, hashed cheaply: patch the hasher first."""
        for who in self.people.values():
            self.sql(
                "INSERT INTO person_password VALUES (:code, :hash, 1)", code=who.code, hash=passwords.hashed(PASSWORD)
            )

    @property
    def database(self) -> Database:
        return self.line.database

    @property
    def here(self) -> Workplace:
        return self.line.at("qc")

    def make(self, documents: int, **more: Any) -> str:
        """File, review, make and count in documents in one tray; the tray."""
        self.hand_on(documents, **more)
        return self.count_in()

    def hand_on(self, documents: int, seed: int = 1, **more: Any) -> None:
        """File, review and make documents in one tray, which is offered to QC."""
        self.line.shares = replace(self.line.shares, hk_macau_permit=0.0, taiwan_permit=0.0, emergencies=0.0)
        self.line.file(documents, seed=seed)
        for offer in self.line.waiting("review"):
            review.work_tray(self.line.at("review"), offer, self.line.reviewer)
        self.line.make_documents(**more)

    def count_in(self) -> str:
        """Accept what is offered to QC, as counted."""
        for offer in self.line.waiting("qc"):
            with self.database.read() as conn:
                expected = offered_numbers(conn, offer.handoff_id)
            accept_by_scan(self.here, offer, self.line.inspector, expected, document_units)
            tray = tray_of(offer)
        return tray

    def read(self, tray: str) -> int:
        return at_desks.read_tray(self.here, tray, self.means)

    def made(self, documents: int, **more: Any) -> str:
        """The same, read back too."""
        tray = self.make(documents, **more)
        self.read(tray)
        return tray

    def serials(self) -> list[str]:
        """The serials of what waits at QC."""
        query = (
            "SELECT j.blank_serial FROM whereabouts w JOIN job j ON j.document_unit = w.unit_id"
            " WHERE w.station = 'qc' AND w.state = 'held' AND w.place = 'input' ORDER BY 1"
        )
        return [row[0] for row in self.rows(query)]

    def take(self, who: str, serial: str, **more: Any) -> Hold:
        return in_hand.take(self.here, self.by[who], serial, **more)

    def decide(self, who: str, serial: str, *codes: str) -> str:
        """Take a piece and decide on it; the decision's id."""
        decision = new_id()
        assert inspecting.decide(self.here, self.by[who], self.take(who, serial).hold_id, decision, codes)
        return decision

    def undo(self, who: str, decision: str) -> Hold:
        return inspecting.undo(self.here, self.by[who], decision)

    def two(self, first: str, second: str) -> TwoSigned:
        """Two who sign in just now."""
        one, other = (sign_in(self.database, self.people[name]) for name in (first, second))
        return TwoSigned(one.code, other.code, one.sign_in or "", other.sign_in or "")

    def sign(self, decision: str, first: str = "ann", second: str = "lead") -> bool:
        return inspecting.sign_void(self.here, decision, self.two(first, second))

    def stands(self) -> dict[str, Stands]:
        """What stands, by document unit."""
        units = [row[0] for row in self.rows("SELECT document_unit FROM qc_reading")]
        with self.database.read() as conn:
            return dict(inspecting.standing(conn, units))

    def void(self, tray: str) -> int:
        return at_desks.book_signed(self.here, tray, self.line.inspector)

    def book(self, tray: str) -> TrayOutcome | None:
        return at_desks.book_decided(self.here, tray, self.line.inspector)

    def begun(self) -> list[str]:
        return unfinished_trays(self.here)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
