"""`passline people badge`: issue, revoke, list. A badge stands in for typing one's code, and opens nothing alone."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from stations.people_register import rules
from stations.people_register.asking import Asking, First, PasswordsFrom, Second
from stations.people_register.cli import (
    DEFAULT_DIRECTORY,
    Code,
    Directory,
    administrators,
    local,
    opened,
    say,
)

if TYPE_CHECKING:
    from stations.people_register.badges import Badge

badge_app = App(name="badge", help="Badges, which people scan at the sign-in in place of typing their code.")
STATES: Final = {"live": "● live", "left": "□ its person left", "revoked": "■ revoked", "lost": "■ lost",
                 "replaced": "□ replaced"}  # fmt: skip


@badge_app.command
def issue(
    code: Code,
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Issue a person's badge and print its number, to be written on the card; it replaces the one that they have.

    An administrator signs first and a second administrator or a lead after them, neither of them the person. The
    number is printed once and kept nowhere.
    """
    from stations.people_register import badges

    line, asking = opened(directory), Asking(passwords_from)
    with line.database as database:
        rules.check_code(code)
        by = administrators(database, asking, first, second, about=code, seconds=badges.SECONDS)
        number = badges.issue(database, line.key, by, code, emulated=line.emulated)
    sys.stdout.write(f"{number}\n")
    mark = "EMULATED line: " if line.emulated else ""
    sys.stderr.write(
        f"{mark}the badge of {code}, issued by {by.first} and {by.second}. It is scanned in place of typing {code}; the"
        f" password is asked all the same. The number is not shown again; lost: passline people badge revoke {code}"
        " --lost\n"
    )


@badge_app.command
def revoke(
    code: Code,
    /,
    *,
    lost: Annotated[bool, Parameter("--lost", negative=(), help="It is lost or stolen.")] = False,
    by: Annotated[str | None, Parameter("--by", help="Code of who signs; asked if left out.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """End a person's badge at once and for good; that person, a lead or an administrator signs.

    Their code and password go on opening what they did.
    """
    from stations.people_register import badges
    from stations.people_register.register import refuse_unfounded
    from stations.people_register.sign_in import sign_in, unlock_own
    from stations.people_register.tables import BadgeEnd

    line, asking = opened(directory), Asking(passwords_from)
    with line.database as database:
        rules.check_code(code)
        refuse_unfounded(database)
        signed = sign_in(database, asking.credentials(asking.code("signing", by)))
        unlock_own(database, [signed.code], asking.pin)
        how = BadgeEnd.LOST if lost else BadgeEnd.REVOKED
        badges.revoke(database, signed, code, how, emulated=line.emulated)
    say(line, f"the badge of {code} is {'lost and ended' if lost else 'revoked'}; signed by {signed.code}")


@badge_app.command(name="list")
def list_command(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> None:
    """Print every badge ever issued, never its number: whose, since when, by whom, and how it ended."""
    from stations.people_register import badges

    line = opened(directory)
    with line.database as database:
        rows = [_row(one) for one in badges.badges(database)]
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": line.emulated, "badges": rows}, indent=2) + "\n")
        return
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(title="EMULATED line" if line.emulated else None, box=None, header_style="dim", pad_edge=False)
    for column in rows[0] if rows else ["no badge was ever issued"]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        cells = {**row, "state": STATES[str(row["state"])]}.values()
        table.add_row(*(" ".join(cell) if isinstance(cell, list) else cell for cell in cells))
    screen().print(table)


def _row(one: "Badge") -> dict[str, str | list[str] | None]:
    return {
        "code": one.code,
        "state": one.state,
        "issued": local(one.issued_us),
        "issued_by": list(one.issued_by),
        "ended": local(one.ended_us),
        "ended_by": list(one.ended_by),
    }
