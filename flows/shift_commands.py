"""`passline shift`: open, look at, close and settle a shift; a lead and a second person count blanks and sign."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from flows.counts import Absent, CountedFiles, seen
from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from flows.shift_counting import (
    HERE,
    Confirm,
    Crew,
    Directory,
    Emulated,
    Output,
    Reason,
    plan_of,
    signers,
    standing_line,
)
from flows.shift_view import (
    advise_difference,
    print_counts,
    print_differences,
    print_json,
    print_standing,
    print_stops,
    standing,
)
from handoff_logs.reading import open_reading
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from stations.shift.counting import Signers
    from stations.shift.station import Closed

app = App(name="shift", help="The shift: open it, see what stands against its close, close it.")
app.command("flows.hand_over_command:hand_over_command", name="hand-over")
app.command("flows.relieve_command:relieve_command", name="relieve")
app.command("flows.evacuate_command:evacuate_command", name="evacuate")
app.command("flows.evacuate_command:return_command", name="return")


class OnCallCrewError(FlowError):
    """People were named for a shift whose people are those on call."""

    next_step = "Leave --crew or --on-call out."

    def __str__(self) -> str:
        return "An on-call shift has its people from line.toml; no shift was opened."


class AbsentError(FlowError):
    """Somebody was said to be absent from a shift whose people are named one by one."""

    next_step = "Leave them out of --crew, or open an on-call shift: --on-call."

    def __str__(self) -> str:
        return "Only those on call can be absent; no shift was opened."


@app.command(name="open")
def open_command(
    name: Annotated[str, Parameter(help="The shift's name, as its records will bear it: early, night.")],
    /,
    *,
    crew: Crew = (),
    confirm: Confirm = (),
    on_call: Annotated[
        bool, Parameter("--on-call", negative=(), help="With those on call in line.toml, instead of --crew.")
    ] = False,
    absent: Absent = (),
    counted: CountedFiles = (),
    reason: Reason = None,
    first: First = None,
    second: Second = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Open a shift: its people, its machines, the checklist, and a blind count of all blanks by the two who sign.

    With --on-call its people are those in line.toml, [on_call], who are told of it.
    A lead signs in and a second person. Ends with 1 where the count differs from the log: the count is recorded, and
    no shift is opened unless a lead's --reason forces it.
    """
    from flows.on_call import plan as planned
    from flows.on_call import tell
    from flows.sealer import seal_now
    from stations.shift import rules, station

    folder = RunFolder(directory)
    rules.check_reason(reason)
    if on_call and crew:
        raise OnCallCrewError
    if absent and not on_call:
        raise AbsentError
    with standing_line(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        plan = plan_of(name, crew, confirm, settings, emulated_line=here.emulated, emulated=emulated)
        with here.database.read() as conn:
            if on_call:
                plan = planned(conn, settings, name, absent=absent, confirmed=plan.confirmed)
            station.check_open(conn, plan)
            count = given or seen(conn, parts, settings)
        by = signers(here, Asking(passwords_from), (first, second), emulated=emulated)
        opened = station.open_shift(here.database, plan, count, by, reason)
        told = tell(here.database, folder, settings) if on_call and opened.shift_id is not None else None
    content = {
        "emulated": plan.emulated,
        "shift": name,
        "shift_id": opened.shift_id,
        "opened": opened.shift_id is not None,
        "forced": opened.forced,
        "counted": len(count.scans),
        "count_id": opened.count_id,
        "signed_by": [by.first, by.second],
        "people": {at: list(codes) for at, codes in plan.crew.items()},
        "machines": list(plan.machines),
        "held": dict(opened.held),
        "differences": [one._asdict() for one in opened.differences],
        "told": None if told is None else [*told.told],
        "untold": None if told is None else [*told.untold],
    }
    if output == "json":
        print_json(content)
    else:
        mark = "EMULATED: " if plan.emulated else ""
        if opened.shift_id is None:
            said = f"shift {name} is NOT open: the count differs from the log"
        else:
            total = sum(map(len, plan.crew.values()))
            said = f"shift {name} is open: {total} people, {len(plan.machines)} machines, {len(count.scans)} counted"
        sys.stdout.write(f"{mark}{said}; signed by {by.first} and {by.second}\n")
        if told is not None:
            sys.stdout.write(f"{mark}{told}\n")
        for machine, why in opened.held.items():
            sys.stdout.write(f"{mark}{machine} is held: {why}\n")
        print_differences(opened.differences)
        if opened.shift_id is None:
            advise_difference()
        elif opened.forced:
            sys.stdout.write(f"{mark}forced; its case is open: passline shift settle {opened.shift_id}\n")
    # Told first: it stands, whatever hinders the sealing.
    seal_now(folder)
    return Exit.FINE if opened.shift_id is not None else Exit.FINDINGS


@app.command(name="status")
def status_command(*, directory: Directory = HERE, output: Output = "table") -> int:
    """Print the open shift: its people, machines and balance, and all that keeps it from closing, with what to do.

    Ends with 1 while something does. What a count would find is not in it: nobody is told what there must be.
    """
    line = RunFolder(directory).line()
    with open_reading(line.database_url, by_index=True) as reading:
        content = standing(reading, emulated=line.emulated)
    if output == "json":
        print_json(content)
    else:
        print_standing(content)
    return Exit.FINDINGS if content["stops"] or content["cases"] or content["evacuated"] else Exit.FINE


@app.command(name="close")
def close_command(
    *,
    counted: CountedFiles = (),
    reason: Reason = None,
    first: First = None,
    second: Second = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Close the open shift, on a blind count of all blanks by the two who sign: a lead and a second person.

    Refused, with a list of what to do, on any difference, job without an outcome, open case or unsigned handoff: ends
    with 1, and the shift is open as it was. A lead's --reason forces it; it then stays open as a case.
    """
    from flows.core_gate import emulated_inside, walk
    from flows.sealer import seal_now
    from flows.shift_to_prefect import tell_prefect
    from stations.gate.rules import Direction
    from stations.shift import rules, station
    from stations.shift.stops import balance_of, unbalanced

    folder = RunFolder(directory)
    rules.check_reason(reason)
    with standing_line(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        with here.database.read() as conn:
            row, _ = station.check_close(conn, ())
        if emulated and parts is not None:
            walk(folder, settings, here.database, parts, Direction.OUT, emulated_inside(here.database))
        with open_reading(folder.line().database_url, by_index=True) as reading:
            against = list(unbalanced(balance_of(reading, row["opened_us"])))
        with here.database.read() as conn:
            row, stops = station.check_close(conn, against)
            if stops and reason is None:
                # Before anybody counts or signs.
                closed = station.Closed(row["shift_id"], row["name"], None, (), tuple(stops))
                return _closed(closed, None, 0, output, folder=folder, emulated=here.emulated)
            count = given or seen(conn, parts, settings)
        by = signers(here, Asking(passwords_from), (first, second), emulated=emulated)
        closed = station.close_shift(here.database, count, by, against, reason)
    status = _closed(closed, by, len(count.scans), output, folder=folder, emulated=here.emulated)
    seal_now(folder)
    if closed.how is not None:
        sys.stderr.write(f"passline: {tell_prefect(folder, settings, closed.shift_id)}\n")
    return status


@app.command(name="counts")
def counts_command(
    count: Annotated[str | None, Parameter(help="One count, by its id: where it was, and what differed.")] = None,
    /,
    *,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """List the blind counts, latest first, with what came of each; or one with its places and its differences."""
    from stations.shift import stops
    from stations.shift.errors import CountUnknownError

    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        rows = reading.rows(stops.COUNTS, count_id=count or "")
        if count is not None:
            if not rows:
                raise CountUnknownError(count)
            rows[0]["places"] = reading.rows(stops.COUNTED, count_id=count)
            rows[0]["differing"] = reading.rows(stops.DIFFERING, count_id=count)
    for row in rows:
        row["emulated"] = bool(row["emulated"])
    if output == "json":
        print_json(rows)
    else:
        print_counts(rows, emulated=line.emulated)
    return Exit.FINE


@app.command(name="settle")
def settle_command(
    shift: Annotated[str, Parameter(help="The shift's id, as passline shift status lists it.")],
    /,
    *,
    finding: Annotated[str, Parameter("--finding", help="What was found, as a code: recounted, reported-lost.")],
    first: First = None,
    second: Second = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Close the case of a shift that was opened or closed by force: a lead and a second person, not both who forced."""
    from flows.sealer import seal_now
    from stations.shift import rules, station

    rules.check_reason(finding)
    folder = RunFolder(directory)
    with standing_line(folder, (), passwords_from, emulated=emulated) as (here, *_):
        with here.database.read() as conn:
            station.check_settle(conn, shift, first, second)
        by = signers(here, Asking(passwords_from), (first, second), emulated=emulated, others=True)
        moments = station.settle(here.database, shift, finding, by)
        mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(
        f"{mark}the case of shift {shift} ({', '.join(moments)}) is closed: {finding}; signed by {by.first} and "
        f"{by.second}\n"
    )
    seal_now(folder)
    return Exit.FINE


@app.command(name="checklist")
def checklist_command(*, output: Output = "table") -> int:
    """Print what is looked at before a shift is opened, in English and Chinese."""
    from stations.shift.rules import CHECKLIST

    if output == "json":
        print_json([item._asdict() for item in CHECKLIST])
    else:
        for item in CHECKLIST:
            sys.stdout.write(f"{item.id:<10} {item.english}\n{'':<10} {item.chinese}\n")
    return Exit.FINE


app.command(
    "flows.shift_report_command:report_command",
    name="report",
    help="""Report a shift from the database and its machines' journals: an open one so far, a closed one in its time.

Work by station and class, time nodes, returns, spoils, machines, the balance of blanks, the log's line. Ends with 1
where blanks do not balance or the log's signed checkpoint does not hold. While a shift is open, nothing in it says
how many blanks there must be.
""",
)
app.command(
    "flows.shift_report_command:list_command", name="list", help="List the shifts, the latest first, with their ids."
)


def _closed(
    closed: "Closed", by: "Signers | None", counted: int, output: str, *, folder: RunFolder, emulated: bool
) -> int:
    report = f"passline shift report {closed.shift_id} --pdf shift-{closed.name}.pdf --dir {folder.path}"
    content = {
        "emulated": emulated,
        "shift": closed.name,
        "shift_id": closed.shift_id,
        "closed": closed.how is not None,
        "how": closed.how,
        "counted": counted,
        "signed_by": [] if by is None else [by.first, by.second],
        "stops": [stop._asdict() for stop in closed.stops],
        "differences": [one._asdict() for one in closed.differences],
        "next": None if closed.how is None else report,
    }
    if output == "json":
        print_json(content)
    else:
        mark = "EMULATED: " if emulated else ""
        how = "NOT closed" if closed.how is None else f"closed, {closed.how}"
        signed = "" if by is None else f"; {counted} counted and signed by {by.first} and {by.second}"
        sys.stdout.write(f"{mark}shift {closed.name} is {how}{signed}\n")
        print_stops([stop._asdict() for stop in closed.stops])
        print_differences(closed.differences)
        if closed.how == "forced":
            sys.stdout.write(f"{mark}its case is open: passline shift settle {closed.shift_id}\n")
        elif closed.how is None and closed.differences:
            advise_difference()
        if closed.how is not None:
            sys.stdout.write(f"next, for both to sign: {report}\n")
    return Exit.FINDINGS if closed.how is None else Exit.FINE
