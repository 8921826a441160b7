"""Step 1: one unit or event against a checkpoint, with no database: from its columns and two paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handoff_logs import merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.records import Scalar, event_hash, leaf_entry, unit_hash
from handoff_logs.verify.problems import Problem

STEP = 1


@dataclass(frozen=True, slots=True)
class EventProof:
    """An event's hashed columns, its place in the database and in the log's tree, and the path to a checkpoint."""

    event: Mapping[str, Scalar]
    seq: int
    signature: str | None
    second_signature: str | None
    leaf_index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class UnitProof:
    """A unit's row (in the order of UNIT_FIELDS), its place among the event's `rows`, and the path to their root."""

    row: Sequence[Scalar]
    index: int
    rows: int
    path: Sequence[bytes]


def verify_event(proof: EventProof, checkpoint: Checkpoint) -> list[Problem]:
    """Return what is wrong with an event's proof: nothing when the checkpoint covers exactly these columns."""
    entry = leaf_entry(proof.seq, event_hash(proof.event), proof.signature, proof.second_signature)
    leaf = merkle.leaf_hash(entry)
    if merkle.verify_inclusion(leaf, proof.leaf_index, checkpoint.size, proof.path, checkpoint.root):
        return []
    return [Problem(STEP, "the checkpoint covers the event", str(proof.event["event_id"]))]


def verify_unit(unit: UnitProof, proof: EventProof, checkpoint: Checkpoint) -> list[Problem]:
    """Return what is wrong with a unit's proof: its row under its event's root, and the event in the checkpoint."""
    problems = verify_event(proof, checkpoint)
    root = bytes.fromhex(str(proof.event["units_root"]))
    if not merkle.verify_inclusion(unit_hash(unit.row), unit.index, unit.rows, unit.path, root):
        problems.append(Problem(STEP, "the event's root covers the unit", str(unit.row[0])))
    return problems
