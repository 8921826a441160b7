"""The room's climate: zones, sensors, readings, crossings, suspensions and their guards. Revision ID: line_0015."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0015"
down_revision = "line_0014"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0015"


def upgrade() -> None:
    """Add the tables and their guards, and the one on `job`."""
    op.create_table(
        "climate_crossing",
        sa.Column("crossing_id", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("sensor", sa.String(length=40), nullable=False),
        sa.Column("figure", sa.String(length=12), nullable=False),
        sa.Column("outwards", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "figure IN ('temperature', 'humidity', 'particles', 'silence')", name="ck_climate_crossing_figure"
        ),
        sa.PrimaryKeyConstraint("crossing_id"),
    )
    op.create_index("ix_climate_crossing_zone", "climate_crossing", ["zone", "at_us"], unique=False)
    op.create_table(
        "climate_reading",
        sa.Column("sensor", sa.String(length=40), nullable=False),
        sa.Column("began_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("silent", sa.Integer(), nullable=False),
        sa.Column("temperature_min_c", sa.Float(), nullable=True),
        sa.Column("temperature_max_c", sa.Float(), nullable=True),
        sa.Column("temperature_mean_c", sa.Float(), nullable=True),
        sa.Column("humidity_min_percent", sa.Float(), nullable=True),
        sa.Column("humidity_max_percent", sa.Float(), nullable=True),
        sa.Column("humidity_mean_percent", sa.Float(), nullable=True),
        sa.Column("particles_min_m3", sa.Float(), nullable=True),
        sa.Column("particles_max_m3", sa.Float(), nullable=True),
        sa.Column("particles_mean_m3", sa.Float(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(humidity_min_percent IS NULL) = (humidity_max_percent IS NULL)"
            " AND (humidity_min_percent IS NULL) = (humidity_mean_percent IS NULL)"
            " AND (humidity_min_percent IS NULL OR humidity_min_percent <= humidity_max_percent)",
            name="ck_climate_reading_humidity",
        ),
        sa.CheckConstraint(
            "(particles_min_m3 IS NULL) = (particles_max_m3 IS NULL)"
            " AND (particles_min_m3 IS NULL) = (particles_mean_m3 IS NULL)"
            " AND (particles_min_m3 IS NULL OR particles_min_m3 <= particles_max_m3)",
            name="ck_climate_reading_particles",
        ),
        sa.CheckConstraint("(temperature_min_c IS NULL) = (silent = looks)", name="ck_climate_reading_silent"),
        sa.CheckConstraint(
            "(temperature_min_c IS NULL) = (temperature_max_c IS NULL)"
            " AND (temperature_min_c IS NULL) = (temperature_mean_c IS NULL)"
            " AND (temperature_min_c IS NULL OR temperature_min_c <= temperature_max_c)",
            name="ck_climate_reading_temperature",
        ),
        sa.CheckConstraint("looks >= 1 AND silent >= 0 AND silent <= looks", name="ck_climate_reading_looks"),
        sa.PrimaryKeyConstraint("sensor", "began_us"),
    )
    op.create_index("ix_climate_reading_zone", "climate_reading", ["zone", "began_us"], unique=False)
    op.create_table(
        "climate_zone",
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("limits", sa.String(length=400), nullable=False),
        sa.Column("grace_us", sa.BigInteger(), nullable=False),
        sa.Column("holds_us", sa.BigInteger(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=True),
        sa.Column("out_since_us", sa.BigInteger(), nullable=True),
        sa.Column("accepted_until_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("accepted_until_us IS NULL OR out_since_us IS NOT NULL", name="ck_climate_zone_accepted"),
        sa.CheckConstraint("holds_us > 0", name="ck_climate_zone_holds"),
        sa.PrimaryKeyConstraint("zone"),
    )
    op.create_table(
        "climate_machine",
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["climate_zone.zone"]),
        sa.PrimaryKeyConstraint("machine"),
    )
    op.create_index("ix_climate_machine_zone", "climate_machine", ["zone"], unique=False)
    op.create_table(
        "climate_sensor",
        sa.Column("sensor", sa.String(length=40), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.Column("temperature_c", sa.Float(), nullable=True),
        sa.Column("humidity_percent", sa.Float(), nullable=True),
        sa.Column("particles_m3", sa.Float(), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("outside", sa.String(length=60), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(failure IS NULL) = (temperature_c IS NOT NULL)", name="ck_climate_sensor_told"),
        sa.CheckConstraint("(temperature_c IS NULL) = (humidity_percent IS NULL)", name="ck_climate_sensor_both"),
        sa.ForeignKeyConstraint(["zone"], ["climate_zone.zone"]),
        sa.PrimaryKeyConstraint("sensor"),
    )
    op.create_table(
        "climate_suspension",
        sa.Column("suspension_id", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("sensor", sa.String(length=40), nullable=False),
        sa.Column("figure", sa.String(length=12), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("out_since_us", sa.BigInteger(), nullable=False),
        sa.Column("suspended_us", sa.BigInteger(), nullable=False),
        sa.Column("resumed_us", sa.BigInteger(), nullable=True),
        sa.Column("resumed_by", sa.String(length=10), nullable=True),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("resumed_second", sa.String(length=10), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("accepted_until_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "figure IN ('temperature', 'humidity', 'particles', 'silence')", name="ck_climate_suspension_figure"
        ),
        sa.CheckConstraint(
            "(accepted_until_us IS NULL) = (resumed_second IS NULL)"
            " AND (resumed_second IS NULL) = (second_sign_in IS NULL)"
            " AND (resumed_second IS NULL OR resumed_second <> resumed_by)"
            " AND (accepted_until_us IS NULL OR (accepted_until_us > resumed_us"
            " AND accepted_until_us <= resumed_us + 43200000000))",
            name="ck_climate_suspension_two",
        ),
        sa.CheckConstraint(
            "(resumed_us IS NULL) = (resumed_by IS NULL)"
            " AND (resumed_us IS NULL) = (sign_in IS NULL)"
            " AND (resumed_us IS NULL) = (reason IS NULL)",
            name="ck_climate_suspension_signed",
        ),
        sa.CheckConstraint("out_since_us <= suspended_us", name="ck_climate_suspension_since"),
        sa.CheckConstraint("resumed_us IS NULL OR resumed_us >= suspended_us", name="ck_climate_suspension_resumed"),
        sa.ForeignKeyConstraint(
            ["resumed_by"],
            ["person.code"],
        ),
        sa.ForeignKeyConstraint(
            ["resumed_second"],
            ["person.code"],
        ),
        sa.ForeignKeyConstraint(
            ["second_sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.ForeignKeyConstraint(
            ["sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.ForeignKeyConstraint(["zone"], ["climate_zone.zone"]),
        sa.PrimaryKeyConstraint("suspension_id"),
    )
    op.create_index("ix_climate_suspension_zone", "climate_suspension", ["zone", "suspended_us"], unique=False)
    op.create_index(
        "uq_climate_suspension_open",
        "climate_suspension",
        ["zone"],
        unique=True,
        sqlite_where=sa.text("resumed_us IS NULL"),
        postgresql_where=sa.text("resumed_us IS NULL"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who let machines work on in which air stays known."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
