"""OEE of each machine and shift, asked of the database: time from the recorded periods, pieces from the booked jobs.

Plain SQL through the log's read-only connection, as in `flows.facts`. Every question is answered on SQLite and on
PostgreSQL. Times are microseconds UTC.
"""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from devices.oee import IDEAL_CYCLE_S, Oee, oee
from flows.errors import ImpossibleSettingError, PeriodsNotKeptError, UnknownMachineError, UnknownShiftError
from flows.machine_time import Worked, periods_of, shifts_of
from flows.run_folder import ENVIRONMENT_PREFIX, RunFolder
from handoff_logs.reading import Reading, Row

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

PERIODS_BEFORE: Final = """
SELECT machine, state, reason, began_us, shift, emulated FROM machine_period
WHERE machine = :machine AND began_us < :to_us ORDER BY position DESC
"""
"""Taken from the latest back, for as long as they are of the time that is asked about."""

KNOWN: Final = "SELECT machine FROM machine_state ORDER BY machine"
"""Machines that this line ever had: a row each, where the periods are a row a change."""

GONE: Final = "SELECT machine, renewed_us FROM machine_lease WHERE until_us < :now_us"
"""Machines that nobody holds, and when who last did was heard of."""

PIECES: Final = """
SELECT outcome, COUNT(*) AS pieces FROM job
WHERE machine = :machine AND outcome IN ('good', 'failed') AND result_us >= :from_us AND result_us < :until_us
GROUP BY outcome
"""
"""Answered by the index `ix_job_pieces` alone; its condition must stand here word for word."""

SPECIMENS: Final = """
SELECT COUNT(*) AS pieces FROM job
WHERE machine = :machine AND outcome = 'specimen' AND result_us >= :from_us AND result_us < :until_us
"""
"""Found by the index `ix_job_specimens`, in the same way; there are few."""

FOR_GOOD_US: Final = 2**63 - 1
LONGEST: Final = 3
"""Reasons of stoppages that are shown."""
FACTORS: Final = ("availability", "effectiveness", "quality", "oee")


@dataclass(frozen=True, slots=True)
class ShiftOee:
    """One machine in one shift: its time, its pieces, and what they come to (None: it was not wanted at all)."""

    worked: Worked
    good: int
    spoiled: int
    specimens: int
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


def oee_between(
    reading: Reading, folder: RunFolder, machines: Collection[str], from_us: int, to_us: int
) -> list[ShiftOee]:
    """What each machine did from `from_us` up to `to_us`, whatever shifts its periods name: for a shift with ends.

    Of `machines`, and of every other that did anything then; one without any period is left out. Raises
    ImpossibleSettingError, and as `RunFolder.configured`.
    """
    ideal_s = ideal_cycles(folder)
    gone = {row["machine"]: row["renewed_us"] for row in reading.rows(GONE, now_us=to_us)}
    found = []
    for machine in sorted({*machines, *(row["machine"] for row in reading.rows(KNOWN))}):
        rows: list[Row] = []
        for row in reading.stream(PERIODS_BEFORE, machine=machine, to_us=to_us):
            rows.append(row)
            if row["began_us"] <= from_us:
                break
        all_periods = periods_of(rows[::-1], to_us, gone.get(machine))
        periods = tuple(kept for each in all_periods if (kept := each.within(from_us, to_us)) is not None)
        if periods and (machine in machines or len(periods) > 1 or not periods[0].let_go):
            found.append(_figures(reading, Worked(machine, periods, to_us), ideal_s.get(machine)))
    return found


def as_row(found: ShiftOee) -> dict[str, Any]:
    """One machine in one shift as a flat object, but for its stoppages; keys stay as they are."""
    worked, figures = found.worked, found.figures
    factors: tuple[float | None, ...] = (None,) * len(FACTORS)
    if figures is not None:
        factors = (figures.availability, figures.effectiveness, figures.quality, figures.index)
    return {
        "machine": worked.machine,
        "shift": worked.shift,
        "mode": "EMULATED" if worked.emulated else "production",
        "began_us": worked.began_us,
        "ended_us": worked.ended_us,
        "planned_s": round(worked.planned_s, 6),
        **{f"{group}_s": round(seconds, 6) for group, seconds in worked.by_group.items()},
        **{name: None if factor is None else round(factor, 4) for name, factor in zip(FACTORS, factors, strict=True)},
        "good": found.good,
        "spoiled": found.spoiled,
        "specimens": found.specimens,
        "ideal_cycle_s": found.ideal_cycle_s,
        "stoppages": [
            {
                "state": stoppage.state.value,
                "reason": stoppage.reason,
                "times": stoppage.times,
                "seconds": round(stoppage.seconds, 6),
                "longest_s": round(stoppage.longest_s, 6),
            }
            for stoppage in worked.stoppages[:LONGEST]
        ],
    }


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
    period: dict[str, str | int] = {"machine": worked.machine, "from_us": worked.began_us, "until_us": until_us}
    rows = reading.rows(PIECES, **period)
    pieces = {row["outcome"]: int(row["pieces"]) for row in rows}
    good, spoiled = pieces.get("good", 0), pieces.get("failed", 0)
    specimens = int(reading.rows(SPECIMENS, **period)[0]["pieces"])
    figures = oee(worked.spent, worked.planned_s, ideal_cycle_s, total=good + spoiled, good=good, specimens=specimens)
    return ShiftOee(worked, good, spoiled, specimens, ideal_cycle_s, figures)
