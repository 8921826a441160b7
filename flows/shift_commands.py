"""`passline shift`: open, look at, close and settle a shift; a lead and a second person count blanks and sign."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
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
    from sqlalchemy import Connection

    from flows.parts import Parts
    from flows.settings import LineSettings
    from stations.shift.counting import Counted, Signers
    from stations.shift.station import Closed
    from stations.workplace import Workplace

app = App(name="shift", help="The shift: open it, see what stands against its close, close it.")

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")]
CountedFiles = Annotated[
    tuple[str, ...],
    Parameter(
        "--counted",
        allow_leading_hyphen=True,
        help="What two people scanned: STATION=FILE with a serial a line, or a FILE with the columns "
        "station,place,serial; - is standard input. May be given again.",
    ),
]
Reason = Annotated[
    str | None, Parameter("--reason", help="Force it: a lead's reason, as a code. It stays open as a case.")
]
Emulated = Annotated[
    bool, Parameter("--emulated", negative=(), help="Emulated people count and sign; on an emulated line alone.")
]
HERE: Final = Path(".passline")


class NotEmulatedError(FlowError):
    """Emulated people on a line of real ones."""

    next_step = "Leave --emulated out, and sign with your own passwords."

    def __str__(self) -> str:
        return "This line's people are no emulated ones; nothing was recorded."


class CountNeededError(FlowError):
    """Real blanks are counted by people with a scanner."""

    next_step = "Scan every blank of every station and give the files: --counted vault=FILE --counted …"

    def __str__(self) -> str:
        return "Nobody counted; nothing was recorded."


class CrewUnreadError(FlowError):
    """A crew that is not STATION=CODE,CODE."""

    next_step = "Give --crew vault=p-0101,p-0102, once a station."

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self.given = given

    def __str__(self) -> str:
        return f"{self.given!r} names no people of a station; no shift was opened."


@app.command(name="open")
def open_command(
    name: Annotated[str, Parameter(help="The shift's name, as its records will bear it: early, night.")],
    /,
    *,
    crew: Annotated[
        tuple[str, ...], Parameter("--crew", help="People of a station, STATION=CODE,CODE; once a station.")
    ] = (),
    confirm: Annotated[
        tuple[str, ...], Parameter("--confirm", help="An item of the checklist that is in order, or all.")
    ] = (),
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

    A lead signs in and a second person. Ends with 1 where the count differs from the log: the count is recorded, and
    no shift is opened unless a lead's --reason forces it.
    """
    from flows.sealer import seal_now
    from stations.people import emulated_roster
    from stations.shift import rules, station
    from stations.shift.crews import Plan

    folder = RunFolder(directory)
    rules.check_reason(reason)
    with _place(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        people = _crew(crew)
        if emulated and not crew:
            roster = emulated_roster(name, settings.staff.people_per_station)
            people = {at: duty.codes for at, duty in roster.items() if at in rules.CREW}
        confirmed = ("all",) if emulated and not confirm else confirm
        plan = Plan(name, people, _personalizers(settings), confirmed, here.emulated)
        with here.database.read() as conn:
            station.check_open(conn, plan)
            count = given or _seen(conn, parts, settings)
        by = _signers(here, Asking(passwords_from), (first, second), emulated=emulated)
        opened = station.open_shift(here.database, plan, count, by, reason)
    content = {
        "emulated": plan.emulated,
        "shift": name,
        "shift_id": opened.shift_id,
        "opened": opened.shift_id is not None,
        "forced": opened.forced,
        "counted": len(count.scans),
        "count_id": opened.count_id,
        "signed_by": [by.first, by.second],
        "people": {at: list(codes) for at, codes in people.items()},
        "machines": list(plan.machines),
        "held": dict(opened.held),
        "differences": [one._asdict() for one in opened.differences],
    }
    if output == "json":
        print_json(content)
    else:
        mark = "EMULATED: " if plan.emulated else ""
        if opened.shift_id is None:
            told = f"shift {name} is NOT open: the count differs from the log"
        else:
            total = sum(map(len, people.values()))
            told = f"shift {name} is open: {total} people, {len(plan.machines)} machines, {len(count.scans)} counted"
        sys.stdout.write(f"{mark}{told}; signed by {by.first} and {by.second}\n")
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
    with open_reading(line.database_url) as reading:
        content = standing(reading, emulated=line.emulated)
    if output == "json":
        print_json(content)
    else:
        print_standing(content)
    return Exit.FINDINGS if content["stops"] or content["cases"] else Exit.FINE


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
    from flows.sealer import seal_now
    from stations.shift import rules, station
    from stations.shift.stops import balance_of, unbalanced

    folder = RunFolder(directory)
    rules.check_reason(reason)
    with _place(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        with here.database.read() as conn:
            row, _ = station.check_close(conn, ())
        with open_reading(folder.line().database_url) as reading:
            against = list(unbalanced(balance_of(reading, row["opened_us"])))
        with here.database.read() as conn:
            row, stops = station.check_close(conn, against)
            if stops and reason is None:
                # Before anybody counts or signs.
                closed = station.Closed(row["shift_id"], row["name"], None, (), tuple(stops))
                return _closed(closed, None, 0, output, emulated=here.emulated)
            count = given or _seen(conn, parts, settings)
        by = _signers(here, Asking(passwords_from), (first, second), emulated=emulated)
        closed = station.close_shift(here.database, count, by, against, reason)
    status = _closed(closed, by, len(count.scans), output, emulated=here.emulated)
    seal_now(folder)
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
        print_counts(rows)
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
    with _place(folder, (), passwords_from, emulated=emulated) as (here, *_):
        with here.database.read() as conn:
            station.check_settle(conn, shift, first, second)
        by = _signers(here, Asking(passwords_from), (first, second), emulated=emulated, others=True)
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


@contextmanager
def _place(
    folder: RunFolder, counted: Sequence[str], passwords_from: str | None, *, emulated: bool
) -> Iterator[tuple["Workplace", "LineSettings", "Parts | None", "Counted | None"]]:
    """The line at rest, its settings, emulated hands if it has them, and the count that was given.

    The line must not run: nobody counts what moves. Raises LineRunsAlreadyError.
    """
    from flows.configuration import read_settings
    from flows.locks import line_lock
    from flows.two_hands import emulated_parts, workplace_of
    from stations.vault import rules

    given = _read(counted, passwords_from) if counted else None
    settings = read_settings(folder)
    with line_lock(folder), workplace_of(folder, rules.STATION) as here, emulated_parts(folder) as parts:
        if emulated and (parts is None or not here.emulated):
            raise NotEmulatedError
        yield here, settings, parts, given


def _read(counted: Sequence[str], passwords_from: str | None) -> "Counted":
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
    return counting.joined(counts)


def _seen(conn: "Connection", parts: "Parts | None", settings: "LineSettings") -> "Counted":
    """What emulated eyes see; real blanks need a scan."""
    from stations.shift import counting, eyes

    if parts is None:
        raise CountNeededError
    return counting.joined([eyes.count(conn, parts.operators(), _personalizers(settings))])


def _signers(
    here: "Workplace",
    asking: Asking,
    codes: tuple[str | None, str | None],
    *,
    emulated: bool,
    others: bool = False,
) -> "Signers":
    """A lead and a second person, who have just signed in; emulated ones of an emulated line need no password."""
    from flows.two_hands import signed_by_lead
    from stations.shift.counting import Signers
    from stations.shift.rules import EMULATED_LEADS, SECONDS

    if emulated:
        first, second = EMULATED_LEADS[1:] if others else EMULATED_LEADS[:2]
        return Signers(first, second)
    by = signed_by_lead(here, asking, codes, SECONDS)
    return Signers(by.first, by.second, by.first_sign_in, by.second_sign_in)


def _crew(crew: Sequence[str]) -> dict[str, tuple[str, ...]]:
    people: dict[str, tuple[str, ...]] = {}
    for each in crew:
        station, named, codes = each.partition("=")
        if not named or station in people or not all(codes.split(",")):
            raise CrewUnreadError(each)
        people[station] = tuple(codes.split(","))
    return people


def _personalizers(settings: "LineSettings") -> tuple[str, ...]:
    from flows.makers import MAKES

    return tuple(device.id for device in settings.devices if device.driver in MAKES)


def _closed(closed: "Closed", by: "Signers | None", counted: int, output: str, *, emulated: bool) -> int:
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
    return Exit.FINDINGS if closed.how is None else Exit.FINE
