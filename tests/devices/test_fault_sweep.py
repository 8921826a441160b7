"""Host and machine ended at every boundary, each fault at each phase: generated cases on the real byte stream.

The virtual clock makes a case cost milliseconds. tests/crash does the same with processes, signals and a database.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faulty_machine import Bench, HostKilledError

from devices.emulation.faults import FAULTS, PHASES, FaultName, Hits

ORDERS = ("order-1", "order-2")
SHARES = 8
LEAST_CASES = 500
SENDS, COMMITS = 96, 16
"""Boundaries of writes and commits of two documents, before and after each; those beyond the last strike nobody."""
FRAMES, MOTIONS = 24, 4


@dataclass(frozen=True)
class Case:
    """Faults set before the first document, and the boundary at which the host is killed or the machine loses power."""

    faults: tuple[dict[str, Any], ...] = ()
    kills: str = ""
    at: int = 0


def kill_the_host() -> None:
    """End the host's process."""
    raise HostKilledError


class Fuse:
    """Strikes at the `at`-th boundary of its kind."""

    def __init__(self, at: int, strike: Callable[[], None] = kill_the_host) -> None:
        self._left, self._strike = at, strike

    def __call__(self, _phase: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._strike()


def stops() -> Iterator[dict[str, Any]]:
    """Every way in which a controller stops at an entry of its journal."""
    for name, kind in FAULTS.items():
        for at in PHASES if kind.takes_phase else ():
            for before in (True, False):
                yield {"name": name, "at": at, "before": before}


def strikes() -> Iterator[dict[str, Any]]:
    """Each fault without a phase, at each of its first occasions."""
    for name, kind in FAULTS.items():
        if not kind.takes_phase and kind.hits not in (Hits.SHOWER, Hits.SENSOR):
            for occasion in range(1, 1 + (FRAMES if kind.hits is Hits.LINE else MOTIONS)):
                yield {"name": name, "every": occasion, "seed": _seed_for(name, occasion)}


def _seed_for(name: FaultName, occasion: int) -> int:
    """A seed with which the fault strikes at just that occasion."""
    from devices.emulation.faults import Fault

    return next(
        seed
        for seed in range(10_000)
        if Fault(name, every=occasion, seed=seed).draw("occasion 0", occasion) == occasion - 1
    )


def cases() -> list[Case]:
    """All of them, in a fixed order."""
    kills = [(kind, at) for kind in ("send", "power") for at in range(1, SENDS + 1)]
    kills += [("commit", at) for at in range(1, COMMITS + 1)]
    found = [Case(kills=kind, at=at) for kind, at in kills]
    found += [Case((fault,)) for fault in (*stops(), *strikes())]
    # A machine that stops and a host that dies over it: the second boundary falls into the recovery.
    found += [Case((stop,), "send", at) for stop in stops() for at in (9, 24)]
    return found


CASES = cases()


def test_the_sweep_is_as_wide_as_it_says(tmp_path: Path) -> None:
    """Every boundary of a way without trouble is in it."""
    assert len(CASES) >= LEAST_CASES
    met: Counter[str] = Counter()
    bench = Bench(tmp_path, ORDERS)
    bench.cable.on_send = lambda _: met.update(["send"])
    bench.host.on_commit = lambda _: met.update(["commit"])
    bench.go_on()
    bench.assert_whole()
    bench.cabinet.stop(power=False)
    assert 0 < met["send"] <= SENDS
    assert 0 < met["commit"] <= COMMITS


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_stops_where_every_order_gets_one_document(share: int, tmp_path: Path) -> None:
    for number, case in enumerate(CASES[share::SHARES]):
        bench = Bench(tmp_path / str(number), ORDERS)
        for fault in case.faults:
            bench.cabinet.faults.add(fault)
        fuse = Fuse(case.at)
        if case.kills == "send":
            bench.cable.on_send = fuse
        elif case.kills == "power":
            bench.cable.on_send = Fuse(case.at, lambda bench=bench: bench.cabinet.stop(power=True))
        elif case.kills == "commit":
            bench.host.on_commit = fuse
        bench.go_on()
        try:
            bench.assert_whole()
        except AssertionError as error:
            raise AssertionError(f"{case}: {error}") from error
        finally:
            bench.cabinet.stop(power=False)
