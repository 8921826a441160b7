"""Applications brought to where a test wants them, by the only ways on which the database lets them go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, insert, text

from handoff_logs.records import new_id
from stations.intake.tables import Application, ApplicationStop

WAYS: Mapping[str, Sequence[str]] = {
    "waiting": (),
    "held": ("held",),
    "returned": ("returned",),
    "stopped": ("stopped",),
    "passed": ("passed",),
    "in_production": ("passed", "in_production"),
    "dispatched": ("passed", "in_production", "dispatched"),
}
"""The states between waiting and each, with it at the end."""
_MOVE = text("UPDATE application SET state = :state, live = :live WHERE application_id = :id")


def file(tx: Connection, applications: Sequence[Mapping[str, Any]]) -> None:
    """File applications (whole rows), and take each to its row's `state`."""
    tx.execute(insert(Application), [{**row, "state": "waiting", "live": True} for row in applications])
    for state, rows in groupby(applications, key=lambda row: str(row["state"])):
        take(tx, [str(row["application_id"]) for row in rows], WAYS[state])


def take(tx: Connection, ids: Sequence[str], way: Iterable[str]) -> None:
    """Take applications that wait, or stand at an earlier state of `way`, through its states."""
    for state in way:
        if state == "stopped":
            stop = {"reason": "alert", "state_before": "waiting", "stopped_by": "e-lead-1", "stopped_us": 1}
            tx.execute(insert(ApplicationStop), [stop | {"stop_id": new_id(), "application_id": one} for one in ids])
        live = state not in ("returned", "dispatched")
        tx.execute(_MOVE, [{"state": state, "live": live, "id": one} for one in ids])


@contextmanager
def unguarded(tx: Connection) -> Iterator[None]:
    """Let applications become in this transaction what they might have been filed as: their triggers look away."""
    if tx.dialect.name != "sqlite":
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        yield
        tx.execute(text("SET LOCAL session_replication_role = origin"))
        return
    guards = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'application'"))
    made = guards.all()
    for name, _ in made:
        tx.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in made:
        tx.exec_driver_sql(sql)
