"""A process of its own that sits at the packing desk and books for it, and kills itself at every boundary.

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
from pathlib import Path

from at_once import packing_at
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from devices.emulation.hands import Hands
from handoff_logs import statements
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from handoff_logs.records import new_id
from stations.by import By
from stations.emulated_staff import EmulatedPacker
from stations.packing import boxes, desk_booking, matching, showing
from stations.packing.station import slip
from stations.qc.pieces import pieces_of_tray
from stations.trays import unfinished_trays

MOST = 900
BY = By("e-pck-9")
TELLS = {
    "matched twice": "SELECT count(document_unit) - count(DISTINCT document_unit) FROM packing_match",
    "two open boxes": "SELECT count(*) - count(DISTINCT office) FROM packing_box WHERE closed_us IS NULL",
    "packed without a match": "SELECT count(*) FROM whereabouts w WHERE w.kind = 'document' AND w.state = 'packed'"
    " AND NOT EXISTS (SELECT 1 FROM packing_match m WHERE m.document_unit = w.unit_id AND m.outcome = 'matched')",
    "in another's box": "SELECT count(*) FROM whereabouts d JOIN parcel p ON p.parcel_unit = d.container JOIN job j"
    " ON j.document_unit = d.unit_id JOIN application a ON a.application_id = j.application_id"
    " WHERE p.office <> a.office",
    "held otherwise": "SELECT count(*) FROM packing_mismatch x WHERE NOT EXISTS (SELECT 1 FROM packing_match m"
    " WHERE m.match_id = x.mismatch_id AND m.outcome = 'mismatch' AND m.document_unit = x.document_unit)",
    "parcels of other counts": "SELECT count(*) FROM parcel p WHERE p.documents <> (SELECT count(*) FROM whereabouts w"
    " WHERE w.container = p.parcel_unit)",
    "packed": "SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'",
    "held": "SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'doubt' AND place = 'hold'",
    "offered": "SELECT count(*) FROM whereabouts WHERE kind = 'parcel' AND state = 'offered'",
    "parcels": "SELECT count(*) FROM parcel",
}


class Fuse:
    """Counts boundaries and kills this process at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def burn(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _work(database: Database, folder: Path, packer: EmulatedPacker) -> None:
    """Scan every piece, the first with another's order; close every box; book all."""
    here, unsent = packing_at(database, folder / "keys"), folder / "unsent"
    if unsent.exists():
        match_id, *codes = unsent.read_text().split("\n")
        matching.match(here, BY, match_id, codes)
    while True:
        with database.read() as conn:
            left = showing.left(conn, here.station)
            if not left:
                break
            tray = left[0].tray
            undecided = showing.undecided(conn, here.station, tray)
            pieces = [each for each in pieces_of_tray(conn, here.station, tray) if each.unit_id in undecided]
        own = slip(pieces[0])
        codes = [own.number, own.order, own.envelope]
        wrong = folder / "wrong"
        if len(pieces) > 1 and not wrong.exists():
            wrong.write_text(own.number)
        if wrong.exists() and wrong.read_text() == own.number:
            codes[1] = slip(pieces[-1]).order
        match_id = new_id()
        unsent.write_text("\n".join([match_id, *codes]))
        matching.match(here, BY, match_id, codes)
    with database.read() as conn:
        found = boxes.open_boxes(conn)
    for box in found:
        boxes.close(here, BY, box.box_id)
    for _ in range(2):
        for tray in dict.fromkeys([*unfinished_trays(here), *desk_booking.waiting(here)]):
            assert desk_booking.book(here, tray, packer) is not None


def _act(folder: Path, url: str, at: int) -> None:
    fuse = Fuse(at)
    send = statements.drive

    def drive(*arguments: object) -> object:
        fuse.burn()
        return send(*arguments)  # type: ignore[arg-type]

    hands = Hands(folder / "world", folder / "machines")
    with Database(url, keyring=Keyring(folder / "signing"), on_commit=fuse.burn) as database:
        statements.drive = drive  # type: ignore[assignment]
        event.listen(Engine, "before_cursor_execute", fuse.burn)
        _work(database, folder, EmulatedPacker(hands))


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
