"""The real emulator process, killed at random instants: its memory never contradicts what physically happened."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from devices.emulation.world import Tally
from devices.errors import DeviceError, MachineRefusedError, NoAnswerError
from devices.jobs import RESULTS, Cause, Disposition, MachineJobState
from devices.roles import JobStatus, Personalizer

KILLS = 8


def settle(line: Any, machine: Personalizer, number: int) -> JobStatus:
    """What a host does after a restart: ask STATUS, release what has ended."""
    status = machine.status(line.job(number))
    if status.state in RESULTS and not status.released:
        machine.release(status.job_id, machine.result(status.job_id, 5).result_hash)
    return status


def check_physics(line: Any, machine: Personalizer) -> None:
    """Counters balance, and every piece lies where the journal says, or the journal says that it doesn't know."""
    assert machine.hello().balanced
    stacks = {
        Disposition.GOOD_STACK: set(line.hands.look("book-01").good),
        Disposition.REJECT_BIN: set(line.hands.look("book-01").reject),
        Disposition.HOLD_STACK: set(line.hands.look("book-01").hold),
    }
    last = {entry.job_id: entry for entry in machine.journal(1)}
    drawn = Counter(entry.blank_serial for entry in last.values() if entry.blank_serial)
    assert set(drawn.values()) <= {1}
    for entry in last.values():
        if entry.disposition in stacks and entry.blank_serial:
            assert entry.blank_serial in stacks[entry.disposition], entry
    assert set().union(*stacks.values()) == set(drawn)
    assert set(line.made().values()) <= {1}


@pytest.mark.crash
@pytest.mark.parametrize("speed", [0.0, 900.0])
def test_killed_at_random_instants_it_never_moves_twice_for_a_job(lines: Callable[..., Any], speed: float) -> None:
    """Every job is sent again under its own id until it has ended; the tally counts the blanks that each one cost."""
    line = lines(speed=speed)
    line.load(150)
    dice = random.Random(5)
    number = kills = 0
    while kills < KILLS:
        machine = line.open()
        pid = line.supervisor.pid("book-01")
        timer = threading.Timer(dice.uniform(0.0, 0.25), os.kill, (pid, signal.SIGKILL))
        timer.start()
        try:
            while True:
                if settle(line, machine, number).state is MachineJobState.ABSENT:
                    line.make(machine, number)
                number += 1
        except DeviceError:
            kills += 1
        timer.join()
        line.await_death()
        machine.close()
        line.supervisor.ensure()
    machine = line.open()
    for earlier in range(number + 1):
        settle(line, machine, earlier)
    check_physics(line, machine)
    assert machine.hello().open_jobs == ()
    machine.close()

    tally = Tally.read(line.folder / "world")
    identities = Counter(seen.identity for seen in tally.pieces.values() if seen.made)
    assert set(identities.values()) == {1}
    assert number > KILLS


def test_after_a_restart_a_job_at_work_is_unknown_and_its_piece_is_rejected(lines: Callable[..., Any]) -> None:
    line = lines(speed=20.0)
    line.load(3)
    machine = line.open()
    at_work = line.prepared(machine, 1)
    machine.start(line.job(1))
    waiting = line.prepared(machine, 2)
    os.kill(line.supervisor.pid("book-01"), signal.SIGKILL)
    line.await_death()
    machine.close()
    line.supervisor.ensure()

    machine = line.open()
    working, prepared = machine.status(line.job(1)), machine.status(line.job(2))
    assert (working.state, working.blank_serial) == (MachineJobState.UNKNOWN, at_work)
    assert (prepared.state, prepared.blank_serial) == (MachineJobState.FAILED, waiting)
    assert {working.disposition, prepared.disposition} == {Disposition.REJECT_BIN}
    assert {working.cause, prepared.cause} == {Cause.RESTART}
    assert set(line.hands.look("book-01").reject) == {at_work, waiting}
    assert line.hands.examine(waiting) is None
    assert line.hands.examine(at_work) is not None
    check_physics(line, machine)
    machine.close()


def test_power_loss_is_survived_like_a_kill(lines: Callable[..., Any]) -> None:
    line = lines(speed=20.0)
    line.load(3)
    machine = line.open()
    line.prepared(machine, 1)
    machine.start(line.job(1))
    line.supervisor.control("book-01").end("power-loss")
    line.await_death()
    machine.close()
    line.supervisor.ensure()

    machine = line.open()
    assert machine.status(line.job(1)).state is MachineJobState.UNKNOWN
    check_physics(line, machine)
    machine.close()


def test_a_machine_with_a_torn_journal_is_held_until_a_person_resumes_it(line: Any) -> None:
    line.load(5)
    machine = line.open()
    line.make(machine, 1)
    line.prepared(machine, 2)
    identity = machine.hello().journal_id
    os.kill(line.supervisor.pid("book-01"), signal.SIGKILL)
    line.await_death()
    machine.close()
    journal = line.folder / "machines" / "book-01" / "journal"
    journal.write_bytes(journal.read_bytes().rstrip(b"\0")[:-5])
    line.supervisor.ensure()

    machine = line.open()
    assert machine.hello().journal_id != identity
    assert machine.status(line.job(2)).state is MachineJobState.UNKNOWN
    with pytest.raises(MachineRefusedError, match="JOURNAL_FAULT"):
        machine.feed(line.job(3))
    with pytest.raises(MachineRefusedError, match="JOURNAL_FAULT"):
        machine.void(line.job(3))
    line.supervisor.control("book-01").ask("resume")
    assert line.make(machine, 3).made
    machine.close()


def test_asking_again_never_moves_again(line: Any) -> None:
    line.load(5)
    machine = line.open()
    serial = machine.feed(line.job(1))
    assert machine.feed(line.job(1)) == serial
    line.prepared(machine, 1)
    machine.start(line.job(1))
    result = machine.result(line.job(1), 5)
    with pytest.raises(MachineRefusedError, match="WRONG_STATE"):
        machine.start(line.job(1))
    with pytest.raises(MachineRefusedError, match="WRONG_STATE"):
        machine.feed(line.job(1))
    for _ in range(2):
        machine.release(line.job(1), result.result_hash)
        with pytest.raises(MachineRefusedError, match="WRONG_STATE"):
            machine.feed(line.job(1))
    assert machine.result(line.job(1), 0.1) == result
    assert machine.hello().counters.fed == 1
    assert line.made() == {serial: 1}
    machine.close()


def test_no_answer_is_no_reason_for_another_blank(lines: Callable[..., Any]) -> None:
    """A host that lost its port in the middle of a document asks STATUS in a new session, and the work has gone on."""
    line = lines(speed=100.0)
    line.load(2)
    machine = line.open()
    line.prepared(machine, 1)
    machine.start(line.job(1))
    machine.close()

    machine = line.open()
    with pytest.raises(NoAnswerError):
        machine.result(line.job(1), 0.01)
    assert machine.result(line.job(1), 10).made
    assert machine.hello().counters.fed == 1
    machine.close()
