"""The casebook: mistakes that were caught, and the rules that some of them test. Revision ID: line_0026."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0026"
down_revision = "line_0025"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0026"


def upgrade() -> None:
    """Create the tables and guard them."""
    op.create_table(
        "casebook_entry",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("corrects", sa.String(length=32), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("caught_at", sa.String(length=10), nullable=False),
        sa.Column("shown_character", sa.String(length=1), nullable=False),
        sa.Column("taken_for", sa.String(length=8), nullable=False),
        sa.Column("words", sa.String(length=160), nullable=False),
        sa.Column("region", sa.String(length=12), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("figures", sa.String(length=400), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("shift", sa.String(length=64), nullable=False),
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(case_id) = 32 AND corrects <> case_id", name="ck_book_entry_id"),
        sa.CheckConstraint("corrects IS NOT NULL OR NOT withdrawn", name="ck_book_entry_withdrawn"),
        sa.CheckConstraint(
            "substr(reason, 1, length(item)) = item AND (reason = item OR substr(reason, length(item) + 1, 1) = '_')",
            name="ck_book_entry_reason",
        ),
        sa.CheckConstraint("caught_at IN ('review', 'qc', 'packing')", name="ck_book_entry_caught_at"),
        sa.CheckConstraint(
            "length(shown_character) <= 1 AND (shown_character <> '' OR taken_for = '')",
            name="ck_book_entry_character",
        ),
        sa.CheckConstraint(
            "(picture IS NULL) = (region IS NULL) AND (picture IS NULL OR length(picture) BETWEEN 40 AND 16384)",
            name="ck_book_entry_picture",
        ),
        sa.CheckConstraint(
            "region IN ('left_ear', 'right_ear', 'left_eye', 'right_eye', 'mouth', 'crown', 'background', 'character')",
            name="ck_book_entry_region",
        ),
        sa.CheckConstraint("length(day) = 10", name="ck_book_entry_day"),
        sa.CheckConstraint(
            "(substr(writer, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_book_entry_signed",
        ),
        sa.ForeignKeyConstraint(["corrects"], ["casebook_entry.case_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("corrects", name="uq_casebook_entry_corrects"),
    )
    op.create_table(
        "casebook_attachment",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("first_sign_in", sa.String(length=32), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(second IS NULL) = (second_sign_in IS NULL) AND second <> first", name="ck_book_attachment_second"
        ),
        sa.CheckConstraint("length(day) = 10", name="ck_book_attachment_day"),
        sa.ForeignKeyConstraint(["case_id"], ["casebook_entry.case_id"]),
        sa.ForeignKeyConstraint(["first_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("case_id", "rule"),
    )
    for name, columns in (
        ("ix_casebook_entry_day", ["day"]),
        ("ix_casebook_entry_item", ["item", "day"]),
        ("ix_casebook_entry_character", ["shown_character"]),
        ("ix_casebook_entry_taken_for", ["taken_for"]),
    ):
        op.create_index(name, "casebook_entry", columns, unique=False)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what was caught is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
