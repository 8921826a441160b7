"""The drivers and their session, against a real emulator on a virtual clock."""

from hashlib import sha256

import pytest

from devices.book_personalizer.driver import BookPersonalizer
from devices.card_personalizer.driver import CardPersonalizer
from devices.errors import (
    DeviceError,
    LinkDownError,
    MachineRefusedError,
    NoAnswerError,
    PortLostError,
    PortUnavailableError,
    SessionClosedError,
    WrongMachineError,
)
from devices.fake_transport import Direction
from devices.jobs import Disposition, MachineJobState
from devices.piece import PieceData
from devices.session import Patience

JOB, NEXT_JOB = "1" * 32, "2" * 32
LONG_S = 120.0


def piece(serial: str, portrait: bytes = b"portrait" * 3000) -> bytes:
    return PieceData("passport", serial, ("P<", "E1"), {"name": "Li"}, portrait, {"DG1": b"one"}).encode()


def make(workbench, job: str = JOB):
    """Make one document from FEED to RESULT; its result."""
    driver = workbench.driver
    serial = driver.feed(job)
    driver.prepare(job, piece(serial))
    driver.start(job)
    return driver.result(job, LONG_S)


def test_a_document_is_made_and_its_result_released(workbench) -> None:
    workbench.claimed()
    result = make(workbench)
    assert (result.made, result.disposition) == (True, Disposition.GOOD_STACK)
    workbench.driver.release(JOB, result.result_hash)
    identity = workbench.driver.hello()
    assert identity.open_jobs == ()
    assert identity.balanced
    assert workbench.stack("good") == [result.blank_serial]


def test_the_next_job_is_drawn_and_prepared_while_one_is_at_work(workbench) -> None:
    workbench.claimed()
    driver = workbench.driver
    driver.prepare(JOB, piece(driver.feed(JOB)))
    driver.start(JOB)
    serial = driver.feed(NEXT_JOB)
    driver.prepare(NEXT_JOB, piece(serial))
    assert driver.status(JOB).state is MachineJobState.WORKING
    first = driver.result(JOB, LONG_S)
    driver.start(NEXT_JOB)
    driver.release(JOB, first.result_hash)
    assert driver.result(NEXT_JOB, LONG_S).blank_serial == serial
    assert len(workbench.stack("good")) == 2


def test_the_same_job_asked_twice_moves_one_blank(workbench) -> None:
    workbench.claimed()
    driver = workbench.driver
    serial = driver.feed(JOB)
    assert driver.feed(JOB) == serial
    driver.prepare(JOB, piece(serial))
    driver.prepare(JOB, piece(serial))
    driver.start(JOB)
    driver.start(JOB)
    driver.result(JOB, LONG_S)
    with pytest.raises(MachineRefusedError):
        driver.feed(JOB)
    assert driver.hello().counters.fed == 1


def test_the_same_job_with_other_data_is_refused(workbench) -> None:
    workbench.claimed()
    serial = workbench.driver.feed(JOB)
    workbench.driver.prepare(JOB, piece(serial))
    with pytest.raises(MachineRefusedError) as refusal:
        workbench.driver.prepare(JOB, piece(serial, portrait=b"another"))
    assert (refusal.value.code, refusal.value.job_id) == ("OTHER_DATA", JOB)


def test_nothing_moves_without_a_claim(workbench) -> None:
    workbench.driver.open()
    with pytest.raises(MachineRefusedError) as refusal:
        workbench.driver.feed(JOB)
    assert refusal.value.code == "NOT_CLAIMED"
    assert workbench.driver.hello().counters.fed == 0


def test_a_fence_that_was_overtaken_is_refused_for_good(workbench) -> None:
    workbench.claimed(fence=7)
    with pytest.raises(MachineRefusedError) as refusal:
        workbench.driver.claim(6)
    assert (refusal.value.code, refusal.value.detail) == ("STALE_FENCE", 7)
    workbench.driver.open()
    with pytest.raises(MachineRefusedError):
        workbench.driver.claim(7)
    workbench.driver.claim(8)


def test_an_unmarked_blank_goes_back_to_the_hold_stack(workbench) -> None:
    workbench.claimed()
    serial = workbench.driver.feed(JOB)
    result = workbench.driver.return_blank(JOB)
    assert (result.state, result.blank_serial) == (MachineJobState.RETURNED, serial)
    assert workbench.stack("hold") == [serial]


def test_a_voided_job_is_refused_for_ever(workbench) -> None:
    workbench.claimed()
    assert workbench.driver.void(JOB).state is MachineJobState.VOIDED
    workbench.restart_machine()
    workbench.claimed(fence=2)
    with pytest.raises(MachineRefusedError) as refusal:
        workbench.driver.feed(JOB)
    assert refusal.value.state == "VOIDED"


def test_a_wrong_release_is_told_by_the_next_call(workbench) -> None:
    workbench.claimed()
    result = make(workbench)
    workbench.driver.release(JOB, sha256(b"another result").hexdigest())
    workbench.driver.hello()
    with pytest.raises(MachineRefusedError) as refusal:
        workbench.driver.hello()
    assert refusal.value.code == "OTHER_RESULT"
    assert workbench.driver.result(JOB, LONG_S) == result


@pytest.mark.parametrize(
    ("driver_class", "serial", "emulated", "fact"),
    [
        (BookPersonalizer, "BP-2", True, "serial"),
        (BookPersonalizer, "BP-1", False, "mode"),
        (CardPersonalizer, "BP-1", True, "model"),
    ],
)
def test_another_machine_than_configured_is_refused(workbench, driver_class, serial, emulated, fact) -> None:
    driver = driver_class("book-01", serial, emulated, workbench.transport)
    with pytest.raises(WrongMachineError) as refusal:
        driver.open()
    assert refusal.value.fact == fact
    with pytest.raises(SessionClosedError):
        driver.hello()


def test_a_slow_machine_is_asked_for_its_status_not_for_a_second_blank(workbench) -> None:
    workbench.driver = workbench.make_driver(workbench.transport, patience=Patience(motion_s=0.5))
    workbench.claimed()
    serial = workbench.driver.feed(JOB)
    assert serial == workbench.stack("path")[0]
    assert workbench.driver.hello().counters.fed == 1


def test_a_result_that_is_not_there_in_time_may_still_come(workbench) -> None:
    workbench.claimed()
    driver = workbench.driver
    driver.prepare(JOB, piece(driver.feed(JOB)))
    driver.start(JOB)
    with pytest.raises(NoAnswerError) as silence:
        driver.result(JOB, 1.0)
    assert silence.value.job_id == JOB
    assert driver.result(JOB, LONG_S).made


def test_a_result_told_while_nobody_listened_is_asked_for(workbench) -> None:
    workbench.claimed()
    driver = workbench.driver
    driver.prepare(JOB, piece(driver.feed(JOB)))
    driver.start(JOB)
    workbench.transport.hang_up("cable pulled")
    with pytest.raises(PortLostError):
        driver.result(JOB, LONG_S)
    workbench.claimed(fence=2)
    assert driver.result(JOB, LONG_S).made


def test_a_machine_that_lost_power_says_unknown_and_moves_nothing(workbench) -> None:
    workbench.claimed()
    driver = workbench.driver
    serial = driver.feed(JOB)
    driver.prepare(JOB, piece(serial))
    driver.start(JOB)
    workbench.restart_machine()
    workbench.claimed(fence=2)
    result = driver.result(JOB, LONG_S)
    assert (result.certain, result.state) == (False, MachineJobState.UNKNOWN)
    assert workbench.stack("reject") == [serial]


def test_an_unplugged_port_is_unavailable_and_a_silent_one_is_given_up(workbench) -> None:
    workbench.transport.plugged_in = False
    with pytest.raises(PortUnavailableError):
        workbench.driver.open()
    workbench.transport.plugged_in = True
    workbench.transport.line = lambda direction, data: b""
    with pytest.raises(DeviceError) as silence:
        workbench.driver.open()
    assert isinstance(silence.value, LinkDownError | NoAnswerError)


class Trouble:
    """Loses, doubles or damages every third piece of bytes on the line."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, direction: Direction, data: bytes) -> bytes:
        self.count += 1
        troubles = {0: b"", 3: data + data, 6: data[: len(data) // 2], 9: b"\x00" + data[1:]}
        return troubles.get(self.count % 12, data)


def test_documents_are_made_once_over_a_bad_line(workbench) -> None:
    workbench.transport.line = Trouble()
    workbench.claimed()
    for number in range(4):
        job = f"{number:032x}"
        result = make(workbench, job)
        assert result.made
        workbench.driver.release(job, result.result_hash)
    counters = workbench.driver.hello().counters
    assert (counters.fed, counters.good) == (4, 4)
    assert workbench.transport.line.count > 30


def test_the_journal_lists_everything_in_pages(workbench) -> None:
    workbench.claimed()
    for number in range(8):
        job = f"{number:032x}"
        workbench.driver.release(job, make(workbench, job).result_hash)
    entries = workbench.driver.journal(0)
    assert [entry.position for entry in entries] == list(range(1, 49))
    assert workbench.driver.journal(40) == entries[39:]
    assert sum(entry.released for entry in entries) == 8


def test_garbage_from_the_machine_is_ignored(workbench) -> None:
    workbench.claimed()
    noise = [b"~" + bytes(range(256)) * 40, b"\x7d" * 999, b"\x1a~~~"]
    workbench.transport.line = lambda direction, data: (noise.pop() if noise else b"") + data
    assert make(workbench).made


def test_a_late_answer_to_an_abandoned_request_is_dropped(workbench) -> None:
    workbench.claimed()
    held: list[bytes] = []

    def hold_back(direction: Direction, data: bytes) -> bytes:
        if direction == "to machine":
            return data
        held.append(data)
        return b""

    workbench.transport.line = hold_back
    impatient = workbench.driver
    impatient._patience = impatient._session.patience = Patience(reply_s=0.05)
    with pytest.raises(NoAnswerError):
        impatient.status(JOB)
    impatient._session.patience = Patience()
    workbench.transport.line = lambda direction, data: data
    assert impatient.hello().serial == "BP-1"
    assert impatient._session.ignored == 1


def test_release_sends_without_waiting(workbench) -> None:
    workbench.claimed()
    result = make(workbench)
    before_s = workbench.transport.now_s
    workbench.driver.release(JOB, result.result_hash)
    assert workbench.transport.now_s == before_s
    workbench.driver.close()
    workbench.driver.open()
    assert workbench.driver.status(JOB).released
