"""The gate: station flows enter the line one after another and are then released together.

Prefect's server on SQLite answers 503 when several runs are created at once, and its client then sleeps for
seconds; entering in turn costs a third of a second a station and has no such stall.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Gate:
    """One party's place at the gate."""

    released: asyncio.Event
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Report this party as entered; return when all parties are."""
        self.entered.set()
        await self.released.wait()


def open_gate() -> Gate:
    """A gate for a party that runs alone: nothing to wait for."""
    gate = Gate(asyncio.Event())
    gate.released.set()
    return gate


async def side_by_side(
    parties: Sequence[Callable[[Gate], Awaitable[Result]]], *, released: Callable[[], None]
) -> list[Result]:
    """Enter the parties in order, call `released`, let all run, and return their results in the same order.

    A party that fails does not take the others down: they end first, then the first failure is raised.
    """
    all_in = asyncio.Event()
    running: list[asyncio.Task[Result]] = []
    for party in parties:
        gate = Gate(all_in)
        running.append(asyncio.ensure_future(party(gate)))
        entered = asyncio.ensure_future(gate.entered.wait())
        await asyncio.wait({entered, running[-1]}, return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()
    released()
    all_in.set()
    await asyncio.wait(running)
    return [party.result() for party in running]
