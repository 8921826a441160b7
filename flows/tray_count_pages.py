"""Counting the next tray at a desk: it is scanned blind, piece by piece, and the line accepts it by what was found.

Every desk that accepts trays shows the same pages, under its own address. Nothing says what is expected.
"""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from flows.desk_places import Door, by_of, same
from handoff_logs.pages.languages import spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pages.words import Words
from stations.acceptance import counts
from stations.acceptance.counts import Count
from stations.acceptance.errors import (
    CountOverError,
    CountTakenError,
    EmptyCountError,
    NothingOfferedError,
    ScanRefusedError,
)
from stations.by import By
from stations.errors import StationError
from stations.trays import TrayScanner, tray_place
from stations.workplace import Workplace

COUNT: Final = "count"
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    CountOverError: ("count.over", 409),
    CountTakenError: ("count.taken", 409),
    EmptyCountError: ("count.empty", 409),
    ScanRefusedError: ("count.scan", 400),
    NothingOfferedError: ("count.none", 409),
}
"""What the pages say to each refusal."""
REFUSED: Final = tuple(REFUSALS)


class TrayCountPages:
    """The pages of one desk, at `desk` (`/qc`); `eyes`: what scans for people on an EMULATED line."""

    def __init__(self, renderer: Renderer, here: Workplace, desk: str, eyes: TrayScanner | None) -> None:
        self._renderer, self._here, self._desk, self._eyes = renderer, here, desk, eyes

    def router(self, door: Door) -> APIRouter:
        """Return the routes, all behind the desk's door."""
        router = APIRouter(prefix=f"{self._desk}/{COUNT}", dependencies=[Depends(door.admit)])
        router.add_api_route("", self.show, methods=["GET"], response_class=Response)
        for act in (self.begin, self.scan, self.close, self.anew):
            router.add_api_route(f"/{act.__name__}", act, methods=["POST"], response_class=Response)
        if self._eyes is not None:
            router.add_api_route("/emulated", self.emulated, methods=["POST"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """Give the tray that somebody was counting to others."""
        counts.give_up(self._here, by)

    def show(self, request: Request) -> Response:
        """Show the tray that is being counted, or that one can be asked for."""
        return self._page(request, 200, None)

    def begin(self, request: Request, token: str = Form("")) -> Response:
        """Begin the count of the tray that is next in turn; nobody chooses which."""
        return self._done(request, token, lambda: self._begin(request))

    def scan(self, request: Request, token: str = Form(""), count: str = Form(""), number: str = Form("")) -> Response:
        """Store one scan; what the page's script sends is answered in JSON."""
        asked_by_script = request.headers.get("accept", "").startswith("application/json")
        if not asked_by_script:
            return self._done(request, token, lambda: self._scan(request, count, number), number)
        words = Words(spoken(request))
        if not same(request, token):
            return JSONResponse({"said": words("count.stale")}, 403)
        try:
            counted = self._scan(request, count, number)
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return JSONResponse({"said": words(key)}, status)
        return JSONResponse({"scanned": list(counted.scanned)})

    def close(self, request: Request, token: str = Form(""), count: str = Form(""), empty: str = Form("")) -> Response:
        """End the count: that was all. Where nothing was scanned it is asked whether the tray is `empty`."""

        def end() -> None:
            counts.close(self._here, by_of(request), count, empty=empty == "yes")

        return self._done(request, token, end, to=self._desk)

    def anew(self, request: Request, token: str = Form("")) -> Response:
        """Forget what was scanned, and count the most urgent tray from the beginning."""

        def again() -> None:
            counts.give_up(self._here, by_of(request))
            self._begin(request)

        return self._done(request, token, again)

    def emulated(self, request: Request, token: str = Form(""), count: str = Form("")) -> Response:
        """Have the EMULATED scanner read everything that lies in the tray."""

        def read() -> None:
            mine = self._mine(request)
            if mine is None or self._eyes is None:
                raise CountOverError(count)
            for number in self._eyes.scan(tray_place(mine.tray)):
                self._scan(request, count, number)

        return self._done(request, token, read)

    def _begin(self, request: Request) -> None:
        if counts.begin(self._here, by_of(request)) is None:
            raise NothingOfferedError(self._here.station)

    def _mine(self, request: Request) -> Count | None:
        with self._here.database.read() as conn:
            return counts.current(conn, by_of(request))

    def _scan(self, request: Request, count: str, number: str) -> Count:
        return counts.scan(self._here, by_of(request), count, number)

    def _done(
        self, request: Request, token: str, act: Callable[[], object], typed: str = "", to: str | None = None
    ) -> Response:
        """Do what a form asks and show what became of it; what was refused keeps what was typed."""
        if not same(request, token):
            return self._page(request, 403, "count.stale", typed)
        try:
            act()
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return self._page(request, status, key, typed)
        return RedirectResponse(to or f"{self._desk}/{COUNT}", 303)

    def _page(self, request: Request, status: int, key: str | None, typed: str = "") -> Response:
        count = self._mine(request)
        if count is not None and count.station != self._here.station:
            # Somebody of two stations: what they have in hand comes first.
            return RedirectResponse(f"/{count.station}/{COUNT}", 303)
        return self._renderer.page(
            request, "tray_count.html", status, key=key, typed=typed, count=count, at=f"{self._desk}/{COUNT}",
            desk=self._desk, emulated_eyes=self._eyes is not None,
        )  # fmt: skip
