"""Applications are counted by state and by batch from the index alone, by product. Revision ID: line_0018."""

from alembic import op

revision = "line_0018"
down_revision = "line_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the product into both indexes, so that the stock's forecast reads no application."""
    op.drop_index("ix_application_state", "application")
    op.create_index("ix_application_state", "application", ["state", "emulated", "product"], unique=False)
    op.create_index("ix_application_batch", "application", ["batch_id", "product"], unique=False)
    op.drop_index("ix_application_batch_id", "application")


def downgrade() -> None:
    """Have the indexes as they were."""
    op.drop_index("ix_application_state", "application")
    op.create_index("ix_application_state", "application", ["state", "emulated"], unique=False)
    op.create_index("ix_application_batch_id", "application", ["batch_id"], unique=False)
    op.drop_index("ix_application_batch", "application")
