"""The board as a page, and the door of the displays that hang on a wall: who looks sees counts, and nothing of anybody.

A display shows its token once, in a form; from then on a cookie that goes to `/board` alone has it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.responses import RedirectResponse

from flows.alarm_findings import UNSEALED_ALARM_S
from flows.alarm_pages import AlarmWords
from flows.board_watch import OLD_S, BoardWatch, Now, Slow
from flows.facts import Alarm, BoardFacts, MachineFacts
from flows.late import Status
from flows.sessions import Attempts
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.moments import lasting, local
from handoff_logs.pages.rendering import Renderer, grouped
from handoff_logs.pages.words import Words
from stations.alarms.listing import Listed, printable
from stations.alarms.rules import Severity
from stations.people_register.displays import admitted

BOARD: Final = "/board"
DISPLAY: Final = "/board/display"
COOKIE: Final = "passline_display"
AGAIN_S: Final = 8
MOST_MACHINES: Final = 8
"""Machines that are shown one by one, the troubled first; of the others the page says how many are in which state."""
MOST_ALARMS: Final = 4
LATE_LOOKS: Final = {
    Status.OVERDUE: ("■", "bad", "board.overdue"),
    Status.LATE: ("▲", "bad", "board.is_late"),
    Status.WILL_BE: ("△", "wait", "board.will_be"),
}
CLASSES: Final = ("emergency", "expedited", "normal")

MACHINE_LOOKS: Final = {
    "execute": ("●", "good"),
    "idle": ("○", "end"),
    "suspended": ("◐", "wait"),
    "held": ("■", "bad"),
    "stopped": ("□", "end"),
}
UNKNOWN_LOOK: Final = ("?", "bad")
WORST_FIRST: Final = ("held", "suspended", "execute", "idle", "stopped")
UNSEALED_S: Final = UNSEALED_ALARM_S / 3
"""What a record may stay unsealed: the sealer at work."""
ALARM_LOOKS: Final = {Severity.URGENT: ("▲", "bad"), Severity.WARNING: ("!", "wait"), Severity.NOTICE: ("·", "end")}

_log = structlog.get_logger()


class DisplayEndedError(Exception):
    """Whoever asks has the cookie of a display that shows nothing any more."""


class NoFiguresError(Exception):
    """The database did not answer, and there are no older figures either."""


@contextmanager
def _asked() -> Iterator[None]:
    try:
        yield
    except UnreadableDatabaseError as error:
        # What failed is the operator's to know, with its paths.
        _log.error("page_failed", error=type(error).__name__, reason=str(error))
        raise NoFiguresError from error


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mark says: its look, the text and its facts."""

    look: str
    key: str
    facts: dict[str, object] = field(default_factory=dict)


class BoardPages:
    """The page, and the form by which a display comes in.

    `key` is what displays' tokens are held against. A witness that has seen nothing for `witness_silent_s` is silent;
    None where the line has none.
    """

    def __init__(
        self, renderer: Renderer, watch: BoardWatch, key: bytes, *, https: bool, witness_silent_s: float | None
    ) -> None:
        self._renderer, self._watch, self._key = renderer, watch, key
        self._https, self._witness_silent_s = https, witness_silent_s
        self._attempts = Attempts()

    def router(self, admission: Any) -> APIRouter:
        """Return the routes; whoever wants to see the board must pass `admission`, a dependency."""
        router = APIRouter()
        router.add_api_route(
            BOARD, self.board, methods=["GET"], response_class=Response, dependencies=[Depends(admission)]
        )
        router.add_api_route(DISPLAY, self.ask, methods=["GET"], response_class=Response)
        router.add_api_route(DISPLAY, self.enter, methods=["POST"], response_class=Response)
        return router

    def is_display(self, request: Request) -> bool:
        """Whether a display asks that may show the board now.

        Raises DisplayEndedError where it was one once, NoFiguresError.
        """
        token = request.cookies.get(COOKIE)
        if token is None:
            return False
        with _asked():
            known = self._watch.displays()
        if admitted(known, self._key, token, _now_us()) is None:
            raise DisplayEndedError
        return True

    def ask(self, request: Request) -> Response:
        """Show the form that takes a display's token."""
        if request.query_params.get("why") != "ended":
            return self._form(request, 200, None)
        response = self._form(request, 200, "display.ended")
        response.delete_cookie(COOKIE, path=BOARD)
        return response

    def enter(self, request: Request, token: str = Form("")) -> Response:
        """Let a display in by its token: from now on its cookie opens the board."""
        host = request.client.host if request.client else ""
        if not self._attempts.may(host):
            return self._form(request, 429, "display.many")
        now_us = _now_us()
        with _asked():
            known = self._watch.displays()
        display = admitted(known, self._key, token, now_us)
        if display is None:
            # Never what was typed: it may be a password.
            _log.warning("display_refused", host=host, status=403)
            return self._form(request, 403, "display.refused")
        response = RedirectResponse(BOARD, 303)
        left_s = (display.until_us - now_us) // 1_000_000
        response.set_cookie(
            COOKIE, token, max_age=left_s, httponly=True, samesite="strict", secure=self._https, path=BOARD
        )
        return response

    def board(self, request: Request) -> Response:
        """Show the whole board, which the browser then keeps fresh."""
        with _asked():
            now, slow = self._watch.now(), self._watch.slow()
        facts = now.value.facts
        language = spoken(request)
        words = Words(language)
        machines = sorted(facts.machines, key=_worst_first)
        alarms = [*_standing(facts, language), *_found(facts, words)]
        return self._renderer.page(
            request,
            "board.html",
            run=f"{self._watch.run}-{language}",
            age_s=now.age_s,
            old_s=OLD_S,
            clock=f"{local(facts.now_us):%H:%M:%S}",
            slow_clock=f"{local(slow.value.now_us):%H:%M}",
            since=_since(now.value, words),
            emulated_here=facts.emulated,
            shift=_shift(now.value),
            seal=_seal(now.value),
            witness=_witness(now.value, self._witness_silent_s),
            stations=list(_stations(facts, slow.value)),
            ended=facts.ended,
            whole=facts.all_applications,
            hours=list(_hours(slow.value)),
            late=list(_late(slow.value)),
            all_emulated=bool(machines) and all(one.emulated for one in machines),
            machines=[_machine(one, facts.now_us) for one in machines[:MOST_MACHINES]],
            more_machines=len(machines[MOST_MACHINES:]),
            more_states=list(_states(machines[MOST_MACHINES:])),
            alarms=alarms[:MOST_ALARMS],
            alarm_count=len(alarms),
            more_alarms=len(alarms[MOST_ALARMS:]),
        )

    def no_figures(self, request: Request, _error: NoFiguresError) -> Response:
        """Say that there is nothing to show; the browser asks again by itself, for nobody stands at a wall screen."""
        response = self._renderer.problem(request, "problem.unreadable", 503)
        if request.method == "GET":
            response.headers["Refresh"] = str(AGAIN_S)
        return response

    def _form(self, request: Request, status: int, key: str | None) -> Response:
        return self._renderer.page(request, "board_display.html", status, key=key)


def display_ended(_request: Request, _error: DisplayEndedError) -> Response:
    """Send a display that shows nothing any more to where it can come in with another token."""
    return RedirectResponse(f"{DISPLAY}?why=ended", 303)


def _now_us() -> int:
    return time.time_ns() // 1_000


def _since(now: Now, words: Words) -> str:
    if now.of_shift:
        return words("board.since.shift", time=f"{local(now.since_us):%H:%M}")
    return words("board.since.day")


def _shift(now: Now) -> dict[str, str] | None:
    if now.shift is None:
        return None
    opened = local(now.shift["opened_us"])
    same_day = opened.date() == local(now.facts.now_us).date()
    since = f"{opened:%H:%M}" if same_day else f"{opened:%m-%d %H:%M}"
    return {"name": printable(now.shift["name"]), "since": since, "opened_by": now.shift["opened_by"]}


def _seal(now: Now) -> Shown:
    """How far the log is sealed: the sealer's heart-beat."""
    unsealed, oldest_us = int(now.seals["unsealed"]), now.seals["oldest_us"]
    if unsealed:
        age_s = max(0.0, (now.facts.now_us - oldest_us) / 1e6)
        look = "bad" if age_s > UNSEALED_ALARM_S else "wait" if age_s > UNSEALED_S else "good"
        return Shown(look, "board.seal.waits", {"records": grouped(unsealed), "age": lasting(age_s)})
    if now.seals["size"] is None:
        return Shown("end", "board.seal.none")
    return Shown("good", "board.seal.all")


def _witness(now: Now, silent_s: float | None) -> Shown | None:
    cosigned_s = now.seals["cosigned_s"]
    if cosigned_s is None:
        return None
    age_s = max(0.0, now.facts.now_us / 1e6 - int(cosigned_s))
    silent = silent_s is not None and age_s > silent_s
    return Shown("bad" if silent else "good", "board.witnessed", {"age": lasting(age_s)})


def _stations(facts: BoardFacts, slow: Slow) -> Iterator[dict[str, Any]]:
    for one in facts.stations:
        rate = slow.late.rates.per_hour.get(one.station)
        yield {
            "station": one.station,
            "waiting": one.waiting,
            "in_work": one.in_work,
            "done": one.done,
            "rate": "" if rate is None else grouped(round(rate)),
            "oldest": "" if one.oldest_us is None else _briefly((facts.now_us - one.oldest_us) / 1e6),
        }


def _hours(slow: Slow) -> Iterator[tuple[str, int, int]]:
    """Each hour by its local beginning, with the documents made and those taken away; the last is not over."""
    found = slow.throughput
    for place, begun_us in enumerate(found.hours):
        label = f"{datetime.fromtimestamp(begun_us / 1e6, UTC).astimezone():%H}"
        under_way = "…" if place == len(found.hours) - 1 else ""
        yield f"{label}{under_way}", found.documents["personalization"][place], found.documents["mailing"][place]


def _late(slow: Slow) -> Iterator[dict[str, Any]]:
    """How many are overdue, late, will be late; in all and of each class. What can't be known is None, and not 0."""
    late = slow.late
    for status, (icon, kind, key) in LATE_LOOKS.items():
        known = status is not Status.WILL_BE or bool(late.rates.per_hour)
        classes = [(name, late.by_class.get((status, name), 0)) for name in CLASSES]
        count = late.count(status) if known else None
        yield {"icon": icon, "kind": "end" if count == 0 else kind, "key": key, "count": count, "classes": classes}


def _worst_first(machine: MachineFacts) -> tuple[int, str]:
    # A state that nobody knows is worse than all.
    place = WORST_FIRST.index(machine.state) if machine.state in WORST_FIRST else -1
    return place, machine.machine


def _machine(one: MachineFacts, now_us: int) -> dict[str, Any]:
    icon, kind = MACHINE_LOOKS.get(one.state, UNKNOWN_LOOK)
    return {
        "name": one.machine,
        "state": one.state,
        "icon": icon,
        "kind": kind,
        "reason": one.reason,
        "emulated": one.emulated,
        "pieces": one.jobs,
        "age": _briefly((now_us - one.since_us) / 1e6),
    }


def _briefly(seconds: float) -> str:
    """A length of time as it is read from afar, from a minute on without seconds.

    >>> _briefly(59), _briefly(125), _briefly(3_700)
    ('59 s', '2 min', '1 h 1 min')
    """
    return lasting(seconds - seconds % 60 if seconds >= 60 else seconds)


def _states(machines: Sequence[MachineFacts]) -> Iterator[tuple[str, str, str, int]]:
    for state in dict.fromkeys(machine.state for machine in machines):
        yield *MACHINE_LOOKS.get(state, UNKNOWN_LOOK), state, sum(machine.state == state for machine in machines)


def _standing(facts: BoardFacts, language: Language) -> Iterator[dict[str, Any]]:
    for one in facts.standing:
        words = AlarmWords(one, tuple(Language).index(language))
        yield _row(one.severity, words.title, one.subject) | {
            "much": words.much,
            "age": _briefly((facts.now_us - one.raised_us) / 1e6),
            "taken_by": one.taken_by,
            "roles": _roles(one),
            "emulated": one.emulated,
        }


def _roles(one: Listed) -> tuple[str, ...]:
    return (one.owner, *one.told)


def _found(facts: BoardFacts, words: Words) -> Iterator[dict[str, Any]]:
    """What a look at the tables finds and the register does not have: a lead's to see to."""
    for one in facts.alarms:
        yield _row(Severity.URGENT, words.term("look", one.code), one.where) | _about(one, facts, words)


def _about(one: Alarm, facts: BoardFacts, words: Words) -> dict[str, Any]:
    where = words.term("station", one.where)
    return {
        "where": where,
        "much": f"× {one.count}" if one.count > 1 else words.term("machine_reason", one.detail),
        "age": "" if one.since_us is None else _briefly((facts.now_us - one.since_us) / 1e6),
        "roles": ("lead",),
    }


def _row(severity: Severity, title: str, where: str) -> dict[str, Any]:
    icon, kind = ALARM_LOOKS[severity]
    return {
        "icon": icon,
        "kind": kind,
        "severity": severity,
        "title": title,
        "where": where,
        "taken_by": None,
        "emulated": False,
    }
