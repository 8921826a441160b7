"""The gate: parties enter one after another, run together, and one that fails takes none down."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from flows.gate import Gate, open_gate, side_by_side


def _party(name: str, seen: list[str], *, fails: str = "") -> Callable[[Gate], Awaitable[str]]:
    async def run(gate: Gate) -> str:
        await asyncio.sleep(0.01)
        seen.append(f"{name} in")
        if fails == "before":
            raise LookupError(name)
        await gate.wait()
        seen.append(f"{name} runs")
        if fails == "after":
            raise LookupError(name)
        return name

    return run


def test_nobody_runs_before_all_have_entered_in_order() -> None:
    seen: list[str] = []
    names = ["review", "qc", "packing"]
    results = asyncio.run(
        side_by_side([_party(name, seen) for name in names], released=lambda: seen.append("released"))
    )
    assert results == names
    assert seen[:4] == ["review in", "qc in", "packing in", "released"]
    assert sorted(seen[4:]) == ["packing runs", "qc runs", "review runs"]


@pytest.mark.parametrize("fails", ["before", "after"])
def test_a_party_that_fails_is_reported_after_the_others_have_ended(fails: str) -> None:
    seen: list[str] = []
    parties = [_party("review", seen), _party("qc", seen, fails=fails), _party("packing", seen)]
    with pytest.raises(LookupError, match="qc"):
        asyncio.run(side_by_side(parties, released=lambda: None))
    assert "review runs" in seen
    assert "packing runs" in seen


def test_a_station_alone_waits_for_nobody() -> None:
    asyncio.run(asyncio.wait_for(open_gate().wait(), timeout=1))
    assert not open_gate().entered.is_set()
