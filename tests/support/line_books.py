"""A line's tables, filled by hand for tests of what is shown of them."""

from typing import Any

import filing
from sqlalchemy import Engine, insert, text, update
from sqlmodel import SQLModel, col

from handoff_logs.records import new_id
from handoff_logs.tables import OpenOffer, Whereabouts
from stations.intake.tables import IntakeBatch
from stations.mailing.tables import Consignment
from stations.packing.tables import Parcel
from stations.personalization.tables import Job
from stations.qc.tables import Inspection
from stations.review.tables import ReviewVerdict
from stations.shift.tables import Shift, ShiftCount, ShiftCounted

MINUTE_US = 60_000_000
NOW_US = 1_790_000_000_000_000


class Books:
    """A line's tables, filled by hand: one method a kind of row, with only what the test is about said."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.batch = new_id()
        self.put(
            IntakeBatch,
            batch_id=self.batch,
            manifest_sha256=new_id(),
            lines=0,
            lines_read=0,
            loaded=0,
            set_aside=0,
            started_us=NOW_US,
            emulated=True,
        )

    def put(self, table: type[SQLModel], **row: Any) -> None:
        with self.engine.begin() as tx:
            tx.execute(insert(table), row)

    def application(self, state: str, **facts: Any) -> str:
        row = self._application(state, **facts)
        with self.engine.begin() as tx:
            filing.file(tx, [row])
        return str(row["application_id"])

    def _application(self, state: str, **facts: Any) -> dict[str, Any]:
        row = {
            "application_id": new_id(),
            "application_key": new_id(),
            "revision": 1,
            "product": "passport",
            "service_class": "normal",
            "delivery": "post",
            "office": "jinan",
            "accepted_us": NOW_US,
            "deadline_us": NOW_US,
            "provisional": False,
            "priority": 2,
            "person_key": new_id(),
            "applicant": b"",
            "state": state,
            "live": state not in ("returned", "dispatched"),
            "order_unit": new_id(),
            "batch_id": self.batch,
            "emulated": True,
        }
        return row | facts

    def unit(
        self,
        kind: str,
        state: str,
        station: str,
        *,
        place: str = "input",
        handoff: str | None = None,
        unit: str = "",
        since_us: int = NOW_US,
    ) -> str:
        unit_id = unit or new_id()
        self.put(
            Whereabouts,
            unit_id=unit_id,
            step=1,
            kind=kind,
            state=state,
            station=station,
            place=place,
            person="e-1",
            handoff_id=handoff,
            since_us=since_us,
        )
        return unit_id

    def offer(self, to_station: str, units: int, *, offered_us: int = NOW_US, due_us: int | None = None) -> None:
        handoff = new_id()
        self.put(
            OpenOffer,
            handoff_id=handoff,
            from_station="review",
            to_station=to_station,
            person="e-1",
            kind="order",
            unit_count=units,
            priority=2,
            due_us=due_us,
            offered_us=offered_us,
            emulated=True,
        )
        for _ in range(units):
            self.unit("order", "offered", "review", handoff=handoff)

    def job(self, machine: str, *path: str, outcome: str | None = None, doubt: str | None = None) -> None:
        """A job that went from INTENT through `path`, legal moves all."""
        job_id, serial = new_id(), new_id()[-12:]
        self.put(
            Job,
            job_id=job_id,
            application_id=self.application("in_production"),
            product="passport",
            attempt=1,
            order_unit=new_id(),
            machine=machine,
            machine_serial="S",
            journal_id="J",
            journal_position=0,
            fence=1,
            worker="w",
            state="INTENT",
            unfinished=True,
            live=True,
            intent_us=NOW_US,
            emulated=True,
        )
        for state in path:
            values: dict[str, Any] = {"state": state}
            if state == "FED":
                values |= {"blank_serial": serial, "blank_unit": new_id()}
            if state == "PREPARED":
                values |= {"document_number": serial[:9], "data_sha256": "0"}
            if state == "RESULT":
                values |= {"unfinished": False, "outcome": outcome, "live": outcome in ("good", "failed")}
                values |= {"document_unit": new_id() if outcome == "good" else None, "result_us": NOW_US}
            if state == "UNCERTAIN":
                values |= {"doubt": doubt}
            with self.engine.begin() as tx:
                tx.execute(update(Job).where(col(Job.job_id) == job_id).values(values))

    def made(self, machine: str, count: int, at_us: int) -> None:
        """So many good pieces, in one transaction; each state's changes at once."""
        now = [{"job": new_id(), "serial": new_id()[-12:], "unit": new_id()} for _ in range(count)]
        filed = [self._application("in_production") for _ in now]
        with self.engine.begin() as tx:
            filing.file(tx, filed)
            tx.execute(
                insert(Job),
                [
                    {
                        "job_id": one["job"],
                        "application_id": application["application_id"],
                        "product": "passport",
                        "attempt": 1,
                        "order_unit": new_id(),
                        "machine": machine,
                        "machine_serial": "S",
                        "journal_id": "J",
                        "journal_position": 0,
                        "fence": 1,
                        "worker": "w",
                        "state": "INTENT",
                        "unfinished": True,
                        "live": True,
                        "intent_us": at_us,
                        "emulated": True,
                    }
                    for one, application in zip(now, filed, strict=True)
                ],
            )
            for change in (
                "state = 'FED', blank_serial = :serial, blank_unit = :unit",
                "state = 'PREPARED', document_number = substr(:serial, 1, 9), data_sha256 = '0'",
                "state = 'STARTING'",
                "state = 'RESULT', unfinished = FALSE, outcome = 'good', live = TRUE, result_us = :at_us,"
                " document_unit = substr(:unit, 1, 31) || 'd'",
            ):
                tx.execute(
                    text(f"UPDATE job SET {change} WHERE job_id = :job"), [one | {"at_us": at_us} for one in now]
                )

    def reviewed(self, count: int, at_us: int) -> list[str]:
        """So many verdicts."""
        filed = [self._application("waiting") for _ in range(count)]
        ids = [str(one["application_id"]) for one in filed]
        by = {"revision": 1, "round": 1, "reviewer": "e-1", "outcome": "pass", "reasons": "", "emulated": True}
        with self.engine.begin() as tx:
            filing.file(tx, filed)
            tx.execute(insert(ReviewVerdict), [by | {"application_id": one, "written_us": at_us} for one in ids])
            filing.take(tx, ids, ["passed"])
        return ids

    def inspected(self, applications: list[str], at_us: int) -> None:
        """The documents of reviewed applications are inspected."""
        by = {"revision": 1, "round": 1, "reviewer": "e-1", "review_outcome": "pass", "inspector": "e-2"}
        by |= {"outcome": "pass", "codes": "", "reader": "r", "emulated": True, "written_us": at_us}
        with self.engine.begin() as tx:
            filing.take(tx, applications, ["in_production"])
            tx.execute(
                insert(Inspection), [by | {"application_id": one, "document_unit": new_id()} for one in applications]
            )

    def packed(self, documents: int, at_us: int) -> None:
        """A parcel with so many documents."""
        self.put(
            Parcel,
            parcel_unit=new_id(),
            label=new_id(),
            grouping="office",
            office="jinan",
            tray=new_id(),
            documents=documents,
            expected_g=1,
            packer="e-3",
            packed_us=at_us,
            emulated=True,
        )

    def taken_away(self, documents: int, at_us: int | None) -> None:
        """A consignment with so many documents; None: the carrier has not taken it."""
        self.put(
            Consignment,
            consignment_id=new_id(),
            grouping="office",
            office="jinan",
            tray=new_id(),
            handoff_id=new_id(),
            parcels=1,
            documents=documents,
            weight_g=1,
            state="offered" if at_us is None else "dispatched",
            mailer="e-4",
            offered_us=0,
            accepted_us=at_us,
            emulated=True,
        )

    def shift(self, name: str, opened_us: int) -> None:
        """An open shift of EMULATED people."""
        count = new_id()
        self.put(
            ShiftCount,
            count_id=count,
            moment="opening",
            counted_by="e-lead-1",
            counted_second="e-keeper-1",
            counted_us=opened_us,
            emulated=True,
        )
        for station in ("vault", "personalization"):
            self.put(ShiftCounted, count_id=count, station=station, place="", pieces=0, serials="", sha256="0" * 64)
        self.put(
            Shift,
            shift_id=new_id(),
            name=name,
            opening_count=count,
            opened_us=opened_us,
            closed=False,
            emulated=True,
        )


MADE = ("FED", "PREPARED", "STARTING", "RESULT")
