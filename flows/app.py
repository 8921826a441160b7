"""The web application: the log's pages, shifts, alarms and patrols behind a sign-in with the register of people.

Only `flows` knows them all. What takes a POST is signing in and out, taking an alarm, letting a display in, a patrol's
round and the steps of its findings; all other routes only read, but the way to the centre's issuer and back.
"""

import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import Depends, FastAPI, Form, Request, Response
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from flows.alarm_pages import ALARMS, TAKERS, AlarmPages
from flows.board_page import BOARD, BoardPages, DisplayEndedError, NoFiguresError, display_ended
from flows.board_watch import BoardWatch
from flows.climate_pages import CLIMATE, ClimatePages
from flows.hardening import Hardened, finish
from flows.issuer import Issuer
from flows.issuer_pages import BEGIN, IssuerPages
from flows.patrol_forms import MOST_FORM_BYTES, Rounds
from flows.patrol_pages import PATROL, ROUND, WALKERS, PatrolPages, asks_password
from flows.sessions import LONGEST_S, Attempts, Sessions
from flows.shift_pages import DAY, ShiftPages
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pages.problems import tell_problems
from handoff_logs.pages.rendering import AUDIT_PLACES, HOME, Reader, Renderer
from handoff_logs.pages.routes import AuditPages
from handoff_logs.verify.state import FILE_NAME
from stations.patrol.rules import MENDERS
from stations.people import Role
from stations.people_register.badges import sign_in_by
from stations.people_register.credentials import Credentials, SignedIn
from stations.people_register.errors import (
    BadCodeError,
    BadgeRefusedError,
    EmulatedStaffError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.people_register.rights import MAY, Right
from stations.people_register.sign_in import sign_in_as
from stations.people_register.standing import is_founded, standing

READERS: Final = MAY[Right.ASK]
"""Who may look into the log."""
ALARM_READERS: Final = READERS | TAKERS | frozenset(MENDERS)
"""Who may look at the alarms, and at the board and the climate: also whoever mends machines."""
SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
NO_ROLE: Final = {"pages": "sign_in.role", "desks": "sign_in.role_desk"}
OTHER_ROLE: Final = {"pages": "problem.role", "desks": "problem.role_desk"}
"""What is said to whoever has no role for any page here, and for this one."""
HASHES_AT_ONCE: Final = 2
"""Passwords verified side by side: each takes 64 MB and a core."""
_log = structlog.get_logger()
_COOKIE: Final = "passline_session"
LIVE: Final = "passline-live"
"""The header of a page that refreshes itself, which keeps nobody signed in."""
_ID, _TOKEN = "id", "token"


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: the line's folder, centre and database, the key that signs cookies, whether over https.

    `rounds`: what patrols walk; None where no round is walked through these pages.
    `display_key` is what the tokens of displays and badges are held against: without the line's own it admits none.
    An offer that stays unanswered for `offer_age_min` is an alarm on the board, as in the terminal.
    `issuer`: who proves who somebody is, beside their password; None where the centre has none.
    `witness_silent_s`: when a witness that was heard of last so long ago is silent; None where the line has none.
    """

    folder: Path
    centre: str
    emulated: bool
    cookie_key: bytes
    asking: Asking
    https: bool = False
    display_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    offer_age_min: int = 30
    witness_silent_s: float | None = None
    rounds: Rounds | None = None
    issuer: Issuer | None = None


class NotSignedInError(Exception):
    """Nobody is signed in; `ended` if somebody was."""

    def __init__(self, ended: bool) -> None:
        super().__init__(ended)
        self.ended = ended


class NotYoursError(Exception):
    """Whoever is signed in has no role for this page."""


class ReadingOnlyError(Exception):
    """Whoever is signed in came in through the issuer, which signs nothing."""


class Doors:
    """Signing in and out, and who of those that come may read. Other applications have doors of their own."""

    entrants: frozenset[Role] = ALARM_READERS
    """Who may come in at all."""
    front: str = "pages"
    """What stands behind these doors, as the words at them say: pages or desks."""

    def __init__(self, served: Served, database: Database, renderer: Renderer, sessions: Sessions) -> None:
        self._served, self._database, self._renderer = served, database, renderer
        self._sessions, self._attempts = sessions, Attempts()
        self._hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)

    def places(self, roles: frozenset[str]) -> tuple[str, ...]:
        """The pages that somebody of these roles may open, as their addresses name them, in the navigation's order."""
        log_too = () if READERS.isdisjoint(roles) else AUDIT_PLACES
        walks = () if self._served.rounds is None or WALKERS.isdisjoint(roles) else (PATROL.removeprefix("/"),)
        return (*log_too, ALARMS.removeprefix("/"), CLIMATE.removeprefix("/"), BOARD.removeprefix("/"), *walks)

    def first_page(self, roles: frozenset[str]) -> str:
        """Where somebody of these roles begins."""
        return ALARMS if READERS.isdisjoint(roles) else "/"

    def admit(self, request: Request) -> None:
        """Let a reader of the log pass, who may still read. Raises NotSignedInError, NotYoursError."""
        self._admit(request, READERS)

    def admit_to_alarms(self, request: Request) -> None:
        """Let whoever may see the alarms pass. Raises NotSignedInError, NotYoursError."""
        self._admit(request, ALARM_READERS)

    def admit_to_patrols(self, request: Request) -> None:
        """Let whoever walks rounds or mends what they found pass. Raises NotSignedInError, NotYoursError."""
        self._admit(request, WALKERS)

    def sign_again(self, request: Request, password: str, roles: frozenset[Role] = frozenset(MENDERS)) -> SignedIn:
        """Sign in whoever the session is of, at this moment, by their password; as often as signing in is allowed.

        `roles`: of which they have one.

        Raises SignInRefusedError, SignInLockedError, RoleMissingError.
        """
        signed: SignedIn = request.state.signed
        return self.sign_now(request, Credentials(signed.code, password), roles)

    def sign_now(self, request: Request, who: Credentials, roles: frozenset[Role]) -> SignedIn:
        """Sign somebody in who has one of `roles`, as often as signing in is allowed.

        Raises SignInRefusedError, SignInLockedError, RoleMissingError, BadCodeError, EmulatedStaffError.
        """
        if not self.may_try(request):
            raise SignInRefusedError(who.code)
        with self._hashing:
            signed = sign_in_as(self._database, who, tuple(roles))
        self._attempts.proven(_host(request))
        return signed

    def _admit(self, request: Request, roles: frozenset[Role]) -> None:
        secret = request.session.get(_ID)
        session = None if secret is None else self._sessions.find(secret, seen=LIVE not in request.headers)
        has = frozenset[str]() if session is None else standing(self._database, session.code)
        if session is None or self.entrants.isdisjoint(has):
            raise NotSignedInError(secret is not None)
        oversees = not MAY[Right.OVERSEE].isdisjoint(has)
        request.state.reader = Reader(session.code, session.token, self.places(has), oversees, session.sign_in is None)
        # Without a sign-in that signs nothing can be recorded: the database knows none by that name.
        request.state.signed = SignedIn(session.code, has, session.sign_in or "")
        if roles.isdisjoint(has):
            raise NotYoursError
        if session.sign_in is None and request.method == "POST" and not asks_password(request.url.path):
            raise ReadingOnlyError

    def ask(self, request: Request) -> Response:
        """Show the form to sign in."""
        key = {"ended": "sign_in.ended", "out": "sign_in.out"}.get(request.query_params.get("why", ""))
        return self.form(request, 200, key, look="wait", to=_own(request.query_params.get("to", "")))

    def sign_in(
        self,
        request: Request,
        code: str = Form(""),
        password: str = Form(""),
        token: str = Form(""),
        to: str = Form(""),
    ) -> Response:
        """Sign in by code or badge, and password; what is refused does not say which of them was wrong."""
        to = _own(to)
        if not _same(token, request.session.get(_TOKEN)):
            return self.form(request, 403, "sign_in.stale", to=to)
        if not self.may_try(request):
            return self.form(request, 429, "sign_in.many", to=to)
        try:
            with self._hashing:
                signed = sign_in_by(self._database, self._served.display_key, code.strip(), password)
        except SignInLockedError as error:
            until = datetime.fromtimestamp(error.until_us / 1_000_000, UTC).astimezone()
            return self.form(request, 403, "sign_in.locked", to=to, until=f"{until:%H:%M:%S}")
        except (BadCodeError, BadgeRefusedError, EmulatedStaffError, SignInRefusedError):
            return self.form(request, 403, "sign_in.refused", to=to)
        self._attempts.proven(_host(request))
        if self.entrants.isdisjoint(signed.roles):
            return self.form(request, 403, NO_ROLE[self.front], to=to)
        self._begin(request, signed.code, signed.sign_in)
        return RedirectResponse(to or self.first_page(signed.roles), 303)

    def let_in(self, request: Request, code: str, roles: frozenset[str], to: str) -> Response:
        """Begin the session of somebody whom the issuer has proven.

        The browser goes on by itself from a page of ours: as long as it comes from the issuer it sends no cookie.
        """
        self._begin(request, code, None)
        return self._renderer.page(request, "signed_in.html", to=_own(to) or self.first_page(roles))

    def _begin(self, request: Request, code: str, sign_in: str | None) -> None:
        """Begin a session under a new name, in place of any that this browser has."""
        before = request.session.get(_ID)
        if before is not None:
            self._sessions.end(before)
        request.session.clear()
        request.session[_ID] = self._sessions.begin(code, sign_in)

    def sign_out(self, request: Request, token: str = Form("")) -> Response:
        """End the session, for good: its cookie opens nothing any more."""
        secret = request.session.get(_ID)
        session = None if secret is None else self._sessions.find(secret)
        if session is not None and not _same(token, session.token):
            return self._renderer.problem(request, "problem.method", 403)
        if secret is not None:
            self._sessions.end(secret)
        if session is not None:
            self.left(session.code)
        request.session.clear()
        return RedirectResponse(f"{SIGN_IN}?why=out", 303)

    def left(self, code: str) -> None:
        """Do what follows when somebody has signed out: here nothing."""

    def turn_away(self, request: Request, error: NotSignedInError) -> Response:
        """Send whoever is not signed in to do so, and back to where they wanted to go."""
        request.session.pop(_ID, None)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        asked = {"to": wanted if wanted != "/" else "", "why": "ended" if error.ended else ""}
        given = urlencode({name: value for name, value in asked.items() if value})
        return RedirectResponse(f"{SIGN_IN}?{given}" if given else SIGN_IN, 303)

    def refuse(self, request: Request, _error: NotYoursError) -> Response:
        """Say that a page is for other roles, to whoever is signed in."""
        return self._renderer.problem(request, OTHER_ROLE[self.front], 403)

    def refuse_signing(self, request: Request, _error: ReadingOnlyError) -> Response:
        """Say that an act needs the password, to whoever came in without one."""
        return self._renderer.problem(request, "problem.reading", 403)

    def may_try(self, request: Request) -> bool:
        """Count one more sign-in from where a request comes from; False if there were too many."""
        return self._attempts.may(_host(request))

    def form(
        self, request: Request, status: int, key: str | None, *, to: str, look: str = "bad", **facts: object
    ) -> Response:
        """Return the form to sign in, which leads on to `to`; `key` says in words why a sign-in was refused."""
        if status != 200:
            # Never the code: a password may have been typed in its place.
            host = request.client.host if request.client else None
            _log.warning("sign_in_refused", host=host, reason=key, status=status)
        token = request.session.setdefault(_TOKEN, secrets.token_urlsafe(32))
        return self._renderer.page(
            request, "sign_in.html", status, key=key, facts=facts, look=look, token=token, to=to,
            nobody=not is_founded(self._database), folder=self._served.folder,
            issuer=None if self._served.issuer is None else urlsplit(self._served.issuer.name).netloc,
            begin=f"{BEGIN}?{urlencode({'to': to})}" if to else BEGIN, front=self.front,
        )  # fmt: skip


def create_app(served: Served, database: Database, sessions: Sessions | None = None) -> FastAPI:
    """Return the application over a database, which signs people in; the log is read on connections of its own."""
    renderer = Renderer(served.centre, served.emulated, [Path(__file__).parent / "templates"])
    doors = Doors(served, database, renderer, sessions or Sessions())
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(SIGN_IN, doors.ask, methods=["GET"], response_class=Response)
    app.add_api_route(SIGN_IN, doors.sign_in, methods=["POST"], response_class=Response)
    app.add_api_route(SIGN_OUT, doors.sign_out, methods=["POST"], response_class=Response)
    if served.issuer is not None:
        issuer = IssuerPages(served.issuer, database, doors, ALARM_READERS, https=served.https)
        app.include_router(issuer.router())
    shifts = ShiftPages(renderer, served.asking, served.folder)
    app.include_router(shifts.router(), dependencies=[Depends(doors.admit)])
    pages = AuditPages(renderer, served.asking, served.folder / FILE_NAME, days=DAY)
    app.include_router(pages.router(), dependencies=[Depends(doors.admit)])
    taking = AlarmPages(renderer, served.asking, database)
    app.include_router(taking.router(), dependencies=[Depends(doors.admit_to_alarms)])
    watch = BoardWatch(served.asking, offer_age_min=served.offer_age_min)
    board = BoardPages(
        renderer, watch, served.display_key, https=served.https, witness_silent_s=served.witness_silent_s
    )

    def admit_to_board(request: Request) -> None:
        try:
            if not board.is_display(request):
                doors.admit_to_alarms(request)
        except DisplayEndedError:
            # Somebody may have signed in where a display was.
            try:
                doors.admit_to_alarms(request)
            except NotSignedInError:
                raise DisplayEndedError from None

    app.include_router(board.router(admit_to_board))
    if served.rounds is not None:
        walking = PatrolPages(
            renderer, served.asking, database, served.rounds, doors.sign_again, emulated=served.emulated
        )
        app.include_router(walking.router(), dependencies=[Depends(doors.admit_to_patrols)])
    air = ClimatePages(renderer, served.asking)
    app.include_router(air.router(), dependencies=[Depends(doors.admit_to_alarms)])
    app.exception_handler(DisplayEndedError)(display_ended)
    app.exception_handler(NoFiguresError)(board.no_figures)
    close(app, doors, renderer, served, _COOKIE, {f"{ROUND}/": MOST_FORM_BYTES})
    return app


def close(
    app: FastAPI, doors: Doors, renderer: Renderer, served: Served, cookie: str, larger: Mapping[str, int] | None = None
) -> None:
    """Put around an application what every one has: its assets, its refusals, its sessions, the headers.

    `cookie` is its own: a browser sends a cookie to every port of a computer. `larger`: see Hardened.
    """
    app.mount("/static", StaticFiles(directory=HOME / "static"))
    app.exception_handler(NotSignedInError)(doors.turn_away)
    app.exception_handler(NotYoursError)(doors.refuse)
    app.exception_handler(ReadingOnlyError)(doors.refuse_signing)
    tell_problems(app, renderer, finish)
    app.add_middleware(
        SessionMiddleware,
        secret_key=served.cookie_key.hex(),
        session_cookie=cookie,
        max_age=LONGEST_S,
        same_site="strict",
        https_only=served.https,
    )
    app.add_middleware(Hardened, larger=larger)


def _host(request: Request) -> str:
    return request.client.host if request.client else ""


def _same(given: str, kept: str | None) -> bool:
    return kept is not None and hmac.compare_digest(given.encode(), kept.encode())


def _own(address: str) -> str:
    r"""An address of these pages to go on to; empty for anything else.

    >>> _own("/custody?number=A1"), _own("//elsewhere"), _own("/\\elsewhere"), _own("https://elsewhere")
    ('/custody?number=A1', '', '', '')
    """
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else ""
