"""Signing in to the pages through the centre's OpenID issuer: off to it, and back.

The cookie of a session is never sent by a link from another site, so the way there and back has one of its own: it
opens nothing, is good for one return within minutes, and only in the browser that went.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from flows.issuer import Begun, Issuer, UnprovenError
from handoff_logs.database import Database
from stations.people import Role
from stations.people_register.errors import IssuerRefusedError
from stations.people_register.issuer import admit, record_refusal
from stations.people_register.tables import IssuerRefusal

BEGIN: Final = "/sign-in/issuer"
BACK: Final = "/sign-in/issuer/back"
"""Where the issuer sends browsers: registered there with the pages' address before it."""
AWAY_S: Final = 600
"""How long somebody may be away at the issuer."""
MOST_AWAY: Final = 1_000
_COOKIE: Final = "passline_issuer"
_log = structlog.get_logger()

REFUSALS: Final = {
    IssuerRefusal.UNASKED: ("sign_in.issuer_unasked", 403),
    IssuerRefusal.ISSUER: ("sign_in.issuer_issuer", 403),
    IssuerRefusal.DOWN: ("sign_in.issuer_down", 503),
    IssuerRefusal.TOKEN: ("sign_in.issuer_token", 403),
    IssuerRefusal.WEAK: ("sign_in.issuer_weak", 403),
    IssuerRefusal.CODELESS: ("sign_in.issuer_codeless", 403),
    IssuerRefusal.NOBODY: ("sign_in.issuer_nobody", 403),
    IssuerRefusal.RELIEVED: ("sign_in.issuer_relieved", 403),
    IssuerRefusal.ROLELESS: ("sign_in.role", 403),
}
"""What the page says, and its status."""


class Entrance(Protocol):
    """What the doors of the pages do for whoever comes this way."""

    def may_try(self, request: Request) -> bool:
        """Count one more sign-in from where a request comes from; False if there were too many."""

    def form(self, request: Request, status: int, key: str | None, *, to: str) -> Response:
        """Show the form to sign in, with what was wrong."""

    def let_in(self, request: Request, code: str, roles: frozenset[str], to: str) -> Response:
        """Begin a session that reads, and go on to an address of these pages."""


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who is at the issuer: what its answer must match, where they wanted to go, since when (seconds)."""

    begun: Begun
    to: str
    since_s: float


class Travellers:
    """Who is at the issuer; each comes back once. Kept in memory, as sessions are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._away: dict[str, Away] = {}

    def leave(self, begun: Begun, to: str) -> str:
        """Remember who goes; the secret that they come back with."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._away) >= MOST_AWAY:
                del self._away[next(iter(self._away))]
            self._away[secret] = Away(begun, to, self._clock())
        return secret

    def come_back(self, secret: str) -> Away | None:
        """Whoever went with a secret, this once; None if nobody did, or too long ago."""
        with self._lock:
            away = self._away.pop(secret, None)
        return away if away is not None and self._clock() - away.since_s <= AWAY_S else None


class IssuerPages:
    """The way to the issuer and back."""

    def __init__(
        self,
        issuer: Issuer,
        database: Database,
        entrance: Entrance,
        roles: frozenset[Role],
        *,
        https: bool,
        travellers: Travellers | None = None,
    ) -> None:
        self._issuer, self._database, self._entrance, self._roles = issuer, database, entrance, roles
        self._https, self._travellers = https, travellers or Travellers()

    def router(self) -> APIRouter:
        """The pages' routes, without a sign-in."""
        router = APIRouter()
        router.add_api_route(BEGIN, self.begin, methods=["GET"], response_class=Response)
        router.add_api_route(BACK, self.back, methods=["GET"], response_class=Response)
        return router

    async def begin(self, request: Request) -> Response:
        """Send a browser to the issuer. Where it wants to go on to is checked when it is back, and kept here."""
        to = request.query_params.get("to", "")
        if not self._entrance.may_try(request):
            return await run_in_threadpool(self._entrance.form, request, 429, "sign_in.many", to="")
        try:
            begun = await self._issuer.begin()
        except UnprovenError as error:
            return await run_in_threadpool(self._refuse, request, error.why, error.kind)
        response = RedirectResponse(begun.url, 303)
        # Lax: the issuer's page leads back here, which is another site's.
        response.set_cookie(
            _COOKIE, self._travellers.leave(begun, to), max_age=AWAY_S, path=BEGIN, secure=self._https, httponly=True,
            samesite="lax",
        )  # fmt: skip
        return response

    async def back(self, request: Request) -> Response:
        """Let whoever comes back in, if the issuer has proven them and the register has them."""
        away = self._travellers.come_back(request.cookies.get(_COOKIE, ""))
        if away is None:
            if not self._entrance.may_try(request):
                return await run_in_threadpool(self._entrance.form, request, 429, "sign_in.many", to="")
            return await run_in_threadpool(self._refuse, request, IssuerRefusal.UNASKED, "")
        try:
            code = await self._issuer.prove(away.begun, dict(request.query_params))
        except UnprovenError as error:
            response = await run_in_threadpool(self._refuse, request, error.why, error.kind)
        else:
            response = await run_in_threadpool(self._admit, request, code, away.to)
        response.delete_cookie(_COOKIE, path=BEGIN, secure=self._https, httponly=True, samesite="lax")
        return response

    def _admit(self, request: Request, code: str, to: str) -> Response:
        try:
            roles = admit(self._database, self._issuer.name, code, self._roles)
        except IssuerRefusedError as error:
            return self._say(request, IssuerRefusal(error.refusal))
        return self._entrance.let_in(request, code, roles, to)

    def _refuse(self, request: Request, why: IssuerRefusal, kind: str) -> Response:
        if kind:
            _log.warning("issuer_proved_nobody", reason=why.value, error=kind)
        record_refusal(self._database, self._issuer.name, why)
        return self._say(request, why)

    def _say(self, request: Request, why: IssuerRefusal) -> Response:
        key, status = REFUSALS[why]
        return self._entrance.form(request, status, key, to="")
