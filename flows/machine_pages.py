"""The operators' desk in a browser: the machines, what waits for a hand at each, and the acts that people sign there.

Each form bears an id that the page made, so that one that is sent again is the same act. The desk stores what people
scanned and signed; the run, which has the keys, books it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from devices.errors import DeviceError
from flows.desk_places import Door, by_of, same
from handoff_logs.asking import Asking
from handoff_logs.errors import SamePersonError
from handoff_logs.pages.rendering import Renderer
from handoff_logs.records import new_id
from stations.by import By
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
from stations.personalization import acts, emulated_scanner, settlement, standing, station
from stations.personalization.acts import Kinds, Signed
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import (
    ActTakenError,
    AlreadySettledError,
    BadActIdError,
    CountDiffersError,
    FindingRefusedError,
    NoPieceScannedError,
    NotInDoubtError,
    NotThereError,
    TrayNotReadyError,
    UnknownJobError,
    UnknownMachineError,
)
from stations.personalization.rules import Settlement
from stations.personalization.tables import ActKind
from stations.workplace import Workplace

MACHINES: Final = "/machines"
SIGNERS: Final = frozenset({Role.OPERATOR, Role.LEAD})
FOUND: Final = tuple(each for each in Settlement if each is not Settlement.LOST)
"""What is found of a doubt here; a loss is reported by its command."""
MOST_SERIALS: Final = 1_000
LONGEST_SERIAL: Final = 40
LONGEST_COUNT: Final = 64 * 1024
"""Bytes of a form with serials."""
LATEST_HERE, LATEST = 6, 50
REFUSALS: Final[dict[type[Exception], tuple[str, int]]] = {
    BadActIdError: ("machines.stale", 400),
    ActTakenError: ("machines.stale", 409),
    NoPieceScannedError: ("machines.nothing_scanned", 400),
    NotThereError: ("machines.not_there", 409),
    CountDiffersError: ("machines.differs", 409),
    TrayNotReadyError: ("machines.not_ready", 409),
    UnknownMachineError: ("machines.unknown", 404),
    UnknownJobError: ("machines.unknown", 404),
    NotInDoubtError: ("machines.not_in_doubt", 409),
    AlreadySettledError: ("machines.not_in_doubt", 409),
    FindingRefusedError: ("machines.finding", 409),
    SamePersonError: ("machines.same_person", 409),
    SamePersonTwiceError: ("machines.same_person", 409),
    SignInRefusedError: ("machines.sign_in", 403),
    SignInLockedError: ("machines.locked", 403),
    RelievedError: ("machines.sign_in", 403),
    BadCodeError: ("machines.sign_in", 403),
    EmulatedStaffError: ("machines.sign_in", 403),
    RoleMissingError: ("machines.role", 403),
}
"""What the desk says to each refusal; what the run refuses later is said with the same words."""
REFUSED: Final = tuple(REFUSALS)
BY_NAME: Final = {kind.__name__: key for kind, (key, _) in REFUSALS.items()}


class MachinesDesk:
    """The operators' place. `hands`: what takes out, carries and reads for people on an EMULATED line."""

    path = MACHINES
    people = SIGNERS
    longest_forms: Mapping[str, int] = {f"{MACHINES}/act": LONGEST_COUNT, f"{MACHINES}/emulated": LONGEST_COUNT}

    def __init__(
        self, renderer: Renderer, asking: Asking, here: Workplace, kinds: Kinds, hands: MachineDesk | None
    ) -> None:
        self._renderer, self._asking, self._here, self._kinds, self._hands = renderer, asking, here, kinds, hands
        self._door: Door | None = None

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        self._door = door
        router = APIRouter(prefix=MACHINES, dependencies=[Depends(door.admit)])
        router.add_api_route("", self.show, methods=["GET"], response_class=Response)
        router.add_api_route("/act", self.show_act, methods=["GET"], response_class=Response)
        router.add_api_route("/act", self.act, methods=["POST"], response_class=Response)
        router.add_api_route("/acts", self.show_acts, methods=["GET"], response_class=Response)
        if self._hands is not None:
            router.add_api_route("/emulated", self.emulated, methods=["POST"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """Nothing is held here by whoever looks at it."""

    def show(self, request: Request) -> Response:
        """Show the machines and the finished trays, what is most urgent first, and what was signed last."""
        ready = station.ready_trays(self._here)
        with self._here.database.read() as conn:
            trays = standing.finished(conn, ready)
            machines = standing.machines(conn, self._kinds, trays)
        return self._renderer.page(
            request, "machines.html", trays=trays, machines=machines, why=standing.WHY, rows=self._latest(LATEST_HERE)
        )

    def show_acts(self, request: Request) -> Response:
        """Show what was signed last, and what each came to."""
        return self._renderer.page(request, "machine_acts.html", rows=self._latest(LATEST))

    def show_act(self, request: Request, kind: str = "", subject: str = "") -> Response:
        """Show the form of one act."""
        return self._page(request, _kind(kind), subject[:64])

    def act(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        kind: str = Form(""),
        subject: str = Form(""),
        labels: str = Form(""),
        detail: str = Form(""),
        password: str = Form(""),
        code: str = Form(""),
        second_password: str = Form(""),
    ) -> Response:
        """Store what was scanned and signed; where two sign, both do with their passwords at this moment."""
        of, typed = _kind(kind), {"act": act, "labels": labels, "detail": detail, "code": code}
        if not same(request, token):
            return self._page(request, of, subject[:64], 403, "machines.stale", typed=typed)
        try:
            self._sign(request, act, of, subject, labels, detail, (password, code.strip(), second_password))
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return self._page(request, of, subject[:64], status, key, typed=typed, said=_said(error))
        return RedirectResponse(f"{MACHINES}?done={of.value}.{subject[:64]}", 303)

    def emulated(
        self,
        request: Request,
        token: str = Form(""),
        act: str = Form(""),
        kind: str = Form(""),
        subject: str = Form(""),
        detail: str = Form(""),
    ) -> Response:
        """Have EMULATED hands take out what the act is about, and the EMULATED scanner read it into the form."""
        of, subject, typed = _kind(kind), subject[:64], {"act": act, "detail": detail}
        if not same(request, token) or self._hands is None:
            return self._page(request, of, subject, 403, "machines.stale", typed=typed)
        try:
            if of is ActKind.SETTLE:
                found = emulated_scanner.look(self._here, self._hands, subject)
                typed |= {} if found is None else {"detail": found[0].value, "labels": found[1]}
            else:
                read = emulated_scanner.read(self._here, self._hands, self._kinds, of, subject)
                typed |= {"labels": "\n".join(read)}
        except DeviceError:
            return self._page(request, of, subject, 409, "machines.no_hands", typed=typed)
        return self._page(request, of, subject, typed=typed)

    def _sign(
        self, request: Request, act: str, kind: ActKind, subject: str, labels: str, detail: str,
        typed: tuple[str, str, str],
    ) -> None:  # fmt: skip
        password, code, second_password = typed
        signed: SignedIn = request.state.signed
        if kind is ActKind.SETTLE and detail not in FOUND:
            raise BadActIdError
        detail = detail if kind is ActKind.SETTLE else acts.AS_IS if kind is ActKind.FILL and detail else ""
        facts: dict[str, Any] = {"subject": subject, "detail": detail, "serials": _serials(labels)}
        if kind not in acts.TWO_HANDS:
            acts.sign(self._here, self._kinds, Signed(act, kind, by_of(request), None, **facts))
            return
        if code == signed.code:
            raise SamePersonTwiceError(code)
        self._check(Signed(act, kind, by_of(request), By(code), **facts))
        if self._door is None:
            raise LookupError("no door")
        seconds = frozenset(settlement.SECONDS) if kind is ActKind.SETTLE else SIGNERS
        second = self._door.second(request, Credentials(code, second_password), seconds)
        first = self._door.again(request, password, SIGNERS)
        hands = By(first.code, first.sign_in), By(second.code, second.sign_in)
        acts.sign(self._here, self._kinds, Signed(act, kind, *hands, **facts))

    def _check(self, signed: Signed) -> None:
        """Refuse what can't be before anybody's password is asked for; what is sent again is looked at when stored."""
        with self._here.database.read() as conn:
            if acts.find(conn, signed.act_id) is None:
                acts.check(conn, self._kinds, signed)

    def _latest(self, most: int) -> list[dict[str, Any]]:
        with self._asking.lend() as reading:
            rows = reading.rows(acts.LATEST, most=most)
        for row in rows:
            row["told"] = json.loads(row["told"] or "{}")
            row["key"] = BY_NAME.get(row["refusal"] or "", "machines.refused") if row["refusal"] else None
            row["said"] = " ".join(row["told"].get("serials", ()))
        return rows

    def _page(
        self, request: Request, kind: ActKind, subject: str, status: int = 200, key: str | None = None, *,
        typed: Mapping[str, str] | None = None, said: str = "",
    ) -> Response:  # fmt: skip
        with self._here.database.read() as conn:
            job = standing.doubt(conn, subject) if kind is ActKind.SETTLE else None
            tray = next(iter(standing.finished(conn, [subject])), None) if kind is ActKind.FILL else None
        known = job is not None if kind is ActKind.SETTLE else kind is ActKind.FILL or subject in self._kinds
        if not known and key is None:
            raise HTTPException(404)
        return self._renderer.page(
            request, "machine_act.html", status, key=key, said=said, kind=kind.value, subject=subject, job=job,
            tray=tray, takes=self._kinds.get(subject, ""), typed=defaultdict(str, typed or {}), new_id=new_id,
            two=kind in acts.TWO_HANDS, scans_here=kind not in (ActKind.RIGHT, ActKind.SETTLE), founds=FOUND,
            hands=self._hands is not None and kind is not ActKind.RIGHT,
        )  # fmt: skip


def _kind(kind: str) -> ActKind:
    if kind not in tuple(ActKind):
        raise HTTPException(404)
    return ActKind(kind)


def _serials(text: str) -> tuple[str, ...]:
    """What was scanned, each once. Raises NotThereError for what no scanner reads."""
    scanned = tuple(dict.fromkeys(text.split()))
    if len(scanned) > MOST_SERIALS or any(len(each) > LONGEST_SERIAL or not each.isascii() for each in scanned):
        raise NotThereError("any place", tuple(each[:LONGEST_SERIAL] for each in scanned[:1]))
    return scanned


def _said(error: Exception) -> str:
    """What of a refusal a person needs besides its words: the pieces, or the machines."""
    match error:
        case NotThereError():
            return " ".join(error.serials[:20])
        case CountDiffersError():
            return " ".join(error.machines)
        case _:
            return ""
