"""`passline rolls receive` to `report-lost`: each act with a roll, signed in at that moment by whom it needs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second
from stations.rolls.rules import HANDS, STATION, CounterReading, Delivered, RollAct

if TYPE_CHECKING:
    from stations.workplace import Workplace

Number = Annotated[str, Parameter(help="The number on the roll.")]
Numbers = Annotated[tuple[str, ...], Parameter(help="The numbers on the rolls.")]
By = Annotated[str | None, Parameter("--by", help="Code of the operator who signs; asked if left out.")]
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
DEFAULT_DIRECTORY: Final = Path(".passline")


class RollMachineError(FlowError):
    """A machine that the line has not, or that makes no documents."""

    def __init__(self, machine: str, known: tuple[str, ...]) -> None:
        super().__init__(machine, known)
        self.machine, self.known = machine, known
        self.next_step = f"Rolls go on {', '.join(known) or 'none: the line has no personalizer'}."

    def __str__(self) -> str:
        return f"The line has no machine {self.machine} that takes a roll; nothing was recorded."


class NoRollNamedError(FlowError):
    """A command of rolls without a roll."""

    next_step = "Name the number of each roll."

    def __str__(self) -> str:
        return "No roll was named; nothing was recorded."


def receive_command(
    numbers: Numbers = (),
    /,
    *,
    kind: Annotated[Literal["book", "card"], Parameter(help="What kind of blanks they are for.")],
    pieces: Annotated[int, Parameter(help="How many pieces each has; one goes on each document.")],
    note: Annotated[str, Parameter(help="The number of the supplier's delivery note.")],
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Receive a supplier's rolls: two keepers who counted them sign in."""
    from flows.two_hands import as_two, signed_by_each, workplace_of
    from stations.rolls import station

    _refuse_none(numbers)
    delivered = [Delivered(number, kind, pieces, note) for number in numbers]
    with workplace_of(RunFolder(directory), "vault") as here:
        # Before anybody is asked to sign.
        with here.database.read() as conn:
            before = station.check_receipt(conn, delivered)
        if before:
            sys.stdout.write(f"{_mark(here)}these rolls were received before; nothing changed\n")
            return Exit.FINE
        by = signed_by_each(here, Asking(passwords_from), (first, second), HANDS[RollAct.RECEIVED])
        station.receive(as_two(here, by), delivered)
    sys.stdout.write(
        f"{_mark(here)}{_named(numbers)} of {pieces} pieces, note {note}, in the vault; signed by {by.first} and "
        f"{by.second}\n"
    )
    return Exit.FINE


def issue_command(
    numbers: Numbers = (),
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Give rolls from the vault to personalization: a keeper, then an operator, sign in."""
    return _hand(directory, numbers, RollAct.ISSUED, (first, second), Asking(passwords_from))


def return_command(
    numbers: Numbers = (),
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Give rolls back to the vault: an operator, then a keeper, sign in."""
    return _hand(directory, numbers, RollAct.RETURNED, (first, second), Asking(passwords_from))


def destroy_command(
    number: Number,
    /,
    *,
    left: Annotated[int, Parameter("--left", help="The pieces that both counted on it before.")],
    method: Annotated[str, Parameter("--method", help="How it was destroyed, as a code: shredded, burnt.")],
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record that two people destroyed a roll, and what they counted on it."""
    asking = Asking(passwords_from)
    return _hand(directory, (number,), RollAct.DESTROYED, (first, second), asking, left=left, reason=method)


def lost_command(
    number: Number,
    /,
    *,
    circumstances: Annotated[
        str, Parameter("--circumstances", help="What happened, as a code: fell-behind, burglary.")
    ],
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Report a roll as lost or stolen; two people sign in."""
    return _hand(directory, (number,), RollAct.LOST, (first, second), Asking(passwords_from), reason=circumstances)


def mount_command(
    number: Number,
    machine: Annotated[str, Parameter(help="The machine that it was mounted on.")],
    /,
    *,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record that a roll is on a machine; an operator signs in."""
    from flows.locks import line_lock
    from flows.two_hands import as_one, workplace_of
    from stations.rolls import station

    folder = RunFolder(directory)
    takes = _kind_of(folder, machine)
    with line_lock(folder), workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            station.check_mounting(conn, number, machine, takes)
        signed = as_one(here, Asking(passwords_from), by, HANDS[RollAct.MOUNTED][0])
        with _counters_of(folder, machine) as reading:
            station.mount(signed, number, reading, takes)
    sys.stdout.write(f"{_mark(here)}roll {number} is on {machine}, {_counted(reading)}; signed by {signed.people[0]}\n")
    return Exit.FINE


def take_off_command(
    number: Number,
    /,
    *,
    unread: Annotated[
        bool, Parameter("--unread", negative=(), help="The machine can't answer any more; the list says so for good.")
    ] = False,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record that a roll is off its machine; an operator signs in."""
    from flows.locks import line_lock
    from flows.two_hands import as_one, workplace_of
    from stations.rolls import station

    folder = RunFolder(directory)
    with line_lock(folder), workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            machine = str(station.check_taking_off(conn, number).machine)
        if not unread:
            _kind_of(folder, machine)
        signed = as_one(here, Asking(passwords_from), by, HANDS[RollAct.TAKEN_OFF][0])
        with nullcontext() if unread else _counters_of(folder, machine) as reading:
            station.take_off(signed, number, reading)
    sys.stdout.write(
        f"{_mark(here)}roll {number} is off {machine}, {_counted(reading)}; signed by {signed.people[0]}. What was "
        "used of it: passline rolls list\n"
    )
    return Exit.FINE


def _hand(
    directory: Path,
    numbers: Sequence[str],
    act: RollAct,
    codes: tuple[str | None, str | None],
    asking: Asking,
    *,
    left: int | None = None,
    reason: str | None = None,
) -> int:
    from flows.two_hands import as_two, signed_by_each, workplace_of
    from stations.rolls import station

    _refuse_none(numbers)
    with workplace_of(RunFolder(directory), "vault" if act is RollAct.ISSUED else STATION) as here:
        with here.database.read() as conn:
            station.check_handing(conn, numbers, act, left=left, reason=reason)
        by = signed_by_each(here, asking, codes, HANDS[act])
        station.hand(as_two(here, by), numbers, act, left=left, reason=reason)
    sys.stdout.write(f"{_mark(here)}{_named(numbers)} {act}; signed by {by.first} and {by.second}\n")
    return Exit.FINE


def _kind_of(folder: RunFolder, machine: str) -> str:
    """The kind of blank that a machine of the line takes. Raises RollMachineError."""
    from flows.configuration import read_settings
    from flows.makers import MAKES
    from stations.personalization.rules import blank_kind

    takes = {device.id: MAKES[device.driver] for device in read_settings(folder).devices if device.driver in MAKES}
    if machine not in takes:
        raise RollMachineError(machine, tuple(takes))
    return blank_kind(takes[machine])


@contextmanager
def _counters_of(folder: RunFolder, machine: str) -> Iterator[CounterReading]:
    """What a machine of a line that stands says it has counted; nobody else talks to it until the block ends."""
    from flows.configuration import read_settings
    from flows.parts import Parts

    with closing(Parts(folder, read_settings(folder))) as parts:
        driver, _ = parts.personalizers()[machine]
        identity = driver.open()
        try:
            counters = identity.counters
            yield CounterReading(
                machine, identity.serial, identity.journal_id, counters.good, counters.rejected, identity.emulated
            )
        finally:
            driver.close()


def _refuse_none(numbers: Sequence[str]) -> None:
    if not numbers:
        raise NoRollNamedError


def _named(numbers: Sequence[str]) -> str:
    return f"roll {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} rolls {numbers[0]} to {numbers[-1]}"


def _counted(reading: CounterReading | None) -> str:
    if reading is None:
        return "whose counters were not read"
    return f"which has counted {reading.good} good and {reading.rejected} rejected pieces so far"


def _mark(here: "Workplace") -> str:
    return "EMULATED: " if here.emulated else ""
