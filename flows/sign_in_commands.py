"""`passline sign-in`, `sign-out`, `whoami`: who asks at this terminal. Heavy modules load with their command."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, PasswordsFrom

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
DEFAULT_DIRECTORY: Final = Path(".passline")
INSUFFICIENT_PRIVILEGE: Final = "42501"
"""PostgreSQL's code (appendix A)."""
MOST_CHARACTERS: Final = 64
"""Of what is kept of a computer's, an account's and a terminal's name."""


class LoginCantSignInError(FlowError):
    """This login of the database reads the log and can't sign people in."""

    next_step = "Sign in with the login in line.toml; `passline logs` may then ask with this one."

    def __str__(self) -> str:
        return "This login of the database may not record a sign-in; nothing was done."


def sign_in_command(
    code: Annotated[str | None, Parameter(help="Your staff code, or your badge scanned; asked if left out.")] = None,
    /,
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Sign in at this terminal with your own code or badge, and password, to ask the handoff log.

    It holds for 8 hours, and for 30 minutes after the last question; then, or after `passline sign-out`, sign in again.
    It signs nothing: where two people sign, both type their passwords at that moment.
    """
    from sqlalchemy.exc import DBAPIError

    from flows import session_file
    from flows.composition import prepare
    from flows.configuration import read_settings
    from handoff_logs.database import Database
    from handoff_logs.pseudonyms import pseudonym_key
    from handoff_logs.terminal import account
    from stations.people_register import badges, rules, terminal_sessions
    from stations.people_register.register import refuse_unfounded

    folder, asking = RunFolder(directory), Asking(passwords_from)
    settings = read_settings(folder)
    prepare(folder)
    url, key = folder.resolve_database(settings.database.url), pseudonym_key(folder.keys)
    earlier = session_file.read(folder.path)
    try:
        with Database(url) as database:
            refuse_unfounded(database)
            typed = asking.own_code(code)
            if badges.is_number(typed):
                whose, password = badges.holder(database, key, typed), asking.badge_password()
            else:
                whose = rules.check_code(typed)
                password = asking.credentials(typed).password
            set_us = None if whose is None else terminal_sessions.password_set_us(url, whose)
            signed = badges.sign_in_by(database, key, typed, password)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
            raise LoginCantSignInError from error
        raise
    where = terminal_sessions.Where(*(part[:MOST_CHARACTERS] for part in (platform.node(), account(), _terminal())))
    secret = terminal_sessions.begin(url, key, signed, set_us, where)
    session_file.write(folder.path, secret)
    if earlier is not None:
        terminal_sessions.end(url, key, earlier, replaced=True)
    session = terminal_sessions.resume(url, key, secret, asks=False)
    _say(
        folder,
        f"{signed.code} is signed in at this terminal until {_local(session.until_us)}, and for half an hour after each"
        " question; what you look up and export is recorded",
    )
    return Exit.FINE


def sign_out_command(*, directory: Directory = DEFAULT_DIRECTORY) -> int:
    """Sign out at this terminal: its session opens nothing any more, for whoever may have copied it."""
    from flows import session_file
    from handoff_logs.pseudonyms import pseudonym_key
    from stations.people_register import terminal_sessions

    folder = RunFolder(directory)
    line, secret = folder.line(), session_file.read(folder.path)
    code = None
    if secret is not None:
        code = terminal_sessions.end(line.database_url, pseudonym_key(folder.keys), secret)
        session_file.remove(folder.path)
    _say(folder, f"{code} is signed out" if code is not None else "nobody was signed in at this terminal")
    return Exit.FINE


def whoami_command(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Print who is signed in at this terminal, with which roles, since when and until when; exit 2 if nobody is."""
    from flows.who_asks import NobodySignedInError, signed_in

    folder = RunFolder(directory)
    session = signed_in(folder, asks=False)
    if session is None:
        raise NobodySignedInError(folder.path)
    facts: dict[str, object] = {
        "code": session.code,
        "roles": sorted(session.roles),
        "since": _local(session.begun_us),
        "until": _local(session.until_us),
        "unless_idle_until": _local(session.idle_us),
        "computer": session.where.computer,
        "account": session.where.account,
        "terminal": session.where.terminal,
        "session": session.session_id,
    }
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": folder.line().emulated, **facts}, indent=2) + "\n")
        return Exit.FINE
    _say(
        folder,
        f"{session.code} ({', '.join(sorted(session.roles))}), signed in at {facts['since']}, until {facts['until']};"
        f" until {facts['unless_idle_until']} if nothing is asked",
    )
    return Exit.FINE


def _terminal() -> str:
    """The terminal that somebody types at, as the system names it."""
    try:
        return os.ttyname(sys.stdin.fileno())
    except (OSError, ValueError):
        return "none"


def _local(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")


def _say(folder: RunFolder, sentence: str) -> None:
    mark = "EMULATED line: " if folder.line().emulated else ""
    sys.stdout.write(f"{mark}{sentence}.\n")
