"""A declared loss: two people end a log whose newest records are gone, and begin its next tree under a new name.

One record does it, in one transaction: it names the old tree and its last witnessed checkpoint, revokes the old keys
with the numbers that are lost, registers the new ones, and is the first leaf of the new tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs import register, signing
from handoff_logs.dialects import insert_row
from handoff_logs.keyring import PublicKey
from handoff_logs.recovering import LOSS, State
from handoff_logs.register import Register
from handoff_logs.sealing import begin_epoch
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry, Stamp

_EPOCH = Statement("SELECT coalesce(max(epoch), 0) FROM seal_origin")
_STATIONS, _LOG = "station:", "log"


@dataclass(frozen=True, slots=True)
class LastCheckpoint:
    """The last checkpoint that is known of the lost tree; `witness` cosigned it, None if nobody did."""

    size: int
    root: str
    witness: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is declared: the old tree's name, the new one's, the new keys, what is known of the lost part.

    `sealed_as`: the tree that was sealed last; another than `after` where the database was put back to before it.
    """

    after: str
    sealed_as: str
    name: str
    keys: Sequence[PublicKey]
    last: LastCheckpoint | None
    missing: State


def declare(tx: Connection, first: str, second: str, declared: Declaration, stamp: Stamp) -> int:
    """Record a declared loss and begin the new tree with it; the new epoch. `stamp` must have an event id.

    Signed by the administration's old key although it knows a higher number: nothing else is. Raises SamePersonError,
    KeyMissingError, KeyRevokedError.
    """
    row = _EPOCH.run(tx).fetchone()
    last = int(row[0]) if row else 0
    if last == 0:
        # Restored to before its first seal: the tree that was sealed since is named all the same.
        insert_row(tx, "seal_origin", ("epoch", "origin"), (1, declared.after))
    epoch = max(last, 1) + 1
    signing.sign_loss(tx, str(stamp.event_id))
    entries = [*_origin(epoch, declared), *_ended(tx, declared), *register.key_entries(declared.keys)]
    event_id = register.record(tx, register.administration(first), second, entries, stamp)
    begin_epoch(tx, epoch, declared.name, event_id)
    return epoch


def _origin(epoch: int, declared: Declaration) -> list[Entry]:
    facts = {"name": declared.name, "after": declared.after}
    if declared.last is not None:
        facts |= {"size": str(declared.last.size), "root": declared.last.root}
        if declared.last.witness is not None:
            facts["witness"] = declared.last.witness
    if declared.sealed_as != declared.after:
        facts["lost"] = declared.sealed_as
    # Somebody may know of more than the checkpoint at hand shows.
    if known := max((seals.known for seals in declared.missing.seals), default=0):
        facts["known"] = str(known)
    return [Entry(Register.ORIGIN, str(epoch), field, value) for field, value in facts.items()]


def _ended(tx: Connection, declared: Declaration) -> list[Entry]:
    """Revoke every key of a station and of the log, and whichever other key has lost records."""
    now = register.state(tx, Register.KEY)
    owners = {key: value for (key, field), value in now.items() if field == "owner" and (key, "revoked") not in now}
    lost = {one.key_id: one for one in declared.missing.keys}
    entries = []
    for key, one in lost.items():
        if (key, "owner") not in now:
            # Made after the copy: the database never heard of it.
            entries.append(Entry(Register.KEY, key, "owner", one.owner))
        entries.append(Entry(Register.KEY, key, "lost", f"{one.has + 1}-{one.given}"))
    ended = {key for key, owner in owners.items() if owner.startswith(_STATIONS) or owner == _LOG} | lost.keys()
    return [*entries, *(Entry(Register.KEY, key, "revoked", LOSS) for key in sorted(ended))]
