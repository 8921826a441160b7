"""The outbox of alarms: what is to be told to which target, at least once, each target by itself.

A try is recorded before it is made, so that one which kills or hangs its process is counted; that it was told is
recorded after. A crash between telling and recording tells twice: each notice bears an id by which that is seen.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select, update

from handoff_logs.dialects import clock_us
from stations.alarms.tables import Alarm, AlarmDelivery, AlarmNotice, AlarmStep, NoticeEnd

FIRST_WAIT_US: Final = 5_000_000
LONGEST_WAIT_US: Final = 10 * 60_000_000
"""After each try that failed a target is left alone twice as long, up to this."""
TOO_OLD_US: Final = 24 * 3600 * 1_000_000
"""What could not be told within a day helps nobody any more; the alarm itself stays in the register."""
LONGEST_FAILURE: Final = 60

_ALARM = Alarm.__table__  # type: ignore[attr-defined]
_STEP = AlarmStep.__table__  # type: ignore[attr-defined]
_NOTICE = AlarmNotice.__table__  # type: ignore[attr-defined]
_DELIVERY = AlarmDelivery.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Notice:
    """One step of an alarm to be told. `person`: who acknowledged; `role`: to whom it was escalated.

    `tries`: how often this target was tried before.
    """

    alarm_id: int
    position: int
    step: str
    at_us: int
    kind: str
    subject: str
    amount: int | None
    raised_us: int
    emulated: bool
    person: str | None
    role: str | None
    tries: int = 0


def wait_us(tries: int) -> int:
    """How long to leave a target alone after so many tries of a notice.

    >>> [wait_us(tries) // 1_000_000 for tries in (1, 2, 3, 8, 100)]
    [5, 10, 20, 600, 600]
    """
    return min(LONGEST_WAIT_US, FIRST_WAIT_US << min(tries - 1, 30))


def anything_open(conn: Connection) -> bool:
    """Whether any notice is still to be told to somebody, now or later: a look that writes nothing."""
    return conn.execute(select(_NOTICE.c.alarm_id).where(_NOTICE.c.ended.is_(None)).limit(1)).first() is not None


def take(tx: Connection, target: str, *, on_call: bool = False) -> Notice | None:
    """Take the first notice that is due for `target`, with the try counted; None where none is.

    A target of those `on_call` is told of what is theirs alone.

    In the order of the steps: while an earlier step of the same alarm waits to be told, a later one is not.
    """
    now_us = clock_us(tx)
    mine = and_(
        _DELIVERY.c.alarm_id == _NOTICE.c.alarm_id,
        _DELIVERY.c.position == _NOTICE.c.position,
        _DELIVERY.c.target == target,
    )
    due = (
        select(_NOTICE.c.alarm_id, _NOTICE.c.position, _DELIVERY.c.tries, _DELIVERY.c.next_us)
        .select_from(_NOTICE.outerjoin(_DELIVERY, mine))
        .where(
            _NOTICE.c.ended.is_(None),
            _NOTICE.c.due_us.between(now_us - TOO_OLD_US, now_us),
            _DELIVERY.c.sent_us.is_(None),
        )
        .order_by(_NOTICE.c.due_us, _NOTICE.c.alarm_id, _NOTICE.c.position)
    )
    if on_call:
        due = due.where(_NOTICE.c.on_call)
    waiting: set[int] = set()
    for row in tx.execute(due).all():
        if row.alarm_id in waiting:
            continue
        waiting.add(row.alarm_id)
        if row.next_us is None or row.next_us <= now_us:
            return _begin(tx, row.alarm_id, row.position, target, row.tries or 0, now_us)
    return None


def told(tx: Connection, notice: Notice, target: str) -> None:
    """Record that `target` was told."""
    tx.execute(update(_DELIVERY).where(*_of(notice, target)).values(sent_us=clock_us(tx), failure=None))


def failed(tx: Connection, notice: Notice, target: str, failure: str) -> None:
    """Record why a try failed: a code, never what a target or its server said."""
    tx.execute(update(_DELIVERY).where(*_of(notice, target)).values(failure=failure[:LONGEST_FAILURE]))


def end_told(tx: Connection, targets: frozenset[str], on_call: frozenset[str] = frozenset()) -> int:
    """End every due notice that all of `targets` were told of, how many; and give up what is too old.

    Those of them that are `on_call` need only be told of what is theirs. Without any target every due notice ends.
    """
    _give_up(tx, clock_us(tx))
    open_now = select(_NOTICE.c.alarm_id, _NOTICE.c.position, _NOTICE.c.on_call).where(
        _NOTICE.c.ended.is_(None), _NOTICE.c.due_us <= clock_us(tx)
    )
    ended = 0
    for alarm_id, position, of_on_call in tx.execute(open_now).all():
        sent = select(_DELIVERY.c.target).where(
            _DELIVERY.c.alarm_id == alarm_id, _DELIVERY.c.position == position, _DELIVERY.c.sent_us.is_not(None)
        )
        if (targets if of_on_call else targets - on_call) <= set(tx.execute(sent).scalars()):
            _end(tx, alarm_id, position, NoticeEnd.TOLD)
            ended += 1
    return ended


def unsent(tx: Connection, tries: int) -> dict[str, int]:
    """How many notices each target was tried with at least so often and still was not told of."""
    waiting = (
        select(_DELIVERY.c.target)
        .join(_NOTICE, and_(_NOTICE.c.alarm_id == _DELIVERY.c.alarm_id, _NOTICE.c.position == _DELIVERY.c.position))
        .where(_NOTICE.c.ended.is_(None), _DELIVERY.c.sent_us.is_(None), _DELIVERY.c.tries >= tries)
    )
    counts: dict[str, int] = {}
    for target in tx.execute(waiting).scalars():
        counts[target] = counts.get(target, 0) + 1
    return counts


def behind(conn: Connection, targets: Collection[str], on_call: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many notices that are due each of `targets` was not told of yet; those told of all are left out.

    Of those of them that are `on_call` only what is theirs is counted.
    """
    open_now = and_(_NOTICE.c.ended.is_(None), _NOTICE.c.due_us <= clock_us(conn))
    counts: dict[str, int] = {}
    for target in targets:
        sent = select(_DELIVERY.c.alarm_id).where(
            _DELIVERY.c.alarm_id == _NOTICE.c.alarm_id,
            _DELIVERY.c.position == _NOTICE.c.position,
            _DELIVERY.c.target == target,
            _DELIVERY.c.sent_us.is_not(None),
        )
        untold = select(func.count()).select_from(_NOTICE).where(open_now, ~sent.exists())
        left = conn.execute(untold.where(_NOTICE.c.on_call) if target in on_call else untold).scalar_one()
        if left:
            counts[target] = int(left)
    return counts


def _begin(tx: Connection, alarm_id: int, position: int, target: str, tries: int, now_us: int) -> Notice:
    place = {"alarm_id": alarm_id, "position": position, "target": target}
    counted = {"tries": tries + 1, "next_us": now_us + wait_us(tries + 1)}
    if tries == 0:
        tx.execute(insert(_DELIVERY), {**place, **counted})
    else:
        where = [_DELIVERY.c[name] == value for name, value in place.items()]
        tx.execute(update(_DELIVERY).where(*where).values(counted))
    row: Any = tx.execute(
        select(_STEP, _ALARM.c.kind, _ALARM.c.subject, _ALARM.c.amount, _ALARM.c.raised_us, _ALARM.c.emulated)
        .join(_ALARM, _ALARM.c.alarm_id == _STEP.c.alarm_id)
        .where(_STEP.c.alarm_id == alarm_id, _STEP.c.position == position)
    ).one()
    return Notice(
        alarm_id, position, row.step, row.at_us, row.kind, row.subject, row.amount, row.raised_us, row.emulated,
        row.person, row.role, tries,
    )  # fmt: skip


def _give_up(tx: Connection, now_us: int) -> None:
    old = (_NOTICE.c.ended.is_(None), _NOTICE.c.due_us < now_us - TOO_OLD_US)
    tx.execute(update(_NOTICE).where(*old).values(ended=NoticeEnd.GIVEN_UP.value))


def _end(tx: Connection, alarm_id: int, position: int, how: NoticeEnd) -> None:
    one = and_(_NOTICE.c.alarm_id == alarm_id, _NOTICE.c.position == position, _NOTICE.c.ended.is_(None))
    tx.execute(update(_NOTICE).where(one).values(ended=how.value))


def _of(notice: Notice, target: str) -> tuple[Any, ...]:
    return (
        _DELIVERY.c.alarm_id == notice.alarm_id,
        _DELIVERY.c.position == notice.position,
        _DELIVERY.c.target == target,
        _DELIVERY.c.sent_us.is_(None),
    )
