"""`passline blanks destroy` and `certificate`: voided pieces end in lots, with a witness and a paper to show for it."""

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from handoff_logs.database import Database

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Out = Annotated[
    Path | None, Parameter("--out", help="Where to write the certificate; else certificates/ of the folder.")
]
DEFAULT_DIRECTORY: Final = Path(".passline")
SEALED_WITHIN_S: Final = 20.0
"""How long the line's own sealer is waited for, where it runs."""


class PaperExistsError(FlowError):
    """Another file has the certificate's name."""

    next_step = "Name another with --out, or move that one away."

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} is there already and is another paper; it was not written over."


def destroy_command(
    scanned: Annotated[Path, Parameter(help="A file with the serials of the voided pieces, one a line.")],
    /,
    *,
    method: Annotated[str, Parameter("--method", help="How, as a code: shredded, pulped, burned.")],
    out: Out = None,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record the destruction of voided pieces by a keeper before a witness, and print its certificate."""
    from flows.sealer import seal_now
    from flows.two_hands import as_two, emulated_parts, signed_by_two, workplace_of
    from stations.vault import destruction, rules, scans

    folder, asking = RunFolder(directory), Asking(passwords_from)
    serials = scans.read(scanned)
    with workplace_of(folder, rules.STATION) as here:
        # Before anybody is asked to sign.
        with here.database.read() as conn:
            _, done = destruction.check(conn, serials, method)
        mark = "EMULATED: " if here.emulated else ""
        if done is None:
            by = signed_by_two(here, asking, (first, second), destruction.DESTROYERS)
            done = destruction.destroy(as_two(here, by), serials, method)
            with emulated_parts(folder) as parts:
                if parts is not None:
                    parts.operators().put(serials, destruction.DESTROYED)
            sys.stdout.write(f"{mark}{done.count} pieces are destroyed; signed by {by.first} and {by.second}\n")
        else:
            sys.stdout.write(f"{mark}this lot was destroyed before; nothing changed\n")
        seal_now(folder)
        _print_certificate(folder, here.database, done.event_id, out, mark)
    return Exit.FINE


def certificate_command(
    destruction: Annotated[str | None, Parameter(help="The destruction; without it all are listed.")] = None,
    /,
    *,
    out: Out = None,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print the list.")] = "table",
) -> int:
    """List the destructions, or print the certificate of one again."""
    from handoff_logs.reading import open_reading
    from stations.vault.certificate import LOTS

    folder = RunFolder(directory)
    line = folder.line()
    if destruction is None:
        with open_reading(line.database_url) as reading:
            rows = reading.rows(LOTS)
        _print_lots(rows, output, line.emulated)
        return Exit.FINE
    from flows.two_hands import workplace_of
    from flows.who_asks import recorded
    from handoff_logs.terminal import Audience
    from stations.vault import rules

    with recorded(directory, "export blanks certificate pdf", Audience.READERS, destruction=destruction):
        pass
    with workplace_of(folder, rules.STATION) as here:
        _print_certificate(folder, here.database, destruction, out, "EMULATED: " if here.emulated else "")
    return Exit.FINE


def _print_certificate(folder: RunFolder, database: "Database", event_id: str, out: Path | None, mark: str) -> None:
    from handoff_logs.reading import open_reading
    from stations.vault import certificate
    from stations.vault.errors import CertificateDiffersError, NotSealedYetError

    line, give_up_s = folder.line(), time.monotonic() + SEALED_WITHIN_S
    while True:
        with open_reading(line.database_url) as reading:
            try:
                lot = certificate.lot(reading, event_id, line.centre)
            except NotSealedYetError:
                if time.monotonic() > give_up_s or not _sealer_runs(folder):
                    raise
            else:
                kept = certificate.kept_sha256(reading, event_id)
                break
        time.sleep(0.2)
    paper = certificate.certificate(lot)
    made = certificate.sha256(paper)
    if kept not in (None, made):
        raise CertificateDiffersError(event_id, str(kept), made)
    file = out or folder.path / "certificates" / f"destruction-{event_id}.pdf"
    _write(file, paper)
    if kept is None:
        _keep(database, event_id, made, emulated=lot.emulated)
    sys.stdout.write(
        f"{mark}certificate of {len(lot.pieces)} pieces: {file}\n{mark}its SHA-256, kept in the log: {made}\n"
    )


def _sealer_runs(folder: RunFolder) -> bool:
    from flows.errors import SealerRunsAlreadyError
    from flows.locks import seal_lock

    try:
        with seal_lock(folder):
            return False
    except SealerRunsAlreadyError:
        return True


def _keep(database: "Database", event_id: str, made: str, *, emulated: bool) -> None:
    from handoff_logs import register
    from handoff_logs.log import Stamp
    from handoff_logs.register import Register
    from handoff_logs.writing import Entry
    from stations.vault.certificate import SHA256

    entry = Entry(Register.CERTIFICATE, event_id, SHA256, made)
    database.write(
        lambda tx: register.record(tx, register.administration(), None, [entry], Stamp(database.clock_us(tx), emulated))
    )


def _write(file: Path, paper: bytes) -> None:
    """Write a paper whole or not at all, and never over another."""
    if file.exists():
        if file.read_bytes() != paper:
            raise PaperExistsError(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_bytes(paper)
    beside.replace(file)


def _print_lots(rows: list[dict[str, Any]], output: str, emulated: bool) -> None:
    shown = [
        {**row, "emulated": bool(row["emulated"]) or emulated, "happened_us": int(row["happened_us"])} for row in rows
    ]
    match output:
        case "json":
            sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        case "csv" if shown:
            write_rows(list(shown[0]), shown)
        case "table" if shown:
            from rich.table import Table

            from handoff_logs.screen import screen

            table = Table(
                "when", "destruction", "pieces", "method", "signed by", "SHA-256", box=None, header_style="dim"
            )
            for row in shown:
                when = datetime.fromtimestamp(row["happened_us"] / 1e6).astimezone()
                mark = "EMULATED " if row["emulated"] else ""
                table.add_row(
                    f"{mark}{when:%Y-%m-%d %H:%M}",
                    row["destruction"],
                    str(row["pieces"]),
                    row["method"],
                    f"{row['person']} {row['witness']}",
                    row["sha256"][:16] or "not printed",
                )
            screen().print(table)
        case "table":
            sys.stdout.write(f"{'EMULATED: ' if emulated else ''}nothing was destroyed yet\n")
