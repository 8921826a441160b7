"""Sign-ins through the centre's OpenID issuer, kept apart from those that sign. Revision ID: line_0020."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0020"
down_revision = "line_0019"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0020"


def upgrade() -> None:
    """Create the table and guard it."""
    op.create_table(
        "issuer_sign_in",
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("refusal", sa.String(length=10), nullable=True),
        sa.CheckConstraint(
            "(accepted AND code IS NOT NULL AND refusal IS NULL) OR (NOT accepted AND refusal IS NOT NULL AND refusal IN ('unasked', 'issuer', 'down', 'token', 'weak', 'codeless', 'nobody', 'relieved', 'roleless') AND (code IS NOT NULL) = (refusal IN ('nobody', 'relieved', 'roleless')))",
            name="ck_issuer_sign_in_outcome",
        ),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("ix_issuer_sign_in_code", "issuer_sign_in", ["code", "at_us"], unique=False)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who came in is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
