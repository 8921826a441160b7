"""Who asks the handoff log at the terminal: whoever is signed in there; on an emulated line anybody, and said so.

Quick: it knows nothing of the settings but where the line is and whether it is emulated.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flows import session_file
from flows.errors import FlowError
from flows.run_folder import RunFolder
from handoff_logs import terminal
from handoff_logs.errors import HandoffLogError
from handoff_logs.lookups import LookupNotRecordedError
from handoff_logs.pseudonyms import pseudonym_key
from handoff_logs.reading import Reading, open_reading
from handoff_logs.records import Scalar
from handoff_logs.terminal import Asker, Audience, account
from stations.people_register.errors import RoleMissingError, SessionEndedError
from stations.people_register.rights import MAY, Right
from stations.people_register.terminal_sessions import Session, resume

RIGHTS: Final = {Audience.READERS: Right.ASK, Audience.OVERSEERS: Right.OVERSEE}
"""What an audience must be allowed; whoever asks of the log as a whole needs nothing."""

SIGN_INS: Final = "people sign-ins"
BY_INDEX: Final = frozenset({"shift-report", SIGN_INS})
"""Questions that go from index to index, as those of `passline logs` do."""

_REAL: Final = "SELECT seq FROM custody_event WHERE NOT emulated AND seq IN (:first, :last)"
_ENDS: Final = "SELECT min(seq) AS first, max(seq) AS last FROM custody_event"
_ASKED: Final = "SELECT 1 AS asked FROM audit_lookup WHERE reader = :reader LIMIT 1"


MAY_ASK: Final = "auditors, leads and administrators may ask"


class NobodySignedInError(FlowError):
    """A production line answers nobody who did not sign in."""

    def __init__(self, folder: Path, who: str = MAY_ASK) -> None:
        super().__init__(folder, who)
        self.folder, self.who = folder, who
        self.next_step = f"Sign in: `passline sign-in CODE --dir {folder}`; {who}."

    def __str__(self) -> str:
        return f"Nobody is signed in at this terminal on the line in {self.folder}; nothing was answered."


def who_asks(directory: Path, audience: Audience) -> Asker:
    """Who asks the log of a run's folder.

    Raises NobodySignedInError, SessionEndedError, RoleMissingError, SessionFileRefusedError, RunFolderMissingError.
    """
    folder = RunFolder(directory)
    if audience is Audience.ANYBODY:
        return _anybody(folder)
    session = signed_in(folder)
    if session is None:
        return unsigned(folder, MAY_ASK)
    may = MAY[RIGHTS[audience]]
    if session.roles.isdisjoint(may):
        raise RoleMissingError(session.code, tuple(sorted(may)))
    return Asker(session.code, session.session_id)


@contextmanager
def recorded(directory: Path, question: str, audience: Audience, /, **parameters: Scalar) -> Iterator[Reading]:
    """Record who asks what of the log of a run's folder, then lend it; for commands beside `passline logs`.

    What anybody may ask goes on without a record where that fails, and says so. Raises LookupNotRecordedError and what
    `who_asks` refuses.
    """
    folder = RunFolder(directory)
    url, who = folder.line().database_url, who_asks(directory, audience)
    try:
        terminal.asking(url, folder.path).record(who.reader, question, session=who.session, **parameters)
    except LookupNotRecordedError as error:
        if audience is not Audience.ANYBODY:
            raise
        sys.stderr.write(
            f"passline: This could not be recorded as asked ({error.detail}); it is answered all the same.\n"
        )
    with open_reading(url, by_index=question in BY_INDEX) as reading:
        yield reading


def signed_in(folder: RunFolder, *, asks: bool = True) -> Session | None:
    """The session at this terminal on a line; None where nobody signed in.

    Raises SessionEndedError, SessionFileRefusedError, UnreadableDatabaseError.
    """
    line, secret = folder.line(), session_file.read(folder.path)
    if secret is None:
        return None
    return resume(line.database_url, pseudonym_key(folder.keys), secret, asks=asks)


def _anybody(folder: RunFolder) -> Asker:
    """Whoever asks of the log as a whole: also a timer at night, or somebody whose session is none any more."""
    try:
        session = signed_in(folder)
    except (SessionEndedError, session_file.SessionFileRefusedError, HandoffLogError):
        session = None
    return Asker(f"unsigned:{account()}") if session is None else Asker(session.code, session.session_id)


def unsigned(folder: RunFolder, who: str) -> Asker:
    """Nobody, as a demo's newcomer is; told once to an account and line that this is for emulated lines alone.

    The environment can't make a production line an emulated one, nor can line.toml where the log has real records:
    there only `who` may, says NobodySignedInError.
    """
    configured = folder.configured().get("mode")
    url = folder.line().database_url
    reader = f"unsigned:{account()}"
    with open_reading(url) as reading:
        (ends,) = reading.rows(_ENDS)
        is_real = bool(reading.rows(_REAL, **ends))
        is_told = bool(reading.rows(_ASKED, reader=reader))
    if configured == "production" or not folder.line().emulated or is_real:
        raise NobodySignedInError(folder.path, who)
    if not is_told:
        sys.stderr.write(
            f"passline: Nobody is signed in; an EMULATED line answers all the same, and records it as {reader}.\n"
        )
    return Asker(reader)
