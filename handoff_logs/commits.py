"""How work gets committed: by one writer thread in groups on SQLite, by pooled connections on PostgreSQL."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from handoff_logs.refusals import translated

T = TypeVar("T")
Work = Callable[[Connection], T]

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

    Each piece of work has a savepoint of its own: one that fails is undone alone. A piece may run a second time
    when a group's commit is refused, so work must do nothing but database work.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[str], None]) -> None:
        self._engine, self._on_commit = engine, on_commit
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="handoff-log-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue work; its future is done once its commit is on disk."""
        future: Future[T] = Future()
        if threading.current_thread() is self._thread:
            raise RuntimeError("work must use the transaction it was given, not start another")
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Finish what is queued."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while group := self._next_group():
                self._commit(connection, group)

    def _next_group(self) -> list[tuple[Work[Any], "Future[Any]"]]:
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

    def _commit(self, connection: Connection, group: Sequence[tuple[Work[Any], "Future[Any]"]]) -> None:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with connection.begin():
                outcomes += [(future, *_attempt(connection, work)) for work, future in group]
                self._on_commit("before")
        except IntegrityError as error:
            _abandon(connection)
            # A constraint that is checked at commit: find out whose it is, one by one.
            if len(group) > 1:
                for item in group:
                    self._commit(connection, [item])
                return
            outcomes = [(future, None, translated(error)) for _, future in group]
        except DBAPIError as error:
            _abandon(connection)
            outcomes = [(future, None, translated(error)) for _, future in group]
        else:
            self._on_commit("after")
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)


def _attempt(connection: Connection, work: Work[T]) -> tuple[T | None, BaseException | None]:
    """Run work in a savepoint; hand its failure back, undone, unless the whole transaction is gone."""
    # Straight to the driver: the three statements are a third of a small write's cost.
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:
        # Whatever work raises belongs to the thread that waits for it.
        if not driver.in_transaction:
            raise
        driver.execute("ROLLBACK TO work")
        driver.execute("RELEASE work")
        return None, translated(error) if isinstance(error, DBAPIError) else error
    driver.execute("RELEASE work")
    return result, None


def _abandon(connection: Connection) -> None:
    """End a transaction whose commit was refused: SQLite keeps it open, and SQLAlchemy takes it for ended."""
    driver: Any = connection.connection.driver_connection
    if driver.in_transaction:
        driver.rollback()


class PooledCommitter:
    """Every thread commits on a connection of its own; the database groups by itself."""

    def __init__(self, engine: Engine, on_commit: Callable[[str], None], threads: int) -> None:
        self._engine, self._on_commit = engine, on_commit
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="handoff-log-writer")

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue work; its future is done once its commit is on disk."""
        return self._threads.submit(self.run, work)

    def run(self, work: Work[T]) -> T:
        """Run work in the calling thread."""
        try:
            with self._engine.begin() as connection:
                result = work(connection)
                self._on_commit("before")
        except DBAPIError as error:
            raise translated(error) from error
        self._on_commit("after")
        return result

    def close(self) -> None:
        """Finish what is queued."""
        self._threads.shutdown()
