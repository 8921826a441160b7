"""`passline logs erase`: two administrators erase the numbers of an application whose documents have run out."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from flows.errors import Exit, ForceRefusedError, ReasonRefusedError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from sqlalchemy import Connection

_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
YEAR_US: Final = 366 * 86_400 * 1_000_000
"""The longest year: never a day too early."""


def erase_command(
    number: Annotated[str, Parameter(help="An application's or a document's number.")],
    /,
    *,
    reason: Annotated[str, Parameter("--reason", help="Why, as a code: retention, request.")],
    force: Annotated[
        bool, Parameter("--force", negative=(), help="Before its time; on an emulated line only.")
    ] = False,
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Erase the numbers of an application, its documents and their blanks; two administrators sign.

    What happened to them stays in the log, and its proofs hold. Afterwards nobody can find them by a number: the log
    answers that it does not know it. Copies made before still have it.
    """
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
    from handoff_logs import erasing
    from handoff_logs.log import Stamp
    from stations.people_register import rules
    from stations.people_register.sign_in import sign_in_two

    if _CODE.fullmatch(reason) is None:
        raise ReasonRefusedError
    folder, asking = RunFolder(directory), Asking(passwords_from)
    settings = read_settings(folder)
    if force and settings.mode == "production":
        raise ForceRefusedError
    refuse_rolled_back(folder, settings)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:

        def before_us(tx: "Connection") -> int | None:
            return None if force else database.clock_us(tx) - settings.log.keep_numbers_years * YEAR_US

        # Before anybody is asked to sign.
        with database.read() as conn:
            units, limit_us = erasing.numbered(conn, number), before_us(conn)
            if limit_us is not None:
                erasing.refuse_early(units, limit_us)
        codes = asking.code("first", first), asking.code("second", second)
        rules.check_two(*codes)
        signers = asking.credentials(codes[0]), asking.credentials(codes[1])
        by = sign_in_two(database, *signers, rules.ADMINISTRATORS)

        def write(tx: "Connection") -> int:
            stamp = Stamp(database.clock_us(tx), settings.emulated, reason=reason)
            return erasing.erase(tx, number, by.first, by.second, before_us(tx), stamp)

        erased = database.write(write)
    mark = "EMULATED line: " if settings.emulated else ""
    sys.stdout.write(f"{mark}{erased} numbers of {len(units)} units are erased; signed by {by.first} and {by.second}\n")
    return Exit.FINE
