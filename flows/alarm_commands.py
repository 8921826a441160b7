"""`passline alarms`: what is open and whose it is, taking one, and whether the targets can be told."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.alarm_look import ALARM_STATES, LOOKS
from flows.durations import duration
from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.sheets import write_rows
from stations.alarms.listing import Listed, listed
from stations.people_register.asking import Asking, PasswordsFrom

DEFAULT_DIRECTORY: Final = Path(".passline")
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]

app = App(name="alarms", help="What a person must look at: open alarms, who took them, who is told.")


class UnknownTargetError(FlowError):
    """No target of alarms has this name; None where any would do and there is none."""

    def __init__(self, name: str | None, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known
        self.next_step = (
            f"Name one of {', '.join(known)}." if known else "Name some under [[alarms.targets]] in line.toml."
        )

    def __str__(self) -> str:
        return f"The line has no target of alarms{f' {self.name}' if self.name else ''}; nobody was told."


@app.command(name="list")
def list_command(
    *,
    ended: Annotated[bool, Parameter("--all", negative=(), help="Also those that are over, the last 500.")] = False,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Output = "table",
) -> int:
    """List the open alarms, worst first: since when, whose they are, who took them.

    Ends with 1 while any is open, with 0 otherwise.
    """
    line = RunFolder(directory).line()
    with closing(open_reading(line.database_url)) as reading:
        found = listed(reading, ended=ended)
    now_us = time.time_ns() // 1_000
    match output:
        case "json":
            rows = [_as_row(one) for one in found]
            sys.stdout.write(json.dumps({"emulated": line.emulated, "alarms": rows}, indent=2) + "\n")
        case "csv":
            rows = [_as_row(one) for one in found]
            write_rows(COLUMNS, (row | {"escalated_to": " ".join(row["escalated_to"])} for row in rows))
        case "table":
            _print_table(found, now_us, emulated=line.emulated)
    return Exit.FINDINGS if any(one.cleared_us is None for one in found) else Exit.FINE


@app.command
def acknowledge(
    alarm: Annotated[int, Parameter(help="The alarm's number, as `list` prints it.")],
    /,
    *,
    by: Annotated[str | None, Parameter("--by", help="Code of who takes it; asked if left out.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Take an alarm: you see to it, and it is escalated no further.

    Asks for code and password of one who may: the role whose it is, a lead, or one that it was escalated to.
    """
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from stations.alarms import register
    from stations.people_register.register import refuse_unfounded
    from stations.people_register.sign_in import sign_in

    folder, asking = RunFolder(directory), Asking(passwords_from)
    settings = read_settings(folder)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        refuse_unfounded(database)
        with database.read() as connection:
            register.check_standing(connection, alarm)
        who = sign_in(database, asking.credentials(asking.code("acknowledging", by)))
        database.write(lambda tx: register.acknowledge(tx, alarm, who))
    mark = "EMULATED line: " if settings.emulated else ""
    sys.stdout.write(f"{mark}alarm {alarm} is {who.code}'s to see to.\n")


@app.command(name="test-target")
def try_target(
    name: Annotated[str | None, Parameter(help="Only this target; all of the line if left out.")] = None,
    /,
    *,
    directory: Directory = DEFAULT_DIRECTORY,
) -> int:
    """Tell the alarms' targets that this is a test, and say which of them took it.

    Ends with 1 if any did not.
    """
    from flows.alarm_targets import NotToldError, open_targets
    from flows.configuration import read_settings
    from stations.alarms.rules import Severity

    folder = RunFolder(directory)
    settings = read_settings(folder)
    targets = open_targets(folder, settings)
    wanted = [target for target in targets if name in (None, target.name)]
    if not wanted:
        raise UnknownTargetError(name, tuple(target.name for target in targets))
    mark = "EMULATED 模拟 " if settings.emulated else ""
    title = f"{mark}passline · {settings.centre} · test 测试"
    failed = 0
    for target in wanted:
        try:
            target.tell(title, "This is a test; nothing is the matter.\n这是测试，一切正常。", Severity.NOTICE)
        except NotToldError as error:
            failed += 1
            sys.stdout.write(f"✕ {target.name} was not told: {error.code}\n")
        else:
            sys.stdout.write(f"✓ {target.name} took it\n")
        sys.stdout.flush()
    return Exit.FINDINGS if failed else Exit.FINE


COLUMNS: Final = (
    *("alarm", "severity", "kind", "subject", "amount", "state", "owner", "raised_us", "cleared_us"),
    *("acknowledged_by", "acknowledged_us", "escalated_to", "seen", "returned", "unsent", "emulated"),
)


def _as_row(one: Listed) -> dict[str, Any]:
    return dict(
        zip(
            COLUMNS,
            (
                *(one.alarm_id, one.severity.value, one.code, one.subject, one.amount, one.state, one.owner),
                *(one.raised_us, one.cleared_us, one.taken_by, one.taken_us, list(one.told), one.seen, one.returned),
                *(one.unsent, one.emulated),
            ),
            strict=True,
        )
    )


def _print_table(found: Sequence[Listed], now_us: int, *, emulated: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from handoff_logs.screen import screen

    console = screen()
    if emulated:
        console.print(Text(" EMULATED ", "black on yellow"))
    if not found:
        console.print(Text("✓ no alarm is open", "green"))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("alarm", justify="right")
    for name in ("how bad", "what", "where", "how much", "since", "for", "whose", "state"):
        table.add_column(name, overflow="fold")
    for one in found:
        icon, style = LOOKS[one.severity]
        # As text of its own, whatever a subject holds: nothing in it is markup.
        table.add_row(
            str(one.alarm_id),
            Text(f"{icon} {one.severity}", style if one.cleared_us is None else "dim"),
            Text(one.title),
            Text(one.subject),
            Text(one.much),
            time.strftime("%m-%d %H:%M:%S", time.localtime(one.raised_us / 1e6)),
            duration(((one.cleared_us or now_us) - one.raised_us) / 1e6),
            Text(" → ".join((one.owner, *one.told))),
            Text(_state(one), ALARM_STATES[one.state][1]),
        )
    console.print(table)


def _state(one: Listed) -> str:
    parts = [f"{ALARM_STATES[one.state][0]} {one.state}"]
    if one.taken_by is not None:
        parts.append(f"by {one.taken_by}")
    if one.returned:
        parts.append(f"returned {one.returned} times")
    if one.unsent:
        parts.append("not told everywhere yet")
    return ", ".join(parts)
