"""What the database must have and promise before anything is recorded in it."""

from sqlalchemy import Connection

from handoff_logs.errors import UnsafeDatabaseError
from handoff_logs.guard_names import (
    GUARDED,
    PART_GUARD,
    POSTGRESQL_GUARDS,
    POSTGRESQL_TRIGGERS,
    POSTGRESQL_UNGUARDED_PARTS,
    SQLITE_GUARDS,
    SQLITE_TRIGGERS,
)

_POSTGRESQL_ABLE = """
WITH guarded AS (SELECT oid, relname, relowner FROM pg_class WHERE oid IN ({tables})
    OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('custody_unit')))
SELECT lower(privilege) || ' ' || relname FROM guarded,
    unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege WHERE has_table_privilege(oid, privilege)
UNION ALL SELECT 'update ' || relname FROM guarded WHERE has_any_column_privilege(oid, 'UPDATE')
UNION ALL SELECT 'own ' || relname FROM guarded WHERE pg_has_role(relowner, 'MEMBER')
UNION ALL SELECT 'make tables' WHERE has_schema_privilege('public', 'CREATE')
    OR has_database_privilege(current_database(), 'CREATE') OR has_database_privilege(current_database(), 'TEMP')
ORDER BY 1
""".format(tables=", ".join(f"to_regclass({table!r})" for table in GUARDED))  # noqa: S608 own names


def assert_guarded(conn: Connection) -> None:
    """Raise UnsafeDatabaseError unless every guard of the custody tables, and of each part, is there and on."""
    sqlite = conn.dialect.name == "sqlite"
    rows = conn.exec_driver_sql(SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS)
    absent = set((SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS) - {row[0] for row in rows})
    if not sqlite:
        absent |= {f"{PART_GUARD} of {row[0]}" for row in conn.exec_driver_sql(POSTGRESQL_UNGUARDED_PARTS)}
    if absent:
        raise UnsafeDatabaseError(f"guards are missing ({', '.join(sorted(absent))}); run the migrations")


def assert_bound(conn: Connection) -> None:
    """Raise UnsafeDatabaseError where the login itself could change what is recorded, or stand in for its tables.

    SQLite has no logins: its guards and its file's permissions are all there is.
    """
    if conn.dialect.name == "sqlite":
        return
    able = [row[0] for row in conn.exec_driver_sql(_POSTGRESQL_ABLE)]
    if able:
        raise UnsafeDatabaseError(
            f"the line's login may do more than append to it ({', '.join(able)}); give it the rights of a service with"
            " `passline database roles --as …`"
        )


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
