"""What the database must have and promise before anything is recorded in it."""

from sqlalchemy import Connection

from handoff_logs.errors import UnsafeDatabaseError

SQLITE_GUARDS = frozenset(
    {
        "custody_event_legal",
        "custody_unit_legal",
        "custody_case_no_replace",
        "custody_move_no_insert",
        *(f"{table}_no_{change}" for table in ("custody_event", "custody_unit", "custody_case", "custody_move")
          for change in ("update", "delete")),
    }
)  # fmt: skip
POSTGRESQL_GUARDS = frozenset(
    {
        "custody_event_legal",
        "custody_unit_legal",
        "custody_move_no_insert",
        "custody_event_append_only",
        "custody_unit_append_only",
        "custody_case_append_only",
        "custody_move_append_only",
    }
)

_SQLITE_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_POSTGRESQL_TRIGGERS = (
    "SELECT tgname FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid IN (SELECT to_regclass(name) FROM"
    " unnest(ARRAY['custody_event', 'custody_unit', 'custody_case', 'custody_move']) AS name)"
)


def assert_guarded(conn: Connection) -> None:
    """Raise UnsafeDatabaseError unless every guard of the custody tables is there and switched on."""
    sqlite = conn.dialect.name == "sqlite"
    rows = conn.exec_driver_sql(_SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS)
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
