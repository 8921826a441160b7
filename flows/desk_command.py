"""`passline desk`: the desks of the stations' people in a browser, served until Ctrl-C."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.serving import Place


def desk_command(
    *,
    host: Annotated[str, Parameter(help="The address to listen on; others than this computer's need https.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="The port to listen on; 0 for any that is free.")] = 8476,
    certificate: Annotated[Path | None, Parameter(help="Serve https with this certificate (PEM, with its chain).")] = (
        None
    ),
    key: Annotated[Path | None, Parameter(help="The certificate's private key (PEM).")] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
) -> int:
    """Serve the review desk until Ctrl-C: reviewers sign in and decide the applications that are assigned to them.

    The line must run with `[desks] review = "people"`; leads see there who was given what, and what became of it.
    """
    from flows.composition import prepare
    from flows.configuration import read_settings
    from flows.desk_app import create_desk
    from flows.desk_parts import open_desk
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
        open_desk(folder, settings, https=place.https) as (served, here, thresholds),
    ):
        mark = "EMULATED line: " if served.emulated else ""
        sys.stdout.write(f"{mark}review desk at {address}/review; stop with Ctrl-C.\n")
        sys.stdout.flush()
        place.serve(create_desk(served, here, thresholds=thresholds), listening)
    return Exit.FINE
