"""`passline logs explain`: two people say why a finding of the log's verification is there, and it is closed."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.line_rules import DIFFERENCES
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REASON: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


class ReasonRefusedError(FlowError):
    """A reason goes into custody records for good, and is no sentence."""

    next_step = "Give a code like clock-step, power-loss, restored-copy; what happened in words belongs elsewhere."

    def __str__(self) -> str:
        return "A reason is small letters, digits and - between them, 40 at most; nothing was recorded."


class UnknownFindingError(FlowError):
    """Verification does not find this now, or nothing can close it."""

    next_step = "`passline logs verify` lists the findings with their ids; what is broken can't be explained away."

    def __init__(self, finding: str) -> None:
        super().__init__(finding)
        self.finding = finding

    def __str__(self) -> str:
        return f"The log has no open finding {self.finding}; nothing was recorded."


def explain_command(
    finding: Annotated[str, Parameter(help="The finding's id, as `logs verify` prints it.")],
    /,
    *,
    reason: Annotated[str, Parameter("--reason", help="Why it is there: a code, no sentence.")],
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record two people's explanation of a finding."""
    from handoff_logs.verify.run import Asked, verify

    folder = RunFolder(directory)
    line = folder.line()
    if _REASON.fullmatch(reason) is None:
        raise ReasonRefusedError
    problems = {
        problem.finding_id: problem for problem in verify(line.database_url, Asked(differences=DIFFERENCES)).problems
    }
    problem = problems.get(finding)
    if problem is None or problem.is_breaking or problem.explained_by is not None:
        raise UnknownFindingError(finding)
    _record(folder, finding, reason, (first, second), Asking(passwords_from))
    mark = "EMULATED line: " if line.emulated else ""
    sys.stdout.write(f"{mark}explained: {problem.rule}: {problem.subject}; closed once it is sealed\n")
    return Exit.FINE


def _record(folder: RunFolder, finding: str, reason: str, codes: tuple[str | None, str | None], asking: Asking) -> None:
    from flows.composition import open_database, prepare
    from handoff_logs import register
    from handoff_logs.log import Stamp
    from handoff_logs.register import Register
    from handoff_logs.verify.explanations import FIELD
    from handoff_logs.writing import Entry
    from stations.people import Role
    from stations.people_register import rules
    from stations.people_register.sign_in import sign_in_two

    prepare(folder)
    line = folder.line()
    first, second = asking.code("first", codes[0]), asking.code("second", codes[1])
    rules.check_two(first, second)
    signers = asking.credentials(first), asking.credentials(second)
    with open_database(folder, line.database_url) as database:
        by = sign_in_two(database, *signers, (Role.LEAD, Role.ADMINISTRATOR))
        entry = Entry(Register.EXPLANATION, finding, FIELD, reason)
        party = register.administration(by.first, by.first_sign_in)

        def record(tx: "Connection") -> None:
            stamp = Stamp(database.clock_us(tx), line.emulated, second_sign_in=by.second_sign_in)
            register.record(tx, party, by.second, [entry], stamp)

        database.write(record)
