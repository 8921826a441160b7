"""What people sign at the mailing desk, in a browser: the driver's count at the door, files, returns, cases.

Each form bears an id that the page made, so that one that is sent again is the same act. Two people sign with their
passwords at that moment; at the door the driver does, beside the mailer who has signed in.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from starlette.responses import RedirectResponse

from flows.desk_places import Door, by_of, same
from handoff_logs import offers
from handoff_logs.asking import Asking
from handoff_logs.errors import SamePersonError
from handoff_logs.pages.rendering import Renderer
from handoff_logs.records import new_id
from stations.by import By
from stations.mailing import acts, deliveries, explaining
from stations.mailing.acts import Signed
from stations.mailing.desk import MailingDesk
from stations.mailing.errors import (
    BadDeskIdError,
    DeliveryFileError,
    DeskIdTakenError,
    LiveElsewhereError,
    NothingAtTheDoorError,
    NothingRefusedError,
    NothingScannedError,
    NothingToSettleError,
    NotReturnedError,
    PersonErasedError,
    RemadeBeforeError,
    UnknownNoteError,
    UnknownParcelsError,
    UnknownSendingError,
)
from stations.mailing.explaining import Found
from stations.mailing.tables import ActKind
from stations.people import Role
from stations.people_register.credentials import Credentials, SignedIn
from stations.people_register.errors import (
    BadCodeError,
    EmulatedStaffError,
    RelievedError,
    RoleMissingError,
    SamePersonTwiceError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.trays import tray_of, tray_place
from stations.workplace import Workplace

TWO: Final = frozenset({Role.MAILER, Role.LEAD})
DRIVERS: Final = frozenset({Role.DRIVER})
MOST_LABELS: Final = 5_000
LONGEST_LABEL: Final = 64
LATEST: Final = 30
REFUSALS: Final[dict[type[Exception], tuple[str, int]]] = {
    BadDeskIdError: ("mailing.stale", 400),
    DeskIdTakenError: ("mailing.stale", 409),
    DeliveryFileError: ("mailing.no_file", 400),
    NothingAtTheDoorError: ("mailing.not_offered", 409),
    NothingRefusedError: ("mailing.not_refused", 409),
    NothingScannedError: ("mailing.nothing_scanned", 400),
    NothingToSettleError: ("mailing.not_settled", 409),
    NotReturnedError: ("mailing.not_returned", 409),
    LiveElsewhereError: ("mailing.live_elsewhere", 409),
    PersonErasedError: ("mailing.erased", 409),
    RemadeBeforeError: ("mailing.remade_before", 409),
    UnknownNoteError: ("mailing.unknown_note", 409),
    UnknownParcelsError: ("mailing.unknown_labels", 400),
    UnknownSendingError: ("mailing.unknown", 404),
    SamePersonError: ("mailing.same_person", 409),
    SamePersonTwiceError: ("mailing.same_person", 409),
    SignInRefusedError: ("mailing.sign_in_refused", 403),
    SignInLockedError: ("mailing.sign_in_locked", 403),
    RelievedError: ("mailing.sign_in_refused", 403),
    BadCodeError: ("mailing.sign_in_refused", 403),
    EmulatedStaffError: ("mailing.sign_in_refused", 403),
    RoleMissingError: ("mailing.sign_in_role", 403),
}
"""What the desk says to each refusal; what the run refuses later is said with the same words."""
REFUSED: Final = tuple(REFUSALS)
BY_NAME: Final = {kind.__name__: key for kind, (key, _) in REFUSALS.items()}


class ActPages:
    """The pages at `/mailing/…`. `eyes`: what scans for people on an EMULATED line."""

    def __init__(self, renderer: Renderer, asking: Asking, here: Workplace, eyes: MailingDesk | None) -> None:
        self._renderer, self._asking, self._here, self._eyes = renderer, asking, here, eyes
        self._door: Door | None = None

    def router(self, path: str, door: Door) -> APIRouter:
        """Return the routes, all behind the desk's door."""
        self._door = door
        router = APIRouter(prefix=path, dependencies=[Depends(door.admit)])
        for name in ("door", "retake", "returns", "deliveries", "acts"):
            router.add_api_route(f"/{name}", getattr(self, f"show_{name}"), methods=["GET"], response_class=Response)
        for route, act in (
            ("door", self.door),
            ("door/number", self.door_number),
            ("retake", self.retake),
            ("returns/receive", self.receive),
            ("returns/decide", self.decide),
            ("deliveries/load", self.load),
            ("deliveries/settle", self.settle),
        ):
            router.add_api_route(f"/{route}", act, methods=["POST"], response_class=Response)
        if self._eyes is not None:
            for name in ("door", "retake", "returns"):
                act = getattr(self, f"emulated_{name}")
                router.add_api_route(f"/{name}/emulated", act, methods=["POST"], response_class=Response)
        return router

    # Pages.

    def show_door(self, request: Request) -> Response:
        """Show the driver's blind count; how many there should be is not shown."""
        return self._page(request, "door")

    def show_retake(self, request: Request, handoff: str = "", tray: str = "") -> Response:
        """Show the recount of a tray that the carrier refused."""
        return self._page(request, "retake", typed={"handoff": handoff[:32], "tray": tray[:32]})

    def show_returns(self, request: Request) -> Response:
        """Show the blind scan of what comes back, and what came back undecided."""
        return self._page(request, "returns")

    def show_deliveries(self, request: Request) -> Response:
        """Show where a carrier's file is loaded, and all that waits for somebody."""
        return self._page(request, "deliveries")

    def show_acts(self, request: Request) -> Response:
        """Show what was signed last, and what each came to."""
        with self._asking.lend() as reading:
            rows = reading.rows(acts.LATEST, most=LATEST)
        for row in rows:
            row["told"] = json.loads(row["told"] or "{}")
            row["key"] = BY_NAME.get(row["refusal"] or "", "mailing.refused") if row["refusal"] else None
        return self._renderer.page(request, "mailing_acts.html", rows=rows, here="acts")

    # Acts.

    def door(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        labels: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store what the driver counted at the door and signed for."""

        def sign() -> None:
            scanned = _labels(labels)
            if not scanned:
                raise NothingScannedError
            self._check(Signed(act, ActKind.DOOR, by_of(request), By(code.strip()), labels=scanned))
            driver = self._second(request, code, second_password, DRIVERS)
            self._store(Signed(act, ActKind.DOOR, by_of(request), driver, labels=scanned))

        return self._done(request, token, "door", sign, {"act": act, "labels": labels, "code": code})

    def door_number(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        handoff: str = Form(""),
        number: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store how many parcels of one tray a driver without a scanner counted and signed for."""

        def sign() -> None:
            if not (number.isascii() and number.isdecimal()) or not 0 < len(number) <= len(str(acts.MOST_NUMBER)):
                raise NothingScannedError
            facts: dict[str, Any] = {"subject": handoff[:32], "detail": acts.NUMBER, "labels": (str(int(number)),)}
            self._check(Signed(act, ActKind.DOOR, by_of(request), By(code.strip()), **facts))
            driver = self._second(request, code, second_password, DRIVERS)
            self._store(Signed(act, ActKind.DOOR, by_of(request), driver, **facts))

        typed = {"numbered": act, "handoff": handoff[:32], "number": number[:5], "driver": code}
        return self._done(request, token, "door", sign, typed)

    def retake(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        labels: str = Form(""),
        handoff: str = Form(""),
        tray: str = Form(""),
    ) -> Response:
        """Store the recount of a tray that the carrier refused."""

        def sign() -> None:
            subject = handoff[:64]
            self._store(Signed(act, ActKind.RETAKE, by_of(request), None, subject, labels=_labels(labels)))

        typed = {"act": act, "labels": labels, "handoff": handoff, "tray": tray}
        return self._done(request, token, "retake", sign, typed)

    def receive(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        labels: str = Form(""),
        note: str = Form(""),
        password: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store the receipt of what came back, by two people's blind scan."""

        def sign() -> None:
            facts = {"subject": note.strip()[:64], "labels": _labels(labels)}
            self._sign_two(request, act, ActKind.RECEIVE, facts, (password, code, second_password))

        typed = {"act": act, "labels": labels, "note": note, "code": code}
        return self._done(request, token, "returns", sign, typed)

    def decide(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        label: str = Form(""),
        what: str = Form(""),
        password: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store what two people decide of a parcel that came back."""

        def sign() -> None:
            if what not in (ActKind.SEND_AGAIN, ActKind.DESTROY, ActKind.REMAKE):
                raise BadDeskIdError
            facts = {"subject": label.strip()[:64]}
            self._sign_two(request, act, ActKind(what), facts, (password, code, second_password))

        typed = {"decide": act, "label": label, "what": what, "second": code}
        return self._done(request, token, "returns", sign, typed)

    def load(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        file: Annotated[UploadFile | None, File()] = None,
        password: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store a carrier's file that two people load: what the model takes of it, and which lines it refuses."""

        def sign() -> None:
            if file is None or not file.filename:
                raise DeliveryFileError("-", "is not there")
            name = f"file{Path(file.filename).suffix.lower()[:8]}"
            digest = hashlib.sha256()
            while portion := file.file.read(1 << 20):
                digest.update(portion)
            file.file.seek(0)
            said = acts.to_store(deliveries.read_content(name, file.file))
            self._sign_two(
                request,
                act,
                ActKind.LOAD,
                {"subject": digest.hexdigest(), "file": said},
                (password, code, second_password),
            )

        return self._done(request, token, "deliveries", sign, {"act": act, "code": code})

    def settle(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        label: str = Form(""),
        found: str = Form(""),
        password: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store what two people found of a parcel with an open case."""

        def sign() -> None:
            if found not in tuple(Found):
                raise BadDeskIdError
            facts = {"subject": label.strip()[:64], "detail": found}
            self._sign_two(request, act, ActKind.SETTLE, facts, (password, code, second_password))

        typed = {"settle": act, "label": label, "found": found, "second": code}
        return self._done(request, token, "deliveries", sign, typed)

    # What scans for people at an EMULATED line.

    def emulated_door(self, request: Request, token: str = Form(""), act: str = Form("")) -> Response:
        """Have the EMULATED scanner read everything that stands at the door."""
        with self._here.database.read() as conn:
            trays = [tray_of(offer) for offer in offers.waiting(conn, "carrier")]
        return self._read(request, token, "door", {"act": act}, [each for tray in trays for each in self._lying(tray)])

    def emulated_retake(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        handoff: str = Form(""),
        tray: str = Form(""),
    ) -> Response:
        """Have the EMULATED scanner read everything that lies in the tray that came back."""
        return self._read(request, token, "retake", {"act": act, "handoff": handoff, "tray": tray}, self._lying(tray))

    def emulated_returns(
        self, request: Request, token: str = Form(""), act: str = Form(""), note: str = Form("")
    ) -> Response:
        """Have the EMULATED carrier bring what it said comes back, under a note or any, and read it."""
        with self._asking.lend() as reading:
            rows = reading.rows(explaining.OPEN_ITEMS)
        coming = [row["label"] for row in rows if row["what"] == "coming back" and note.strip() in ("", row["note"])]
        return self._read(request, token, "returns", {"act": act, "note": note}, coming)

    def _lying(self, tray: str) -> Sequence[str]:
        return self._eyes.scan(tray_place(tray)) if self._eyes is not None else ()

    def _read(
        self, request: Request, token: str, name: str, typed: Mapping[str, str], labels: Sequence[str]
    ) -> Response:
        if not same(request, token):
            return self._page(request, name, 403, "mailing.stale", typed=typed)
        return self._page(request, name, typed={**typed, "labels": "\n".join(labels)})

    # Signing.

    def _check(self, signed: Signed) -> None:
        """Refuse what can't be before anybody's password is asked for; what is sent again is looked at when stored."""
        with self._here.database.read() as conn:
            if not acts.is_act(conn, signed.act_id):
                acts.check(conn, signed)

    def _sign_two(
        self, request: Request, act: str, kind: ActKind, facts: Mapping[str, Any], typed: tuple[str, str, str]
    ) -> None:
        """Have whoever has signed in and a second person sign with their passwords, and store the act."""
        password, code, second_password = typed
        signed: SignedIn = request.state.signed
        if code.strip() == signed.code:
            raise SamePersonTwiceError(signed.code)
        self._check(Signed(act, kind, by_of(request), By(code.strip()), **facts))
        second = self._second(request, code, second_password, TWO)
        first = self._desk_door.again(request, password, TWO)
        self._store(Signed(act, kind, By(first.code, first.sign_in), second, **facts))

    def _second(self, request: Request, code: str, password: str, roles: frozenset[Role]) -> By:
        signed = self._desk_door.second(request, Credentials(code.strip(), password), roles)
        return By(signed.code, signed.sign_in)

    @property
    def _desk_door(self) -> Door:
        if self._door is None:
            raise LookupError("no door")
        return self._door

    def _store(self, signed: Signed) -> None:
        acts.sign(self._here, signed)

    def _done(
        self, request: Request, token: str, name: str, sign: Callable[[], None], typed: Mapping[str, str]
    ) -> Response:
        """Do what a form asks, and show what was signed; what was refused keeps what was typed, but no password."""
        if not same(request, token):
            return self._page(request, name, 403, "mailing.stale", typed=typed)
        try:
            sign()
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return self._page(request, name, status, key, typed=typed, said=_said(error))
        return RedirectResponse(f"/mailing/acts?done={name}", 303)

    def _page(
        self, request: Request, name: str, status: int = 200, key: str | None = None, *,
        typed: Mapping[str, str] | None = None, said: str = "",
    ) -> Response:  # fmt: skip
        rows: list[dict[str, Any]] = []
        if name in ("returns", "deliveries"):
            with self._asking.lend() as reading:
                rows = reading.rows(explaining.OPEN_ITEMS)
            rows = [row for row in rows if name == "deliveries" or row["what"] == "undecided"]
        if name == "door":
            # What stands there, and never how many.
            with self._here.database.read() as conn:
                there = offers.waiting(conn, "carrier")
            rows = [{"handoff": offer.handoff_id, "tray": tray_of(offer)} for offer in there]
        return self._renderer.page(
            request, f"mailing_{name}.html", status, key=key, said=said, typed=defaultdict(str, typed or {}),
            new_id=new_id, rows=rows, here="door" if name == "retake" else name, eyes=self._eyes is not None,
            founds=tuple(Found),
        )  # fmt: skip


def _labels(text: str) -> tuple[str, ...]:
    """What was scanned, each once. Raises UnknownParcelsError for what no scanner reads."""
    scanned = tuple(dict.fromkeys(text.split()))
    if len(scanned) > MOST_LABELS or any(len(each) > LONGEST_LABEL or not each.isascii() for each in scanned):
        raise UnknownParcelsError(tuple(each[:LONGEST_LABEL] for each in scanned[:1]))
    return scanned


def _said(error: Exception) -> str:
    """What of a refusal a person needs besides its words: the first labels that are none."""
    if isinstance(error, UnknownParcelsError):
        return " ".join(error.labels)
    if isinstance(error, DeliveryFileError):
        return error.reason
    return ""
