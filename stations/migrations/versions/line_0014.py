"""Patrols: rounds, what they found, what was done about it, and the guards that keep it. Revision ID: line_0014."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0014"
down_revision = "line_0013"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0014"


def upgrade() -> None:
    """Create the tables, then guard them."""
    create_tables()
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who looked, what they found and who mended it stays known."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def create_tables() -> None:
    """Create every table and index."""
    op.create_table(
        "patrol_round",
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("patrol", sa.String(length=31), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("shift_id", sa.String(length=32), nullable=True),
        sa.Column("shift", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("walked_us", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(substr(person, 1, 2) = 'e-') = (sign_in IS NULL)", name="ck_patrol_round_signed"),
        sa.CheckConstraint("emulated OR sign_in IS NOT NULL", name="ck_patrol_round_emulated"),
        sa.CheckConstraint("length(round_id) = 32", name="ck_patrol_round_id"),
        sa.CheckConstraint("answers BETWEEN 1 AND 200", name="ck_patrol_round_answers"),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.shift_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("round_id"),
    )
    op.create_index("ix_patrol_round_last", "patrol_round", ["patrol", "walked_us"], unique=False)
    op.create_table(
        "patrol_answer",
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("point", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=31), nullable=False),
        sa.Column("answer", sa.String(length=3), nullable=False),
        sa.CheckConstraint("answer IN ('ok', 'bad')", name="ck_patrol_answer"),
        sa.ForeignKeyConstraint(["round_id"], ["patrol_round.round_id"]),
        sa.PrimaryKeyConstraint("round_id", "point", "item"),
    )
    op.create_table(
        "patrol_photo",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name="ck_patrol_photo_sha256"),
        sa.CheckConstraint("length(sealed) <= 1048576", name="ck_patrol_photo_size"),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "patrol_finding",
        sa.Column("finding_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("point", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=31), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("what_sha256", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=40), nullable=True),
        sa.Column("photo", sa.String(length=64), nullable=True),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('device', 'system', 'network')", name="ck_patrol_finding_kind"),
        sa.CheckConstraint(
            "length(what) BETWEEN 1 AND 500 AND length(what_sha256) = 64", name="ck_patrol_finding_what"
        ),
        sa.CheckConstraint("machine IS NULL OR machine = point", name="ck_patrol_finding_machine"),
        sa.ForeignKeyConstraint(["photo"], ["patrol_photo.sha256"]),
        sa.ForeignKeyConstraint(
            ["round_id", "point", "item"],
            ["patrol_answer.round_id", "patrol_answer.point", "patrol_answer.item"],
            name="fk_patrol_finding_answer",
        ),
        sa.PrimaryKeyConstraint("finding_id"),
        sa.UniqueConstraint("round_id", "point", "item", name="uq_patrol_finding_answer"),
    )
    unended = sa.text("NOT ended")
    op.create_index(
        "ix_patrol_finding_open",
        "patrol_finding",
        ["machine"],
        unique=False,
        sqlite_where=unended,
        postgresql_where=unended,
    )
    op.create_table(
        "patrol_step",
        sa.Column("finding_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=True),
        sa.Column("what_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(substr(person, 1, 2) = 'e-') = (sign_in IS NULL)", name="ck_patrol_step_signed"),
        sa.CheckConstraint("position >= 1", name="ck_patrol_step_position"),
        sa.CheckConstraint("step IN ('taken', 'mended', 'returned', 'checked')", name="ck_patrol_step"),
        sa.CheckConstraint(
            "(step IN ('mended', 'returned')) = (what IS NOT NULL) AND (what IS NULL) = (what_sha256 IS NULL) AND (what IS NULL OR length(what) BETWEEN 1 AND 500)",
            name="ck_patrol_step_what",
        ),
        sa.ForeignKeyConstraint(["finding_id"], ["patrol_finding.finding_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("finding_id", "position"),
    )
