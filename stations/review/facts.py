"""What rules see of an application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from stations import resident_id
from stations.documents import PRODUCTS, Product
from stations.intake.filed import Filed
from stations.resident_id import ResidentId


@dataclass(frozen=True, slots=True)
class EarlierDocument:
    """A document of the same type that this person was sent before."""

    issued_on: date


class Hold(StrEnum):
    """What the hold list says of a person."""

    FREE = "free"
    HELD = "held"
    NO_LIST = "no_hold_list"
    DIFFERS = "hold_list_differs"


@dataclass(frozen=True, slots=True)
class Facts:
    """An application as rules see it.

    `photo` and `signature` are the measures of `stations.intake.measures`; `signature` is None when none was filed.
    `earlier_documents`: this person's dispatched documents of the product; `other_live`: their other live applications
    of it, of which the database should have let none in.
    """

    filed: Filed
    photo: Mapping[str, Any]
    signature: Mapping[str, Any] | None
    earlier_documents: Sequence[EarlierDocument] = ()
    other_live: int = 0
    hold: Hold = Hold.NO_LIST

    @property
    def accepted(self) -> date:
        """The day of acceptance, in China."""
        return self.filed.accepted

    @property
    def age(self) -> int:
        """The applicant's age that day."""
        return self.filed.age

    @property
    def product(self) -> Product:
        """What is to be made."""
        return PRODUCTS[self.filed.product]

    @property
    def number(self) -> ResidentId | None:
        """What the resident ID number says; None where it is wrong in itself."""
        return parsed(self.filed.record.applicant.resident_id)


def parsed(number: str) -> ResidentId | None:
    """What a resident ID number says; None where it is wrong in itself."""
    try:
        return resident_id.parse(number)
    except ValueError:
        return None
