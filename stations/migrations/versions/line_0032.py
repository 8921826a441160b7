"""The operators' desk: what was signed at the machines before it is booked. Revision ID: line_0032."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0032"
down_revision = "line_0035"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0032"


def upgrade() -> None:
    """Create the table, and guard it."""
    op.create_table(
        "machine_act",
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=16), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("first_sign_in", sa.String(length=32), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("booked_us", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.String(length=40), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(act_id) = 32", name="ck_machine_act_id"),
        sa.CheckConstraint(
            "kind IN ('load', 'collect', 'fill', 'deface', 'restock', 'right', 'settle')", name="ck_machine_act_kind"
        ),
        sa.CheckConstraint(
            "(kind IN ('load', 'deface', 'settle')) = (second IS NOT NULL) AND (second IS NULL) = (second_sign_in IS NULL)",
            name="ck_machine_act_hands",
        ),
        sa.CheckConstraint("second IS NULL OR first <> second", name="ck_machine_act_two_people"),
        sa.CheckConstraint(
            "(booked_us IS NULL) = (told IS NULL) AND (booked_us IS NOT NULL OR refusal IS NULL) AND (booked_us IS NULL OR content = '')",
            name="ck_machine_act_booked",
        ),
        sa.ForeignKeyConstraint(["first_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("act_id"),
    )
    open_acts, right = sa.text("booked_us IS NULL"), sa.text("kind = 'right'")
    op.create_index(
        "ix_machine_act_open",
        "machine_act",
        ["stored_us", "act_id"],
        sqlite_where=open_acts,
        postgresql_where=open_acts,
    )
    op.create_index("ix_machine_act_stored", "machine_act", ["stored_us"])
    op.create_index(
        "ix_machine_act_right", "machine_act", ["subject", "booked_us"], sqlite_where=right, postgresql_where=right
    )
    dialect = op.get_bind().dialect.name
    for statement in (SQL / f"guards.{dialect}.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what people signed is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
