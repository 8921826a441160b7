"""The log's own state: how far it is sealed and witnessed, and whose keys sign."""

from dataclasses import dataclass
from typing import Final

from handoff_logs.reading import Reading, Row

_RECORDS: Final = """
SELECT coalesce((SELECT max(seq) FROM custody_event), 0) AS last_seq, leaf.leaves, unsealed.records AS unsealed,
       unsealed.oldest_us
FROM (SELECT count(*) AS records, min(written_us) AS oldest_us FROM custody_event
      WHERE seq > (SELECT coalesce(max(event_seq), 0) FROM seal_leaf)) AS unsealed,
     (SELECT coalesce(max(leaf_index) + 1, 0) AS leaves FROM seal_leaf
      WHERE epoch = (SELECT max(epoch) FROM seal_origin)) AS leaf
"""
_CHECKPOINTS: Final = """
SELECT origin.epoch, origin.origin, checkpoint.size, checkpoint.root, checkpoint.key_id
FROM seal_origin AS origin LEFT JOIN seal_checkpoint AS checkpoint ON checkpoint.epoch = origin.epoch
    AND checkpoint.size = (SELECT max(size) FROM seal_checkpoint AS last WHERE last.epoch = origin.epoch)
ORDER BY origin.epoch DESC
"""
_WITNESSES: Final = """
SELECT witness, max(size) AS size, max(time_s) AS time_s FROM seal_cosignature WHERE epoch = :epoch
GROUP BY witness ORDER BY witness
"""
_KEYS: Final = """
SELECT said.subject AS key_id, said.field, said.value, event.happened_us
FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
WHERE said.register = 'key' ORDER BY event.seq, said.position
"""
_LOOKUPS: Final = "SELECT count(*) AS count, max(asked_us) AS last_us FROM audit_lookup"


@dataclass(frozen=True, slots=True)
class Integrity:
    """Counts of records and leaves, the log's trees (the newest first), its witnesses, keys, and look-ups.

    What is newer than the newest leaf is counted as not sealed; what a sealer left out below it is for verification.
    """

    records: Row
    trees: tuple[Row, ...]
    witnesses: tuple[Row, ...]
    keys: tuple[Row, ...]
    lookups: Row

    @property
    def size(self) -> int | None:
        """Leaves under the newest checkpoint; None before the first."""
        return self.trees[0]["size"] if self.trees else None

    @property
    def seen(self) -> int:
        """The largest size that a witness has seen."""
        return max((row["size"] for row in self.witnesses), default=0)

    @property
    def state(self) -> str:
        """`good`, `waiting` for a seal or a witness, or `none`: nothing is sealed."""
        if self.size is None:
            return "none"
        return "good" if self.records["unsealed"] == 0 and self.seen == self.size else "waiting"


def integrity(reading: Reading) -> Integrity:
    """Look at the log's seals, witnesses and keys."""
    trees = tuple(reading.rows(_CHECKPOINTS))
    witnesses = tuple(reading.rows(_WITNESSES, epoch=trees[0]["epoch"])) if trees else ()
    (records,) = reading.rows(_RECORDS)
    (lookups,) = reading.rows(_LOOKUPS)
    return Integrity(records, trees, witnesses, _keys(reading), lookups)


def _keys(reading: Reading) -> tuple[Row, ...]:
    """Each key as the register has it now: the latest value of each field, and when it was first registered."""
    keys: dict[str, Row] = {}
    for row in reading.rows(_KEYS):
        nothing = {"key_id": row["key_id"], "owner": None, "public": None, "revoked": None}
        key = keys.setdefault(row["key_id"], nothing | {"registered_us": row["happened_us"]})
        key[row["field"]] = row["value"]
    return tuple(sorted(keys.values(), key=lambda key: (key["owner"] or "", key["key_id"])))
