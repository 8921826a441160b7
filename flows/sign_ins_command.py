"""`passline people sign-ins`: who signed in or was refused, by password, badge or through the issuer, latest first."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, validators

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.who_asks import SIGN_INS, recorded
from handoff_logs.cli import moment_us
from handoff_logs.reading import Row
from handoff_logs.sheets import write_rows
from handoff_logs.terminal import Audience
from stations.people_register import rules

MOST: Final = 100
"""Sign-ins that are listed where nothing else is said."""
EVER_US: Final = -(2**53)

_WITH = "AND code = :person "
# Each part goes down an index and stops at the limit. That one was begun is no end: it is followed by how it ended.
_SIGN_INS = """
SELECT attempt.at_us, attempt.code, CASE WHEN badge.attempt_id IS NULL THEN 'password' ELSE 'badge' END AS by,
       attempt.outcome, '' AS reason,
       coalesce(session.computer || ' ' || session.account || ' ' || session.terminal, '') AS place,
       attempt.attempt_id
FROM sign_in_attempt AS attempt LEFT JOIN terminal_session AS session ON session.sign_in = attempt.attempt_id
LEFT JOIN badge_sign_in AS badge ON badge.attempt_id = attempt.attempt_id
WHERE attempt.at_us >= :since_us {}AND attempt.outcome <> 'begun'
UNION ALL
SELECT at_us, coalesce(code, ''), 'issuer', CASE WHEN accepted THEN 'accepted' ELSE 'refused' END,
       coalesce(refusal, ''), issuer, attempt_id
FROM issuer_sign_in WHERE at_us >= :since_us {}
UNION ALL
SELECT at_us, coalesce(code, ''), 'badge', 'refused', refusal, '', attempt_id
FROM badge_sign_in WHERE at_us >= :since_us {}AND refusal IS NOT NULL
ORDER BY 1 DESC, 7 DESC LIMIT :most
"""
ALL: Final = _SIGN_INS.format("", "", "")
"""The latest sign-ins since a time."""
OF_PERSON: Final = _SIGN_INS.format("AND attempt.code = :person ", _WITH, _WITH)
"""Those of one code, which may be nobody's."""


def sign_ins_command(
    *,
    person: Annotated[str | None, Parameter("--person", help="Only with this staff code.")] = None,
    since: Annotated[
        str | None, Parameter("--since", help="From this local date or time on, 2026-11-25 or '2026-11-25 14:30'.")
    ] = None,
    most: Annotated[
        int, Parameter("--limit", help="At most so many, the latest.", validator=validators.Number(gte=1))
    ] = MOST,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """List who signed in or was refused."""
    if person is not None:
        rules.check_code(person)
    since_us = EVER_US if since is None else moment_us(since)
    asked = {"person": person, "since_us": None if since is None else since_us}
    with recorded(directory, SIGN_INS, Audience.OVERSEERS, **asked) as reading:
        if person is None:
            found = reading.rows(ALL, since_us=since_us, most=most + 1)
        else:
            found = reading.rows(OF_PERSON, since_us=since_us, most=most + 1, person=person)
    emulated = RunFolder(directory).line().emulated
    rows = [_as_row(row, emulated=emulated) for row in found[:most]]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv" if rows:
            write_rows(list(rows[0]), rows)
        case "table":
            _print_table(rows, emulated=emulated)
    if len(found) > most:
        sys.stderr.write(f"passline: these are the latest {most}; there are more, say --limit\n")
    return Exit.FINE


def _as_row(row: Row, *, emulated: bool) -> dict[str, Any]:
    at = datetime.fromtimestamp(row["at_us"] / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")
    told = {name: row[name] for name in ("code", "by", "outcome", "reason", "place")}
    return {"at": at, **told, "sign_in": row["attempt_id"], "emulated": emulated}


def _print_table(rows: Sequence[dict[str, Any]], *, emulated: bool) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(title="EMULATED line" if emulated else None, box=None, header_style="dim", pad_edge=False)
    shown = ("at", "code", "by", "outcome", "reason", "place")
    for column in shown if rows else ["nobody signed in"]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(row[column] for column in shown))
    screen().print(table)
