"""The gate of a line in a process: worked as a service, and passed by EMULATED staff at the beginning and the end."""

import signal
from collections.abc import Iterable
from contextlib import closing
from types import FrameType
from typing import Final

from flows.line_state import Line
from flows.locks import gate_lock
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settings import LineSettings, StaffKind
from handoff_logs.database import Database
from stations.gate import passages
from stations.gate.rules import Direction
from stations.people import EMULATED_PREFIX, emulated_roster

EMULATED_LOOK_S: Final = 0.02
"""EMULATED staff are at the door at once."""


def staff_goes_in(line: Line) -> None:
    """Have a line's EMULATED staff inside while its core stations work; who is inside already stays.

    They stay until they are walked out, or the shift closes. Raises NotPassedError.
    """
    gate = line.settings.gate
    if _is_passed(line.settings) and gate is not None and not set(gate.core).isdisjoint(line.stations):
        codes = staff_of_core(line.settings, line.shift)
        walk(line.folder, line.settings, line.database, line.parts, Direction.IN, codes)


def staff_goes_ahead(folder: RunFolder, settings: LineSettings, database: Database, shift: str) -> None:
    """The same before the line is open, while Prefect's server starts; the machines stay on. Raises NotPassedError."""
    if _is_passed(settings):
        with closing(Parts(folder, settings, leave_emulators=True)) as parts:
            walk(folder, settings, database, parts, Direction.IN, staff_of_core(settings, shift))


def _is_passed(settings: LineSettings) -> bool:
    return settings.gate is not None and settings.staff.kind is StaffKind.EMULATED


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
) -> None:
    """Bring EMULATED staff through the emulated gate, one after another; who is there already stays.

    Raises NotPassedError.
    """
    if settings.gate is None:
        return
    with database.read() as conn:
        inside, open_now = passages.inside_now(conn), passages.under_way(conn)
    going = [code for code in codes if (code in inside) != (direction is Direction.IN)]
    if not going and open_now is None:
        return
    reader = settings.gate.enter_reader if direction is Direction.IN else settings.gate.leave_reader
    with gate_lock(folder, waits=True), closing(parts.gate(database, look_s=EMULATED_LOOK_S)) as gate:
        visitor = parts.visitor()
        visitor.settle_left(gate, database)
        for code in going:
            visitor.walk(gate, database, reader, code, direction)


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
        gate.serve()
