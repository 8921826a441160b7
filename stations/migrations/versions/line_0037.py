"""A piece may be taken out of one box more than once, each time after a match into it. Revision ID: line_0037."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0037"
down_revision = "line_0032"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0037"


def upgrade() -> None:
    """Name the match that is taken out of its box, once, and guard that; what was stored before names none."""
    bind = op.get_bind()
    bind.exec_driver_sql(
        "ALTER TABLE packing_match ADD COLUMN takes_out VARCHAR(32) REFERENCES packing_match (match_id)"
    )
    op.drop_index("uq_packing_match_aside", table_name="packing_match")
    for name, columns, where in (
        (
            "uq_packing_match_aside",
            ["document_unit", "tray"],
            "outcome <> 'matched' AND document_unit IS NOT NULL AND takes_out IS NULL",
        ),
        ("uq_packing_match_takes_out", ["takes_out"], "takes_out IS NOT NULL"),
    ):
        of = sa.text(where)
        op.create_index(name, "packing_match", columns, unique=True, sqlite_where=of, postgresql_where=of)
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who took what out is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
