"""A line whose applications wait at the review desk, and reviewers who signed in there."""

import json
from dataclasses import dataclass
from typing import Any

from enrolled import enrol
from sqlalchemy import text

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.intake.generator.defects import Shares
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.review import answers, decisions, leases, questions, station
from stations.review.decisions import Verdict, decision_of
from stations.review.leases import Lease
from stations.review.questions import Question
from stations.trays import TrayOutcome, unfinished_trays
from stations.workplace import Workplace

EMULATED = By("e-rev-9")
PASSWORD = "a password of everybody"
ALIKE = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)


def sign_in(database: Database, signed: SignedIn) -> By:
    """Somebody who signs in just now."""
    attempt = new_id()
    insert = "INSERT INTO sign_in_attempt SELECT :id, :code, CAST(:now AS BIGINT), 'accepted'"
    database.write(
        lambda tx: tx.execute(text(insert), {"id": attempt, "code": signed.code, "now": database.clock_us(tx)})
    )
    return By(signed.code, attempt)


def verdict(lease: Lease, outcome: str = "pass", *reasons: str, decision_id: str | None = None) -> Verdict:
    """A verdict on what is leased, under an id of its own."""
    decision = decision_of(outcome, reasons)
    return Verdict(decision_id or new_id(), lease.lease_id, lease.revision, lease.round, decision)


def answer_to(question: Question, /, answer: str = "confirmed", **more: Any) -> str:
    """An office's line to a question."""
    given = dict.fromkeys(question.reasons, answer)
    line = {"question": question.question, "office": question.office, "answers": given, "answered_on": "2026-11-30"}
    return json.dumps({**line, **more})


@dataclass
class Desk:
    """The review station of a small line, its trays accepted; `by` are reviewers, `lead` is none."""

    line: Any
    people: dict[str, SignedIn]
    by: dict[str, By]

    @classmethod
    def of(cls, line: Any) -> "Desk":
        """The desk of a line, with three reviewers and a lead."""
        people = enrol(line.database, ann="reviewer", bob="reviewer", cid="reviewer", lead="lead")
        names = ("ann", "bob", "cid", "lead")
        return cls(line, people, {name: sign_in(line.database, people[name]) for name in names})

    def set_passwords(self) -> None:
        """Give everybody the same password, hashed cheaply: patch the hasher first."""
        for who in self.people.values():
            facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
            self.sql("INSERT INTO person_password VALUES (:code, :hash, 1)", **facts)

    @property
    def database(self) -> Database:
        return self.line.database

    @property
    def here(self) -> Workplace:
        return self.line.at("review")

    def accept(self, documents: int, **more: Any) -> list[str]:
        """File applications and accept their trays; the trays."""
        self.line.file(documents, **more)
        for offer in self.line.waiting("review"):
            station.accept_tray(self.here, offer)
        return unfinished_trays(self.here)

    def accept_one(self, documents: int, **more: Any) -> str:
        """The same where all travel in one tray."""
        self.line.shares = ALIKE
        (tray,) = self.accept(documents, tray_size=documents, **more)
        return tray

    def take(self, who: str, **more: Any) -> tuple[Lease, ...]:
        return leases.take(self.here, self.by[who], **more)

    def decide(self, who: str, lease: Lease, outcome: str = "pass", *reasons: str) -> Verdict:
        """Decide what is leased; the verdict that was stored."""
        sent = verdict(lease, outcome, *reasons)
        assert decisions.decide(self.here, self.by[who], sent)
        return sent

    def decide_all(self, who: str, outcome: str = "pass", *reasons: str) -> int:
        """Decide whatever there is for them; how many."""
        count = 0
        while held := self.take(who):
            for lease in held:
                self.decide(who, lease, outcome, *reasons)
            count += len(held)
        return count

    def undo(self, who: str, sent: Verdict) -> bool:
        return decisions.undo(self.here, self.by[who], sent.decision_id)

    def book(self) -> list[TrayOutcome | None]:
        """Try to book each tray."""
        return [station.book_decided(self.here, tray) for tray in unfinished_trays(self.here)]

    def ask(self) -> list[Question]:
        """Send the questions of what is held to every office."""
        offices = [
            row[0] for row in self.rows("SELECT DISTINCT office FROM application WHERE state = 'held' ORDER BY 1")
        ]
        return [each for office in offices for each in questions.ask(self.here, self.by["lead"], office)]

    def answer_holds(self) -> answers.Loaded:
        """Have the offices answer every question: the applicants confirm what was filed."""
        return answers.load(self.here, self.by["lead"], [answer_to(each) for each in self.ask()])

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
