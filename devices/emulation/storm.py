"""A seeded storm: every fault that can strike a line's emulated machines, at least once for each 300 documents."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from devices.emulation.faults import FAULTS, PLAN_NAME, FaultName, Hits
from devices.jobs import MachineJobState as State

DOCUMENTS_A_ROUND = 300
FRAMES_A_DOCUMENT = 4
_CERTAIN = (State.FEEDING, State.FED, State.PREPARED, State.WORKING, State.DONE)
"""The entries of its journal that every document makes a machine write."""


def storm(machines: Mapping[str, Iterable[Hits]], documents: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """What is to strike each machine, by what can strike it: each fault strikes one of those that it can.

    Fault and phase, machine and occasion follow from `seed`. Each fires `documents` / 300 times, rounded up, as long
    as its machine makes an eighth of its share of the documents.
    """
    rounds = -(-documents // DOCUMENTS_A_ROUND)
    plans: dict[str, list[dict[str, Any]]] = {machine: [] for machine in machines}
    for name, kind in FAULTS.items():
        struck = [machine for machine, hits in machines.items() if kind.hits in set(hits)]
        if not struck:
            continue
        occasions = documents * (FRAMES_A_DOCUMENT if kind.hits is Hits.LINE else 1) // len(struck)
        chosen = _draw(seed, name, "machine", len(struck))
        phase: dict[str, Any] = {}
        if kind.takes_phase:
            entry = _CERTAIN[_draw(seed, name, "entry", len(_CERTAIN))].name
            phase = {"at": entry, "before": bool(_draw(seed, name, "before", 2))}
        every = max(1, occasions // (8 * rounds)) if name is not FaultName.CLONED_SERIAL else 1
        plans[struck[chosen]].append(
            {"name": name.value, **phase, "times": rounds, "every": every, "seed": _draw(seed, name, "seed", 1 << 30)}
        )
    return plans


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
