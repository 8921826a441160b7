"""Auditors may be enrolled: they ask the log and change nothing. Revision ID: line_0005."""

import re

import sqlalchemy as sa
from alembic import op

revision = "line_0005"
down_revision = "line_0004"
branch_labels = None
depends_on = None

ROLES = "'clerk', 'reviewer', 'operator', 'keeper', 'inspector', 'packer', 'mailer', 'driver', 'lead', 'administrator'"
WITH_AUDITOR = f"role IN ({ROLES}, 'auditor')"


def upgrade() -> None:
    """Widen the check on roles; the table, its rows and its guards stay as they are."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint("ck_person_role", "person_role", type_="check")
        op.create_check_constraint("ck_person_role", "person_role", WITH_AUDITOR)
        return
    # SQLite alters no check, and a copied table would lose its triggers; a check's own words may be rewritten
    # (sqlite.org/lang_altertable.html, 7).
    table = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = 'person_role'")).scalar_one()
    widened, count = re.subn(rf"role IN \({ROLES}\)", WITH_AUDITOR, table)
    if count != 1:
        raise RuntimeError("the table person_role is not as line_0003 made it; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.execute(sa.text("UPDATE sqlite_master SET sql = :sql WHERE name = 'person_role'"), {"sql": widened})
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: auditors may have been enrolled."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
