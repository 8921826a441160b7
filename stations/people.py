"""Who works on the line: roles, people by opaque staff codes, and who is on duty where."""

from dataclasses import dataclass
from enum import StrEnum

EMULATED_PREFIX = "e-"


class Role(StrEnum):
    """What a person may do; a station's people all have its role."""

    CLERK = "clerk"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    KEEPER = "keeper"
    INSPECTOR = "inspector"
    PACKER = "packer"
    MAILER = "mailer"
    DRIVER = "driver"
    LEAD = "lead"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class Person:
    """One person by staff code, never by name: the code is what handoff records carry."""

    code: str
    role: Role

    @property
    def emulated(self) -> bool:
        """Whether this is emulated staff, which the code itself says."""
        return self.code.startswith(EMULATED_PREFIX)


@dataclass(frozen=True, slots=True)
class Duty:
    """The people on duty at one station (or outside party) during one shift."""

    station: str
    shift: str
    people: tuple[Person, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The staff codes, in the order in which work is assigned."""
        return tuple(person.code for person in self.people)


# Station or outside party -> role of its people, short name in the codes of emulated staff.
STAFFING: dict[str, tuple[Role, str]] = {
    "intake": (Role.CLERK, "int"),
    "review": (Role.REVIEWER, "rev"),
    "vault": (Role.KEEPER, "vlt"),
    "personalization": (Role.OPERATOR, "per"),
    "qc": (Role.INSPECTOR, "qc"),
    "packing": (Role.PACKER, "pck"),
    "mailing": (Role.MAILER, "mai"),
    "carrier": (Role.DRIVER, "car"),
}


def emulated_duty(station: str, shift: str, people: int = 2) -> Duty:
    """The emulated people of a station: nobody stands at two stations, so nobody can sign both sides of a handoff.

    Raises ValueError for fewer than two people: some acts need two.

    >>> emulated_duty("qc", "early").codes
    ('e-qc-1', 'e-qc-2')
    """
    if people < 2:
        raise ValueError(f"{station} needs at least two people for acts that two sign, got {people}")
    role, short = STAFFING[station]
    staff = tuple(Person(f"{EMULATED_PREFIX}{short}-{number}", role) for number in range(1, people + 1))
    return Duty(station, shift, staff)


def emulated_roster(shift: str, people: int = 2) -> dict[str, Duty]:
    """The emulated duty of every station and of the carrier."""
    return {station: emulated_duty(station, shift, people) for station in STAFFING}
