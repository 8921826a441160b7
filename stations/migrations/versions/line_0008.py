"""The register of alarms and its outbox, with the guards that keep both. Revision ID: line_0008."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0008"
down_revision = "line_0007"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0008"


def upgrade() -> None:
    """Create the tables, then guard them."""
    create_tables()
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who was told of what, and who took it, is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def create_tables() -> None:
    """Create every table and index."""
    op.create_table(
        "alarm",
        sa.Column("alarm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("cleared_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(kind) BETWEEN 1 AND 24", name="ck_alarm_kind"),
        sa.CheckConstraint("length(subject) BETWEEN 1 AND 40", name="ck_alarm_subject"),
        sa.CheckConstraint("seen >= 1", name="ck_alarm_seen"),
        sa.CheckConstraint("amount IS NULL OR amount >= 0", name="ck_alarm_amount"),
        sa.CheckConstraint("cleared_us IS NULL OR cleared_us >= raised_us", name="ck_alarm_cleared"),
        sa.PrimaryKeyConstraint("alarm_id"),
    )
    _index("uq_alarm_open", "alarm", ["kind", "subject"], "cleared_us IS NULL", unique=True)
    _index("ix_alarm_open", "alarm", ["raised_us"], "cleared_us IS NULL", unique=False)
    op.create_index("ix_alarm_kind", "alarm", ["kind", "subject", "cleared_us"], unique=False)
    op.create_table(
        "alarm_step",
        sa.Column("alarm_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=10), nullable=True),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.CheckConstraint("position >= 1", name="ck_alarm_step_position"),
        sa.CheckConstraint(
            "step IN ('raised', 'returned', 'acknowledged', 'escalated', 'cleared')", name="ck_alarm_step"
        ),
        sa.CheckConstraint("(position = 1) = (step = 'raised')", name="ck_alarm_step_first"),
        sa.CheckConstraint(
            "(step = 'acknowledged') = (person IS NOT NULL) AND (person IS NULL) = (sign_in IS NULL)",
            name="ck_alarm_step_person",
        ),
        sa.CheckConstraint(
            "(step = 'escalated') = (role IS NOT NULL) AND (role IS NULL OR role IN ('clerk', 'reviewer', 'operator', 'keeper', 'inspector', 'packer', 'mailer', 'driver', 'lead', 'administrator', 'auditor'))",
            name="ck_alarm_step_role",
        ),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.alarm_id"]),
        sa.ForeignKeyConstraint(["person"], ["person.code"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("alarm_id", "position"),
    )
    _index("uq_alarm_step_acknowledged", "alarm_step", ["alarm_id"], "step = 'acknowledged'", unique=True)
    _index("uq_alarm_step_escalated", "alarm_step", ["alarm_id", "role"], "step = 'escalated'", unique=True)
    op.create_table(
        "alarm_notice",
        sa.Column("alarm_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.String(length=10), nullable=True),
        sa.CheckConstraint("ended IS NULL OR ended IN ('told', 'withdrawn', 'given_up')", name="ck_alarm_notice_ended"),
        sa.ForeignKeyConstraint(
            ["alarm_id", "position"], ["alarm_step.alarm_id", "alarm_step.position"], name="fk_alarm_notice_step"
        ),
        sa.PrimaryKeyConstraint("alarm_id", "position"),
    )
    _index("ix_alarm_notice_open", "alarm_notice", ["due_us"], "ended IS NULL", unique=False)
    op.create_table(
        "alarm_delivery",
        sa.Column("alarm_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target", sa.String(length=31), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.CheckConstraint("tries >= 1", name="ck_alarm_delivery_tries"),
        sa.ForeignKeyConstraint(
            ["alarm_id", "position"], ["alarm_notice.alarm_id", "alarm_notice.position"], name="fk_alarm_delivery"
        ),
        sa.PrimaryKeyConstraint("alarm_id", "position", "target"),
    )
    _index("ix_alarm_delivery_unsent", "alarm_delivery", ["tries"], "sent_us IS NULL", unique=False)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
