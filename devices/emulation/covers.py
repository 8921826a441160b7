"""What people do at a personalizer itself, by way of its control socket: stacks and covers."""

from __future__ import annotations

from devices.emulation.control import Answer, Request
from devices.emulation.machine import Machine
from devices.emulation.memory import Journal
from devices.emulation.work import Work
from devices.emulation.world import Stack

OPEN_STACKS = frozenset({Stack.INPUT, Stack.GOOD, Stack.REJECT, Stack.HOLD})


def control(request: Request, machine: Machine, journal: Journal, work: Work) -> Answer:
    """`state`, `look`, `load`, `take`, `clear` (a jam), `resume` (after a journal fault)."""
    match request:
        case {"do": "state"}:
            return _state(machine, journal, work)
        case {"do": "look"}:
            return {"ok": True} | {stack.value: list(pieces) for stack, pieces in machine.stacks.items()}
        case {"do": "load", "blanks": list(blanks)}:
            return {"ok": True, "loaded": machine.load((serial, origin) for serial, origin in blanks)}
        case {"do": "take", "stack": stack, "serials": list(serials), "place": str(place)} if stack in OPEN_STACKS:
            return {"ok": True, "taken": machine.take(Stack(stack), serials, place)}
        case {"do": "clear"}:
            return {"ok": True, "cleared": work.clear()}
        case {"do": "resume"}:
            journal.resume()
            return {"ok": True}
    return {"ok": False, "error": "a personalizer knows state, look, load, take, clear and resume"}


def _state(machine: Machine, journal: Journal, work: Work) -> Answer:
    counters = machine.counters
    return {
        "ok": True,
        "held": journal.held,
        "jammed": work.jammed,
        "journal_syncs": journal.syncs,
        "open_jobs": {job.job_id: job.state.name for job in journal.open_jobs.values()},
        "counters": {
            "fed": counters.fed,
            "good": counters.good,
            "rejected": counters.rejected,
            "returned": counters.returned,
            "in_path": machine.in_path,
        },
    }
