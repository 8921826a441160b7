"""The pages of the shifts: a list, each one's report and its paper. Nothing but GET, for whoever may ask the log."""

import re
import time
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from flows.run_folder import RunFolder
from flows.shift_paper import shift_paper
from flows.shift_report import HERE_TERMS, ShiftReport, as_json, is_long_ago, shift_report
from handoff_logs.asking import Asking
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Reader, Renderer
from handoff_logs.reading import Reading
from stations.qc.rules import DEFECTS
from stations.review.items import REASONS
from stations.shift.errors import ShiftUnknownError
from stations.shift.report import MOVED, find, listed
from stations.vault.balance import LAST_US

SHIFTS: Final = "/shifts"
DAY: Final = "/day"
"""Where the log's pages show what was recorded on a day, shift by shift."""
ROWS: Final = 50
"""Shifts of one page of the list."""
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9-]+", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


class ShiftPages:
    """The pages. Whoever joins them with a sign-in puts a `reader` into a request's state."""

    def __init__(self, renderer: Renderer, asking: Asking, folder: Path) -> None:
        self._renderer, self._asking, self._folder = renderer, asking, RunFolder(folder)

    def router(self) -> APIRouter:
        """The pages' routes, without a sign-in."""
        router = APIRouter()
        router.add_api_route(SHIFTS, self.shifts, methods=["GET"], response_class=Response)
        router.add_api_route(f"{SHIFTS}/{{shift}}", self.shift, methods=["GET"], response_class=Response)
        router.add_api_route(f"{SHIFTS}/{{shift}}/report.pdf", self.paper, methods=["GET"], response_class=Response)
        return router

    def shifts(self, request: Request) -> Response:
        """List the shifts, the latest first; an address of earlier times that names a day leads to that day."""
        reader: Reader = request.state.reader
        if "day" in request.query_params:
            return RedirectResponse(f"{DAY}?{request.url.query}", 303)
        before = request.query_params.get("before", "")
        if before and _TIME.fullmatch(before) is None:
            raise HTTPException(404)
        with self._asking.answer(reader.code, "shift-list") as reading:
            found = listed(reading, int(before or LAST_US), ROWS + 1)
        more = found[ROWS - 1].opened_us if len(found) > ROWS else None
        return self._renderer.page(
            request, "shift_list.html", rows=found[:ROWS], more=more, first=not before, now_us=_now_us()
        )

    def shift(self, request: Request, shift: str) -> Response:
        """Show the report of one shift."""
        reader: Reader = request.state.reader
        with self._asking.answer(reader.code, "shift-report", shift=_checked(shift)) as reading:
            found = self._report(reading, shift)
        terms = MOVED if found.is_open else ("carried_over", *MOVED, "still_here")
        return self._renderer.page(
            request, "shift_report.html", report=as_json(found), terms=(*terms, "difference"),
            here=HERE_TERMS, meant=_Reasons(spoken(request)), mine=found.emulated,
        )  # fmt: skip

    def paper(self, request: Request, shift: str) -> Response:
        """Hand out the report of one shift as a PDF, to print and sign."""
        reader: Reader = request.state.reader
        with self._asking.answer(reader.code, "export shift-report pdf", shift=_checked(shift)) as reading:
            found = self._report(reading, shift)
        # The name comes from a row that whoever holds the database can change.
        file = f"shift-{_NOT_IN_A_NAME.sub('-', found.facts.shift.name)}-{shift}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(shift_paper(found), media_type="application/pdf", headers=headers)

    def _report(self, reading: Reading, shift: str) -> ShiftReport:
        try:
            closed_us = find(reading, shift).closed_us
        except ShiftUnknownError as error:
            raise HTTPException(404) from error
        # A page does not keep anybody waiting: of a shift that did not keep it, the paper has it, and the command.
        return shift_report(reading, self._folder, shift, stood=not is_long_ago(closed_us, _now_us()))


class _Reasons:
    """What a reason's code means in one language; empty for one that has no words."""

    def __init__(self, language: Language) -> None:
        self._place = tuple(Language).index(language)

    def __call__(self, code: str) -> str:
        reason = REASONS.get(code)
        words = DEFECTS.get(code, ("", "")) if reason is None else (reason.english, reason.chinese)
        return words[self._place]


def _checked(shift: str) -> str:
    """The id, if it can be one."""
    if _ID.fullmatch(shift) is None:
        raise HTTPException(404)
    return shift


def _now_us() -> int:
    return time.time_ns() // 1_000
