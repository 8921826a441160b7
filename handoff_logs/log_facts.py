"""What a log is, in figures that two copies of it can be compared by: its seals, its keys' numbers, its rows."""

import base64
from dataclasses import dataclass, field

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.notes import ED25519, Note, Signature, VerifierKey
from handoff_logs.reading import Reading

TABLES = (
    "custody_event",
    "custody_unit",
    "custody_case",
    "custody_register",
    "seal_origin",
    "seal_leaf",
    "seal_node",
    "seal_checkpoint",
    "seal_cosignature",
)
"""The append-only tables whose rows are counted."""

ORIGIN = "SELECT epoch, origin FROM seal_origin ORDER BY epoch DESC LIMIT 1"
CHECKPOINT = (
    "SELECT point.epoch, origin.origin, point.size, point.root, point.signature, named.value AS public"
    " FROM seal_checkpoint AS point JOIN seal_origin AS origin ON origin.epoch = point.epoch"
    " JOIN custody_register AS named ON named.register = 'key' AND named.subject = point.key_id"
    " AND named.field = 'public' ORDER BY point.epoch DESC, point.size DESC LIMIT 1"
)
KEYS = (
    "SELECT DISTINCT named.subject AS key_id, named.value AS owner,"
    " coalesce((SELECT max(event.key_number) FROM custody_event AS event WHERE event.key_id = named.subject), 0)"
    " AS number,"
    " coalesce((SELECT max(event.second_key_number) FROM custody_event AS event"
    " WHERE event.second_key_id = named.subject), 0) AS second_number"
    " FROM custody_register AS named WHERE named.register = 'key' AND named.field = 'owner'"
)
"""Every key that the log knows, and the last number that the log has of it."""


@dataclass(frozen=True, slots=True)
class LogFacts:
    """One state of a log.

    `epoch` and `origin`: the tree that is being sealed, 0 and None before the first seal. `size`, `root` (hex) and
    `note` (the signed note's text): its last checkpoint. `numbers`: each key's last number, by key id; `owners`: whose
    it is. `rows`: rows by append-only table.
    """

    origin: str | None = None
    epoch: int = 0
    size: int = 0
    root: str | None = None
    note: str | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def read_facts(reading: Reading) -> LogFacts:
    """Return the facts of the log as one reading sees it."""
    origin = reading.rows(ORIGIN)
    keys = reading.rows(KEYS)
    latest = last_note(reading)
    sealed = latest is not None and bool(origin) and latest[0] == origin[0]["epoch"]
    checkpoint = latest[1] if sealed and latest else None
    return LogFacts(
        origin=origin[0]["origin"] if origin else None,
        epoch=origin[0]["epoch"] if origin else 0,
        size=checkpoint.size if checkpoint else 0,
        root=checkpoint.root.hex() if checkpoint else None,
        note=latest[2].encode().decode() if sealed and latest else None,
        numbers={row["key_id"]: max(row["number"], row["second_number"]) for row in keys},
        owners={row["key_id"]: row["owner"] for row in keys},
        rows={table: reading.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES},  # noqa: S608 own names
    )


def last_note(reading: Reading) -> tuple[int, Checkpoint, Note] | None:
    """Return the last checkpoint's epoch, the checkpoint, and its signed note as the database keeps it."""
    rows = reading.rows(CHECKPOINT)
    if not rows:
        return None
    (row,) = rows
    checkpoint = Checkpoint(row["origin"], row["size"], bytes.fromhex(row["root"]))
    key = VerifierKey(row["origin"], ED25519, base64.b64decode(row["public"]))
    signature = Signature(key.name, key.key_id, base64.b64decode(row["signature"]))
    return row["epoch"], checkpoint, Note(checkpoint.text, (signature,))
