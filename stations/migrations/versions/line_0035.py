"""What stood when a shift ended is kept with its close. Revision ID: line_0035."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0035"
down_revision = "line_0034"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0035"


def upgrade() -> None:
    """Create the table and guard it; shifts that ended before have no row."""
    op.create_table(
        "shift_stood",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("stood", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.shift_id"]),
        sa.PrimaryKeyConstraint("shift_id"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what stood is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
