"""A line whose machines are patrolled by enrolled and by emulated people."""

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image
from sqlalchemy import text

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.patrol.rounds import Recorded, Stepped, record_round, record_step
from stations.patrol.rules import Answer, Found, Item, Kind, Patrol, Step, Walked
from stations.people_register.credentials import SignedIn
from stations.workplace import Workplace

PLAN = Patrol(
    "machines",
    60,
    ("book-01", "place:server-room"),
    (
        Item("covers", "Covers are closed", "罩盖已关好"),
        Item("network", "All lamps of the switch are green", "交换机指示灯正常"),
    ),
)
HOLDABLE = ("book-01", "card-01")
EMULATED = By("e-pat-1")
CRACK = Found("book-01", "covers", Kind.DEVICE, "the cover has a crack", holds=True)
COLD = Found("place:server-room", "network", Kind.NETWORK, "port 7 is dark")


def picture(size: tuple[int, int] = (2_000, 1_000), form: str = "JPEG", **more: Any) -> bytes:
    """A photograph's file."""
    written = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(written, form, **more)
    return written.getvalue()


def walked(*found: Found, patrol: Patrol = PLAN) -> Walked:
    """A round on which all is in order but what was found."""
    bad = {(one.point, one.item) for one in found}
    cells = {(point, item.id) for point, item in patrol.cells}
    return Walked(patrol, {cell: Answer.BAD if cell in bad else Answer.OK for cell in cells}, found)


@dataclass
class Patrolled:
    """A line and those who walk it."""

    line: Any
    people: dict[str, SignedIn]
    here: Workplace

    @property
    def database(self) -> Database:
        return self.line.database

    def by(self, name: str) -> By:
        """Somebody who signs in just now."""
        code, attempt = self.people[name].code, new_id()
        insert = "INSERT INTO sign_in_attempt SELECT :id, :code, CAST(:now AS BIGINT), 'accepted'"
        self.database.write(
            lambda tx: tx.execute(text(insert), {"id": attempt, "code": code, "now": self.database.clock_us(tx)})
        )
        return By(code, attempt)

    def walk(self, *found: Found, by: By = EMULATED, round_id: str | None = None, patrol: Patrol = PLAN) -> Recorded:
        return record_round(self.here, walked(*found, patrol=patrol), round_id or new_id(), by, HOLDABLE)

    def step(self, finding: int, step: Step, by: By, what: str | None = None) -> Stepped:
        return record_step(self.here, finding, step, by, what)

    def mend(self, finding: int, first: By, second: By) -> Stepped:
        """Follow a finding to its end."""
        self.step(finding, Step.TAKEN, first)
        self.step(finding, Step.MENDED, first, "a new cover")
        return self.step(finding, Step.CHECKED, second)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.line.facts(query, **parameters)]

    def sql(self, statement: str, **parameters: Any) -> None:
        self.database.write(lambda tx: tx.execute(text(statement), parameters))
