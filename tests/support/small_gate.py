"""A gate on a virtual clock: the real drivers and emulators, a real database, and people who do as a test says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from devices.air_shower.driver import ModbusAirShower
from devices.air_shower.emulator import emulate as emulate_shower
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import Faults
from devices.face_reader.driver import OsdpFaceReader
from devices.face_reader.emulator import emulate as emulate_reader
from devices.fake_transport import FakeTransport, clean_line
from devices.roles import Door, ShowerState
from handoff_logs.database import Database
from stations.gate import passages
from stations.gate.desk import GateDesk
from stations.gate.passing import Gate, GateMachines
from stations.gate.rules import Direction, credential_of

READERS = {Direction.IN: "face-01", Direction.OUT: "face-02"}
EPOCH_US = 1_800_000_000_000_000


class KilledError(Exception):
    """The process ended here."""


@dataclass
class Clock:
    """One time for all machines."""

    now_s: float = 0.0


class Cable(FakeTransport):
    """A transport on the shared clock."""

    clock: Clock

    @classmethod
    def on(cls, clock: Clock, machine: Any) -> "Cable":
        made = cls.__new__(cls)
        made.clock = clock
        FakeTransport.__init__(made, machine)
        return made

    @property  # type: ignore[override]
    def now_s(self) -> float:
        return self.clock.now_s

    @now_s.setter
    def now_s(self, value: float) -> None:
        self.clock.now_s = max(self.clock.now_s, value)

    def turn(self) -> None:
        if self._host is not None:
            self._turn(self._host)
        else:
            self.machine.turn(b"", self.now_s)


class People(GateDesk):
    """Those at the gate; `where` is where each of them really is. `does` says what the one in front does."""

    def __init__(self, gate: "GateBench") -> None:
        self._gate = gate
        self.where: dict[str, str] = {}
        self.front = ""
        self.dawdles = self.holds = False
        self.cycles_of: dict[str, int] = {}

    def act(self, shower: str, direction: Direction | None, state: ShowerState) -> None:
        if state.open_doors and not self.holds:
            for door in state.open_doors:
                self._gate.shower.control({"do": "close", "door": door.value})
            return
        if self.dawdles:
            return
        for door in state.released_doors:
            at = self.where.get(self.front, "outside")
            outer = door is Door.OUTER
            if at == "shower":
                # Who came to leave goes on to the outside; who came to enter, to the inside.
                if self._do("leave", door):
                    self.where[self.front] = "outside" if outer else "inside"
            elif direction is not None and (at == "outside") == outer and self._do("enter", door):
                self.where[self.front] = "shower"

    def _do(self, act: str, door: Door) -> bool:
        return bool(self._gate.shower.control({"do": act, "door": door.value})["ok"])


@dataclass
class Killing:
    """Ends the process at the n-th thing that it does; `done` counts."""

    at: int | None = None
    done: int = 0

    def __call__(self) -> None:
        self.done += 1
        if self.at is not None and self.done >= self.at:
            self.at = None
            raise KilledError


class KilledDatabase:
    """A database whose process may be killed before and after each of its commits."""

    def __init__(self, database: Database, killing: Killing) -> None:
        self._database, self._killing = database, killing

    def read(self) -> Any:
        return self._database.read()

    def write(self, work: Callable[[Any], Any]) -> Any:
        self._killing()
        result = self._database.write(work)
        self._killing()
        return result


@dataclass
class GateBench:
    """The gate, its machines and its people."""

    database: Database
    folder: Path
    min_quality: int = 80
    emulated: bool = True
    clock: Clock = field(default_factory=Clock)
    killing: Killing = field(default_factory=Killing)

    def __post_init__(self) -> None:
        self.faults = Faults("shower-01")
        self.readers = {}
        self.cables: dict[str, Cable] = {}
        for name in READERS.values():
            self._folder(name).mkdir()
            self.cables[name] = Cable.on(self.clock, None)
            self.boot(name)
        self._folder("shower-01").mkdir()
        self.cables["shower-01"] = Cable.on(self.clock, None)
        self.boot("shower-01")
        self.people = People(self)
        self.restart()

    def _folder(self, name: str) -> Path:
        return self.folder / name

    def boot(self, name: str) -> None:
        """Switch a machine on; what it had in its memory before is gone."""
        old = self.cables[name].machine
        if old is not None:
            old.lose_power()
            old.close()
        setup = EmulatorSetup(name, "20311" if name != "shower-01" else "AS-1", self._folder(name), self._folder(name),
                              faults=self.faults)  # fmt: skip
        if name == "shower-01":
            self.shower = self.cables[name].machine = emulate_shower(setup)
        else:
            self.readers[name] = self.cables[name].machine = emulate_reader(setup)

    def restart(self) -> None:
        """A new process: new drivers on the machines as they are."""
        for cable in self.cables.values():
            cable.close()
            cable.plugged_in, cable.line = True, clean_line
        enter, leave = (
            OsdpFaceReader(name, "20311", True, self.cables[name], utc_us=self.utc_us) for name in READERS.values()
        )
        shower = ModbusAirShower("shower-01", "AS-1", True, self.cables["shower-01"])
        release = shower.release

        def released(door: Door) -> None:
            self.killing()
            release(door)
            self.killing()

        shower.release = released  # type: ignore[method-assign]
        machines = GateMachines(enter, leave, shower, self.min_quality, self.emulated)
        self.gate = Gate(
            KilledDatabase(self.database, self.killing),  # type: ignore[arg-type]
            machines,
            self.people,
            look_s=0.5,
            clock_s=lambda: self.clock.now_s,
            utc_us=self.utc_us,
            wait=self.pass_time,
        )

    def utc_us(self) -> int:
        return EPOCH_US + round(self.clock.now_s * 1_000_000)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for all machines."""
        until_s = self.clock.now_s + seconds
        while self.clock.now_s < until_s:
            self.clock.now_s = min(until_s, self.clock.now_s + 0.25)
            for cable in self.cables.values():
                cable.turn()

    def stands(self, code: str, direction: Direction = Direction.IN, quality: int = 95) -> None:
        """Somebody stands before a reader that knows the face."""
        facts = {"do": "recognise", "credential": credential_of(code), "quality": quality}
        assert self.readers[READERS[direction]].control(facts)["ok"]
        self.people.front = code

    def passes(self, code: str, direction: Direction = Direction.IN) -> Any:
        """Somebody comes and goes through, as far as the gate lets them."""
        self.stands(code, direction)
        return self.gate.look()

    def inside(self) -> set[str]:
        """Who is inside by the log."""
        with self.database.read() as conn:
            return set(passages.inside_now(conn))

    def under_way(self) -> passages.Passage | None:
        with self.database.read() as conn:
            return passages.under_way(conn)

    def endings(self) -> list[tuple[Any, ...]]:
        """Every passage's person, outcome and reason, in order."""
        query = (
            "SELECT its.person, ended.outcome, ended.reason FROM gate_passage AS its"
            " LEFT JOIN gate_ending AS ended ON ended.number = its.number ORDER BY its.number"
        )
        with self.database.read() as conn:
            return [tuple(row) for row in conn.execute(text(query))]
