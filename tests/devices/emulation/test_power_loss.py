"""Power lost at any instant of a document's way, on a virtual clock: nothing moved that the journal doesn't know of."""

from pathlib import Path

import pytest

from devices.book_personalizer.driver import BookPersonalizer
from devices.book_personalizer.emulator import PACE, emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.world import Tally
from devices.errors import DeviceError
from devices.fake_transport import FakeTransport
from devices.jobs import RESULTS, Disposition, MachineJobState
from devices.piece import PieceData
from devices.roles import JobResult
from devices.session import Patience

JOBS = ("0" * 31 + "1", "0" * 31 + "2")
BLANKS = ("E1", "E2", "E3")
PLACES = {
    Disposition.GOOD_STACK: "book-01:good",
    Disposition.REJECT_BIN: "book-01:reject",
    Disposition.HOLD_STACK: "book-01:hold",
}
ONE_DOCUMENT_S = PACE.feed_s + PACE.chip_s + PACE.print_s + PACE.eject_s
PATIENT = Patience(session_s=100.0, reply_s=100.0, motion_s=100.0, longest_s=300.0)


class PowerFailsError(DeviceError):
    """The virtual clock has come to the instant of the power loss."""


class Failing:
    """An emulator whose power fails at `at_s` on the virtual clock."""

    def __init__(self, folder: Path, at_s: float) -> None:
        self.emulator = emulate(EmulatorSetup("book-01", "BP-1", folder / "machine", folder / "world"))
        self.at_s = at_s

    @property
    def next_deadline_s(self) -> float | None:
        """As the emulator's, but not after the power loss."""
        due_s = self.emulator.next_deadline_s
        return self.at_s if due_s is None else min(due_s, self.at_s)

    def turn(self, data: bytes, now_s: float) -> bytes:
        """As the emulator's until the power fails."""
        if now_s >= self.at_s:
            raise PowerFailsError
        return self.emulator.turn(data, now_s)


def run(folder: Path, at_s: float, *, returning: bool) -> list[JobResult]:
    """Make two documents, the second drawn during the first, until the power fails; what the host was told by then."""
    failing = Failing(folder, at_s)
    failing.emulator.control({"do": "load", "blanks": [[serial, "shelf"] for serial in BLANKS]})
    driver = BookPersonalizer("book-01", "BP-1", True, FakeTransport(failing), patience=PATIENT)
    told = []
    try:
        driver.open()
        driver.claim(1)
        prepare(driver, JOBS[0])
        driver.start(JOBS[0])
        prepare(driver, JOBS[1])
        told.append(driver.result(JOBS[0], 100))
        if returning:
            told.append(driver.return_blank(JOBS[1]))
        else:
            driver.start(JOBS[1])
            told.append(driver.result(JOBS[1], 100))
        driver.status(JOBS[1])
    except PowerFailsError:
        pass
    failing.emulator.lose_power()
    failing.emulator.close()
    return told


def prepare(driver: BookPersonalizer, job_id: str) -> None:
    """Draw and prepare."""
    serial = driver.feed(job_id)
    driver.prepare(job_id, PieceData("passport", serial, ("line",), portrait=job_id.encode()).encode())


@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("at_s", [0.01 + ONE_DOCUMENT_S * 2.1 * n / 60 for n in range(60)])
def test_every_blank_that_moved_belongs_to_a_job_in_the_journal(tmp_path: Path, at_s: float, returning: bool) -> None:
    (tmp_path / "machine").mkdir()
    told = run(tmp_path, at_s, returning=returning)

    emulator = emulate(EmulatorSetup("book-01", "BP-1", tmp_path / "machine", tmp_path / "world"))
    driver = BookPersonalizer("book-01", "BP-1", True, FakeTransport(emulator), patience=PATIENT)
    identity = driver.open()
    jobs = {status.job_id: status for status in map(driver.status, JOBS)}
    tally = Tally.read(tmp_path / "world")

    assert identity.balanced and identity.counters.in_path == 0
    moved = {serial for serial, seen in tally.pieces.items() if seen.place != "book-01:input"}
    assert moved == {job.blank_serial for job in jobs.values() if job.blank_serial}
    assert all(job.state is MachineJobState.ABSENT or job.state in RESULTS for job in jobs.values())
    assert [driver.result(result.job_id, 1) for result in told] == told
    for job in jobs.values():
        if job.disposition in PLACES:
            assert tally.pieces[job.blank_serial].place == PLACES[job.disposition]
    assert all(seen.made <= 1 for seen in tally.pieces.values())
    driver.close()
    emulator.close()
