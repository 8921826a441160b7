"""Specimens are jobs without an application, and never documents. Revision ID: line_0019."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0019"
down_revision = "line_0018"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0019"
CHANGED: Final = {
    "ck_job_outcome": (
        "outcome IS NULL OR outcome IN ('good', 'failed', 'returned', 'void')",
        "outcome IS NULL OR outcome IN ('good', 'failed', 'returned', 'void', 'specimen')",
    ),
    "ck_job_unfinished_is_live": ("live OR NOT unfinished", "live OR NOT unfinished OR specimen IS NOT NULL"),
    "ck_job_prepared_data": (
        "state NOT IN ('PREPARED', 'STARTING') OR (document_number IS NOT NULL AND data_sha256 IS NOT NULL)",
        "state NOT IN ('PREPARED', 'STARTING') "
        "OR (data_sha256 IS NOT NULL AND (document_number IS NOT NULL OR specimen IS NOT NULL))",
    ),
}
ADDED: Final = {
    "ck_job_specimen": (
        "(specimen IS NULL) = (application_id IS NOT NULL) AND (specimen IS NULL) = (order_unit IS NOT NULL)"
    ),
    "ck_job_specimen_is_no_document": (
        "specimen IS NULL OR (NOT live AND document_unit IS NULL AND document_number IS NULL)"
    ),
    "ck_job_specimen_outcome": (
        "outcome IS NULL OR outcome IN ('returned', 'void') OR (specimen IS NOT NULL) = (outcome = 'specimen')"
    ),
}
OPTIONAL: Final = ("application_id", "order_unit")


def upgrade() -> None:
    """Let a job be of a specimen; all rows stay."""
    op.add_column("job", sa.Column("specimen", sa.String(length=20), nullable=True))
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        for column in OPTIONAL:
            op.alter_column("job", column, nullable=True)
        for name, (_, condition) in CHANGED.items():
            op.drop_constraint(name, "job", type_="check")
            op.create_check_constraint(name, "job", condition)
        for name, condition in ADDED.items():
            op.create_check_constraint(name, "job", condition)
    else:
        _rewrite(bind)
    for name, columns, unique, where in (
        ("uq_job_specimen", ["machine", "product", "attempt"], True, "specimen IS NOT NULL"),
        ("ix_job_specimens", ["machine", "result_us"], False, "outcome = 'specimen'"),
    ):
        of = sa.text(where)
        op.create_index(name, "job", columns, unique=unique, sqlite_where=of, postgresql_where=of)
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _rewrite(bind: sa.Connection) -> None:
    """As line_0005 did: a copied table would lose its triggers, and only what a column or a check allows is wider."""
    table = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = 'job'")).scalar_one()
    changes = {f"{column} VARCHAR(32) NOT NULL": f"{column} VARCHAR(32)" for column in OPTIONAL}
    changes |= {f"{name} CHECK ({old})": f"{name} CHECK ({new})" for name, (old, new) in CHANGED.items()}
    first = "CONSTRAINT ck_job_good CHECK"
    added = "".join(f"CONSTRAINT {name} CHECK ({condition}), " for name, condition in ADDED.items())
    for old, new in {**changes, first: added + first}.items():
        if table.count(old) != 1:
            raise RuntimeError(f"the table job is not as line_0001 made it, at {old}; nothing was changed")
        table = table.replace(old, new)
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.execute(sa.text("UPDATE sqlite_master SET sql = :sql WHERE name = 'job'"), {"sql": table})
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: what was drawn for a specimen stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
