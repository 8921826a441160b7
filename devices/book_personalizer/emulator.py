"""Emulator of the book personalizer."""

from __future__ import annotations

from devices.emulation.emulator import EmulatorSetup
from devices.emulation.machine import Pace
from devices.emulation.personalizer import PersonalizerEmulator

MODEL = "book-personalizer"
PACE = Pace(feed_s=4.0, chip_s=18.0, print_s=22.0, eject_s=4.0)


def emulate(setup: EmulatorSetup) -> PersonalizerEmulator:
    """Make an emulated book personalizer."""
    return PersonalizerEmulator(MODEL, setup, PACE)
