"""Badges; who watches alarms, what those on call are told; who is let in by a lead. Revision ID: line_0027."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0027"
down_revision = "line_0026"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0027"


def upgrade() -> None:
    """Create the tables, then guard them."""
    create_badges()
    create_watch()
    create_admissions()
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: badges were issued, and the log says so."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def create_badges() -> None:
    """Create the tables of badges and of the sign-ins with them."""
    op.create_table(
        "person_badge",
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("issued_by", sa.String(length=10), nullable=False),
        sa.Column("issued_second", sa.String(length=10), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(length=10), nullable=True),
        sa.Column("ended_second", sa.String(length=10), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_how", sa.String(length=10), nullable=True),
        sa.CheckConstraint(
            "issued_by IS NOT NULL AND issued_second IS NOT NULL AND issued_by <> issued_second AND issued_by <> code AND issued_second <> code",
            name="ck_person_badge_issued_by_two",
        ),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL AND ended_by IS NULL AND ended_second IS NULL) OR (ended_us IS NOT NULL AND ended_by IS NOT NULL AND ended_how IS NOT NULL AND ended_how IN ('revoked', 'lost', 'replaced') AND (ended_second IS NOT NULL) = (ended_how = 'replaced'))",
            name="ck_person_badge_ended",
        ),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.ForeignKeyConstraint(["issued_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["issued_second"], ["person.code"]),
        sa.ForeignKeyConstraint(["ended_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["ended_second"], ["person.code"]),
        sa.PrimaryKeyConstraint("mac"),
    )
    live = sa.text("ended_us IS NULL")
    op.create_index(
        "uq_person_badge_live", "person_badge", ["code"], unique=True, sqlite_where=live, postgresql_where=live
    )
    op.create_table(
        "badge_sign_in",
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=True),
        sa.Column("code", sa.String(length=10), nullable=True),
        sa.Column("refusal", sa.String(length=10), nullable=True),
        sa.CheckConstraint(
            "(mac IS NULL) = (code IS NULL) AND (mac IS NOT NULL OR refusal IS NOT NULL) AND (refusal IS NULL OR (refusal = 'unknown' AND mac IS NULL) OR (refusal = 'ended' AND mac IS NOT NULL))",
            name="ck_badge_sign_in_refusal",
        ),
        sa.ForeignKeyConstraint(["mac"], ["person_badge.mac"]),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("ix_badge_sign_in_code", "badge_sign_in", ["code", "at_us"], unique=False)
    op.create_index("ix_badge_sign_in_at", "badge_sign_in", ["at_us"], unique=False)


def create_watch() -> None:
    """Create the lease of the watch over alarms, and mark notices that those on call are told of: none until now."""
    op.create_table(
        "alarm_watch",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("watcher", sa.String(length=32), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("number = 1", name="ck_alarm_watch_one"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.add_column("alarm_notice", sa.Column("on_call", sa.Boolean(), server_default=sa.false(), nullable=False))


def create_admissions() -> None:
    """Create the table of those who are let in by a lead's word."""
    op.create_table(
        "gate_admission",
        sa.Column("shift_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("admitted_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("admitted_by", sa.String(length=10), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("until_us > admitted_us AND code <> admitted_by", name="ck_gate_admission"),
        sa.CheckConstraint("until_us <= admitted_us + 86400000000", name="ck_gate_admission_length"),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.shift_id"]),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.ForeignKeyConstraint(["admitted_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("shift_id", "code", "admitted_us"),
    )
