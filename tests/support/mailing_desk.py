"""Mailing's desk of a small line: its trays accepted, mailers and a driver who signed in, and the run beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enrolled import enrol
from small_desk import sign_in
from sqlalchemy import text

from handoff_logs import log
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.mailing import acts, station, weighings
from stations.mailing.acts import Carrying, Signed
from stations.mailing.tables import ActKind
from stations.mailing.weighings import Weighed
from stations.packing import station as packing
from stations.packing.contents import offered_labels, parcel_units
from stations.people import emulated_duty
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.personal import PersonalData
from stations.review import station as review
from stations.trays import INPUT, PUBLISHED, TrayOutcome, accept_by_scan, offered_units, stamp, tray_of
from stations.workplace import Workplace

PASSWORD = "a password of everybody"


def packed_by_hand(line: Any, documents: int) -> None:
    """File applications and work them until they are offered to mailing; a word takes the place of QC's reader."""
    line.file(documents)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    qc = line.at("qc")
    for offer in line.waiting("qc"):
        line.database.write(lambda tx, offer=offer: _pass_on(tx, qc, offer))
    for offer in line.waiting("packing"):
        packing.work_tray(line.at("packing"), offer, line.packer)


def _pass_on(tx: Any, qc: Workplace, offer: Any) -> None:
    units, of_tray = offered_units(tx, offer.handoff_id), stamp(qc, tray_of(offer), due_us=offer.due_us)
    log.accept(tx, qc.party(), offer.handoff_id, units, INPUT, of_tray)
    log.offer(tx, qc.party(), INPUT, "packing", units, priority=offer.priority, stamp=of_tray)


@dataclass
class MailingDesk:
    """`by` are two mailers, a lead, a driver and a packer, each of whom has just signed in."""

    line: Any
    people: dict[str, SignedIn]
    by: dict[str, By]

    @classmethod
    def of(cls, line: Any, *, accept: bool = True) -> "MailingDesk":
        people = enrol(line.database, ann="mailer", bob="mailer", lead="lead", dan="driver", pam="packer")
        desk = cls(line, people, {name: sign_in(line.database, who) for name, who in people.items()})
        if accept:
            desk.accept()
        return desk

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
        return self.line.at("mailing")

    @property
    def carrier(self) -> Workplace:
        return self.line.at("carrier")

    def accept(self) -> None:
        """Accept all that is offered to mailing, by a scan."""
        for offer in self.line.waiting("mailing"):
            with self.database.read() as conn:
                expected = offered_labels(conn, offer.handoff_id)
            accept_by_scan(self.here, offer, self.line.mailer, expected, parcel_units)

    def unweighed(self) -> list[tuple[str, int]]:
        """(label, expected grams) of the parcels that lie in accepted trays."""
        return self.rows(
            "SELECT p.label, p.expected_g FROM parcel p JOIN whereabouts w ON w.unit_id = p.parcel_unit"
            " WHERE w.station = 'mailing' AND w.state = 'held' AND w.place = 'input' ORDER BY p.label"
        )

    def weigh(self, who: str, label: str, grams: int, weighing_id: str | None = None) -> Weighed:
        return weighings.weigh(self.here, self.by[who], weighing_id or new_id(), label, grams)

    def weigh_all(self, who: str = "ann") -> None:
        """Weigh what lies in the trays, as it must be."""
        for label, grams in self.unweighed():
            self.weigh(who, label, grams)

    def book(self) -> list[TrayOutcome | None]:
        """What the run makes of the trays that are accepted."""
        trays = station.unfinished_trays(self.here)
        return [station.book_weighed(self.here, tray, self.line.mailer) for tray in trays]

    def offered(self) -> list[str]:
        """Labels that stand at the door."""
        found: list[str] = []
        for offer in self.line.waiting("carrier"):
            with self.database.read() as conn:
                found += offered_labels(conn, offer.handoff_id)
        return sorted(found)

    def signed(self, kind: str, first: str = "ann", second: str | None = "bob", **facts: Any) -> Signed:
        """An act of two people, who have just signed in."""
        hands = [sign_in(self.database, self.people[name]) if name else None for name in (first, second)]
        if "lines" in facts:
            facts["file"] = acts.to_store(facts.pop("lines"))
        return Signed(facts.pop("act_id", new_id()), ActKind(kind), hands[0], hands[1], **facts)

    def sign(self, kind: str, first: str = "ann", second: str | None = "bob", **facts: Any) -> Signed:
        sent = self.signed(kind, first, second, **facts)
        assert acts.sign(self.here, sent)
        return sent

    def run(self) -> list[Any]:
        """Book all that is signed, as the run does; what each came to."""
        carrying = Carrying(self.line.mailer, self.line.carrier)
        told = []
        for here, kinds in ((self.carrier, acts.AT_THE_DOOR), (self.here, acts.AT_THE_TABLE)):
            with self.database.read() as conn:
                ids = acts.waiting(conn, kinds)
            told += [acts.book(here, each, PUBLISHED, carrying) for each in ids]
        return told

    def count(self, *labels: str, driver: str = "dan") -> Any:
        """Have the driver count these at the door and sign, and book it; what it came to."""
        self.sign("door", "ann", driver, labels=labels)
        (told,) = self.run()
        return told

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))


def weigh_at_once(database: Database, keys: Path, who: By, weighing_id: str, label: str, grams: int) -> None:
    """Weigh a parcel, in a process of its own."""
    weighings.weigh(_workplace(database, keys), who, weighing_id, label, grams)


def book_at_once(database: Database, keys: Path, act_id: str) -> None:
    """Book an act, in a process of its own."""
    acts.book(_workplace(database, keys), act_id, PUBLISHED)


def _workplace(database: Database, keys: Path) -> Workplace:
    return Workplace(database, "mailing", "day", emulated_duty("mailing", "day").codes, True, PersonalData(keys))
