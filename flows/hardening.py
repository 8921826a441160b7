"""What every answer of the pages carries, whoever asked and whatever went wrong; which forms are read at all."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_FORM: Final = 4_096
"""Bytes of a form: a code, a password of the longest kind, two tokens."""
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
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
    """Puts the headers on each answer; refuses a form of another site, one too large, or that does not say how large.

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

        headers = Headers(scope=scope)
        if scope["method"] not in READING and _from_elsewhere(headers):
            await PlainTextResponse("This form came from another site; nothing was done.", 403)(
                scope, receive, hardened
            )
            return
        length = headers.get("content-length", "")
        chunked = "transfer-encoding" in headers
        if chunked or (length and (not length.isdecimal() or int(length) > self._longest(scope["path"]))):
            await PlainTextResponse("This form is too large; nothing was done.", 413)(scope, receive, hardened)
            return
        await self._app(scope, receive, hardened)

    def _longest(self, path: str) -> int:
        return next((most for place, most in self._larger.items() if path.startswith(place)), LONGEST_FORM)


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another site sent this, before any token is looked at; another port is one.

    Browsers of today say so themselves. Older ones name the origin, as `null` under our own Referrer-Policy.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin", "null")
    return origin != "null" and urlsplit(origin).netloc != headers.get("host", "")


def finish(response: Response) -> Response:
    """Put the headers on an answer that passes by the middleware."""
    put(response.headers)
    return response


def put(headers: MutableHeaders) -> None:
    """Put the headers on an answer; what it says of its own caching stays."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
