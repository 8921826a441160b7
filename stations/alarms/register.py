"""Raising, taking, escalating and ending alarms, each in the transaction of whoever calls.

So an alarm stands or falls with what it is about, and each step that is to be told outside has its notice beside it in
the outbox (`stations.alarms.outbox`): a crash loses neither. Every time is the database's clock's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from handoff_logs.dialects import clock_us
from handoff_logs.statements import Statement
from stations.alarms import rules
from stations.alarms.errors import AlarmOverError, AlreadyAcknowledgedError, UnknownAlarmError
from stations.alarms.rules import Step
from stations.alarms.tables import Alarm, AlarmNotice, AlarmStep, NoticeEnd
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import RoleMissingError
from stations.people_register.sign_in import find, roles_of

_ALARM = Alarm.__table__  # type: ignore[attr-defined]
_STEP = AlarmStep.__table__  # type: ignore[attr-defined]
_NOTICE = AlarmNotice.__table__  # type: ignore[attr-defined]

_ABOUT = (_ALARM.c.kind == bindparam("kind"), _ALARM.c.subject == bindparam("subject"))
_OPEN = select(_ALARM).where(*_ABOUT, _ALARM.c.cleared_us.is_(None)).with_for_update()
_STANDS = select(_ALARM.c.alarm_id).where(*_ABOUT, _ALARM.c.cleared_us.is_(None))
_JUST_OVER = (
    select(_ALARM)
    .where(*_ABOUT, _ALARM.c.cleared_us > bindparam("since_us"))
    .order_by(_ALARM.c.cleared_us.desc())
    .limit(1)
    .with_for_update()
)
_BEGIN = Statement(
    "INSERT INTO alarm (kind, subject, amount, seen, raised_us, emulated)"
    " VALUES (:kind, :subject, :amount, 1, :raised_us, :emulated)"
    " ON CONFLICT (kind, subject) WHERE cleared_us IS NULL DO NOTHING RETURNING alarm_id"
)
"""Nothing comes back where another transaction raised the same alarm first: PostgreSQL waits for it to say so."""
_THEIRS = Statement(
    f"SELECT 1 FROM alarm WHERE alarm_id = :alarm_id AND (kind IN ('{rules.CALLED}', '{rules.EMERGENCY_WAITS}')"  # noqa: S608 (own words)
    " OR NOT EXISTS (SELECT 1 FROM shift WHERE NOT closed))"
)
"""Whether those on call are told of a step that is taken now: they are called, or no shift is open."""
TRIES: Final = 10
"""Each lost race is another's commit between two statements of ours."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The alarm that stands now; `news` unless it stood before."""

    alarm_id: int
    news: bool


def raise_alarm(tx: Connection, kind: str, subject: str, *, emulated: bool, amount: int | None = None) -> Raised:
    """Raise an alarm of `kind` about `subject` in this transaction; one that is open is only counted again.

    One that was over for less than `rules.RETURN_US` goes on as the alarm it was. Raises UnknownKindError,
    BadSubjectError.
    """
    about = {"kind": rules.kind_of(kind).code, "subject": rules.check_subject(subject)}
    for _ in range(TRIES):
        now_us = clock_us(tx)
        if (row := tx.execute(_OPEN, about).one_or_none()) is not None:
            _seen_again(tx, row, amount)
            return Raised(row.alarm_id, news=False)
        since_us = now_us - rules.RETURN_US
        if (row := tx.execute(_JUST_OVER, {**about, "since_us": since_us}).one_or_none()) is not None:
            _withdraw(tx, row.alarm_id)
            _seen_again(tx, row, amount)
            _append(tx, row.alarm_id, Step.RETURNED, now_us)
            return Raised(row.alarm_id, news=True)
        begun = {**about, "amount": amount, "raised_us": now_us, "emulated": emulated}
        if (new := _BEGIN.run(tx, begun).fetchone()) is not None:
            _append(tx, new[0], Step.RAISED, now_us)
            return Raised(new[0], news=True)
    raise RuntimeError(f"{kind} about {subject} was raised and ended {TRIES} times meanwhile")


def clear(tx: Connection, kind: str, subject: str) -> int | None:
    """End the open alarm of `kind` about `subject`; its number, None where none was open. Its end is told later.

    Raises UnknownKindError, BadSubjectError.
    """
    about = {"kind": rules.kind_of(kind).code, "subject": rules.check_subject(subject)}
    if (row := tx.execute(_OPEN, about).one_or_none()) is None:
        return None
    now_us = max(clock_us(tx), row.raised_us)
    tx.execute(update(_ALARM).where(_ALARM.c.alarm_id == row.alarm_id).values(cleared_us=now_us))
    # Told when it can't come back as the same alarm any more.
    _append(tx, row.alarm_id, Step.CLEARED, now_us, told_from_us=now_us + rules.RETURN_US)
    return int(row.alarm_id)


def is_open(conn: Connection, kind: str, subject: str) -> bool:
    """Whether an alarm of `kind` about `subject` is open. Raises UnknownKindError, BadSubjectError."""
    about = {"kind": rules.kind_of(kind).code, "subject": rules.check_subject(subject)}
    return conn.execute(_STANDS, about).one_or_none() is not None


def clear_all(tx: Connection, kind: str) -> list[int]:
    """End every open alarm of `kind`, whatever it is about; their numbers. Raises UnknownKindError."""
    about = (_ALARM.c.kind == rules.kind_of(kind).code, _ALARM.c.cleared_us.is_(None))
    subjects = list(tx.execute(select(_ALARM.c.subject).where(*about)).scalars())
    return [alarm_id for subject in sorted(subjects) if (alarm_id := clear(tx, kind, subject)) is not None]


def acknowledge(tx: Connection, alarm_id: int, who: SignedIn) -> None:
    """Record that a person who signed in takes an open alarm and sees to it.

    Their standing is read anew in this transaction. Raises UnknownAlarmError, AlarmOverError,
    AlreadyAcknowledgedError, RoleMissingError.
    """
    row = _locked(tx, alarm_id)
    steps = check_standing(tx, alarm_id)
    # One of a kind that is no rule any more is a lead's.
    kind = rules.KINDS.get(row.kind)
    may = rules.may_acknowledge(kind, _escalated(steps)) if kind else (Role.LEAD,)
    person = find(tx, who.code)
    if person is None or person.ended_us is not None or roles_of(tx, who.code).isdisjoint(may):
        raise RoleMissingError(who.code, may)
    _append(tx, alarm_id, Step.ACKNOWLEDGED, clock_us(tx), person=who.code, sign_in=who.sign_in)


def check_standing(conn: Connection, alarm_id: int) -> list[Row[Any]]:
    """The steps of an alarm that can be taken: open, and nobody has.

    Raises UnknownAlarmError, AlarmOverError, AlreadyAcknowledgedError.
    """
    row = conn.execute(select(_ALARM.c.cleared_us).where(_ALARM.c.alarm_id == alarm_id)).one_or_none()
    if row is None:
        raise UnknownAlarmError(alarm_id)
    steps = _steps(conn, alarm_id)
    for step in steps:
        if step.step == Step.ACKNOWLEDGED:
            raise AlreadyAcknowledgedError(alarm_id, step.person, step.at_us)
    if row.cleared_us is not None:
        raise AlarmOverError(alarm_id, row.cleared_us)
    return steps


def escalate_due(tx: Connection) -> list[tuple[int, Role]]:
    """Escalate every open alarm that nobody has acknowledged in time; which, and to whom, in order.

    A second call at the same moment finds nothing left: each role is told of an alarm once.
    """
    taken_already = select(_STEP.c.alarm_id).where(
        _STEP.c.alarm_id == _ALARM.c.alarm_id, _STEP.c.step == Step.ACKNOWLEDGED.value
    )
    untaken = select(_ALARM.c.alarm_id).where(_ALARM.c.cleared_us.is_(None), ~taken_already.exists())
    untaken = untaken.order_by(_ALARM.c.raised_us)
    escalated: list[tuple[int, Role]] = []
    for alarm_id in sorted(tx.execute(untaken).scalars()):
        row = _locked(tx, alarm_id)
        steps = _steps(tx, alarm_id)
        kind = rules.KINDS.get(row.kind)
        taken = any(step.step == Step.ACKNOWLEDGED for step in steps)
        if kind is None or taken or row.cleared_us is not None:
            continue
        now_us = clock_us(tx)
        for role in rules.escalations_due(kind, row.raised_us, now_us, _escalated(steps)):
            _append(tx, alarm_id, Step.ESCALATED, now_us, role=role.value)
            escalated.append((alarm_id, role))
    return escalated


Finding = tuple[str, str]
"""A kind, and the subject that it was found of."""


def follow(
    tx: Connection, watched: Collection[str], found: Mapping[Finding, int | None], *, emulated: bool
) -> tuple[list[int], list[int]]:
    """Make the register say what a watcher of the kinds `watched` has `found`, with amounts; what was raised, cleared.

    What is open and found as before is not written again. Raises UnknownKindError, BadSubjectError.
    """
    open_now = {
        (row.kind, row.subject): row
        for row in tx.execute(select(_ALARM).where(_ALARM.c.kind.in_(watched), _ALARM.c.cleared_us.is_(None)))
    }
    raised: list[int] = []
    for (kind, subject), amount in sorted(found.items(), key=lambda each: each[0]):
        before = open_now.get((kind, subject))
        if before is None or before.amount != amount:
            stands = raise_alarm(tx, kind, subject, emulated=emulated, amount=amount)
            raised += [stands.alarm_id] if stands.news else []
    over = [clear(tx, kind, subject) for kind, subject in open_now if (kind, subject) not in found]
    return raised, [alarm_id for alarm_id in over if alarm_id is not None]


def _seen_again(tx: Connection, row: Row[Any], amount: int | None) -> None:
    values = {"seen": row.seen + 1, "amount": amount, "cleared_us": None}
    tx.execute(update(_ALARM).where(_ALARM.c.alarm_id == row.alarm_id).values(values))


def _withdraw(tx: Connection, alarm_id: int) -> None:
    """Take back what of an alarm's end was not told yet."""
    cleared = select(_STEP.c.position).where(_STEP.c.alarm_id == alarm_id, _STEP.c.step == Step.CLEARED.value)
    mine = (_NOTICE.c.alarm_id == alarm_id, _NOTICE.c.position.in_(cleared), _NOTICE.c.ended.is_(None))
    tx.execute(update(_NOTICE).where(*mine).values(ended=NoticeEnd.WITHDRAWN.value))


def _append(tx: Connection, alarm_id: int, step: Step, at_us: int, told_from_us: int = 0, **facts: str) -> None:
    """Record a step of an alarm whose row this transaction has locked, and its notice where it is to be told."""
    last = tx.execute(select(func.max(_STEP.c.position)).where(_STEP.c.alarm_id == alarm_id)).scalar_one()
    place = {"alarm_id": alarm_id, "position": (last or 0) + 1}
    tx.execute(insert(_STEP), {**place, "step": step.value, "at_us": at_us, **facts})
    if step in rules.TOLD:
        on_call = bool(_THEIRS.run(tx, {"alarm_id": alarm_id}).fetchone())
        tx.execute(insert(_NOTICE), {**place, "due_us": told_from_us or at_us, "on_call": on_call})


def _locked(tx: Connection, alarm_id: int) -> Row[Any]:
    row = tx.execute(select(_ALARM).where(_ALARM.c.alarm_id == alarm_id).with_for_update()).one_or_none()
    if row is None:
        raise UnknownAlarmError(alarm_id)
    return row


def _steps(tx: Connection, alarm_id: int) -> list[Row[Any]]:
    return list(tx.execute(select(_STEP).where(_STEP.c.alarm_id == alarm_id).order_by(_STEP.c.position)))


def _escalated(steps: Collection[Row[Any]]) -> frozenset[str]:
    return frozenset(step.role for step in steps if step.role is not None)
