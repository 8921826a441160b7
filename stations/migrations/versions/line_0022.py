"""The review desk: who holds an application, what they decided and looked at. Revision ID: line_0022."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0022"
down_revision = "line_0021"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0022"


def upgrade() -> None:
    """Create the tables and guard them, and the verdicts by them."""
    op.create_table(
        "review_lease",
        sa.Column("lease_id", sa.String(length=32), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("leased_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_how", sa.String(length=10), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL AND ended_us >= leased_us AND ended_how IN ('decided', 'lapsed', 'given_up', 'withdrawn') AND (ended_how <> 'decided' OR ended_us < until_us) AND (ended_how <> 'lapsed' OR ended_us >= until_us))",
            name="ck_review_lease_ended",
        ),
        sa.CheckConstraint(
            "(substr(reviewer, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_review_lease_signed",
        ),
        sa.CheckConstraint("length(lease_id) = 32", name="ck_review_lease_id"),
        sa.CheckConstraint("round >= 1 AND place >= 1", name="ck_review_lease_numbers"),
        sa.CheckConstraint("until_us - leased_us BETWEEN 1 AND 3600000000", name="ck_review_lease_length"),
        sa.ForeignKeyConstraint(["application_id"], ["application.application_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("lease_id"),
        sa.UniqueConstraint(
            "lease_id", "application_id", "revision", "round", "reviewer", name="uq_review_lease_named"
        ),
    )
    op.create_table(
        "review_decision",
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("lease_id", sa.String(length=32), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("reasons", sa.String(length=200), nullable=False),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("undone_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(outcome = 'pass') = (reasons = '')", name="ck_review_decision_reasons"),
        sa.CheckConstraint("outcome IN ('pass', 'return', 'hold')", name="ck_review_decision_outcome"),
        sa.CheckConstraint("length(decision_id) = 32", name="ck_review_decision_id"),
        sa.CheckConstraint("undone_us IS NULL OR undone_us >= stored_us", name="ck_review_decision_undone"),
        sa.ForeignKeyConstraint(
            ["lease_id", "application_id", "revision", "round", "reviewer"],
            [
                "review_lease.lease_id",
                "review_lease.application_id",
                "review_lease.revision",
                "review_lease.round",
                "review_lease.reviewer",
            ],
            name="fk_review_decision_lease",
        ),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.UniqueConstraint("lease_id", name="uq_review_decision_lease"),
    )
    op.create_table(
        "review_view",
        sa.Column("view_id", sa.String(length=32), nullable=False),
        sa.Column("lease_id", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("viewed_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("what IN ('facts', 'photo', 'signature')", name="ck_review_view_what"),
        sa.ForeignKeyConstraint(["lease_id"], ["review_lease.lease_id"]),
        sa.PrimaryKeyConstraint("view_id"),
    )
    for name, table, columns, where in (
        ("ix_review_lease_held", "review_lease", ["application_id", "reviewer"], None),
        ("ix_review_lease_leased", "review_lease", ["leased_us"], None),
        ("ix_review_lease_reviewer", "review_lease", ["reviewer", "place"], None),
        ("uq_review_lease_open", "review_lease", ["application_id"], "ended_us IS NULL"),
        ("uq_review_lease_place", "review_lease", ["reviewer", "place"], "ended_us IS NULL"),
        ("ix_review_decision_stored", "review_decision", ["stored_us"], None),
        (
            "uq_review_decision_standing",
            "review_decision",
            ["application_id", "revision", "round"],
            "undone_us IS NULL",
        ),
        ("ix_review_view_lease", "review_view", ["lease_id"], None),
    ):
        of = None if where is None else sa.text(where)
        op.create_index(name, table, columns, unique=where is not None, sqlite_where=of, postgresql_where=of)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who decided what is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
