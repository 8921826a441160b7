"""Who touches machines at the terminal: an engineer or a lead who is signed in there; on an emulated line anybody.

Quick, as `who_asks` is, whose rules for a terminal these are. What somebody did is recorded as look-ups of the log are,
before it is done.
"""

from pathlib import Path
from typing import Final

from flows.run_folder import RunFolder
from flows.who_asks import NobodySignedInError, signed_in, unsigned
from handoff_logs import terminal
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.terminal import Asker
from stations.people_register.errors import RoleMissingError
from stations.people_register.rights import MAY, Right

MAY_TOUCH: Final = "engineers and leads may touch machines"


def who_touches(directory: Path, act: str, device: str) -> None:
    """Let `act` ("probe") be done with a device or port, or raise; where no line is, at a bench, anybody may.

    Raises NobodySignedInError, SessionEndedError, RoleMissingError, SessionFileRefusedError, LookupNotRecordedError.
    """
    folder = RunFolder(directory)
    if not folder.configuration.exists():
        return
    try:
        who = _who(folder)
    except UnreadableDatabaseError:
        if folder.configured().get("mode") == "production" or not folder.line().emulated:
            raise NobodySignedInError(folder.path, MAY_TOUCH) from None
        return  # An emulated line that was never set up has nobody enrolled and nothing recorded.
    asking = terminal.asking(folder.line().database_url, folder.path)
    asking.record(who.reader, f"devices {act}", session=who.session, device=device)


def _who(folder: RunFolder) -> Asker:
    session = signed_in(folder)
    if session is None:
        return unsigned(folder, MAY_TOUCH)
    may = MAY[Right.TOUCH]
    if session.roles.isdisjoint(may):
        raise RoleMissingError(session.code, tuple(sorted(may)))
    return Asker(session.code, session.session_id)
