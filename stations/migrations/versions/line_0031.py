"""Questions to applicants with their answers, and passes that are decided again. Revision ID: line_0031."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0031"
down_revision = "line_0030"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0031"


def upgrade() -> None:
    """Create the tables and guard them, applications and verdicts by them."""
    op.create_table(
        "review_question",
        sa.Column("sending_id", sa.String(length=32), nullable=False),
        *_named(),
        sa.Column("office", sa.String(length=20), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=False),
        sa.Column("sent_by", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(sending_id) = 32", name="ck_review_question_id"),
        _of_verdict("fk_review_question_verdict"),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("sending_id", "application_id"),
    )
    op.create_table(
        "review_answer",
        *_named(),
        sa.Column("answers", sa.String(length=500), nullable=False),
        sa.Column("answered_on", sa.String(length=10), nullable=False),
        sa.Column("loaded_us", sa.BigInteger(), nullable=False),
        sa.Column("loaded_by", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("answers <> ''", name="ck_review_answer_answers"),
        _of_verdict("fk_review_answer_verdict"),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("application_id", "revision", "round"),
    )
    op.create_table(
        "review_second",
        *_named(),
        sa.Column("why", sa.String(length=8), nullable=False),
        sa.Column("chosen_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("why IN ('share', 'class')", name="ck_review_second_why"),
        _of_verdict("fk_review_second_verdict"),
        sa.PrimaryKeyConstraint("application_id", "revision", "round"),
    )
    op.create_index("ix_review_question_application", "review_question", ["application_id", "round"], unique=False)
    op.create_index("ix_review_second_chosen", "review_second", ["chosen_us"], unique=False)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _named() -> tuple["sa.Column[str]", "sa.Column[int]", "sa.Column[int]"]:
    return (
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
    )


def _of_verdict(name: str) -> sa.ForeignKeyConstraint:
    columns = ("application_id", "revision", "round")
    return sa.ForeignKeyConstraint(columns, [f"review_verdict.{column}" for column in columns], name=name)


def downgrade() -> None:
    """Refuse: what was asked and answered is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
