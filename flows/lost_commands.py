"""`passline blanks report-lost`, `found`, `void` and `report`: what is lost, what turned up, and what is told of it."""

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stations.vault.report import Ending

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
DEFAULT_DIRECTORY: Final = Path(".passline")
_PLACE: Final = re.compile(r"[a-z0-9][a-z0-9:/-]{0,39}", re.ASCII)


class LossPlaceError(FlowError):
    """A place goes into custody records for good, and is no sentence."""

    next_step = "Name one like stock:book, bench/book-01, corridor, transport."

    def __str__(self) -> str:
        return "A place is small letters, digits, and : / - between them, 40 at most; nothing was recorded."


class ReportFileError(FlowError):
    """A report's file whose name does not say what it is to be."""

    next_step = "Name it .json, .csv or .pdf."

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} does not say what to write."


def report_lost_command(
    serial: Annotated[str, Parameter(help="The serial of the blank, also of one that became a document.")],
    /,
    *,
    circumstances: Annotated[
        str, Parameter("--circumstances", help="What happened, as a code: fell-behind, burglary.")
    ],
    place: Annotated[str, Parameter("--place", help="Where it was last, or where it was missed, as a code.")],
    at: Annotated[str | None, Parameter("--at", help="When it was missed, a local time; now, if left out.")] = None,
    stolen: Annotated[bool, Parameter("--stolen", negative=(), help="It was stolen, as far as anybody knows.")] = False,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Report a blank or a document as lost or stolen; two people sign.

    A document is never made again under its application: stop that, and end it, so that its person may apply anew.
    """
    from flows.two_hands import as_two, signed_by_two, workplace_of
    from handoff_logs.cli import moment_us
    from handoff_logs.records import Kind
    from stations.vault import losing, rules

    if _PLACE.fullmatch(place) is None:
        raise LossPlaceError
    folder, asking = RunFolder(directory), Asking(passwords_from)
    noticed_us = time.time_ns() // 1_000 if at is None else moment_us(at)
    loss = losing.Loss.STOLEN if stolen else losing.Loss.LOST
    with workplace_of(folder, rules.STATION) as here:
        mark = "EMULATED: " if here.emulated else ""
        # Before anybody is asked to sign.
        # Nothing is written; the job that has the blank is locked while it is looked at, which reading alone can't do.
        piece, before = here.database.write(lambda tx: losing.check(tx, serial, loss, circumstances, noticed_us))
        if before:
            sys.stdout.write(f"{mark}{serial} was reported lost before; nothing changed\n")
            return Exit.FINE
        # Whoever answers for it by the log, the two report it for that station.
        by = signed_by_two(here.at(piece.station, here.people), asking, (first, second), losing.REPORTERS)
        there = as_two(here.at(piece.station, here.people), by)
        reported = losing.report(there, serial, loss, circumstances, place, noticed_us)
    document = piece.unit_kind == Kind.DOCUMENT
    what = "the document made of" if document else piece.kind or "blank"
    sys.stdout.write(
        f"{mark}{what} {serial} of {piece.station} is reported {loss}; signed by {by.first} and "
        f"{by.second} (record {reported.event_id}). If it turns up: passline blanks found {serial}\n"
    )
    if document:
        sys.stdout.write(
            "It is not made again: a lead stops its application (passline applications stop NUMBER --reason alert), two"
            " end it (passline applications end NUMBER), and its person applies anew\n"
        )
    return Exit.FINE


def found_command(
    serial: Annotated[str, Parameter(help="The serial of what turned up.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Take in what turned up; two people sign.

    A lost blank goes into the vault's quarantine. A document that a station's count did not find goes on there, as a
    tray of its own, and its case is closed.
    """
    from flows.two_hands import as_two, emulated_parts, signed_by_two, workplace_of
    from stations.trays import tray_place
    from stations.vault import losing, pieces, rules, turned_up
    from stations.vault.errors import NotLostError

    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, rules.STATION) as here:
        with here.database.read() as conn:
            (piece,) = pieces.scanned(conn, [serial])
            station = turned_up.check(conn, serial)[1] if turned_up.is_missing(piece) else None
        if station is None and not piece.lost:
            raise NotLostError(serial, piece.standing)
        mark = "EMULATED: " if here.emulated else ""
        if station is None:
            by = signed_by_two(here, asking, (first, second), losing.FINDERS)
            piece, place = losing.receive_found(as_two(here, by), serial), losing.QUARANTINE
            told = (
                f"in the vault's quarantine as {piece.number}; signed by {by.first} and {by.second}. It is not used "
                f"again: passline blanks void {serial} --reason turned-up, then destroy it"
            )
        else:
            there = here.at(station, here.people)
            by = signed_by_two(there, asking, (first, second), turned_up.finders(station))
            found = turned_up.receive(as_two(there, by), serial)
            place = tray_place(found.tray)
            told = (
                f"at {station} again, in tray {found.tray}, and its case is closed; signed by {by.first} and "
                f"{by.second} (record {found.record}). It goes on when the line next starts: passline run"
            )
        with emulated_parts(folder) as parts:
            if parts is not None:
                parts.operators().put([serial], place)
    sys.stdout.write(f"{mark}{serial} is {told}\n")
    return Exit.FINE


def void_command(
    *serials: Annotated[str, Parameter(help="The serials of the blanks.")],
    reason: Annotated[str, Parameter("--reason", help="Why, as a code: damaged, misprint, turned-up.")],
    station: Annotated[Literal["vault", "personalization"], Parameter(help="Where they are.")] = "vault",
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record that two people defaced blanks from a shelf, a stock or quarantine."""
    from flows.two_hands import as_two, emulated_parts, signed_by_two, workplace_of
    from stations.vault import losing, rules

    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, station) as here:
        with here.database.read() as conn:
            losing.voidable(conn, serials, reason, station)
        by = signed_by_two(here, asking, (first, second), losing.REPORTERS)
        with emulated_parts(folder) as parts:
            # Defaced first: what the log calls void is so.
            if parts is not None:
                parts.operators().deface(serials, by.first, by.second)
                parts.operators().put(serials, rules.VOIDED)
            losing.void(as_two(here, by), serials, reason)
        mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(f"{mark}{len(serials)} blanks of {station} are voided; signed by {by.first} and {by.second}\n")
    return Exit.FINE


def report_command(
    *,
    from_: Annotated[str | None, Parameter("--from", help="From this local date or time on.")] = None,
    to: Annotated[str | None, Parameter("--to", help="Up to this local time, or to the end of this date.")] = None,
    out: Annotated[Path | None, Parameter("--out", help="A file to write: .json, .csv or .pdf.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["json", "csv"], Parameter("--output", help="What to print without --out.")] = "json",
) -> int:
    """List the pieces that were lost, stolen, voided, destroyed or turned up, for the authority."""
    from flows.who_asks import recorded
    from handoff_logs.cli import moment_us
    from handoff_logs.terminal import Audience
    from stations.vault.balance import FIRST_US, LAST_US, Period
    from stations.vault.report import as_pdf, endings

    form = output if out is None else out.suffix.removeprefix(".")
    if form not in ("json", "csv", "pdf"):
        raise ReportFileError(out or Path())
    line = RunFolder(directory).line()
    from_us = FIRST_US if from_ is None else moment_us(from_)
    to_us = LAST_US if to is None else moment_us(to, whole_day=True)
    bounds = Period(from_us, to_us).bounds()
    with recorded(directory, f"export blanks report {form}", Audience.READERS, **bounds) as reading:
        rows = endings(reading, from_us, to_us)
    emulated = line.emulated or any(row["emulated"] for row in rows)
    match form:
        case "pdf":
            told = f"{from_ or ''} - {to or ''}" if from_ or to else ""
            written = as_pdf(rows, line.centre, told, emulated=emulated)
        case "csv":
            written = _csv(rows).encode()
        case _:
            head: dict[str, Any] = {"centre": line.centre, "emulated": emulated, "from": from_, "to": to}
            written = (json.dumps({**head, "pieces": rows}, indent=2) + "\n").encode()
    if out is None:
        sys.stdout.write(written.decode())
        return Exit.FINE
    beside = out.with_name(f".{out.name}.part")
    beside.write_bytes(written)
    beside.replace(out)
    sys.stdout.write(f"{'EMULATED: ' if emulated else ''}{len(rows)} pieces: {out}\n")
    return Exit.FINE


def _csv(rows: "Sequence[Ending]") -> str:
    import io

    from stations.vault.report import Ending

    out = io.StringIO()
    write_rows(list(Ending.__annotations__), rows, out)
    return out.getvalue()
