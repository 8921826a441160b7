"""What a place at the desks is to the application that serves it: its address, whose it is, and its routes."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from handoff_logs.pages.languages import spoken
from handoff_logs.pages.rendering import Reader
from handoff_logs.pages.words import Words
from stations.by import By
from stations.people import Role
from stations.people_register.credentials import Credentials, SignedIn


@dataclass(frozen=True, slots=True)
class Door:
    """How a request comes to a place: `admit` lets its people alone pass and puts `reader` and `signed` into it.

    `again` signs whoever the session is of in again, at this moment, by their password: (request, password, roles of
    which they have one). It raises SignInRefusedError, SignInLockedError, RoleMissingError.
    `second` signs another person in, at this moment, for the second hand of an act: (request, their credentials, roles
    of which they have one). It raises SamePersonTwiceError, SignInRefusedError, SignInLockedError, RoleMissingError,
    BadCodeError, EmulatedStaffError.
    """

    admit: Callable[[Request], None]
    again: Callable[[Request, str, frozenset[Role]], SignedIn]
    second: Callable[[Request, Credentials, frozenset[Role]], SignedIn]


class Place(Protocol):
    """One place of the application: a station's desk, or a page beside it."""

    @property
    def path(self) -> str:
        """Its address, such as `/qc`: one word, which the navigation knows as `nav.qc`."""
        ...

    @property
    def people(self) -> frozenset[Role]:
        """The roles that it is for."""
        ...

    def router(self, door: Door) -> APIRouter:
        """Its routes, all behind `door.admit`."""
        ...

    def left(self, by: By) -> None:
        """Do what follows when one of its people signs out: what they held is others'."""
        ...


@runtime_checkable
class LargeForms(Protocol):
    """A place some of whose forms may be larger than others: how large, in bytes, by the beginning of an address."""

    longest_forms: Mapping[str, int]


def by_of(request: Request) -> By:
    """Who sends an admitted request, as what they do is stored."""
    signed: SignedIn = request.state.signed
    return By(signed.code, signed.sign_in)


def same(request: Request, token: str) -> bool:
    """Whether a form was made for whoever sends it."""
    reader: Reader = request.state.reader
    return hmac.compare_digest(token.encode(), reader.token.encode())


def stale(request: Request, token: str, key: str) -> Response | None:
    """What a desk's script is told of a form that was made for another session, by text `key`; None for its own."""
    if same(request, token):
        return None
    return JSONResponse({"refused": key, "said": Words(spoken(request))(key)}, 403)
