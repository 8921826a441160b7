"""What goes wrong with a page, said in the reader's language with the next step."""

from collections.abc import Callable
from typing import Final

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from handoff_logs.errors import BadCursorError, ExtraMissingError, HandoffLogError
from handoff_logs.lookups import LookupNotRecordedError
from handoff_logs.pages.filters import TooLongError
from handoff_logs.pages.moments import BadTimeError
from handoff_logs.pages.rendering import Renderer
from handoff_logs.proofs.errors import BrokenProofError, NotSealedError, SpansOriginsError, UnknownNumberError

_log = structlog.get_logger()

_REFUSALS: Final[dict[type[HandoffLogError], tuple[str, int]]] = {
    BadCursorError: ("problem.cursor", 400),
    ExtraMissingError: ("problem.extra", 501),
    LookupNotRecordedError: ("problem.unrecorded", 503),
    BrokenProofError: ("problem.unproven", 500),
    NotSealedError: ("problem.unsealed", 409),
    SpansOriginsError: ("problem.spans", 409),
}


def tell_problems(app: FastAPI, renderer: Renderer, finish: Callable[[Response], Response]) -> None:
    """Answer every refusal and fault with a page. `finish` completes what the server answers to a fault by itself."""

    @app.exception_handler(HTTPException)
    def unserved(request: Request, error: HTTPException) -> Response:
        key = "problem.method" if error.status_code == 405 else "problem.missing"
        response = renderer.problem(request, key, error.status_code)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(BadTimeError)
    def no_time(request: Request, error: BadTimeError) -> Response:
        return renderer.problem(request, "question.bad_time", 400, word=error.word)

    @app.exception_handler(TooLongError)
    def too_long(request: Request, error: TooLongError) -> Response:
        return renderer.problem(request, "search.long", 400, most=error.most, length=error.length)

    @app.exception_handler(UnknownNumberError)
    def unknown(request: Request, error: UnknownNumberError) -> Response:
        return renderer.page(request, "unknown.html", 404, number=error.number, meant=[], staff=False)

    @app.exception_handler(HandoffLogError)
    def refused(request: Request, error: HandoffLogError) -> Response:
        key, status = _REFUSALS.get(type(error), ("problem.unreadable", 503))
        if status >= 500:
            # What failed is the operator's to know, with its paths.
            _log.error("page_failed", error=type(error).__name__, reason=str(error))
        return renderer.problem(request, key, status)

    @app.exception_handler(DataError)
    @app.exception_handler(psycopg.DataError)
    def unwritable(request: Request, _error: Exception) -> Response:
        # A word or a number that the database has no place for (NUL, say): it names nothing that could be there.
        return renderer.problem(request, "problem.missing", 404)

    @app.exception_handler(Exception)
    def broken(request: Request, _error: Exception) -> Response:
        # The server logs it with where it happened.
        return finish(renderer.problem(request, "problem.broken", 500))
