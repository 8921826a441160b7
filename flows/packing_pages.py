"""The packing desk in a browser: three scans a piece, the offices' boxes, labels, lists; nothing of a person.

The browser keeps what was scanned and not stored yet, and sends it again under the same id.
"""

import time
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from flows import packing_paper
from flows.desk_places import Door, by_of, stale
from flows.tray_count_pages import TrayCountPages
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pages.words import Words
from stations.acceptance import counts
from stations.by import By
from stations.emulated_staff import EmulatedPacker
from stations.errors import StationError
from stations.offices import OFFICES
from stations.packing import asking, boxes, matching, shelf, showing
from stations.packing.desk import Slip
from stations.packing.errors import (
    DecidedOnShelfError,
    MatchIdError,
    MatchTakenError,
    NotOnShelfError,
    PackedElsewhereError,
    ScanIncompleteError,
    StillTakenOutError,
    TooLateToUndoMatchError,
    UnknownAskError,
    UnknownBoxError,
    UnknownLabelError,
)
from stations.packing.matching import Matched
from stations.packing.rules import ENVELOPE_FORM, ORDER_FORM, USUAL, Grouping, Tolerance
from stations.packing.showing import PackedParcel, Shown
from stations.packing.station import slip
from stations.packing.tables import MatchOutcome, Resolution
from stations.people import Role
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.errors import (
    BadCodeError,
    EmulatedStaffError,
    RelievedError,
    RoleMissingError,
    SamePersonTwiceError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.qc.pieces import pieces_of_tray
from stations.workplace import Workplace

PACKING: Final = "/packing"
MOST_CODES: Final = 8
SHOWN_S: Final = 12 * 3600
"""How far back parcels are shown: a shift."""
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    MatchTakenError: ("packing.taken", 409),
    PackedElsewhereError: ("packing.elsewhere", 409),
    UnknownBoxError: ("packing.unknown", 404),
    NotOnShelfError: ("packing.not_on_shelf", 404),
    DecidedOnShelfError: ("packing.decided", 409),
    StillTakenOutError: ("packing.taken_out", 409),
    TooLateToUndoMatchError: ("packing.too_late", 409),
    UnknownAskError: ("packing.unknown", 404),
    MatchIdError: ("packing.form", 400),
    ScanIncompleteError: ("packing.form", 400),
}
"""What the desk says to each refusal."""
REFUSED: Final = tuple(REFUSALS)
DECIDERS: Final = frozenset(shelf.DECIDERS)
NOT_SIGNED: Final = (
    SignInRefusedError,
    SignInLockedError,
    RelievedError,
    RoleMissingError,
    BadCodeError,
    EmulatedStaffError,
    SamePersonTwiceError,
)


class PackingDeskPages:
    """The packers' desk, a Place.

    `prints_here`: the line has no label printer. `eyes`: what scans for people on an EMULATED line. `tolerance`: what
    a parcel may weigh more or less.
    """

    path = PACKING
    people = frozenset({Role.PACKER})

    def __init__(
        self,
        renderer: Renderer,
        here: Workplace,
        centre: str,
        eyes: EmulatedPacker | None,
        *,
        prints_here: bool,
        tolerance: Tolerance = USUAL,
    ) -> None:
        self._renderer, self._here, self._centre = renderer, here, centre
        self._eyes, self._prints_here, self._tolerance = eyes, prints_here, tolerance
        self._counts = TrayCountPages(renderer, here, PACKING, eyes)
        self._door: Door | None = None

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        self._door = door
        router = APIRouter(prefix=PACKING, dependencies=[Depends(door.admit)])
        gets: tuple[tuple[str, Callable[..., Response]], ...] = (
            ("", self.show),
            ("/now", self.now),
            ("/label/{label}.pdf", self.label),
            ("/box/{label}.pdf", self.box_paper),
            ("/box/{label}.csv", self.box_table),
            ("/tray/{tray}.pdf", self.tray_paper),
            ("/tray/{tray}.csv", self.tray_table),
        )
        for path, page in gets:
            router.add_api_route(path, page, methods=["GET"], response_class=Response)
        for act in (self.match, self.undo, self.close, self.answer, self.release):
            router.add_api_route(f"/{act.__name__}", act, methods=["POST"], response_class=Response)
        if self._eyes is not None:
            router.add_api_route("/emulated", self.emulated, methods=["POST"], response_class=Response)
        both = APIRouter()
        both.include_router(self._counts.router(door))
        both.include_router(router)
        return both

    def left(self, by: By) -> None:
        """See Place: a tray that they count is another's; what they matched stays."""
        counts.give_up(self._here, by)

    def show(self, request: Request) -> Response:
        """Show the desk, with the tray and the parcel that its packer has in work."""
        return self._renderer.page(
            request, "packing.html", now=self._now(request), offices=_offices(request), prints_here=self._prints_here,
            emulated_eyes=self._eyes is not None, order_form=ORDER_FORM, envelope_form=ENVELOPE_FORM,
        )  # fmt: skip

    def now(self, request: Request) -> Response:
        """Show what lies at the desk now, to be laid on the page."""
        return self._renderer.page(
            request,
            "packing_now.html",
            now=self._now(request),
            offices=_offices(request),
            prints_here=self._prints_here,
        )

    def match(self, request: Request, token: str = Form(""), match: str = Form(""), codes: str = Form("")) -> Response:
        """Store what was scanned for one piece (codes with a line end after each), once, and tell what comes of it."""
        scanned = [code for code in codes.split("\n") if code][:MOST_CODES]
        return self._told(
            request, token, lambda: _matched(request, matching.match(self._here, by_of(request), match, scanned))
        )

    def undo(self, request: Request, token: str = Form(""), match: str = Form(""), undo: str = Form("")) -> Response:
        """Take one's own last match back; its piece is scanned anew."""
        words = Words(spoken(request))

        def act() -> dict[str, object]:
            serial = matching.undo(self._here, by_of(request), match, undo)
            return {"said": words("packing.undone", serial=serial)}

        return self._told(request, token, act)

    def release(
        self,
        request: Request,
        token: str = Form(""),
        release: str = Form(""),
        number: str = Form(""),
        resolution: str = Form(""),
        password: str = Form(""),
        second: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Have two people, who both sign in at this moment, decide of what lies on the hold shelf."""
        if (old := stale(request, token, "packing.stale")) is not None:
            return old
        door, words = self._door, Words(spoken(request))
        if door is None or resolution not in tuple(Resolution):
            raise HTTPException(404)
        try:
            with self._here.database.read() as conn:
                shelf.check(conn, self._here.station, number, Resolution(resolution))
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return JSONResponse({"refused": key, "said": words(key)}, status)
        try:
            one = door.again(request, password, DECIDERS)
        except NOT_SIGNED:
            return JSONResponse({"refused": "qc.first_refused", "said": words("qc.first_refused")}, 403)
        try:
            other = door.second(request, Credentials(second.strip(), second_password), DECIDERS)
        except NOT_SIGNED as error:
            key = {SamePersonTwiceError: "qc.same_person", RoleMissingError: "packing.second_role"}.get(
                type(error), "qc.second_refused"
            )
            return JSONResponse({"refused": key, "said": words(key)}, 403)
        by = TwoSigned(one.code, other.code, one.sign_in, other.sign_in)

        def act() -> dict[str, object]:
            return {"news": shelf.decide(self._here, by, release, number, Resolution(resolution))}

        return self._told(request, token, act)

    def close(self, request: Request, token: str = Form(""), box: str = Form("")) -> Response:
        """Close an office's box."""
        return self._told(request, token, lambda: {"news": boxes.close(self._here, by_of(request), box)})

    def answer(self, request: Request, token: str = Form(""), ask: str = Form(""), answer: str = Form("")) -> Response:
        """Store what was answered to a question of the run."""

        def act() -> dict[str, object]:
            if answer not in ("yes", "no"):
                raise UnknownAskError(ask)
            return {"news": asking.answer(self._here, by_of(request), ask, yes=answer == "yes")}

        return self._told(request, token, act)

    def emulated(self, request: Request, token: str = Form(""), codes: str = Form("")) -> Response:
        """Have the EMULATED scanner read the next code of what lies there."""
        held = [code for code in codes.split("\n") if code][:MOST_CODES]
        return self._told(request, token, lambda: {"code": self._next_code(request, held)})

    def label(self, label: str) -> Response:
        """A parcel's label, where the line has no printer; while the parcel is packing's."""
        parcel = self._parcel(label)
        if not self._prints_here or parcel.gone or parcel.aside:
            raise HTTPException(404)
        return _pdf(packing_paper.label_paper(parcel, emulated=self._here.emulated), f"label-{parcel.label}.pdf")

    def box_paper(self, label: str) -> Response:
        """The list of an office's box."""
        paper = packing_paper.box_paper(self._box(label), self._centre, emulated=self._here.emulated)
        return _pdf(paper, f"box-{label}.pdf")

    def box_table(self, request: Request, label: str) -> Response:
        """The list of an office's box as a table."""
        return _csv(packing_paper.box_table(self._box(label), spoken(request).value), f"box-{label}.csv")

    def tray_paper(self, tray: str) -> Response:
        """The list of a tray of parcels."""
        paper = packing_paper.tray_paper(self._tray(tray), self._centre, emulated=self._here.emulated)
        return _pdf(paper, f"tray-{tray}.pdf")

    def tray_table(self, request: Request, tray: str) -> Response:
        """The list of a tray of parcels as a table."""
        return _csv(packing_paper.tray_table(self._tray(tray), spoken(request).value), f"tray-{tray}.csv")

    def _now(self, request: Request) -> Shown:
        since_us = time.time_ns() // 1_000 - SHOWN_S * 1_000_000
        with self._here.database.read() as conn:
            return showing.shown(conn, self._here.station, since_us, by_of(request).code, self._tolerance)

    def _parcel(self, label: str) -> PackedParcel:
        try:
            with self._here.database.read() as conn:
                return showing.of_label(conn, self._here.station, label, self._tolerance)
        except UnknownLabelError:
            raise HTTPException(404) from None

    def _box(self, label: str) -> PackedParcel:
        parcel = self._parcel(label)
        if parcel.grouping is not Grouping.OFFICE:
            raise HTTPException(404)
        return parcel

    def _tray(self, tray: str) -> list[PackedParcel]:
        try:
            with self._here.database.read() as conn:
                return showing.of_tray(conn, self._here.station, tray, self._tolerance)
        except UnknownLabelError:
            raise HTTPException(404) from None

    def _next_code(self, request: Request, held: list[str]) -> str | None:
        now = self._now(request)
        with self._here.database.read() as conn:
            waiting: list[Slip] = []
            for tray in now.trays:
                undecided = showing.undecided(conn, self._here.station, tray.tray)
                found = pieces_of_tray(conn, self._here.station, tray.tray)
                waiting += [slip(piece) for piece in found if piece.unit_id in undecided]
        out = [each.serial for each in now.take_out]
        return self._eyes.next_code(held, waiting, out) if self._eyes else None

    def _told(self, request: Request, token: str, act: Callable[[], dict[str, object]]) -> Response:
        """Do what the page's script asks and tell what became of it."""
        words = Words(spoken(request))
        if (old := stale(request, token, "packing.stale")) is not None:
            return old
        try:
            return JSONResponse(act())
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return JSONResponse({"said": words(key)}, status)


def _offices(request: Request) -> dict[str, str]:
    """What each office is called in the language of the page."""
    chinese = spoken(request) is Language.CHINESE
    return {code: office.chinese if chinese else code.capitalize() for code, office in OFFICES.items()}


def _matched(request: Request, found: Matched) -> dict[str, object]:
    """What the desk shows of a match: good or not, where the piece goes, and why it stops."""
    words, offices = Words(spoken(request)), _offices(request)
    told: dict[str, object] = {"outcome": found.outcome.value, "serial": found.serial, "news": found.news}
    if found.outcome is MatchOutcome.MATCHED:
        if found.office is not None:
            goes = words("packing.into_box", office=offices.get(found.office, found.office))
            more = words("packing.boxed", count=found.boxed)
        else:
            goes = words("packing.into_envelope")
            more = words("packing.paid", cny=found.postage_cny) if found.postage_cny else words("packing.free")
        green = words("packing.green") if found.green else ""
        return told | {"head": goes, "more": more, "green": green}
    if found.part is not None and found.why is not None:
        head = words("packing.odd", part=words.term("packing_part", found.part))
        why = words.term("packing_why", found.why)
    else:
        head, why = words.term("packing_head", found.outcome), words.term("packing_why", found.outcome)
    then = "packing.then.quarantine" if found.outcome is MatchOutcome.STOPPED else "packing.then.hold"
    return told | {"head": head, "more": why, "then": words(then if found.aside else "packing.then.lead")}


def _pdf(content: bytes, name: str) -> Response:
    return Response(content, 200, {"Content-Disposition": f'inline; filename="{name}"'}, "application/pdf")


def _csv(content: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content.encode(), 200, headers, "text/csv; charset=utf-8")
