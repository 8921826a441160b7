"""The gate of a line in a process: worked as a service, and passed by EMULATED staff at the beginning and the end."""

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from types import FrameType
from typing import Final

from flows.alarm_findings import GATE
from flows.locks import gate_lock
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settings import LineSettings
from handoff_logs.database import Database
from stations.alarms import rules
from stations.alarms.register import Finding, follow
from stations.gate import passages
from stations.gate.passing import LOOK_S
from stations.gate.rules import Direction
from stations.people import EMULATED_PREFIX, emulated_roster

DELAY_US: Final = rules.kind_of(rules.ALONE_INSIDE).delay_us
OTHERS_PASS_S: Final = 60.0
"""How long stations that start at once wait for each other's staff."""
EMULATED_LOOK_S: Final = 0.02
"""EMULATED staff are at the door at once."""


def staff_goes_in(
    folder: RunFolder, settings: LineSettings, database: Database, parts: Parts, shift: str, stations: Sequence[str]
) -> None:
    """Have a line's EMULATED staff inside before one of the core `stations` works; who is inside already stays.

    They stay until they are walked out, or the shift closes. Raises NotPassedError, GateRunsAlreadyError.
    """
    gate = settings.gate
    if gate is None or settings.real_staff or set(gate.core).isdisjoint(stations):
        return
    codes = staff_of_core(settings, shift)
    walk(folder, settings, database, parts, Direction.IN, codes, patience_s=OTHERS_PASS_S)


def staff_of_core(settings: LineSettings, shift: str) -> list[str]:
    """The codes of the EMULATED staff of the core stations."""
    roster = emulated_roster(shift, settings.staff.people_per_station)
    return [code for station in (settings.gate.core if settings.gate else ()) for code in roster[station].codes]


def emulated_inside(database: Database) -> list[str]:
    """The EMULATED people who are inside."""
    with database.read() as conn:
        return [code for code in passages.inside_now(conn) if code.startswith(EMULATED_PREFIX)]


def walk(
    folder: RunFolder,
    settings: LineSettings,
    database: Database,
    parts: Parts,
    direction: Direction,
    codes: Iterable[str],
    *,
    patience_s: float = 0.0,
) -> None:
    """Bring EMULATED staff through the emulated gate, one after another; who is there already stays.

    Raises NotPassedError, and GateRunsAlreadyError if another process works the gate for longer than `patience_s`.
    """
    if settings.gate is None:
        return
    with database.read() as conn:
        inside, open_now = passages.inside_now(conn), passages.under_way(conn)
    going = [code for code in codes if (code in inside) != (direction is Direction.IN)]
    if not going and open_now is None:
        return
    reader = settings.gate.enter_reader if direction is Direction.IN else settings.gate.leave_reader
    with gate_lock(folder, patience_s=patience_s), closing(parts.gate(database, look_s=EMULATED_LOOK_S)) as gate:
        visitor = parts.visitor()
        visitor.settle_left(gate, database)
        for code in going:
            visitor.walk(gate, database, reader, code, direction)


def let_in(folder: RunFolder, settings: LineSettings, database: Database, parts: Parts, codes: Sequence[str]) -> None:
    """Have these EMULATED people inside and no others: who counts and signs while the line stands."""
    leaving = [code for code in emulated_inside(database) if code not in codes]
    walk(folder, settings, database, parts, Direction.OUT, leaving)
    walk(folder, settings, database, parts, Direction.IN, codes)


def serve(folder: RunFolder, settings: LineSettings, database: Database) -> None:
    """Work the gate until told to stop; a passage under way goes on at the next start. Raises GateRunsAlreadyError."""
    with (
        gate_lock(folder),
        closing(Parts(folder, settings, leave_emulators=True)) as parts,
        closing(parts.gate(database)) as gate,
    ):

        def told(_number: int, _frame: FrameType | None) -> None:
            gate.stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, told)
        watch = AloneWatch(database, settings)
        while not gate.stop.is_set():
            gate.look()
            watch.look()
            gate.stop.wait(LOOK_S)


class AloneWatch:
    """Makes the register of alarms say when too few are inside, whether the line runs or stands."""

    def __init__(
        self, database: Database, settings: LineSettings, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._clock_s = database, clock_s
        self._least = 0 if settings.gate is None else settings.gate.min_inside
        self._emulated = settings.emulated
        self._since_s: float | None = None
        self._said: int | None = None

    def look(self) -> None:
        """Raise what has lasted, clear what is over; nothing is written where nothing changed."""
        with self._database.read() as conn:
            people = len(passages.inside_now(conn))
        if not 0 < people < self._least:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = self._clock_s()
        lasts = self._since_s is not None and (self._clock_s() - self._since_s) * 1e6 >= DELAY_US
        say = people if lasts else 0
        if say == self._said:
            return
        found: dict[Finding, int | None] = {(rules.ALONE_INSIDE, GATE): say} if say else {}
        self._database.write(lambda tx: follow(tx, (rules.ALONE_INSIDE,), found, emulated=self._emulated))
        self._said = say
