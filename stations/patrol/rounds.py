"""Recording a round with all it found, and each step of a finding: in the tables and, in the same commit, in the log.

A form brings its round's id: however often it is sent, and by however many clicks at once, it is one round.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs import register
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.by import By
from stations.patrol import photos, rules
from stations.patrol.errors import (
    FindingMovedError,
    NotInShiftError,
    RoundIdError,
    RoundTakenError,
    UnknownFindingError,
)
from stations.patrol.photos import Photo
from stations.patrol.rules import Answer, Found, Step, Walked
from stations.patrol.tables import PatrolAnswer, PatrolFinding, PatrolRound, PatrolStep
from stations.people import Role
from stations.people_register.errors import RoleMissingError
from stations.people_register.sign_in import PERSON, roles_of
from stations.personalization import holds
from stations.personalization.booking import now_us as computer_us
from stations.workplace import Workplace

T = TypeVar("T")
Fact = tuple[str, str, str]
"""Subject, field and value of an entry of the register."""
Pictures = Mapping[tuple[str, str], Photo]
"""Photographs by point and item."""
_FINDING: Final = PatrolFinding.__table__  # type: ignore[attr-defined]
_STEP: Final = PatrolStep.__table__  # type: ignore[attr-defined]
_ANSWER: Final = PatrolAnswer.__table__  # type: ignore[attr-defined]

_ROUND_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
# On PostgreSQL those who act at once wait for each other, so that the second sees what the first did.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline patrol', 0))")
_BEGUN = Statement("SELECT person, plan FROM patrol_round WHERE round_id = :round_id")
_OPEN_SHIFT = Statement("SELECT shift_id, name FROM shift WHERE NOT closed")
_NAMED = Statement("SELECT 1 FROM shift_person WHERE shift_id = :shift_id AND code = :code")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A round as it is recorded; `news` unless it was before. `held`: machines that its findings hold."""

    round_id: str
    findings: tuple[int, ...]
    held: tuple[str, ...]
    news: bool


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step as it is recorded. `freed`: the machine that is held no more; `held`: the one that is still."""

    finding: int
    step: Step
    freed: str | None
    held: str | None


def check_patroller(conn: Connection, by: By) -> None:
    """Raise `RoleMissingError` or `NotInShiftError` unless they may walk a round now."""
    _check_roles(conn, by, rules.PATROLLERS)
    shift_id, shift = _open_shift(conn)
    if by.sign_in is None or shift_id is None or Role.LEAD in roles_of(conn, by.code):
        return
    if _NAMED.run(conn, {"shift_id": shift_id, "code": by.code}).fetchone() is None:
        raise NotInShiftError(by.code, shift)


def record_round(workplace: Workplace, walked: Walked, round_id: str, by: By, holdable: Sequence[str]) -> Recorded:
    """Record a round, its findings, and the machines that they hold: all or nothing, and once.

    Raises as `rules.check_walked`, `photos.photo` and `check_patroller`, and `RoundIdError`, `RoundTakenError`,
    `FindingMovedError`.
    """
    if _ROUND_ID.fullmatch(round_id) is None:
        raise RoundIdError
    rules.check_walked(walked, holdable)
    pictures = {(one.point, one.item): photos.photo(one.photo) for one in walked.found if one.photo is not None}

    def work(tx: Connection) -> Recorded:
        _one_at_a_time(tx)
        if (before := _recorded(tx, walked, round_id, by, pictures)) is not None:
            return before
        check_patroller(tx, by)
        shift_id, open_name = _open_shift(tx)
        shift, now_us = open_name or workplace.shift, clock_us(tx)
        begun = {
            "round_id": round_id,
            "patrol": walked.patrol.name,
            "plan": walked.patrol.digest,
            "shift_id": shift_id,
            "shift": shift,
            "person": by.code,
            "sign_in": by.sign_in,
            "walked_us": now_us,
            "answers": len(walked.answers),
            "emulated": workplace.emulated,
        }
        tx.execute(insert(PatrolRound), begun)
        facts = [
            (round_id, "walked", f"{walked.patrol.name} {now_us} {shift} {len(walked.answers)} {walked.patrol.digest}")
        ]
        facts += _answer(tx, walked, round_id)
        found, held = _find_all(tx, workplace, walked.found, round_id, now_us, pictures)
        facts += found.values()
        _note(tx, by, now_us, facts, emulated=workplace.emulated)
        return Recorded(round_id, tuple(found), held, news=True)

    return _written(workplace, work)


def check_step(conn: Connection, finding: int, step: Step, by: By) -> None:
    """Raise `UnknownFindingError`, `RoleMissingError` or `StepRefusedError` unless they may do this step now."""
    _check_roles(conn, by, rules.MENDERS)
    _found(conn, finding)
    last = _last(conn, finding)
    rules.check_step(finding, step, Step(last.step) if last else None, by.code, last.person if last else None)


def record_step(workplace: Workplace, finding: int, step: Step, by: By, what: str | None = None) -> Stepped:
    """Record a step of a finding; `what` was done, or is still wrong. Checked, it ends, and what it holds is free.

    Raises as `check_step`, `TextRefusedError`, `FindingMovedError`.
    """
    if step in rules.TOLD:
        what = rules.check_text(what or "", f"finding {finding}")
    elif what is not None:
        raise ValueError(f"{step} says nothing")

    def work(tx: Connection) -> Stepped:
        _one_at_a_time(tx)
        row = tx.execute(select(_FINDING).where(_FINDING.c.finding_id == finding)).one_or_none()
        if row is None:
            raise UnknownFindingError(finding)
        check_step(tx, finding, step, by)
        last = _last(tx, finding)
        position, now_us = last.position + 1 if last else 1, clock_us(tx)
        said = rules.sha256(what) if what is not None else None
        tx.execute(
            insert(_STEP).values(
                finding_id=finding,
                position=position,
                step=step.value,
                person=by.code,
                sign_in=by.sign_in,
                at_us=now_us,
                what=what,
                what_sha256=said,
            )
        )
        fact = (f"finding-{finding}", f"step-{position}", f"{step} {now_us} {said or '-'}")
        _note(tx, by, now_us, [fact], emulated=bool(row.emulated))
        if step is not Step.CHECKED:
            return Stepped(finding, step, None, row.machine)
        tx.execute(update(_FINDING).where(_FINDING.c.finding_id == finding).values(ended=True))
        free = row.machine is not None and holds.end(tx, workplace, row.machine, computer_us())
        return Stepped(finding, step, row.machine if free else None, None if free else row.machine)

    return _written(workplace, work)


def _answer(tx: Connection, walked: Walked, round_id: str) -> list[Fact]:
    """Write the answers of a round; what the log says of them."""
    answers = [(point, item.id, walked.answers[point, item.id].value) for point, item in walked.patrol.cells]
    tx.execute(
        insert(PatrolAnswer),
        [{"round_id": round_id, "point": point, "item": item, "answer": answer} for point, item, answer in answers],
    )
    return [(round_id, f"answer-{number}", " ".join(each)) for number, each in enumerate(answers, 1)]


def _find_all(
    tx: Connection, workplace: Workplace, found: Sequence[Found], round_id: str, now_us: int, pictures: Pictures
) -> tuple[dict[int, Fact], tuple[str, ...]]:
    """Write the findings of a round, and hold what they hold; what the log says of each, and the machines held."""
    facts: dict[int, Fact] = {}
    for one in found:
        picture = pictures.get((one.point, one.item))
        if picture is not None:
            photos.keep(tx, workplace.personal, picture)
        number, fact = _find(tx, workplace, one, round_id, now_us, picture.sha256 if picture else None)
        facts[number] = (f"finding-{number}", "found", fact)
    held = tuple(dict.fromkeys(one.point for one in found if one.holds))
    for machine in held:
        holds.show(tx, workplace, machine, computer_us())
    return facts, held


def _find(
    tx: Connection, workplace: Workplace, one: Found, round_id: str, found_us: int, photo: str | None
) -> tuple[int, str]:
    """Write a finding; its number, and what the log says of it."""
    machine, said = one.point if one.holds else None, rules.sha256(one.what)
    row = tx.execute(
        insert(_FINDING)
        .values(
            round_id=round_id,
            point=one.point,
            item=one.item,
            kind=one.kind.value,
            what=one.what,
            what_sha256=said,
            machine=machine,
            photo=photo,
            found_us=found_us,
            ended=False,
            emulated=workplace.emulated,
        )
        .returning(_FINDING.c.finding_id)
    ).one()
    facts = (round_id, one.point, one.item, one.kind.value, machine or "-", photo or "-", said, str(found_us))
    return int(row.finding_id), " ".join(facts)


def _recorded(tx: Connection, walked: Walked, round_id: str, by: By, pictures: Pictures) -> Recorded | None:
    """The round under this id, if it is the one that was sent again. Raises `RoundTakenError` for another."""
    begun = _BEGUN.run(tx, {"round_id": round_id}).fetchone()
    if begun is None:
        return None
    answers = tx.execute(select(_ANSWER).where(_ANSWER.c.round_id == round_id)).all()
    rows = tx.execute(select(_FINDING).where(_FINDING.c.round_id == round_id).order_by(_FINDING.c.finding_id)).all()
    same = (by.code, walked.patrol.digest) == tuple(begun)
    same = same and {(row.point, row.item): Answer(row.answer) for row in answers} == dict(walked.answers)
    sent = sorted(
        (one.point, one.item, one.kind.value, one.what, one.point if one.holds else "", _hash(pictures, one))
        for one in walked.found
    )
    kept = sorted((row.point, row.item, row.kind, row.what, row.machine or "", row.photo or "") for row in rows)
    if not same or sent != kept:
        raise RoundTakenError(round_id, begun[0])
    held = tuple(dict.fromkeys(row.machine for row in rows if row.machine is not None))
    return Recorded(round_id, tuple(row.finding_id for row in rows), held, news=False)


def _hash(pictures: Pictures, one: Found) -> str:
    picture = pictures.get((one.point, one.item))
    return picture.sha256 if picture else ""


def _check_roles(conn: Connection, by: By, roles: Sequence[Role]) -> None:
    if by.sign_in is None:
        return  # emulated: the tables take such people on emulated lines alone
    person = conn.execute(select(PERSON.c.ended_us).where(PERSON.c.code == by.code)).one_or_none()
    if person is None or person.ended_us is not None or roles_of(conn, by.code).isdisjoint(roles):
        raise RoleMissingError(by.code, tuple(roles))


def _found(conn: Connection, finding: int) -> None:
    if conn.execute(select(_FINDING.c.finding_id).where(_FINDING.c.finding_id == finding)).one_or_none() is None:
        raise UnknownFindingError(finding)


def _last(conn: Connection, finding: int) -> Row[Any] | None:
    steps = select(_STEP).where(_STEP.c.finding_id == finding).order_by(_STEP.c.position.desc()).limit(1)
    return conn.execute(steps).one_or_none()


def _open_shift(conn: Connection) -> tuple[str | None, str]:
    row = _OPEN_SHIFT.run(conn).fetchone()
    return (None, "") if row is None else (str(row[0]), str(row[1]))


def _note(tx: Connection, by: By, now_us: int, facts: Sequence[Fact], *, emulated: bool) -> None:
    party = register.administration(by.code, by.sign_in)
    entries = [Entry(Register.PATROL, *fact) for fact in facts]
    register.record(tx, party, None, entries, Stamp(now_us, emulated))


def _one_at_a_time(tx: Connection) -> None:
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def _written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look again at what others may have changed meanwhile."""
    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise FindingMovedError from error
