"""The pages of patrols, made for a telephone: what is due, a round's checklist, each finding to its end.

They write: every form carries the session's own token, a round the id by which two clicks are one, and who mends or
looks at what another mended types their password at that moment.
"""

import hmac
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Form, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from flows.patrol_forms import Rounds, field, read_form, walked, words
from flows.sessions import Attempts
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Reader, Renderer
from handoff_logs.records import new_id
from stations.by import By
from stations.errors import SealBrokenError, StationError
from stations.patrol import listing, photos, rules
from stations.patrol.errors import (
    AnswersMissingError,
    FindingMovedError,
    HoldRefusedError,
    NotInShiftError,
    PhotoRefusedError,
    PhotoUnknownError,
    RoundIdError,
    RoundTakenError,
    StepRefusedError,
    TextRefusedError,
    TooManyPhotosError,
    UnknownFindingError,
    UnknownPatrolError,
)
from stations.patrol.rounds import record_round, record_step
from stations.patrol.rules import Kind, Patrol, Step, Walked
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import RoleMissingError, SignInLockedError, SignInRefusedError
from stations.personalization.rules import STATION
from stations.shift.station import open_name
from stations.workplace import Workplace

PATROL: Final = "/patrol"
ROUND: Final = f"{PATROL}/round"
WALKERS: Final = frozenset((*rules.PATROLLERS, *rules.MENDERS))
"""Who sees these pages."""
LONGEST_NUMBER: Final = 18
PHOTOS_AT_ONCE: Final = 1
"""Photographs decoded side by side: each takes some hundred MB."""

SignAgain = Callable[[Request, str], SignedIn]
"""Signs in whoever the session is of, by their password, at this moment."""

REFUSALS: Final[dict[type[Exception], tuple[str, int]]] = {
    AnswersMissingError: ("patrol.missing", 400),
    TextRefusedError: ("patrol.text", 400),
    HoldRefusedError: ("patrol.hold_refused", 400),
    PhotoRefusedError: ("patrol.photo_refused", 400),
    TooManyPhotosError: ("patrol.many_photos", 400),
    RoundIdError: ("patrol.stale", 403),
    RoundTakenError: ("patrol.round_taken", 409),
    NotInShiftError: ("patrol.not_in_shift", 403),
    StepRefusedError: ("patrol.step_refused", 409),
    FindingMovedError: ("patrol.moved", 409),
    RoleMissingError: ("patrol.role", 403),
    SignInRefusedError: ("patrol.password_refused", 403),
    SignInLockedError: ("patrol.locked", 403),
}
"""What a page says to each refusal."""
REFUSED: Final = tuple(REFUSALS)
OFFERED: Final = (Step.TAKEN, Step.MENDED, Step.CHECKED, Step.RETURNED)
"""The steps in the order in which a page offers those that are its reader's to do."""


class PatrolPages:
    """The pages and their forms. Whoever joins them with a sign-in puts `reader` and `signed` into a request."""

    def __init__(
        self,
        renderer: Renderer,
        asking: Asking,
        database: Database,
        rounds: Rounds,
        sign_again: SignAgain,
        *,
        emulated: bool,
    ) -> None:
        self._renderer, self._asking, self._database = renderer, asking, database
        self._rounds, self._sign_again, self._emulated = rounds, sign_again, emulated
        self._sent = Attempts()
        self._decoding = threading.BoundedSemaphore(PHOTOS_AT_ONCE)

    def router(self) -> APIRouter:
        """The pages' routes, without a sign-in."""
        router = APIRouter()
        router.add_api_route(PATROL, self.patrols, methods=["GET"], response_class=Response)
        router.add_api_route(f"{PATROL}/alive", self.alive, methods=["GET"], response_class=Response)
        router.add_api_route(f"{ROUND}/{{name}}", self.ask, methods=["GET"], response_class=Response)
        router.add_api_route(f"{ROUND}/{{name}}", self.walk, methods=["POST"], response_class=Response)
        router.add_api_route(f"{PATROL}/finding/{{number}}", self.finding, methods=["GET"], response_class=Response)
        router.add_api_route(
            f"{PATROL}/finding/{{number}}/{{step}}", self.step, methods=["POST"], response_class=Response
        )
        router.add_api_route(f"{PATROL}/photo/{{sha256}}", self.photo, methods=["GET"], response_class=Response)
        return router

    def patrols(self, request: Request) -> Response:
        """Show which rounds are due and what is not at its end; with `all=1` also findings that are."""
        ended = request.query_params.get("all") == "1"
        with self._asking.lend() as reading:
            due = listing.due(reading, self._rounds.plan)
            found = listing.findings(reading, ended=ended)
        return self._renderer.page(
            request, "patrol.html", due=due, found=found, ended=ended, now_us=time.time_ns() // 1_000,
            walked=_walked(request, self._rounds.plan), walks=_is_one_of(request, rules.PATROLLERS),
        )  # fmt: skip

    def alive(self) -> Response:
        """Say nothing: whoever walks a round has been seen, and is not signed out meanwhile."""
        return Response(status_code=204)

    def ask(self, request: Request, name: str) -> Response:
        """Show the checklist of a patrol."""
        return self._checklist(request, 200, self._named(name), new_id())

    async def walk(self, request: Request, name: str) -> Response:
        """Record a round. The form is read only now, when whoever sends it was let in."""
        patrol = self._named(name)
        signed: SignedIn = request.state.signed
        if not self._sent.may(signed.code):
            return await run_in_threadpool(self._checklist, request, 429, patrol, new_id(), None, "patrol.many")
        form = await read_form(request, patrol)
        try:
            said, round_ = words(form), await walked(form, patrol)
        finally:
            await form.close()
        return await run_in_threadpool(self._walk, request, patrol, said, round_)

    def finding(self, request: Request, number: str) -> Response:
        """Show a finding with its steps."""
        return self._finding(request, 200, _number(number), None)

    def step(
        self,
        request: Request,
        number: str,
        step: str,
        token: str = Form(""),
        what: str = Form(""),
        password: str = Form(""),
    ) -> Response:
        """Do the next step of a finding."""
        if step not in tuple(Step):
            raise HTTPException(404)
        finding, next_step = _number(number), Step(step)
        reader: Reader = request.state.reader
        if not hmac.compare_digest(token.encode(), reader.token.encode()):
            return self._finding(request, 403, finding, "patrol.stale")
        signed: SignedIn = request.state.signed
        told = what.strip() if next_step in rules.TOLD else None
        try:
            if told is not None:
                rules.check_text(told, f"finding {finding}")
            if next_step is not Step.TAKEN:
                signed = self._sign_again(request, password)
            record_step(self._here(), finding, next_step, By(signed.code, signed.sign_in), told)
        except UnknownFindingError:
            raise HTTPException(404) from None
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            return self._finding(request, status, finding, key, **_facts(error))
        self._rounds.seal()
        return RedirectResponse(f"{PATROL}/finding/{finding}", 303)

    def photo(self, sha256: str) -> Response:
        """Give out a photograph of a finding, found by its hash; 404 for one that is not as it was signed."""
        try:
            with self._database.read() as conn:
                jpeg = photos.kept(conn, self._rounds.personal, sha256)
        except (PhotoUnknownError, SealBrokenError):
            raise HTTPException(404) from None
        return Response(jpeg, media_type="image/jpeg")

    def _walk(self, request: Request, patrol: Patrol, said: dict[str, str], round_: Walked) -> Response:
        reader: Reader = request.state.reader
        signed: SignedIn = request.state.signed
        round_id = said.get("round", "")
        if not hmac.compare_digest(said.get("token", "").encode(), reader.token.encode()):
            return self._checklist(request, 403, patrol, round_id, said, "patrol.stale")
        try:
            with self._decoding:
                record_round(self._here(), round_, round_id, By(signed.code, signed.sign_in), self._rounds.holdable)
        except REFUSED as error:
            key, status = REFUSALS[type(error)]
            if isinstance(error, RoundTakenError | RoundIdError):
                round_id = new_id()
            return self._checklist(request, status, patrol, round_id, said, key, **_facts(error))
        self._rounds.seal()
        return RedirectResponse(f"{PATROL}?walked={patrol.name}", 303)

    def _checklist(
        self,
        request: Request,
        status: int,
        patrol: Patrol,
        round_id: str,
        given: dict[str, str] | None = None,
        key: str | None = None,
        **facts: object,
    ) -> Response:
        language = tuple(Language).index(spoken(request))
        items = [(item.id, (item.english, item.chinese)[language]) for item in patrol.checklist]
        return self._renderer.page(
            request, "patrol_round.html", status, patrol=patrol, items=items, round_id=round_id, given=given or {},
            key=key, facts=facts, field=field, kinds=tuple(Kind), holdable=self._rounds.holdable,
            longest=rules.LONGEST_TEXT, most_photos=rules.MOST_PHOTOS, walks=_is_one_of(request, rules.PATROLLERS),
        )  # fmt: skip

    def _finding(self, request: Request, status: int, number: int, key: str | None, **facts: object) -> Response:
        try:
            with self._asking.lend() as reading:
                one, steps = listing.finding(reading, number)
        except UnknownFindingError:
            raise HTTPException(404) from None
        signed: SignedIn = request.state.signed
        last = Step(one.last) if one.last else None
        return self._renderer.page(
            request, "patrol_finding.html", status, one=one, steps=steps, key=key, facts=facts,
            longest=rules.LONGEST_TEXT, may=[step for step in OFFERED if _may(step, last, signed.code, one.last_by)],
        )  # fmt: skip

    def _named(self, name: str) -> Patrol:
        try:
            return rules.named(self._rounds.plan, name)
        except UnknownPatrolError:
            raise HTTPException(404) from None

    def _here(self) -> Workplace:
        with self._database.read() as conn:
            shift = open_name(conn) or self._rounds.shift
        return Workplace(self._database, STATION, shift, (), self._emulated, self._rounds.personal)


def asks_password(path: str) -> bool:
    """Whether what is sent to an address is signed by the password sent with it, whoever the session is of."""
    place, _, step = path.rpartition("/")
    return place.startswith(f"{PATROL}/finding/") and step in tuple(Step) and Step(step) is not Step.TAKEN


def _is_one_of(request: Request, roles: tuple[Role, ...]) -> bool:
    signed: SignedIn = request.state.signed
    return not signed.roles.isdisjoint(roles)


def _walked(request: Request, plan: tuple[Patrol, ...]) -> str | None:
    """The patrol that was recorded just now, as the address says."""
    name = request.query_params.get("walked")
    return name if name in [patrol.name for patrol in plan] else None


def _may(step: Step, last: Step | None, person: str, last_person: str | None) -> bool:
    try:
        rules.check_step(0, step, last, person, last_person)
    except StationError:
        return False
    return True


def _number(word: str) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > LONGEST_NUMBER:
        raise HTTPException(404)
    return int(word)


def _facts(error: Exception) -> dict[str, Any]:
    """The facts of a refusal that a page's text names."""
    match error:
        case AnswersMissingError():
            return {"count": len(error.missing), "first": error.missing[0]}
        case TextRefusedError():
            return {"where": error.where, "most": rules.LONGEST_TEXT}
        case HoldRefusedError():
            return {"point": error.point}
        case TooManyPhotosError():
            return {"most": error.most}
        case RoundTakenError():
            return {"person": error.person}
        case NotInShiftError():
            return {"person": error.person, "shift": error.shift}
    return {}
