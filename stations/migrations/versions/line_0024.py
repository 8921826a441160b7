"""Engineers may be enrolled, and sign-ins are listed by their time. Revision ID: line_0024."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0024"
down_revision = "line_0023"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0024"
ROLES: Final = (
    "'clerk', 'reviewer', 'operator', 'keeper', 'inspector', 'packer', 'mailer', 'driver', 'lead', 'administrator',"
    " 'auditor'"
)
BEFORE, AFTER = f"role IN ({ROLES})", f"role IN ({ROLES}, 'engineer')"
CHECKS: Final = {
    "person_role": ("ck_person_role", "{}"),
    "alarm_step": ("ck_alarm_step_role", "(step = 'escalated') = (role IS NOT NULL) AND (role IS NULL OR {})"),
}
"""The check of each table that names every role."""


def upgrade() -> None:
    """Widen the checks on roles, and who takes a finding's steps; tables, rows, other guards stay. Add two indexes."""
    bind = op.get_bind()
    for table, (name, condition) in CHECKS.items():
        if bind.dialect.name == "postgresql":
            op.drop_constraint(name, table, type_="check")
            op.create_check_constraint(name, table, condition.format(AFTER))
        else:
            _rewrite(bind, table, f"CONSTRAINT {name} CHECK ({condition.format(BEFORE)})", BEFORE, AFTER)
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)
    for table in ("sign_in_attempt", "issuer_sign_in"):
        op.create_index(f"ix_{table}_at", table, ["at_us"], unique=False)


def _rewrite(bind: sa.Connection, table: str, check: str, old: str, new: str) -> None:
    """As line_0005 did: a copied table would lose its triggers."""
    of = {"name": table}
    made = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), of).scalar_one()
    if made.count(check) != 1:
        raise RuntimeError(f"the table {table} has not the check on roles that it was made with; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    of["sql"] = made.replace(check, check.replace(old, new))
    bind.execute(sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"), of)
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: engineers may have been enrolled."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
