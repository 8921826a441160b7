"""The page of alarms: what is open and whose it is, and taking one by whoever may, signed in.

It writes: its form carries the session's own token, and the register reads the person's standing anew
in the transaction that records the act.
"""

import hmac
import time
from typing import Final

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pages import moments
from handoff_logs.pages.languages import Language, spoken
from handoff_logs.pages.rendering import Reader, Renderer
from stations.alarms import register
from stations.alarms.errors import AlarmOverError, AlreadyAcknowledgedError, UnknownAlarmError
from stations.alarms.listing import Listed, listed
from stations.alarms.rules import KINDS, may_acknowledge
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import RoleMissingError

ALARMS: Final = "/alarms"
TAKERS: Final = frozenset(role for kind in KINDS.values() for role in may_acknowledge(kind, tuple(Role)))
"""Who may ever take one."""
LONGEST_NUMBER: Final = 18


class AlarmPages:
    """The page and its form. Whoever joins it with a sign-in puts `reader` and `signed` into a request's state."""

    def __init__(self, renderer: Renderer, asking: Asking, database: Database) -> None:
        self._renderer, self._asking, self._database = renderer, asking, database

    def router(self) -> APIRouter:
        """The page's routes, without a sign-in."""
        router = APIRouter()
        router.add_api_route(ALARMS, self.alarms, methods=["GET"], response_class=Response)
        router.add_api_route(f"{ALARMS}/{{alarm}}/acknowledge", self.acknowledge, methods=["POST"])
        return router

    def alarms(self, request: Request) -> Response:
        """Show the open alarms, with `all=1` also the last that are over."""
        return self._page(request, 200, None)

    def acknowledge(self, request: Request, alarm: str, token: str = Form("")) -> Response:
        """Take an open alarm on oneself, by whoever is signed in, and show the alarms."""
        if not alarm.isascii() or not alarm.isdecimal() or len(alarm) > LONGEST_NUMBER:
            raise HTTPException(404)
        reader: Reader = request.state.reader
        signed: SignedIn = request.state.signed
        if not hmac.compare_digest(token.encode(), reader.token.encode()):
            return self._page(request, 403, "alarms.stale")
        try:
            self._database.write(lambda tx: register.acknowledge(tx, int(alarm), signed))
        except AlreadyAcknowledgedError as error:
            return self._page(
                request, 409, "alarms.taken", alarm=alarm, person=error.person, at=moments.shown(error.at_us)
            )
        except AlarmOverError as error:
            return self._page(request, 409, "alarms.over", alarm=alarm, at=moments.shown(error.cleared_us))
        except UnknownAlarmError:
            return self._page(request, 404, "alarms.unknown", alarm=alarm)
        except RoleMissingError:
            return self._page(request, 403, "alarms.role", alarm=alarm)
        return RedirectResponse(ALARMS, 303)

    def _page(self, request: Request, status: int, key: str | None, **facts: object) -> Response:
        ended = request.query_params.get("all") == "1"
        with self._asking.lend() as reading:
            found = listed(reading, ended=ended)
        language = tuple(Language).index(spoken(request))
        signed: SignedIn = request.state.signed
        now_us = time.time_ns() // 1_000
        return self._renderer.page(
            request, "alarms.html", status, key=key, facts=facts, ended=ended, now_us=now_us,
            clock=f"{moments.local(now_us):%H:%M:%S}",
            rows=[(one, AlarmWords(one, language), _may_take(one, signed)) for one in found],
        )  # fmt: skip


class AlarmWords:
    """What an alarm says in one language."""

    def __init__(self, one: Listed, language: int) -> None:
        kind = one.kind
        self.title = kind.title[language] if kind else one.code
        self.to_do = kind.to_do[language] if kind else ""
        self.much = "" if one.amount is None else f"{one.amount} {kind.counts[language] if kind else ''}".strip()


def _may_take(one: Listed, signed: SignedIn) -> bool:
    may = may_acknowledge(one.kind, one.told) if one.kind else (Role.LEAD,)
    return one.state == "open" and not signed.roles.isdisjoint(may)
