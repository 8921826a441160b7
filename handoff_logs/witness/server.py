"""The witness's HTTP server: one address, bounded in bytes, time and number."""

import asyncio
import socket
import time
from typing import Final

import h11
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from handoff_logs.witness.cosigner import TEXT_TYPE, Cosigner
from handoff_logs.witness.protocol import MAX_REQUEST_BYTES, PATH
from handoff_logs.witness.rates import Rates

log = structlog.get_logger()

PATIENCE_S: Final = 10.0
"""For one whole request to arrive."""
IDLE_S: Final = 60
"""For the next request on an open connection: longer than a log waits between two checkpoints."""
MAX_CONNECTIONS: Final = 128
MAX_CONNECTIONS_OF_HOST: Final = 32
"""So that one host alone can't keep a log from its witness."""
MAX_HEAD_BYTES: Final = 16 * 1024
STOP_S: Final = 5


def application(cosigner: Cosigner) -> Starlette:
    """Return the ASGI application that answers for the cosigner."""
    rates = Rates()

    async def add_checkpoint(request: Request) -> Response:
        host = request.client.host if request.client else "unknown"
        if not rates.allow(host, time.monotonic()):
            log.warning("checkpoint_refused", status=429, reason="the host asks too often", host=host)
            return _text(429, "you ask too often; wait a second\n", {"Retry-After": "1"})
        try:
            body = await _body(request)
        except ClientDisconnect:
            log.warning("request_broken_off", host=host)
            return _text(400, "")
        if body is None:
            log.warning("checkpoint_refused", status=413, reason="the request is too large", host=host)
            return _text(413, f"a request has at most {MAX_REQUEST_BYTES} bytes\n", {"Connection": "close"})
        answer = await run_in_threadpool(cosigner.answer, body, host)
        return _text(answer.status, answer.text, {"Content-Type": answer.media_type})

    return Starlette(routes=[Route(PATH, add_checkpoint, methods=["POST"])])


def serve(cosigner: Cosigner, listener: socket.socket) -> None:
    """Answer on a listening socket until SIGINT or SIGTERM; requests in work are answered first."""
    # asyncio does so only for sockets that name their protocol; else each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        application(cosigner),
        http=_Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


class _Impatient(H11Protocol):
    """Hangs up on who takes longer than PATIENCE_S to send one whole request, or opens too many connections.

    uvicorn itself would wait for ever, and turns away requests but no connections.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        of_host = sum(isinstance(one, _Impatient) and one._host == self._host for one in self.connections)
        if len(self.connections) > MAX_CONNECTIONS or of_host > MAX_CONNECTIONS_OF_HOST:
            log.warning("connection_refused", host=self._host, of_host=of_host, connections=len(self.connections))
            transport.abort()
            return
        self._patience = self.loop.call_later(PATIENCE_S, self._hang_up)

    def data_received(self, data: bytes) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(PATIENCE_S, self._hang_up)
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._calm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    @property
    def _host(self) -> str:
        return self.client[0] if self.client else "unknown"

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _hang_up(self) -> None:
        log.warning("slow_client_cut_off", host=self._host)
        self.transport.abort()


async def _body(request: Request) -> bytes | None:
    """The request's body; None if it is too large, of which no more is read."""
    length = request.headers.get("Content-Length", "0")
    if not length.isdecimal() or int(length) > MAX_REQUEST_BYTES:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    # As a header: to a media type that starts with text/ a character set would be added.
    return Response(text.encode(), status, {"Content-Type": TEXT_TYPE, **(headers or {})})
