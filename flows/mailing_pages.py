"""The mailing desk in a browser: parcels on the scale, the door, manifests, what carriers say and what comes back.

The desk stores what people weighed, counted and signed; the run, which has the keys, books it.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from flows.desk_places import Door, by_of, same
from flows.mailing_act_pages import ActPages
from flows.manifest_paper import manifest_paper, manifest_table
from flows.tray_count_pages import TrayCountPages
from handoff_logs.asking import Asking
from handoff_logs.pages.languages import spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.records import new_id
from stations.by import By
from stations.errors import StationError
from stations.mailing import manifests, own_scale, weighings
from stations.mailing.desk import MailingDesk as EmulatedEyes
from stations.mailing.errors import (
    BadDeskIdError,
    DeskIdTakenError,
    NotInTrayError,
    ParcelStoppedError,
    ScaleWeighsError,
    UnknownAskError,
    UnknownLabelError,
    UnknownManifestError,
    WeighedBeforeError,
    WeightRefusedError,
)
from stations.mailing.rules import Weight
from stations.packing.rules import USUAL, Tolerance
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.workplace import Workplace

MAILING: Final = "/mailing"
LATEST: Final = 12
MOST_MANIFESTS: Final = 200
DAYS_US: Final = 7 * 86_400_000_000
LONGEST_COUNT: Final = 128 * 1024
"""Bytes of a form with labels: some five thousand of them."""
LONGEST_FILE: Final = 16 * 1024 * 1024
"""Bytes of a carrier's file with its form: some hundred thousand events. A larger one is loaded by the command."""
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    BadDeskIdError: ("mailing.stale", 400),
    DeskIdTakenError: ("mailing.stale", 409),
    WeightRefusedError: ("mailing.no_weight", 400),
    UnknownLabelError: ("mailing.unknown", 404),
    NotInTrayError: ("mailing.elsewhere", 409),
    ParcelStoppedError: ("mailing.stopped", 409),
    WeighedBeforeError: ("mailing.before", 409),
    ScaleWeighsError: ("mailing.scale.not_typed", 409),
    UnknownAskError: ("mailing.stale", 409),
}
"""What the scale says to each refusal."""
REFUSED: Final = tuple(REFUSALS)


class MailingDesk:
    """The mailers' place.

    `eyes`: what scans and weighs for people on an EMULATED line. `tolerance`: what a parcel may weigh more or less.
    `scale`: the desk's own, which the run asks.
    """

    path = MAILING
    people = frozenset({Role.MAILER, Role.LEAD})
    longest_forms: Mapping[str, int] = {
        f"{MAILING}/deliveries": LONGEST_FILE,
        f"{MAILING}/door": LONGEST_COUNT,
        f"{MAILING}/returns": LONGEST_COUNT,
        f"{MAILING}/retake": LONGEST_COUNT,
    }

    def __init__(
        self,
        renderer: Renderer,
        asking: Asking,
        here: Workplace,
        centre: str,
        eyes: EmulatedEyes | None,
        tolerance: Tolerance = USUAL,
        scale: str | None = None,
    ) -> None:
        self._tolerance, self._scale = tolerance, scale
        self._renderer, self._asking, self._here, self._centre, self._eyes = renderer, asking, here, centre, eyes
        self._counting = TrayCountPages(renderer, here, MAILING, eyes)
        self._acts = ActPages(renderer, asking, here, eyes)

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        router = APIRouter()
        pages = APIRouter(prefix=MAILING, dependencies=[Depends(door.admit)])
        pages.add_api_route("", self.show, methods=["GET"], response_class=Response)
        pages.add_api_route("/weigh", self.weigh, methods=["POST"], response_class=Response)
        pages.add_api_route("/scale", self.show_asked, methods=["GET"], response_class=Response)
        pages.add_api_route("/scale", self.ask, methods=["POST"], response_class=Response)
        pages.add_api_route("/manifests", self.manifests, methods=["GET"], response_class=Response)
        pages.add_api_route("/manifests/print", self.print, methods=["POST"], response_class=Response)
        if self._eyes is not None:
            pages.add_api_route("/emulated", self.emulated, methods=["POST"], response_class=Response)
        router.include_router(pages)
        router.include_router(self._acts.router(MAILING, door))
        router.include_router(self._counting.router(door))
        return router

    def left(self, by: By) -> None:
        """Give the tray that they were counting to others."""
        self._counting.left(by)

    def show(self, request: Request) -> Response:
        """Show the scale: what lies in the trays, and what was weighed last."""
        return self._page(request)

    def weigh(
        self,
        request: Request,
        token: str = Form(""),
        weighing: str = Form(""),
        label: str = Form(""),
        grams: str = Form(""),
        ask: str = Form(""),
    ) -> Response:
        """Store what the scale showed for a parcel, or told of it under `ask`; one that differs fills the page."""
        label, typed = label.strip(), {"label": label.strip(), "grams": grams.strip()}
        if not same(request, token):
            return self._page(request, 403, "mailing.stale", typed=typed)
        try:
            by = by_of(request)
            if ask:
                seen = weighings.confirm(self._here, by, weighing, ask, self._tolerance)
                label = seen.label
            else:
                typed_g = number(grams)
                seen = weighings.weigh(self._here, by, weighing, label, typed_g, self._tolerance, self._scale)
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            if isinstance(error, ParcelStoppedError):
                return self._reason(request, status, key, label=label)
            facts = {"mailer": error.mailer, "grams": error.grams} if isinstance(error, WeighedBeforeError) else {}
            return self._page(request, status, key, typed=typed, label=label, **facts)
        if seen.weight is Weight.SOUND:
            return RedirectResponse(MAILING, 303)
        key = "mailing.again" if seen.weight is Weight.AGAIN else "mailing.aside"
        counted = "" if seen.counted is None else str(seen.counted)
        return self._reason(
            request, 200, key, label=label, grams=seen.grams, expected=seen.expected_g, documents=seen.documents,
            counted=counted,
        )  # fmt: skip

    def ask(self, request: Request, token: str = Form(""), ask: str = Form(""), label: str = Form("")) -> Response:
        """Ask the desk's own scale for the weight of the parcel that lies on it."""
        label = label.strip()
        if not same(request, token) or self._scale is None:
            return self._page(request, 403, "mailing.stale", typed={"label": label})
        try:
            own_scale.ask(self._here, by_of(request), ask, label, self._scale)
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return self._page(request, status, key, typed={"label": label}, label=label)
        return RedirectResponse(f"{MAILING}/scale?ask={ask}", 303)

    def show_asked(self, request: Request, ask: str = "") -> Response:
        """Show what was asked of the scale, and the weight as soon as it is told, to be confirmed."""
        try:
            with self._here.database.read() as conn:
                asked = own_scale.asked(conn, ask)
        except UnknownAskError:
            raise HTTPException(404) from None
        return self._renderer.page(
            request, "mailing_scale.html", 200, key=None, facts={}, asked=asked, scale=self._scale or "",
            weighing=new_id(), new_ask=new_id(), here="weigh",
        )  # fmt: skip

    def emulated(self, request: Request, token: str = Form(""), again: str = Form("")) -> Response:
        """Have the EMULATED scanner and scale read the next parcel of the trays, or `again` the one that is on it."""
        if not same(request, token) or self._eyes is None:
            return self._page(request, 403, "mailing.stale")
        label = again.strip() or self._next()
        typed = {} if label is None else {"label": label}
        if label is not None and self._scale is None:
            typed["grams"] = str(self._eyes.weigh(label))
        return self._page(request, 200, None if typed else "mailing.nothing", typed=typed)

    def manifests(self, request: Request) -> Response:
        """List the latest manifests, to be printed."""
        return self._manifests(request)

    def print(
        self, request: Request, token: str = Form(""), manifest: str = Form(""), form: str = Form("")
    ) -> Response:
        """Give a manifest as an A4 paper or as a table; who printed it is recorded, and a second print says so."""
        if not same(request, token):
            return self._manifests(request, 403, "mailing.stale")
        if form not in ("pdf", "csv"):
            raise HTTPException(404)
        try:
            before = manifests.record_print(self._here, by_of(request), manifest)
            with self._asking.lend() as reading:
                found = manifests.manifest(reading, manifest)
        except UnknownManifestError:
            raise HTTPException(404) from None
        if form == "pdf":
            content, kind = manifest_paper(found, self._centre, before), "application/pdf"
        else:
            content, kind = manifest_table(found, spoken(request).value).encode(), "text/csv; charset=utf-8"
        named = f'attachment; filename="manifest-{found.consignment_id}.{form}"'
        return Response(content, media_type=kind, headers={"Content-Disposition": named})

    def _next(self) -> str | None:
        """The label of the next parcel in the accepted trays that waits for the scale."""
        with self._here.database.read() as conn:
            once = weighings.seen_once(conn, self._tolerance)
            return weighings.next_unweighed(conn) or (once[0] if once else None)

    def _page(
        self, request: Request, status: int = 200, key: str | None = None, *, typed: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:  # fmt: skip
        signed: SignedIn = request.state.signed
        with self._asking.lend() as reading:
            trays = reading.rows(weighings.PROGRESS)
            latest = reading.rows(weighings.LATEST, mailer=signed.code, most=LATEST)
            refused = reading.rows(weighings.REFUSED_TRAYS)
        with self._here.database.read() as conn:
            once = weighings.seen_once(conn, self._tolerance)
        return self._renderer.page(
            request, "mailing.html", status, key=key, facts=facts, typed=defaultdict(str, typed or {}), trays=trays,
            latest=latest, refused=refused, once=once, weighing=new_id(), here="weigh",
            weighs=Role.MAILER in signed.roles, scale=self._scale, eyes=self._eyes is not None,
        )  # fmt: skip

    def _reason(self, request: Request, status: int, key: str, **facts: object) -> Response:
        return self._renderer.page(
            request, "mailing_reason.html", status, key=key, facts=facts, here="weigh", eyes=self._eyes is not None
        )

    def _manifests(self, request: Request, status: int = 200, key: str | None = None) -> Response:
        with self._here.database.read() as conn:
            now_us = self._here.database.clock_us(conn)
        with self._asking.lend() as reading:
            rows = reading.rows(manifests.LISTED, since_us=now_us - DAYS_US, most=MOST_MANIFESTS)
        return self._renderer.page(
            request, "mailing_manifests.html", status, key=key, rows=rows, here="manifests", facts={}
        )


def number(word: str) -> int:
    """A weight as it was typed or sent by a scale, in grams; 0 for what is none.

    >>> number(" 52 "), number("52 g"), number("-3"), number("five")
    (52, 52, 0, 0)
    """
    digits = word.strip().removesuffix("g").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 8 else 0
