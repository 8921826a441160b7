"""The desks' web application: sign-in, the review desk, the lead's rates, and whether it is alive."""

from pathlib import Path
from typing import ClassVar, Final

import structlog
from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from flows.app import SIGN_IN, SIGN_OUT, Doors, Served, close
from flows.review_pages import RATES, REVIEW, ReviewPages
from flows.sessions import Sessions
from handoff_logs.errors import HandoffLogError
from handoff_logs.pages.rendering import Renderer
from stations.errors import StationError
from stations.people import Role
from stations.review import leases
from stations.review.leases import By
from stations.review.rules import Thresholds
from stations.workplace import Workplace

HEALTH: Final = "/healthz"
REVIEWERS: Final = frozenset({Role.REVIEWER})
LEADS: Final = frozenset({Role.LEAD})
_COOKIE: Final = "passline_desk"
_log = structlog.get_logger()


class DeskDoors(Doors):
    """Who comes in here: reviewers to their desk, leads to the page of rates."""

    entrants: ClassVar[frozenset[Role]] = REVIEWERS | LEADS

    def __init__(self, here: Workplace, served: Served, renderer: Renderer, sessions: Sessions) -> None:
        super().__init__(served, here.database, renderer, sessions)
        self._here = here

    def places(self, roles: frozenset[str]) -> tuple[str, ...]:
        """See Doors."""
        own = ((REVIEW, REVIEWERS), (RATES, LEADS))
        return tuple(place.removeprefix("/") for place, its in own if not its.isdisjoint(roles))

    def first_page(self, roles: frozenset[str]) -> str:
        """See Doors."""
        return RATES if REVIEWERS.isdisjoint(roles) else REVIEW

    def admit_reviewers(self, request: Request) -> None:
        """Let a reviewer pass. Raises NotSignedInError, NotYoursError."""
        self._admit(request, REVIEWERS)

    def admit_leads(self, request: Request) -> None:
        """Let a lead pass. Raises NotSignedInError, NotYoursError."""
        self._admit(request, LEADS)

    def left(self, code: str) -> None:
        """Give what they held to others at once."""
        try:
            leases.give_up(self._here, By(code))
        except (StationError, HandoffLogError) as error:
            # It lapses by itself.
            _log.warning("leases_not_given_up", error=type(error).__name__)


def create_desk(
    served: Served, here: Workplace, sessions: Sessions | None = None, thresholds: Thresholds | None = None
) -> FastAPI:
    """Return the application over the review station's workplace."""
    renderer = Renderer(served.centre, served.emulated, [Path(__file__).parent / "templates"])
    doors = DeskDoors(here, served, renderer, sessions or Sessions())
    pages = ReviewPages(renderer, served.asking, here, thresholds or Thresholds())
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(SIGN_IN, doors.ask, methods=["GET"], response_class=Response)
    app.add_api_route(SIGN_IN, doors.sign_in, methods=["POST"], response_class=Response)
    app.add_api_route(SIGN_OUT, doors.sign_out, methods=["POST"], response_class=Response)
    app.add_api_route("/", lambda: RedirectResponse(REVIEW, 303), methods=["GET"], response_class=Response)
    app.add_api_route(HEALTH, lambda: _alive(here), methods=["GET"], response_class=Response)
    app.include_router(pages.desk(doors.admit_reviewers))
    app.include_router(pages.lead(doors.admit_leads))
    close(app, doors, renderer, served, _COOKIE)
    return app


def _alive(here: Workplace) -> Response:
    """Say whether the database answers; nothing else, to anybody."""
    with here.database.read() as conn:
        leases.held(conn, "")
    return PlainTextResponse("ok\n")
