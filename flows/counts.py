"""What is counted when a shift opens or closes: the files that people scanned into, or what emulated eyes see."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.errors import FlowError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from flows.parts import Parts
    from flows.settings import LineSettings
    from stations.shift.counting import Counted

CountedFiles = Annotated[
    tuple[str, ...],
    Parameter(
        "--counted",
        allow_leading_hyphen=True,
        help="What two people scanned: STATION=FILE with a serial a line, or a FILE with the columns "
        "station,place,serial; - is standard input. May be given again.",
    ),
]
Absent = Annotated[
    tuple[str, ...], Parameter("--absent", help="Code of somebody on call who can't come. May be given again.")
]


class CountNeededError(FlowError):
    """Real blanks are counted by people with a scanner."""

    next_step = "Scan every blank of every station and give the files: --counted vault=FILE --counted …"

    def __str__(self) -> str:
        return "Nobody counted; nothing was recorded."


def read_counts(counted: Sequence[str], passwords_from: str | None, needed: Sequence[str] | None = None) -> "Counted":
    """The count in the files that were given, which must have looked at `needed`: all stations that have blanks.

    Raises CountFileError, CountUndecidedError, and as counting does."""
    from stations.shift import counting, rules
    from stations.shift.errors import CountFileError, CountUndecidedError

    counts = []
    for each in counted:
        station, named, file = each.partition("=")
        if not named or station not in rules.CREW:
            station, file = "", each
        if file == "-" and (passwords_from is not None or sum(other.endswith("-") for other in counted) > 1):
            raise CountUndecidedError(each)
        try:
            if file == "-":
                text = sys.stdin.buffer.read(counting.MOST_BYTES + 1).decode("ascii")
            else:
                with Path(file).open("rb") as lines:
                    text = lines.read(counting.MOST_BYTES + 1).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = "is no plain text" if isinstance(error, UnicodeDecodeError) else "can't be read"
            raise CountFileError(file, reason) from error
        counts.append(counting.read(file, text, station or None))
    return counting.joined(counts, rules.COUNTED if needed is None else needed)


def seen(conn: "Connection", parts: "Parts | None", settings: "LineSettings") -> "Counted":
    """What emulated eyes see; real blanks need a scan."""
    from stations.shift import counting, eyes

    if parts is None:
        raise CountNeededError
    return counting.joined([eyes.count(conn, parts.operators(), settings.personalizers)])
