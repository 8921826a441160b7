"""A web application served until Ctrl-C: where it listens, and what it refuses to send over a network in the clear."""

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.errors import FlowError

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


class CertificateRefusedError(FlowError):
    """Nothing can be served with this certificate and key."""

    next_step = "Name --certificate, a PEM file with its chain, and --key, its private key, also as PEM."

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return f"Certificate and key can't be used: {self.fault}."


class AddressTakenError(FlowError):
    """The pages can't be served at that address: it is taken, or not this machine's."""

    next_step = "Choose another with --port, or 0 for any that is free."

    def __init__(self, host: str, port: int, fault: str) -> None:
        super().__init__(host, port, fault)
        self.host, self.port, self.fault = host, port, fault

    def __str__(self) -> str:
        return f"The pages can't be served at {self.host} port {self.port}: {self.fault}."


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application is served: address and port (0: any that is free), and certificate and key of https."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def https(self) -> bool:
        """Whether it is served encrypted."""
        return self.certificate is not None

    def check(self) -> None:
        """Raise OpenNetworkError where passwords would cross a network in the clear, CertificateRefusedError."""
        if self.certificate is not None or self.key is not None:
            _check_certificate(self.certificate, self.key)
        if not self.https and not _is_own(self.host):
            raise OpenNetworkError(self.host)

    @contextlib.contextmanager
    def listening(self) -> Iterator[tuple[socket.socket, str]]:
        """Listen there; the socket and the address that browsers open. Raises AddressTakenError."""
        with _listening(self.host, self.port) as listening:
            shown = f"[{self.host}]" if ":" in self.host else self.host
            yield listening, f"http{'s' if self.https else ''}://{shown}:{listening.getsockname()[1]}"

    def serve(self, app: object, listening: socket.socket) -> None:
        """Serve an application until Ctrl-C."""
        _serve(app, listening, self.certificate, self.key)


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None:
        raise CertificateRefusedError("a key without --certificate")
    for file in filter(None, (certificate, key)):
        if not file.is_file():
            raise CertificateRefusedError(f"{file} is no file")
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:
        if not asked:  # a key under a password is opened when it is served: its person types it then
            raise CertificateRefusedError(getattr(error, "reason", None) or str(error)) from error


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
