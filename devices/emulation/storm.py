"""A seeded storm: every fault that can strike a line's emulated machines, at least once for each 300 documents."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.emulation.faults import BURSTS, FAULTS, FRAMES, PLAN_NAME, FaultName, Hits
from devices.jobs import MachineJobState as State

DOCUMENTS_A_ROUND = 300
FRAMES_A_DOCUMENT = 4
_CERTAIN = (State.FEEDING, State.FED, State.PREPARED, State.WORKING, State.DONE)
"""The entries of its journal that every document makes a machine write."""


Plan = list[dict[str, Any]]


def storm(machines: Mapping[str, Collection[FaultName]], documents: int, seed: int) -> dict[str, Plan]:
    """What is to strike each machine, by what can: each fault strikes one of those with the link's frames that it can.

    What strikes bursts is also dealt out to the machines that speak in them, to each its share. Fault and phase,
    machine and occasion follow from `seed`. Each fires `documents` / 300 times, rounded up, as long as its machine
    makes an eighth of its share of the documents.
    """
    rounds = -(-documents // DOCUMENTS_A_ROUND)
    plans: dict[str, Plan] = {machine: [] for machine in machines}
    linked = [machine for machine, names in machines.items() if set(names) >= FRAMES]
    for name, kind in FAULTS.items():
        struck = [machine for machine in linked if name in machines[machine]]
        if not struck:
            continue
        occasions = documents * (FRAMES_A_DOCUMENT if kind.hits is Hits.LINE else 1) // len(struck)
        chosen = struck[_draw(seed, name, "machine", len(struck))]
        phase: dict[str, Any] = {}
        if kind.takes_phase:
            entry = _CERTAIN[_draw(seed, name, "entry", len(_CERTAIN))].name
            phase = {"at": entry, "before": bool(_draw(seed, name, "before", 2))}
        every = max(1, occasions // (8 * rounds)) if name is not FaultName.CLONED_SERIAL else 1
        plans[chosen].append(_fault(seed, name, rounds, every) | phase)
    _deal([machine for machine in machines if machine not in linked], documents, seed, plans)
    return plans


def _deal(machines: Sequence[str], documents: int, seed: int, plans: dict[str, Plan]) -> None:
    """Deal what strikes bursts out to these machines."""
    rounds = -(-documents // DOCUMENTS_A_ROUND)
    every = max(1, documents // (8 * rounds))  # of documents there is one burst each, at a swipe reader
    shuffled = sorted(BURSTS, key=lambda name: _draw(seed, name, "turn", 1 << 30))
    for at, name in enumerate(shuffled if machines else ()):
        plans[machines[at % len(machines)]].append(_fault(seed, name, rounds, every))


def _fault(seed: int, name: FaultName, times: int, every: int) -> dict[str, Any]:
    return {"name": name.value, "times": times, "every": every, "seed": _draw(seed, name, "seed", 1 << 30)}


def write_plans(machines: Path, plans: Mapping[str, list[dict[str, Any]]]) -> None:
    """Lay each machine's plan into its folder under `machines`: it is met from the machine's next start on."""
    for machine, plan in plans.items():
        folder = machines / machine
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLAN_NAME).write_text(json.dumps(plan, indent=1) + "\n", "utf-8")


def fired(machines: Path) -> dict[str, int]:
    """How often each fault that is or was set struck, over all machines whose folders lie under `machines`."""
    counted: Counter[str] = Counter()
    for plan in sorted(machines.glob(f"*/{PLAN_NAME}")):
        for fault in json.loads(plan.read_text("utf-8")):
            counted[fault["name"]] += fault.get("fired", 0)
    return dict(counted)


def _draw(seed: int, name: FaultName, what: str, below: int) -> int:
    digest = hashlib.sha256(f"{seed}:{name}:{what}".encode()).digest()
    return int.from_bytes(digest[:8]) % below
