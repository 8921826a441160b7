"""How fast a whole log is verified: signed and sealed, in trays of a hundred and of one, by every CPU there is."""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generated_log import generate
from handoff_logs.verify.run import verify

ROWS = {100: 2_000_000, 1: 10_000}
"""Unit rows to verify, by units a tray."""


@dataclass(frozen=True)
class Rate:
    """One verification: units a tray, unit rows, and its seconds by the clock and of CPU over all processes."""

    tray: int
    units: int
    seconds: float
    cpu_s: float

    @property
    def line(self) -> str:
        """The figures in words. On a shared machine, CPU seconds say more than the clock."""
        whole_cores = 2 * self.units / self.cpu_s
        return (
            f"trays of {self.tray:3}   {self.units / self.seconds:9,.0f} units/s by the clock,"
            f" {whole_cores:9,.0f} units/s on two whole cores ({self.units:,} units, {self.cpu_s:.1f} CPU s)"
        )


def measure(folder: Path, rows: dict[int, int] = ROWS) -> list[Rate]:
    """Generate and verify a log for each size of tray. Raises ValueError if one does not verify."""
    rates = []
    for tray, wanted in rows.items():
        (folder / str(tray)).mkdir(parents=True)
        url = generate(folder / str(tray), wanted, tray)
        before_s = _cpu_s()
        started_s = time.perf_counter()
        verdict = verify(url)
        if verdict.exit_code:
            raise ValueError(verdict.problems[:3])
        rates.append(Rate(tray, verdict.units, time.perf_counter() - started_s, _cpu_s() - before_s))
    return rates


def report(rates: Sequence[Rate]) -> None:
    """Print each rate."""
    for rate in rates:
        print(f"(f) verification   {rate.line}")


def _cpu_s() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
