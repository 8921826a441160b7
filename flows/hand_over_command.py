"""`passline shift hand-over`: the open shift ends and the next begins, on one blind count by both leads."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.counts import CountedFiles, seen
from flows.errors import Exit
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
from flows.shift_view import advise_difference, print_differences, print_handed, print_json, print_stops
from handoff_logs.reading import open_reading
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from stations.shift.counting import Counted, Signers
    from stations.shift.crews import Plan
    from stations.shift.handing_over import HandedOver


def hand_over_command(
    name: Annotated[str, Parameter(help="The next shift's name, as its records will bear it: late, night.")],
    /,
    *,
    crew: Crew = (),
    confirm: Confirm = (),
    counted: CountedFiles = (),
    reason: Reason = None,
    first: First = None,
    second: Second = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Hand everything over to the next shift, on one blind count of all blanks: this one ends, that one begins.

    The outgoing lead signs in first, then the incoming one, who answers for all that lies at the stations from then on.
    Open offers and cases pass by list. Refused, with 1, on a job without an outcome or a difference: the shift is open
    as it was. The outgoing lead's --reason forces it; it then stays open as a case.
    """
    from flows.core_gate import let_in
    from flows.sealer import seal_now
    from stations.shift import handing_over, rules
    from stations.shift.stops import balance_of, unbalanced

    folder = RunFolder(directory)
    rules.check_reason(reason)
    with standing_line(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        plan = plan_of(name, crew, confirm, settings, emulated_line=here.emulated, emulated=emulated)
        with here.database.read() as conn:
            row, _ = handing_over.check_hand_over(conn, plan, ())
        if emulated and parts is not None:
            let_in(folder, settings, here.database, parts, rules.EMULATED_LEADS[:2])
        with open_reading(folder.line().database_url, by_index=True) as reading:
            against = list(unbalanced(balance_of(reading, row["opened_us"])))
        with here.database.read() as conn:
            row, stops = handing_over.check_hand_over(conn, plan, against)
            if stops and reason is None:
                # Before anybody counts or signs.
                refused = handing_over.refused(row, None, (), stops)
                return _told(refused, plan, None, None, output)
            count = given or seen(conn, parts, settings)
        by = signers(here, Asking(passwords_from), (first, second), emulated=emulated, two_leads=True)
        handed = handing_over.hand_over(here.database, plan, count, by, against, reason)
    status = _told(handed, plan, by, count, output)
    seal_now(folder)
    return status


def _told(handed: "HandedOver", plan: "Plan", by: "Signers | None", count: "Counted | None", output: str) -> int:
    pieces = 0 if count is None else len(count.scans)
    content: dict[str, Any] = {
        "emulated": plan.emulated,
        "shift": handed.from_name,
        "shift_id": handed.from_shift,
        "handed_over": handed.to_shift is not None,
        "how": handed.how,
        "next": plan.name,
        "next_id": handed.to_shift,
        "counted": pieces,
        "count_id": handed.count_id,
        "signed_by": [] if by is None else [by.first, by.second],
        "people": {at: list(codes) for at, codes in plan.crew.items()},
        "units": dict(handed.units),
        "passed": [{"kind": kind, "subject": subject, "station": at} for kind, subject, at in handed.passed],
        "held": dict(handed.held),
        "stops": [stop._asdict() for stop in handed.stops],
        "differences": [one._asdict() for one in handed.differences],
    }
    if output == "json":
        print_json(content)
        return Exit.FINDINGS if handed.to_shift is None else Exit.FINE
    mark = "EMULATED: " if plan.emulated else ""
    signed = "" if by is None else f"; {pieces} counted and signed by {by.first} and {by.second}"
    if handed.to_shift is None:
        sys.stdout.write(f"{mark}shift {handed.from_name} is NOT handed over and is open as it was{signed}\n")
    else:
        sys.stdout.write(
            f"{mark}shift {handed.from_name} is handed over, {handed.how}, and shift {plan.name} is open{signed}\n"
        )
        print_handed(content["units"], content["passed"])
        for machine, why in handed.held.items():
            sys.stdout.write(f"{mark}{machine} is held: {why}\n")
    print_stops(content["stops"])
    print_differences(handed.differences)
    if handed.how == "forced":
        sys.stdout.write(f"{mark}its case is open: passline shift settle {handed.from_shift}\n")
    elif handed.to_shift is None and handed.differences:
        advise_difference()
    return Exit.FINDINGS if handed.to_shift is None else Exit.FINE
