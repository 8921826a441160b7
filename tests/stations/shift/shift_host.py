"""A process of its own that acts on a shift and is killed by its own hand at every boundary, until an act ends alive.

Arguments: the folder of the signing keys, the database's url, the act, how far the boundaries are apart. A boundary is
a statement about to be sent, or an instant before or after a commit. After each death it tells what the database
then holds, a JSON line each.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import small_shift
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from handoff_logs import statements
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations.errors import StationError
from stations.shift import evacuating, handing_over, relieving

MOST = 400
TELLS = {
    "open": "SELECT name FROM shift WHERE NOT closed",
    "closed": "SELECT count(*) FROM shift WHERE closed",
    "counts": "SELECT count(*) FROM shift_count",
    "acts": "SELECT count(*) FROM custody_event WHERE reason IN ('shift-hand-over', 'relief')",
    "evacuated": "SELECT (SELECT count(*) FROM evacuation WHERE NOT over), (SELECT count(*) FROM alarm"
    " WHERE cleared_us IS NULL), (SELECT field FROM custody_register AS said JOIN custody_event AS event"
    " ON event.event_id = said.event_id WHERE subject = 'line' ORDER BY event.seq DESC LIMIT 1)",
    "reliefs": "SELECT count(*) FROM shift_relief",
    "people": "SELECT count(DISTINCT person) FROM whereabouts WHERE state = 'held'",
    "entries": "SELECT count(*) FROM custody_register WHERE register = 'shift'",
}


def _hand_over(database: Database) -> None:
    handing_over.hand_over(database, small_shift.plan("late"), small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


def _relieve(database: Database) -> None:
    taking = relieving.Taking("e-vlt-1", "e-lead-3", "ill")
    relieving.relieve(database, taking, small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


def _evacuate(database: Database) -> None:
    evacuating.evacuate(database, "fire", "e-lead-1", None, emulated=True)


def _come_back(database: Database) -> None:
    evacuating.come_back(database, small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


ACTS: dict[str, Callable[[Database], None]] = {
    "hand-over": _hand_over,
    "relieve": _relieve,
    "evacuate": _evacuate,
    "return": _come_back,
}


class Fuse:
    """Counts boundaries and kills this process at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def burn(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _act(keys: Path, url: str, act: str, at: int) -> None:
    fuse = Fuse(at)
    send = statements.drive

    def drive(*arguments: object) -> object:
        fuse.burn()
        return send(*arguments)  # type: ignore[arg-type]

    with Database(url, keyring=Keyring(keys), on_commit=fuse.burn) as database:
        statements.drive = drive  # type: ignore[assignment]
        event.listen(Engine, "before_cursor_execute", fuse.burn)
        ACTS[act](database)


def _tell(keys: Path, url: str) -> None:
    with Database(url, keyring=Keyring(keys)) as database, database.read() as conn:
        said = {name: [list(row) for row in conn.execute(text(sql))] for name, sql in TELLS.items()}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _in_a_child(work: Callable[[], None]) -> int:
    """Its exit status; negative where a signal ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except StationError:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(keys: Path, url: str, act: str, stride: int) -> int:
    """Kill at one boundary after another; 0 once an act ended alive."""
    for at in range(1, MOST, stride):
        status = _in_a_child(lambda at=at: _act(keys, url, act, at))  # type: ignore[misc]
        if _in_a_child(lambda: _tell(keys, url)):
            return 1
        if status != -signal.SIGKILL:
            return status
    return 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
