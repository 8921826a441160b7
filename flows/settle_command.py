"""`passline devices settle`: the jobs that no machine can answer for, and two people's word on what became of them."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from handoff_logs.reading import Reading, open_reading
from handoff_logs.sheets import write_rows
from stations.documents import PRODUCTS
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

DOUBTS: Final = """
SELECT j.job_id AS job, j.machine, COALESCE(n.number, '') AS application,
       COALESCE(w.since_us, j.intent_us) AS since_us, COALESCE(j.blank_serial, '') AS blank, j.product,
       COALESCE(w.place, '') AS last_place, j.doubt AS reason, COALESCE(j.settlement, '') AS found_before,
       COALESCE(j.specimen, '') AS specimen, j.emulated
FROM job j LEFT JOIN unit_number n ON n.unit_id = j.order_unit LEFT JOIN whereabouts w ON w.unit_id = j.blank_unit
WHERE j.unfinished AND j.doubt IS NOT NULL ORDER BY j.intent_us, j.job_id
"""
"""Jobs in doubt, oldest first; `last_place` is of the drawn blank, where its machine read it."""

BECAME: Final = """
SELECT j.job_id AS job, j.machine, j.state, COALESCE(j.outcome, '') AS outcome, COALESCE(n.number, '') AS application,
       COALESCE(a.state, '') AS application_state, COALESCE(j.blank_serial, '') AS blank,
       COALESCE(w.state, '') AS blank_state, COALESCE(w.place, '') AS blank_place, COALESCE(d.number, '') AS document,
       j.settled_by, j.settled_second,
       COALESCE(j.specimen, '') AS specimen, j.emulated
FROM job j LEFT JOIN application a ON a.application_id = j.application_id
LEFT JOIN unit_number n ON n.unit_id = j.order_unit LEFT JOIN whereabouts w ON w.unit_id = j.blank_unit
LEFT JOIN unit_number d ON d.unit_id = j.document_unit WHERE j.job_id = :job
"""

_PLACE: Final = re.compile(r"[a-z0-9][a-z0-9:/-]{0,39}", re.ASCII)

Found = Literal["made-good", "made-bad", "unmarked", "unreadable", "not-found", "not-drawn"]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]


class FindingMissingError(FlowError):
    """A job without what was found of it, or the other way round."""

    next_step = "`passline devices settle JOB --found …`; without anything it lists the jobs in doubt."

    def __str__(self) -> str:
        return "A settlement names one job and what two people found of it; nothing was recorded."


class PlaceRefusedError(FlowError):
    """A place goes into custody records for good, and is no sentence."""

    next_step = "Name one like rack, voided, stock:book, bench/book-01, or leave --place out for the usual one."

    def __str__(self) -> str:
        return "A place is small letters, digits, and : / - between them, 40 at most; nothing was recorded."


def settle_command(
    job: Annotated[str | None, Parameter(help="The job to settle; without it the jobs in doubt are listed.")] = None,
    /,
    *,
    found: Annotated[Found | None, Parameter("--found", help="What two people found who looked for its piece.")] = None,
    place: Annotated[
        str | None, Parameter("--place", help="Where the piece lies now; where such pieces belong if left out.")
    ] = None,
    serial: Annotated[
        str | None, Parameter("--serial", help="The blank, by elimination, where the machine never read it.")
    ] = None,
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """List the jobs in doubt, or record what two people found of one."""
    folder = RunFolder(directory)
    line = folder.line()
    if job is None:
        if any((found, place, serial, first, second)):
            raise FindingMissingError
        with closing(open_reading(line.database_url)) as reading:
            doubts = list(_listed(reading.rows(DOUBTS), line.emulated))
        _print(doubts, output, empty=f"{_mark(line.emulated)}no job is in doubt")
        return Exit.IN_DOUBT if doubts else Exit.FINE
    if found is None:
        raise FindingMissingError
    if place is not None and _PLACE.fullmatch(place) is None:
        raise PlaceRefusedError
    _settle(folder, job, found, place, serial, (first, second), Asking(passwords_from))
    with closing(open_reading(line.database_url)) as reading:
        row = _became(reading, job, found, line.emulated)
    _print([row], output)
    return Exit.IN_DOUBT if found == "not-found" else Exit.FINE


def _settle(
    folder: RunFolder,
    job: str,
    found: str,
    place: str | None,
    serial: str | None,
    codes: tuple[str | None, str | None],
    asking: Asking,
) -> None:
    from flows.locks import settle_lock
    from flows.two_hands import as_two, emulated_hands, signed_by_each, workplace_of
    from stations.personalization import bench, jobs, settlement
    from stations.personalization.errors import UnknownJobError
    from stations.personalization.rules import STATION, Settlement

    finding = Settlement(found)
    with workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            row = jobs.find(conn, job)
            if row is None:
                raise UnknownJobError(job)
            blank = row.blank_serial or serial
            lies = place or settlement.usual_place(row.product, row.machine, finding)
            settlement.check(conn, job, finding, lies, serial)
        by = signed_by_each(here, asking, codes, (settlement.SETTLERS, settlement.SECONDS))
        signed = as_two(here, by)
        with settle_lock(folder), emulated_hands(folder, needed=row.emulated) as desk:
            with here.database.read() as conn:
                settlement.check(conn, job, finding, lies, serial)
            if desk is not None and blank is not None and finding in settlement.HELD_IN_HANDS:
                bench.act_on(desk, row, blank, finding, lies, by.codes)
            settlement.settle(signed, job, finding, by.first, by.second, lies, serial)


def _listed(rows: Sequence[Mapping[str, Any]], emulated: bool) -> Iterator[dict[str, Any]]:
    for row in rows:
        product = row["product"]
        shown = {key: row[key] for key in row if key not in ("since_us", "product", "emulated")}
        shown["since"] = _local(row["since_us"])
        yield {"emulated": emulated or bool(row["emulated"]), **shown, "to_do": _to_do(row, PRODUCTS[product].blank)}


def _to_do(row: Mapping[str, Any], blank: str) -> str:
    stacks = f"the bench and the stacks of {row['machine']}"
    if not row["blank"]:
        return (
            f"Two people count {stacks}: nothing is missing: record not-drawn; a {blank} is missing: find it, name it "
            "with --serial, and go on as with a piece whose number was read."
        )
    if row["specimen"]:
        return (
            f"It is a specimen. Two people look for {blank} {row['blank']} at {row['last_place']}, {stacks}. Marked, "
            f"good or bad: deface it, carry it to voided and record made-bad; an unmarked one: to stock:{blank}. "
            "Nowhere to be found: record not-found; the job stays open."
        )
    return (
        f"Two people look for {blank} {row['blank']} at {row['last_place']}, {stacks}. A bad or unreadable one: deface "
        f"it and carry it to voided; an unmarked one: to stock:{blank}; a good one: to the rack; then record it. "
        "Nowhere to be found: record not-found; the job stays open and is not made again."
    )


def _became(reading: Reading, job: str, found: str, emulated: bool) -> dict[str, Any]:
    (row,) = reading.rows(BECAME, job=job)
    piece = f"{row['blank']}: {row['blank_state']} at {row['blank_place']}" if row["blank"] else "none"
    if row["document"]:
        piece = f"{row['blank']}: became document {row['document']}"
    return {
        "emulated": emulated or bool(row["emulated"]),
        "job": job,
        "found": found,
        "signed_by": f"{row['settled_by']} {row['settled_second']}",
        "state": row["state"],
        "outcome": row["outcome"],
        "blank": piece,
        "application": row["application"],
        "specimen": row["specimen"],
        "application_state": row["application_state"],
        "next_step": _next_step(found, row),
    }


def _next_step(found: str, row: Mapping[str, Any]) -> str:
    machine = f"{row['machine']} goes on by itself, or with the next run, once nothing else of it is in doubt."
    if row["specimen"]:
        stays = "The job stays open: search on, then settle it again." if found == "not-found" else machine
        return f"It was a specimen: nothing is made again. {stays}"
    if found == "not-found":
        return "The job stays open, and its application is not made again. Search on, then settle it again."
    if found == "made-good":
        return f"The document goes to QC with its tray, and nowhere else. {machine}"
    if row["application_state"] == "stopped":
        return f"The application is stopped and is not made again until two people release it. {machine}"
    return f"The application waits to be made again, before ordinary work. {machine}"


def _print(rows: Sequence[Mapping[str, Any]], output: str, empty: str = "") -> None:
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv" if rows:
            write_rows(list(rows[0]), rows)
        case "table" if rows:
            _print_tables(rows)
        case "table":
            sys.stdout.write(f"{empty}\n")


def _print_tables(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    # One table a job: there are few, and each is read line by line by two people on their feet.
    console = screen()
    for row in rows:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, value in row.items():
            if name == "emulated":
                table.add_row("", "EMULATED" if value else "")
            elif value != "":
                table.add_row(name.replace("_", " "), str(value))
        console.print(table)
        console.print()


def _mark(emulated: bool) -> str:
    return "EMULATED line: " if emulated else ""


def _local(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")
