"""The desks' web application: sign-in, the desks of the stations' people, and whether it is alive."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from flows.app import SIGN_IN, SIGN_OUT, Doors, Served, close
from flows.desk_places import Door, LargeForms, Place
from flows.sessions import Sessions
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.pages.rendering import Renderer
from handoff_logs.statements import Statement
from stations.by import By
from stations.errors import StationError
from stations.people import Role
from stations.people_register import rules
from stations.people_register.credentials import Credentials, SignedIn

HEALTH: Final = "/healthz"
_COOKIE: Final = "passline_desk"
_ANSWERS: Final = Statement("SELECT 1")
_log = structlog.get_logger()


class DeskDoors(Doors):
    """Who comes in here: the people of each place, to theirs."""

    front: str = "desks"

    def __init__(
        self, served: Served, database: Database, renderer: Renderer, sessions: Sessions, places: Sequence[Place]
    ) -> None:
        super().__init__(served, database, renderer, sessions)
        self._places = places
        self.entrants = frozenset[Role]().union(*(place.people for place in places))

    def places(self, roles: frozenset[str]) -> tuple[str, ...]:
        """See Doors."""
        return tuple(place.path.removeprefix("/") for place in self._places if not place.people.isdisjoint(roles))

    def first_page(self, roles: frozenset[str]) -> str:
        """See Doors."""
        return f"/{self.places(roles)[0]}"

    def home(self, request: Request) -> Response:
        """Lead whoever has signed in to their first place. Raises NotSignedInError."""
        self._admit(request, self.entrants)
        signed: SignedIn = request.state.signed
        return RedirectResponse(self.first_page(signed.roles), 303)

    def door(self, place: Place) -> Door:
        """The door of one place."""

        def admit(request: Request) -> None:
            self._admit(request, place.people)

        return Door(admit, self.sign_again, self.second)

    def second(self, request: Request, who: Credentials, roles: frozenset[Role]) -> SignedIn:
        """Sign another person in at this moment, as often as signing in is allowed; see Door."""
        signed: SignedIn = request.state.signed
        rules.check_two(signed.code, who.code)
        return self.sign_now(request, who, roles)

    def left(self, code: str) -> None:
        """Give what they held to others at once."""
        for place in self._places:
            try:
                place.left(By(code))
            except (StationError, HandoffLogError) as error:
                # It lapses by itself.
                _log.warning("not_given_up", place=place.path, error=type(error).__name__)


def create_desk(
    served: Served,
    database: Database,
    places: Callable[[Renderer], Sequence[Place]],
    sessions: Sessions | None = None,
) -> FastAPI:
    """Return the application over a line's database, with the places that `places` makes."""
    renderer = Renderer(served.centre, served.emulated, [Path(__file__).parent / "templates"])
    made = places(renderer)
    doors = DeskDoors(served, database, renderer, sessions or Sessions(), made)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(SIGN_IN, doors.ask, methods=["GET"], response_class=Response)
    app.add_api_route(SIGN_IN, doors.sign_in, methods=["POST"], response_class=Response)
    app.add_api_route(SIGN_OUT, doors.sign_out, methods=["POST"], response_class=Response)
    app.add_api_route("/", doors.home, methods=["GET"], response_class=Response)
    app.add_api_route(HEALTH, lambda: _alive(database), methods=["GET"], response_class=Response)
    for place in made:
        app.include_router(place.router(doors.door(place)))
    larger = {
        path: most for place in made if isinstance(place, LargeForms) for path, most in place.longest_forms.items()
    }
    close(app, doors, renderer, served, _COOKIE, larger)
    return app


def _alive(database: Database) -> Response:
    """Say whether the database answers; nothing else, to anybody."""
    with database.read() as conn:
        _ANSWERS.run(conn)
    return PlainTextResponse("ok\n")
