"""A signed and sealed log of any length on SQLite, written in bulk: blanks that go back and forth between two stations.

The rows are what the line writes, hashed, numbered, signed and sealed alike; only the guards are not asked row by row,
which would take an hour for what takes a minute here.
"""

import base64
import sqlite3
import time
from pathlib import Path

from handoff_logs import log_key, migrations, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, SigningKey, station_owner
from handoff_logs.log import Stamp
from handoff_logs.merkle import Tree, leaf_hash
from handoff_logs.notes import signed
from handoff_logs.projections import WHEREABOUTS, WHEREABOUTS_COLUMNS
from handoff_logs.records import (
    ADMINISTRATION,
    EVENT_FIELDS,
    SCHEMA_VERSION,
    UNIT_FIELDS,
    Scalar,
    event_hash,
    leaf_entry,
    new_id,
    number_hash,
    signed_bytes,
    units_root,
)
from handoff_logs.sealing import Sealer
from handoff_logs.tree_store import is_kept

CROSSINGS = 3
"""How often each unit is offered and accepted; with its receipt that makes seven rows."""
IN_FLIGHT = 20
"""Trays that are under way side by side, so that a unit's rows lie apart as on the line."""
CHECKPOINT_EVENTS = 500
STATIONS = ("review", "qc")

_EVENT_COLUMNS = ("seq", *EVENT_FIELDS, "signature")


def generate(folder: Path, rows: int, tray: int) -> str:
    """Write a log of about `rows` unit rows in trays of `tray` below `folder`; returns its database url."""
    url = f"sqlite:///{folder / 'passline.db'}"
    migrations.upgrade(url)
    key = log_key.create(folder / "log", "bench")
    with Keyring.create(folder / "signing", map(station_owner, (ADMINISTRATION, *STATIONS))) as keyring:
        with Database(url, keyring=keyring) as database:
            public = (*keyring.public_keys, key.public)
            database.write(lambda tx: register.begin(tx, public, Stamp(database.clock_us(tx), True)))
            Sealer(database, key).seal()
        keys = {station: keyring.of_station(station) for station in STATIONS}
        connection = sqlite3.connect(folder / "passline.db", isolation_level=None)
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        connection.execute("BEGIN")
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        _write(connection, keys, key, rows, tray)
        for _, sql in guards:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.close()
    return url


def _write(
    connection: sqlite3.Connection, keys: dict[str, SigningKey], key: log_key.LogKey, rows: int, tray: int
) -> None:
    writer = _Writer(connection, keys, key)
    trays = max(1, rows // (tray * (1 + 2 * CROSSINGS)))
    for first in range(0, trays, IN_FLIGHT):
        under_way = [[new_id() for _ in range(tray)] for _ in range(min(IN_FLIGHT, trays - first))]
        for units in under_way:
            _receive(writer, units)
        for crossing in range(CROSSINGS):
            here, there = STATIONS if crossing % 2 == 0 else STATIONS[::-1]
            step = 2 + 2 * crossing
            offers = [_offer(writer, units, step, here, there) for units in under_way]
            for units, (offer, hash_) in zip(under_way, offers, strict=True):
                _accept(writer, units, step + 1, here, there, offer, hash_)
    writer.finish()
    columns = ", ".join(WHEREABOUTS_COLUMNS)
    connection.execute(f"INSERT INTO whereabouts ({columns}) {WHEREABOUTS}")


def _receive(writer: "_Writer", units: list[str]) -> None:
    named = [(unit, f"B{unit}"[:32], unit[::-1]) for unit in units]
    rows = [
        (
            unit,
            1,
            None,
            "blank",
            "held",
            STATIONS[0],
            "shelf",
            f"{STATIONS[0]}-1",
            *[None] * 4,
            number_hash(salt, number),
        )
        for unit, number, salt in named
    ]
    writer.event("receive", STATIONS[0], rows, second_person=f"{STATIONS[0]}-2", to_place="shelf")
    writer.numbers(named)


def _offer(writer: "_Writer", units: list[str], step: int, here: str, there: str) -> tuple[str, str]:
    offer = new_id()
    rows = [(unit, step, step - 1, "blank", "offered", here, "out", f"{here}-1", offer, *[None] * 4) for unit in units]
    return offer, writer.event("offer", here, rows, event_id=offer, from_place="out", to_station=there, priority=2)


def _accept(writer: "_Writer", units: list[str], step: int, here: str, there: str, offer: str, offer_hash: str) -> None:
    rows = [(unit, step, step - 1, "blank", "held", there, "in", f"{there}-1", *[None] * 5) for unit in units]
    facts: dict[str, Scalar] = {"handoff_id": offer, "offer_id": offer, "offer_hash": offer_hash, "to_place": "in"}
    facts |= {"person": f"{there}-1", "offer_person": f"{here}-1", "from_place": "out", "to_station": there}
    writer.event("accept", here, rows, **facts)


class _Writer:
    """Writes events, their rows and leaves."""

    def __init__(self, connection: sqlite3.Connection, keys: dict[str, SigningKey], log: log_key.LogKey) -> None:
        self._connection, self._keys, self._log = connection, keys, log
        self._numbers = dict.fromkeys(keys, 0)
        ((genesis,),) = connection.execute("SELECT leaf_hash FROM seal_leaf").fetchall()
        self._nodes: list[tuple[int, int, str]] = []
        self._tree = Tree(self._completed)
        self._tree.append(bytes.fromhex(genesis))
        self._clock_us = time.time_ns() // 1000

    def event(self, act: str, station: str, units: list[tuple[Scalar, ...]], **facts: Scalar) -> str:
        """Write an event; `units` are rows from `unit_id` on without event and position."""
        self._clock_us += 100
        event: dict[str, Scalar] = dict.fromkeys(EVENT_FIELDS)
        event_id = str(facts.pop("event_id", None) or new_id())
        signer = str(facts["to_station"]) if act == "accept" else station
        self._numbers[signer] += 1
        event |= {"event_id": event_id, "handoff_id": event_id, "act": act, "from_station": station}
        event |= {"person": f"{station}-1", "shift": "day", "tray": "T1", "emulated": True}
        event |= {"key_id": self._keys[signer].key_id, "key_number": self._numbers[signer]}
        event |= {"count_expected": len(units), "count_counted": len(units), "last_position": len(units)}
        event |= {"happened_us": self._clock_us, "written_us": self._clock_us, "schema_version": SCHEMA_VERSION}
        event |= facts
        rows = [(*unit[:3], event_id, place, *unit[3:]) for place, unit in enumerate(units, start=1)]
        event["units_root"] = units_root(rows)
        hash_ = event_hash(event)
        signature = self._keys[signer].sign(signed_bytes(hash_))
        seq = self._tree.size + 1
        marks = ", ".join("?" * len(_EVENT_COLUMNS))
        self._connection.execute(
            f"INSERT INTO custody_event ({', '.join(_EVENT_COLUMNS)}) VALUES ({marks})",
            (seq, *(event[field] for field in EVENT_FIELDS), signature),
        )
        marks = ", ".join("?" * len(UNIT_FIELDS))
        self._connection.executemany(f"INSERT INTO custody_unit ({', '.join(UNIT_FIELDS)}) VALUES ({marks})", rows)
        leaf = leaf_hash(leaf_entry(seq, hash_, signature, None))
        self._connection.execute("INSERT INTO seal_leaf VALUES (1, ?, ?, ?)", (self._tree.size, seq, leaf.hex()))
        self._tree.append(leaf)
        if self._tree.size % CHECKPOINT_EVENTS == 0:
            self.sign()
        return hash_

    def numbers(self, named: list[tuple[str, str, str]]) -> None:
        """Keep (unit, number, salt)."""
        self._connection.executemany(
            "INSERT INTO unit_number (unit_id, number, salt, kind) VALUES (?, ?, ?, 'blank')", named
        )

    def sign(self) -> None:
        """Sign what is there."""
        checkpoint = Checkpoint(self._log.origin, self._tree.size, self._tree.root())
        signature = base64.b64encode(signed(checkpoint.text, self._log.verifier, self._log.sign).value).decode()
        row = (1, checkpoint.size, checkpoint.root.hex(), self._log.public.key_id, signature)
        self._connection.execute(
            "INSERT INTO seal_checkpoint (epoch, size, root, key_id, signature) VALUES (?, ?, ?, ?, ?)", row
        )

    def finish(self) -> None:
        """Sign the end and keep the hashes of complete subtrees."""
        self.sign()
        self._connection.executemany(
            "INSERT INTO seal_node (epoch, level, node_index, hash) VALUES (1, ?, ?, ?)", self._nodes
        )

    def _completed(self, level: int, index: int, hash_: bytes) -> None:
        if is_kept(level):
            self._nodes.append((level, index, hash_.hex()))
