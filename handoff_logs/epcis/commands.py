"""`logs epcis…`: the log exported and served in EPCIS 2.0."""

import os
import socket
import stat
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from handoff_logs import cli, outputs, questions
from handoff_logs.epcis.documents import Form, written
from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.query import Answers
from handoff_logs.epcis.readers import Readers
from handoff_logs.epcis.search import Question
from handoff_logs.pseudonyms import pseudonym_key
from handoff_logs.questions.answers import Column, Type
from handoff_logs.reading import Reading, open_reading
from handoff_logs.terminal import KEYS

STANDARD_OUTPUT = "-"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def export(
    *,
    out: Annotated[
        str,
        Parameter(
            name="--out",
            allow_leading_hyphen=True,
            help="The file to write, which must not be there; - for standard output.",
        ),
    ],
    from_: Annotated[
        datetime | None, Parameter(name="--from", help="Acts from this time on, as 2026-11-25T08:00.")
    ] = None,
    to: Annotated[datetime | None, Parameter(name="--to", help="Acts before this time.")] = None,
    station: Annotated[str | None, Parameter(help="Acts from or to this station.")] = None,
    number: Annotated[
        str | None, Parameter(help="Acts on what bears this number, and on all it was made of or became.")
    ] = None,
    shift: Annotated[str | None, Parameter(help="Acts of this shift.")] = None,
    form: Annotated[
        Literal["document", "query"], Parameter(name="--as", help="An EPCISDocument or an EPCISQueryDocument.")
    ] = "document",
    directory: cli.Directory = cli.DEFAULT_DIRECTORY,
) -> None:
    """Export acts of custody as an EPCIS 2.0 document, with pseudonyms for every number; the export is recorded."""
    _writable(out)
    with cli.refusing():
        identifiers = identifiers_of(directory)
        asked = Question(ge_event_us=_microseconds(from_), lt_event_us=_microseconds(to), station=station, shift=shift)
        named = {"from": asked.ge_event_us, "to": asked.lt_event_us, "station": station, "shift": shift, "as": form}
        with cli.asked_of(directory, "epcis export", number=number, **named) as reading:
            if number is not None:
                asked = replace(asked, event_ids=_custody_of(reading, number))
            _write(out, written(Form(form), Answers(reading, identifiers).stream(asked), datetime.now(UTC)))


def _address(_type: object, host: str) -> None:
    """Raise ValueError unless this computer knows where `host` is."""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        raise ValueError("Nothing has this address.") from error


def serve(
    *,
    host: Annotated[
        str,
        Parameter(validator=_address, help="The address to listen on; others than this machine's need TLS before it."),
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535), help="The port to listen on.")] = 8460,
    directory: cli.Directory = cli.DEFAULT_DIRECTORY,
) -> None:
    """Serve the log read-only at /epcis/v2/events to readers with a token, until interrupted."""
    # Half a second's import that no other command needs.
    from handoff_logs.epcis import service

    with cli.refusing():
        url, identifiers = cli.resolve_url(directory), identifiers_of(directory)
        open_reading(url).close()
        print(f"EPCIS 2.0 at http://{host}:{port}{service.PATH}; stop with Ctrl-C.", file=sys.stderr)  # noqa: T201
        service.serve(service.Served(url, identifiers, Readers(directory / KEYS)), host, port)


token_app = App(name="epcis-token", help="The readers of the EPCIS query interface and their tokens.")


@token_app.command
def create(
    name: Annotated[str, Parameter(help="The reader's name, as look-ups will be recorded under.")],
    /,
    *,
    directory: cli.Directory = cli.DEFAULT_DIRECTORY,
) -> None:
    """Let a reader in: print a new token, which is kept nowhere and shown this once."""
    with cli.refusing():
        cli.resolve_url(directory)
        print(Readers(directory / KEYS).create(name))  # noqa: T201 a command's own voice


@token_app.command
def revoke(
    name: Annotated[str, Parameter(help="The reader's name.")], /, *, directory: cli.Directory = cli.DEFAULT_DIRECTORY
) -> None:
    """Let a reader in no more, from the next query on."""
    with cli.refusing():
        Readers(directory / KEYS).revoke(name)


@token_app.command(name="list")
def list_(*, printing: cli.Printing = cli.AS_USUAL) -> None:
    """Print the readers and since when they are let in; never their tokens."""
    with cli.refusing():
        rows = [{"name": reader.name, "created": reader.created} for reader in Readers(printing.directory / KEYS).all()]
    form = printing.form()
    if form == "table":
        outputs.print_table(rows, ("name", "created"), "Readers", "There is no reader")
    else:
        outputs.write(rows, (Column("name", Type.TEXT), Column("created", Type.TEXT)), form, printing.out)


def identifiers_of(directory: Path) -> Identifiers:
    """Return the identifiers of a run's folder: its centre, and the key of its pseudonyms. Raises PseudonymKeyError."""
    return Identifiers(cli.resolve_centre(directory), pseudonym_key(directory / KEYS))


def _custody_of(reading: Reading, number: str) -> frozenset[str]:
    rows = list(questions.document(reading, number))
    if not rows:
        cli.fail(f"The log does not know the number {number}; check it, or ask another run's folder with --dir.")
    return frozenset(row["event_id"] for row in rows)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _writable(out: str) -> None:
    if out == STANDARD_OUTPUT:
        return
    if Path(out).exists():
        cli.fail(f"{out} is there already; name another file.")
    if not Path(out).absolute().parent.is_dir():
        cli.fail(f"There is no folder for {out}; make it, or name another file.")


def _write(out: str, text: Iterable[str]) -> None:
    if out == STANDARD_OUTPUT:
        sys.stdout.writelines(text)
        return
    # Never half a document under its name, and readable by its owner alone.
    partial = Path(f"{out}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(text)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(out)
