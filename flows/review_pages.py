"""The review desk in a browser: the next application, its verdict and its undoing; the lead's page of rates.

What is shown is shown to whoever holds the application, and each look is recorded. The browser keeps verdicts that were
not stored yet and sends them again under the same id; nothing of an application is kept there.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from flows.desk_places import Door, by_of, stale
from handoff_logs.asking import Asking
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pages.words import Words
from stations.by import By
from stations.characters.alike import Alike, alike
from stations.errors import ApplicationStoppedError, SealBrokenError, StationError
from stations.intake.batch import Applicant
from stations.offices import OFFICES
from stations.people import Role
from stations.review import decisions, leases, rates, viewing
from stations.review.decisions import Verdict
from stations.review.errors import (
    DecisionIdError,
    DecisionTakenError,
    HeldElsewhereError,
    LateVerdictError,
    NotHeldError,
    NotItsTurnError,
    ReasonsRefusedError,
    TooLateToUndoError,
    UnknownDecisionError,
    UnknownLeaseError,
)
from stations.review.history import Round
from stations.review.items import ITEMS, REASONS, Group, Reason, ReviewItem
from stations.review.rules import Finding, Suggestion, Thresholds
from stations.review.tables import Viewed
from stations.review.words import DOUBTS, NOT_LOOKED
from stations.workplace import Workplace

REVIEW: Final = "/review"
RATES: Final = "/rates"
SPANS_S: Final = {"shift": 12 * 3600, "week": 7 * 24 * 3600, "month": 31 * 24 * 3600}
"""How far back rates are counted."""
MOST_REASONS: Final = 64
MOST_NUMBER: Final = 1_000
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    LateVerdictError: ("review.late", 409),
    ApplicationStoppedError: ("review.stopped", 409),
    NotItsTurnError: ("review.turn", 409),
    DecisionTakenError: ("review.taken", 409),
    TooLateToUndoError: ("review.booked", 409),
    HeldElsewhereError: ("review.again", 409),
    UnknownLeaseError: ("review.unknown", 404),
    UnknownDecisionError: ("review.unknown", 404),
    NotHeldError: ("review.not_held", 404),
    DecisionIdError: ("review.form", 400),
    ReasonsRefusedError: ("review.form", 400),
}
"""What the desk says to each refusal."""
REFUSED: Final = tuple(REFUSALS)


@dataclass(frozen=True, slots=True)
class Line:
    """One item as a desk shows it, with what a rule suggests of it."""

    item: ReviewItem
    question: str
    finding: Finding | None
    said: str = ""

    @property
    def code(self) -> str:
        """The reason code that a verdict for this item is written with: the suspicion's own, where there is one."""
        suspected = self.finding is not None and self.finding.suggestion is Suggestion.SUSPECT
        return (self.finding.reason if suspected and self.finding else None) or self.item.code

    @property
    def weight(self) -> int:
        """What is suspected comes first, then what no rule can tell."""
        order = (Suggestion.SUSPECT, Suggestion.CANNOT_TELL)
        return order.index(self.finding.suggestion) if self.finding and self.finding.suggestion in order else len(order)


class ReviewDesk:
    """The review desk, a Place."""

    path = REVIEW
    people = frozenset({Role.REVIEWER})

    def __init__(self, renderer: Renderer, here: Workplace, thresholds: Thresholds) -> None:
        self._renderer, self._here, self._thresholds = renderer, here, thresholds

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        router = APIRouter(prefix=REVIEW, dependencies=[Depends(door.admit)])
        router.add_api_route("", self.show, methods=["GET"], response_class=Response)
        router.add_api_route("/take", self.take, methods=["POST"], response_class=Response)
        router.add_api_route("/case/{lease}", self.case, methods=["GET"], response_class=Response)
        router.add_api_route("/picture/{lease}/{role}", self.picture, methods=["GET"], response_class=Response)
        router.add_api_route("/verdict", self.verdict, methods=["POST"], response_class=Response)
        router.add_api_route("/undo", self.undo, methods=["POST"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """See Place."""
        leases.give_up(self._here, by)

    def show(self, request: Request) -> Response:
        """Show the desk, on which the browser lays one application after another."""
        return self._renderer.page(request, "review.html", items=_items(request, {}))

    def take(self, request: Request, token: str = Form(""), ahead: str = Form(str(leases.AHEAD))) -> Response:
        """Give the next ones: leases in their turn, and the verdict that can be undone."""
        if (old := stale(request, token, "review.stale")) is not None:
            return old
        by, wanted = by_of(request), _number(ahead)
        try:
            held = leases.take(self._here, by, ahead=min(wanted, leases.AHEAD)) if wanted else self._held(by)
        except REFUSED as error:
            return _refused(request, error)
        with self._here.database.read() as conn:
            last = decisions.undoable(conn, by.code)
        turns = [{"lease": each.lease_id, "revision": each.revision, "round": each.round} for each in held]
        return JSONResponse({"held": turns, "undo": last})

    def case(self, request: Request, lease: str) -> Response:
        """Show one application that its reader holds, to be laid on the desk."""
        try:
            shown = viewing.facts(self._here, by_of(request), lease, self._thresholds)
        except NotHeldError:
            raise HTTPException(404) from None
        groups = _items(request, shown.findings)
        told = [line for lines in groups.values() for line in lines if line.weight < 2]
        return self._renderer.page(
            request, "review_case.html", lease=lease, filed=shown.filed, record=shown.filed.record, groups=groups,
            told=sorted(told, key=lambda line: line.weight), has_signature=shown.has_signature,
            office=OFFICES.get(shown.filed.office), guides=self._thresholds.head_lines_mm,
            alike=_alike(shown.filed.record.applicant), history=_history(request, shown.history),
        )  # fmt: skip

    def picture(self, request: Request, lease: str, role: str) -> Response:
        """Show the photo or the signature of an application that its reader holds."""
        if role not in (Viewed.PHOTO, Viewed.SIGNATURE):
            raise HTTPException(404)
        try:
            found = viewing.image(self._here, by_of(request), lease, Viewed(role))
        except (NotHeldError, SealBrokenError):
            raise HTTPException(404) from None
        if found is None:
            raise HTTPException(404)
        return Response(found.image, media_type=found.media_type)

    def verdict(
        self,
        request: Request,
        token: str = Form(""),
        decision: str = Form(""),
        lease: str = Form(""),
        revision: str = Form(""),
        round_: str = Form("", alias="round"),
        outcome: str = Form(""),
        reasons: str = Form(""),
    ) -> Response:
        """Store a verdict, once: sent again under its own `decision`, it is no news."""
        if (old := stale(request, token, "review.stale")) is not None:
            return old
        try:
            chosen = decisions.decision_of(outcome, reasons.split()[:MOST_REASONS])
            sent = Verdict(decision, lease, _number(revision), _number(round_), chosen)
            news = decisions.decide(self._here, by_of(request), sent)
        except REFUSED as error:
            return _refused(request, error)
        with self._here.database.read() as conn:
            differs = decisions.differs(conn, by_of(request), decision)
        # Only now: before it was stored nothing said that somebody had looked.
        return JSONResponse({"news": news} | ({"differs": True} if differs else {}))

    def undo(self, request: Request, token: str = Form(""), decision: str = Form("")) -> Response:
        """Take a verdict back; its application is in hand again, before all others."""
        if (old := stale(request, token, "review.stale")) is not None:
            return old
        try:
            news = decisions.undo(self._here, by_of(request), decision)
        except REFUSED as error:
            return _refused(request, error)
        return JSONResponse({"news": news})

    def _held(self, by: By) -> tuple[leases.Lease, ...]:
        with self._here.database.read() as conn:
            return leases.held(conn, by.code)


class RatesPage:
    """The lead's page of rates, a Place."""

    path = RATES
    people = frozenset({Role.LEAD})

    def __init__(self, renderer: Renderer, asking: Asking) -> None:
        self._renderer, self._asking = renderer, asking

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        router = APIRouter(prefix=RATES, dependencies=[Depends(door.admit)])
        router.add_api_route("", self.rates, methods=["GET"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """See Place: leads hold nothing."""

    def rates(self, request: Request) -> Response:
        """Show what each reviewer was given, decided, held and let go, and what nobody may be given any more."""
        span = request.query_params.get("span", "shift")
        if span not in SPANS_S:
            raise HTTPException(404)
        now_us = time.time_ns() // 1_000
        with self._asking.lend() as reading:
            found = rates.rates(reading, now_us - SPANS_S[span] * 1_000_000, now_us)
            nobodys = rates.nobodys(reading)
            differing = rates.differing(reading, now_us - SPANS_S[span] * 1_000_000)
        asked = {code: _question(request, item) for code, item in ITEMS.items()}
        return self._renderer.page(
            request, "review_rates.html", found=found, nobodys=nobodys, differing=differing, asked=asked, span=span,
            spans=tuple(SPANS_S),
        )  # fmt: skip


def _items(request: Request, findings: Mapping[str, Finding]) -> dict[Group, list[Line]]:
    """The items in their groups, what is suspected first in each; where no rule looked, as if there was none."""
    chinese = spoken(request) is Language.CHINESE
    lines = [
        Line(item, _question(request, item), finding, _said(finding, chinese=chinese))
        for item in ITEMS.values()
        for finding in (_looked(findings.get(item.code)),)
    ]
    return {
        group: sorted((line for line in lines if line.item.group is group), key=lambda line: line.weight)
        for group in Group
    }


def _question(request: Request, item: ReviewItem) -> str:
    return item.question_zh if spoken(request) is Language.CHINESE else item.question


def _alike(applicant: Applicant) -> list[tuple[str, tuple[Alike, ...]]]:
    """Each character of the printed name that has some with those that it is taken for; each character once."""
    name = dict.fromkeys(applicant.surname + applicant.given_names)
    return [(character, those) for character in name if (those := alike(character))]


def _history(request: Request, rounds: Sequence[Round]) -> list[tuple[Round, list[tuple[str, str | None]]]]:
    """Each earlier return and hold, with its reasons in words and what was answered to each."""
    chinese = spoken(request) is Language.CHINESE
    return [
        (each, [(_word(REASONS[code], chinese=chinese), each.answers.get(code)) for code in each.reasons])
        for each in rounds
    ]


def _word(reason: Reason, *, chinese: bool) -> str:
    return reason.chinese if chinese else reason.english


def _looked(finding: Finding | None) -> Finding | None:
    return None if finding is not None and finding.reason in NOT_LOOKED else finding


def _said(finding: Finding | None, *, chinese: bool) -> str:
    """Why a rule suspects something or can't tell, with what a person decides by."""
    if finding is None or finding.reason is None:
        return ""
    words = REASONS.get(finding.reason) or DOUBTS.get(finding.reason)
    why = "" if words is None else words.chinese if chinese else words.english
    return " ".join((why, *finding.details)).strip()


def _refused(request: Request, error: StationError) -> Response:
    key, status = REFUSALS[type(error)]
    words = Words(spoken(request))
    facts: dict[str, str] = {}
    if isinstance(error, LateVerdictError):
        ended = words.term("lease_end", error.ended)
        stands = words("review.nobody_yet")
        if error.by is not None:
            stands = words("review.stands", by=error.by, outcome=words.term("review_outcome", error.outcome))
        facts = {"ended": ended, "stands": stands}
    return JSONResponse({"refused": key, "said": words(key, **facts)}, status)


def _number(word: str) -> int:
    return min(int(word), MOST_NUMBER) if word.isascii() and word.isdecimal() and len(word) < 6 else 0
