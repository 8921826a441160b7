"""A process of its own that sits at the packing desk and books for it, and is killed at every boundary.

Arguments: the line's folder, the database's url, how far the boundaries are apart; see `killed_everywhere`. What it is
about to send it writes into a file first, as a desk's browser does, and sends again when it comes back.
"""

import sys
from pathlib import Path

from at_once import packing_at
from killed_everywhere import sweep

from devices.emulation.hands import Hands
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.by import By
from stations.emulated_staff import EmulatedPacker
from stations.packing import boxes, desk_booking, matching, showing
from stations.packing.station import slip
from stations.qc.pieces import pieces_of_tray
from stations.trays import unfinished_trays

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


def main(folder: Path, url: str, stride: int) -> int:
    """Kill the desk at one boundary after another; 0 once one that lived has booked all."""

    def work(database: Database) -> None:
        _work(database, folder, EmulatedPacker(Hands(folder / "world", folder / "machines")))

    return sweep(url, folder / "signing", work, TELLS, stride)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
