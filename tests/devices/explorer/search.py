"""Breadth-first search of every interleaving: what must hold in each state, and the shortest trace to a failure."""

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.host import host_steps
from tests.devices.explorer.machine import machine_steps
from tests.devices.explorer.people import people_steps
from tests.devices.explorer.world import (
    BLANK,
    DEFACED,
    GOOD,
    HOLD,
    MARKED,
    NOBODY,
    PATH,
    REJECT,
    STOCK,
    Entry,
    Machine,
    Piece,
    Row,
    Session,
    Step,
    World,
)


class SearchCutShortError(Exception):
    """The search met its limit of states before it had seen them all, so it proves nothing."""

    def __init__(self, bounds: Bounds, states: int) -> None:
        super().__init__(bounds, states)
        self.bounds, self.states = bounds, states

    def __str__(self) -> str:
        return f"cut short after {self.states:,} states within {self.bounds}; allow more states or narrow the bounds"


class Rule(StrEnum):
    """What must hold in every state."""

    ONE_DOCUMENT = "an application never has two live documents"
    ONE_BOOKING = "a blank is booked once"
    ACCOUNTED = "when all is settled, every piece is where the books say"
    NO_DEADLOCK = "a settled state can always be reached"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, where, and the shortest way there."""

    rule: Rule
    fact: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {number:3}. {step}" for number, step in enumerate(self.trace, 1))
        return f"BROKEN: {self.rule}\n{steps}\n  hence: {self.fact}"


@dataclass(slots=True)
class Found:
    """What a search saw; the moves and messages are those that occurred, for comparison with the code."""

    design: Design
    bounds: Bounds
    states: int = 0
    transitions: int = 0
    seconds: float = 0.0
    violation: Violation | None = None
    job_moves: set[tuple[str, str]] = field(default_factory=set)
    machine_moves: set[tuple[str, str]] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        verdict = "no violation" if self.violation is None else str(self.violation)
        return (
            f"{self.states:,} states, {self.transitions:,} transitions, {self.seconds:.1f} s\n"
            f"  design: {self.design.weakness()}\n  bounds: {self.bounds}\n  {verdict}"
        )


def beginning(bounds: Bounds) -> World:
    """Full stocks, empty journals, an empty database."""
    return World(
        rows=(Row(),) * bounds.jobs,
        leases=(0,) * bounds.machines,
        issued=(0,) * bounds.machines,
        known=(1,) * bounds.machines,
        unlisted=(),
        backup=None,
        hosts=((Session(),) * bounds.machines,) * bounds.hosts,
        machines=(Machine(1, 0, (Entry(),) * bounds.jobs),) * bounds.machines,
        pieces=(Piece(),) * (bounds.blanks * bounds.machines),
        sent=(),
        told=(),
        left=bounds.budget(),
    )


def steps(design: Design, bounds: Bounds, world: World) -> Iterator[Step]:
    """Everything that can happen next."""
    yield from host_steps(design, bounds, world)
    yield from machine_steps(design, bounds, world)
    yield from people_steps(design, bounds, world)


def broken_rules(bounds: Bounds, world: World, settled: bool) -> Iterator[tuple[Rule, str]]:
    """The rules that this state, settled or not, breaks, each with the fact that shows it."""
    live = [0] * bounds.applications
    for piece in world.pieces:
        if piece.job != NOBODY and (piece.place == PATH or piece.mark == MARKED):
            live[piece.job // bounds.attempts] += 1
    for application, count in enumerate(live):
        if count > 1:
            yield Rule.ONE_DOCUMENT, f"application {application} has {count} live documents"
    booked = [row.piece for row in world.rows if row.piece != NOBODY]
    if len(booked) != len(set(booked)):
        yield Rule.ONE_BOOKING, f"the books name the pieces {booked}"
    if settled:
        yield from _differences(world)


def finished(bounds: Bounds, world: World) -> bool:
    """Whether the books call everything settled: each application made, or its attempts used up without a document."""
    ended = {"RELEASED"} if bounds.releases else {"RESULT"}
    if world.unlisted:
        return False
    for first in range(0, bounds.jobs, bounds.attempts):
        rows = [row for row in world.rows[first : first + bounds.attempts] if row.state]
        if any(row.state not in ended or row.outcome == "failed" for row in rows):
            return False
        if len(rows) < bounds.attempts and not any(row.outcome == "made" for row in rows):
            return False
    return True


EXPECTED = {"made": (GOOD, MARKED), "defaced": (REJECT, DEFACED), "returned": (HOLD, BLANK), "unmarked": (HOLD, BLANK)}
"""Where books say that a piece lies, and what is on it."""


def _differences(world: World) -> Iterator[tuple[Rule, str]]:
    """Pieces that are not where the books say; one that no row names must lie unmarked in the stock."""
    named = {row.piece: EXPECTED.get(row.outcome) for row in world.rows if row.piece != NOBODY}
    for p, piece in enumerate(world.pieces):
        expected = named.get(p, (STOCK, BLANK))
        if (piece.place, piece.mark) != expected:
            books = f"{expected[1]} in the {expected[0]}" if expected else "nothing"
            yield Rule.ACCOUNTED, f"piece {p} is {piece.mark} in the {piece.place}, the books say {books}"


def search(design: Design, bounds: Bounds, *, rule: Rule | None = None, max_states: int = 2_000_000) -> Found:
    """See every state; stop at the first that breaks a rule (or `rule`, if one is named: then the others don't count).

    Raises SearchCutShortError when there are more than `max_states`.
    """
    began = time.monotonic()
    found = Found(design, bounds)
    worlds = [beginning(bounds)]
    index = {worlds[0]: 0}
    parents, sources, targets, ends = array("l", [-1]), array("l"), array("l"), array("l")
    at = 0
    while at < len(worlds) and found.violation is None:
        world = worlds[at]
        for _, after in steps(design, bounds, world):
            found.transitions += 1
            known = index.setdefault(after, len(worlds))
            if known == len(worlds):
                worlds.append(after)
                parents.append(at)
                _note_moves(found, world, after)
                settled = finished(bounds, after)
                if settled:
                    ends.append(known)
                for broken, fact in broken_rules(bounds, after, settled):
                    if found.violation is None and rule in (None, broken):
                        found.violation = Violation(broken, fact, _trace(design, bounds, worlds, parents, known))
            sources.append(at)
            targets.append(known)
        if len(worlds) > max_states:
            raise SearchCutShortError(bounds, len(worlds))
        at += 1
    found.states = len(worlds)
    if found.violation is None and rule in (None, Rule.NO_DEADLOCK):
        stuck = _first_stuck(len(worlds), sources, targets, ends)
        if stuck is not None:
            trace = _trace(design, bounds, worlds, parents, stuck)
            found.violation = Violation(Rule.NO_DEADLOCK, "nothing settled can be reached from here", trace)
    found.seconds = time.monotonic() - began
    return found


def _note_moves(found: Found, before: World, after: World) -> None:
    """Collect the moves of jobs; a restoration and an empty journal are no moves of theirs."""
    if after.sent is not before.sent:
        found.messages.update(message.name for message in after.sent)
    if after.rows is not before.rows and after.left.restores == before.left.restores:
        found.job_moves.update(
            (b.state, a.state) for b, a in zip(before.rows, after.rows, strict=True) if b.state != a.state
        )
    if after.machines is not before.machines and after.left.journal_losses == before.left.journal_losses:
        for b, a in zip(before.machines, after.machines, strict=True):
            found.machine_moves.update(
                (x.state, y.state) for x, y in zip(b.journal, a.journal, strict=True) if x.state != y.state
            )


def _trace(design: Design, bounds: Bounds, worlds: list[World], parents: "array[int]", at: int) -> tuple[str, ...]:
    """The steps from the beginning, found again from the states: labels aren't kept for all."""
    lines: list[str] = []
    while parents[at] >= 0:
        before = worlds[parents[at]]
        lines.append(next(str(label) for label, after in steps(design, bounds, before) if after == worlds[at]))
        at = parents[at]
    return tuple(reversed(lines))


def _first_stuck(states: int, sources: "array[int]", targets: "array[int]", ends: "array[int]") -> int | None:
    """The state nearest to the beginning from which no end can be reached: walks all edges backwards from the ends."""
    into: list[list[int]] = [[] for _ in range(states)]
    for source, target in zip(sources, targets, strict=True):
        into[target].append(source)
    good = bytearray(states)
    waiting = list(ends)
    while waiting:
        at = waiting.pop()
        if not good[at]:
            good[at] = 1
            waiting.extend(into[at])
    stuck = good.find(0)
    return None if stuck < 0 else stuck
