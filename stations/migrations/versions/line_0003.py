"""The register of people, and the guards that keep it: two sign, nothing is deleted. Revision ID: line_0003."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0003"
down_revision = "line_0002"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0003"


def upgrade() -> None:
    """Create the tables, then guard them."""
    create_tables()
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who signed for what is known by the register; it is never dropped by a program."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def create_tables() -> None:
    """Create every table and index."""
    op.create_table(
        "person",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("founder", sa.Integer(), nullable=True),
        sa.Column("enrolled_by", sa.String(length=10), nullable=True),
        sa.Column("enrolled_second", sa.String(length=10), nullable=True),
        sa.Column("enrolled_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(length=10), nullable=True),
        sa.Column("ended_second", sa.String(length=10), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(code) BETWEEN 6 AND 10 AND substr(code, 1, 2) <> 'e-'", name="ck_person_code"),
        sa.CheckConstraint("founder IS NULL OR founder IN (1, 2)", name="ck_person_founder"),
        sa.CheckConstraint(
            "(founder IS NOT NULL AND enrolled_by IS NULL AND enrolled_second IS NULL) OR (founder IS NULL AND enrolled_by IS NOT NULL AND enrolled_second IS NOT NULL AND enrolled_by <> enrolled_second AND enrolled_by <> code AND enrolled_second <> code)",
            name="ck_person_enrolled_by_two",
        ),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_by IS NULL AND ended_second IS NULL) OR (ended_us IS NOT NULL AND ended_by IS NOT NULL AND ended_second IS NOT NULL AND ended_by <> ended_second AND ended_by <> code AND ended_second <> code)",
            name="ck_person_ended_by_two",
        ),
        sa.ForeignKeyConstraint(["enrolled_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["enrolled_second"], ["person.code"]),
        sa.ForeignKeyConstraint(["ended_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["ended_second"], ["person.code"]),
        sa.PrimaryKeyConstraint("code"),
        sa.UniqueConstraint("founder", name="uq_person_founder"),
    )
    op.create_table(
        "person_role",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("given_by", sa.String(length=10), nullable=True),
        sa.Column("given_second", sa.String(length=10), nullable=True),
        sa.Column("given_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('clerk', 'reviewer', 'operator', 'keeper', 'inspector', 'packer', 'mailer', 'driver', 'lead', 'administrator')",
            name="ck_person_role",
        ),
        sa.CheckConstraint(
            "(role = 'administrator' AND given_by IS NULL AND given_second IS NULL) OR (given_by IS NOT NULL AND given_second IS NOT NULL AND given_by <> given_second AND given_by <> code AND given_second <> code)",
            name="ck_person_role_given_by_two",
        ),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.ForeignKeyConstraint(["given_by"], ["person.code"]),
        sa.ForeignKeyConstraint(["given_second"], ["person.code"]),
        sa.PrimaryKeyConstraint("code", "role"),
    )
    op.create_table(
        "person_password",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["person.code"]),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.CheckConstraint("outcome IN ('begun', 'accepted', 'refused', 'locked')", name="ck_sign_in_attempt_outcome"),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("ix_sign_in_attempt_code", "sign_in_attempt", ["code", "at_us"], unique=False)
