"""`passline applications`: stop one wherever it is, let it go on or end it by two (domain.md, rule 8); raise it."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.counts import Absent, CountedFiles
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from flows.on_call import Called
    from stations.green.station import OnTheLine
    from stations.shift.station import Opened
    from stations.stopping.station import Put, Stopped
    from stations.workplace import Workplace

app = App(
    name="applications",
    help="Stop an application wherever it is; release it, or end it, by two people; raise it to the green channel.",
)

Number = Annotated[str, Parameter(help="The application's number, as on its receipt.")]
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
OnCallSecond = Annotated[
    str | None, Parameter("--second", help="Code of the second who signs an on-call shift; asked if left out.")
]
HERE: Final = Path(".passline")
STOPPED_COLUMNS: Final = ("emulated", "application", "reason", "was", "stopped_by", "since", "units", "to_do")
GREEN_COLUMNS: Final = (
    *("emulated", "application", "state", "reason", "approver", "since", "minutes", "deadline", "units"),
)


@app.command(name="stop")
def stop_command(
    number: Number,
    /,
    *,
    reason: Annotated[Literal["withdrawn", "alert", "mistake"], Parameter("--reason", help="Why it is stopped.")],
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who stops it; asked if left out.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Stop an application: nothing more is drawn, made, offered or dispatched for it. A lead signs in."""
    from flows.two_hands import as_one, workplace_of
    from stations.personalization.rules import STATION
    from stations.stopping import station

    with workplace_of(RunFolder(directory), STATION) as here:
        lead = as_one(here, Asking(passwords_from), by, station.STOPPERS)
        station.stop(here, number, lead.people[0], reason)
        _say(here, f"stopped ({reason}); its units go into quarantine when their station next touches them")
    return Exit.FINE


@app.command(name="stopped")
def stopped_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")] = "table",
) -> int:
    """List what is stopped, where its units are and what is to be done. Ends with 3 while anything is stopped."""
    from flows.two_hands import workplace_of
    from stations.personalization.rules import STATION
    from stations.stopping import station

    with workplace_of(RunFolder(directory), STATION) as here, here.database.read() as conn:
        found = station.stopped(conn)
        numbers = {each.application_id: station.number_of(conn, each) for each in found}
    rows = [_row(each, numbers[each.application_id]) for each in found]
    nothing = f"{'EMULATED line: ' if here.emulated else ''}no application is stopped"
    _print(rows, output, STOPPED_COLUMNS, nothing)
    return Exit.IN_DOUBT if rows else Exit.FINE


@app.command(name="release")
def release_command(
    number: Number,
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Let a stopped application go on from where it was. Two people sign in, who have looked at what is there."""
    from stations.stopping import station

    with _signed(RunFolder(directory), (first, second), Asking(passwords_from)) as (here, put):
        state = station.release(here, number, put)
        _say(here, f"released; it is {state.value} again, and its station goes on with it when it next begins")
    return Exit.FINE


@app.command(name="end")
def end_command(
    number: Number,
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """End a stopped application for good. Two people sign in, who have defaced its document if there is one."""
    from stations.stopping import station

    with _signed(RunFolder(directory), (first, second), Asking(passwords_from)) as (here, put):
        units = station.end(here, number, put)
        voided = ", ".join(f"{unit.kind} at {unit.station}" for unit in units) or "nothing"
        _say(here, f"ended; voided: {voided}")
    return Exit.FINE


@app.command(name="raise")
def raise_command(
    number: Number,
    /,
    *,
    reason: Annotated[
        Literal["conference", "exam", "death_abroad", "illness_abroad", "medical_care", "visa_expiry"],
        Parameter("--reason", help="Why it can't wait."),
    ],
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who approves it; asked if left out.")] = None,
    second: OnCallSecond = None,
    absent: Absent = (),
    confirm: Annotated[
        tuple[str, ...], Parameter("--confirm", help="An item of the checklist that is in order, or all.")
    ] = (),
    counted: CountedFiles = (),
    force: Annotated[
        str | None, Parameter("--force", help="Open the shift though the count differs: a lead's reason, as a code.")
    ] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Raise an application to the green channel: it overtakes everything from where it is. A lead signs in.

    The lead is its approver. It is due today, or six hours from now if that is later, but never later than it was. No
    machine stops for it; what is in somebody's hands goes before everything from its next handoff on.

    Where people are on call (line.toml, [on_call]) and no shift is open, an on-call shift is opened first, as shift
    open does: a second person signs too, and both have counted all blanks. Those on call are told. Ends with 1 where
    the count differs: it is recorded, and nothing is raised.
    """
    from flows.configuration import read_settings
    from flows.counts import read_counts
    from flows.on_call import is_needed, open_for, tell
    from flows.sealer import seal_now
    from flows.two_hands import as_one, workplace_of
    from stations.green import station
    from stations.intake.deadline_changes import in_force
    from stations.personalization.rules import STATION
    from stations.shift.rules import check_reason
    from stations.trays import TimeNodes

    check_reason(force)
    folder, asking = RunFolder(directory), Asking(passwords_from)
    given = read_counts(counted, passwords_from) if counted else None
    settings = read_settings(folder)
    with workplace_of(folder, STATION) as here:
        called = None
        if is_needed(here, settings):
            with here.database.read() as conn:
                # Before two people count for it.
                station.check_raise(conn, here, number)
            signing = by, second
            called = open_for(
                here, folder, settings, asking, given, signing=signing, absent=absent, confirmed=confirm, forced=force
            )
        opened = None if called is None else called.opened
        if called is not None and opened is not None:
            _say_opened(here, called, opened)
            if opened.shift_id is None:
                seal_now(folder)
                return Exit.FINDINGS
        lead = as_one(here, asking, by, station.RAISERS) if called is None else called.lead
        with here.database.read() as conn:
            nodes = TimeNodes(in_force(conn), settings.allowances.by_class())
        try:
            raised = station.raise_to_green(lead, number, reason, nodes)
        finally:
            # The shift is open, whatever became of the raise; and the raise stands, whoever can be told.
            if opened is not None:
                _say(here, str(tell(here.database, folder, settings)))
        ways = {
            station.Overtakes.OFFERED_ALONE: f"offered to {raised.station} alone, before everything",
            station.Overtakes.DRAWN_NEXT: f"the next that a machine draws at {raised.station}",
            station.Overtakes.FROM_NEXT_HANDOFF: f"before everything from its next handoff on (now: {raised.station})",
        }
        due = _moment(raised.deadline_us)
        _say(
            here, f"in the green channel ({reason}), approved by {lead.people[0]}; due {due}; {ways[raised.overtakes]}"
        )
    if opened is not None:
        _say(here, f"start the line: passline run --dir {folder.path}")
        seal_now(folder)
    return Exit.FINE


@app.command(name="green")
def green_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")] = "table",
) -> int:
    """List the green channel on the line: where each is, who approved it and why, since when, and until when."""
    from flows.two_hands import workplace_of
    from stations.green import station
    from stations.personalization.rules import STATION

    with workplace_of(RunFolder(directory), STATION) as here, here.database.read() as conn:
        now_us = here.database.clock_us(conn)
        rows = [_green_row(each, now_us) for each in station.on_the_line(conn, here)]
    nothing = f"{'EMULATED line: ' if here.emulated else ''}nothing of the green channel is on the line"
    _print(rows, output, GREEN_COLUMNS, nothing)
    return Exit.FINE


@contextmanager
def _signed(
    folder: RunFolder, codes: tuple[str | None, str | None], asking: Asking
) -> Iterator[tuple["Workplace", "Put"]]:
    """The two who signed in, at work, and whoever carries pieces: emulated hands, or the two themselves."""
    from flows.locks import settle_lock
    from flows.two_hands import as_two, emulated_hands, signed_by_two, workplace_of
    from stations.personalization.rules import STATION
    from stations.stopping.station import ENDERS

    with workplace_of(folder, STATION) as here:
        signed = as_two(here, signed_by_two(here, asking, codes, ENDERS))
        with settle_lock(folder), emulated_hands(folder, needed=here.emulated) as desk:
            yield signed, (_carry_themselves if desk is None else desk.put)


def _carry_themselves(serials: Sequence[str], place: str) -> None:
    sys.stderr.write(f"passline: carry {', '.join(serials)} to {place}.\n")


def _say_opened(here: "Workplace", called: "Called", opened: "Opened") -> None:
    """What came of opening the on-call shift."""
    from flows.shift_view import advise_difference, print_differences

    by = called.signers
    if opened.shift_id is None:
        _say(here, f"NOT raised: no on-call shift is open, for the count by {by.first} and {by.second} differs")
        print_differences(opened.differences)
        advise_difference("--force")
        return
    people = ", ".join(code for codes in called.plan.crew.values() for code in codes)
    _say(here, f"the on-call shift is open: {people}; {called.counted} counted, signed by {by.first} and {by.second}")
    print_differences(opened.differences)
    if opened.forced:
        _say(here, f"forced; its case is open: passline shift settle {opened.shift_id}")
    for machine, why in opened.held.items():
        _say(here, f"{machine} is held: {why}")


def _say(here: "Workplace", what: str) -> None:
    sys.stdout.write(f"{'EMULATED line: ' if here.emulated else ''}{what}\n")


def _moment(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us / 1e6, UTC).astimezone().isoformat(" ", "seconds")


def _green_row(each: "OnTheLine", now_us: int) -> dict[str, Any]:
    places = "; ".join(f"{unit.kind} {unit.state} at {unit.station} ({unit.place})" for unit in each.places)
    approval = each.approval
    return {
        "emulated": each.emulated,
        "application": each.number,
        "state": each.state,
        "reason": approval.reason if approval else "",
        "approver": approval.approver if approval else "",
        "since": _moment(each.since_us),
        "minutes": (now_us - each.since_us) // 60_000_000,
        "deadline": _moment(each.deadline_us) + (" overdue" if each.deadline_us < now_us else ""),
        "units": places or "none",
    }


def _row(each: "Stopped", number: str) -> dict[str, Any]:
    places = "; ".join(f"{unit.kind} {unit.state} at {unit.station} ({unit.place})" for unit in each.units)
    return {
        "emulated": each.emulated,
        "application": number,
        "reason": each.reason,
        "was": each.state_before,
        "stopped_by": each.stopped_by,
        "since": _moment(each.stopped_us),
        "units": places or "none",
        "to_do": _to_do(each),
    }


def _to_do(each: "Stopped") -> str:
    waiting = [unit for unit in each.units if not unit.lies_still and unit.state != "void"]
    if waiting:
        return f"{waiting[0].station} puts it into quarantine when it next touches it."
    return "Two people look, and record release or end; a document is defaced before it is ended."


def _print(rows: Sequence[dict[str, Any]], output: str, names: Sequence[str], nothing: str) -> None:
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            write_rows(names, rows)
        case _:
            _table(rows, nothing)


def _table(rows: Sequence[dict[str, Any]], nothing: str) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    if not rows:
        sys.stdout.write(f"{nothing}\n")
        return
    mark = "EMULATED" if any(row["emulated"] for row in rows) else None
    table = Table(title=mark, title_justify="left")
    for name in rows[0]:
        if name != "emulated":
            table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for name, value in row.items() if name != "emulated"))
    screen().print(table)
