"""`passline calendar`: which days are worked and by what that is known, and a file that settles or corrects them."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.deadline_history import histories
from flows.errors import DaysReversedError, Exit
from flows.run_folder import RunFolder
from flows.terms import Terms, terms
from handoff_logs.reading import open_reading
from handoff_logs.sheets import SheetWriter
from stations.calendar import CHINA, Source, from_us, load_calendar

app = App(name="calendar", help="Working days: which are worked, by what that is known, and what settles them.")

SHOWN_DAYS: Final = 60
"""How far ahead days are shown where nothing else is asked."""
SATURDAY: Final = 5
PROVISIONAL: Final = "SELECT COUNT(*) AS applications FROM application WHERE live AND provisional"

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]


@dataclass(frozen=True, slots=True)
class Day:
    """One day: `worked` or not, what kind of day that makes it, and by what it is known."""

    day: date
    worked: bool
    source: Source

    @property
    def kind(self) -> str:
        """`working day`, `make-up working day`, `weekend` or `holiday`."""
        weekend = self.day.weekday() >= SATURDAY
        if self.worked:
            return "make-up working day" if weekend else "working day"
        return "weekend" if weekend else "holiday"


@app.command
def show(
    *,
    first: Annotated[date | None, Parameter("--from", help="The first day, YYYY-MM-DD; today if left out.")] = None,
    last: Annotated[date | None, Parameter("--to", help="The last day; 60 days later if left out.")] = None,
    directory: Directory = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Print the calendar in force: each day, whether it is worked, and if that is published, overridden or a guess.

    Ends with 1 where deadlines on the line are not reckoned by it yet, with 0 otherwise.
    """
    begin = first or datetime.now(CHINA).date()
    end = last or date.fromordinal(min(begin.toordinal() + SHOWN_DAYS, date.max.toordinal()))
    if end < begin:
        raise DaysReversedError(begin, end)
    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        found, provisional = terms(reading), int(reading.rows(PROVISIONAL)[0]["applications"])
    calendar = found.rule.calendar
    days = [date.fromordinal(number) for number in range(begin.toordinal(), end.toordinal() + 1)]
    shown = [Day(day, calendar.is_working(day), calendar.source(day)) for day in days]
    match output:
        case "json":
            sys.stdout.write(json.dumps(_as_json(found, provisional, shown, emulated=line.emulated), indent=2) + "\n")
        case "csv":
            writer = SheetWriter(sys.stdout)
            writer.writerow(["day", "worked", "kind", "source"])
            writer.writerows([one.day, "yes" if one.worked else "no", one.kind, one.source] for one in shown)
        case "table":
            _print_table(found, provisional, shown, emulated=line.emulated)
    if not found.reckoned:
        sys.stderr.write(
            "passline: deadlines on the line are not reckoned by this calendar yet; `passline run` does it, or"
            " `passline calendar set` with the same file again.\n"
        )
    return Exit.FINE if found.reckoned else Exit.FINDINGS


@app.command(name="set")
def set_command(
    file: Annotated[Path, Parameter(help="TOML: days that are published later or differ; see docs/intake.md.")],
    /,
    *,
    directory: Directory = Path(".passline"),
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Let a file's days stand beside the published ones, and reckon every deadline on the line anew.

    The file is the whole of what is overridden: days that an earlier one had and this one has not are as published
    again. What changes is recorded in the log, and each deadline that moves with what it was. Repeating it, also after
    it was cut off, changes nothing more. The line may run meanwhile.
    """
    calendar = load_calendar(file)
    # Heavy modules, which showing needs none of.
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
    from stations.deadlines import DeadlineRule
    from stations.intake.deadline_changes import reckon, set_calendar

    folder = RunFolder(directory)
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    rule = DeadlineRule(calendar, settings.acceptance.until)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database, _progress() as progress:
        record_settings(database, settings)
        event_id = set_calendar(database, calendar, emulated=settings.emulated)
        done = reckon(database, rule, emulated=settings.emulated, progress=progress)
    with open_reading(folder.line().database_url) as reading:
        provisional = int(reading.rows(PROVISIONAL)[0]["applications"])
    told = {
        "emulated": settings.emulated,
        "calendar": rule.digest,
        "record": event_id,
        "deadlines_changed": done.changed,
        "still_provisional": provisional,
    }
    if output == "json":
        sys.stdout.write(json.dumps(told) + "\n")
        return Exit.FINE
    mark = "EMULATED line: " if settings.emulated else ""
    recorded = "is in force and recorded" if event_id else "was in force already"
    sys.stdout.write(
        f"{mark}calendar {rule.digest[:12]} {recorded}; {done.changed} deadlines changed, {provisional} on the line are"
        " provisional\n"
    )
    return Exit.FINE


@app.command
def changes(
    number: Annotated[str, Parameter(help="An application's number.")],
    /,
    *,
    directory: Directory = Path(".passline"),
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> None:
    """Print how an application's deadline came to be what it is: each change, and what was said anew of which days."""
    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        found = histories(reading, number)
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": line.emulated, "applications": list(map(asdict, found))}) + "\n")
        return
    mark = "EMULATED · " if line.emulated else ""
    for one in found:
        guess = " (provisional)" if one.provisional else ""
        sys.stdout.write(f"{mark}{one.number} is due {_moment(one.deadline_us)}{guess}\n")
        for change in one.changes:
            before, after = (
                _moment(due_us) + ("?" if provisional else "")
                for due_us, provisional in (
                    (change.before_us, change.before_provisional),
                    (change.after_us, change.after_provisional),
                )
            )
            sys.stdout.write(
                f"  {_moment(change.changed_us)}  {before} → {after}  by calendar {change.calendar[:12]}:"
                f" {', '.join(change.why) or 'as at the beginning'}\n"
            )


def _moment(instant_us: int) -> str:
    return f"{from_us(instant_us).astimezone(CHINA):%Y-%m-%d %H:%M}"


def _as_json(found: Terms, provisional: int, shown: list[Day], *, emulated: bool) -> dict[str, Any]:
    return {
        "emulated": emulated,
        "calendar": found.rule.digest,
        "terms": json.loads(found.rule.terms),
        "reckoned": found.reckoned,
        "provisional_deadlines": provisional,
        "days": [
            {"day": one.day.isoformat(), "worked": one.worked, "kind": one.kind, "source": one.source.value}
            for one in shown
        ],
    }


def _print_table(found: Terms, provisional: int, shown: list[Day], *, emulated: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    mark = Text(" EMULATED ", "black on yellow") if emulated else Text("")
    told = json.loads(found.rule.terms)
    console.print(Text.assemble(("calendar ", "bold"), found.rule.digest[:12], "  ", mark))
    overridden = "1 day" if len(told["days"]) == 1 else f"{len(told['days'])} days"
    closes = f"acceptances until {told['accepts_until']}" if found.rule.accepts_until else "acceptances at any time"
    console.print(
        f"{told['published']} · {overridden} overridden · {closes} count as of their day"
        f" · {provisional} provisional deadlines on the line",
        soft_wrap=True,
    )
    console.print()
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("day", "", "worked", "kind", "known as"):
        table.add_column(name)
    looks = {Source.PROVISIONAL: ("? provisional", "yellow"), Source.OVERRIDE: ("✎ override", "cyan")}
    for one in shown:
        words, look = looks.get(one.source, ("published", "dim"))
        style = "" if one.worked else "dim"
        worked = Text("● yes" if one.worked else "○ no", style)
        table.add_row(one.day.isoformat(), f"{one.day:%a}", worked, Text(one.kind, style), Text(words, look))
    console.print(table)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while it takes longer than a moment, and only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reckoning deadlines")
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
