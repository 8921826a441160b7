"""Which key of the log signs at which size: its keys one after another, as the log's own records name them.

A tree's first record names its first key. After that a record by two people names the next and ends the one before.
**A checkpoint is signed by the key that was the log's before its last leaf.** So the checkpoint that ends with the
record of the next key is signed by the key before, which so vouches for the next one, and every larger one by the next.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from handoff_logs.notes import ED25519, PUBLIC_BYTES, VerifierKey

OWNER = "log"
"""Under which the log's own key is registered."""

ENTRIES = (
    "SELECT leaf.epoch, leaf.leaf_index, event.seq, event.event_id, event.person, event.second_person,"
    " entry.subject, entry.field, entry.value FROM custody_register AS entry"
    " JOIN custody_event AS event ON event.event_id = entry.event_id"
    " LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " WHERE entry.register = 'key' AND entry.subject IN (SELECT subject FROM custody_register"
    " WHERE register = 'key' AND field = 'owner' AND value = 'log') ORDER BY event.seq, entry.position"
)
"""Every entry of the register of keys that speaks of a key of the log."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A record that names the log's next key in place of the one before, by their ids; `leaf` None: not sealed yet."""

    event_id: str
    seq: int
    leaf: int | None
    old: str
    new: str

    @property
    def size(self) -> int | None:
        """The size of the checkpoint by which the old key vouches for the new one, the last that it signs."""
        return None if self.leaf is None else self.leaf + 1


@dataclass(slots=True)
class Succession:
    """The keys of one tree: the first (None where its first record names none or two), and each next one.

    `publics`: 32 bytes by key id. `faulty`: ids of records that change the log's key in another way than two people
    may.
    """

    first: str | None = None
    handovers: list[Handover] = field(default_factory=list)
    publics: dict[str, bytes] = field(default_factory=dict)
    faulty: list[str] = field(default_factory=list)

    @property
    def last(self) -> str | None:
        """The key that was named last."""
        return self.handovers[-1].new if self.handovers else self.first

    def signer(self, size: int) -> str | None:
        """Return the id of the key that signs the checkpoint of `size` leaves."""
        signer = self.first
        for handover in self.handovers:
            if handover.size is None or handover.size >= size:
                break
            signer = handover.new
        return signer

    def verifier(self, key_id: str, origin: str) -> VerifierKey:
        """Return a key of the log as notes name it."""
        return VerifierKey(origin, ED25519, self.publics[key_id])

    def before(self, size: int) -> list[Handover]:
        """Return those after which the checkpoint of `size` leaves was signed by a later key."""
        return [one for one in self.handovers if one.size is not None and one.size < size]

    def ending(self, size: int) -> Handover | None:
        """Return the one whose record is the last leaf of `size` leaves."""
        return next((one for one in self.handovers if one.size == size), None)

    def pending(self, signed_size: int) -> Handover | None:
        """Return the one that the old key has not signed over yet, where checkpoints reach to `signed_size`."""
        return next((one for one in self.handovers if one.size is None or one.size > signed_size), None)


def successions(rows: Iterable[Sequence[Any]]) -> dict[int, Succession]:
    """Return each tree's keys by its number, from ENTRIES; what is not sealed yet goes into the newest tree."""
    found: dict[int, Succession] = {}
    records = [list(of_one) for _, of_one in groupby(rows, key=lambda row: row[3])]
    ended: set[str] = set()
    newest = max((record[0][0] for record in records if record[0][0] is not None), default=1)
    for record in sorted(records, key=lambda record: _order(record[0], newest)):
        epoch, leaf, seq, event_id, person, second_person = record[0][:6]
        of_tree = found.setdefault(newest if epoch is None else epoch, Succession())
        is_first = not of_tree.publics and not of_tree.faulty
        said = _said(record)
        named = {key: public for key, facts in said.items() if (public := _named(key, facts)) is not None}
        ends = {key for key, facts in said.items() if facts.get("revoked") is not None}
        if named.keys() <= ended and not ends & of_tree.publics.keys():
            continue  # of keys that a loss has ended: it was not sealed before that, and is after it
        ended |= ends
        is_new = not of_tree.publics.keys() & named
        of_tree.publics |= named
        if is_first and leaf in (0, None):
            of_tree.first = next(iter(named)) if len(named) == 1 else None
        elif (
            is_new
            and len(named) == 1
            and of_tree.last is not None
            and ends == {of_tree.last}
            and second_person not in (None, person)
        ):
            of_tree.handovers.append(Handover(event_id, seq, leaf, of_tree.last, next(iter(named))))
        else:
            of_tree.faulty.append(event_id)
    return found


def _order(row: Sequence[Any], newest: int) -> tuple[int, bool, int]:
    epoch, leaf, seq = row[:3]
    return (newest, True, seq) if epoch is None else (epoch, False, leaf)


def _said(record: Iterable[Sequence[Any]]) -> Mapping[str, Mapping[str, Any]]:
    said: dict[str, dict[str, Any]] = {}
    for *_, subject, name, value in record:
        said.setdefault(subject, {})[name] = value
    return said


def _named(key_id: str, facts: Mapping[str, Any]) -> bytes | None:
    if facts.get("owner") != OWNER:
        return None
    try:
        public = base64.b64decode(str(facts.get("public")), validate=True)
    except binascii.Error:
        return None
    is_its = len(public) == PUBLIC_BYTES and hashlib.sha256(public).hexdigest().startswith(key_id)
    return public if is_its else None


def verifiers(of_tree: Succession, origin: str) -> Iterator[VerifierKey]:
    """Yield the keys of a tree, the first one first."""
    for key_id in ([] if of_tree.first is None else [of_tree.first]) + [one.new for one in of_tree.handovers]:
        yield of_tree.verifier(key_id, origin)
