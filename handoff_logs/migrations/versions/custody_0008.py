"""Nobody signs both sides of a handoff with either hand. Revision ID: custody_0008"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0008"
down_revision = "custody_0007"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0008"


def upgrade() -> None:
    """Add the guard; no record is touched."""
    for statement in (SQL / f"guards.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: what the log refuses stays refused."""
    raise RuntimeError("guards of custody are not dropped; restore a copy of the database instead")
