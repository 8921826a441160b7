"""`passline status`: the totals of a line, computed from its database at that moment."""

import io
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.durations import duration
from flows.errors import RECOVER, Exit, RecoveringError
from flows.facts import APPLICATIONS, HERE, OPEN, PIECES_SINCE, evacuation, today_us
from flows.recovering import open_if_there, outside, written
from flows.run_folder import LineIdentity, RunFolder
from handoff_logs.reading import Reading, open_reading
from handoff_logs.recovering import compare
from handoff_logs.sheets import SheetWriter

if TYPE_CHECKING:
    from rich.table import Table

IN_CUSTODY: Final = """(
    'held', 'void', 'doubt', 'offered', 'refused', 'missing', 'void_offered', 'void_refused', 'void_missing')"""
UNITS: Final = f"""
SELECT kind, station, state, COUNT(*) AS units FROM whereabouts
WHERE station IN {HERE} AND state IN {IN_CUSTODY} GROUP BY kind, station, state
UNION ALL
SELECT packed.kind, parcel.station, packed.state, COUNT(*)
FROM whereabouts parcel JOIN whereabouts packed ON packed.container = parcel.unit_id AND packed.state = 'packed'
WHERE parcel.station IN {HERE} AND parcel.state IN {IN_CUSTODY} AND parcel.kind = 'parcel'
GROUP BY packed.kind, parcel.station, packed.state
ORDER BY 1, 2, 3
"""  # noqa: S608 own words
"""Units that somebody here answers for, by kind, place of the outermost container, and state."""

IN_DOUBT: Final = f"""
SELECT 'unit' AS what, w.unit_id AS id, COALESCE(n.number, '') AS number, w.station, w.place AS reason, w.since_us
FROM whereabouts w LEFT JOIN unit_number n ON n.unit_id = w.unit_id
WHERE w.station IN {HERE} AND w.state IN ('doubt', 'missing', 'void_missing')
UNION ALL
SELECT 'job', job_id, COALESCE(blank_serial, ''), machine, COALESCE(doubt, ''), intent_us FROM job
WHERE unfinished AND doubt IS NOT NULL
ORDER BY 6
"""  # noqa: S608 own words
"""Everything that waits for two people: units in doubt or missing, and jobs that no machine can answer for."""

DOCUMENTS: Final = f"""
SELECT COUNT(*) FILTER (WHERE j.outcome = 'good') AS made,
       COUNT(*) FILTER (WHERE j.live AND j.outcome = 'good') AS live,
       COUNT(*) FILTER (WHERE j.outcome = 'failed') AS spoiled,
       COUNT(*) FILTER (WHERE j.outcome = 'good' AND j.attempt > 1 AND EXISTS (
           SELECT 1 FROM job earlier WHERE earlier.application_id = j.application_id
           AND earlier.product = j.product AND earlier.attempt < j.attempt
           AND earlier.outcome IN ('good', 'failed'))) AS remade,
       (SELECT COUNT(*) {OPEN}) AS in_machines
FROM machine_state m CROSS JOIN job j WHERE {PIECES_SINCE}
"""  # noqa: S608 own words
"""What was made since then. An attempt after one of which nothing was made (no blank came) is no remake."""

INSIDE: Final = "SELECT COUNT(*) AS people FROM inside"
OFFERS: Final = """
SELECT to_station AS station, COUNT(*) AS offers, SUM(unit_count) AS units, MIN(offered_us) AS oldest_us
FROM open_offer GROUP BY to_station ORDER BY to_station
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of a line, each list as the database gave it; what was done, and has ended, since `since_us`."""

    line: LineIdentity
    now_us: int
    since_us: int
    applications: list[dict[str, Any]]
    documents: dict[str, Any]
    units: list[dict[str, Any]]
    offers: list[dict[str, Any]]
    in_doubt: list[dict[str, Any]]
    gate: dict[str, Any] | None = None
    """The line's gate: its core stations and how many are inside; None where it has none."""
    evacuated: dict[str, Any] | None = None
    """The evacuation that is under way."""
    missing: tuple[str, ...] = ()
    """What keys or seals know more of than the database: then the line is recovering."""

    @property
    def emulated(self) -> bool:
        """True when the line or anything on it is emulated."""
        return self.line.emulated or any(row["emulated"] for row in self.applications)

    @property
    def blanks(self) -> list[dict[str, Any]]:
        """Blanks by station and state; a blank that became a document has ended."""
        return [row for row in self.units if row["kind"] == "blank"]


def totals(reading: Reading, line: LineIdentity, *, since_us: int | None = None) -> Totals:
    """Ask the database for everything that `passline status` shows; what was done since `since_us`, or else today."""
    since = today_us() if since_us is None else since_us
    return Totals(
        line=line,
        now_us=time.time_ns() // 1_000,
        since_us=since,
        applications=reading.rows(APPLICATIONS, since_us=since),
        documents=reading.rows(DOCUMENTS, since_us=since)[0],
        units=reading.rows(UNITS),
        offers=reading.rows(OFFERS),
        in_doubt=reading.rows(IN_DOUBT),
        evacuated=evacuation(reading),
    )


def status_command(
    *,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Print the totals of a line: applications, documents, blanks, units by station, open offers, what is in doubt.

    Of documents, and of applications that have ended, it counts today's.

    Ends with 3 if anything is in doubt or the line is recovering, with 0 otherwise.
    """
    folder = RunFolder(directory)
    line = folder.line()
    known = outside(folder)
    reading = open_if_there(line.database_url)
    if reading is None:
        if missing := written(compare(known, None)):
            raise RecoveringError(folder.path, tuple(missing))
        reading = open_reading(line.database_url)  # which says what is not there
    with reading:
        gate = _gate(reading, folder)
        found = replace(totals(reading, line), gate=gate, missing=tuple(written(compare(known, reading))))
    match output:
        case "json":
            sys.stdout.write(json.dumps(as_json(found), indent=2) + "\n")
        case "csv":
            sys.stdout.write(as_csv(found))
        case "table":
            _print_tables(found)
    return Exit.IN_DOUBT if found.in_doubt or found.missing else Exit.FINE


def _gate(reading: Reading, folder: RunFolder) -> dict[str, Any] | None:
    gate = folder.configured().get("gate")
    if not isinstance(gate, dict):
        return None
    (row,) = reading.rows(INSIDE)
    return {"core": list(gate.get("core", ())), "inside": row["people"]}


def as_json(found: Totals) -> dict[str, Any]:
    """The totals as one object; keys stay as they are, for those who script against them."""
    return {
        "emulated": found.emulated,
        "centre": found.line.centre,
        "mode": found.line.mode,
        "since_us": found.since_us,
        "applications": {row["state"]: row["applications"] for row in found.applications},
        "documents": found.documents,
        "blanks": found.blanks,
        "units": found.units,
        "open_offers": found.offers,
        "in_doubt": found.in_doubt,
        "gate": found.gate,
        "evacuated": found.evacuated,
        "recovering": list(found.missing),
    }


def as_csv(found: Totals) -> str:
    """The totals as rows of section, name, station, state, count; the first says whether anything is emulated."""
    out = io.StringIO()
    writer = SheetWriter(out)
    writer.writerow(["section", "name", "station", "state", "count"])
    writer.writerow(["line", found.line.centre, "", "EMULATED" if found.emulated else found.line.mode, ""])
    writer.writerows(["applications", "", "", row["state"], row["applications"]] for row in found.applications)
    writer.writerows(["documents", name, "", "", count] for name, count in found.documents.items())
    writer.writerows(["units", row["kind"], row["station"], row["state"], row["units"]] for row in found.units)
    writer.writerows(["open_offers", "", row["station"], "offered", row["offers"]] for row in found.offers)
    writer.writerows(
        ["in_doubt", row["number"] or row["id"], row["station"], row["reason"], 1] for row in found.in_doubt
    )
    writer.writerow(["gate", "", "", "none" if found.gate is None else "inside", (found.gate or {}).get("inside", "")])
    if found.evacuated is not None:
        writer.writerow(["evacuated", found.evacuated["reason"], "", found.evacuated["ordered_by"], 1])
    writer.writerows(["recovering", sentence, "", "", 1] for sentence in found.missing)
    return out.getvalue()


def _print_tables(found: Totals) -> None:
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    mark = Text(" EMULATED ", "black on yellow") if found.emulated else Text(found.line.mode)
    console.print(Text.assemble((f"passline · {found.line.centre}", "bold"), "  ", mark))
    if found.missing:
        console.print(Text.assemble((" RECOVERING ", "black on red"), " nothing is drawn"))
        console.print(*found.missing, RECOVER, sep="\n")
        console.print()
    if found.evacuated is not None:
        since = duration((found.now_us - found.evacuated["ordered_us"]) / 1e6)
        told = f" for {since} ({found.evacuated['reason']}, by {found.evacuated['ordered_by']}): passline shift return"
        console.print(Text.assemble((" EVACUATED ", "black on red"), told))
        console.print()
    console.print(_table(("", ""), _summary(found), header=False))
    console.print()
    console.print(_table(("units", "station", "states"), _by_station(found.units)))
    if found.in_doubt:
        doubts = [[row["what"], row["number"] or row["id"], row["station"], row["reason"]] for row in found.in_doubt]
        console.print()
        console.print(_table(("in doubt", "number", "at", "reason"), doubts))


def _summary(found: Totals) -> list[tuple[str, str]]:
    applications = [f"{row['applications']} {_words(row['state'])}" for row in found.applications]
    documents = [f"{count} {_words(name)}" for name, count in found.documents.items()]
    offers = [
        f"{row['station']} {row['offers']} ({row['units']} units, {duration((found.now_us - row['oldest_us']) / 1e6)})"
        for row in found.offers
    ]
    return [
        ("applications", " · ".join(applications) or "none"),
        ("documents today", " · ".join(documents)),
        ("open offers", " · ".join(offers) or "none"),
        ("gate", "none" if found.gate is None else f"{found.gate['inside']} inside"),
        ("in doubt", f"{len(found.in_doubt)}: waits for two people" if found.in_doubt else "nothing"),
    ]


def _by_station(units: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """One row a kind and station: `25 held · 10 offered`."""
    states: dict[tuple[str, str], list[str]] = {}
    for row in units:
        states.setdefault((row["kind"], row["station"]), []).append(f"{row['units']} {_words(row['state'])}")
    return [(kind, station, " · ".join(found)) for (kind, station), found in states.items()]


def _words(code: str) -> str:
    return code.replace("_", " ")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="dim", show_header=header, pad_edge=False)
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table
