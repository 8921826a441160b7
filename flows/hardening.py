"""What every answer of the pages carries, whoever asked and whatever went wrong; and how large a form may be."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_FORM: Final = 4_096
"""Bytes of a form: a code, a password of the longest kind, two tokens."""
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Hardened:
    """Puts the headers on each answer and refuses a form that is too large or does not say how large it is.

    `larger`: bytes of the forms that may have more, by the beginning of their addresses.
    """

    def __init__(self, app: ASGIApp, larger: Mapping[str, int] | None = None) -> None:
        self._app, self._larger = app, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                put(MutableHeaders(scope=message))
            await send(message)

        length = Headers(scope=scope).get("content-length", "")
        chunked = "transfer-encoding" in Headers(scope=scope)
        if chunked or (length and (not length.isdecimal() or int(length) > self._longest(scope["path"]))):
            await PlainTextResponse("This form is too large; nothing was done.", 413)(scope, receive, hardened)
            return
        await self._app(scope, receive, hardened)

    def _longest(self, path: str) -> int:
        return next((most for place, most in self._larger.items() if path.startswith(place)), LONGEST_FORM)


def finish(response: Response) -> Response:
    """Put the headers on an answer that passes by the middleware."""
    put(response.headers)
    return response


def put(headers: MutableHeaders) -> None:
    """Put the headers on an answer; what it says of its own caching stays."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
