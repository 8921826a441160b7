"""A process of its own that sits at the review desk and kills itself at every boundary, until all is booked.

Arguments: the line's folder, the database's url, how far the boundaries are apart. A boundary is a statement about to
be sent, or an instant before or after a commit. What it is about to send it writes into a file first, as a desk's
browser does, and sends again when it comes back. After each death it tells what the database then holds, as JSON.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from at_once import desk_at
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from handoff_logs import offers, statements
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from handoff_logs.records import new_id
from stations.by import By
from stations.review import decisions, leases, station
from stations.review.decisions import Verdict, decision_of
from stations.review.errors import TooLateToUndoError
from stations.trays import unfinished_trays

MOST = 400
BY = By("e-rev-9")
TELLS = {
    "held twice": "SELECT count(*) - count(DISTINCT application_id) FROM review_lease WHERE ended_us IS NULL",
    "decided twice": "SELECT count(*) - count(DISTINCT application_id) FROM review_decision WHERE undone_us IS NULL",
    "decided without an end": "SELECT count(*) FROM review_lease l WHERE (ended_how = 'decided') <> EXISTS"
    " (SELECT 1 FROM review_decision d WHERE d.lease_id = l.lease_id)",
    "booked otherwise": "SELECT count(*) FROM review_verdict v WHERE NOT EXISTS (SELECT 1 FROM review_decision d"
    " WHERE d.application_id = v.application_id AND d.undone_us IS NULL AND d.outcome = v.outcome)",
    "half booked": "SELECT count(DISTINCT w.tray) FROM whereabouts w JOIN application a ON a.order_unit = w.unit_id"
    " WHERE w.station = 'review' AND w.state = 'held' AND w.place = 'input' AND a.state <> 'waiting'",
    "booked": "SELECT count(*) FROM review_verdict",
    "undone": "SELECT count(*) FROM review_decision WHERE undone_us IS NOT NULL",
}


class Fuse:
    """Counts boundaries and kills this process at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def burn(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _work(database: Database, folder: Path) -> None:
    """Accept, decide, undo the first one once, decide it again, book."""
    here, unsent = desk_at(database, folder / "keys"), folder / "unsent"
    with database.read() as connection:
        waiting = offers.waiting(connection, "review")
    for offer in waiting:
        station.accept_tray(here, offer)
    if unsent.exists():
        lease_id, decision_id, outcome = unsent.read_text().split()
        reasons = [] if outcome == "pass" else ["person_name"]
        decisions.decide(here, BY, Verdict(decision_id, lease_id, 1, 1, decision_of(outcome, reasons)))
    while held := leases.take(here, BY, ahead=1):
        for lease in held:
            outcome = ("pass", "return", "hold")[int(lease.application_id, 16) % 3]
            reasons = [] if outcome == "pass" else ["person_name"]
            sent = Verdict(new_id(), lease.lease_id, lease.revision, lease.round, decision_of(outcome, reasons))
            unsent.write_text(f"{sent.lease_id} {sent.decision_id} {outcome}")
            decisions.decide(here, BY, sent)
    if not (folder / "undone").exists():
        (folder / "undone").write_text(unsent.read_text().split()[1])
    with suppress(TooLateToUndoError):
        decisions.undo(here, BY, (folder / "undone").read_text())
    while held := leases.take(here, BY):
        for lease in held:
            decisions.decide(
                here, BY, Verdict(new_id(), lease.lease_id, lease.revision, lease.round, decision_of("pass", []))
            )
    for tray in unfinished_trays(here):
        assert station.book_decided(here, tray) is not None


def _act(folder: Path, url: str, at: int) -> None:
    fuse = Fuse(at)
    send = statements.drive

    def drive(*arguments: object) -> object:
        fuse.burn()
        return send(*arguments)  # type: ignore[arg-type]

    with Database(url, keyring=Keyring(folder / "signing"), on_commit=fuse.burn) as database:
        statements.drive = drive  # type: ignore[assignment]
        event.listen(Engine, "before_cursor_execute", fuse.burn)
        _work(database, folder)


def _tell(folder: Path, url: str) -> None:
    with Database(url, keyring=Keyring(folder / "signing")) as database, database.read() as conn:
        said = {name: conn.execute(text(sql)).scalar_one() for name, sql in TELLS.items()}
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
        except Exception:  # noqa: BLE001 (told, whatever it is)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(folder: Path, url: str, stride: int) -> int:
    """Kill at one boundary after another; 0 once all was booked by one that lived."""
    for at in range(1, MOST, stride):
        status = _in_a_child(lambda at=at: _act(folder, url, at))  # type: ignore[misc]
        if _in_a_child(lambda: _tell(folder, url)):
            return 1
        if status != -signal.SIGKILL:
            return status
    return 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
