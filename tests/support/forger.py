"""Custody written in plain SQL, past all of the program: legal rows, unless a test says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from handoff_logs.records import new_id


@dataclass
class Forger:
    """Writes events and unit rows in plain SQL, legal ones unless told otherwise."""

    engine: Engine
    centre: Any
    event: dict[str, Any] = field(default_factory=dict)

    def row(self, unit_id: str, state: str, **facts: Any) -> dict[str, Any]:
        """A legal next step of a unit, unless `facts` say otherwise."""
        now = self.centre.standing(unit_id)
        row = {"unit_id": unit_id, "step": now.step + 1, "prev_step": now.step, "kind": now.kind, "state": state}
        return row | {"station": now.station, "place": "x", "person": "review-1"} | facts

    def birth(self, kind: str, **facts: Any) -> dict[str, Any]:
        row = {"unit_id": new_id(), "step": 1, "kind": kind, "state": "held", "station": "review", "place": "x"}
        return row | {"person": "review-1"} | facts

    def write(self, act: str, rows: Sequence[dict[str, Any]] = (), *, last: int | None = None, **facts: Any) -> str:
        event_id = str(facts.pop("event_id", new_id()))
        event = {"event_id": event_id, "handoff_id": event_id, "act": act, "from_station": "review"}
        event |= {"person": "review-1", "shift": "day", "count_expected": len(rows), "count_counted": len(rows)}
        event |= {"happened_us": 1, "written_us": 1, "units_root": "0" * 64, "schema_version": 1, "emulated": True}
        event |= {"last_position": (len(rows) or None) if last is None else last} | facts
        with self.engine.begin() as tx:
            if self.engine.dialect.name == "sqlite":
                tx.exec_driver_sql("PRAGMA foreign_keys = ON")
            insert(tx, "custody_event", self.key(tx, event) | event)
            for position, row in enumerate(rows, start=1):
                insert(tx, "custody_unit", {"event_id": event_id, "position": position} | row)
        return event_id

    def key(self, tx: Connection, event: dict[str, Any]) -> dict[str, Any]:
        """The key columns as the database wants them; what no forger has is a signature that holds."""
        station = event["to_station"] if event["act"] in ("accept", "refuse") else event["from_station"]
        row = tx.execute(KEY, {"owner": f"station:{station}"}).one_or_none()
        return {"key_id": row.key_id, "key_number": row.number, "signature": "forged"} if row else {}

    def answer(self, act: str, offer: str, rows: Sequence[dict[str, Any]], **facts: Any) -> str:
        stations = {"from_station": "review", "to_station": "qc", "person": "qc-1"}
        link = {"handoff_id": offer, "offer_id": offer, "offer_hash": "0" * 64}
        link |= {"offer_person": "review-1"} if act in ("accept", "refuse") else {}
        return self.write(act, rows, **(stations | link | facts))


KEY = text(
    "SELECT named.subject AS key_id, 1 + coalesce((SELECT max(key_number) FROM custody_event AS signed"
    " WHERE signed.key_id = named.subject), 0) AS number"
    " FROM custody_register AS named WHERE named.register = 'key' AND named.field = 'owner' AND named.value = :owner"
)


def insert(tx: Connection, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    tx.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + name for name in row)})"), row)
