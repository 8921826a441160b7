"""How work gets committed: by one writer thread in groups on SQLite, by pooled connections on PostgreSQL."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from handoff_logs import signing
from handoff_logs.refusals import translated
from handoff_logs.statements import drive

T = TypeVar("T")
Work = Callable[[Connection], T]
Piece = tuple[Work[Any], Future[Any]]
Ended = tuple[Any, Exception | None]
"""What a piece of work returned, or why nothing of it is written."""

GROUP_LIMIT = 256
"""Most pieces of work in one commit, so that the first to come never waits for an endless group."""


class Committer(Protocol):
    """What runs work in durable transactions."""

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue work; its future is done once its commit is on disk."""
        ...

    def close(self) -> None:
        """Finish what is queued."""
        ...


class GroupCommitter:
    """One thread owns the only writing connection; whatever waits when it looks is one commit.

    A group is tried without savepoints; if any piece of it fails, everything is undone and the pieces are tried
    again, each in a savepoint of its own, so that what failed is undone alone. Hence a piece may run a second time,
    and must do nothing but database work.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[str], None]) -> None:
        """`engine` must leave BEGIN to this class: its connections begin nothing by themselves."""
        self._engine, self._on_commit = engine, on_commit
        self._queue: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="handoff-log-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> "Future[T]":
        """See Committer. Raises RuntimeError in the writing thread itself, which would wait for itself."""
        future: Future[T] = Future()
        if threading.current_thread() is self._thread:
            raise RuntimeError("work must use the transaction it was given, not start another")
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """See Committer."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while group := self._next_group():
                for (_, future), (result, failure) in zip(group, self._commit(connection, group), strict=True):
                    if failure is None:
                        future.set_result(result)
                    else:
                        future.set_exception(failure)

    def _next_group(self) -> list[Piece]:
        item = self._queue.get()
        group = []
        while item is not None:
            group.append(item)
            if len(group) == GROUP_LIMIT:
                return group
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._queue.put(None)  # closing: once more round for the end
        return group

    def _commit(self, connection: Connection, group: Sequence[Piece]) -> list[Ended]:
        try:
            return self._transaction(connection, lambda: [(work(connection), None) for work, _ in group])
        except Exception as error:  # noqa: BLE001
            # Whatever work raises is raised in the thread that waits for it: find out whose it is.
            if len(group) == 1:
                return [(None, _told(error))]
        try:
            return self._transaction(connection, lambda: [_attempt(connection, work) for work, _ in group])
        except IntegrityError:
            # A constraint that is checked at commit spoils everybody's: one by one.
            return [ended for piece in group for ended in self._commit(connection, [piece])]
        except DBAPIError as error:
            return [(None, translated(error)) for _ in group]

    def _transaction(self, connection: Connection, act: Callable[[], list[Ended]]) -> list[Ended]:
        # BEGIN, SAVEPOINT and COMMIT go straight to the driver: through SQLAlchemy they are a third of a small write.
        drive(connection, "BEGIN IMMEDIATE", ())
        signing.begun(connection)
        try:
            ended = act()
            self._on_commit("before")
            drive(connection, "COMMIT", ())
        except BaseException:
            driver: Any = connection.connection.driver_connection
            if driver.in_transaction:
                driver.rollback()
            raise
        signing.committed(connection)
        self._on_commit("after")
        return ended


def _attempt(connection: Connection, work: Work[T]) -> Ended:
    """Run work in a savepoint; hand its failure back, undone, unless the whole transaction is gone."""
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT work")
    before = signing.given(connection)
    try:
        result = work(connection)
    except Exception as error:
        if not driver.in_transaction:
            raise
        driver.execute("ROLLBACK TO work")
        driver.execute("RELEASE work")
        # Or its keys would remember records that the database does not have.
        signing.undone(connection, before)
        return None, _told(error)
    driver.execute("RELEASE work")
    return result, None


def _told(error: Exception) -> Exception:
    return translated(error) if isinstance(error, DBAPIError) else error


class PooledCommitter:
    """Every thread commits on a connection of its own; the database groups by itself."""

    def __init__(self, engine: Engine, on_commit: Callable[[str], None], threads: int) -> None:
        self._engine, self._on_commit = engine, on_commit
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="handoff-log-writer")

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue work; its future is done once its commit is on disk."""
        return self._threads.submit(self.run, work)

    def run(self, work: Work[T]) -> T:
        """Run work in the calling thread, in one transaction. A driver's error is raised as `translated` says it."""
        try:
            with self._engine.connect() as connection:
                with connection.begin():
                    signing.begun(connection)
                    result = work(connection)
                    self._on_commit("before")
                signing.committed(connection)
        except DBAPIError as error:
            raise translated(error) from error
        self._on_commit("after")
        return result

    def close(self) -> None:
        """See Committer."""
        self._threads.shutdown()
