"""Shifts are handed over to the next, absent people relieved, the line evacuated. Revision ID: line_0013."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0013"
down_revision = "line_0012"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0013"
MOMENT = "moment IN ('opening', 'close')"
MOMENTS = "moment IN ('opening', 'close', 'hand-over', 'relief', 'return')"


def upgrade() -> None:
    """Add the tables, let counts be of more moments, and put the guards of shifts anew; all rows stay."""
    _widen_moments()
    op.create_table(
        "shift_handover",
        sa.Column("from_shift", sa.String(length=32), nullable=False),
        sa.Column("to_shift", sa.String(length=32), nullable=False),
        sa.CheckConstraint("from_shift <> to_shift", name="ck_shift_handover_two"),
        sa.ForeignKeyConstraint(["from_shift"], ["shift.shift_id"]),
        sa.ForeignKeyConstraint(["to_shift"], ["shift.shift_id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("from_shift"),
        sa.UniqueConstraint("to_shift", name="uq_shift_handover_to"),
    )
    op.create_table(
        "shift_relief",
        sa.Column("relief_id", sa.String(length=32), nullable=False),
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("absent", sa.String(length=40), nullable=False),
        sa.Column("reliever", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("relieved_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("absent <> reliever", name="ck_shift_relief_two"),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.shift_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["count_id"], ["shift_count.count_id"]),
        sa.PrimaryKeyConstraint("relief_id"),
        sa.UniqueConstraint("count_id", name="uq_shift_relief_count"),
        sa.UniqueConstraint("sign_in", name="uq_shift_relief_sign_in"),
        sa.UniqueConstraint("shift_id", "absent", name="uq_shift_relief_absent"),
    )
    op.create_table(
        "shift_handed",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units > 0", name="ck_shift_handed_units"),
        sa.ForeignKeyConstraint(["count_id"], ["shift_count.count_id"]),
        sa.PrimaryKeyConstraint("count_id", "station"),
    )
    op.create_table(
        "shift_passed",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.CheckConstraint("kind IN ('offer', 'refused', 'case')", name="ck_shift_passed_kind"),
        sa.ForeignKeyConstraint(["count_id"], ["shift_count.count_id"]),
        sa.PrimaryKeyConstraint("count_id", "kind", "subject"),
    )
    op.create_table(
        "evacuation",
        sa.Column("evacuation_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("ordered_by", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("ordered_us", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("return_count", sa.String(length=32), nullable=True),
        sa.Column("returned_us", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.String(length=10), nullable=True),
        sa.Column("forced_reason", sa.String(length=40), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(substr(ordered_by, 1, 2) = 'e-') = (sign_in IS NULL)", name="ck_evacuation_signed"),
        sa.CheckConstraint("emulated OR sign_in IS NOT NULL", name="ck_evacuation_emulated"),
        sa.CheckConstraint(
            "over = (returned_us IS NOT NULL) AND over = (return_count IS NOT NULL) AND over = (how IS NOT NULL)",
            name="ck_evacuation_over",
        ),
        sa.CheckConstraint("returned_us IS NULL OR returned_us >= ordered_us", name="ck_evacuation_order"),
        sa.CheckConstraint("how IS NULL OR how IN ('counted', 'forced')", name="ck_evacuation_how"),
        sa.CheckConstraint(
            "(forced_reason IS NOT NULL) = (how IS NOT NULL AND how = 'forced')", name="ck_evacuation_forced"
        ),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["return_count"], ["shift_count.count_id"]),
        sa.PrimaryKeyConstraint("evacuation_id"),
        sa.UniqueConstraint("sign_in", name="uq_evacuation_sign_in"),
        sa.UniqueConstraint("return_count", name="uq_evacuation_return_count"),
    )
    op.create_index(
        "uq_evacuation_open",
        "evacuation",
        ["over"],
        unique=True,
        sqlite_where=sa.text("NOT over"),
        postgresql_where=sa.text("NOT over"),
    )
    op.create_table(
        "evacuation_settlement",
        sa.Column("evacuation_id", sa.String(length=32), nullable=False),
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=False),
        sa.Column("settled_second", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("settled_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("settled_by <> settled_second", name="ck_evacuation_settlement_two"),
        sa.CheckConstraint(
            "(substr(settled_by, 1, 2) = 'e-') = (sign_in IS NULL) "
            "AND (substr(settled_second, 1, 2) = 'e-') = (second_sign_in IS NULL)",
            name="ck_evacuation_settlement_signed",
        ),
        sa.CheckConstraint(
            "emulated OR (sign_in IS NOT NULL AND second_sign_in IS NOT NULL)", name="ck_evacuation_settlement_emulated"
        ),
        sa.ForeignKeyConstraint(["evacuation_id"], ["evacuation.evacuation_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("evacuation_id"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _widen_moments() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint("ck_shift_count_moment", "shift_count", type_="check")
        op.create_check_constraint("ck_shift_count_moment", "shift_count", MOMENTS)
        return
    # As line_0005 did: a copied table would lose its triggers, and a check's own words may be rewritten.
    table = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = 'shift_count'")).scalar_one()
    if table.count(MOMENT) != 1:
        raise RuntimeError("the table shift_count is not as line_0011 made it; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE name = 'shift_count'"),
        {"sql": table.replace(MOMENT, MOMENTS)},
    )
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: who answered for what between two shifts stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
