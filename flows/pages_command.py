"""`passline pages`: the auditors' pages in a browser, served until Ctrl-C. The web's modules load with the command."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.serving import Place


def pages_command(
    *,
    host: Annotated[str, Parameter(help="The address to listen on; others than this computer's need https.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, Parameter(help="The port to listen on; 0 for any that is free.", validator=Number(gte=0, lte=65_535))
    ] = 8475,
    certificate: Annotated[Path | None, Parameter(help="Serve https with this certificate (PEM, with its chain).")] = (
        None
    ),
    key: Annotated[Path | None, Parameter(help="The certificate's private key (PEM).")] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
) -> int:
    """Serve the pages until Ctrl-C: custody with its proof, stations, shifts, questions; the alarms; the patrols.

    Auditors and administrators of the register of people sign in; they change nothing, and what they look up is
    recorded. Whoever takes alarms or walks rounds signs in too, and sees those alone.
    """
    from flows.app import create_app
    from flows.composition import prepare
    from flows.configuration import read_settings
    from flows.pages_parts import open_served
    from flows.program_log import set_up_log

    place = Place(host, port, certificate, key)
    place.check()
    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    with (
        contextlib.suppress(KeyboardInterrupt),
        place.listening() as (listening, address),
        open_served(folder, settings, https=place.https) as (served, database),
    ):
        mark = "EMULATED line: " if served.emulated else ""
        sys.stdout.write(f"{mark}audit pages at {address}; stop with Ctrl-C.\n")
        sys.stdout.flush()
        place.serve(create_app(served, database), listening)
    return Exit.FINE
