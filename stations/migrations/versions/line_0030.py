"""The QC desk: what readers found, who had which piece in hand, decided and looked at. Revision ID: line_0030."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0030"
down_revision = "line_0029"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0030"


def upgrade() -> None:
    """Create the tables and guard them, and the inspections by them."""
    op.create_table(
        "qc_reading",
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("codes", sa.String(length=200), nullable=False),
        sa.Column("reading", sa.LargeBinary(), nullable=False),
        sa.Column("read_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(document_unit) = 32", name="ck_qc_reading_unit"),
        sa.CheckConstraint("turn BETWEEN 1 AND 3", name="ck_qc_reading_turn"),
        sa.ForeignKeyConstraint(["application_id"], ["application.application_id"]),
        sa.PrimaryKeyConstraint("document_unit", "turn"),
    )
    op.create_table(
        "qc_hold",
        sa.Column("hold_id", sa.String(length=32), nullable=False),
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("inspector", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("taken_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_how", sa.String(length=10), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL AND ended_us >= taken_us AND ended_how IN ('decided', 'put_back', 'read_again', 'lapsed', 'withdrawn') AND (ended_how <> 'decided' OR ended_us < until_us) AND (ended_how <> 'lapsed' OR ended_us >= until_us))",
            name="ck_qc_hold_ended",
        ),
        sa.CheckConstraint(
            "(substr(inspector, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_qc_hold_signed",
        ),
        sa.CheckConstraint("length(hold_id) = 32", name="ck_qc_hold_id"),
        sa.CheckConstraint("until_us - taken_us BETWEEN 1 AND 3600000000", name="ck_qc_hold_length"),
        sa.ForeignKeyConstraint(
            ["document_unit", "turn"], ["qc_reading.document_unit", "qc_reading.turn"], name="fk_qc_hold_reading"
        ),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("hold_id"),
        sa.UniqueConstraint("hold_id", "document_unit", "inspector", name="uq_qc_hold_named"),
    )
    op.create_table(
        "qc_decision",
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("hold_id", sa.String(length=32), nullable=False),
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("inspector", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=4), nullable=False),
        sa.Column("codes", sa.String(length=200), nullable=False),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("undone_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(outcome = 'pass') = (codes = '')", name="ck_qc_decision_codes"),
        sa.CheckConstraint("length(decision_id) = 32", name="ck_qc_decision_id"),
        sa.CheckConstraint("outcome IN ('pass', 'fail')", name="ck_qc_decision_outcome"),
        sa.CheckConstraint("undone_us IS NULL OR undone_us >= stored_us", name="ck_qc_decision_undone"),
        sa.ForeignKeyConstraint(
            ["hold_id", "document_unit", "inspector"],
            ["qc_hold.hold_id", "qc_hold.document_unit", "qc_hold.inspector"],
            name="fk_qc_decision_hold",
        ),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.UniqueConstraint("decision_id", "document_unit", name="uq_qc_decision_named"),
        sa.UniqueConstraint("hold_id", name="uq_qc_decision_hold"),
    )
    op.create_table(
        "qc_void",
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("first_sign_in", sa.String(length=32), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("second_sign_in", sa.String(length=32), nullable=False),
        sa.Column("signed_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("first <> second AND first_sign_in <> second_sign_in", name="ck_qc_void_two_people"),
        sa.ForeignKeyConstraint(
            ["decision_id", "document_unit"],
            ["qc_decision.decision_id", "qc_decision.document_unit"],
            name="fk_qc_void_decision",
        ),
        sa.ForeignKeyConstraint(["first_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("document_unit"),
    )
    op.create_table(
        "qc_view",
        sa.Column("view_id", sa.String(length=32), nullable=False),
        sa.Column("hold_id", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("viewed_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("what IN ('facts', 'portrait', 'printed')", name="ck_qc_view_what"),
        sa.ForeignKeyConstraint(["hold_id"], ["qc_hold.hold_id"]),
        sa.PrimaryKeyConstraint("view_id"),
    )
    for name, table, columns, where in (
        ("ix_qc_hold_unit", "qc_hold", ["document_unit", "turn"], None),
        ("uq_qc_hold_hand", "qc_hold", ["inspector"], "ended_us IS NULL"),
        ("uq_qc_hold_open", "qc_hold", ["document_unit"], "ended_us IS NULL"),
        ("ix_qc_decision_inspector", "qc_decision", ["inspector", "stored_us"], None),
        ("uq_qc_decision_standing", "qc_decision", ["document_unit"], "undone_us IS NULL"),
        ("ix_qc_view_hold", "qc_view", ["hold_id"], None),
    ):
        of = None if where is None else sa.text(where)
        op.create_index(name, table, columns, unique=where is not None, sqlite_where=of, postgresql_where=of)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who decided what is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
