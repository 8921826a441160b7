"""What the database must have and promise before anything is recorded in it."""

from sqlalchemy import Connection

from handoff_logs.errors import UnsafeDatabaseError

APPEND_ONLY = (
    "custody_event",
    "custody_unit",
    "custody_case",
    "custody_move",
    "custody_register",
    "seal_origin",
    "seal_leaf",
    "seal_node",
    "seal_checkpoint",
    "seal_cosignature",
)
"""Tables whose rows are written once and never changed."""

_LEGAL = {
    "custody_event_legal",
    "custody_event_signed",
    "custody_unit_legal",
    "custody_register_legal",
    "custody_move_no_insert",
}
_REPLACED_ELSEWHERE = {"custody_event", "custody_unit", "custody_move"}
SQLITE_GUARDS = frozenset(
    {
        *_LEGAL,
        *(f"{table}_no_{change}" for table in APPEND_ONLY for change in ("update", "delete")),
        *(f"{table}_no_replace" for table in APPEND_ONLY if table not in _REPLACED_ELSEWHERE),
    }
)
POSTGRESQL_GUARDS = frozenset({*_LEGAL, *(f"{table}_append_only" for table in APPEND_ONLY)})

_SQLITE_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_POSTGRESQL_TRIGGERS = (
    "SELECT tgname FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid IN"  # noqa: S608 own names
    f" ({', '.join(f'to_regclass({table!r})' for table in APPEND_ONLY)})"
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
