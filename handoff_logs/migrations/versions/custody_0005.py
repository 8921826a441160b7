"""What is in a parcel is found by an index: packing and mailing ask it of every tray. Revision ID: custody_0005."""

from alembic import op
from sqlalchemy import text

revision = "custody_0005"
down_revision = "custody_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index; no row is touched."""
    op.get_bind().execute(
        text("CREATE INDEX ix_whereabouts_container ON whereabouts (container) WHERE container IS NOT NULL")
    )


def downgrade() -> None:
    """Drop it: it is no record."""
    op.get_bind().execute(text("DROP INDEX ix_whereabouts_container"))
