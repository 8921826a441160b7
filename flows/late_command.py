"""`passline late`: what is late, what will be late at the present rate, and why, the worst first."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter, validators

from flows.durations import duration
from flows.errors import Exit
from flows.facts import STATIONS
from flows.late import CARRIER, Late, LateFacts, Status, late_facts
from flows.run_folder import RunFolder
from flows.station_rates import HOUR_US
from handoff_logs.reading import open_reading
from handoff_logs.sheets import write_rows
from stations.calendar import CHINA, from_us

if TYPE_CHECKING:
    from rich.table import Table

TABLE_ROWS: Final = 100
"""A table stops here; files don't."""
LOOKS: Final = {
    Status.OVERDUE: ("■ overdue", "bold red"),
    Status.LATE: ("▲ late", "red"),
    Status.WILL_BE: ("△ will be", "yellow"),
}

Station = Literal["review", "personalization", "qc", "packing", "mailing", "carrier"]
ServiceClass = Literal["normal", "expedited", "emergency"]


def late_command(
    *,
    station: Annotated[
        Station | None, Parameter(help="Only what is at this station, or will be late because of it.")
    ] = None,
    service_class: Annotated[ServiceClass | None, Parameter("--class", help="Only this service class.")] = None,
    within: Annotated[
        float | None,
        Parameter(validator=validators.Number(gt=0, lte=8_760), help="Of what will be late, only what will in HOURS."),
    ] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print it.")] = "table",
) -> int:
    """List what is late, what will be late at the present rate, and why; the worst first.

    Late is what its station should have handed on by now, overdue what its deadline has passed. Ends with 1 if anything
    listed is late or overdue, with 0 otherwise; what only will be late does not count.
    """
    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        found = late_facts(
            reading,
            station=station,
            service_class=service_class,
            within_us=None if within is None else round(within * HOUR_US),
            limit=TABLE_ROWS if output == "table" else None,
        )
    match output:
        case "json":
            sys.stdout.write(json.dumps(as_json(found, emulated=line.emulated), indent=2) + "\n")
        case "csv":
            _write_csv(found)
        case "table":
            _print_table(found, line.centre, emulated=line.emulated)
    if not found.terms.reckoned:
        sys.stderr.write(
            "passline: deadlines are not reckoned by the calendar in force yet; see `passline calendar show`\n"
        )
    return Exit.FINDINGS if found.late_now else Exit.FINE


def as_json(found: LateFacts, *, emulated: bool) -> dict[str, Any]:
    """Everything as one object; keys stay as they are, for those who script against them."""
    return {
        "emulated": emulated,
        "now_us": found.now_us,
        "calendar": found.terms.rule.digest,
        "reckoned": found.terms.reckoned,
        "per_hour": {one: _rounded(found.rates.per_hour.get(one)) for one in STATIONS},
        "worked_s": round(found.rates.worked_s, 1),
        "stood_s": round(found.rates.stood_s, 1),
        "counts": {status.value: found.count(status) for status in Status},
        "by_station": [
            {"status": status.value, "at": at, "applications": count} for (status, at), count in found.counts.items()
        ],
        "applications": [_row(one, found.now_us) for one in found.listed],
    }


def _row(one: Late, now_us: int) -> dict[str, Any]:
    facts = asdict(one)
    facts["per_hour"] = _rounded(one.per_hour)
    return facts | {"words": one.words(now_us)}


def _rounded(per_hour: float | None) -> float | None:
    return None if per_hour is None else round(per_hour, 1)


def _write_csv(found: LateFacts) -> None:
    names = [*Late.__dataclass_fields__, "words"]
    write_rows(names, (_row(one, found.now_us) for one in found.listed))


def _print_table(found: LateFacts, centre: str, *, emulated: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    mark = Text(" EMULATED ", "black on yellow") if emulated else Text("")
    console.print(Text.assemble((f"passline · {centre}", "bold"), "  ", mark))
    console.print(_summary(found), soft_wrap=True)
    if not found.listed:
        return
    console.print()
    console.print(_stations(found))
    console.print()
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("number", "late", "class", "due", "why"):
        table.add_column(name, no_wrap=name != "why", overflow="fold")
    moment = _moments(found.now_us)
    for one in found.listed:
        words, style = LOOKS[one.status]
        table.add_row(
            one.number or one.application_id,
            Text(f"{words} {duration(one.late_s)}", style),
            Text(one.service_class, "bold" if one.service_class == "emergency" else ""),
            moment(one.deadline_us) + ("?" if one.provisional else ""),
            one.words(found.now_us),
        )
    console.print(table)
    more = sum(found.counts.values()) - len(found.listed)
    if more:
        sys.stderr.write(f"passline: and {more} more; --output csv or json has them all\n")


def _summary(found: LateFacts) -> str:
    """How much is late, and over what time the rates are, so that nobody takes a forecast for more than it is."""
    totals = " · ".join(f"{found.count(status)} {words}" for status, (words, _) in LOOKS.items())
    late = totals if found.counts else "✓ nothing is late"
    if not found.rates.per_hour:
        return f"{late}. No station's rate is known yet, so nothing is said of what will be."
    stood = f", which ended {duration(found.rates.stood_s)} ago" if found.rates.stood_s else ""
    return f"{late}, at the rates of the line's last {duration(found.rates.worked_s)} at work{stood}"


def _stations(found: LateFacts) -> "Table":
    """What each station makes late, and how fast it is."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("made late by", *(words for words, _ in LOOKS.values()), "an hour"):
        table.add_column(name, justify="left" if name == "made late by" else "right")
    for station in (*STATIONS, CARRIER):
        counts = [found.counts.get((status, station), 0) for status in LOOKS]
        rate = found.rates.per_hour.get(station)
        if any(counts) or station != CARRIER:
            cells = [
                Text(f"{count:,}" if count else "·", look)
                for count, (_, look) in zip(counts, LOOKS.values(), strict=True)
            ]
            table.add_row(station, *cells, "not known" if rate is None else f"{rate:,.0f}")
    return table


def _moments(now_us: int) -> Callable[[int], str]:
    """How an instant is written: the hour where it is today, else the day with it, in the centre's time."""
    today = from_us(now_us).astimezone(CHINA).date()

    def written(instant_us: int) -> str:
        moment: datetime = from_us(instant_us).astimezone(CHINA)
        return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%m-%d %H:%M}"

    return written
