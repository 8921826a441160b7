"""The stations' line tables, as they came to be (version table `alembic_version_line`).

They live in one database with the handoff log, whose own migrations run first.
"""

from pathlib import Path

VERSION_TABLE = "alembic_version_line"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the line tables in the database at `url` up to `revision`; safe to repeat."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    command.upgrade(config, revision)
