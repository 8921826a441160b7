"""Turns at a machine: in the order of asking, and the green channel before all that wait."""

import threading
import time
from collections.abc import Callable

import pytest

from devices.errors import DeviceError
from stations.kept_machine import KeptMachine
from stations.qc.readers import NoReaderLeftError, ReaderPool
from stations.turns import Turns

PATIENCE_S = 10.0


def until(true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s
        time.sleep(0.001)


def queued(turns: Turns, order: list[str], *names: str) -> list[threading.Thread]:
    """Threads that wait for their turn, in this order; those with green in their name go first."""

    def work(name: str) -> None:
        with turns.taken(first="green" in name):
            order.append(name)

    threads = []
    for position, name in enumerate(names, len(turns._waiting) + 1):
        threads.append(threading.Thread(target=work, args=(name,)))
        threads[-1].start()
        until(lambda position=position: len(turns._waiting) == position)
    return threads


def test_the_green_channel_has_its_turn_after_the_one_at_work_and_before_all_that_wait():
    """Among themselves both go in the order of asking."""
    turns, order = Turns(), []
    with turns.taken():
        threads = queued(turns, order, "tray-1", "tray-2", "green-1", "green-2")
        assert order == []
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["green-1", "green-2", "tray-1", "tray-2"]


def test_whoever_has_had_a_turn_waits_behind_those_who_have_not():
    """A tray of many pieces must not keep the machine to its end."""
    turns, order = Turns(), []
    with turns.taken():
        threads = queued(turns, order, "other")
    with turns.taken():
        order.append("again")
    threads[0].join(PATIENCE_S)
    assert order == ["other", "again"]


def test_a_turn_is_held_to_the_end_of_its_outermost_block_and_given_back_after_a_failure():
    """An act that opens a machine anew nests its turns, and an act may fail."""
    turns, order = Turns(), []
    with pytest.raises(ZeroDivisionError), turns.taken():
        with turns.taken():
            pass
        threads = queued(turns, order, "other")
        assert order == []
        raise ZeroDivisionError
    threads[0].join(PATIENCE_S)
    assert order == ["other"]


class Slow:
    """A machine, and a reader, that does one thing after another when it is let."""

    machine = "slow-01"

    def __init__(self):
        self.may, self.began = threading.Semaphore(0), []

    def open(self):
        pass

    def close(self):
        pass

    def act(self, what):
        self.began.append(what)
        assert self.may.acquire(timeout=PATIENCE_S)

    def read(self, _timeout_s):
        self.act("read")
        return "reading"


def test_a_kept_machine_opened_once_serves_the_green_channel_first():
    """Its view for the green channel is the same machine: it is not opened again."""
    slow = Slow()
    opened = []
    slow.open = lambda: opened.append(1)
    kept = KeptMachine(slow)
    threads = []
    for position, (handle, what) in enumerate(
        [(kept, "tray"), (kept, "tray again"), (kept.first(), "green")],
    ):
        threads.append(threading.Thread(target=handle.ask, args=(lambda opened, what=what: opened.act(what),)))
        threads[-1].start()
        until(lambda position=position: len(slow.began) + len(kept._shared.turns._waiting) == position + 1)
    slow.may.release(3)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert slow.began == ["tray", "green", "tray again"]
    assert opened == [1]


class Hand:
    """Notes which piece is laid into a reader."""

    def __init__(self):
        self.inserted = []

    def insert(self, number, _reader):
        self.inserted.append(number)

    def take_back(self, number, reader, place):
        pass


def test_a_green_document_is_read_after_the_one_in_the_reader_whatever_else_waits():
    """Not after the tray of that one."""
    slow, hand = Slow(), Hand()
    pool = ReaderPool({"reader-01": slow})
    tray = threading.Thread(target=pool.read, args=(["1", "2", "3"], hand, "tray"))
    tray.start()
    until(lambda: slow.began == ["read"])
    green = threading.Thread(target=pool.read, args=(["green"], hand, "green"), kwargs={"first": True})
    green.start()
    until(lambda: len(pool._waiting) == 1)
    slow.may.release(4)
    for thread in (tray, green):
        thread.join(PATIENCE_S)
    assert hand.inserted == ["1", "green", "2", "3"]


def test_all_that_wait_learn_that_no_reader_is_left():
    """And nobody waits for ever."""

    class Broken:
        machine = "reader-01"

        def read(self, _timeout_s):
            raise DeviceError(self.machine)

        open = close = lambda self: None

    pool, refused = ReaderPool({"reader-01": Broken()}, comes_back_s=0.0), []

    def read(number):
        with pytest.raises(NoReaderLeftError):
            pool.read([number], Hand(), "tray")
        refused.append(number)

    threads = [threading.Thread(target=read, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(refused) == ["0", "1", "2"]
