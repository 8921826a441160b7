"""A record that is not EMULATED bears no EMULATED person. Revision ID: custody_0011"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0011"
down_revision = "custody_0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0011"


def upgrade() -> None:
    """Create the guard; records that stand are not touched, and verification names those that it would refuse."""
    for statement in (SQL / f"guards.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: what the log refuses stays refused."""
    raise RuntimeError("guards of custody are not dropped; restore a copy of the database instead")
