"""Writes a log in bulk on SQLite: hashed, numbered, signed and sealed as the line writes it, its guards not asked.

The guards would be asked row by row, which takes an hour for what takes minutes here; `passline logs verify` finds
nothing, as the tests of the generated logs hold.
"""

import base64
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from handoff_logs import blank_tally, log_key, migrations
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.merkle import Tree, leaf_hash
from handoff_logs.notes import signed
from handoff_logs.projections import OPEN_OFFER_COLUMNS, OPEN_OFFERS, WHEREABOUTS, WHEREABOUTS_COLUMNS
from handoff_logs.records import (
    ADMINISTRATION,
    CASE_FIELDS,
    EVENT_FIELDS,
    REGISTER_FIELDS,
    SCHEMA_VERSION,
    UNIT_FIELDS,
    Kind,
    Scalar,
    acting_station,
    event_hash,
    leaf_entry,
    number_hash,
    signed_bytes,
    units_root,
)
from handoff_logs.register import PROGRAM, key_entries
from handoff_logs.tree_store import is_kept

CHECKPOINT_EVENTS = 500
CACHE_KIB = 500_000

_EVENT_COLUMNS = ("seq", *EVENT_FIELDS, "signature")
_AFTER_STEP = UNIT_FIELDS[UNIT_FIELDS.index("kind") :]
_NO_FACTS: dict[str, Scalar] = dict.fromkeys(EVENT_FIELDS)


class BulkLog:
    """A log that is being written, from its first record on. `clock_us`: when the last record was written.

    Ids are drawn from `rng`, so that one seed makes one log but for its keys.
    """

    def __init__(
        self, connection: sqlite3.Connection, keyring: Keyring, log: log_key.LogKey, rng: random.Random, start_us: int
    ) -> None:
        self._connection, self._keyring, self._log, self._rng = connection, keyring, log, rng
        self._numbers: dict[str, int] = {}
        self._nodes: list[tuple[int, int, str]] = []
        self._cases: dict[str, str] = {}
        self._tree = Tree(self._completed)
        self.clock_us = start_us
        entries = [tuple(entry) for entry in key_entries((*keyring.public_keys, log.public))]
        connection.execute("INSERT INTO seal_origin VALUES (1, ?)", (log.origin,))
        facts = {"person": PROGRAM, "shift": "-", "count_expected": 0, "count_counted": 0}
        self.event("register", ADMINISTRATION, (), entries=entries, **facts)

    def new_id(self) -> str:
        """Return an id as `records.new_id` makes them, of this log's own time."""
        ms, drawn = self.clock_us // 1000, self._rng.getrandbits(74)
        return f"{(ms << 80) | (0x7 << 76) | ((drawn >> 62) << 64) | (0b10 << 62) | (drawn & (2**62 - 1)):032x}"

    def event(
        self,
        act: str,
        station: str,
        units: Sequence[tuple[str, int, Mapping[str, Scalar]]],
        *,
        missing: str | None = None,
        entries: Iterable[tuple[Scalar, ...]] = (),
        **facts: Scalar,
    ) -> tuple[str, str]:
        """Write an event of (unit, step, its columns from `kind` on); returns its id and hash.

        `missing`: the station that opens a case for each of its units.
        """
        self.clock_us += 1
        event_id = str(facts.pop("event_id", None) or self.new_id())
        event = _NO_FACTS | {"event_id": event_id, "handoff_id": event_id, "act": act, "from_station": station}
        event |= {"count_expected": len(units), "count_counted": len(units), "last_position": len(units) or None}
        event |= {"happened_us": self.clock_us, "written_us": self.clock_us, "schema_version": SCHEMA_VERSION}
        event |= {"emulated": True} | facts
        signer = acting_station(event)
        key = self._keyring.of_station(signer)
        self._numbers[signer] = self._numbers.get(signer, 0) + 1
        event |= {"key_id": key.key_id, "key_number": self._numbers[signer]}
        rows = [
            (unit, step, step - 1 or None, event_id, position, *map(columns.get, _AFTER_STEP))
            for position, (unit, step, columns) in enumerate(units, start=1)
        ]
        told = [(event_id, position, *entry) for position, entry in enumerate(entries, start=1)]
        cases = sorted(
            (self.new_id(), event_id, event["handoff_id"], unit, "missing", missing, self.clock_us)
            for unit, *_ in (units if missing else ())
        )
        event["units_root"] = units_root(rows, cases, told)
        hash_ = event_hash(event)
        signature = key.sign(signed_bytes(hash_))
        seq = self._tree.size + 1
        self._insert("custody_event", _EVENT_COLUMNS, [(seq, *event.values(), signature)])
        self._insert("custody_unit", UNIT_FIELDS, rows)
        self._insert("custody_case", CASE_FIELDS, cases)
        self._cases |= {str(unit): str(case) for case, _, _, unit, *_ in cases}
        self._insert("custody_register", REGISTER_FIELDS, told)
        leaf = leaf_hash(leaf_entry(seq, hash_, signature, None))
        self._connection.execute("INSERT INTO seal_leaf VALUES (1, ?, ?, ?)", (self._tree.size, seq, leaf.hex()))
        self._tree.append(leaf)
        if self._tree.size % CHECKPOINT_EVENTS == 0:
            self._sign()
        return event_id, hash_

    def case_of(self, unit: str) -> str:
        """Return the open case of a missing unit, which this closes."""
        return self._cases.pop(unit)

    def number(self, unit: str, kind: Kind, number: str) -> str:
        """Keep the number on a unit; returns its salted hash."""
        salt = f"{self._rng.getrandbits(128):032x}"
        self._insert("unit_number", ("unit_id", "number", "salt", "kind"), [(unit, number, salt, kind.value)])
        return number_hash(salt, number)

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> None:
        if rows:
            marks = ", ".join("?" * len(columns))
            self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def _sign(self) -> None:
        checkpoint = Checkpoint(self._log.origin, self._tree.size, self._tree.root())
        signature = base64.b64encode(signed(checkpoint.text, self._log.verifier, self._log.sign).value).decode()
        row = (1, checkpoint.size, checkpoint.root.hex(), self._log.public.key_id, signature)
        self._insert("seal_checkpoint", ("epoch", "size", "root", "key_id", "signature"), [row])

    def _completed(self, level: int, index: int, hash_: bytes) -> None:
        if is_kept(level):
            self._nodes.append((level, index, hash_.hex()))

    def finish(self) -> None:
        """Sign the end, keep the hashes of complete subtrees, and write the line tables from the log."""
        if self._tree.size % CHECKPOINT_EVENTS:
            self._sign()
        self._insert("seal_node", ("epoch", "level", "node_index", "hash"), [(1, *node) for node in self._nodes])
        for table, columns, told in (
            ("whereabouts", WHEREABOUTS_COLUMNS, WHEREABOUTS),
            ("open_offer", OPEN_OFFER_COLUMNS, OPEN_OFFERS),
        ):
            names = ", ".join(columns)
            self._connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM ({told}) AS told")
        for statement in blank_tally.REBUILD:
            self._connection.execute(statement)


@contextmanager
def writing(folder: Path, stations: Iterable[str], rng: random.Random, start_us: int) -> Iterator[BulkLog]:
    """A new log below `folder` (`passline.db`, its keys), finished and with its guards when the block ends."""
    path = folder / "passline.db"
    migrations.upgrade(f"sqlite:///{path}")
    log = log_key.create(folder / "log", "bench")
    connection = sqlite3.connect(path, isolation_level=None)
    guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    # What a crash leaves of it is of no use to anybody.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("BEGIN")
    for name, _ in guards:
        connection.execute(f"DROP TRIGGER {name}")
    with Keyring.create(folder / "signing", map(station_owner, (ADMINISTRATION, *stations))) as keyring:
        bulk = BulkLog(connection, keyring, log, rng, start_us)
        yield bulk
        bulk.finish()
    for _, sql in guards:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
