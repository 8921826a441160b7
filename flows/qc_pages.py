"""The QC desk in a browser: a piece is scanned, seen beside its order, passed or failed, and voided by two.

What is shown is shown to whoever has the piece in hand, and each look is recorded. Nothing of a piece is kept in the
browser, and nothing says who reviewed its application.
"""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from flows.desk_places import Door, by_of, stale
from flows.tray_count_pages import TrayCountPages
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pages.words import Words
from stations.acceptance import counts
from stations.by import By
from stations.emulated_staff import EmulatedInspector
from stations.errors import ApplicationStoppedError, SealBrokenError, StationError
from stations.people import Role
from stations.people_register.credentials import Credentials, SignedIn, TwoSigned
from stations.people_register.errors import (
    BadCodeError,
    EmulatedStaffError,
    RelievedError,
    RoleMissingError,
    SamePersonTwiceError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.qc import in_hand, inspecting, overview, viewing
from stations.qc.errors import (
    ActedAtOnceError,
    CodesRefusedError,
    InspectionBookedError,
    InspectionIdError,
    InspectionTakenError,
    NotInHandError,
    PieceDecidedError,
    PieceInOtherHandsError,
    PieceNotHereError,
    PieceNotReadError,
    PieceOfAnotherError,
    PieceStoppedError,
    ReaderBarsPassError,
    ReadOftenError,
    UnknownInspectionError,
)
from stations.qc.in_hand import Hold
from stations.qc.items import ITEM_OF, Group, InspectionItem, codes_of, first_doubts_first
from stations.qc.rules import DEFECTS, READERS_ALONE
from stations.trays import tray_place
from stations.workplace import Workplace

QC: Final = "/qc"
INSPECTORS: Final = frozenset({Role.INSPECTOR})
SECONDS: Final = frozenset({Role.INSPECTOR, Role.LEAD})
"""Who may be the second hand of a void."""
LONGEST_SERIAL: Final = 40
ACTS: Final = ("pass", "fail", "back", "again", "undo", "void", "keys")
"""What has a key of its own at the desk, which each person may change."""
MOST_CODES: Final = len(DEFECTS)
CODE_KEYS: Final = dict(zip(ITEM_OF, "abcdefghijklmnopqrstuvwxyz", strict=False))
"""The usual key of each defect code, after the one that fails a piece: in the order in which a sound piece has them."""
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    PieceNotHereError: ("qc.not_here", 404),
    PieceNotReadError: ("qc.not_read", 409),
    PieceStoppedError: ("qc.stopped", 409),
    ApplicationStoppedError: ("qc.stopped", 409),
    PieceOfAnotherError: ("qc.of_another", 409),
    PieceInOtherHandsError: ("qc.other_hands", 409),
    PieceDecidedError: ("qc.decided", 409),
    NotInHandError: ("qc.not_in_hand", 404),
    ReaderBarsPassError: ("qc.barred", 409),
    ReadOftenError: ("qc.read_often", 409),
    InspectionTakenError: ("qc.taken", 409),
    InspectionBookedError: ("qc.booked", 409),
    UnknownInspectionError: ("qc.unknown", 404),
    ActedAtOnceError: ("qc.at_once", 409),
    InspectionIdError: ("qc.form", 400),
    CodesRefusedError: ("qc.form", 400),
}
"""What the desk says to each refusal."""
REFUSED: Final = tuple(REFUSALS)
NOT_SIGNED: Final = (
    SignInRefusedError,
    SignInLockedError,
    RelievedError,
    RoleMissingError,
    BadCodeError,
    EmulatedStaffError,
    SamePersonTwiceError,
)


@dataclass(frozen=True, slots=True)
class Code:
    """A defect code as a desk shows it: its words, its key, whether the reader suspects it."""

    code: str
    key: str
    words: str
    suspected: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One inspection item as a desk shows it."""

    item: InspectionItem
    question: str
    codes: tuple[Code, ...]

    @property
    def suspected(self) -> bool:
        """Whether the reader suspects something of it."""
        return any(code.suspected for code in self.codes)


class QcDesk:
    """The desk, a Place. `eyes`: EMULATED staff's, which scan and see what is printed; None on a real line."""

    path = QC
    people = INSPECTORS

    def __init__(self, renderer: Renderer, here: Workplace, eyes: EmulatedInspector | None) -> None:
        self._renderer, self._here, self._eyes = renderer, here, eyes
        self._counting = TrayCountPages(renderer, here, QC, eyes)
        self._door: Door | None = None

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        self._door = door
        router = APIRouter()
        desk = APIRouter(prefix=QC, dependencies=[Depends(door.admit)])
        desk.add_api_route("", self.show, methods=["GET"], response_class=Response)
        desk.add_api_route("/overview", self.overview, methods=["GET"], response_class=Response)
        desk.add_api_route("/piece/{hold}", self.piece, methods=["GET"], response_class=Response)
        desk.add_api_route("/portrait/{hold}", self.portrait, methods=["GET"], response_class=Response)
        for act in (self.scan, self.decide, self.undo, self.back, self.again, self.void):
            desk.add_api_route(f"/{act.__name__}", act, methods=["POST"], response_class=Response)
        if self._eyes is not None:
            desk.add_api_route("/printed/{hold}", self.printed, methods=["GET"], response_class=Response)
            desk.add_api_route("/emulated", self.emulated, methods=["POST"], response_class=Response)
        router.include_router(desk)
        router.include_router(self._counting.router(door))
        return router

    def left(self, by: By) -> None:
        """See Place."""
        in_hand.put_back(self._here, by)
        counts.give_up(self._here, by)

    def show(self, request: Request) -> Response:
        """Show the desk, on which the browser lays one piece after another."""
        return self._renderer.page(
            request, "qc.html", emulated_eyes=self._eyes is not None, acts=ACTS, code_keys=CODE_KEYS,
            defects=_defects(request),
        )  # fmt: skip

    def overview(self, request: Request) -> Response:
        """Show what waits at QC, what is in hand, and what can be undone."""
        by = by_of(request)
        with self._here.database.read() as conn:
            trays = overview.trays(conn, self._here)
            held, last = in_hand.held(conn, by.code), inspecting.undoable(conn, by.code)
            coming = counts.on_its_way(conn, self._here.station)
        return self._renderer.page(
            request, "qc_overview.html", trays=trays, coming=coming, held=held, last=last, defects=_defects(request)
        )

    def piece(self, request: Request, hold: str) -> Response:
        """Show the piece that its reader has in hand beside its order, to be laid on the desk."""
        try:
            shown = viewing.facts(self._here, by_of(request), hold)
        except (NotInHandError, ActedAtOnceError, SealBrokenError):
            raise HTTPException(404) from None
        lines = _lines(request, shown.codes)
        groups = {group: [line for line in lines if line.item.group is group] for group in Group}
        # Where something is suspected is looked at first.
        first = sorted(groups, key=lambda group: not any(line.suspected for line in groups[group]))
        return self._renderer.page(
            request, "qc_piece.html", hold=hold, shown=shown, groups={group: groups[group] for group in first},
            barred=not READERS_ALONE.isdisjoint(shown.codes), suspected=[line for line in lines if line.suspected],
            printed=self._eyes is not None,
        )  # fmt: skip

    def portrait(self, request: Request, hold: str) -> Response:
        """Show the order's photo to whoever has the piece in hand."""
        try:
            found = viewing.portrait(self._here, by_of(request), hold)
        except (NotInHandError, ActedAtOnceError, SealBrokenError):
            raise HTTPException(404) from None
        return Response(found.image, media_type=found.media_type)

    def printed(self, request: Request, hold: str) -> Response:
        """Show the portrait that is printed on the EMULATED piece in hand."""
        try:
            serial = viewing.in_hand_to_look_at(self._here, by_of(request), hold)
        except (NotInHandError, ActedAtOnceError):
            raise HTTPException(404) from None
        seen = None if self._eyes is None else self._eyes.portrait(serial)
        if not seen:
            raise HTTPException(404)
        return Response(seen, media_type="image/jpeg")

    def scan(self, request: Request, token: str = Form(""), serial: str = Form("")) -> Response:
        """Take the piece with this serial in hand; the hold, or why it can't be held."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        serial = serial.strip().upper()
        try:
            if not 0 < len(serial) <= LONGEST_SERIAL or not serial.isalnum():
                raise PieceNotHereError(serial)
            held = in_hand.take(self._here, by_of(request), serial)
        except REFUSED as error:
            return _refused(request, error)
        return _told(held)

    def emulated(self, request: Request, token: str = Form("")) -> Response:
        """Have the EMULATED scanner read the next piece that lies in a tray here; its serial."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        with self._here.database.read() as conn:
            waiting = overview.next_to_take(conn, self._here, by_of(request))
        for tray, serial in waiting:
            if self._eyes is not None and serial in self._eyes.scan(tray_place(tray)):
                return JSONResponse({"serial": serial})
        return _said(request, "qc.nothing_lies", 404)

    def decide(
        self,
        request: Request,
        token: str = Form(""),
        decision: str = Form(""),
        hold: str = Form(""),
        outcome: str = Form(""),
        codes: str = Form(""),
    ) -> Response:
        """Store a decision, once: sent again under its own `decision`, it is no news."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        try:
            chosen = inspecting.codes_chosen(outcome, codes.split()[: MOST_CODES + 1])
            news = inspecting.decide(self._here, by_of(request), hold, decision, chosen)
        except REFUSED as error:
            return _refused(request, error)
        return JSONResponse({"news": news})

    def undo(self, request: Request, token: str = Form(""), decision: str = Form("")) -> Response:
        """Take a decision back; its piece is in hand again."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        try:
            held = inspecting.undo(self._here, by_of(request), decision)
        except REFUSED as error:
            return _refused(request, error)
        return _told(held)

    def back(self, request: Request, token: str = Form("")) -> Response:
        """Lay the piece in hand back, undecided."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        try:
            return JSONResponse({"news": in_hand.put_back(self._here, by_of(request))})
        except REFUSED as error:
            return _refused(request, error)

    def again(self, request: Request, token: str = Form(""), hold: str = Form("")) -> Response:
        """Lay the piece in hand back to be read again."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        try:
            in_hand.read_again(self._here, by_of(request), hold)
        except REFUSED as error:
            return _refused(request, error)
        return JSONResponse({"news": True})

    def void(
        self,
        request: Request,
        token: str = Form(""),
        decision: str = Form(""),
        password: str = Form(""),
        second: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Have two people, who both sign in at this moment, say that they defaced a piece that failed."""
        if (old := stale(request, token, "qc.stale")) is not None:
            return old
        if self._door is None:
            raise HTTPException(404)
        try:
            one = self._door.again(request, password, INSPECTORS)
        except NOT_SIGNED:
            return _said(request, "qc.first_refused", 403)
        try:
            other = self._door.second(request, Credentials(second.strip(), second_password), SECONDS)
        except NOT_SIGNED as error:
            key = {
                SamePersonTwiceError: "qc.same_person",
                RoleMissingError: "qc.second_role",
                SignInLockedError: "qc.second_locked",
            }.get(type(error), "qc.second_refused")
            return _said(request, key, 403)
        try:
            news = inspecting.sign_void(self._here, decision, _two(one, other))
        except REFUSED as error:
            return _refused(request, error)
        return JSONResponse({"news": news})


def _two(one: SignedIn, other: SignedIn) -> TwoSigned:
    return TwoSigned(one.code, other.code, one.sign_in, other.sign_in)


def _told(held: Hold) -> Response:
    return JSONResponse({"hold": held.hold_id, "serial": held.serial})


def _lines(request: Request, suspected: tuple[str, ...]) -> list[Line]:
    """The items, those that the reader suspects something of first."""
    chinese, words = spoken(request) is Language.CHINESE, _defects(request)
    return [
        Line(
            item,
            item.question_zh if chinese else item.question,
            tuple(Code(code, CODE_KEYS[code], words[code], code in codes_of(item, suspected)) for code in item.codes),
        )
        for item in first_doubts_first(suspected)
    ]


def _defects(request: Request) -> dict[str, str]:
    """Each defect code in words."""
    chinese = spoken(request) is Language.CHINESE
    return {code: words[1] if chinese else words[0] for code, words in DEFECTS.items()}


def _refused(request: Request, error: StationError) -> Response:
    key, status = REFUSALS[type(error)]
    facts: dict[str, str] = {}
    words = Words(spoken(request))
    if isinstance(error, PieceInOtherHandsError):
        facts = {"by": error.inspector}
    elif isinstance(error, PieceDecidedError):
        facts = {"outcome": words.term("qc_outcome", error.outcome)}
    elif isinstance(error, ReaderBarsPassError):
        defects = _defects(request)
        facts = {"codes": "; ".join(defects[code] for code in error.codes.split())}
    return _said(request, key, status, **facts)


def _said(request: Request, key: str, status: int, **facts: str) -> Response:
    return JSONResponse({"refused": key, "said": Words(spoken(request))(key, **facts)}, status)
