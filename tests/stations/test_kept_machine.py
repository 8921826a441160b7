"""A machine kept at a station: opened when needed, opened again when lost, and never made to act twice unasked."""

import pickle
import time

import pytest

from devices.errors import DeviceError, PortLostError
from stations.kept_machine import KeptMachine, MachineStandsError


class Lamp:
    """A machine that is lost as often as it is told to."""

    machine = "lamp-01"

    def __init__(self, losses=0):
        self.losses = losses
        self.opened = self.lit = 0

    def open(self):
        self.opened += 1

    def close(self):
        pass

    def light(self):
        self.lit += 1
        if self.losses:
            self.losses -= 1
            raise PortLostError("port", "unplugged")
        return "light"


def test_what_bears_repeating_is_asked_again_over_a_fresh_session():
    """Until it answers; the session then stays open."""
    lamp = Lamp(losses=1)
    kept = KeptMachine(lamp)
    assert [kept.ask(Lamp.light) for _ in range(2)] == ["light", "light"]
    assert (lamp.opened, lamp.lit) == (2, 3)


def test_what_does_not_bear_repeating_is_done_once():
    """Its error is the caller's business; the next use opens anew."""
    lamp = Lamp(losses=1)
    kept = KeptMachine(lamp)
    with pytest.raises(PortLostError):
        kept.once(Lamp.light)
    assert (lamp.opened, lamp.lit) == (1, 1)
    assert kept.once(Lamp.light) == "light"
    assert lamp.opened == 2


def test_a_machine_that_does_not_come_back_is_told_by_name():
    """With the fault and the next step; opening ahead of time tells nothing yet."""

    class Absent(Lamp):
        def open(self):
            raise DeviceError("no such port")

    kept = KeptMachine(Absent(), comes_back_s=0.0)
    kept.open()
    with pytest.raises(MachineStandsError, match=r"no such port \(lamp-01 stands\)") as stands:
        kept.once(Lamp.light)
    assert pickle.loads(pickle.dumps(stands.value)).machine == "lamp-01"


def test_a_machine_counts_as_lost_from_when_that_was_seen():
    """An act that takes longer than a machine is waited for, until it is known to have failed, is done again too."""

    class Slow(Lamp):
        def light(self):
            time.sleep(0.06)
            return super().light()

    # Two faults, one after the other, are no machine that does not come back.
    lamp = Slow(losses=2)
    assert KeptMachine(lamp, comes_back_s=0.05).ask(Slow.light) == "light"
    assert lamp.opened == 3
