"""`logs`: what an auditor asks of the handoff log: a command a question, made from its function.

Every question is recorded before it is answered, read-only.
"""

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from cyclopts import App, Parameter
from cyclopts.validators import Number

from handoff_logs import opened, outputs, questions, terminal
from handoff_logs.errors import HandoffLogError, UnreadableDatabaseError
from handoff_logs.lookups import LookupNotRecordedError
from handoff_logs.projections import Difference
from handoff_logs.questions.answers import FIRST_US, LAST_US, Answer, Column, Period, Type, in_us
from handoff_logs.questions.registry import ASKED, INSIDE, LOOKUPS, QUESTIONS, Question
from handoff_logs.reading import Reading, open_reading
from handoff_logs.records import Scalar
from handoff_logs.terminal import Audience

FINDINGS, UNKNOWN = 1, 2
"""Exit codes: rules are broken; the question can't be answered as asked."""

TABLE_LIMIT = 100
"""Rows of a table unless more are asked for; files have all."""

Output = Literal["table", "json", "jsonl", "csv", "xlsx", "parquet"]
Directory = Annotated[Path, Parameter(name="--dir", help="The run's folder.")]
DEFAULT_DIRECTORY = Path(".passline")


@Parameter(name="*", help="How the answer is printed.")
@dataclass(frozen=True)
class Printing:
    """How an answer is printed."""

    directory: Directory = DEFAULT_DIRECTORY
    output: Annotated[
        Output | None, Parameter(name="--output", help="How to print; a table, unless --out's name says what.")
    ] = None
    out: Annotated[Path | None, Parameter(name="--out", help="A file to write instead of standard output.")] = None

    def form(self) -> Output:
        """What is to be written. Fails for a file whose name does not say."""
        if self.output == "table" and self.out is not None:
            fail("A table is for the terminal; write csv or xlsx to a file.")
        if self.out is not None and not self.out.parent.is_dir():
            fail(f"There is no folder {self.out.parent} to write {self.out.name} to.")
        if self.output is not None or self.out is None:
            return self.output or "table"
        forms: Mapping[str, Output] = {f".{form}": form for form in ("json", "jsonl", "csv", "xlsx", "parquet")}
        if (form := forms.get(self.out.suffix)) is None:
            fail(f"{self.out} does not say what to write; name it {', '.join(forms)}, or say --output.")
        return form


AS_USUAL = Printing()

HELP: Mapping[str, str] = {
    "number": "A document's, application's, blank's or parcel's number.",
    "name": "The shift's name.",
    "code": "A person's staff code.",
    "station": "Only of this station.",
    "shift": "Only of this shift.",
    "person": "Only of this person (staff code).",
    "machine": "Only of this machine.",
    "kind": "Only units of this kind: order, blank, document, tray or parcel.",
    "from_us": "From this local date or time on.",
    "to_us": "Up to this local time, or to the end of this date.",
    "at_us": "At this local time; now, if left out.",
    "after": "Go on behind a page that ended here.",
    "reader": "Only what this reader asked: a staff code, a program's name, unsigned:ACCOUNT.",
    "question": "Only this question.",
    "limit": f"At most so many rows; {TABLE_LIMIT} in a table, if left out.",
}
"""What each parameter of a question is for; a time's is named without its unit: `--from`."""

app = App(name="logs", help="Ask the handoff log who held what, when.")


def database_url(directory: Path) -> str:
    """Return the database url of a run's folder: `database` in its `line.toml`, or the SQLite file beside it.

    The folder of opened archives has neither. Raises UnreadableDatabaseError for a `line.toml` that is no TOML.
    """
    if (archives := opened.url_of(directory)) is not None:
        return archives
    settings = directory / "line.toml"
    configured = None
    if settings.is_file():
        try:
            configured = tomllib.loads(settings.read_text(encoding="utf-8")).get("database")
        except tomllib.TOMLDecodeError as error:
            raise UnreadableDatabaseError(f"{settings} does not say which database: {error}") from error
    return str(configured or f"sqlite:///{directory / 'passline.db'}")


def centre_name(directory: Path) -> str:
    """Return the centre of a run's folder: `centre` in its `line.toml`, or `centre` where it names none.

    Raises UnreadableDatabaseError for a `line.toml` that can't be read.
    """
    settings = directory / "line.toml"
    try:
        content = tomllib.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise UnreadableDatabaseError(f"{settings} does not say which centre: {error}") from error
    return str(content.get("centre") or "centre")


resolve_url: Callable[[Path], str] = database_url
resolve_centre: Callable[[Path], str] = centre_name
"""How a folder becomes a database url and a centre's name; the program that owns the environment puts its own here."""
differences: Sequence[Difference] = ()
"""Where other packages' tables must follow the log; the program that knows them puts them here."""

app.command("handoff_logs.epcis.commands:export", name="epcis", help="Export acts of custody as an EPCIS 2.0 document.")
app.command("handoff_logs.epcis.commands:serve", name="epcis-serve", help="Serve the log read-only in EPCIS 2.0.")
app.command(
    "handoff_logs.epcis.commands:token_app",
    name="epcis-token",
    help="The readers of the EPCIS query interface and their tokens.",
)


def _command(question: Question, audience: Audience = Audience.READERS) -> Callable[..., None]:
    """The command of a question: its function's parameters, and how to print."""

    def run(*subject: str, printing: Printing = AS_USUAL, limit: int | None = None, **asked: str | None) -> None:
        form = printing.form()
        if limit is not None and limit < 1:
            fail(f"--limit {limit} asks for nothing; say 1 or more.")
        limit = TABLE_LIMIT if limit is None and form == "table" else limit
        filters = {name: _value(name, value) for name, value in asked.items() if value is not None}
        named = filters | ({question.subject: subject[0]} if question.subject else {})
        with refusing(), asked_of(printing.directory, asked_as(question.name, form), audience, **named) as reading:
            if question.pseudonymous and "number" in filters:
                asking = terminal.asking(resolve_url(printing.directory), printing.directory)
                filters["number"] = asking.hidden(str(filters["number"]))
            answer = question.ask(reading, *subject, limit=limit, **filters)
            rows = iter(answer)
            first = next(rows, None)
            if first is None and question.unknown and not filters:
                fail(f"{question.none.format(*subject)}; check it, or ask another run's folder with --dir.")
            found = chain(() if first is None else (first,), rows)
            years = opened.years(reading)
            told = list(found) if years and question.name == "document" else []
            found = chain(told, found)
            _write(found, question, form, printing.out, subject, answer)
            if years:
                _say_of_archives(reading, years, told)
        if first is not None and question.findings:
            sys.exit(FINDINGS)

    place = inspect.Parameter
    parameters = []
    if question.subject is not None:
        about = Annotated[str, Parameter(help=HELP[question.subject])]
        parameters.append(place(question.subject, place.POSITIONAL_ONLY, annotation=about))
    for name in (*question.filters, "after", "limit"):
        kind: Any = int if name == "limit" else str
        option = Annotated[kind | None, Parameter(name=f"--{name.removesuffix('_us')}", help=HELP[name])]
        parameters.append(place(name, place.KEYWORD_ONLY, default=None, annotation=option))
    parameters.append(place("printing", place.KEYWORD_ONLY, default=AS_USUAL, annotation=Printing))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    told = (question.ask.__doc__ or "").replace("`from_us`, `to_us`", "--from, --to").replace("BadCursorError", "")
    told = re.sub(r"\s*Raises\s+\.", "", told)
    run.__doc__ = re.sub(r"`(\w+)`", lambda word: f"--{word[1]}" if word[1] in question.filters else word[0], told)
    return run


for _question in QUESTIONS.values():
    app.command(_command(_question), name=_question.name, sort_key=_question.number)
app.command(_command(LOOKUPS, Audience.OVERSEERS), name=LOOKUPS.name, sort_key=LOOKUPS.number)
app.command(_command(INSIDE), name=INSIDE.name, sort_key=INSIDE.number)


for _name, _function, _help in (
    ("prove", "prove", "Write one file that proves a number's whole custody to others."),
    ("prove-key", "prove_key", "Write one file that shows the log's present key to who has an earlier one."),
    ("check", "check", "Verify a proof offline, or recompute every custody rule; exit 1 if one does not hold."),
    ("consistency", "consistency", "Prove that the log begins with what a checkpoint signed; exit 1 if it does not."),
    ("line", "line", "Print the line that two people sign at the shift's close."),
    (
        "check-line",
        "check_line",
        "Say whether the log still contains a printed line; exit 1 if it does not, 2 if it was mistyped.",
    ),
):
    app.command(f"handoff_logs.proof_commands:{_function}", name=_name, help=_help, sort_key=INSIDE.number + 1)


def check_rules(printing: Printing) -> None:
    """Recompute every custody rule from the records alone; exit 1 if one is broken."""
    form = printing.form()
    with refusing(), asked_of(printing.directory, asked_as("check", form)) as reading:
        rows = questions.violations(reading)
        if years := opened.years(reading):
            _say_of_archives(reading, years, ())
    if form == "table":
        outputs.print_table(rows, ("rule", "subject"), "Broken custody rules", "No custody rule is broken")
    else:
        outputs.write(rows, (Column("rule", Type.TEXT), Column("subject", Type.TEXT)), form, printing.out)
    if rows:
        sys.exit(FINDINGS)


@app.command
def verify(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    since_last: Annotated[bool, Parameter(help="Verify only what is new since the last time.", negative="")] = False,
    state: Annotated[
        Path | None, Parameter(help="Where the last time is kept; in the run's folder by default.")
    ] = None,
    checkpoint: Annotated[
        tuple[Path, ...], Parameter(help="A proof or signed note that you kept; again for more.", negative="")
    ] = (),
    log_key: Annotated[
        Path | None, Parameter(help="The log's public key as you know it (log.pub); an earlier one does too.")
    ] = None,
    witness: Annotated[
        tuple[Path, ...], Parameter(help="A witness's public key as you know it; again for more.", negative="")
    ] = (),
    archive: Annotated[
        tuple[Path, ...], Parameter(help="An archive's folder: is it the recorded one? Again for more.", negative="")
    ] = (),
    unsealed_s: Annotated[
        float, Parameter(help="Seconds that a record may be without a leaf.", validator=Number(gte=0))
    ] = 10.0,
    output: Annotated[Literal["table", "json"], Parameter(name="--output", help="How to print.")] = "table",
) -> None:
    """Verify the whole log in seven steps; exit 1 if it is broken, 2 on findings that nobody explained."""
    # Verifying is the only question that needs more than reading.
    from handoff_logs.archive.matching import match
    from handoff_logs.verify import report
    from handoff_logs.verify.asked import outside, verified_tree
    from handoff_logs.verify.problems import Limits
    from handoff_logs.verify.progress import shown
    from handoff_logs.verify.run import BROKEN, CLEAN, Asked
    from handoff_logs.verify.run import verify as verified
    from handoff_logs.verify.state import FILE_NAME, write_state

    kept = state or directory / FILE_NAME
    with refusing():
        last = verified_tree(kept, needed=since_last)
        asked = Asked(
            outside(checkpoint, log_key, witness, last),
            Limits(unsealed_s),
            known=last if since_last else None,
            differences=differences,
        )
        record(directory, "verify", Audience.ANYBODY)
        with open_reading(resolve_url(directory)) as reading:
            matches = [match(reading, folder) for folder in archive]
        with shown() as progress:
            verdict = verified(resolve_url(directory), asked, progress=progress)
        if verdict.exit_code == CLEAN and verdict.sealed.tree is not None:
            write_state(kept, verdict.sealed.tree)
    if output == "json":
        report.print_json(verdict, archives=[each._asdict() for each in matches])
    else:
        print(report.summary(verdict))  # noqa: T201 a command's own voice
        tree = verdict.sealed.tree
        changes = [one for one in verdict.sealed.key_changes if tree is not None and one.epoch == tree.epoch]
        for sentence in key_changes((one.leaf, str(one.key)) for one in changes):
            print(sentence)  # noqa: T201 a command's own voice
        outputs.print_table(report.step_rows(verdict), ("step", "what", "outcome"), "The log's verification", "")
        if verdict.problems:
            columns = ("finding", "step", "rule", "subject", "explained_by")
            outputs.print_table(report.problem_rows(verdict), columns, "What does not hold", "")
        for each in matches:
            print(f"{each.folder}: {each.said}")  # noqa: T201
    sys.exit(verdict.exit_code if all(each.is_recorded for each in matches) else BROKEN)


def _say_of_archives(reading: Reading, years: Sequence[int], steps: Sequence[Mapping[str, Any]]) -> None:
    """Say what archives of some years can't tell, and of these steps, how many of their records' rows are elsewhere."""
    _say(f"{opened.told(years)}.")
    if absent := opened.absent_count(reading, (step["event_id"] for step in steps)):
        _say(f"Of the records told here, {absent} rows are of units of other years; some may belong to what was asked.")


@contextmanager
def asked_of(
    directory: Path, question: str, audience: Audience = Audience.READERS, /, **parameters: Scalar
) -> Iterator[Reading]:
    """Record who asks what of a run's folder, then lend its log; see `record`. Raises UnreadableDatabaseError too."""
    record(directory, question, audience, **parameters)
    with open_reading(resolve_url(directory), by_index=not ASKED.keys().isdisjoint(question.split())) as reading:
        yield reading


def record(directory: Path, question: str, audience: Audience = Audience.READERS, /, **parameters: Scalar) -> None:
    """Record who asks what of a run's folder; where that fails nothing may be answered.

    What tells of no document and nobody goes on without a record: whether the log holds is asked above all where
    somebody did away with its guards, and of copies that can't be written. Raises LookupNotRecordedError,
    PseudonymKeyError, UnsupportedUrlError, and what `who_asks` refuses.
    """
    if opened.url_of(directory) is not None:
        return  # an auditor's own copy, which nobody can keep a record in
    url, who = resolve_url(directory), terminal.who_asks(directory, audience)
    try:
        terminal.asking(url, directory).record(who.reader, question, session=who.session, **parameters)
    except LookupNotRecordedError as error:
        if audience is not Audience.ANYBODY:
            raise
        _say(f"This could not be recorded as asked ({error.detail}); it is answered, for it tells of nobody.")


@contextmanager
def refusing() -> Iterator[None]:
    """End the command with a sentence where the log refuses."""
    try:
        yield
    except HandoffLogError as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.")


def asked_as(question: str, form: Output) -> str:
    """Return what is recorded as asked: a table is looked at, every other form leaves as an export."""
    return question if form == "table" else f"export {question} {form}"


def _write(
    rows: Iterable[Mapping[str, Any]],
    question: Question,
    form: Output,
    out: Path | None,
    subject: Sequence[str],
    answer: Answer[Any],
) -> None:
    title, period = question.title.format(*subject), _told(answer.period)
    if form == "table":
        none = f"Nothing of it fits what was asked: {title}" if question.unknown else question.none.format(*subject)
        shown, side = question.shown, question.on_its_side
        outputs.print_table(rows, shown, f"{title}{period}", f"{none}{period}", on_its_side=side)
    else:
        outputs.write(rows, question.columns, form, out, f"{title}{period}")
        if answer.period is not None and answer.period.assumed:
            _say(f"{title}{period}; ask another time with --from and --to.")
    if answer.cursor is not None:
        _say(f"There are more; go on with --after {answer.cursor}, or say --limit.")


def _told(period: Period | None) -> str:
    """How a title says which time an answer covers."""
    if period is None or period == Period():
        return ""
    start, end = (
        f"{outputs.local(time_us):%Y-%m-%d %H:%M}" if FIRST_US < time_us < LAST_US else ""
        for time_us in (period.from_us, period.to_us)
    )
    said = ", today" if period.assumed else ""
    return f"{said}, from {start}" * bool(start) + f" to {end}" * bool(end)


def _value(name: str, word: str) -> str | int:
    if not name.endswith("_us"):
        return word
    return moment_us(word, whole_day=name == "to_us")


def moment_us(word: str, *, whole_day: bool = False) -> int:
    """Return a local or zoned time that somebody typed, in microseconds UTC; with `whole_day` a bare date's end.

    Ends the command where it is none.
    """
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        fail(f"{word!r} is no time; write 2026-11-25, '2026-11-25 14:30' or 2026-11-25T14:30:05+08:00.")
    if whole_day and re.fullmatch(r"\d{4}-?\d\d-?\d\d", word):
        moment += timedelta(days=1)
    return in_us(moment.astimezone())


def key_changes(changes: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Say where the log's key changed, by the leaf and the next key, and which one to keep."""
    key = ""
    for leaf, following in changes:
        yield f"The log's key changed at leaf {leaf}, signed over by the key before it."
        key = following
    if key:
        yield f"Keep this line as your log.pub from now on, and the old one beside it: {key}"


def fail(sentence: str) -> NoReturn:
    """Say why nothing is answered, and end with the status of a refusal."""
    _say(sentence)
    sys.exit(UNKNOWN)


def _say(sentence: str) -> None:
    sys.stderr.write(f"passline: {sentence}\n")
