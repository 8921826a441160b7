"""The pages: search, custody, stations, shifts, the questions with exports, integrity. Nothing but GET."""

import itertools
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse

from handoff_logs import outputs, questions
from handoff_logs.asking import Asking
from handoff_logs.pages import moments, near, overviews
from handoff_logs.pages.cells import Table
from handoff_logs.pages.filters import ROWS, Asked, asked, cleaned
from handoff_logs.pages.integrity import integrity
from handoff_logs.pages.languages import PARAMETER, spoken
from handoff_logs.pages.rendering import Reader, Renderer, address, reader_of
from handoff_logs.pages.terms import TERMS
from handoff_logs.pages.timeline import custody
from handoff_logs.pages.verified import read_verified
from handoff_logs.pages.words import Words
from handoff_logs.proofs import making
from handoff_logs.proofs.proof_file import checkpoint_of
from handoff_logs.proofs.verifying import verify
from handoff_logs.questions.answers import FIRST_US, LAST_US, Answer, Period
from handoff_logs.questions.registry import ASKED, LOOKUPS, Question
from handoff_logs.reading import Reading
from handoff_logs.records import Kind

EXPORTS: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
"""What a question's rows are exported as, with its media type."""
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9-]+")
STATIONS: Final = tuple(name.partition(".")[2] for name in TERMS if name.startswith("station."))


def reading_person(request: Request) -> Reader:
    """Return who reads. Whoever joins the pages with a sign-in lets nobody else come here."""
    reader = reader_of(request)
    if reader is None:
        raise HTTPException(401)
    return reader


Who = Annotated[Reader, Depends(reading_person)]


class AuditPages:
    """The pages over one log. `verified`: where the last clean verification's tree is kept.

    `days`: the address of what was recorded on a day, for whoever has pages of the shifts themselves at `/shifts`.
    """

    def __init__(self, renderer: Renderer, asking: Asking, verified: Path, days: str = "/shifts") -> None:
        self._renderer, self._asking, self._verified, self._days = renderer, asking, verified, days

    def router(self) -> APIRouter:
        """Return the routes; each lets only a reader in, and none changes anything."""
        router = APIRouter()
        for path, page in (
            ("/", self.home),
            ("/custody", self.custody),
            ("/custody/proof", self.proof),
            ("/stations", self.stations),
            ("/station", self.station),
            (self._days, self.shifts),
            ("/questions", self.questions),
            ("/questions/{name}", self.question),
            ("/questions/{name}/export.{form}", self.export),
            ("/integrity", self.integrity),
        ):
            router.add_api_route(path, page, methods=["GET"], response_class=Response)
        return router

    def home(self, request: Request, _who: Who) -> Response:
        """Where to begin: the search, and the questions."""
        return self._renderer.page(request, "home.html", questions=ASKED.values())

    def custody(self, request: Request, who: Who) -> Response:
        """Show a number's custody as a time line with its proof, or help with one that the log does not know."""
        number = cleaned(request.query_params.get("number", ""))
        if not number:
            return self._renderer.page(request, "unknown.html", 400, number="", meant=[], staff=False)
        with self._asking.answer(who.code, "custody", number=number) as reading:
            steps = list(questions.document(reading, number))
            if not steps:
                meant = near.meant(reading, number)
                staff = near.is_staff_code(number)
                return self._renderer.page(request, "unknown.html", 404, number=number, meant=meant, staff=staff)
            found = custody(reading, [dict(step) for step in steps])
        now = moments.shown(questions.answers.now_us())
        return self._renderer.page(request, "custody.html", number=number, custody=found, now=now)

    def proof(self, request: Request, who: Who) -> Response:
        """Hand out the file that proves a number's custody to whoever has the log's public key, if it holds."""
        number = cleaned(request.query_params.get("number", ""))
        with self._asking.answer(who.code, "proof", number=number) as reading:
            proof = making.prove(reading, number)
            data, key = proof.encode(), making.log_key(reading, checkpoint_of(proof.note).size)
        # What the database says may be damaged: nobody is given a file that proves nothing.
        verify(data, key)
        file = f"{_NOT_IN_A_NAME.sub('-', number)}.proof.json"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return Response(data, media_type=EXPORTS["json"], headers=headers)

    def stations(self, request: Request, who: Who) -> Response:
        """Show what each station holds and what it has to take."""
        with self._asking.answer(who.code, "stations") as reading:
            rows = overviews.stations(reading)
        return self._renderer.page(request, "stations.html", rows=rows, now_us=questions.answers.now_us())

    def station(self, request: Request, who: Who) -> Response:
        """Show one station: what it holds, what is offered to it and by it, and how old that is."""
        name = cleaned(request.query_params.get("name", ""))
        with self._asking.answer(who.code, "station", station=name) as reading:
            if not overviews.is_known(reading, name):
                facts = {"station": name}
                return self._renderer.problem(request, "station.unknown", 404, **facts)
            rows, to_take = overviews.holds(reading, name), overviews.to_take(reading, name)
            given = overviews.given(reading, name)
        now_us = questions.answers.now_us()
        return self._renderer.page(
            request, "station.html", station=name, rows=rows, to_take=to_take, given=given, now_us=now_us
        )

    def shifts(self, request: Request, who: Who) -> Response:
        """Show what each shift did on a day, in all and on each machine."""
        day = moments.day(cleaned(request.query_params.get("day", "")))
        with self._asking.answer(who.code, "shifts", day=day.isoformat()) as reading:
            rows = overviews.shifts(reading, day)
        days = {name: (day + timedelta(days=step)).isoformat() for name, step in (("before", -1), ("after", 1))}
        grouped = [(shift, list(some)) for shift, some in itertools.groupby(_by_shift(rows), lambda row: row["shift"])]
        return self._renderer.page(request, "shifts.html", day=day.isoformat(), shifts=grouped, days=days)

    def questions(self, request: Request, _who: Who) -> Response:
        """List the questions."""
        return self._renderer.page(request, "questions.html", questions=ASKED.values())

    def question(self, request: Request, who: Who, name: str) -> Response:
        """Answer one question, a page of rows at a time."""
        question = _known(name, who)
        if (tidy := _tidied(request)) is not None:
            return RedirectResponse(tidy, 303)
        what, words = asked(question, request.query_params), Words(spoken(request))
        everything = request.query_params.get("columns") == "all"
        facts: dict[str, Any] = {"question": question, "what": what, "everything": everything, "exports": EXPORTS}
        facts |= {"kinds": list(Kind), "known_stations": STATIONS, "base": f"/questions/{name}"}
        if question.subject and not what.subject:
            return self._renderer.page(request, "question.html", table=None, rows=[], answer=None, period="", **facts)
        with self._asking.answer(who.code, name, **what.filters, **_subject(question, what)) as reading:
            answer = self._answer(question, what, reading, ROWS)
            table = Table(question, words, everything)
            rows = [table.cells(row) for row in answer]
        period = _told(answer.period, words)
        return self._renderer.page(
            request, "question.html", table=table, rows=rows, answer=answer, period=period, **facts
        )

    def export(self, who: Who, request: Request, name: str, form: str) -> Response:
        """Answer one question whole, as a file."""
        question = _known(name, who)
        if form not in EXPORTS:
            raise HTTPException(404)
        what = asked(question, request.query_params)
        if question.subject and not what.subject:
            raise HTTPException(404)
        outputs.require(form)
        descriptor, made = tempfile.mkstemp(prefix="passline-export-")
        os.close(descriptor)
        path = Path(made)
        try:
            with self._asking.answer(
                who.code, f"export {name} {form}", **what.filters, **_subject(question, what)
            ) as log:
                answer = self._answer(question, what, log, None)
                outputs.write(answer, question.columns, form, path, question.title.format(what.subject))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        file = f"{name}-{date.today().isoformat()}.{form}"
        return FileResponse(path, media_type=EXPORTS[form], filename=file, background=BackgroundTask(path.unlink))

    def integrity(self, request: Request, who: Who) -> Response:
        """Show how far the log is sealed and witnessed, and whose keys sign."""
        with self._asking.answer(who.code, "integrity") as reading:
            found = integrity(reading)
            verified = read_verified(reading, self._verified)
        now_us = questions.answers.now_us()
        return self._renderer.page(request, "integrity.html", log=found, verified=verified, now_us=now_us)

    def _answer(self, question: Question, what: Asked, reading: Reading, limit: int | None) -> Answer[Any]:
        subject = (what.subject,) if question.subject else ()
        after, filters = what.after if limit is not None else None, what.filters
        if question.pseudonymous and "number" in filters:
            filters = filters | {"number": self._asking.hidden(filters["number"])}
        return question.ask(reading, *subject, after=after, limit=limit, **filters)


def _known(name: str, who: Reader) -> Question:
    # Whoever may not know what others asked is not told that it can be asked.
    if name == LOOKUPS.name and who.oversees:
        return LOOKUPS
    if (question := ASKED.get(name)) is None:
        raise HTTPException(404)
    return question


def _subject(question: Question, what: Asked) -> dict[str, str]:
    return {question.subject: what.subject} if question.subject else {}


def _tidied(request: Request) -> str | None:
    """The address without the filters that a form sent empty; None if there are none."""
    given = request.query_params
    if all(given.values()):
        return None
    return address(request.url.path, {name: value for name, value in given.items() if name != PARAMETER or value})


def _by_shift(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: Mapping[str, int] = {row["shift"]: row["first_us"] for row in reversed(rows)}
    return sorted(rows, key=lambda row: (first[row["shift"]], row["shift"], row["machine"] or ""))


def _told(period: Period | None, words: Words) -> str:
    """Say which time an answer covers; nothing where it covers all."""
    if period is None or (period.from_us <= FIRST_US and period.to_us >= LAST_US):
        return ""
    start, end = (
        moments.shown(time_us) if FIRST_US < time_us < LAST_US else "…" for time_us in (period.from_us, period.to_us)
    )
    return words("question.period.assumed" if period.assumed else "question.period", start=start, end=end)
