"""The EPCIS 2.0 query interface over HTTP: `GET /epcis/v2/events`, read-only, for readers with a token."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urlencode

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from handoff_logs.epcis.documents import Form, document
from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.parameters import QueryParameterError, asked, page_token, place_of
from handoff_logs.epcis.query import Answers
from handoff_logs.epcis.readers import Readers
from handoff_logs.epcis.vocabulary import CBV_VERSION, EPCIS_VERSION
from handoff_logs.errors import HandoffLogError
from handoff_logs.lookups import record_lookup
from handoff_logs.reading import open_reading

PATH = "/epcis/v2/events"
LONGEST_QUERY = 8_000
"""Most characters of a query string."""
MOST_CONNECTIONS = 64
KEEP_ALIVE_S = 5
STOP_S = 5
"""For answers under way once it is told to stop; what takes longer is cut off."""
HEADERS = {"GS1-EPCIS-Version": EPCIS_VERSION, "GS1-CBV-Version": CBV_VERSION, "Cache-Control": "no-store"}

_JSON = ("application/ld+json", "application/json")
_ANY = frozenset({*_JSON, "application/*", "*/*"})
_TITLES = {
    "QueryParameterException": "The query is not one that can be answered",
    "SecurityException": "No reader's token",
    "NoSuchResourceException": "There is no such resource",
    "NotAcceptableException": "Only JSON is answered",
    "QueryTooLargeException": "The query is too long",
    "QueryTooComplexException": "Another query of this reader is being answered",
    "ImplementationException": "The log can't be asked now",
    "UnsupportedOperationException": "The log is read-only here",
}

_log = structlog.get_logger()


class ProblemError(Exception):
    """A refusal, as the standard's exceptions are told over HTTP (RFC 7807)."""

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, kind, detail, headers)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers or {}


FAILED = ProblemError(500, "ImplementationException", "nothing was answered; try again later")


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, to whom: the log's database url, its centre's identifiers, the readers."""

    url: str
    identifiers: Identifiers
    readers: Readers


class _Turns:
    """Lets each reader have one query answered at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @contextmanager
    def of(self, reader: str) -> Iterator[None]:
        with self._lock:
            if reader in self._busy:
                raise ProblemError(429, "QueryTooComplexException", "wait for its answer", {"Retry-After": "1"})
            self._busy.add(reader)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(reader)


def create_app(served: Served) -> FastAPI:
    """Return the application. Nothing is answered without a reader's token and a record of the look-up."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    turns = _Turns()

    @app.get(PATH)
    def events(request: Request) -> Response:
        reader = _reader(served.readers, request)
        with turns.of(reader):
            _accepts_json(request.headers.get("accept", "*/*"))
            return _answer(served, reader, request.url.query)

    @app.exception_handler(ProblemError)
    def refused(_request: Request, problem: ProblemError) -> Response:
        return _told(problem)

    @app.exception_handler(HTTPException)
    def unserved(_request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return _told(ProblemError(405, "UnsupportedOperationException", "only GET is answered", {"Allow": "GET"}))
        return _told(ProblemError(error.status_code, "NoSuchResourceException", f"events are at {PATH}"))

    @app.exception_handler(HandoffLogError)
    def failed(_request: Request, error: HandoffLogError) -> Response:
        # What failed is the operator's to know, with its paths; a reader learns that it was not the question.
        _log.error("query_failed", error=type(error).__name__, reason=str(error))
        return _told(FAILED)

    @app.exception_handler(Exception)
    def broken(_request: Request, _error: Exception) -> Response:
        # The server logs it with where it happened.
        return _told(FAILED)

    return app


def server(served: Served, host: str, port: int) -> uvicorn.Server:
    """Return what serves, bounded in connections and idle time; `run()` it."""
    config = uvicorn.Config(
        create_app(served),
        host=host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    return uvicorn.Server(config)


def serve(served: Served, host: str, port: int) -> None:
    """Serve until Ctrl-C; blocks."""
    server(served, host, port).run()


def _reader(readers: Readers, request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        _refuse(request, "no token")
    reader = readers.known_by(token.strip())
    if reader is None:
        _refuse(request, "unknown token")
    return reader


def _refuse(request: Request, why: str) -> NoReturn:
    # Never the token: a mistyped one is nearly a good one.
    _log.warning("reader_refused", host=request.client.host if request.client else "unknown", reason=why)
    raise ProblemError(401, "SecurityException", "send a reader's token", {"WWW-Authenticate": "Bearer"})


def _accepts_json(accept: str) -> None:
    if not any(each.partition(";")[0].strip().lower() in _ANY for each in accept.split(",")):
        raise ProblemError(406, "NotAcceptableException", f"accept {' or '.join(_JSON)}")


def _answer(served: Served, reader: str, query_string: str) -> Response:
    if len(query_string) > LONGEST_QUERY:
        raise ProblemError(414, "QueryTooLargeException", f"at most {LONGEST_QUERY} characters")
    try:
        request = asked(query_string)
        start = place_of(served.identifiers, reader, request)
    except QueryParameterError as error:
        raise ProblemError(400, "QueryParameterException", str(error)) from error
    record_lookup(served.url, reader, "epcis events", request.parameters)
    with open_reading(served.url) as reading:
        page = Answers(reading, served.identifiers).page(request.question, request.per_page, start)
    headers = dict(HEADERS)
    if page.next is not None:
        following = {**request.parameters, "nextPageToken": page_token(served.identifiers, reader, request, page.next)}
        headers["Link"] = f'<{PATH}?{urlencode(following)}>; rel="next"'
    body = json.dumps(document(Form.QUERY, page.events, datetime.now(UTC)), ensure_ascii=False)
    return Response(body, media_type=_JSON[0], headers=headers)


def _told(problem: ProblemError) -> Response:
    body = {
        "type": f"epcisException:{problem.kind}",
        "title": _TITLES[problem.kind],
        "status": problem.status,
        "detail": problem.detail,
    }
    headers = HEADERS | problem.headers
    return Response(json.dumps(body), problem.status, headers, media_type="application/problem+json")
