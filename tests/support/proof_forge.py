"""Proofs by somebody who holds the log's key and, where wanted, the stations': only the custody's rules refuse them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handoff_logs import merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.keyring import Keyring
from handoff_logs.log_key import LogKey
from handoff_logs.notes import Note, signed
from handoff_logs.records import acting_station, event_hash, leaf_entry, signed_bytes

Json = dict[str, Any]


class Forge:
    """Seals what it is given as a log of its own: each event of a proof a leaf, each row of it a row."""

    def __init__(self, key: LogKey, keys: Path) -> None:
        self._key = key
        self._keyring = Keyring(keys)

    def sealed(self, proof: Json, *, signs: bool = True, signers: Mapping[int, str] | None = None) -> bytes:
        """Return the proof as a file, sealed anew; `signers` names other stations that sign some events, by place."""
        leaves, hashes = [], {}
        for place, one in enumerate(proof["events"]):
            event, rows = one["event"], one["rows"]
            inside = [merkle.leaf_hash(json_line(row["row"])) for row in rows]
            for number, row in enumerate(rows):
                sides = merkle.sided_path(merkle.nodes_of(inside), number, len(rows))
                row["path"] = [f"{'left' if left else 'right'} {sibling.hex()}" for left, sibling in sides]
            if event["offer_id"] in hashes and event["offer_hash"] != "wrong":
                event["offer_hash"] = hashes[event["offer_id"]]
            event["units_root"] = merkle.root(inside).hex()
            if signs:
                key = self._keyring.of_station((signers or {}).get(place, acting_station(event)))
                event["key_id"] = key.key_id
                one["signature"] = key.sign(signed_bytes(event_hash(event)))
            hashes[event["event_id"]] = event_hash(event)
            seq = place + 1
            one["seal"] = {"seq": seq, "leaf": place}
            leaves.append(
                merkle.leaf_hash(leaf_entry(seq, event_hash(event), one["signature"], one["second_signature"]))
            )
        for place, one in enumerate(proof["events"]):
            path = merkle.inclusion_path(merkle.nodes_of(leaves), place, len(leaves))
            one["seal"]["path"] = [sibling.hex() for sibling in path]
        text = Checkpoint(self._key.origin, len(leaves), merkle.root(leaves)).text
        note = Note(text, (signed(text, self._key.verifier, self._key.sign),))
        return json.dumps(proof | {"checkpoint": note.encode().decode(), "cosignatures": []}).encode()


def json_line(row: Json) -> bytes:
    """A row as its leaf says it, by the library that the program does not use."""
    import rfc8785

    return rfc8785.dumps(row)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every single value of a JSON document, by its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return [(path, value)]
    return [leaf for name, below in items for leaf in leaves_of(below, (*path, name))]


def changed(value: Any) -> list[Any]:
    """Other values that may stand in a value's place."""
    if isinstance(value, bool) or value is None:
        return [not value, 0, 1, "x", None if value is not None else []]
    if isinstance(value, int):
        return [value + 1, value - 1, float(value), str(value), None, True, 2**60]
    other = "b" if value[:1] == "a" else "a"
    swapped = value.replace("left", "right") if value.startswith("left") else value.replace("right", "left")
    found = [
        other + value[1:],
        value[:-1] + ("B" if value[-1:] == "A" else "A"),
        value + "0",
        value.swapcase(),
        swapped,
    ]
    found.append(None)
    return [one for one in found if one != value]
