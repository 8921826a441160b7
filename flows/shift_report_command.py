"""`passline shift report` and `list`: what a shift did, for the eye, for scripts, and on paper to sign."""

import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, validators

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from flows.shift_report import ShiftReport, as_json, is_long_ago, moment, print_report, shift_report
from flows.who_asks import recorded
from handoff_logs.terminal import Audience
from stations.shift.report import find, listed
from stations.shift.stood import kept
from stations.vault.balance import LAST_US

PDF: Final = b"%PDF-"
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")]
HERE: Final = Path(".passline")


class NoPaperError(FlowError):
    """A file of another kind stands where the paper was to be written."""

    next_step = "Name another file with --pdf."

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} is there and is no PDF; it was left as it is, and nothing was written."


def report_command(
    shift: Annotated[
        str | None, Parameter(help="The shift's id, or last; without it the open one, or where none is, the last.")
    ] = None,
    /,
    *,
    pdf: Annotated[
        Path | None,
        Parameter("--pdf", help="Also write it as an A4 paper, with the log's line and two fields to sign."),
    ] = None,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """Report a shift from the database and its machines' journals: an open one so far, a closed one in its time.

    Work by station and class, time nodes, returns, spoils, machines, the balance of blanks, the log's line. Ends with 1
    where blanks do not balance or the log's signed checkpoint does not hold. While a shift is open, nothing in it says
    how many blanks there must be.
    """
    folder = RunFolder(directory)
    if pdf is not None:
        _check_file(pdf)
    with recorded(directory, "shift-report", Audience.ANYBODY, shift=shift or "") as reading:
        wanted = find(reading, shift)
        if is_long_ago(wanted.closed_us, time.time_ns() // 1_000) and kept(reading, wanted.shift_id) is None:
            sys.stderr.write("passline: going back to what stood then, through all that was recorded since …\n")
        found = shift_report(reading, folder, wanted.shift_id)
    if pdf is not None:
        from flows.shift_paper import shift_paper

        _write(pdf, shift_paper(found))
    if output == "json":
        sys.stdout.write(json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n")
    else:
        print_report(found)
    if pdf is not None:
        sys.stderr.write(f"passline: {'EMULATED: ' if found.emulated else ''}the paper is in {pdf}\n")
    return Exit.FINDINGS if _has_findings(found) else Exit.FINE


def list_command(
    *,
    most: Annotated[
        int, Parameter("--most", validator=validators.Number(gte=1, lte=10_000), help="At most so many.")
    ] = 30,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """List the shifts, the latest first, with their ids."""
    with recorded(directory, "shifts", Audience.ANYBODY) as reading:
        found = listed(reading, LAST_US, most)
    emulated = RunFolder(directory).line().emulated
    rows: list[dict[str, Any]] = [
        {
            "shift_id": one.shift_id,
            "shift": one.name,
            "opened_us": one.opened_us,
            "closed_us": one.closed_us,
            "closed_how": one.closed_how or "open",
            "emulated": emulated or one.emulated,
        }
        for one in found
    ]
    if output == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return Exit.FINE
    if not rows:
        sys.stdout.write("no shift was opened yet\n")
    for row in rows:
        mark = "EMULATED " if row["emulated"] else ""
        closed = "" if row["closed_us"] is None else moment(row["closed_us"])
        opened = moment(row["opened_us"])
        sys.stdout.write(f"{mark}{row['shift_id']}  {row['shift']:<12} {opened}  {closed:<16}  {row['closed_how']}\n")
    return Exit.FINE


def _has_findings(found: ShiftReport) -> bool:
    return found.facts.no_line == "broken" or any(row["difference"] for row in found.facts.balance)


def _check_file(file: Path) -> None:
    """Raise `NoPaperError` for a file that is no paper: a slip of the hand must not write over line.toml."""
    try:
        with file.open("rb") as content:
            if content.read(len(PDF)) != PDF:
                raise NoPaperError(file)
    except FileNotFoundError:
        return


def _write(file: Path, paper: bytes) -> None:
    """Write the paper whole or not at all; it names staff codes, so it is the account's alone."""
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as content:
            content.write(paper)
        Path(beside).replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise
