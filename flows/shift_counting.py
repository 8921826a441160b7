"""What the commands of the shift share: their options, the line at rest, the count that was given, and who signs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from flows.counts import read_counts
from flows.errors import FlowError, NotEmulatedError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking

if TYPE_CHECKING:
    from flows.parts import Parts
    from flows.settings import LineSettings
    from stations.shift.counting import Counted, Signers
    from stations.shift.crews import Plan
    from stations.workplace import Workplace

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")]
Reason = Annotated[
    str | None, Parameter("--reason", help="Force it: a lead's reason, as a code. It stays open as a case.")
]
Emulated = Annotated[
    bool, Parameter("--emulated", negative=(), help="Emulated people count and sign; on an emulated line alone.")
]
Crew = Annotated[tuple[str, ...], Parameter("--crew", help="People of a station, STATION=CODE,CODE; once a station.")]
Confirm = Annotated[tuple[str, ...], Parameter("--confirm", help="An item of the checklist that is in order, or all.")]
HERE: Final = Path(".passline")


class CrewUnreadError(FlowError):
    """A crew that is not STATION=CODE,CODE."""

    next_step = "Give --crew vault=p-0101,p-0102, once a station."

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self.given = given

    def __str__(self) -> str:
        return f"{self.given!r} names no people of a station; no shift was opened."


@contextmanager
def standing_line(
    folder: RunFolder,
    counted: Sequence[str],
    passwords_from: str | None,
    *,
    emulated: bool,
    needed: Sequence[str] | None = None,
) -> Iterator[tuple["Workplace", "LineSettings", "Parts | None", "Counted | None"]]:
    """The line at rest, its settings, emulated hands if it has them, and the count that was given.

    The line must not run: nobody counts what moves. `needed`: which stations a count must have looked at, where not
    all that have blanks. Raises LineRunsAlreadyError.
    """
    from flows.configuration import read_settings
    from flows.locks import line_lock
    from flows.two_hands import emulated_parts, workplace_of
    from stations.vault import rules

    given = read_counts(counted, passwords_from, needed) if counted else None
    settings = read_settings(folder)
    with line_lock(folder), workplace_of(folder, rules.STATION) as here, emulated_parts(folder) as parts:
        if emulated and settings.real_staff:
            raise NotEmulatedError
        yield here, settings, parts, given


def signers(
    here: "Workplace",
    asking: Asking,
    codes: tuple[str | None, str | None],
    *,
    emulated: bool,
    others: bool = False,
    two_leads: bool = False,
) -> "Signers":
    """A lead and a second person, who have just signed in; emulated ones of an emulated line need no password."""
    from flows.two_hands import signed_by_lead
    from stations.shift.acts import asking as asking_of
    from stations.shift.counting import Signers
    from stations.shift.rules import EMULATED_LEADS, LEADS, SECONDS
    from stations.shift.stops import ABSENT

    if emulated:
        with here.database.read() as conn:
            absent = {one["absent"] for one in asking_of(conn)(ABSENT)}
        leads = EMULATED_LEADS[1:] if others else [lead for lead in EMULATED_LEADS if lead not in absent]
        return Signers(*leads[:2])
    by = signed_by_lead(here, asking, codes, LEADS if two_leads else SECONDS)
    return Signers(by.first, by.second, by.first_sign_in, by.second_sign_in)


def crew_of(crew: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The people of each station as typed. Raises `CrewUnreadError`."""
    people: dict[str, tuple[str, ...]] = {}
    for each in crew:
        station, named, codes = each.partition("=")
        if not named or station in people or not all(codes.split(",")):
            raise CrewUnreadError(each)
        people[station] = tuple(codes.split(","))
    return people


def plan_of(
    name: str,
    crew: Sequence[str],
    confirm: Sequence[str],
    settings: "LineSettings",
    *,
    emulated_line: bool,
    emulated: bool,
) -> "Plan":
    """What a shift is to begin with, as typed; emulated people stand everywhere where none are named."""
    from stations.people import emulated_roster
    from stations.shift import rules
    from stations.shift.crews import Plan

    people = crew_of(crew)
    if emulated and not crew:
        roster = emulated_roster(name, settings.staff.people_per_station)
        people = {at: duty.codes for at, duty in roster.items() if at in rules.CREW}
    confirmed = ("all",) if emulated and not confirm else tuple(confirm)
    return Plan(name, people, settings.personalizers, confirmed, emulated_line, real_staff=settings.real_staff)
