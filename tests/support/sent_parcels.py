"""Parcels with a carrier, and a carrier that says things of them."""

import csv
import json
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from signing_keys import keyring_copy
from small_line import READER, Line

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.registry import open_reader
from handoff_logs.database import Database
from stations.mailing import carrier, delivery_load
from stations.mailing import station as mailing
from stations.packing import station as packing
from stations.qc import station as qc
from stations.qc.readers import ReaderPool
from stations.review import station as review


def work_to_the_carrier(line, documents):
    """File applications and work them on one real reader, until the carrier has them all."""
    work_to_mailing(line, documents)
    Sent(line, line.folder)


def work_to_mailing(line, documents):
    """File applications and work them on one real reader, until they are packed and offered to mailing."""
    line.file(documents)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    supervisor = Supervisor(line.folder, speed=0.0, seed=1)
    supervisor.start([EmulatorSpec(READER.id, READER.driver, READER.serial)])
    reader = open_reader(READER, line.folder / "machines")
    for offer in line.waiting("qc"):
        qc.work_tray(line.at("qc"), offer, line.inspector, ReaderPool({READER.id: reader}), line.trust_anchor)
    reader.close()
    supervisor.stop()
    for offer in line.waiting("packing"):
        packing.work_tray(line.at("packing"), offer, line.packer)


def worked_line(url, folder, signing_keys, work):
    """Make a line on a database and let `work` work it, once, so that it can be copied."""
    with Database(url, keyring=keyring_copy(signing_keys, folder / "signing")) as database:
        line = Line(database, folder)
        work(line)
        line.close()
    return url, folder


@contextmanager
def copied_line(url, folder, tmp_path, postgresql_server):
    """A copy of such a line's database, with its folder and keys in `tmp_path`; its url."""
    shutil.copytree(folder, tmp_path, ignore=no_sockets, dirs_exist_ok=True)
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'passline.db'}"
        return
    made, name = url.partition("?")[0].rpartition("/")[2], f"taken_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {made} STRATEGY FILE_COPY")
        yield url.replace(f"/{made}", f"/{name}", 1)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def no_sockets(where, names):
    """What is not copied of a line's folder: the sockets of emulators that are off."""
    return [name for name in names if (Path(where) / name).is_socket()]


class Sent:
    """A line whose parcels the carrier took, and a carrier that says things of them."""

    def __init__(self, line, folder, *, taken=True):
        self.line, self.folder, self.said = line, folder, 0
        self.dispatch(taken=taken)

    def dispatch(self, *, taken=True):
        """Mail all that waits or was begun, and, `taken`, let the carrier take it."""
        here = self.line.at("mailing")
        for tray in mailing.unfinished_trays(here):
            mailing.resume_tray(here, tray, self.line.mailer)
        for offer in self.line.waiting("mailing"):
            mailing.work_tray(here, offer, self.line.mailer)
        for offer in self.line.waiting("carrier") if taken else ():
            carrier.work_tray(self.line.at("carrier"), offer, self.line.carrier)

    @property
    def here(self):
        """Mailing, with two people."""
        return self.line.at("mailing")

    @property
    def posted(self):
        """(tracking, label, parcel unit) of each parcel with a number, in order."""
        return self.line.facts(
            "SELECT s.tracking, p.label, p.parcel_unit FROM consigned_parcel s JOIN parcel p USING (parcel_unit)"
            " WHERE s.tracking IS NOT NULL AND s.taken_us IS NOT NULL ORDER BY s.tracking"
        )

    def event(self, tracking=None, event="delivered", *, after_us=1_000, **facts):
        """One event that a carrier could say now, `after_us` after it took the parcel."""
        self.said += 1
        taken_us = self.line.facts(
            "SELECT coalesce(max(taken_us), max(offered_us)) FROM consigned_parcel, consignment"
        )[0][0]
        at = datetime.fromtimestamp((taken_us + after_us) / 1e6, tz=UTC).isoformat()
        told = {"event_id": f"E{self.said:05d}", "event": event, "tracking": tracking, "at": at} | facts
        return {name: value for name, value in told.items() if value is not None}

    def file(self, *events, name="events.jsonl"):
        """A file of events; what is no dictionary is a line as it is."""
        file = self.folder / name
        if name.endswith(".csv"):
            with file.open("w", newline="") as content:
                writer = csv.DictWriter(content, sorted({field for event in events for field in event}))
                writer.writeheader()
                writer.writerows(events)
            return file
        lines = [json.dumps(event) if isinstance(event, dict) else event for event in events]
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def load(self, *events, name="events.jsonl", chunk_lines=200):
        """Load events; the report and what was set aside."""
        reply = self.folder / "reply.jsonl"
        report = delivery_load.load(self.here, self.file(*events, name=name), reply, chunk_lines=chunk_lines)
        return report, [json.loads(line) for line in reply.read_text().splitlines()]

    def states(self, *units):
        """(state, station) of units."""
        facts = [
            self.line.facts("SELECT state, station FROM whereabouts WHERE unit_id = :unit", unit=unit)[0]
            for unit in units
        ]
        return [tuple(fact) for fact in facts]

    def inside(self, parcel):
        """The documents that were packed into a parcel."""
        rows = self.line.facts(
            "SELECT unit_id FROM custody_unit WHERE container = :parcel ORDER BY unit_id", parcel=parcel
        )
        return [row[0] for row in rows]

    def open_cases(self):
        """(kind, unit) of cases that nobody settled."""
        rows = self.line.facts(
            "SELECT kind, unit_id FROM custody_case WHERE NOT EXISTS (SELECT 1 FROM custody_event"
            " WHERE custody_event.case_id = custody_case.case_id) ORDER BY opened_us, unit_id"
        )
        return [tuple(row) for row in rows]
