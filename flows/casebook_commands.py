"""`passline casebook`: the mistakes that were caught: look them up, write one, let one be a test of a rule."""

import json
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.reading import Reading, open_reading
from handoff_logs.sheets import write_rows
from stations.calendar import CHINA
from stations.casebook.cut_outs import Region
from stations.casebook.rules import ATTACHERS, SECONDS, WRITERS, CaughtAt
from stations.people import Role
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from stations.by import By as Writer
    from stations.casebook.training import CatchRate
    from stations.people_register.credentials import SignedIn, TwoSigned
    from stations.workplace import Workplace

app = App(name="casebook", help="Mistakes that were caught: list, show, write, correct; cases that test a rule.")

HERE: Final = Path(".passline")
COLUMNS: Final = (
    *("emulated", "case_id", "day", "item", "reason", "character", "taken_for", "caught_at", "region", "words"),
    *("shift", "writer", "corrects"),
)
TRIED: Final = ("emulated", "rule", "case_id", "reason", "caught", "says")
RATES: Final = ("emulated", "item", "reviewer", "seeded", "caught", "otherwise", "passed", "share")
EVERY_WRITER: Final = frozenset(role for roles in WRITERS.values() for role in roles)
DAY_US: Final = 24 * 3600 * 1_000_000

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]
Case = Annotated[str, Parameter(help="The case, as `list` prints it; its first eight digits are enough.")]
By = Annotated[str | None, Parameter("--by", help="Code of who writes; asked if left out.")]
Reason = Annotated[str, Parameter("--reason", help="Reason code of a review item: passline review items.")]
Words = Annotated[str, Parameter("--words", help="How it was seen: one line, no name, no number.")]
Character = Annotated[str, Parameter("--character", help="Of a name: the one character that differed.")]
TakenFor = Annotated[str, Parameter("--taken-for", help="What it was taken for: one character, or a reading.")]


@app.command(name="list")
def list_command(
    *,
    item: Annotated[str, Parameter("--item", help="Only cases of this review item.")] = "",
    reason: Annotated[str, Parameter("--reason", help="Only cases with this reason code.")] = "",
    character: Annotated[str, Parameter("--character", help="Only with this character, or taken for it.")] = "",
    since: Annotated[date | None, Parameter("--since", help="From this day on: 2026-11-30.")] = None,
    until: Annotated[date | None, Parameter("--until", help="Up to this day.")] = None,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """Print the cases that stand, the newest days first; 200 at most."""
    from stations.casebook import listing

    wanted = {
        "item": item,
        "reason": reason,
        "character": character,
        "since": str(since or ""),
        "until": str(until or ""),
    }
    _told(directory, output, lambda reading: listing.search(reading, wanted))
    return Exit.FINE


@app.command(name="today")
def today_command(*, directory: Directory = HERE, output: Output = "table") -> int:
    """Print what a shift begins with: today's cases, and those of the last day before it that had any."""
    from stations.casebook import listing

    day = datetime.now(CHINA).date().isoformat()
    _told(directory, output, lambda reading: listing.of_the_day(reading, day))
    return Exit.FINE


@app.command(name="show")
def show_command(
    case: Case,
    /,
    *,
    picture: Annotated[Path | None, Parameter("--picture", help="Write its picture (PNG) to this new file.")] = None,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """Print one case whole: what it corrects or was corrected by, its figures, the rules that it tests."""
    from stations.casebook import listing
    from stations.casebook.errors import UnknownCaseError

    with closing(open_reading(RunFolder(directory).line().database_url)) as reading:
        case_id = listing.named(reading, case)
        found = listing.one(reading, case_id)
        if found is None:
            raise UnknownCaseError(case)
        piece = listing.picture(reading, case_id) if picture is not None else None
    if picture is not None and piece is not None:
        with picture.open("xb") as file:
            file.write(piece)
    elif picture is not None:
        sys.stderr.write("passline: the case has no picture; nothing was written\n")
    if output == "json":
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        return Exit.FINE
    flat = found | {"rules": " ".join(each["rule"] for each in found["rules"])}
    flat["figures"] = json.dumps(found["figures"], ensure_ascii=False) if found["figures"] else ""
    if output == "csv":
        write_rows((*COLUMNS, "corrected_by", "withdrawn", "figures", "rules"), [flat])
    else:
        sys.stdout.writelines(f"{name:<13} {'' if value is None else value}\n" for name, value in flat.items())
    return Exit.FINE


@app.command(name="add")
def add_command(
    *,
    station: Annotated[CaughtAt, Parameter("--station", help="Where it was caught.")],
    reason: Reason,
    words: Words = "",
    character: Character = "",
    taken_for: TakenFor = "",
    number: Annotated[
        str | None,
        Parameter("--number", help="The application's number, from which picture and figures come; it is not kept."),
    ] = None,
    region: Annotated[
        Region | None, Parameter("--region", help="What is cut out of its picture; left and right are the picture's.")
    ] = None,
    place: Annotated[
        int | None, Parameter("--place", help="Which character of the name, from 1.", validator=Number(gte=1, lte=40))
    ] = None,
    by: By = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Write a case: a reviewer, inspector or packer of what their own station caught, or a lead, who signs in.

    With the application's number it has a picture, and the figures that its rule can be run on. Refused are words with
    a name or number of the applicant's, and any long number.
    """
    from stations.casebook.station import Told, fresh_id, write_of_nothing, write_of_number

    told = Told(reason, region, place, character, taken_for, words)
    with _workplace(directory) as here:
        who = _signed(here, passwords_from, by, WRITERS[station])
        case_id = fresh_id()
        if number is None:
            write_of_nothing(here, _by(who), case_id, station, told)
        else:
            write_of_number(here, _by(who), case_id, station, number, told)
        _say(here, f"case {case_id} is in the casebook")
    return Exit.FINE


@app.command(name="correct")
def correct_command(
    case: Case,
    /,
    *,
    reason: Annotated[str | None, Parameter("--reason", help="The right reason code.")] = None,
    words: Annotated[str | None, Parameter("--words", help="The right words.")] = None,
    character: Annotated[str | None, Parameter("--character", help="The right character.")] = None,
    taken_for: Annotated[str | None, Parameter("--taken-for", help="What it was really taken for.")] = None,
    withdraw: Annotated[
        bool, Parameter("--withdraw", negative=(), help="It stands no more, and none instead.")
    ] = False,
    by: By = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Write a further case that stands in place of this one, or ends it. Who wrote it signs in, or a lead.

    Nothing of the book is changed or deleted; of a withdrawn case neither words nor picture are shown any more.
    """
    from stations.casebook import listing, station

    asked = {"reason": reason, "words": words, "character": character, "taken_for": taken_for}
    changes = {name: value for name, value in asked.items() if value is not None}
    with _workplace(directory) as here, closing(open_reading(RunFolder(directory).line().database_url)) as reading:
        case_id = listing.named(reading, case)
        who = _signed(here, passwords_from, by, EVERY_WRITER)
        after = station.fresh_id()
        station.correct(here, who, case_id, after, changes, withdraw=withdraw)
        _say(here, f"case {case_id} is withdrawn" if withdraw else f"case {after} stands in place of {case_id}")
    return Exit.FINE


@app.command(name="attach")
def attach_command(
    case: Case,
    rule: Annotated[str, Parameter(help="The rule, called as the item that it looks at: photo_background.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who attaches it alone.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Let a case be a test of a rule: a lead signs in (--by), or two of leads, reviewers and engineers.

    Ends with 1 where the rule, as it is configured, does not catch the case.
    """
    from flows.configuration import read_settings
    from flows.two_hands import signed_by_two
    from stations.casebook import listing, station

    folder = RunFolder(directory)
    limits = read_settings(folder).review.thresholds(folder.hold_lists)
    with _workplace(directory) as here, closing(open_reading(folder.line().database_url)) as reading:
        case_id = listing.named(reading, case)
        who: SignedIn | TwoSigned
        if first is None and second is None and by is not None:
            who = _signed(here, passwords_from, by, ATTACHERS)
        else:
            who = signed_by_two(here, Asking(passwords_from), (first, second), SECONDS)
        caught = station.attach(here, who, case_id, rule, limits)
        now = "which catches it" if caught else "which does NOT catch it: see [review] in line.toml"
        _say(here, f"case {case_id} is a test of {rule}, {now}")
    return Exit.FINE if caught else Exit.FINDINGS


@app.command(name="try")
def try_command(*, directory: Directory = HERE, output: Output = "table") -> int:
    """Run every attached case against its rule, by the limits that line.toml has now.

    Ends with 1 where a rule no longer catches one of its cases, with 0 otherwise.
    """
    from flows.configuration import read_settings
    from stations.casebook import listing

    folder = RunFolder(directory)
    line = folder.line()
    limits = read_settings(folder).review.thresholds(folder.hold_lists)
    with closing(open_reading(line.database_url)) as reading:
        trials = listing.trials(reading, limits)
    rows: list[dict[str, Any]] = [
        {
            "emulated": line.emulated,
            "rule": each.rule,
            "case_id": each.case["case_id"],
            "reason": each.case["reason"],
            "caught": each.caught,
            "says": each.says,
        }
        for each in trials
    ]
    missed = sum(not each.caught for each in trials)
    _print(rows, TRIED, output, emulated=line.emulated, nothing="no case is attached to a rule")
    if output == "table" and trials:
        sys.stdout.write(f"{len(trials) - missed} of {len(trials)} caught\n")
    return Exit.FINDINGS if missed else Exit.FINE


@app.command(name="training")
def training_command(
    *,
    truth: Annotated[
        list[Path] | None, Parameter("--truth", help="The list of passline intake generate --truth; several times.")
    ] = None,
    days: Annotated[
        float, Parameter("--days", help="What was decided in the last so many days.", validator=Number(gt=0, lte=400))
    ] = 7.0,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """Print of the seeded defects who caught which, by item and reviewer. On an EMULATED line alone.

    Without --truth only the defects that generated pictures are marked with are known.
    """
    from stations.casebook.training import catch_rates, truth_of
    from stations.emulated_staff import seen_on

    stated = {number: code for file in truth or () for number, code in truth_of(file).items()}
    with _workplace(directory) as here:
        since_us = time.time_ns() // 1_000 - round(days * DAY_US)
        found = catch_rates(here, seen_on, stated, since_us)
    _print([_rate(each) for each in found], RATES, output, emulated=True, nothing="no seeded defect was decided on")
    return Exit.FINE


def _rate(each: "CatchRate") -> dict[str, Any]:
    told = {name: getattr(each, name) for name in RATES if name not in ("emulated", "share")}
    return {"emulated": True, **told, "share": round(each.share, 3)}


def _told(directory: Path, output: str, ask: Callable[[Reading], Sequence[Mapping[str, Any]]]) -> None:
    line = RunFolder(directory).line()
    with closing(open_reading(line.database_url)) as reading:
        found = ask(reading)
    rows = [{name: row[name] for name in COLUMNS} for row in found]
    _print(rows, COLUMNS, output, emulated=line.emulated, nothing="no such case is in the casebook")


def _print(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], output: str, *, emulated: bool, nothing: str
) -> None:
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        case "csv":
            write_rows(names, rows)
        case _:
            _table(rows, [name for name in names if name != "emulated"], emulated=emulated, nothing=nothing)


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], *, emulated: bool, nothing: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    if emulated:
        console.print(Text(" EMULATED ", "black on yellow"))
    if not rows:
        console.print(nothing)
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    shown = [name for name in names if any(row[name] not in (None, "") for row in rows)]
    for name in shown:
        table.add_column(name.removesuffix("_id").replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(name, row[name])) for name in shown))
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗ missed"
    if name in ("case_id", "corrects") and value:
        return str(value)[:8]
    return f"{100 * value:.1f} %" if name == "share" else "" if value is None else str(value)


def _workplace(directory: Path) -> "AbstractContextManager[Workplace]":
    from flows.two_hands import workplace_of

    return workplace_of(RunFolder(directory), "review")


def _signed(here: "Workplace", passwords_from: PasswordsFrom, code: str | None, roles: Collection[Role]) -> "SignedIn":
    from stations.people_register.sign_in import sign_in_as, unlock_own

    asking = Asking(passwords_from)
    who = sign_in_as(here.database, asking.credentials(asking.code("signing", code)), sorted(roles))
    unlock_own(here.database, [who.code], asking.pin)
    return who


def _by(who: "SignedIn") -> "Writer":
    from stations.by import By as Writer

    return Writer(who.code, who.sign_in)


def _say(here: "Workplace", said: str) -> None:
    sys.stdout.write(f"{'EMULATED line: ' if here.emulated else ''}{said}.\n")
