"""How a shift is shown: as it stands, what keeps it from closing, and where a count and the log differ."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from flows.facts import evacuation
from handoff_logs.reading import Reading
from stations.shift import stops
from stations.shift.report import MOVED
from stations.shift.rules import Difference

NAMED: Final = 20
"""Differences that a table names; JSON names all."""


def standing(reading: Reading, *, emulated: bool) -> dict[str, Any]:
    """The open shift as one object; without one, `shift` is None and the lists are empty."""
    cases = reading.rows(stops.CASES)
    row = next(iter(reading.rows(stops.OPEN_SHIFT)), None)
    content: dict[str, Any] = {"emulated": emulated, "shift": None, "people": [], "machines": [], "balance": []}
    content |= {"taken_over": None, "reliefs": [], "evacuated": evacuation(reading)}
    content |= {"stops": [], "cases": [{**case, "emulated": bool(case["emulated"])} for case in cases]}
    if row is None:
        return content
    balance = stops.balance_of(reading, row["opened_us"])
    against = [*stops.stops(reading.rows, time.time_ns() // 1_000), *stops.unbalanced(balance)]
    return content | {
        "emulated": emulated or bool(row["emulated"]),
        "shift": {name: row[name] for name in ("shift_id", "name", "opened_us", "opened_by", "opened_second")},
        "taken_over": _taken_over(reading, row["shift_id"]),
        "reliefs": reading.rows(stops.RELIEFS, shift_id=row["shift_id"]),
        "people": reading.rows(stops.PEOPLE, shift_id=row["shift_id"]),
        "machines": reading.rows(stops.MACHINES, shift_id=row["shift_id"]),
        # How many are still here is what the next count must find out by itself.
        "balance": [
            {name: each[name] for name in ("kind", "station", "machine", *MOVED, "difference")} for each in balance
        ],
        "stops": [stop._asdict() for stop in against],
    }


def _taken_over(reading: Reading, shift_id: str) -> dict[str, Any] | None:
    """From which shift this one took over, what passed, and what of its list is still open."""
    row = next(iter(reading.rows(stops.TAKEN_OVER, shift_id=shift_id)), None)
    if row is None:
        return None
    units = {each["station"]: each["units"] for each in reading.rows(stops.HANDED, count_id=row["count_id"])}
    passed = reading.rows(stops.PASSED, count_id=row["count_id"])
    return row | {
        "units": units,
        "passed": [{**each, "still_open": bool(each["still_open"])} for each in passed],
    }


def print_standing(content: dict[str, Any]) -> None:
    """Print the open shift, and what stands against its close, as `standing` found them."""
    from rich.table import Table

    from handoff_logs.screen import screen

    console = screen()
    mark = "EMULATED: " if content["emulated"] else ""
    if (gone := content["evacuated"]) is not None:
        since = datetime.fromtimestamp(gone["ordered_us"] / 1e6).astimezone()
        told = f"EVACUATED since {since:%Y-%m-%d %H:%M} ({gone['reason']}), by {gone['ordered_by']}"
        console.print(f"{mark}{told}: passline shift return", style="bold red")
    shift = content["shift"]
    if shift is None:
        console.print(f"{mark}no shift is open")
    else:
        since = datetime.fromtimestamp(shift["opened_us"] / 1e6).astimezone()
        console.print(
            f"{mark}shift {shift['name']}, open since {since:%Y-%m-%d %H:%M}, by {shift['opened_by']} and "
            f"{shift['opened_second']}",
            style="bold",
        )
        if (taken := content["taken_over"]) is not None:
            console.print(f"taken over from shift {taken['from_name']}, {taken['how']}, by {taken['taken_by']}")
            print_handed(taken["units"], [each for each in taken["passed"] if each["still_open"]])
        people: dict[str, list[str]] = {}
        for person in content["people"]:
            people.setdefault(person["station"], []).append(person["code"])
        for station, codes in people.items():
            console.print(f"  {station:<16} {', '.join(codes)}")
        for each in content["reliefs"]:
            console.print(f"  {each['absent']} is relieved by {each['reliever']} ({each['reason']})")
        for machine in content["machines"]:
            console.print(f"  {machine['machine']:<16} {machine['state']} {machine['reason']}".rstrip())
        if content["balance"]:
            table = Table("blanks", "station", "machine", *(name.replace("_", " ") for name in MOVED), "difference",
                          box=None, header_style="dim", pad_edge=False)  # fmt: skip
            for row in content["balance"]:
                counts = (str(row[name]) for name in (*MOVED, "difference"))
                table.add_row(row["kind"], row["station"], row["machine"], *counts)
            console.print(table)
        if not content["stops"] and content["evacuated"] is None:
            console.print("nothing stands against its close but the count")
    print_stops(content["stops"])
    for case in content["cases"]:
        console.print(
            f"case: shift {case['name']} was forced at its {case['moment']} ({case['reason']}): passline shift settle "
            f"{case['shift_id']} --finding …"
        )


def print_counts(rows: Sequence[dict[str, Any]], *, emulated: bool) -> None:
    """Print counts as a table; one that brings its places and differences, with them."""
    from rich.table import Table

    from handoff_logs.screen import screen

    if not rows:
        sys.stdout.write(f"{'EMULATED: ' if emulated else ''}nobody counted yet\n")
        return
    columns = ("when", "count", "at", "pieces", "differences", "outcome", "shift", "reason", "signed by")
    table = Table(*columns, box=None, header_style="dim", pad_edge=False)
    for row in rows:
        when = datetime.fromtimestamp(row["counted_us"] / 1e6).astimezone()
        mark = "EMULATED " if row["emulated"] else ""
        words = (row["moment"], row["pieces"], row["differences"], row["outcome"], row["shift"], row["reason"])
        signed = f"{row['counted_by']} {row['counted_second']}"
        table.add_row(f"{mark}{when:%Y-%m-%d %H:%M}", row["count_id"], *map(str, words), signed)
    screen().print(table)
    for row in rows:
        for place in row.get("places", ()):
            sys.stdout.write(f"{place['station']} {place['place'] or '(all of it)'}: {place['pieces']}\n")
        print_differences([Difference(**one) for one in row.get("differing", ())])


def print_stops(against: Sequence[dict[str, str]]) -> None:
    """Print what keeps a shift from closing, each with what to do."""
    for stop in against:
        sys.stdout.write(f"- {stop['code']}, {stop['where']}: {stop['what']}\n  {stop['to_do']}\n")


def print_handed(units: dict[str, int], passed: Sequence[dict[str, Any]]) -> None:
    """Print how much passed at each station, and what passed by list."""
    for station, number in units.items():
        sys.stdout.write(f"  {station:<16} {number} units\n")
    for each in passed[:NAMED]:
        sys.stdout.write(f"  by list: {each['kind']} {each['subject']} of {each['station']}\n")
    if len(passed) > NAMED:
        sys.stdout.write(f"  and {len(passed) - NAMED} more by list; --output json names all\n")


def print_differences(differences: Sequence[Difference]) -> None:
    """Print the pieces on which count and log differ."""
    for one in differences[:NAMED]:
        place = f"{one.station} {one.place}".rstrip()
        sys.stdout.write(f"- {one.what} {one.serial}: {place}; the log: {one.logged or 'knows no such blank'}\n")
    if len(differences) > NAMED:
        sys.stdout.write(f"  and {len(differences) - NAMED} more; --output json names all\n")


def advise_difference(option: str = "--reason") -> None:
    """Print what is done about a count that differs; `option` forces it."""
    sys.stdout.write(
        "The count is recorded. Look for what is missing and carry what is misplaced back, then count again; a blank "
        f"that nobody finds: passline blanks report-lost. Or a lead forces it with {option}: it stays open as a case\n"
    )


def print_json(content: object) -> None:
    """Print as JSON, indented, Chinese as it is."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
