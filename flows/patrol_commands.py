"""`passline patrol`: rounds by plan, what they found, and each finding followed to its end. Heavy modules load late."""

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit, FlowError, NotEmulatedError
from flows.patrol_view import (
    ANSWERS,
    answer_rows,
    due_row,
    finding_row,
    print_due,
    print_finding,
    print_findings,
    print_json,
    print_plan,
    step_row,
)
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.sheets import write_rows
from stations.patrol import listing, rules
from stations.patrol.rules import Answer, Found, Kind, Patrol, Step, Walked
from stations.people import Role
from stations.people_register.asking import Asking, PasswordsFrom

if TYPE_CHECKING:
    from flows.settings import LineSettings
    from stations.by import By
    from stations.workplace import Workplace

app = App(name="patrol", help="Rounds by plan, what they find, and each finding to its end.")

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Table = Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")]
Signing = Annotated[str | None, Parameter("--by", help="Code of who signs; asked if left out.")]
Emulated = Annotated[
    bool, Parameter("--emulated", negative=(), help="Emulated people walk and sign; on an emulated line alone.")
]
Number = Annotated[int, Parameter(help="The finding's number, as `findings` prints it.")]
HERE: Final = Path(".passline")
MOST_BYTES: Final = 1_000_000
"""Of a file of answers."""
YES: Final = {"": False, "no": False, "yes": True}


class AnswersUnreadError(FlowError):
    """A file of answers that can't be read; nothing was recorded."""

    next_step = "Print the form and fill it in: `passline patrol plan NAME --output csv > FILE`, then --answers FILE."

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} {self.reason}; nothing was recorded."


class AnswersNeededError(FlowError):
    """Nobody said how it looks there."""

    next_step = "Give --answers FILE, or --all-ok where everything is in order; or walk it on the page."

    def __str__(self) -> str:
        return "No item was answered; nothing was recorded."


@app.command(name="status")
def status_command(*, directory: Directory = HERE, output: Table = "table") -> int:
    """Print which rounds are due when, and what was found and is not at its end.

    Ends with 1 while a round is overdue or a finding is open.
    """
    from flows.configuration import read_settings

    folder = RunFolder(directory)
    settings, now_us = read_settings(folder), time.time_ns() // 1_000
    with open_reading(folder.line().database_url) as reading:
        due, found = listing.due(reading, settings.patrols), listing.findings(reading)
    if output == "json":
        rows = {"patrols": [due_row(one, now_us) for one in due], "findings": [finding_row(one) for one in found]}
        print_json({"emulated": settings.emulated, **rows})
    else:
        sys.stdout.write("EMULATED line\n" if settings.emulated else "")
        print_due(due, now_us)
        if found:
            sys.stdout.write("\n")
            print_findings(found)
    overdue = any(one.is_overdue(now_us) for one in due)
    return Exit.FINDINGS if overdue or found else Exit.FINE


@app.command(name="plan")
def plan_command(
    name: Annotated[str | None, Parameter(help="Only this patrol; all if left out.")] = None,
    /,
    *,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """Print where each patrol leads, what it asks there and how often; as csv, the form of its answers to fill in."""
    from flows.configuration import read_settings

    settings = read_settings(RunFolder(directory))
    plan = settings.patrols if name is None else (rules.named(settings.patrols, name),)
    match output:
        case "json":
            print_json([_plan_row(patrol) for patrol in plan])
        case "csv":
            write_rows(ANSWERS, [row for patrol in plan for row in answer_rows(patrol)])
        case "table":
            print_plan(plan)
    return Exit.FINE


@app.command(name="round")
def round_command(
    name: Annotated[str, Parameter(help="The patrol's name, as `plan` prints it.")],
    /,
    *,
    answers: Annotated[
        Path | None,
        Parameter("--answers", help="What was seen: a CSV file with point,item,answer,kind,what,photo,hold."),
    ] = None,
    all_ok: Annotated[
        bool, Parameter("--all-ok", negative=(), help="Everything on the checklist is in order.")
    ] = False,
    by: Signing = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Table = "table",
) -> int:
    """Record a round that was walked: every item answered, signed by an operator of the shift or a lead.

    Ends with 1 where something was found. Emulated people find everything in order, unless --answers says otherwise.
    """
    from flows.sealer import seal_now
    from stations.patrol.rounds import check_patroller, record_round

    folder = RunFolder(directory)
    with _place(folder, emulated=emulated) as (here, settings):
        patrol, holdable = rules.named(settings.patrols, name), settings.personalizers
        if answers is None and not (all_ok or emulated):
            raise AnswersNeededError
        walked = _read(patrol, answers) if answers is not None else _all_ok(patrol)
        rules.check_walked(walked, holdable)
        signer = _signer(
            here, Asking(passwords_from), by, rules.PATROLLERS, rules.EMULATED_PATROLLER, emulated=emulated
        )
        with here.database.read() as conn:
            check_patroller(conn, signer)
        recorded = record_round(here, walked, _new_round(), signer, holdable)
        mark = "EMULATED: " if here.emulated else ""
    content = {
        "emulated": here.emulated,
        "round_id": recorded.round_id,
        "patrol": name,
        "signed_by": signer.code,
        "answers": len(walked.answers),
        "findings": list(recorded.findings),
        "held": list(recorded.held),
    }
    if output == "json":
        print_json(content)
    else:
        told = ", ".join(map(str, recorded.findings)) or "none"
        sys.stdout.write(f"{mark}round of {name} recorded: {len(walked.answers)} answers, signed by {signer.code}\n")
        sys.stdout.write(f"{mark}findings: {told}\n")
        for machine in recorded.held:
            sys.stdout.write(f"{mark}{machine} is held: nothing more is drawn on it\n")
    seal_now(folder)
    return Exit.FINDINGS if recorded.findings else Exit.FINE


@app.command(name="findings")
def findings_command(
    finding: Annotated[int | None, Parameter(help="One finding with all its steps, by its number.")] = None,
    /,
    *,
    ended: Annotated[bool, Parameter("--all", negative=(), help="Also those at their end, the last 500.")] = False,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """List the open findings, those that hold a machine first; or one with its steps. Ends with 1 while any is open."""
    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        if finding is not None:
            one, steps = listing.finding(reading, finding)
            if output == "table":
                print_finding(one, steps)
            elif output == "json":
                print_json({**finding_row(one), "steps": [step_row(done) for done in steps]})
            else:
                write_rows(listing.COLUMNS, [finding_row(one)])
            return Exit.FINE if one.ended else Exit.FINDINGS
        found = listing.findings(reading, ended=ended)
    match output:
        case "json":
            print_json({"emulated": line.emulated, "findings": [finding_row(one) for one in found]})
        case "csv":
            write_rows(listing.COLUMNS, [finding_row(one) for one in found])
        case "table":
            print_findings(found)
    return Exit.FINE if all(one.ended for one in found) else Exit.FINDINGS


@app.command(name="take")
def take_command(
    finding: Number,
    /,
    *,
    by: Signing = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Take a finding: you see to it. Another may take it over from you."""
    return _step(RunFolder(directory), finding, Step.TAKEN, None, by, passwords_from, emulated=emulated)


@app.command(name="mended")
def mended_command(
    finding: Number,
    /,
    *,
    done: Annotated[str, Parameter("--done", help="What was done, one line, no names.")],
    by: Signing = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Say what was done about a finding that you took. It ends when somebody else has looked: `close`."""
    return _step(RunFolder(directory), finding, Step.MENDED, done, by, passwords_from, emulated=emulated)


@app.command(name="close")
def close_command(
    finding: Number,
    /,
    *,
    still: Annotated[
        str | None, Parameter("--still", help="It is not in order: what is still wrong. The finding goes back.")
    ] = None,
    by: Signing = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Look at what another mended: the finding ends, and the machine that it holds draws again.

    Never by who mended it. With --still it goes back and the machine stays held: ends with 1.
    """
    step = Step.CHECKED if still is None else Step.RETURNED
    return _step(RunFolder(directory), finding, step, still, by, passwords_from, emulated=emulated)


def _step(
    folder: RunFolder,
    finding: int,
    step: Step,
    what: str | None,
    by: str | None,
    passwords_from: str | None,
    *,
    emulated: bool,
) -> int:
    from flows.sealer import seal_now
    from stations.patrol.rounds import record_step

    if what is not None:
        rules.check_text(what, f"finding {finding}")
    other = step in (Step.CHECKED, Step.RETURNED)
    person = rules.EMULATED_PATROLLER if other else rules.EMULATED_MENDER
    with _place(folder, emulated=emulated) as (here, _):
        with open_reading(folder.line().database_url) as reading:
            listing.finding(reading, finding)
        signer = _signer(here, Asking(passwords_from), by, rules.MENDERS, person, emulated=emulated)
        stepped = record_step(here, finding, step, signer, what)
        mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(f"{mark}finding {finding} is {step.value} by {signer.code}\n")
    if stepped.freed is not None:
        sys.stdout.write(f"{mark}{stepped.freed} is free: it draws again\n")
    elif stepped.held is not None:
        sys.stdout.write(f"{mark}{stepped.held} is still held\n")
    seal_now(folder)
    return Exit.FINDINGS if step is Step.RETURNED else Exit.FINE


@contextmanager
def _place(folder: RunFolder, *, emulated: bool) -> Iterator[tuple["Workplace", "LineSettings"]]:
    """The line, running or not, and its settings. Raises NotEmulatedError."""
    from flows.configuration import read_settings
    from flows.two_hands import workplace_of
    from stations.personalization.rules import STATION

    settings = read_settings(folder)
    if emulated and settings.real_staff:
        raise NotEmulatedError
    with workplace_of(folder, STATION) as here:
        yield here, settings


def _signer(
    here: "Workplace",
    asking: Asking,
    code: str | None,
    roles: tuple[Role, ...],
    emulated_code: str,
    *,
    emulated: bool,
) -> "By":
    from flows.two_hands import as_one
    from stations.by import By

    if emulated:
        return By(emulated_code)
    signed = as_one(here, asking, code, roles)
    person = signed.people[0]
    return By(person, signed.sign_ins[person])


def _new_round() -> str:
    from handoff_logs.records import new_id

    return new_id()


def _all_ok(patrol: Patrol) -> Walked:
    return Walked(patrol, {(point, item.id): Answer.OK for point, item in patrol.cells}, ())


def _read(patrol: Patrol, file: Path) -> Walked:
    """The answers in a file, its photographs beside it or wherever they are named."""
    answers: dict[tuple[str, str], Answer] = {}
    found: list[Found] = []
    for line, row in _rows(file):
        cell = row["point"], row["item"]
        try:
            answer = Answer(row["answer"])
            if cell in answers:
                raise AnswersUnreadError(str(file), f"answers {cell[0]} {cell[1]} twice")
            answers[cell] = answer
            if answer is Answer.BAD:
                photo = _photo(file, row["photo"]) if row["photo"] else None
                found.append(Found(*cell, Kind(row["kind"]), row["what"], YES[row["hold"]], photo))
        except (ValueError, KeyError) as error:
            words = f"answer: {', '.join(Answer)}; kind: {', '.join(Kind)}; hold: yes or nothing"
            raise AnswersUnreadError(str(file), f"has a word in its {line}. line that is none ({words})") from error
    return Walked(patrol, answers, tuple(found))


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            text = opened.read(MOST_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise AnswersUnreadError(str(file), "can't be read") from error
    if len(text) > MOST_BYTES:
        raise AnswersUnreadError(str(file), "is too large")
    reader = csv.reader(text.splitlines())
    if tuple(next(reader, ())) != ANSWERS:
        raise AnswersUnreadError(str(file), f"does not begin with the columns {','.join(ANSWERS)}")
    for row in reader:
        if not row:
            continue
        if len(row) != len(ANSWERS):
            raise AnswersUnreadError(str(file), f"has another number of columns in its {reader.line_num}. line")
        yield reader.line_num, dict(zip(ANSWERS, (each.strip() for each in row), strict=True))


def _photo(file: Path, name: str) -> bytes:
    from stations.patrol.photos import MOST_BYTES as MOST

    try:
        with (file.parent / name).open("rb") as opened:
            return opened.read(MOST + 1)
    except OSError as error:
        raise AnswersUnreadError(name, "can't be read") from error


def _plan_row(patrol: Patrol) -> dict[str, object]:
    items = [{"id": item.id, "english": item.english, "chinese": item.chinese} for item in patrol.checklist]
    return {"patrol": patrol.name, "every_min": patrol.every_min, "points": list(patrol.points), "items": items}
