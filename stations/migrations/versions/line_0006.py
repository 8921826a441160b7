"""What is asked when a machine is opened, and by the board, comes from indexes. Revision ID: line_0006."""

import sqlalchemy as sa
from alembic import op

revision = "line_0006"
down_revision = "line_0005"
branch_labels = None
depends_on = None

INDEXES = (
    "CREATE INDEX ix_job_journal ON job (machine, journal_id, journal_position)",
    "CREATE INDEX ix_job_named ON job (machine_serial) WHERE blank_serial IS NOT NULL",
    "CREATE INDEX ix_job_unreleased ON job (machine, intent_us) WHERE state <> 'RELEASED'",
    "CREATE INDEX ix_review_verdict_written ON review_verdict (written_us, outcome)",
    "CREATE INDEX ix_inspection_written ON inspection (written_us)",
    "CREATE INDEX ix_parcel_packed ON parcel (packed_us, documents)",
    "CREATE INDEX ix_consignment_accepted ON consignment (accepted_us, documents)",
)


def upgrade() -> None:
    """Create the indexes; no row is touched."""
    for statement in INDEXES:
        op.get_bind().execute(sa.text(statement))


def downgrade() -> None:
    """Drop them: they are no records."""
    for statement in INDEXES:
        op.get_bind().execute(sa.text(f"DROP INDEX {statement.split()[2]}"))
