"""Signatures of every record, registers that change by records, and the seals over all of them.

Revision ID: custody_0002
"""

import re
from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0002"
down_revision = "custody_0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0002"
KEYS = {
    "custody_register": "other.event_id = new.event_id AND other.position = new.position",
    "seal_origin": "other.epoch = new.epoch OR other.origin = new.origin",
    "seal_leaf": "(other.epoch = new.epoch AND other.leaf_index = new.leaf_index) OR other.event_seq = new.event_seq",
    "seal_node": "other.epoch = new.epoch AND other.level = new.level AND other.node_index = new.node_index",
    "seal_checkpoint": "other.epoch = new.epoch AND other.size = new.size",
    "seal_cosignature": "other.epoch = new.epoch AND other.size = new.size AND other.witness = new.witness"
    " AND other.time_s = new.time_s",
}
"""The new append-only tables, and when two rows of each are the same one."""
_RULE = re.compile(r"THEN \{(.+)\}")


def upgrade() -> None:
    """Create everything; a log that has unsigned records is left as it is."""
    connection = op.get_bind()
    if connection.execute(text("SELECT 1 FROM custody_event LIMIT 1")).first():
        raise RuntimeError("this log has records that nobody signed; keep it to read it, and begin a new folder")
    dialect = connection.dialect.name
    verdict = r"THEN RAISE(ABORT, 'custody: \1')" if dialect == "sqlite" else r"THEN '\1'"
    rules = _RULE.sub(verdict, _read("key_rules"))
    _run("tables")
    _run(f"guards.{dialect}", key_rules=rules)
    for table, same in KEYS.items():
        _run(f"append_only.{dialect}", table=table, same=same)


def downgrade() -> None:
    """Refuse: custody records are never dropped by a program."""
    raise RuntimeError("custody records are not dropped; restore a copy of the database instead")


def _run(name: str, **words: str) -> None:
    for statement in _read(name).split("--;\n"):
        for word, meaning in words.items():
            statement = statement.replace(f"{{{word}}}", meaning)
        op.get_bind().execute(text(statement.replace(":", r"\:")))


def _read(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
