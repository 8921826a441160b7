"""`passline board token`, `displays`, `revoke`: wall screens that show the board by a token of their own."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, PasswordsFrom

if TYPE_CHECKING:
    from handoff_logs.database import Database
    from stations.people_register.credentials import SignedIn
    from stations.people_register.displays import Display

By = Annotated[str | None, Parameter("--by", help="Code of who signs; asked if left out.")]
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
DEFAULT_DIRECTORY: Final = Path(".passline")
STATES: Final = {"live": "● live", "over": "□ over", "revoked": "■ revoked"}


def token_command(
    place: Annotated[str, Parameter(help="Where it hangs, such as hall-1; never a person's name.")],
    /,
    *,
    days: Annotated[int, Parameter(help="How long it shows the board.")] = 365,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Make a display: print the token by which a wall screen shows the board, and nothing else; a lead or administrator
    signs.

    The token is printed once and kept nowhere.
    """
    from handoff_logs.pseudonyms import pseudonym_key
    from stations.people_register import displays

    # Before anybody is asked to sign.
    displays.check(place, days)
    folder = RunFolder(directory)
    with _signed(folder, by, passwords_from) as (database, signed, emulated):
        made, token = displays.make(database, pseudonym_key(folder.keys), signed, place, days, emulated=emulated)
    sys.stdout.write(f"{token}\n")
    mark = "EMULATED line: " if emulated else ""
    sys.stderr.write(
        f"{mark}display {made.display_id} at {made.where} shows the board until {_day(made.until_us)}. Start its"
        " browser with the pages' address and /board/display#TOKEN. The token is not shown again; to end it: "
        f"passline board revoke {made.display_id}\n"
    )
    return Exit.FINE


def revoke_command(
    display: Annotated[str, Parameter(help="The display's id, as `displays` prints it.")],
    /,
    *,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Revoke a display: within ten seconds it shows the board no more; a lead or administrator signs."""
    from stations.people_register import displays

    with _signed(RunFolder(directory), by, passwords_from) as (database, signed, emulated):
        ended = displays.revoke(database, signed, display, emulated=emulated)
    mark = "EMULATED line: " if emulated else ""
    sys.stdout.write(f"{mark}display {display} {'is revoked' if ended else 'was revoked before; nothing changed'}\n")
    return Exit.FINE


def displays_command(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> int:
    """List the displays: where each hangs, who made it, until when it shows the board, and whether it was revoked."""
    from handoff_logs.reading import open_reading
    from stations.people_register.displays import displays

    line, now_us = RunFolder(directory).line(), time.time_ns() // 1_000
    with open_reading(line.database_url) as reading:
        rows = [_row(one, now_us) for one in displays(reading)]
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": line.emulated, "displays": rows}, indent=2) + "\n")
        return Exit.FINE
    mark = "EMULATED line: " if line.emulated else ""
    if not rows:
        sys.stdout.write(f"{mark}no display was ever made\n")
    for row in rows:
        revoked = f", revoked by {row['revoked_by']} on {_day(row['revoked_us'])}" if row["revoked_by"] else ""
        sys.stdout.write(
            f"{mark}{row['display']}  {STATES[row['state']]:<10}{row['where']}, made by {row['made_by']} on"
            f" {_day(row['made_us'])}, until {_day(row['until_us'])}{revoked}\n"
        )
    return Exit.FINE


@contextmanager
def _signed(folder: RunFolder, by: str | None, passwords_from: Any) -> Iterator[tuple["Database", "SignedIn", bool]]:
    """The line's database with a lead or administrator who has just signed in, and whether the line is emulated."""
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
    from stations.people_register.displays import MAKERS
    from stations.people_register.register import refuse_unfounded
    from stations.people_register.sign_in import sign_in_as, unlock_own

    asking, settings = Asking(passwords_from), read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        refuse_unfounded(database)
        signed = sign_in_as(database, asking.credentials(asking.code("signing", by)), MAKERS)
        unlock_own(database, [signed.code], asking.pin)
        yield database, signed, settings.emulated


def _row(one: "Display", now_us: int) -> dict[str, Any]:
    return {
        "display": one.display_id,
        "state": one.state(now_us),
        "where": one.where,
        "made_by": one.made_by,
        "made_us": one.made_us,
        "until_us": one.until_us,
        "revoked_by": one.revoked_by,
        "revoked_us": one.revoked_us,
    }


def _day(time_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1e6).astimezone():%Y-%m-%d}"
