"""A process of its own that sits at the review desk and is killed at every boundary, until all is booked.

Arguments: the line's folder, the database's url, how far the boundaries are apart; see `killed_everywhere`. What it is
about to send it writes into a file first, as a desk's browser does, and sends again when it comes back.
"""

import sys
from contextlib import suppress
from pathlib import Path

from at_once import desk_at
from killed_everywhere import sweep

from handoff_logs import offers
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.review import decisions, leases, station
from stations.review.decisions import Verdict, decision_of
from stations.review.errors import TooLateToUndoError
from stations.trays import unfinished_trays

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


def main(folder: Path, url: str, stride: int) -> int:
    """Kill the desk at one boundary after another; 0 once one that lived has booked all."""
    return sweep(url, folder / "signing", lambda database: _work(database, folder), TELLS, stride)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
