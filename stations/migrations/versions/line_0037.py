"""A piece is taken out of one box as often as it is matched into it; mailing has a scale. Revision ID: line_0037."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0037"
down_revision = "line_0036"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0037"


def upgrade() -> None:
    """Name the match that is taken out of its box, make the table of what is asked of the scale, and guard both.

    What was stored before names no match, and was typed.
    """
    bind = op.get_bind()
    bind.exec_driver_sql(
        "ALTER TABLE packing_match ADD COLUMN takes_out VARCHAR(32) REFERENCES packing_match (match_id)"
    )
    op.drop_index("uq_packing_match_aside", table_name="packing_match")
    for name, columns, where in (
        (
            "uq_packing_match_aside",
            ["document_unit", "tray"],
            "outcome <> 'matched' AND document_unit IS NOT NULL AND takes_out IS NULL",
        ),
        ("uq_packing_match_takes_out", ["takes_out"], "takes_out IS NOT NULL"),
    ):
        of = sa.text(where)
        op.create_index(name, "packing_match", columns, unique=True, sqlite_where=of, postgresql_where=of)
    op.create_table(
        "mailing_scale_ask",
        sa.Column("ask_id", sa.String(length=32), nullable=False),
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("tray", sa.String(length=32), nullable=False),
        sa.Column("scale", sa.String(length=32), nullable=False),
        sa.Column("mailer", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("grams", sa.Integer(), nullable=True),
        sa.Column("fault", sa.String(length=8), nullable=True),
        sa.Column("told_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(ask_id) = 32", name="ck_mailing_scale_ask_id"),
        sa.CheckConstraint("grams IS NULL OR grams BETWEEN 1 AND 100000", name="ck_mailing_scale_ask_grams"),
        sa.CheckConstraint("fault IS NULL OR fault IN ('stands', 'empty', 'left')", name="ck_mailing_scale_ask_fault"),
        sa.CheckConstraint(
            "(told_us IS NULL AND grams IS NULL AND fault IS NULL)"
            " OR (told_us IS NOT NULL AND (grams IS NULL) <> (fault IS NULL))",
            name="ck_mailing_scale_ask_told",
        ),
        sa.ForeignKeyConstraint(["parcel_unit"], ["parcel.parcel_unit"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("ask_id"),
    )
    op.create_index("ix_mailing_scale_ask_parcel", "mailing_scale_ask", ["parcel_unit", "tray"], unique=False)
    bind.exec_driver_sql(
        "ALTER TABLE mailing_weighing ADD COLUMN ask_id VARCHAR(32) REFERENCES mailing_scale_ask (ask_id)"
    )
    for name, table, column, where in (
        ("uq_mailing_scale_ask_open", "mailing_scale_ask", "scale", "told_us IS NULL"),
        ("uq_mailing_weighing_ask", "mailing_weighing", "ask_id", "ask_id IS NOT NULL"),
    ):
        of = sa.text(where)
        op.create_index(name, table, [column], unique=True, sqlite_where=of, postgresql_where=of)
    for part in ("guards", "scale"):
        for statement in (SQL / f"{part}.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
            bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who took what out is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
