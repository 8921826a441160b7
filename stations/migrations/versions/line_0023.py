"""What carriers say of what they took, what comes back, and each sending of a parcel. Revision ID: line_0023."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0023"
down_revision = "line_0022"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0023"


def upgrade() -> None:
    """Let a parcel be sent more than once, create the tables, and guard them."""
    dialect = op.get_bind().dialect.name
    _run(f"sendings.{dialect}")
    _run("taken")
    op.create_table(
        "delivery_event",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("tracking", sa.String(length=40), nullable=True),
        sa.Column("consignment_id", sa.String(length=32), nullable=True),
        sa.Column("note", sa.String(length=40), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("loaded_us", sa.BigInteger(), nullable=False),
        sa.Column("loaded_by", sa.String(length=64), nullable=False),
        sa.Column("loaded_second", sa.String(length=64), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('delivered', 'returned', 'lost')", name="ck_delivery_event_kind"),
        sa.CheckConstraint("(tracking IS NULL) <> (consignment_id IS NULL)", name="ck_delivery_event_item"),
        sa.CheckConstraint("kind = 'returned' OR note IS NULL", name="ck_delivery_event_note"),
        sa.CheckConstraint("loaded_by <> loaded_second", name="ck_delivery_event_two_people"),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index(
        "ix_delivery_event_note",
        "delivery_event",
        ["note"],
        sqlite_where=sa.text("note IS NOT NULL"),
        postgresql_where=sa.text("note IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_event_undelivered",
        "delivery_event",
        ["kind", "at_us"],
        sqlite_where=sa.text("kind <> 'delivered'"),
        postgresql_where=sa.text("kind <> 'delivered'"),
    )
    op.create_table(
        "delivered_parcel",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("consignment_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["delivery_event.event_id"]),
        sa.ForeignKeyConstraint(
            ["parcel_unit", "consignment_id"],
            ["consigned_parcel.parcel_unit", "consigned_parcel.consignment_id"],
            name="fk_delivered_parcel_sent",
        ),
        sa.PrimaryKeyConstraint("event_id", "parcel_unit"),
    )
    op.create_index("ix_delivered_parcel_sent", "delivered_parcel", ["parcel_unit", "consignment_id"])
    op.create_table(
        "returned_parcel",
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("consignment_id", sa.String(length=32), nullable=False),
        sa.Column("note", sa.String(length=40), nullable=True),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("received_by", sa.String(length=64), nullable=False),
        sa.Column("received_second", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_second", sa.String(length=64), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parcel_unit", "consignment_id"],
            ["consigned_parcel.parcel_unit", "consigned_parcel.consignment_id"],
            name="fk_returned_parcel_sent",
        ),
        sa.CheckConstraint("received_by <> received_second", name="ck_returned_parcel_two_receive"),
        sa.CheckConstraint(
            "decision IS NULL OR (decision IN ('sent', 'destroyed') AND decided_by <> decided_second)",
            name="ck_returned_parcel_two_decide",
        ),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_us IS NULL) AND (decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_second IS NULL)",
            name="ck_returned_parcel_decided",
        ),
        sa.PrimaryKeyConstraint("parcel_unit", "consignment_id"),
    )
    op.create_index(
        "uq_returned_parcel_open",
        "returned_parcel",
        ["parcel_unit"],
        unique=True,
        sqlite_where=sa.text("decision IS NULL"),
        postgresql_where=sa.text("decision IS NULL"),
    )
    op.create_table(
        "return_remake",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("order_unit", sa.String(length=32), nullable=False),
        sa.Column("remade_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.application_id"]),
        sa.PrimaryKeyConstraint("application_id"),
        sa.UniqueConstraint("document_unit"),
        sa.UniqueConstraint("order_unit"),
    )
    _run(f"guards.{dialect}")


def downgrade() -> None:
    """Refuse: what carriers said is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def _run(name: str) -> None:
    for statement in (SQL / f"{name}.sql").read_text(encoding="utf-8").split("--;\n"):
        op.get_bind().exec_driver_sql(statement)
