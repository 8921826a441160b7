"""What a place at the desks is to the application that serves it: its address, whose it is, and its routes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request

from stations.by import By
from stations.people import Role
from stations.people_register.credentials import Credentials, SignedIn


@dataclass(frozen=True, slots=True)
class Door:
    """How a request comes to a place: `admit` lets its people alone pass and puts `reader` and `signed` into it.

    `second` signs another person in, at this moment, for the second hand of an act: (request, their credentials, roles
    of which they have one). It raises SamePersonTwiceError, SignInRefusedError, SignInLockedError, RoleMissingError,
    BadCodeError, EmulatedStaffError.
    """

    admit: Callable[[Request], None]
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


def by_of(request: Request) -> By:
    """Who sends an admitted request, as what they do is stored."""
    signed: SignedIn = request.state.signed
    return By(signed.code, signed.sign_in)
