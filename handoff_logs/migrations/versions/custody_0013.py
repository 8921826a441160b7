"""Where blanks stood is summed up by eight hours. Revision ID: custody_0013"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0013"
down_revision = "custody_0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0013"


def upgrade() -> None:
    """Create the tables, empty; the sealer fills them, and no record is touched."""
    for statement in (SQL / "tables.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().execute(text(statement))


def downgrade() -> None:
    """Drop the sums, which the log tells again."""
    op.execute("DROP TABLE blank_change")
    op.execute("DROP TABLE blank_tally")
