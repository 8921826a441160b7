"""The mailing desk: what was weighed and what was signed there before it is booked. Revision ID: line_0029."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0029"
down_revision = "line_0028"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0029"


def upgrade() -> None:
    """Create the three tables, and guard them."""
    op.create_table(
        "mailing_weighing",
        sa.Column("weighing_id", sa.String(length=32), nullable=False),
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("tray", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("grams", sa.Integer(), nullable=False),
        sa.Column("mailer", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(weighing_id) = 32", name="ck_mailing_weighing_id"),
        sa.CheckConstraint("attempt IN (1, 2)", name="ck_mailing_weighing_attempt"),
        sa.CheckConstraint("grams BETWEEN 1 AND 100000", name="ck_mailing_weighing_grams"),
        sa.ForeignKeyConstraint(["parcel_unit"], ["parcel.parcel_unit"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("weighing_id"),
        sa.UniqueConstraint("parcel_unit", "tray", "attempt", name="uq_mailing_weighing_attempt"),
    )
    op.create_index("ix_mailing_weighing_mailer", "mailing_weighing", ["mailer", "stored_us"])
    op.create_table(
        "mailing_act",
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
        sa.CheckConstraint("length(act_id) = 32", name="ck_mailing_act_id"),
        sa.CheckConstraint(
            "kind IN ('door', 'retake', 'receive', 'send_again', 'destroy', 'remake', 'settle', 'load')",
            name="ck_mailing_act_kind",
        ),
        sa.CheckConstraint(
            "(kind = 'retake') = (second IS NULL) AND (second IS NULL) = (second_sign_in IS NULL)",
            name="ck_mailing_act_hands",
        ),
        sa.CheckConstraint("second IS NULL OR first <> second", name="ck_mailing_act_two_people"),
        sa.CheckConstraint(
            "(booked_us IS NULL) = (told IS NULL) AND (booked_us IS NOT NULL OR refusal IS NULL) AND (booked_us IS NULL OR content = '')",
            name="ck_mailing_act_booked",
        ),
        sa.ForeignKeyConstraint(["first_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("act_id"),
    )
    op.create_index(
        "ix_mailing_act_open",
        "mailing_act",
        ["stored_us", "act_id"],
        sqlite_where=sa.text("booked_us IS NULL"),
        postgresql_where=sa.text("booked_us IS NULL"),
    )
    op.create_index("ix_mailing_act_stored", "mailing_act", ["stored_us"])
    op.create_table(
        "manifest_print",
        sa.Column("print_id", sa.String(length=32), nullable=False),
        sa.Column("consignment_id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("printed_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignment.consignment_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("print_id"),
    )
    op.create_index("ix_manifest_print_of", "manifest_print", ["consignment_id"])
    dialect = op.get_bind().dialect.name
    for statement in (SQL / f"guards.{dialect}.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what people signed is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
