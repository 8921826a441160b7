"""`passline people`: found the register, enrol, list, change passwords, end. Heavy modules load with their command."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from stations.errors import StationError
from stations.people import Role
from stations.people_register import rules
from stations.people_register.asking import Asking, First, PasswordsFrom, Second
from stations.people_register.credentials import Credentials, TwoSigned

if TYPE_CHECKING:
    from handoff_logs.database import Database

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Code = Annotated[str, Parameter(help="Staff code: a small letter, a hyphen and 4 to 8 digits; never a name.")]
DEFAULT_DIRECTORY = Path(".passline")


@dataclass(frozen=True, slots=True)
class OpenRegister:
    """An open line, for commands that change who its people are."""

    database: "Database"
    emulated: bool
    key: bytes = field(repr=False)
    """What badges are held against; it lies outside the database."""


open_register: Callable[[Path], OpenRegister] | None = None
"""Opens a run's folder; set by whoever composes the line, for only that reads settings."""

people_app = App(name="people", help="The register of people: who may sign in, with which roles.")


class NoLineError(StationError):
    """The register was asked for where no line is composed."""

    def __str__(self) -> str:
        return "no line is open here; use the command `passline people`"


@people_app.command
def found(
    first: Code,
    second: Code,
    /,
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Begin the empty register with its first two administrators, who each choose a password.

    Asks for the new password of the first, then of the second. Refused once anybody is enrolled.
    """
    from stations.people_register import register

    line, asking = opened(directory), Asking(passwords_from)
    with line.database as database:
        rules.check_two(first, second)
        register.refuse_founded(database)
        register.found(
            database,
            Credentials(first, asking.new_password(first)),
            Credentials(second, asking.new_password(second)),
            emulated=line.emulated,
        )
    say(line, f"{first} and {second} are the register's administrators; enrol a third, so that one may be away")


@people_app.command
def enrol(
    code: Code,
    /,
    *,
    role: Annotated[tuple[Role, ...], Parameter("--role", help="A role; may be given several times.")],
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Enrol a person, or give one who is enrolled further roles; two administrators sign in.

    Asks for the passwords of the first and second administrator, then for the new person's own.
    """
    from stations.people_register import register

    line, asking = opened(directory), Asking(passwords_from)
    with line.database as database:
        enrolled = register.is_enrolled(database, code)
        by = administrators(database, asking, first, second, about=code)
        if enrolled:
            register.give_roles(database, by, code, role, emulated=line.emulated)
        else:
            new = Credentials(code, asking.new_password(code))
            register.enrol(database, by, new, role, emulated=line.emulated)
    what = "has these roles too" if enrolled else "is enrolled as"
    say(line, f"{code} {what}: {', '.join(role)}; signed by {by.first} and {by.second}")


@people_app.command(name="list")
def list_command(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> None:
    """Print everybody who is or was enrolled: roles, who enrolled them, since when, until when."""
    from stations.people_register import register

    line = opened(directory)
    with line.database as database:
        everybody = register.everybody(database)
    rows = [
        {
            "code": one.code,
            "roles": list(one.roles),
            "enrolled_by": list(one.by),
            "enrolled": local(one.enrolled_us),
            "ended_by": list(one.ended_by),
            "ended": local(one.ended_us),
        }
        for one in everybody
    ]
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": line.emulated, "people": rows}, indent=2) + "\n")
        return
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(title="EMULATED line" if line.emulated else None, box=None, header_style="dim", pad_edge=False)
    for column in rows[0] if rows else ["nobody is enrolled; begin with `passline people found`"]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(" ".join(cell) if isinstance(cell, list) else cell for cell in row.values()))
    screen().print(table)


@people_app.command
def password(
    code: Code,
    /,
    *,
    forgotten: Annotated[
        bool, Parameter("--forgotten", negative=(), help="Two administrators sign in instead of the person.")
    ] = False,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Change a person's own password: asks for the old one, then for the new one.

    With --forgotten it asks for those of two administrators, then for the person's new one.
    """
    from stations.people_register import register

    line, asking = opened(directory), Asking(passwords_from)
    rules.check_code(code)
    with line.database as database:
        if forgotten:
            by = administrators(database, asking, first, second, about=code)
            new = asking.new_password(code)
            register.replace_password(database, by, code, new, emulated=line.emulated)
        else:
            who = asking.credentials(code)
            register.change_password(database, who, asking.new_password(code), emulated=line.emulated)
    say(line, f"the password of {code} is changed")


@people_app.command
def end(
    code: Code,
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """End a person's standing: their code signs nothing any more and is never given again.

    Asks for the passwords of the first and second administrator, neither of them the person.
    """
    from stations.people_register import register

    line, asking = opened(directory), Asking(passwords_from)
    with line.database as database:
        rules.check_code(code)
        by = administrators(database, asking, first, second, about=code)
        register.end(database, by, code, emulated=line.emulated)
    say(line, f"{code} has ended; signed by {by.first} and {by.second}")


def opened(directory: Path) -> OpenRegister:
    """The register of the line in a folder. Raises NoLineError where no line is composed."""
    if open_register is None:
        raise NoLineError
    return open_register(directory)


def administrators(
    database: "Database",
    asking: Asking,
    first: str | None,
    second: str | None,
    *,
    about: str | None = None,
    seconds: Sequence[Role] = rules.ADMINISTRATORS,
) -> TwoSigned:
    """Two administrators who sign in, neither of them the one that it is `about`; their own keys are unlocked.

    The second may be of other roles where `seconds` says so. Raises RegisterNotFoundedError, OwnEnrolmentError, and as
    `sign_in_two` and `unlock`.
    """
    from stations.people_register.register import refuse_own, refuse_unfounded
    from stations.people_register.sign_in import sign_in_as, unlock_own

    refuse_unfounded(database)
    codes = asking.code("first", first), asking.code("second", second)
    rules.check_two(*codes)
    if about is not None:
        refuse_own(codes, about)
    signers = asking.credentials(codes[0]), asking.credentials(codes[1])
    may = (rules.ADMINISTRATORS, seconds)
    one, other = (sign_in_as(database, who, roles) for who, roles in zip(signers, may, strict=True))
    by = TwoSigned(one.code, other.code, one.sign_in, other.sign_in)
    unlock_own(database, by.codes, asking.pin)
    return by


def local(time_us: int | None) -> str | None:
    """A time in microseconds UTC as people read it; None of none."""
    if time_us is None:
        return None
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")


def say(line: OpenRegister, sentence: str) -> None:
    """Print a sentence, marked on an EMULATED line."""
    mark = "EMULATED line: " if line.emulated else ""
    sys.stdout.write(f"{mark}{sentence}.\n")
