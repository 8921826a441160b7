"""Desk and run end before or after any commit and any act of a hand: nothing of an inspection is lost or doubled."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from read_by_hand import means_by_hand
from small_qc import QcDesk

from handoff_logs.records import new_id
from stations.qc import at_desks, in_hand, inspecting, overview
from stations.qc.errors import InspectionBookedError
from stations.qc.reading_back import Means

MOST = 200
TELLS = {
    "in two hands": "SELECT count(*) - count(DISTINCT document_unit) FROM qc_hold WHERE ended_us IS NULL",
    "decided twice": "SELECT count(*) - count(DISTINCT document_unit) FROM qc_decision WHERE undone_us IS NULL",
    "decided without an end": "SELECT count(*) FROM qc_hold h WHERE (ended_how = 'decided') <> EXISTS"
    " (SELECT 1 FROM qc_decision d WHERE d.hold_id = h.hold_id)",
    "booked otherwise": "SELECT count(*) FROM inspection i WHERE NOT EXISTS (SELECT 1 FROM qc_decision d WHERE"
    " d.document_unit = i.document_unit AND d.undone_us IS NULL AND d.outcome = i.outcome AND d.codes = i.codes)",
    "half booked": "SELECT count(*) FROM whereabouts w JOIN inspection i ON i.document_unit = w.unit_id"
    " WHERE w.station = 'qc' AND w.state = 'held' AND w.place = 'input'",
    "voided without two": "SELECT count(*) FROM inspection i WHERE outcome = 'fail' AND NOT EXISTS"
    " (SELECT 1 FROM qc_void v WHERE v.document_unit = i.document_unit)",
    "remade twice or never": "SELECT (SELECT count(*) FROM unit_number WHERE kind = 'order' AND number LIKE '%/2')"
    " - (SELECT count(*) FROM inspection WHERE outcome = 'fail')",
}


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Counts boundaries and ends everything at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed

    def around(self, real: Any, *names: str) -> Any:
        """The same object, with a boundary before and after each call of these names."""
        fuse = self

        class Fused:
            def __getattr__(self, name: str) -> Any:
                found = getattr(real, name)
                if name not in names:
                    return found

                def call(*arguments: Any, **more: Any) -> Any:
                    fuse.burn()
                    result = found(*arguments, **more)
                    fuse.burn()
                    return result

                return call

        return Fused()


def work(desk: QcDesk, tray: str, fuse: Fuse, kept: dict[str, Any]) -> None:
    """Read, decide, undo the first one once, sign, book; what is about to be sent is kept first, as a browser does."""
    here = replace(desk.here, database=fuse.around(desk.database, "write"))
    hands = fuse.around(desk.means.desk, "put", "deface", "insert", "take_back")
    means = Means(hands, desk.means.readers, desk.means.trust_anchor)
    ann = desk.by["ann"]

    def send() -> None:
        if "unsent" in kept:
            inspecting.decide(here, ann, *kept["unsent"])
            kept.setdefault("undo", kept.pop("unsent")[1])

    def decide_all() -> None:
        while True:
            with here.database.read() as conn:
                waiting = overview.next_to_take(conn, here, ann)
            if not waiting:
                return
            hold = in_hand.take(here, ann, waiting[0][1]).hold_id
            codes = ("print",) if waiting[0][1] == kept["bad"] else ()
            kept["unsent"] = (hold, new_id(), codes)
            send()

    at_desks.read_tray(here, tray, means)
    send()
    decide_all()
    if not kept.get("undone"):
        with suppress(InspectionBookedError):
            inspecting.undo(here, ann, kept["undo"])
        kept["undone"] = True
        decide_all()
    with here.database.read() as conn:
        unsigned = [each for there in overview.trays(conn, here) for each in there.unsigned]
    for each in unsigned:
        inspecting.sign_void(here, each.decision_id, desk.two("ann", "lead"))
    at_desks.book_signed(here, tray, hands)
    at_desks.book_decided(here, tray, hands)


@pytest.mark.crash
def test_a_desk_and_a_run_that_end_at_any_boundary_lose_and_double_nothing(line, dense):
    """Whatever was committed stands, and the next one goes on from there."""
    desk = QcDesk.of(line, means_by_hand(line))
    tray = desk.make(3)
    kept: dict[str, Any] = {"bad": desk.serials()[1]}
    killed = 0
    for at in range(1, MOST, 1 if dense else 2):
        try:
            work(desk, tray, Fuse(at), kept)
        except Killed:
            killed += 1
            told = {name: desk.rows(query)[0][0] for name, query in TELLS.items()}
            assert set(told.values()) == {0}, (at, told)
        else:
            break
    assert killed > 8
    assert sorted(desk.rows("SELECT outcome, count(*) FROM inspection GROUP BY outcome")) == [("fail", 1), ("pass", 2)]
    assert [offer.unit_count for offer in line.waiting("packing")] == [2]
    assert [offer.unit_count for offer in line.waiting("personalization")] == [1]
    assert desk.rows("SELECT count(*) FROM custody_event WHERE act = 'void'") == [(1,)]
    assert desk.begun() == []
