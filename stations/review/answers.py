"""What accepting offices answer to the questions of holds: codes, by which an application is reviewed again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from handoff_logs import log
from handoff_logs.dialects import clock_us, listed
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.states import advance
from stations.intake.tables import ApplicationState
from stations.review.errors import AnswersUnreadableError
from stations.review.history import answers_of
from stations.review.leases import one_at_a_time
from stations.trays import INPUT, PUBLISHED, TimeNodes, stamp
from stations.workplace import Workplace

ORDERS_A_TRAY: Final = 25
LONGEST_LINE: Final = 4_000
"""Characters of a line of answers, at most."""

_ASKED = Statement(
    """
    SELECT a.application_id, v.round, a.revision, a.office, a.state, a.order_unit, a.priority, a.service_class,
        a.deadline_us, v.reasons,
        (SELECT max(round) FROM review_verdict AS n WHERE n.application_id = a.application_id),
        (SELECT count(*) FROM review_question AS q WHERE q.application_id = a.application_id AND q.round = v.round),
        r.answers
    FROM application AS a JOIN review_verdict AS v ON v.application_id = a.application_id AND v.revision = a.revision
    LEFT JOIN review_answer AS r ON r.application_id = v.application_id AND r.revision = v.revision
        AND r.round = v.round
    WHERE a.application_id IN {ids} AND v.outcome = 'hold'
    """
)
_ANSWERED = Statement(
    """
    SELECT w.tray FROM whereabouts AS w JOIN application AS a ON a.order_unit = w.unit_id
    JOIN review_answer AS r ON r.application_id = a.application_id AND r.revision = a.revision
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'order' AND w.place = 'input' AND a.state = 'waiting'
    GROUP BY w.tray ORDER BY min(a.priority), min(a.deadline_us), w.tray
    """
)
_STORE = Statement(
    "INSERT INTO review_answer (application_id, revision, round, answers, answered_on, loaded_us, loaded_by, sign_in,"
    " emulated) VALUES (:application_id, :revision, :round, :answers, :answered_on, :now_us, :code, :sign_in,"
    " :emulated)"
)


class Answer(StrEnum):
    """What an office answers to a reason."""

    CONFIRMED = "confirmed"
    """The applicant confirms what was filed."""
    SETTLED = "settled"
    """What was missing is there: paid, brought, ended."""
    WRONG = "wrong"
    """What was filed is wrong: the application is to be filed again."""
    UNREACHED = "unreached"
    """The applicant was not found."""


class Aside(StrEnum):
    """Why a line of answers was set aside."""

    BROKEN_LINE = "broken_line"
    WRONG_VALUE = "wrong_value"
    UNKNOWN_QUESTION = "unknown_question"
    OTHER_OFFICE = "other_office"
    OTHER_REASONS = "other_reasons"
    ANSWERED_BEFORE = "answered_before"
    NOT_HELD = "not_held"


ASIDE_WORDS: Final = {
    Aside.BROKEN_LINE: "is no line of JSON, or too long",
    Aside.WRONG_VALUE: "has a field that is missing, unknown or of another form",
    Aside.UNKNOWN_QUESTION: "names a question that was never sent",
    Aside.OTHER_OFFICE: "is of another office than the question went to",
    Aside.OTHER_REASONS: "does not answer exactly the reasons that were asked",
    Aside.ANSWERED_BEFORE: "differs from the answer on record, which stands",
    Aside.NOT_HELD: "is of an application that no longer waits for it: stopped, or filed again",
}


class AnswerLine(BaseModel):
    """One line of a file of answers (JSON Lines): an answer code for each reason code that was asked."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    question: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.[1-9][0-9]{0,3}$")]
    office: Annotated[str, Field(pattern="^[a-z]{1,20}$")]
    answers: Annotated[
        dict[Annotated[str, Field(pattern="^[a-z_]{1,40}$")], Answer], Field(min_length=1, max_length=20)
    ]
    answered_on: date


@dataclass(frozen=True, slots=True)
class SetAside:
    """A line that was not taken, counted from 1, and why."""

    line: int
    reason: Aside


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file of answers; `repeated` were on record as they are."""

    answered: int
    repeated: int
    set_aside: tuple[SetAside, ...]
    trays: int


class _Asked(NamedTuple):
    """A question with its application as it stands, in the order of `_ASKED`."""

    application_id: str
    round: int
    revision: int
    office: str
    state: str
    order_unit: str
    priority: int
    service_class: str
    deadline_us: int
    reasons: str
    newest: int
    sent: int
    answers: str | None


class _Taken(NamedTuple):
    """An answer that is news, as it is stored."""

    asked: _Asked
    answers: str
    answered_on: str


def load(workplace: Workplace, by: By, lines: Sequence[str], nodes: TimeNodes = PUBLISHED) -> Loaded:
    """Take a file's answers, and let their applications be reviewed again; bad lines are set aside, the others taken.

    All in one transaction. Loaded again it changes nothing.
    """
    read = [_read(line) for line in lines]
    wanted = sorted({_named(each)[0] for each in read if isinstance(each, AnswerLine)})

    def take(tx: Connection) -> Loaded:
        one_at_a_time(tx)
        asked = {(row[0], row[1]): _Asked(*row) for row in _ASKED.run(tx, {"ids": listed(wanted)}).fetchall()}
        taken: dict[tuple[str, int], _Taken] = {}
        aside: list[SetAside] = []
        for number, line in enumerate(read, start=1):
            found = line if isinstance(line, Aside) else _judged(line, asked, taken)
            if isinstance(found, Aside):
                aside.append(SetAside(number, found))
            elif found is not None:
                taken[found.asked.application_id, found.asked.round] = found
        hand = {"now_us": clock_us(tx), "code": by.code, "sign_in": by.sign_in, "emulated": workplace.emulated}
        for asked_, answers, answered_on in taken.values():
            named = {"application_id": asked_.application_id, "revision": asked_.revision, "round": asked_.round}
            _STORE.run(tx, {**hand, **named, "answers": answers, "answered_on": answered_on})
        trays = _review_again(tx, workplace, [each.asked for each in taken.values()], nodes)
        return Loaded(len(taken), len(read) - len(taken) - len(aside), tuple(aside), trays)

    return workplace.database.write(take)


def lines_of(file: Path) -> list[str]:
    """The lines of a file of answers. Raises AnswersUnreadableError."""
    try:
        return file.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise AnswersUnreadableError(str(file), problem or type(error).__name__) from None


def answered_trays(workplace: Workplace) -> list[str]:
    """Trays with orders that came off the hold shelf and wait for review, the most urgent first."""
    with workplace.database.read() as conn:
        return [str(row[0]) for row in _ANSWERED.run(conn, {"station": workplace.station}).fetchall()]


def _read(line: str) -> AnswerLine | Aside:
    if len(line) > LONGEST_LINE:
        return Aside.BROKEN_LINE
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return Aside.BROKEN_LINE
    try:
        return AnswerLine.model_validate_json(line)
    except ValidationError:
        return Aside.WRONG_VALUE


def _named(line: AnswerLine) -> tuple[str, int]:
    application_id, round_ = line.question.split(".")
    return application_id, int(round_)


def _judged(
    line: AnswerLine, asked: Mapping[tuple[str, int], _Asked], taken: Mapping[tuple[str, int], _Taken]
) -> _Taken | Aside | None:
    """What is to be stored, why it is set aside, or None where the same is on record."""
    named = _named(line)
    found = asked.get(named)
    if found is None or not found.sent:
        return Aside.UNKNOWN_QUESTION
    if found.office != line.office:
        return Aside.OTHER_OFFICE
    answers = {code: answer.value for code, answer in line.answers.items()}
    stored = taken[named].answers if named in taken else found.answers
    if stored is not None:
        return None if answers_of(stored) == answers else Aside.ANSWERED_BEFORE
    reasons = found.reasons.split()
    if set(answers) != set(reasons):
        return Aside.OTHER_REASONS
    if found.state != ApplicationState.HELD or found.round != found.newest:
        return Aside.NOT_HELD
    return _Taken(found, " ".join(f"{code}:{answers[code]}" for code in reasons), line.answered_on.isoformat())


def _review_again(tx: Connection, workplace: Workplace, answered: Sequence[_Asked], nodes: TimeNodes) -> int:
    """Take the orders off the hold shelf, in trays that review decides as any other; how many trays."""
    advance(tx, [each.application_id for each in answered], ApplicationState.HELD, ApplicationState.WAITING)
    trays = 0
    for tray in _trays(answered):
        due_us = min(nodes.due_us(workplace.station, each.service_class, each.deadline_us) for each in tray)
        onward = stamp(workplace, new_id(), due_us=due_us, reason="answered")
        log.move(tx, workplace.party(), [each.order_unit for each in tray], INPUT, onward)
        trays += 1
    return trays


def _trays(answered: Sequence[_Asked]) -> Iterator[Sequence[_Asked]]:
    """Of one priority each, the earliest deadline first."""
    ordered = sorted(answered, key=lambda each: (each.priority, each.deadline_us, each.application_id))
    for _, group in groupby(ordered, key=lambda each: each.priority):
        those = list(group)
        for start in range(0, len(those), ORDERS_A_TRAY):
            yield those[start : start + ORDERS_A_TRAY]
