"""Telling the targets what the outbox holds: a thread each, so that one which hangs or fails holds up nobody else.

A thread can't be ended from outside. They are daemons: a line that ends leaves a target that hangs behind, with its
try counted in the database; the next run tells it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from flows import alarm_text
from flows.alarm_targets import NotToldError, Target
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from stations.alarms import outbox
from stations.alarms.outbox import Notice

log = structlog.get_logger()

LOOK_EVERY_S: Final = 1.0
LAST_WORD_S: Final = 5.0
"""How long the end of a line waits for what is still to be told; the next run tells the rest."""
HUNG_S: Final = 60.0
"""A target that takes longer for one notice hangs."""
TROUBLED_TRIES: Final = 3
"""From so many tries of one notice on, that a target is not told is an alarm of its own."""

Tell = Callable[[Notice], None]
"""Tells one target of one notice. Raises NotToldError."""


class Delivery:
    """The threads that tell the targets of one line, by name."""

    def __init__(
        self,
        database: Database,
        targets: Mapping[str, Tell],
        on_call: frozenset[str] = frozenset(),
        may_tell: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`on_call`: those of the targets that are told of what happens outside a shift alone."""
        self._database, self.names, self.on_call = database, frozenset(targets), on_call
        self._may_tell = may_tell
        self._stop, self._over, self._bell = threading.Event(), threading.Event(), threading.Condition()
        self._busy_since_s: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._serve, args=each, name=f"alarm-target-{each[0]}", daemon=True)
            for each in targets.items()
        ]

    def begin(self) -> None:
        """Start a thread for each target; each first tells what already waits."""
        for thread in self._threads:
            thread.start()

    def ring(self) -> None:
        """Look now: there may be something to tell."""
        with self._bell:
            self._bell.notify_all()

    def hung(self) -> dict[str, float]:
        """The targets that have not answered for longer than `HUNG_S`, and for how many seconds."""
        now_s = time.monotonic()
        busy = list(self._busy_since_s.items())
        return {name: now_s - since_s for name, since_s in busy if now_s - since_s > HUNG_S}

    def finish(self, patience_s: float = LAST_WORD_S) -> list[str]:
        """Tell what is due and end; which targets had not within `patience_s`. A second call does not wait for them."""
        give_up_s = time.monotonic() + (0.0 if self._over.is_set() else patience_s)
        self._stop.set()
        self.ring()
        for thread in self._threads:
            thread.join(max(0.0, give_up_s - time.monotonic()))
        self._over.set()
        return [thread.name.removeprefix("alarm-target-") for thread in self._threads if thread.is_alive()]

    def _serve(self, name: str, tell: Tell) -> None:
        while True:
            last = self._stop.is_set()
            try:
                while not self._over.is_set() and self._one(name, tell):
                    pass
            except (DBAPIError, HandoffLogError) as error:
                # The notice waits in the database, which is away or busy.
                log.warning("notice_waits", target=name, error=type(error).__name__)
            if last or self._over.is_set():
                return
            with self._bell:
                if not self._stop.is_set():
                    self._bell.wait(LOOK_EVERY_S)

    def _one(self, name: str, tell: Tell) -> bool:
        if not self._may_tell(name):
            return False
        with self._database.read() as connection:
            if not outbox.anything_open(connection):
                return False
        notice = self._database.write(lambda tx: outbox.take(tx, name, on_call=name in self.on_call))
        if notice is None:
            return False
        self._busy_since_s[name] = time.monotonic()
        try:
            tell(notice)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one notice, its target's thread must go on)
            code = error.code if isinstance(error, NotToldError) else f"fault_{type(error).__name__}"
            self._database.write(lambda tx: outbox.failed(tx, notice, name, code))
            say = log.warning if notice.tries + 1 == TROUBLED_TRIES else log.info
            say("notice_not_told", target=name, alarm=notice.alarm_id, code=code, count=notice.tries + 1)
        else:
            self._database.write(lambda tx: outbox.told(tx, notice, name))
            log.info("notice_told", target=name, alarm=notice.alarm_id, kind=notice.kind)
        finally:
            del self._busy_since_s[name]
        return True


def tells(centre: str, targets: Iterable[Target]) -> dict[str, Tell]:
    """How each target outside is told of a notice, by its name."""

    def told_by(target: Target) -> Tell:
        def tell(notice: Notice) -> None:
            title, body = alarm_text.title(centre, notice), alarm_text.body(centre, notice)
            target.tell(title, body, alarm_text.severity(notice))

        return tell

    return {target.name: told_by(target) for target in targets}


def on_call_of(targets: Iterable[Target]) -> frozenset[str]:
    """The names of those targets that are of the people on call."""
    return frozenset(target.name for target in targets if target.on_call)


@contextmanager
def telling(
    database: Database,
    targets: Mapping[str, Tell],
    on_call: frozenset[str] = frozenset(),
    may_tell: Callable[[str], bool] = lambda _: True,
) -> Iterator[Delivery]:
    """Tell the targets for as long as the block runs, and a moment longer; each only while this process `may_tell`."""
    delivery = Delivery(database, targets, on_call, may_tell)
    delivery.begin()
    try:
        yield delivery
    finally:
        if left := delivery.finish():
            log.warning("notices_left", count=len(left))
