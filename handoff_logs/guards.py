"""What the database must have and promise before anything is recorded in it."""

from sqlalchemy import Connection

from handoff_logs.errors import UnsafeDatabaseError
from handoff_logs.guard_names import POSTGRESQL_GUARDS, POSTGRESQL_TRIGGERS, SQLITE_GUARDS, SQLITE_TRIGGERS


def assert_guarded(conn: Connection) -> None:
    """Raise UnsafeDatabaseError unless every guard of the custody tables is there and switched on."""
    sqlite = conn.dialect.name == "sqlite"
    rows = conn.exec_driver_sql(SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS)
    absent = (SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS) - {row[0] for row in rows}
    if absent:
        raise UnsafeDatabaseError(f"guards are missing ({', '.join(sorted(absent))}); run the migrations")


def assert_durable(conn: Connection) -> None:
    """Raise UnsafeDatabaseError unless a commit is on disk when it returns and foreign keys are enforced."""
    if conn.dialect.name == "sqlite":
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        found = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    else:
        wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
        found = {name: conn.exec_driver_sql(f"SHOW {name}").scalar() for name in wanted}
        if found["synchronous_commit"] == "remote_apply":  # stronger than asked
            found["synchronous_commit"] = "on"
    if found != wanted:
        raise UnsafeDatabaseError(f"it must run with {wanted}, not {found}")
