"""Shifts: who opened and closed them, what two people counted, and the guards that keep it. Revision ID: line_0011."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0011"
down_revision = "line_0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0011"


def upgrade() -> None:
    """Create the tables, then guard them."""
    op.create_table(
        "shift_count",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("moment", sa.String(length=10), nullable=False),
        sa.Column("counted_by", sa.String(length=40), nullable=False),
        sa.Column("counted_second", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("counted_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(substr(counted_by, 1, 2) = 'e-') = (sign_in IS NULL) AND (substr(counted_second, 1, 2) = 'e-') = (second_sign_in IS NULL)",
            name="ck_shift_count_signed",
        ),
        sa.CheckConstraint("moment IN ('opening', 'close')", name="ck_shift_count_moment"),
        sa.CheckConstraint("counted_by <> counted_second", name="ck_shift_count_two"),
        sa.CheckConstraint(
            "emulated OR (sign_in IS NOT NULL AND second_sign_in IS NOT NULL)", name="ck_shift_count_emulated"
        ),
        sa.ForeignKeyConstraint(
            ["second_sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.ForeignKeyConstraint(
            ["sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.PrimaryKeyConstraint("count_id"),
        sa.UniqueConstraint("second_sign_in", name="uq_shift_count_second_sign_in"),
        sa.UniqueConstraint("sign_in", name="uq_shift_count_sign_in"),
    )
    op.create_table(
        "shift",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("opening_count", sa.String(length=32), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("opening_reason", sa.String(length=40), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("closing_count", sa.String(length=32), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_how", sa.String(length=10), nullable=True),
        sa.Column("closing_reason", sa.String(length=40), nullable=True),
        sa.Column("closing_left", sa.Text(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(closing_reason IS NOT NULL) = (closed_how IS NOT NULL AND closed_how = 'forced') AND (closing_reason IS NULL) = (closing_left IS NULL)",
            name="ck_shift_forced",
        ),
        sa.CheckConstraint("closed_how IS NULL OR closed_how IN ('balanced', 'forced')", name="ck_shift_how"),
        sa.CheckConstraint(
            "closed = (closed_us IS NOT NULL) AND closed = (closing_count IS NOT NULL) AND closed = (closed_how IS NOT NULL)",
            name="ck_shift_closed",
        ),
        sa.CheckConstraint("closed_us IS NULL OR closed_us >= opened_us", name="ck_shift_order"),
        sa.ForeignKeyConstraint(
            ["closing_count"],
            ["shift_count.count_id"],
        ),
        sa.ForeignKeyConstraint(
            ["opening_count"],
            ["shift_count.count_id"],
        ),
        sa.PrimaryKeyConstraint("shift_id"),
        sa.UniqueConstraint("closing_count", name="uq_shift_closing_count"),
        sa.UniqueConstraint("opening_count", name="uq_shift_opening_count"),
    )
    op.create_index(
        "uq_shift_open",
        "shift",
        ["closed"],
        unique=True,
        sqlite_where=sa.text("NOT closed"),
        postgresql_where=sa.text("NOT closed"),
    )
    op.create_table(
        "shift_counted",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("serials", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name="ck_shift_counted_sha256"),
        sa.CheckConstraint("pieces >= 0", name="ck_shift_counted_pieces"),
        sa.ForeignKeyConstraint(
            ["count_id"],
            ["shift_count.count_id"],
        ),
        sa.PrimaryKeyConstraint("count_id", "station", "place"),
    )
    op.create_table(
        "shift_difference",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("logged", sa.String(length=120), nullable=False),
        sa.CheckConstraint("what IN ('missing', 'surplus', 'misplaced', 'unknown')", name="ck_shift_difference_what"),
        sa.ForeignKeyConstraint(
            ["count_id"],
            ["shift_count.count_id"],
        ),
        sa.PrimaryKeyConstraint("count_id", "serial"),
    )
    op.create_table(
        "shift_item",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.shift_id"],
        ),
        sa.PrimaryKeyConstraint("shift_id", "item"),
    )
    op.create_table(
        "shift_machine",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.shift_id"],
        ),
        sa.PrimaryKeyConstraint("shift_id", "machine"),
    )
    op.create_table(
        "shift_person",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.shift_id"],
        ),
        sa.PrimaryKeyConstraint("shift_id", "code"),
    )
    op.create_table(
        "shift_settlement",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("moment", sa.String(length=10), nullable=False),
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=False),
        sa.Column("settled_second", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("settled_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(substr(settled_by, 1, 2) = 'e-') = (sign_in IS NULL) AND (substr(settled_second, 1, 2) = 'e-') = (second_sign_in IS NULL)",
            name="ck_shift_settlement_signed",
        ),
        sa.CheckConstraint("moment IN ('opening', 'close')", name="ck_shift_settlement_moment"),
        sa.CheckConstraint(
            "emulated OR (sign_in IS NOT NULL AND second_sign_in IS NOT NULL)", name="ck_shift_settlement_emulated"
        ),
        sa.CheckConstraint("settled_by <> settled_second", name="ck_shift_settlement_two"),
        sa.ForeignKeyConstraint(
            ["second_sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.shift_id"],
        ),
        sa.ForeignKeyConstraint(
            ["sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.PrimaryKeyConstraint("shift_id", "moment"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who answered for a shift's balance stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
