"""Emulator of the card personalizer."""

from __future__ import annotations

from devices.emulation.emulator import EmulatorSetup
from devices.emulation.machine import Pace
from devices.emulation.personalizer import PersonalizerEmulator

MODEL = "card-personalizer"
PACE = Pace(feed_s=2.0, chip_s=14.0, print_s=18.0, eject_s=2.0)


def emulate(setup: EmulatorSetup) -> PersonalizerEmulator:
    """Make an emulated card personalizer."""
    return PersonalizerEmulator(MODEL, setup, PACE)
