"""One database, written safely: grouped durable commits on SQLite, pooled connections on PostgreSQL."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url

from handoff_logs.commits import GroupCommitter, PooledCommitter
from handoff_logs.dialects import clock_us
from handoff_logs.errors import UnsupportedUrlError
from handoff_logs.guards import assert_bound, assert_durable, assert_guarded
from handoff_logs.keyring import Keyring
from handoff_logs.signing import lend

T = TypeVar("T")

BUSY_TIMEOUT_S = 30
"""How long a SQLite writer waits for another process's commit."""
CACHE_KIB = 49_152
"""The SQLite writer's page cache: the guards look earlier rows up, a third of a row's cost if not in it."""
READER_CACHE_KIB = 2_048
"""Each reader's: there are as many as threads that read at once, and what they ask is in the system's own cache."""
CHECKPOINT_PAGES = 8_000
"""Pages of 4 KiB that the write-ahead log grows by before they are copied into the database file: a page that changes
with every commit is then copied once for some hundred commits, not for every six of them."""
CACHED_STATEMENTS = 1024
"""Prepared statements a SQLite connection keeps: some hundred, and an insert for each number of rows."""
POOL_SIZE = 16
"""Most PostgreSQL connections that write at one time."""


def _unwatched(_phase: str) -> None:
    """Do nothing around a commit."""


class Database:
    """The line's database.

    `url` is `sqlite:///PATH` or `postgresql+psycopg://…`; it must have been migrated. What is recorded through it is
    signed with the keys of `keyring`, which it closes; without one nothing is recorded. `on_commit("before" |
    "after")` is called around every commit (crash tests). `bound`: a PostgreSQL login that could change
    custody tables is refused. Raises UnsupportedUrlError, UnsafeDatabaseError.
    """

    def __init__(
        self,
        url: str,
        *,
        keyring: Keyring | None = None,
        on_commit: Callable[[str], None] | None = None,
        bound: bool = False,
    ) -> None:
        self._keyring = keyring
        self._readers = _engine(url, writes=False)
        self._writers = _engine(url, writes=True)
        try:
            for engine in (self._readers, self._writers):
                with engine.connect() as connection:
                    assert_durable(connection)
                    assert_guarded(connection)
                    if bound:
                        assert_bound(connection)
        except BaseException:
            self._dispose()
            raise
        event.listen(self._writers, "checkout", lambda _driver, record, _proxy: lend(record.info, keyring))
        watch = on_commit or _unwatched
        if self._writers.dialect.name == "sqlite":
            self._committer: GroupCommitter | PooledCommitter = GroupCommitter(self._writers, watch)
        else:
            self._committer = PooledCommitter(self._writers, watch, POOL_SIZE)

    @property
    def keyring(self) -> Keyring | None:
        """The keys that sign what is recorded here."""
        return self._keyring

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is on disk.

        Whatever `work` raises undoes it and is raised here; what the database refuses comes as a HandoffLogError.
        `work` must do nothing but database work: on SQLite it may be run again when a group's commit is refused.
        """
        if isinstance(self._committer, PooledCommitter):
            return self._committer.run(work)
        return self._committer.submit(work).result()

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """Queue `work` like `write`, without waiting for it."""
        return self._committer.submit(work)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection that sees one committed state and can't write."""
        with self._readers.connect() as connection, connection.begin():
            yield connection

    def clock_us(self, tx: Connection) -> int:
        """Return the database's clock: integer microseconds UTC."""
        return clock_us(tx)

    def close(self) -> None:
        """Finish what is queued and close all connections."""
        self._committer.close()
        self._dispose()
        if self._keyring is not None:
            self._keyring.close()

    def _dispose(self) -> None:
        self._readers.dispose()
        self._writers.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _engine(url: str, *, writes: bool) -> Engine:
    scheme = make_url(url).drivername
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return _sqlite_engine(url, writes=writes)
    if scheme == "postgresql+psycopg":
        options = {} if writes else {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        return create_engine(url, pool_size=POOL_SIZE, execution_options=options)
    raise UnsupportedUrlError(scheme)


def _sqlite_engine(url: str, *, writes: bool) -> Engine:
    options = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False, "cached_statements": CACHED_STATEMENTS}
    engine = create_engine(url, connect_args=options)
    query_only = "OFF" if writes else "ON"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver's own transactions begin late and deferred; these begin where SQLAlchemy says so.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Statement journals, which a bulk insert keeps while it may still be refused.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA query_only = {query_only}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB if writes else READER_CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The committer begins and ends the writer's transactions itself.
        if not writes:
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN")

    return engine
