"""`passline intake`: generate, describe and load batches. Heavy modules are imported by the command that needs them."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter, validators

from stations.errors import StationError
from stations.intake.generator.defects import Shares
from stations.people_register.asking import Asking, PasswordsFrom

if TYPE_CHECKING:
    from stations.intake.faces import FaceFinder
    from stations.workplace import Workplace

Output = Annotated[Literal["table", "json"], Parameter(help="How to print the result.")]
NOTHING_LOADED: Final = 1
"""Exit status: every record of the batch was set aside."""
_SHARE = validators.Number(gte=0, lte=1)
_DEFAULTS = Shares()


@dataclass(frozen=True, slots=True)
class OpenIntake:
    """Intake of an open line, with the line's settings: orders in a tray, allowances for time nodes, and until when an
    acceptance counts as of its own day (None: always). `loaded` is called after a batch, before the line is closed.
    `faces` finds the faces on photos; None where nothing does."""

    workplace: "Workplace"
    tray_size: int
    allowances: Mapping[str, Mapping[str, timedelta]]
    accepts_until: time | None
    loaded: Callable[[], None] = lambda: None
    faces: "FaceFinder | None" = None


open_intake: Callable[[Path, str | None, Asking], OpenIntake] | None = None
"""Opens a run's folder, for the clerk of a code; set by whoever composes the line, for only that reads settings."""

intake_app = App(name="intake", help="Generate, check and load batches of applications.")


class NoLineError(StationError):
    """A batch was to be loaded where no line is composed."""

    def __str__(self) -> str:
        return "no line to load into is open here; load batches with the command `passline intake load`"


@intake_app.command
def load(
    batch: Annotated[Path, Parameter(help="The batch's folder.")],
    *,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    tray_size: Annotated[
        int | None,
        Parameter(validator=validators.Number(gte=1), help="Orders in a tray, at most; the line's own if not given."),
    ] = None,
    calendar: Annotated[
        Path | None,
        Parameter(help="TOML file of working days, set first as `passline calendar set` does; else that in force."),
    ] = None,
    by: Annotated[
        str | None,
        Parameter("--by", help="Code of the clerk who signs, where real people work; asked if left out."),
    ] = None,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Load a batch: good applications are offered to review, bad records set aside in a reply file with their reasons.

    A batch that is cut off or altered is refused whole. Loading the same batch again changes nothing. On a line of real
    people a clerk signs in, and the orders begin in that person's hands. Ends with 1 where records were set aside and
    none was loaded.
    """
    from stations.calendar import load_calendar
    from stations.intake.load import load as load_batch

    if open_intake is None:
        raise NoLineError
    days = None if calendar is None else load_calendar(calendar)
    line = open_intake(directory, by, Asking(passwords_from))
    workplace = line.workplace
    with workplace.database, _progress("loading") as progress:
        report = load_batch(
            workplace,
            batch,
            directory / "replies",
            tray_size=tray_size or line.tray_size,
            calendar=days,
            allowances=line.allowances,
            accepts_until=line.accepts_until,
            faces=line.faces,
            progress=progress,
        )
        line.loaded()
    _print(
        {
            "emulated": workplace.emulated,
            "batch_id": report.batch_id,
            "lines": report.lines,
            "loaded": report.loaded,
            "set_aside": report.set_aside,
            "trays": report.trays,
            "repeated": report.repeated,
            "reply": str(report.reply),
        },
        output,
    )
    return NOTHING_LOADED if report.set_aside and not report.loaded else 0


@intake_app.command
def generate(
    batch: Annotated[Path, Parameter(help="The new batch's folder; it must be empty or not exist.")],
    *,
    documents: Annotated[int, Parameter(validator=validators.Number(gte=0), help="Applications in the batch.")] = 300,
    seed: Annotated[int, Parameter(help="The same seed and day make the same batch, byte for byte.")] = 1,
    day: Annotated[date | None, Parameter(help="The day of acceptance, YYYY-MM-DD; today if not given.")] = None,
    truth: Annotated[Path | None, Parameter(help="State the seeded defects in this file, outside the batch.")] = None,
    hk_macau_permit: Annotated[
        float, Parameter(validator=_SHARE, help="Share of Hong Kong/Macau permits.")
    ] = _DEFAULTS.hk_macau_permit,
    taiwan_permit: Annotated[
        float, Parameter(validator=_SHARE, help="Share of Taiwan permits; the rest are passports.")
    ] = _DEFAULTS.taiwan_permit,
    minors: Annotated[float, Parameter(validator=_SHARE, help="Share of applicants under 16.")] = _DEFAULTS.minors,
    seniors: Annotated[
        float, Parameter(validator=_SHARE, help="Share of applicants of 65 and older.")
    ] = _DEFAULTS.seniors,
    emergencies: Annotated[
        float, Parameter(validator=_SHARE, help="Share of the green channel.")
    ] = _DEFAULTS.emergencies,
    expedited: Annotated[
        float, Parameter(validator=_SHARE, help="Share of expedited applications.")
    ] = _DEFAULTS.expedited,
    post: Annotated[float, Parameter(validator=_SHARE, help="Share of documents sent by post.")] = _DEFAULTS.post,
    intake_defects: Annotated[
        float, Parameter(validator=_SHARE, help="Share of records that intake must set aside.")
    ] = _DEFAULTS.intake_defects,
    review_defects: Annotated[
        float, Parameter(validator=_SHARE, help="Share of applications that review must return or hold.")
    ] = _DEFAULTS.review_defects,
    output: Output = "table",
) -> None:
    """Make a realistic batch from a seed: people, portraits, signatures, and a known share of defects. All emulated."""
    from stations.calendar import CHINA
    from stations.intake.generator.generate import generate as generate_batch

    shares = Shares(
        hk_macau_permit=hk_macau_permit,
        taiwan_permit=taiwan_permit,
        minors=minors,
        seniors=seniors,
        emergencies=emergencies,
        expedited=expedited,
        post=post,
        intake_defects=intake_defects,
        review_defects=review_defects,
    )
    with _progress("drawing") as progress:
        made = generate_batch(
            batch,
            documents,
            seed,
            day=day or datetime.now(CHINA).date(),
            shares=shares,
            truth=truth,
            progress=progress,
        )
    _print(
        {
            "emulated": True,
            "batch": str(made.directory),
            "documents": made.documents,
            "images": made.images,
            "intake_defects": sum(made.intake_defects.values()),
            "review_defects": sum(made.review_defects.values()),
        },
        output,
    )


@intake_app.command
def schema() -> None:
    """Print the JSON Schema of one line of a batch's applications.jsonl."""
    from stations.intake.batch import schema as described

    sys.stdout.write(json.dumps(described(), ensure_ascii=False, indent=2) + "\n")


def _print(result: dict[str, Any], output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        return
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(show_header=False, box=None)
    for name, value in result.items():
        shown = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        table.add_row(name.replace("_", " "), shown)
    screen(soft_wrap=True).print(table)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while it takes longer than a moment, and only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)
