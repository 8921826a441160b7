"""The indexes that the auditors' questions stand on. Few, because each slows every record: three grow with the log.

`happened`: any question about a time. `person` and `machine`: everything of a person, of a shift on a machine. The
others hold only the rare rows that they are asked for. Revision ID: custody_0003
"""

from alembic import op
from sqlalchemy import text

revision = "custody_0003"
down_revision = "custody_0002"
branch_labels = None
depends_on = None

INDEXES = (
    "CREATE INDEX ix_custody_event_happened ON custody_event (happened_us, seq)",
    "CREATE INDEX ix_custody_event_person ON custody_event (person, happened_us)",
    "CREATE INDEX ix_custody_event_second_person ON custody_event (second_person, happened_us)"
    " WHERE second_person IS NOT NULL",
    "CREATE INDEX ix_custody_event_machine ON custody_event (machine, shift, happened_us) WHERE machine IS NOT NULL",
    "CREATE INDEX ix_custody_event_corrects ON custody_event (corrects) WHERE corrects IS NOT NULL",
    "CREATE INDEX ix_custody_event_odd_time ON custody_event (written_us)"
    " WHERE written_us - happened_us > 60000000 OR happened_us - written_us > 2000000",
    "CREATE INDEX ix_custody_case_opened ON custody_case (opened_us)",
)


def upgrade() -> None:
    """Create the indexes; no row is touched."""
    for statement in INDEXES:
        op.get_bind().execute(text(statement))


def downgrade() -> None:
    """Drop them: they are no records."""
    for statement in INDEXES:
        op.get_bind().execute(text(f"DROP INDEX {statement.split()[2]}"))
