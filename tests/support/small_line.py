"""A small line to work trays on: a generated batch, emulated staff, documents made by hand."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from devices.emulation.hands import Hands
from devices.emulation.world import TallyWriter, What, World
from devices.jobs import JobState
from devices.registry import DeviceEntry
from handoff_logs import log, offers
from handoff_logs.database import Database
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Birth, Kind, new_id
from stations import people
from stations.emulated_staff import (
    EmulatedCarrier,
    EmulatedInspector,
    EmulatedMailer,
    EmulatedPacker,
    EmulatedReviewer,
)
from stations.intake import load
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import GeneratedBatch, generate
from stations.intake.states import advance
from stations.intake.station import stop
from stations.intake.tables import Application, ApplicationState
from stations.mailing import tracking
from stations.mailing.tables import TrackingRange
from stations.personal import PersonalData
from stations.personalization import signer
from stations.personalization.data import build, sheets
from stations.personalization.tables import Job
from stations.trays import offered_units, stamp, tray_of, tray_place
from stations.vault.rules import Reserve
from stations.workplace import Workplace

DAY = date(2026, 9, 1)
READER = DeviceEntry("reader-01", "document-reader", "emulator://reader-01", "DR-1", "emulated")
INTENDED = {
    "state": JobState.INTENT.value,
    "unfinished": True,
    "outcome": None,
    "blank_serial": None,
    "blank_unit": None,
    "document_number": None,
    "data_sha256": None,
    "document_unit": None,
}
"""What a job is before its result; the database lets every job begin as this."""


class Plenty(Reserve):
    """Blanks for the tests of machines, whatever is ordered."""

    def beside(self, orders: int) -> int:
        return 1_000


SOUND = Shares(intake_defects=0.0, review_defects=0.0)


def _number_parcels(tx: Connection) -> None:
    """Once for a database: lines of two processes may be on one."""
    if tx.execute(select(TrackingRange.__table__.c.range_id).limit(1)).first() is None:
        tracking.add_range(tx, form="s10", prefix="EE", suffix="CN", first=1, last=99_999, emulated=True)


@dataclass
class Line:
    """One run's folder, database and people; every act on it is a station's own."""

    database: Database
    folder: Path
    shares: Shares = SOUND
    batches: list[GeneratedBatch] = field(default_factory=list)
    machines_made: int = 0
    plenty: Reserve = field(default_factory=Plenty)

    def __post_init__(self) -> None:
        personal = PersonalData.create(self.folder / "keys")
        signer.create_emulated_authority(self.folder / "keys")
        (self.folder / "machines").mkdir(exist_ok=True)
        self.maker = signer.open_signer(self.folder / "keys")
        self.trust_anchor = signer.trust_anchor(self.folder / "keys")
        self.roster = people.emulated_roster("day")
        self._base = Workplace(self.database, "intake", "day", self.roster["intake"].codes, True, personal)
        self.hands = Hands(self.folder / "world", self.folder / "machines")
        self.reviewer, self.inspector = EmulatedReviewer(), EmulatedInspector(self.hands)
        self.packer, self.mailer = EmulatedPacker(self.hands), EmulatedMailer(self.hands)
        self.carrier = EmulatedCarrier(self.hands)
        self._machine = TallyWriter(World(self.folder / "world"), "book-01")
        self.database.write(_number_parcels)

    def at(self, station: str) -> Workplace:
        """The workplace of a station with its people."""
        return self._base.at(station, self.roster[station].codes)

    def file(self, documents: int, *, seed: int = 1, tray_size: int = 50, day: date = DAY) -> None:
        """Generate a batch accepted on `day` and load it."""
        batch = self.folder / f"batch-{seed}"
        self.batches.append(generate(batch, documents, seed, day=day, shares=self.shares))
        load.load(self._base, batch, self.folder / "replies", tray_size=tray_size)

    def waiting(self, station: str) -> list[OpenOffer]:
        """The offers a station has not answered, best first."""
        with self.database.read() as connection:
            return offers.waiting(connection, station)

    def facts(self, query: str, **parameters: Any) -> list[Any]:
        """Rows of a query on the database itself."""
        with self.database.read() as connection:
            return list(connection.execute(text(query), parameters))

    def states(self) -> dict[str, int]:
        """Applications by state."""
        return {row[0]: row[1] for row in self.facts("SELECT state, count(*) FROM application GROUP BY state")}

    def stop(self, application_id: str) -> None:
        """Stop an application (rule 8)."""
        self.database.write(lambda tx: stop(tx, application_id, "e-lead-1", "withdrawn", time.time_ns() // 1000))

    def make_documents(
        self, *, spoil: Callable[[Any], Any] = lambda piece: piece, only: OpenOffer | None = None
    ) -> None:
        """Make what waits at personalization by hand: blanks received, orders transformed, pieces marked, all offered.

        `spoil` may change what is put on a piece (`PieceData`); `only` one offer of those that wait.
        """
        workplace = self.at("personalization")
        for offer in [only] if only else self.waiting("personalization"):
            with self.database.read() as connection:
                units = offered_units(connection, offer.handoff_id)
                rows = connection.execute(select(Application).where(Application.order_unit.in_(units))).all()
                found = sheets(connection, workplace.personal, [row.application_id for row in rows])
            made = []
            for row in rows:
                self.machines_made += 1
                serial = f"EA{self.machines_made:07d}"
                number = serial if row.product == "passport" else f"CA{self.machines_made:07d}"
                piece = build(found[row.application_id], number, serial, self.maker)
                made.append((row, serial, number, spoil(piece)))
            self._put_into_the_world([(serial, piece) for _, serial, _, piece in made], tray_of(offer))
            self.database.write(lambda tx, o=offer, m=made: self._book_made(tx, workplace, o, m))

    def _put_into_the_world(self, made: list[tuple[str, Any]], tray: str) -> None:
        self.hands.deliver([serial for serial, _ in made], tray_place(tray))
        for serial, piece in made:
            self.hands.world.write_chip(serial, piece.encode(), locked=True)
            self.hands.world.print(serial)
            identity = hashlib.sha256(piece.portrait).hexdigest()
            self._machine.write(What.MARKED, [(serial, tray_place(tray))], tray_place(tray), identity)

    def _book_made(self, tx: Connection, workplace: Workplace, offer: OpenOffer, made: list[Any]) -> None:
        by, tray = workplace.party(), tray_of(offer)
        log.accept(tx, by, offer.handoff_id, [row.order_unit for row, *_ in made], "queue", stamp(workplace, tray))
        blanks = [Birth(new_id(), Kind.BLANK, serial) for _, serial, _, _ in made]
        log.receive(tx, by, workplace.people[1], blanks, "stock", stamp(workplace))
        documents, jobs = [], []
        for (row, serial, number, _), blank in zip(made, blanks, strict=True):
            document = Birth(new_id(), Kind.DOCUMENT, number)
            log.transform(tx, by, row.order_unit, blank.unit_id, document, "rack", stamp(workplace, tray))
            documents.append(document.unit_id)
            jobs.append(self._job(tx, row, serial, number, document.unit_id, blank.unit_id))
        tx.execute(insert(Job), [{**job, **INTENDED} for job in jobs])
        made_so = {name: bindparam(f"new_{name}") for name in INTENDED}
        columns = [{"of_job": job["job_id"], **{f"new_{name}": job[name] for name in INTENDED}} for job in jobs]
        tx.execute(update(Job.__table__).where(Job.__table__.c.job_id == bindparam("of_job")).values(made_so), columns)
        states = ApplicationState.PASSED, ApplicationState.IN_PRODUCTION
        advance(tx, [row.application_id for row, *_ in made], *states)
        log.offer(tx, by, "rack", "qc", documents, priority=offer.priority, stamp=stamp(workplace, tray))

    def _job(self, tx: Connection, row: Any, serial: str, number: str, document: str, blank: str) -> dict[str, Any]:
        made = select(Job.attempt).where(Job.application_id == row.application_id)
        attempt = max(tx.execute(made).scalars(), default=0) + 1
        job = Job(
            job_id=new_id(),
            application_id=row.application_id,
            product=row.product,
            attempt=attempt,
            previous_attempt=attempt - 1 or None,
            order_unit=row.order_unit,
            machine="book-01",
            machine_serial="BP-1",
            journal_id="journal",
            journal_position=1,
            fence=1,
            worker="test",
            state=JobState.RESULT.value,
            unfinished=False,
            live=True,
            blank_serial=serial,
            blank_unit=blank,
            document_number=number,
            document_unit=document,
            data_sha256="0" * 64,
            outcome="good",
            intent_us=1,
            emulated=True,
        )
        return job.model_dump()

    def close(self) -> None:
        """Let go of the world."""
        self.hands.close()
        self._machine.close()
