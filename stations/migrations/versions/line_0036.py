"""A sensor of the air may tell less than temperature and humidity. Revision ID: line_0036."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0036"
down_revision = "line_0032"
branch_labels = None
depends_on = None

TOLD: Final = "(failure IS NULL) = (temperature_c IS NOT NULL{})"
SILENT: Final = "(temperature_min_c IS NULL{}) = (silent = looks)"
CHANGED: Final = {
    ("climate_sensor", "ck_climate_sensor_told"): (
        TOLD.format(""),
        TOLD.format(" OR humidity_percent IS NOT NULL OR particles_m3 IS NOT NULL"),
    ),
    ("climate_reading", "ck_climate_reading_silent"): (
        SILENT.format(""),
        SILENT.format(" AND humidity_min_percent IS NULL AND particles_min_m3 IS NULL"),
    ),
}
BOTH: Final = ("ck_climate_sensor_both", "(temperature_c IS NULL) = (humidity_percent IS NULL)")


def upgrade() -> None:
    """Widen two checks and drop one; all rows stay."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint(BOTH[0], "climate_sensor", type_="check")
        for (table, name), (_, new) in CHANGED.items():
            op.drop_constraint(name, table, type_="check")
            op.create_check_constraint(name, table, new)
        return
    # As line_0005 did: a copied table would lose its triggers.
    _rewrite(bind, "climate_sensor", f"CONSTRAINT {BOTH[0]} CHECK ({BOTH[1]}), ", "")
    for (table, name), (old, new) in CHANGED.items():
        _rewrite(bind, table, f"CONSTRAINT {name} CHECK ({old})", f"CONSTRAINT {name} CHECK ({new})")


def _rewrite(bind: sa.Connection, table: str, old: str, new: str) -> None:
    of = {"name": table}
    made = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), of).scalar_one()
    if made.count(old) != 1:
        raise RuntimeError(f"the table {table} is not as line_0015 made it, at {old}; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    of["sql"] = made.replace(old, new)
    bind.execute(sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"), of)
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: what was told is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
