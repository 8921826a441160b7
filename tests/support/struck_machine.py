"""A machine of any protocol with faults on its line, as its process runs it, on a virtual clock."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from faulty_machine import Cable

from devices.emulation.emulator import Emulator
from devices.emulation.faults import Fault, FaultName, Faults, striking
from devices.emulation.line import Line
from devices.errors import DeviceError

NAME = "machine-01"
ATTEMPTS = 3
"""One that a fault strikes, one that its late bytes may still strike, and one that nothing does."""


@cache
def seed_for(name: FaultName, occasion: int, place: int = 0) -> int:
    """A seed with which a fault strikes at its `occasion`-th occasion, the first being 1; by `place` another one."""
    first = 0 if not place else 1 + seed_for(name, occasion, place - 1)
    return next(
        seed
        for seed in range(first, first + 100_000)
        if Fault(name, every=occasion, seed=seed).draw("occasion 0", occasion) == occasion - 1
    )


class Cabinet:
    """An emulator that is switched on again, by `make`, whenever a fault takes its power."""

    def __init__(self, driver: str, make: Callable[[Faults], Emulator]) -> None:
        self.faults = Faults(NAME, known=striking(driver))
        self.deaf = self.cut_off = False
        self.bursts = 0
        """How many bursts went over the line, both ways: the occasions that its faults had."""
        self._make = make
        self.emulator = make(self.faults)
        self._line = Line(self.faults)

    def turn(self, data: bytes, now_s: float) -> bytes:
        """As the process of an emulator turns it."""
        if self.deaf:
            data = b""
        replies = self.emulator.turn(self._line.to_machine(data, now_s), now_s)
        self.bursts += bool(data) + bool(replies)
        outgoing = self._line.to_host(replies, now_s)
        cut_off = self._line.take_hang_up()
        if cut_off is FaultName.POWER_LOSS:
            self.switch_off_and_on()
        self.deaf |= cut_off is FaultName.HALF_OPEN
        self.cut_off |= cut_off in (FaultName.HANG_UP, FaultName.POWER_LOSS)
        return b"" if self.deaf or self.cut_off else outgoing

    def switch_off_and_on(self) -> None:
        """It loses its power; what was on its line is gone with it."""
        self.emulator.lose_power()
        self.emulator.close()
        self.emulator, self._line = self._make(self.faults), Line(self.faults)

    @property
    def next_deadline_s(self) -> float | None:
        """When to turn it again."""
        due = [moment for moment in (self.emulator.next_deadline_s, self._line.next_deadline_s) if moment is not None]
        return min(due, default=None)


class Exchange(ABC):
    """What a station does with one machine, and what must be true of it afterwards, whatever struck meanwhile."""

    driver_name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.cabinet = Cabinet(self.driver_name, self.make_emulator)
        self.cable: Any = Cable(self.cabinet)  # type: ignore[arg-type]  # of a cabinet it takes what both have
        self.cable.port = f"emulator://{NAME}"
        self.driver = self.make_driver()
        self.is_open = False
        self.struck_by: set[FaultName] = set()
        self._struck_before = 0

    @abstractmethod
    def make_emulator(self, faults: Faults) -> Any:
        """The machine, as it is after it was switched on."""

    @abstractmethod
    def make_driver(self) -> Any:
        """The machine's driver on `self.cable`."""

    @abstractmethod
    def work(self) -> None:
        """All acts of the exchange, to their end, each time others; asserts what each act brought."""

    def put_right(self) -> None:  # noqa: B027 - most machines need nobody for that
        """What people do at a machine that stopped."""

    def assert_whole(self) -> None:  # noqa: B027 - where acts assert all there is
        """What must be true at the end."""

    def strike(self, name: FaultName, **when: int) -> None:
        """Set a fault."""
        self.struck_by.add(name)
        self.cabinet.faults.add({"name": name, **when})

    def strike_at(self, name: FaultName, occasion: int, place: int) -> None:
        """Have a fault strike once, at that occasion, by `place` elsewhere in the burst."""
        self.strike(name, every=occasion, seed=seed_for(name, occasion, place))

    def take_faults_off(self) -> None:
        """Nothing strikes any more."""
        self._struck_before = self.struck
        self.cabinet.faults.clear()

    @property
    def struck(self) -> int:
        """How often faults struck."""
        return self._struck_before + sum(fault["fired"] for fault in self.cabinet.faults.listed())

    def do(self, do: str, **what: object) -> Any:
        """Do what people do at the machine."""
        answer = self.cabinet.emulator.control({"do": do, **what})
        assert answer["ok"], answer
        return answer

    def opened(self) -> Any:
        """The driver, open."""
        if not self.is_open:
            self.driver.open()
            self.is_open = True
        return self.driver

    def close(self) -> None:
        """Let go of the port."""
        self.driver.close()
        self.is_open = False

    def until_done(self, act: Callable[[], Any]) -> Any:
        """Do an act that bears repeating, over a fresh session after each typed error; no other may come out."""
        for _ in range(ATTEMPTS - 1):
            with suppress(DeviceError):
                return act()
            self.close()
        return act()

    def finish(self) -> None:
        """Switch the machine off."""
        self.close()
        self.cabinet.emulator.close()
