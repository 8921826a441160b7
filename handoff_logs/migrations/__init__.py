"""The custody tables' own migrations (version table `alembic_version_custody`).

Never batch-migrate these tables: rebuilding a SQLite table silently drops its triggers.
"""

from pathlib import Path

VERSION_TABLE = "alembic_version_custody"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the log's tables, guards and legal moves in the database at `url` up to `revision`; safe to repeat."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    command.upgrade(config, revision)
