"""`passline devices specimen`: a set-up piece on a real blank, made by the machine and voided at once by two people."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from flows.settings import LineSettings
    from stations.personalization.specimen_run import Ended
    from stations.workplace import Workplace


class SpecimenMachineError(FlowError):
    """A machine that the line has not, or that makes no documents."""

    def __init__(self, machine: str, known: tuple[str, ...]) -> None:
        super().__init__(machine, known)
        self.machine, self.known = machine, known
        self.next_step = f"Specimens are made on {', '.join(known) or 'none: the line has no personalizer'}."

    def __str__(self) -> str:
        return f"The line has no machine {self.machine} that makes documents; nothing was drawn."


class SpecimenProductError(FlowError):
    """A product that the machine does not make."""

    def __init__(self, machine: str, product: str, known: tuple[str, ...]) -> None:
        super().__init__(machine, product, known)
        self.machine, self.product, self.known = machine, product, known
        self.next_step = f"Name one that it makes with --product: {', '.join(known)}."

    def __str__(self) -> str:
        return f"{self.machine} makes no {self.product}; nothing was drawn."


class NotTheSpecimenError(FlowError):
    """Another piece was scanned than the one to be voided."""

    next_step = "Find it, deface zone and chip, and give the command again: it voids that one before any other."

    def __init__(self, machine: str, serial: str) -> None:
        super().__init__(machine, serial)
        self.machine, self.serial = machine, serial

    def __str__(self) -> str:
        return f"What was scanned is not specimen {self.serial} of {self.machine}, which is not voided yet."


def specimen_command(
    machine: Annotated[str, Parameter(help="The machine that makes it, such as book-01.")],
    /,
    *,
    reason: Annotated[str, Parameter("--reason", help="Why, as a code: set-up, new-ribbon, after-repair.")],
    product: Annotated[
        str | None, Parameter("--product", help="What it is a specimen of; the machine's first product if left out.")
    ] = None,
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Make a specimen on a machine of a line that stands; an operator and a second hand deface and void it at once."""
    from flows.configuration import read_settings
    from flows.locks import line_lock
    from flows.makers import MAKES
    from flows.two_hands import as_two, signed_by_each, workplace_of
    from stations.personalization import specimens
    from stations.personalization.rules import STATION, blank_kind

    folder, asking = RunFolder(directory), Asking(passwords_from)
    specimens.check_reason(reason)
    settings = read_settings(folder)
    makers = {device.id: MAKES[device.driver] for device in settings.devices if device.driver in MAKES}
    if machine not in makers:
        raise SpecimenMachineError(machine, tuple(makers))
    if product not in (None, *makers[machine]):
        raise SpecimenProductError(machine, str(product), makers[machine])
    with line_lock(folder), workplace_of(folder, STATION) as here:
        # Before anybody is asked to sign.
        specimens.check(here, machine, blank_kind(makers[machine]), stocked=_hands_are_emulated(settings))
        by = signed_by_each(here, asking, (first, second), (specimens.FIRSTS, specimens.SECONDS))
        ended = _run(folder, settings, as_two(here, by), machine, product or makers[machine][0], reason, asking)
        mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(f"{mark}{_told(machine, reason, ended)}; signed by {by.first} and {by.second}\n")
    return Exit.FINDINGS if ended.made is not None and ended.made.spoiled else Exit.FINE


def _told(machine: str, reason: str, ended: "Ended") -> str:
    pieces = ", ".join(ended.voided)
    voided = f"{pieces} defaced and voided, awaiting destruction"
    if ended.earlier:
        return f"an earlier specimen of {machine} was left: {voided}. None was made now; give the command again for one"
    if ended.made is not None and ended.made.spoiled:
        where = voided if pieces else "its blank, unread, is in the reject bin: the line's next run begins with that"
        return f"{machine} spoiled the specimen ({ended.made.spoiled}): {where}"
    return f"specimen made on {machine} ({reason}): {voided}"


def _hands_are_emulated(settings: "LineSettings") -> bool:
    return settings.emulated


def _run(
    folder: RunFolder,
    settings: "LineSettings",
    signed: "Workplace",
    machine: str,
    product: str,
    reason: str,
    asking: Asking,
) -> "Ended":
    from flows.line_state import worker_name
    from flows.locks import settle_lock
    from flows.parts import Parts
    from stations.personalization import blanks, specimen_run, specimens
    from stations.personalization.rules import blank_kind
    from stations.personalization.setup import Setup
    from stations.personalization.signer import open_signer

    with closing(Parts(folder, settings)) as parts:
        found = parts.personalizers()
        driver, products = found[machine]
        maker = open_signer(folder.keys)
        setup = Setup(settings.centre, worker_name(folder), products, maker, machines=tuple(sorted(found)))
        desk = parts.operators() if _hands_are_emulated(settings) else None

        def load() -> bool:
            return desk is not None and blanks.load(signed, desk, machine, blank_kind(products), 1) > 0

        def void() -> list[str]:
            if desk is None:
                return _void_scanned(signed, machine, asking)
            with settle_lock(folder):
                return specimens.void(signed, desk, machine)

        return specimen_run.run(signed, driver, setup, product, reason, load, void)


def _void_scanned(signed: "Workplace", machine: str, asking: Asking) -> list[str]:
    """The physical act is people's, and comes first: each piece is scanned once both have defaced it."""
    from stations.personalization import specimens

    with signed.database.read() as conn:
        pieces = list(specimens.left(conn, machine))
    for serial in pieces:
        what = f"the serial of specimen {serial}, scanned when its zone and chip are defaced"
        if asking.scanned(what) != serial:
            raise NotTheSpecimenError(machine, serial)
    return specimens.record_void(signed, machine, pieces)
