"""What a command needs that records an act of people who sign in at that moment: the workplace, the people, the hands.

Real people carry pieces themselves; EMULATED pieces are carried by emulated hands, because nobody else can.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from flows.composition import open_database, prepare
from flows.configuration import read_settings
from flows.duty import roster_of, shift_now
from flows.errors import LineRunsAlreadyError
from flows.locks import line_lock
from flows.parts import Parts
from flows.rolled_back import refuse_rolled_back
from flows.run_folder import RunFolder
from stations.people import Role
from stations.people_register import rules
from stations.people_register.asking import Asking
from stations.people_register.credentials import TwoSigned
from stations.people_register.sign_in import sign_in_as, sign_in_two, unlock_own
from stations.personal import PersonalData
from stations.personalization.desk import MachineDesk
from stations.workplace import Workplace


@contextmanager
def workplace_of(folder: RunFolder, station: str) -> Iterator[Workplace]:
    """The station of a line, its database open until the block ends; nobody has signed in yet."""
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        with database.read() as conn:
            shift = shift_now(conn, settings)
            people = roster_of(conn, settings, shift)[station]
        yield Workplace(database, station, shift, people, settings.emulated, PersonalData(folder.keys))


def signed_by_two(
    here: Workplace, asking: Asking, codes: tuple[str | None, str | None], roles: Sequence[Role]
) -> TwoSigned:
    """Two people of `roles`, asked for their codes, passwords and PINs, who have just signed in."""
    first, second = asking.code("first", codes[0]), asking.code("second", codes[1])
    rules.check_two(first, second)
    signers = asking.credentials(first), asking.credentials(second)
    by = sign_in_two(here.database, *signers, roles)
    unlock_own(here.database, by.codes, asking.pin)
    return by


def signed_by_lead(
    here: Workplace, asking: Asking, codes: tuple[str | None, str | None], seconds: Sequence[Role]
) -> TwoSigned:
    """A lead and a second person of `seconds`, asked like two, who have just signed in."""
    return signed_by_each(here, asking, codes, ((Role.LEAD,), seconds))


def signed_by_each(
    here: Workplace, asking: Asking, codes: tuple[str | None, str | None], roles: Sequence[Sequence[Role]]
) -> TwoSigned:
    """Two people, asked like two, who have just signed in: the first of the first `roles`, the second of the second."""
    first, second = asking.code("first", codes[0]), asking.code("second", codes[1])
    rules.check_two(first, second)
    signers = asking.credentials(first), asking.credentials(second)
    one, other = (sign_in_as(here.database, who, of) for who, of in zip(signers, roles, strict=True))
    unlock_own(here.database, (first, second), asking.pin)
    return TwoSigned(one.code, other.code, one.sign_in, other.sign_in)


def as_two(here: Workplace, by: TwoSigned) -> Workplace:
    """The workplace with those on duty who have just signed in: every record bears their codes and sign-ins."""
    return here.at(here.station, by.codes, by.sign_ins)


def as_one(here: Workplace, asking: Asking, code: str | None, roles: Sequence[Role]) -> Workplace:
    """The workplace with one person of `roles` at it, who has just signed in, for acts that have one hand."""
    who = sign_in_as(here.database, asking.credentials(asking.code("signing", code)), roles)
    unlock_own(here.database, [who.code], asking.pin)
    return here.at(here.station, (who.code, *here.people), {who.code: who.sign_in})


@contextmanager
def emulated_parts(folder: RunFolder) -> Iterator[Parts | None]:
    """What hands carry EMULATED pieces outside machines with; None on a line whose people carry real ones."""
    settings = read_settings(folder)
    if not settings.emulated:
        yield None
        return
    with closing(Parts(folder, settings, leave_emulators=True)) as parts:
        yield parts


@contextmanager
def emulated_hands(folder: RunFolder, *, needed: bool) -> Iterator[MachineDesk | None]:
    """The hands that move EMULATED pieces in and out of machines; None where they aren't needed or there are none.

    A line that stands has its machines switched on for as long as it takes.
    """
    settings = read_settings(folder)
    if not needed or not settings.emulated:
        yield None
        return
    with ExitStack() as opened:
        parts = opened.enter_context(closing(Parts(folder, settings)))
        try:
            opened.enter_context(line_lock(folder))
        except LineRunsAlreadyError:
            pass  # its machines are on
        else:
            parts.emulators()
        yield parts.operators()
