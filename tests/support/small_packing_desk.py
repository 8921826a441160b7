"""A line whose documents wait at the packing desk, and packers who signed in there."""

from dataclasses import dataclass
from typing import Any

from enrolled import enrol
from small_desk import PASSWORD, sign_in
from sqlalchemy import text

from handoff_logs import log
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.intake.generator.defects import Shares
from stations.packing import boxes, desk_booking, matching, showing
from stations.packing.matching import Matched
from stations.packing.station import slip
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.qc.pieces import document_units, offered_numbers, pieces_of_tray
from stations.review import station as review
from stations.trays import INPUT, TrayOutcome, accept_by_scan, offered_units, stamp, tray_of, unfinished_trays
from stations.workplace import Workplace

ALIKE = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)


@dataclass
class PackingDeskLine:
    """The packing station of a small line, its trays accepted; `by` are packers, `lead` is none."""

    line: Any
    people: dict[str, SignedIn]
    by: dict[str, By]

    @classmethod
    def of(cls, line: Any) -> "PackingDeskLine":
        """The desk of a line, with two packers and a lead."""
        people = enrol(line.database, pia="packer", pete="packer", lead="lead")
        return cls(line, people, {name: sign_in(line.database, people[name]) for name in ("pia", "pete", "lead")})

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
        return self.line.at("packing")

    def offer(self, documents: int, **more: Any) -> None:
        """Have documents made and handed past QC; they are offered here."""
        line = self.line
        line.file(documents, **more)
        for offer in line.waiting("review"):
            review.work_tray(line.at("review"), offer, line.reviewer)
        line.make_documents()
        qc = line.at("qc")
        for offer in line.waiting("qc"):
            with self.database.read() as conn:
                units = offered_units(conn, offer.handoff_id)
            tray = tray_of(offer)

            def past(tx: Any, offer: Any = offer, units: Any = units, tray: str = tray) -> None:
                log.accept(tx, qc.party(), offer.handoff_id, units, INPUT, stamp(qc, tray))
                log.offer(tx, qc.party(), INPUT, "packing", units, priority=offer.priority, stamp=stamp(qc, tray))

            self.database.write(past)

    def accept(self, documents: int, **more: Any) -> list[str]:
        """The same, and accepted here; their trays."""
        self.offer(documents, **more)
        line = self.line
        for offer in line.waiting("packing"):
            with self.database.read() as conn:
                expected = offered_numbers(conn, offer.handoff_id)
            accept_by_scan(self.here, offer, line.packer, expected, document_units)
        return unfinished_trays(self.here)

    def accept_one(self, documents: int, **more: Any) -> str:
        """The same where all travel in one tray."""
        self.line.shares = ALIKE
        (tray,) = self.accept(documents, tray_size=documents, **more)
        return tray

    def pieces(self, tray: str, place: str = INPUT, delivery: str | None = None) -> list[Any]:
        """The pieces that lie in a tray or box, by how they are delivered."""
        with self.database.read() as conn:
            found = pieces_of_tray(conn, "packing", tray, place)
        return [piece for piece in found if delivery in (None, piece.delivery)]

    def codes(self, piece: Any) -> list[str]:
        """What is scanned of a piece: document, order, envelope."""
        own = slip(piece)
        return [own.number, own.order, own.envelope]

    def scan(self, who: str, *codes: str, match_id: str | None = None) -> Matched:
        return matching.match(self.here, self.by[who], match_id or new_id(), codes)

    def match(self, who: str, piece: Any, **more: Any) -> Matched:
        """Scan a piece with its own order and envelope."""
        return self.scan(who, *self.codes(piece), **more)

    def match_all(self, who: str, tray: str, delivery: str | None = None) -> None:
        for piece in self.pieces(tray, delivery=delivery):
            self.match(who, piece)

    def close_boxes(self, who: str) -> int:
        """Close every open box; how many."""
        with self.database.read() as conn:
            found = boxes.open_boxes(conn)
        for box in found:
            boxes.close(self.here, self.by[who], box.box_id)
        return len(found)

    def book(self) -> list[TrayOutcome | None]:
        """Try to book each tray, then each box."""
        packer = self.line.packer
        trays = [desk_booking.book_tray(self.here, tray, packer) for tray in unfinished_trays(self.here)]
        return [*trays, *(desk_booking.book_box(self.here, box, packer) for box in boxes.filled(self.here))]

    def taken_out(self) -> list[Any]:
        """What the desk asks its packers to take out."""
        with self.database.read() as conn:
            return list(showing.shown(conn, "packing", 0, "p-0011").take_out)

    def owes(self, piece: Any) -> None:
        """Have the fee of a piece's application unpaid, as if somebody had passed it all the same."""
        row = self.rows("SELECT applicant FROM application WHERE application_id = :id", id=piece.application_id)[0]
        personal = self.here.personal
        record = personal.decrypt(bytes(row[0]), piece.application_id).replace(b'"paid"', b'"due"')
        sealed = personal.encrypt(record, piece.application_id)
        self.sql("UPDATE application SET applicant = :sealed WHERE application_id = :id", sealed=sealed,
                 id=piece.application_id)  # fmt: skip

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
