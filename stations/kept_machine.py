"""A small machine at a station, used by one person at a time and opened again, for a while, when it was lost."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from copy import copy
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from devices.errors import DeviceError
from stations.errors import StationError
from stations.turns import Turns

_log = structlog.get_logger()

COMES_BACK_S: Final = 10.0
"""How long a machine that fails is asked again over fresh sessions: somebody switches it on, or plugs it in again."""
ASK_AGAIN_S: Final = 0.25
ACTS: Final = 3
"""Tried at least on a machine that comes back each time: faults follow one another, and an act takes long to fail."""


class MachineStandsError(StationError):
    """A machine of a station did not come back in time; the tray in work stays accepted there."""

    def __init__(self, machine: str, fault: str) -> None:
        super().__init__(machine, fault)
        self.machine, self.fault = machine, fault

    def __str__(self) -> str:
        return f"{self.fault} ({self.machine} stands); start the station again: the tray goes on from there"


class Openable(Protocol):
    """What every driver of a small machine has."""

    @property
    def machine(self) -> str:
        """The line's name for the machine."""
        ...

    def open(self) -> Any:
        """Open the port and check who answers."""
        ...

    def close(self) -> None:
        """Close the port."""
        ...


Machine = TypeVar("Machine", bound=Openable)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Shared:
    """What all who use one machine must agree on."""

    turns: Turns = field(default_factory=Turns)
    is_open: bool = False


class KeptMachine(Generic[Machine]):
    """A machine that is opened when first needed; threads take turns."""

    def __init__(self, machine: Machine, *, comes_back_s: float = COMES_BACK_S) -> None:
        """`machine` is a driver that is not open; it belongs to whoever made it, and is closed by `close`."""
        self._machine, self._comes_back_s = machine, comes_back_s
        self._shared = _Shared()
        self._first = False

    @property
    def name(self) -> str:
        """The line's name for the machine."""
        return self._machine.machine

    def first(self) -> "KeptMachine[Machine]":
        """The same machine for work of the green channel, whose turn comes before all others that wait for it."""
        ahead = copy(self)
        ahead._first = True
        return ahead

    def open(self) -> None:
        """Open it now rather than when it is first needed; what fails here is tried again then."""
        with self._turn(), suppress(DeviceError):
            self._open()

    def ask(self, act: Callable[[Machine], Answer]) -> Answer:
        """Do `act`, and again over fresh sessions where the machine fails: it must bear repeating.

        Raises MachineStandsError when the machine does not come back in time.
        """
        lost_s: float | None = None
        acts = 0
        with self._turn():
            while True:
                came_back = False
                try:
                    self._open()
                    came_back = True
                    return act(self._machine)
                except DeviceError as error:
                    if self._shared.is_open:
                        _log.warning("machine_lost", machine=self.name, error=type(error).__name__)
                    self.close()
                    # Counted from when it was lost: an act may itself take longer until it is known to have failed.
                    now_s = monotonic()
                    lost_s = now_s if lost_s is None else lost_s
                    acts += came_back
                    if now_s - lost_s >= self._comes_back_s and (acts >= ACTS or not came_back):
                        raise MachineStandsError(self.name, str(error)) from error
                time.sleep(ASK_AGAIN_S)

    def once(self, act: Callable[[Machine], Answer]) -> Answer:
        """Do `act` once on the open machine. Raises its DeviceError, or MachineStandsError if it can't be opened."""
        with self._turn():
            self.ask(lambda _: None)
            try:
                return act(self._machine)
            except DeviceError:
                self.close()
                raise

    def close(self) -> None:
        """Close the port; it is opened again when it is needed."""
        with self._turn():
            self._machine.close()
            self._shared.is_open = False

    def _turn(self) -> AbstractContextManager[None]:
        return self._shared.turns.taken(first=self._first)

    def _open(self) -> None:
        if not self._shared.is_open:
            self._machine.open()
            self._shared.is_open = True
