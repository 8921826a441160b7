"""OEE of each machine and shift, asked of the database: time from the recorded periods, pieces from the booked jobs.

Plain SQL through the log's read-only connection, as in `flows.facts`. Every question is answered on SQLite and on
PostgreSQL. Times are microseconds UTC.
"""

import os
import time
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from devices.oee import IDEAL_CYCLE_S, Oee, oee
from flows.errors import ImpossibleSettingError, PeriodsNotKeptError, UnknownMachineError, UnknownShiftError
from flows.machine_time import Worked, periods_of, shifts_of
from flows.run_folder import ENVIRONMENT_PREFIX, RunFolder
from handoff_logs.reading import Reading

EMULATOR: Final = "emulator://"
BEFORE_PERIODS: Final = "line_0001"
"""The revision of the line tables that had none."""

REVISION: Final = "SELECT version_num FROM alembic_version_line"

PERIODS: Final = """
SELECT machine, state, reason, began_us, shift, emulated FROM machine_period ORDER BY machine, position
"""

PERIODS_OF: Final = """
SELECT machine, state, reason, began_us, shift, emulated FROM machine_period
WHERE machine = :machine ORDER BY position
"""

MACHINES: Final = "SELECT DISTINCT machine FROM machine_period"

GONE: Final = "SELECT machine, renewed_us FROM machine_lease WHERE until_us < :now_us"
"""Machines that nobody holds, and when who last did was heard of."""

PIECES: Final = """
SELECT outcome, COUNT(*) AS pieces FROM job
WHERE machine = :machine AND outcome IN ('good', 'failed') AND result_us >= :from_us AND result_us < :until_us
GROUP BY outcome
"""
"""Answered by the index `ix_job_pieces` alone; its condition must stand here word for word."""

FOR_GOOD_US: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ShiftOee:
    """One machine in one shift: its time, its pieces, and what they come to (None: it was not wanted at all)."""

    worked: Worked
    good: int
    spoiled: int
    ideal_cycle_s: float | None
    figures: Oee | None


def oee_of_shifts(
    reading: Reading, folder: RunFolder, *, machine: str | None = None, shift: str | None = None
) -> list[ShiftOee]:
    """Every shift of every machine, or of those named, by machine and time.

    Raises UnknownMachineError, UnknownShiftError, PeriodsNotKeptError, ImpossibleSettingError.
    """
    if [row["version_num"] for row in reading.rows(REVISION)] == [BEFORE_PERIODS]:
        raise PeriodsNotKeptError(folder.path)
    ideal_s = ideal_cycles(folder)
    worked = _worked(reading, machine)
    if machine is not None and not worked:
        machines = {*ideal_s, *(row["machine"] for row in reading.rows(MACHINES))}
        if machine not in machines:
            raise UnknownMachineError(machine, tuple(sorted(machines)))
    if shift is not None:
        shifts = {each.shift for each in worked}
        if shift not in shifts:
            raise UnknownShiftError(shift, tuple(sorted(shifts)))
        worked = [each for each in worked if each.shift == shift]
    return [_figures(reading, each, ideal_s.get(each.machine)) for each in worked]


def ideal_cycles(folder: RunFolder) -> dict[str, float | None]:
    """Ideal seconds a document by personalizer of `line.toml`; None where its emulator takes no time at all.

    Raises ImpossibleSettingError, and as `RunFolder.configured`.
    """
    content = folder.configured()
    speed = _speed(content)
    ideal_s: dict[str, float | None] = {}
    for entry in (each for each in content.get("devices", []) if isinstance(each, dict)):
        name = str(entry.get("id"))
        cycle_s = entry.get("ideal_cycle_s", IDEAL_CYCLE_S.get(str(entry.get("driver"))))
        if cycle_s is None:
            continue  # no personalizer
        if not _is_number(cycle_s) or not 0 < cycle_s <= 3600:
            raise ImpossibleSettingError(f"ideal_cycle_s of {name}", cycle_s, "above 0, up to 3600")
        if str(entry.get("port", "")).startswith(EMULATOR):
            ideal_s[name] = cycle_s / speed if speed else None
        else:
            ideal_s[name] = float(cycle_s)
    return ideal_s


def _speed(content: dict[str, Any]) -> float:
    given = os.environ.get(f"{ENVIRONMENT_PREFIX}SPEED") or content.get("speed", 1.0)
    try:
        speed = float(given)
    except (TypeError, ValueError):
        speed = -1.0
    if not 0 <= speed <= 100_000:
        raise ImpossibleSettingError("speed", given, "0 to 100000")
    return speed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worked(reading: Reading, machine: str | None) -> list[Worked]:
    now_us = time.time_ns() // 1_000
    gone = {row["machine"]: row["renewed_us"] for row in reading.rows(GONE, now_us=now_us)}
    rows = reading.rows(PERIODS) if machine is None else reading.rows(PERIODS_OF, machine=machine)
    return [
        shift
        for name, own in groupby(rows, key=lambda row: str(row["machine"]))
        for shift in shifts_of(name, periods_of(list(own), now_us, gone.get(name)))
    ]


def _figures(reading: Reading, worked: Worked, ideal_cycle_s: float | None) -> ShiftOee:
    until_us = FOR_GOOD_US if worked.pieces_until_us is None else worked.pieces_until_us
    rows = reading.rows(PIECES, machine=worked.machine, from_us=worked.began_us, until_us=until_us)
    pieces = {row["outcome"]: int(row["pieces"]) for row in rows}
    good, spoiled = pieces.get("good", 0), pieces.get("failed", 0)
    figures = oee(worked.spent, worked.planned_s, ideal_cycle_s, total=good + spoiled, good=good)
    return ShiftOee(worked, good, spoiled, ideal_cycle_s, figures)
