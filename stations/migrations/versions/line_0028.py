"""The packing desk: what people matched, the offices' boxes, what they were asked; postage. Revision ID: line_0028."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0028"
down_revision = "line_0027"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0028"


def _signed(who: str, sign_in: str) -> str:
    return f"(substr({who}, 1, 2) = 'e-') = ({sign_in} IS NULL) AND (emulated OR {sign_in} IS NOT NULL)"


def upgrade() -> None:
    """Create the tables and guard them; parcels tell what was paid for sending them."""
    op.add_column("parcel", sa.Column("postage_cny", sa.Integer(), nullable=True))
    op.create_table(
        "packing_box",
        sa.Column("box_id", sa.String(length=32), nullable=False),
        sa.Column("office", sa.String(length=20), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("opened_sign_in", sa.String(length=32), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("closed_sign_in", sa.String(length=32), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(box_id) = 32", name="ck_packing_box_id"),
        sa.CheckConstraint(_signed("opened_by", "opened_sign_in"), name="ck_packing_box_opened"),
        sa.CheckConstraint(
            "(closed_us IS NULL AND closed_by IS NULL AND closed_sign_in IS NULL) OR (closed_us IS NOT NULL"
            f" AND closed_by IS NOT NULL AND closed_us >= opened_us AND {_signed('closed_by', 'closed_sign_in')})",
            name="ck_packing_box_closed",
        ),
        sa.ForeignKeyConstraint(["opened_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["closed_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("box_id"),
    )
    op.create_table(
        "packing_match",
        sa.Column("match_id", sa.String(length=32), nullable=False),
        sa.Column("document_unit", sa.String(length=32), nullable=True),
        sa.Column("tray", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=True),
        sa.Column("reason", sa.String(length=12), nullable=True),
        sa.Column("scanned_document", sa.String(length=96), nullable=True),
        sa.Column("scanned_order", sa.String(length=96), nullable=True),
        sa.Column("scanned_envelope", sa.String(length=96), nullable=True),
        sa.Column("scanned_again", sa.String(length=96), nullable=True),
        sa.Column("box_id", sa.String(length=32), nullable=True),
        sa.Column("postage_cny", sa.Integer(), nullable=True),
        sa.Column("packer", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(match_id) = 32", name="ck_packing_match_id"),
        sa.CheckConstraint("outcome IN ('matched', 'mismatch', 'unpaid', 'stopped')", name="ck_packing_match_outcome"),
        sa.CheckConstraint(
            "(outcome = 'mismatch') = (part IS NOT NULL) AND (part IS NULL) = (reason IS NULL)",
            name="ck_packing_match_why",
        ),
        sa.CheckConstraint("part IS NULL OR part IN ('document', 'order', 'envelope')", name="ck_packing_match_part"),
        sa.CheckConstraint(
            "(document_unit IS NULL) = (tray IS NULL) AND (outcome = 'mismatch' OR document_unit IS NOT NULL)",
            name="ck_packing_match_piece",
        ),
        sa.CheckConstraint(
            "outcome <> 'matched' OR (scanned_document IS NOT NULL AND scanned_order IS NOT NULL AND scanned_envelope IS NOT NULL AND scanned_again IS NULL)",
            name="ck_packing_match_three",
        ),
        sa.CheckConstraint(
            "(outcome = 'matched') = ((box_id IS NULL) <> (postage_cny IS NULL))", name="ck_packing_match_goes"
        ),
        sa.CheckConstraint(_signed("packer", "sign_in"), name="ck_packing_match_signed"),
        sa.ForeignKeyConstraint(["box_id"], ["packing_box.box_id"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("match_id"),
    )
    op.create_table(
        "packing_ask",
        sa.Column("ask_id", sa.String(length=32), nullable=False),
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("machine", sa.String(length=32), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(length=3), nullable=True),
        sa.Column("answered_us", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(ask_id) = 32", name="ck_packing_ask_id"),
        sa.CheckConstraint("what IN ('laid', 'labelled', 'came_out')", name="ck_packing_ask_what"),
        sa.CheckConstraint(
            "(answer IS NULL AND answered_us IS NULL AND answered_by IS NULL AND sign_in IS NULL) OR ("
            "answer IS NOT NULL AND answer IN ('yes', 'no') AND (answer = 'yes' OR what = 'came_out')"
            " AND answered_us IS NOT NULL AND answered_by IS NOT NULL AND answered_us >= asked_us"
            f" AND {_signed('answered_by', 'sign_in')})",
            name="ck_packing_ask_answered",
        ),
        sa.ForeignKeyConstraint(["parcel_unit"], ["parcel.parcel_unit"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("ask_id"),
    )
    for name, table, columns, where in (
        ("uq_packing_box_open", "packing_box", ["office"], "closed_us IS NULL"),
        ("uq_packing_match_matched", "packing_match", ["document_unit", "tray"], "outcome = 'matched'"),
        (
            "uq_packing_match_aside",
            "packing_match",
            ["document_unit", "tray"],
            "outcome <> 'matched' AND document_unit IS NOT NULL",
        ),
        ("ix_packing_match_document", "packing_match", ["document_unit"], None),
        ("ix_packing_match_tray", "packing_match", ["tray"], None),
        ("ix_packing_match_box", "packing_match", ["box_id"], None),
        ("ix_packing_match_stored", "packing_match", ["stored_us"], None),
        ("ix_packing_ask_parcel", "packing_ask", ["parcel_unit", "what"], None),
        ("uq_packing_ask_open", "packing_ask", ["parcel_unit", "what"], "answer IS NULL"),
    ):
        of = None if where is None else sa.text(where)
        op.create_index(name, table, columns, unique=where is not None, sqlite_where=of, postgresql_where=of)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who packed what is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
