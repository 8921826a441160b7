"""`passline gate`: who is inside, who passed, who is let in, what two settle; the gate at work. Modules load late."""

import json
import re
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from flows.errors import Exit, FlowError, LineRunsAlreadyError, NoGateError
from flows.run_folder import RunFolder
from handoff_logs.cli import moment_us
from handoff_logs.reading import open_reading
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

app = App(name="gate", help="The gate of the core area: who is inside, who passed, what two people settle.")

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")]
HERE: Final = Path(".passline")
MOST: Final = 50
_HOUR: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)

INSIDE: Final = "SELECT person, since_us FROM inside ORDER BY since_us, person"
CORE: Final = "SELECT station, emulated FROM core_station ORDER BY station"
ADMITTED: Final = """
SELECT its.code, its.until_us, its.admitted_by FROM gate_admission AS its
JOIN shift ON shift.shift_id = its.shift_id AND NOT shift.closed
WHERE its.until_us > :now_us AND NOT EXISTS (SELECT 1 FROM gate_admission AS later WHERE later.shift_id = its.shift_id
    AND later.code = its.code AND later.admitted_us > its.admitted_us) ORDER BY its.code
"""
"""Who may come in by a lead's word now: the last word on each holds."""
PASSAGES: Final = """
SELECT its.number, its.begun_us, its.direction, coalesce(its.person, '') AS person,
       coalesce(ended.outcome, CASE WHEN doubt.number IS NULL THEN 'under way' ELSE 'unknown' END) AS outcome,
       coalesce(ended.reason, doubt.reason, '') AS reason, ended.ended_us, coalesce(its.reader, '') AS reader,
       coalesce(its.shower, '') AS shower, its.missed, coalesce(ended.settled_by, '') AS settled_by,
       coalesce(ended.settled_second, '') AS settled_second, its.emulated
FROM gate_passage AS its LEFT JOIN gate_ending AS ended ON ended.number = its.number
LEFT JOIN gate_step AS doubt ON doubt.number = its.number AND doubt.step = 'unknown'
ORDER BY its.number DESC LIMIT :most
"""
"""Passages, latest first."""


class SettlersNeededError(FlowError):
    """Emulated people settle on an emulated line alone."""

    next_step = "Leave --emulated out, and sign with your own passwords."

    def __str__(self) -> str:
        return "This line's people are no emulated ones; nothing was recorded."


class NoNumberError(FlowError):
    """What somebody typed is no staff code."""

    next_step = "A code is a small letter, a hyphen and 4 to 8 digits."

    def __str__(self) -> str:
        return "That is no staff code; it has no number at the readers."


@app.command(name="status")
def status_command(*, directory: Directory = HERE, output: Output = "table") -> int:
    """Print who is inside and since when, the core stations, and a passage that is under way or waits for two people.

    Ends with 3 if a passage waits for two people, with 1 if too few are inside, with 0 otherwise.
    """
    folder = RunFolder(directory)
    line, gate = folder.line(), _configured(folder)
    with open_reading(line.database_url) as reading:
        core = reading.rows(CORE)
        content: dict[str, Any] = {
            "emulated": line.emulated,
            "gate": gate,
            "core": [row["station"] for row in core],
            "inside": reading.rows(INSIDE),
            "admitted": reading.rows(ADMITTED, now_us=time.time_ns() // 1_000),
            "under_way": next((_plain(row) for row in reading.rows(PASSAGES, most=1) if row["ended_us"] is None), None),
        }
    too_few = gate is not None and 0 < len(content["inside"]) < int(gate.get("min_inside", 2))
    content["alone"] = too_few
    if output == "json":
        _print_json(content)
    else:
        _print_status(content)
    waits = content["under_way"] is not None and content["under_way"]["outcome"] == "unknown"
    return Exit.IN_DOUBT if waits else Exit.FINDINGS if too_few else Exit.FINE


@app.command(name="passages")
def passages_command(
    *,
    most: Annotated[int, Parameter("--limit", validator=Number(gte=1, lte=1_000_000), help="At most so many.")] = MOST,
    directory: Directory = HERE,
    output: Output = "table",
) -> int:
    """List the passages, latest first: who, which way, what became of it and why, by which machines."""
    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        rows = [_plain(row) for row in reading.rows(PASSAGES, most=max(most, 1))]
    if output == "json":
        _print_json(rows)
    else:
        _print_passages(rows)
    return Exit.FINE


@app.command(name="settle")
def settle_command(
    code: Annotated[str, Parameter(help="Whose whereabouts are settled: a staff code.")],
    /,
    *,
    found: Annotated[Literal["inside", "outside"], Parameter("--found", help="Where two people found them.")],
    first: First = None,
    second: Second = None,
    emulated: Annotated[
        bool, Parameter("--emulated", negative=(), help="EMULATED leads sign; on an emulated line alone.")
    ] = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record where a lead and a second person found somebody: ends a passage that the machines could not tell.

    Also for whom the gate did not see: who left by another way, or came in behind somebody. Neither of the two may be
    that person.
    """
    from flows.configuration import read_settings
    from flows.sealer import seal_now
    from flows.two_hands import signed_by_lead, workplace_of
    from stations.gate import passages
    from stations.gate.rules import Found
    from stations.shift.counting import Signers
    from stations.shift.rules import EMULATED_LEADS, SECONDS
    from stations.vault import rules as vault

    folder = RunFolder(directory)
    settings = read_settings(folder)
    if emulated and settings.real_staff:
        raise SettlersNeededError
    with workplace_of(folder, vault.STATION) as here:
        named = tuple(each for each in (first, second) if each is not None)
        with here.database.read() as conn:
            passages.check_settle(conn, code, Found(found), named)
        if emulated:
            one, other = [lead for lead in EMULATED_LEADS if lead != code][:2]
            by = Signers(one, other)
        else:
            two = signed_by_lead(here, Asking(passwords_from), (first, second), SECONDS)
            by = Signers(two.first, two.second, two.first_sign_in, two.second_sign_in)
        outcome = passages.settle(here.database, code, Found(found), by, emulated=here.emulated)
        mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(f"{mark}{code} is {found} ({outcome}); signed by {by.first} and {by.second}\n")
    seal_now(folder)
    return Exit.FINE


@app.command(name="admit")
def admit_command(
    code: Annotated[str, Parameter(help="The engineer's staff code.")],
    /,
    *,
    until: Annotated[str, Parameter("--until", help="Until when: 14:30, the next one, or '2026-11-25 14:30'.")],
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who signs; asked if left out.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Let an engineer who is not of the open shift through the gate until a time; a lead signs.

    The last word on each holds, and ends with the shift. Whoever is inside leaves when they like.
    """
    from flows.sealer import seal_now
    from flows.two_hands import workplace_of
    from stations.gate import admission
    from stations.people import Role
    from stations.people_register import rules
    from stations.people_register.register import refuse_unfounded
    from stations.people_register.sign_in import sign_in_as, unlock_own
    from stations.vault.rules import STATION

    until_us = _until_us(until)
    rules.check_code(code)
    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, STATION) as here:
        refuse_unfounded(here.database)
        signed = sign_in_as(here.database, asking.credentials(asking.code("signing", by)), [Role.LEAD])
        unlock_own(here.database, [signed.code], asking.pin)
        given = admission.admit(here.database, signed, code, until_us, emulated=here.emulated)
        mark = "EMULATED: " if here.emulated else ""
        sys.stdout.write(
            f"{mark}{code} may come in until {_local(given.until_us)}, while shift {here.shift} is open; by"
            f" {signed.code}\n"
        )
    seal_now(folder)
    return Exit.FINE


@app.command(name="number")
def number_command(code: Annotated[str, Parameter(help="A staff code.")], /) -> int:
    """Print the number under which a person is enrolled at the gate's readers; it follows from the staff code alone."""
    from stations.gate.rules import credential_of

    number = credential_of(code)
    if number is None:
        raise NoNumberError
    sys.stdout.write(f"{number}\n")
    return Exit.FINE


@app.command(name="run")
def run_command(*, directory: Directory = HERE) -> int:
    """Work the gate until Ctrl-C, as a service of its own beside the line: people are inside before a line starts."""
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.core_gate import serve
    from flows.program_log import set_up_log
    from flows.rolled_back import refuse_rolled_back

    folder = RunFolder(directory)
    settings = read_settings(folder)
    if settings.gate is None:
        raise NoGateError(folder.path)
    refuse_rolled_back(folder, settings)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        record_settings(database, settings)
        mark = "EMULATED: " if settings.gate_emulated else ""
        sys.stderr.write(f"passline: {mark}the gate works; Ctrl-C ends\n")
        serve(folder, settings, database)
    return Exit.FINE


@app.command(name="walk")
def walk_command(
    way: Annotated[Literal["in", "out"], Parameter(help="Which way.")],
    codes: Annotated[tuple[str, ...], Parameter(help="EMULATED people; all of the core stations, if left out.")] = (),
    /,
    *,
    directory: Directory = HERE,
) -> int:
    """Bring EMULATED staff through the emulated gate, in or out; on a line of emulated staff alone."""
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.core_gate import emulated_inside, staff_of_core, walk
    from flows.duty import shift_now
    from flows.locks import line_lock
    from flows.parts import Parts
    from stations.gate.rules import Direction

    folder = RunFolder(directory)
    settings = read_settings(folder)
    if settings.gate is None:
        raise NoGateError(folder.path)
    if settings.real_staff:
        raise SettlersNeededError
    prepare(folder)
    with ExitStack() as opened:
        try:
            opened.enter_context(line_lock(folder))
            runs = False
        except LineRunsAlreadyError:
            runs = True  # its machines stay on
        database = opened.enter_context(open_database(folder, folder.resolve_database(settings.database.url)))
        parts = opened.enter_context(closing(Parts(folder, settings, leave_emulators=runs)))
        record_settings(database, settings)
        with database.read() as conn:
            shift = shift_now(conn, settings)
        direction = Direction(way)
        usual = staff_of_core(settings, shift) if direction is Direction.IN else emulated_inside(database)
        walk(folder, settings, database, parts, direction, codes or usual)
        inside = emulated_inside(database)
    sys.stdout.write(f"EMULATED: inside now: {', '.join(inside) or 'nobody'}\n")
    return Exit.FINE


def _until_us(word: str) -> int:
    """The time that was typed, in microseconds UTC; of an hour alone the next one. Ends the command where it is none.

    >>> 0 < _until_us("14:30") - time.time_ns() // 1_000 <= 24 * 3_600_000_000
    True
    """
    if _HOUR.fullmatch(word) is None:
        return moment_us(word)
    now = datetime.now().astimezone()
    hours, minutes = map(int, word.split(":"))
    until = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    return round((until if until > now else until + timedelta(days=1)).timestamp() * 1e6)


def _configured(folder: RunFolder) -> dict[str, Any] | None:
    gate = folder.configured().get("gate")
    return gate if isinstance(gate, dict) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "emulated": bool(row["emulated"])}


def _print_status(content: dict[str, Any]) -> None:
    from handoff_logs.screen import screen

    console = screen()
    mark = "EMULATED: " if content["emulated"] else ""
    gate, under_way = content["gate"], content["under_way"]
    if gate is None:
        console.print(f"{mark}no gate: nobody must be inside to sign", style="bold")
    else:
        machines = ", ".join(str(gate.get(name)) for name in ("enter_reader", "shower", "leave_reader"))
        console.print(f"{mark}gate of {machines}; inside: {', '.join(content['core']) or 'not opened yet'}",
                      style="bold")  # fmt: skip
    for row in content["inside"]:
        console.print(f"  {row['person']:<12} since {_local(row['since_us'])}")
    if not content["inside"]:
        console.print("  nobody is inside")
    for row in content["admitted"]:
        console.print(f"  {row['code']:<12} may come in until {_local(row['until_us'])}, by {row['admitted_by']}")
    if content["alone"]:
        console.print("too few people are inside: send another one in, or call out who is there")
    if under_way is not None:
        person = under_way["person"] or "somebody"
        console.print(f"passage {under_way['number']} of {person}, {under_way['direction']}: {under_way['outcome']} "
                      f"{under_way['reason']}".rstrip())  # fmt: skip
        if under_way["outcome"] == "unknown":
            console.print(f"  two people look where they are: passline gate settle {person} --found inside|outside")


def _print_passages(rows: Sequence[dict[str, Any]]) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    if not rows:
        sys.stdout.write("nobody passed yet\n")
        return
    columns = ("", "when", "way", "person", "outcome", "reason", "machines", "missed", "settled by")
    table = Table(*columns, box=None, header_style="dim", pad_edge=False)
    for row in rows:
        mark = "EMULATED " if row["emulated"] else ""
        settled = f"{row['settled_by']} {row['settled_second']}".strip()
        machines = f"{row['reader']} {row['shower']}".strip()
        words = (row["number"], f"{mark}{_local(row['begun_us'])}", row["direction"], row["person"], row["outcome"])
        table.add_row(*map(str, (*words, row["reason"], machines, row["missed"] or "", settled)))
    screen().print(table)


def _local(time_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1e6).astimezone():%Y-%m-%d %H:%M:%S}"


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
