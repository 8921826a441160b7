"""`passline pages`: the auditors' pages in a browser, served until Ctrl-C. The web's modules load with the command."""

import contextlib
import ipaddress
import socket
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder

MOST_CONNECTIONS = 64
KEEP_ALIVE_S = 5
STOP_S = 5
"""For pages under way once it is told to stop; what takes longer is cut off."""


class OpenNetworkError(FlowError):
    """Passwords and cookies would cross a network in the clear."""

    next_step = "Name --certificate and --key to serve https, or leave out --host for this computer alone."

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"{self.host} is not this computer alone, and without a certificate passwords would cross the network."


class AddressTakenError(FlowError):
    """Nobody can listen there."""

    next_step = "Choose another with --port, or 0 for any that is free."

    def __init__(self, host: str, port: int, fault: str) -> None:
        super().__init__(host, port, fault)
        self.host, self.port, self.fault = host, port, fault

    def __str__(self) -> str:
        return f"The pages can't be served at {self.host} port {self.port}: {self.fault}."


def pages_command(
    *,
    host: Annotated[str, Parameter(help="The address to listen on; others than this computer's need https.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="The port to listen on; 0 for any that is free.")] = 8475,
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

    https = certificate is not None
    if not https and not _is_own(host):
        raise OpenNetworkError(host)
    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _listening(host, port) as listening,
        open_served(folder, settings, https=https) as (served, database),
    ):
        mark = "EMULATED line: " if served.emulated else ""
        shown = f"[{host}]" if ":" in host else host
        address = f"http{'s' if https else ''}://{shown}:{listening.getsockname()[1]}"
        sys.stdout.write(f"{mark}audit pages at {address}; stop with Ctrl-C.\n")
        sys.stdout.flush()
        _serve(create_app(served, database), listening, certificate, key)
    return Exit.FINE


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise AddressTakenError(host, port, getattr(error, "strerror", None) or str(error)) from error


def _serve(app: object, listening: socket.socket, certificate: Path | None, key: Path | None) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever asks is who is connected: the limit of sign-ins goes by it.
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run(sockets=[listening])
