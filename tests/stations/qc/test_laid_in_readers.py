"""Where people carry pieces themselves, they lay any of a tray into a reader, and it is known by its own serial."""

from dataclasses import replace
from typing import Any

from read_by_hand import ByHand
from small_qc import QcDesk

from devices.errors import MachineRefusedError, NoAnswerError
from devices.roles import Reading
from stations.qc import at_desks
from stations.qc.own_hands import OwnHands
from stations.qc.readers import ReaderPool


class Slot(ByHand):
    """A reader that refuses to read where nothing lies, and that may be unplugged."""

    def __init__(self, line: Any) -> None:
        super().__init__(line)
        self.plugged, self.sessions = True, 0

    def open(self) -> None:
        self.sessions += 1

    def read(self, timeout_s: float) -> Reading:
        if not self.plugged:
            raise NoAnswerError(self.machine, "read", "", 1.0)
        if not self.inside:
            raise MachineRefusedError(self.machine, "read", "NO_PIECE", "", "", 0)
        return super().read(timeout_s)


def laid(desk: QcDesk) -> tuple[Slot, Any]:
    """A reader of that kind, and what QC reads with."""
    slot = Slot(desk.line)
    pool = ReaderPool({slot.machine: slot})  # type: ignore[dict-item]
    return slot, replace(desk.means, desk=OwnHands(), readers=pool)


def read_of(desk: QcDesk) -> list[str]:
    query = "SELECT j.blank_serial FROM qc_reading AS r JOIN job AS j ON j.document_unit = r.document_unit ORDER BY 1"
    return [row[0] for row in desk.line.facts(query)]


def serials(desk: QcDesk) -> list[str]:
    return [
        row[0] for row in desk.line.facts("SELECT blank_serial FROM job WHERE document_unit IS NOT NULL ORDER BY 1")
    ]


def test_any_piece_that_lies_in_a_reader_is_read_once_and_kept(desk: QcDesk) -> None:
    desk.make(3)
    slot, means = laid(desk)
    assert at_desks.read_what_lies(desk.here, means) == 0
    first, second, third = serials(desk)
    slot.inside = second
    assert [at_desks.read_what_lies(desk.here, means) for _ in range(2)] == [1, 0]
    slot.inside = first
    assert at_desks.read_what_lies(desk.here, means) == 1
    assert read_of(desk) == [first, second] and third not in read_of(desk)


def test_a_piece_that_is_not_at_qc_is_passed_over(desk: QcDesk) -> None:
    desk.make(1)
    desk.hand_on(1, seed=2)
    slot, means = laid(desk)
    elsewhere = serials(desk)[1]
    slot.inside = elsewhere
    assert at_desks.read_what_lies(desk.here, means) == 0
    assert read_of(desk) == []


def test_a_reader_that_fails_is_asked_again_and_holds_nothing_up(desk: QcDesk) -> None:
    desk.make(1)
    slot, means = laid(desk)
    slot.inside, slot.plugged = serials(desk)[0], False
    assert at_desks.read_what_lies(desk.here, means) == 0
    assert slot.sessions == 1
    slot.plugged = True
    assert at_desks.read_what_lies(desk.here, means) == 1
