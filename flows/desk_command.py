"""`passline desk`: the desks of the stations' people in a browser, served until Ctrl-C."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.serving import Place


def desk_command(
    *,
    host: Annotated[str, Parameter(help="The address to listen on; others than this computer's need https.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, Parameter(help="The port to listen on; 0 for any that is free.", validator=Number(gte=0, lte=65_535))
    ] = 8476,
    certificate: Annotated[Path | None, Parameter(help="Serve https with this certificate (PEM, with its chain).")] = (
        None
    ),
    key: Annotated[Path | None, Parameter(help="The certificate's private key (PEM).")] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
) -> int:
    """Serve the desks until Ctrl-C: the stations' people sign in, and each comes to the desk of their station.

    The line must run with `"people"` for a station under `[desks]`; leads see there what became of what was assigned.
    """
    from flows.composition import prepare
    from flows.configuration import read_settings
    from flows.desk_app import create_desk
    from flows.desk_parts import open_desks
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
        open_desks(folder, settings, https=place.https) as parts,
    ):
        mark = "EMULATED line: " if settings.emulated else ""
        sys.stdout.write(f"{mark}desks at {address}; stop with Ctrl-C.\n")
        sys.stdout.flush()
        place.serve(create_desk(parts.served, parts.database, parts.places), listening)
    return Exit.FINE
