"""Open cases have a table, and who refused an offer does not take it back. Revision ID: custody_0010"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0010"
down_revision = "custody_0009"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0010"


def upgrade() -> None:
    """Create the table that follows the cases, with those that are open now, and the guards; no record is touched."""
    for name in ("tables", f"guards.{op.get_bind().dialect.name}"):
        for statement in (SQL / f"{name}.sql").read_text(encoding="utf-8").split("--;\n"):
            op.get_bind().execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: what the log refuses stays refused."""
    raise RuntimeError("guards of custody are not dropped; restore a copy of the database instead")
