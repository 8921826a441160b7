"""The casebook in a browser: looking cases up, writing the case of a verdict, those beside a suspicion, catch rates.

What a desk asks for beside its work (cases like what is suspected, those of the day) comes as a piece of a page that
its script lays down after the application is painted.
"""

import time
from dataclasses import replace
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from flows.desk_places import Door, by_of, stale
from handoff_logs.asking import Asking
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pages.words import Words
from handoff_logs.reading import Row
from stations.by import By
from stations.calendar import CHINA
from stations.casebook import cut_outs, listing, station
from stations.casebook.cut_outs import Region
from stations.casebook.errors import (
    BookBusyError,
    CaseIdError,
    CaseTakenError,
    CharactersRefusedError,
    CutOutRefusedError,
    NoVerdictError,
    ReasonNotCaseError,
    WordsRefusedError,
)
from stations.casebook.rules import LONGEST_TAKEN_FOR, LONGEST_WORDS, NAMED_ITEMS, WRITERS
from stations.casebook.station import Told
from stations.casebook.training import catch_rates
from stations.emulated_staff import seen_on
from stations.errors import StationError
from stations.people import Role
from stations.review.items import ITEMS, REASONS, Reason
from stations.review.rules import Thresholds
from stations.shift.acts import open_shift_row
from stations.workplace import Workplace

CASEBOOK: Final = "/casebook"
TRAINING: Final = "/training"
READERS: Final = frozenset(role for roles in WRITERS.values() for role in roles)
SEARCHED: Final = ("item", "reason", "character", "since", "until")
LONGEST_SEARCHED: Final = 60
LONGEST_NAME: Final = 40
MOST_SUSPICIONS: Final = 12
TRAINED_S: Final = 24 * 3600
"""How far back a page counts catch rates; `passline casebook training` counts as far as is asked."""
REFUSALS: Final[dict[type[StationError], tuple[str, int]]] = {
    NoVerdictError: ("casebook.no_verdict", 404),
    ReasonNotCaseError: ("casebook.form", 400),
    CaseIdError: ("casebook.form", 400),
    CaseTakenError: ("casebook.form", 409),
    WordsRefusedError: ("casebook.words_refused", 400),
    CharactersRefusedError: ("casebook.characters_refused", 400),
    CutOutRefusedError: ("casebook.picture_refused", 400),
    BookBusyError: ("casebook.busy", 409),
}
"""What the desk says to each refusal."""


class CasebookPages:
    """The book, a Place; `here` is where a case of a verdict is written."""

    path = CASEBOOK
    people = READERS

    def __init__(self, renderer: Renderer, asking: Asking, here: Workplace, thresholds: Thresholds) -> None:
        self._renderer, self._asking, self._here, self._thresholds = renderer, asking, here, thresholds

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        router = APIRouter(prefix=CASEBOOK, dependencies=[Depends(door.admit)])
        router.add_api_route("", self.search, methods=["GET"], response_class=Response)
        router.add_api_route("/case/{case_id}", self.one, methods=["GET"], response_class=Response)
        router.add_api_route("/picture/{case_id}", self.picture, methods=["GET"], response_class=Response)
        router.add_api_route("/form", self.form, methods=["GET"], response_class=Response)
        router.add_api_route("/today", self.today, methods=["GET"], response_class=Response)
        router.add_api_route("/similar", self.similar, methods=["POST"], response_class=Response)
        router.add_api_route("/write", self.write, methods=["POST"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """See Place: nobody holds anything of the book."""

    def search(self, request: Request) -> Response:
        """Show the cases that stand: all, or by item, reason, character and day; and rules that miss one of theirs."""
        wanted = {name: request.query_params.get(name, "")[:LONGEST_SEARCHED].strip() for name in SEARCHED}
        with self._asking.lend() as reading:
            cases = listing.search(reading, wanted)
            missed = [trial for trial in listing.trials(reading, self._thresholds) if not trial.caught]
        return self._renderer.page(
            request, "casebook.html", cases=cases, wanted=wanted, missed=missed, items=_items(request),
            reasons=_reasons(request), most=listing.MOST,
        )  # fmt: skip

    def one(self, request: Request, case_id: str) -> Response:
        """Show one case whole, with the rules that it tests."""
        with self._asking.lend() as reading:
            case = listing.one(reading, case_id)
            trials = [each for each in listing.trials(reading, self._thresholds) if each.case["case_id"] == case_id]
        if case is None:
            raise HTTPException(404)
        return self._renderer.page(
            request, "casebook_case.html", case=case, trials=trials, items=_items(request), reasons=_reasons(request)
        )

    def picture(self, case_id: str) -> Response:
        """Show the picture of a case that stands."""
        with self._asking.lend() as reading:
            piece = listing.picture(reading, case_id)
        if piece is None:
            raise HTTPException(404)
        return Response(piece, media_type="image/png")

    def form(self, request: Request) -> Response:
        """Give the desk's script the form of a case, with what can be cut out for each item."""
        regions = {code: cut_outs.regions_of(item) for code, item in ITEMS.items()}
        shares = {region.value: cut_outs.SHARES.get(region, ()) for region in Region}
        items = {
            code: {"regions": [each.value for each in regions[code]], "named": code in NAMED_ITEMS, "asked": asked}
            for code, asked in _items(request).items()
        }
        words = Words(spoken(request))
        named = {region.value: words.term("region", region.value) for region in Region}
        of = {
            reason.code: {"item": item.code, "said": _said(request, reason)}
            for item in ITEMS.values()
            for reason in item.reasons
        }
        return self._renderer.page(
            request, "casebook_form.html", known={"items": items, "reasons": of, "shares": shares, "regions": named},
            longest_words=LONGEST_WORDS, longest_taken_for=LONGEST_TAKEN_FOR,
        )  # fmt: skip

    def today(self, request: Request) -> Response:
        """Give the desk's script what a shift begins with; `shift` names the shift, so that it is shown once."""
        day = datetime.now(CHINA).date().isoformat()
        row = self._open_shift()
        with self._asking.lend() as reading:
            cases = listing.of_the_day(reading, day)
        shift = str(row["shift_id"]) if row is not None else f"{self._here.shift}@{day}"
        return self._renderer.page(
            request, "casebook_today.html", cases=cases, shift=shift, items=_items(request), reasons=_reasons(request)
        )

    def similar(
        self, request: Request, token: str = Form(""), reasons: str = Form(""), name: str = Form("")
    ) -> Response:
        """Give cases like what is suspected, and those of a name's characters. By POST: names are in no address."""
        if (old := stale(request, token, "casebook.stale")) is not None:
            return old
        with self._asking.lend() as reading:
            cases = listing.similar(reading, reasons.split()[:MOST_SUSPICIONS], name[:LONGEST_NAME])
        return self._renderer.page(
            request, "casebook_similar.html", cases=cases, items=_items(request), reasons=_reasons(request)
        )

    def write(
        self,
        request: Request,
        token: str = Form(""),
        case: str = Form(""),
        decision: str = Form(""),
        reason: str = Form(""),
        region: str = Form(""),
        place: str = Form(""),
        taken_for: str = Form(""),
        words: str = Form(""),
    ) -> Response:
        """Write the case of a verdict that its reviewer has just given, once."""
        if (old := stale(request, token, "casebook.stale")) is not None:
            return old
        try:
            told = Told(reason, _region(region), _place(place), taken_for=taken_for.strip(), words=words)
            row = self._open_shift()
            here = self._here if row is None else replace(self._here, shift=str(row["name"]))
            news = station.write_of_verdict(here, by_of(request), case, decision, told)
        except tuple(REFUSALS) as error:
            key, status = REFUSALS[type(error)]
            return JSONResponse({"refused": key, "said": Words(spoken(request))(key)}, status)
        return JSONResponse({"news": news, "said": Words(spoken(request))("casebook.written")})

    def _open_shift(self) -> Row | None:
        with self._here.database.read() as conn:
            return open_shift_row(conn)


class TrainingPage:
    """Catch rates of seeded defects, for leads on an EMULATED line; a Place."""

    path = TRAINING
    people = frozenset({Role.LEAD})

    def __init__(self, renderer: Renderer, here: Workplace) -> None:
        self._renderer, self._here = renderer, here

    def router(self, door: Door) -> APIRouter:
        """See Place."""
        router = APIRouter(prefix=TRAINING, dependencies=[Depends(door.admit)])
        router.add_api_route("", self.show, methods=["GET"], response_class=Response)
        return router

    def left(self, by: By) -> None:
        """See Place: leads hold nothing."""

    def show(self, request: Request) -> Response:
        """Show who caught which of the defects that pictures are marked with, of the last day."""
        since_us = time.time_ns() // 1_000 - TRAINED_S * 1_000_000
        rates = catch_rates(self._here, seen_on, {}, since_us)
        return self._renderer.page(request, "casebook_training.html", rates=rates, items=_items(request))


def _region(word: str) -> Region | None:
    if not word:
        return None
    try:
        return Region(word)
    except ValueError:
        raise CutOutRefusedError("there is no such piece") from None


def _place(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 3 else None


def _items(request: Request) -> dict[str, str]:
    """The question of each item in the page's language."""
    chinese = spoken(request) is Language.CHINESE
    return {code: item.question_zh if chinese else item.question for code, item in ITEMS.items()}


def _reasons(request: Request) -> dict[str, str]:
    return {code: _said(request, reason) for code, reason in REASONS.items()}


def _said(request: Request, reason: Reason) -> str:
    return reason.chinese if spoken(request) is Language.CHINESE else reason.english
