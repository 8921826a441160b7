"""`passline climate`: how the air of each zone is and was; a lead lets a suspended zone work again."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.sheets import write_rows
from stations.climate.listing import FIGURES, READINGS, ZoneStanding, standing
from stations.climate.rules import UNITS, Figure
from stations.people_register.asking import Asking, PasswordsFrom

if TYPE_CHECKING:
    from stations.people_register.credentials import SignedIn, TwoSigned
    from stations.workplace import Workplace

HERE: Final = Path(".passline")
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]
MOST_ROWS: Final = 200
"""Rows of a table; JSON and CSV have all."""
HOUR_US: Final = 3_600_000_000
LOOKS: Final = {
    "within": ("✓", "green"),
    "outside": ("!", "yellow"),
    "accepted": ("!", "yellow"),
    "suspended": ("■", "bold red"),
    "unwatched": ("?", "bold red"),
}
COLUMNS: Final = (
    *("emulated", "zone", "state", "since_us", "sensor", "looked_us", "temperature_c", "humidity_percent"),
    *("particles_m3", "failure", "outside", "limits", "machines"),
)

app = App(name="climate", help="The air of each zone: how it is, how it was, and letting a suspended zone work again.")


@app.command(name="status")
def status_command(*, directory: Directory = HERE, output: Output = "table") -> int:
    """Print how the air of each zone is: its limits, what each sensor tells, whether its machines are suspended.

    Ends with 1 unless every zone is watched and within its limits, with 0 otherwise.
    """
    line = RunFolder(directory).line()
    now_us = time.time_ns() // 1_000
    with closing(open_reading(line.database_url)) as reading:
        zones = standing(reading, now_us)
    rows = [row for zone in zones for row in _zone_rows(zone, line.emulated)]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            _write_csv(rows, COLUMNS)
        case "table":
            _print_zones(zones, emulated=line.emulated)
    return Exit.FINE if all(zone.state == "within" for zone in zones) else Exit.FINDINGS


@app.command(name="readings")
def readings_command(
    *,
    zone: Annotated[str | None, Parameter("--zone", help="Only this zone; all if left out.")] = None,
    hours: Annotated[
        float, Parameter("--hours", help="The last so many hours.", validator=Number(gt=0, lte=9600))
    ] = 24.0,
    directory: Directory = HERE,
    output: Output = "table",
) -> None:
    """Print what the sensors told, a row a minute: lowest, highest and mean of each figure, and how often silent."""
    from stations.climate.errors import UnknownZoneError

    line = RunFolder(directory).line()
    to_us = time.time_ns() // 1_000 + 1
    from_us = to_us - round(hours * HOUR_US)
    with closing(open_reading(line.database_url)) as reading:
        known = [each.zone for each in standing(reading, to_us)]
        if zone is not None and zone not in known:
            raise UnknownZoneError(zone, tuple(known))
        rows = [
            {"emulated": bool(row["emulated"])} | {name: value for name, value in row.items() if name != "emulated"}
            for each in known
            if zone in (None, each)
            for row in reading.rows(READINGS, zone=each, from_us=from_us, to_us=to_us)
        ]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv":
            spreads = [f"{figure}_{name}_{unit}" for figure, unit in FIGURES.items() for name in ("min", "max", "mean")]
            _write_csv(rows, ("emulated", "zone", "sensor", "began_us", "looks", "silent", *spreads))
        case "table":
            _print_readings(rows)


@app.command(name="resume")
def resume_command(
    zone: Annotated[str, Parameter(help="The zone, as `status` prints it.")],
    /,
    *,
    reason: Annotated[str, Parameter("--reason", help="What was done: small letters, digits and hyphens.")],
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who resumes; asked if left out.")] = None,
    second: Annotated[
        str | None, Parameter("--second", help="Code of the second person, who accepts the air too.")
    ] = None,
    accept_min: Annotated[
        int | None,
        Parameter("--accept-min", help="Work on in air outside its limits for so many minutes, 720 at most."),
    ] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Let a zone that was suspended for its climate work again. A lead signs in, with what was done.

    Refused while its air is outside the limits, or nobody looks at it, unless a lead and a second person (a lead, an
    operator or an administrator) accept that for a time: then both sign in, and it is suspended anew if the air is
    still outside when the time is over.
    """
    from flows.two_hands import workplace_of
    from stations.climate import station
    from stations.personalization.rules import STATION

    with workplace_of(RunFolder(directory), STATION) as here:
        database = here.database
        with database.read() as conn:
            station.check_resume(conn, zone, reason, database.clock_us(conn), accept_min)
        signed = _signed(here, Asking(passwords_from), (by, second), two=accept_min is not None)
        until_us = database.write(
            lambda tx: station.resume(
                tx, zone, reason, signed, database.clock_us(tx), accept_min=accept_min, emulated=here.emulated
            )
        )
        mark = "EMULATED line: " if here.emulated else ""
        how = "" if until_us is None else f"; its air is accepted as it is until {_moment(until_us)}"
        sys.stdout.write(f"{mark}{zone} works again ({reason}){how}.\n")
    return Exit.FINE


def _signed(
    here: "Workplace", asking: Asking, codes: tuple[str | None, str | None], *, two: bool
) -> "SignedIn | TwoSigned":
    from flows.two_hands import signed_by_lead
    from stations.climate.rules import RESUMERS, SECONDS
    from stations.people_register.sign_in import sign_in_as, unlock_own

    if two:
        return signed_by_lead(here, asking, codes, SECONDS)
    who = sign_in_as(here.database, asking.credentials(asking.code("signing", codes[0])), RESUMERS)
    unlock_own(here.database, [who.code], asking.pin)
    return who


def _zone_rows(zone: ZoneStanding, emulated: bool) -> Iterator[dict[str, Any]]:
    about = {
        "emulated": emulated,
        "zone": zone.zone,
        "state": zone.state,
        "since_us": zone.suspension["suspended_us"] if zone.suspension else zone.out_since_us,
    }
    for row in zone.sensors or [dict.fromkeys(COLUMNS)]:
        told = {name: row[name] for name in COLUMNS if name in row and name not in about}
        yield about | told | {"limits": _limits(zone), "machines": " ".join(zone.machines)}


def _limits(zone: ZoneStanding) -> str:
    return "; ".join(f"{figure} {within(zone, figure)}" for figure in zone.limits)


def within(zone: ZoneStanding, figure: Figure) -> str:
    """What is within a zone's limits of a figure, in words."""
    lowest, highest = zone.limits[figure]
    unit = UNITS[figure]
    if lowest is None or highest is None:
        return f"up to {highest:.10g} {unit}" if highest is not None else f"from {lowest:.10g} {unit}"
    return f"{lowest:.10g} to {highest:.10g} {unit}"


def _print_zones(zones: Sequence[ZoneStanding], *, emulated: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    if emulated:
        console.print(Text(" EMULATED ", "black on yellow"))
    if not zones:
        console.print("no zone is watched; line.toml names them under [climate]")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("zone", "state", "since", "sensor", "temperature", "humidity", "particles", "looked at", "machines"):
        table.add_column(name, overflow="fold")
    for zone in zones:
        icon, style = LOOKS[zone.state]
        since_us = zone.suspension["suspended_us"] if zone.suspension else zone.out_since_us
        for number, row in enumerate(zone.sensors or [{}]):
            first = number == 0
            table.add_row(
                zone.zone if first else "",
                Text(f"{icon} {zone.state}", style) if first else "",
                _clock(since_us) if first else "",
                Text(str(row.get("sensor", "none"))),
                *_told(row),
                _clock(row.get("looked_us")),
                " ".join(zone.machines) if first else "",
            )
    console.print(table)
    for zone in zones:
        console.print(Text(f"{zone.zone}: within {_limits(zone)}; grace {zone.grace_us / 1e6:g} s", "dim"))
        if zone.suspension is not None:
            console.print(
                Text(f"{zone.zone}: {cause(zone.suspension)}; a lead resumes it: passline climate resume {zone.zone}")
            )


def cause(suspension: Mapping[str, Any]) -> str:
    """What suspended a zone, in words."""
    figure = Figure(suspension["figure"])
    value = suspension["value"]
    what = "told nothing" if value is None else f"told {figure} {value:.10g} {UNITS[figure]}"
    return f"suspended since {_moment(suspension['suspended_us'])}: {suspension['sensor']} {what}"


def _told(row: Mapping[str, Any]) -> list[Any]:
    from rich.text import Text

    outside = str(row.get("outside", "")).split(",")
    if row.get("failure"):
        return [Text(f"! silent ({row['failure']})", "yellow"), "", ""]
    cells = []
    for figure, unit in FIGURES.items():
        value = row.get(f"{figure}_{unit}")
        text = "" if value is None else f"{value:.10g} {UNITS[figure]}"
        cells.append(Text(f"! {text}", "yellow") if figure in outside else Text(text))
    return cells


def _print_readings(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    console = screen()
    if not rows:
        console.print("no reading was kept in that time")
        return
    mark = "EMULATED" if any(row["emulated"] for row in rows) else None
    table = Table(title=mark, title_justify="left", box=None, header_style="dim", pad_edge=False)
    for name in ("zone", "sensor", "minute", "looks", "silent", "°C", "%", "/m³"):
        table.add_column(name)
    for row in rows[-MOST_ROWS:]:
        spreads = [_spread(row, figure, unit) for figure, unit in FIGURES.items()]
        table.add_row(
            row["zone"], row["sensor"], _clock(row["began_us"]), str(row["looks"]), str(row["silent"]), *spreads
        )
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"the last {MOST_ROWS} of {len(rows)}; --output csv has all")


def _spread(row: Mapping[str, Any], figure: Figure, unit: str) -> str:
    low, high, mean = (row[f"{figure}_{name}_{unit}"] for name in ("min", "max", "mean"))
    return "" if mean is None else f"{mean:.5g} ({low:.10g} to {high:.10g})"


def _write_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    write_rows(names, rows)


def _clock(at_us: int | None) -> str:
    return "" if at_us is None else time.strftime("%m-%d %H:%M:%S", time.localtime(at_us / 1e6))


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone().isoformat(" ", "seconds")
