"""Sessions at the terminal, and the guards that keep them. Revision ID: line_0010."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0010"
down_revision = "line_0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0010"


def upgrade() -> None:
    """Create the table, then guard it."""
    op.create_table(
        "terminal_session",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("password_us", sa.BigInteger(), nullable=False),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("computer", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_how", sa.String(length=10), nullable=True),
        sa.CheckConstraint("until_us - begun_us BETWEEN 1 AND 28800000000", name="ck_terminal_session_length"),
        sa.CheckConstraint("seen_us >= begun_us AND seen_us < until_us", name="ck_terminal_session_seen"),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL AND ended_how IN ('signed-out', 'replaced', 'lapsed'))",
            name="ck_terminal_session_ended",
        ),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("session_id"),
        sa.UniqueConstraint("sign_in", name="uq_terminal_session_sign_in"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who looked what up is told by the sessions too."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
