"""Who asked the log what, and the log in order of time. Revision ID: custody_0004"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0004"
down_revision = "custody_0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0004"


def upgrade() -> None:
    """Create the table, its guards, and the indexes that a page of the log is read by."""
    dialect = op.get_bind().dialect.name
    seq_type = "INTEGER" if dialect == "sqlite" else "BIGSERIAL"
    for name in ("tables", f"guards.{dialect}"):
        for statement in (SQL / f"{name}.sql").read_text(encoding="utf-8").split("--;\n"):
            op.get_bind().execute(text(statement.replace("{seq_type}", seq_type).replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: what was asked of the log is never dropped by a program."""
    raise RuntimeError("records of look-ups are not dropped; restore a copy of the database instead")
