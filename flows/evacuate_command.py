"""`passline shift evacuate` and `return`: one person's word freezes the line, a count of two lets it go on."""

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from flows.counts import CountedFiles, seen
from flows.errors import Exit, NotEmulatedError
from flows.run_folder import RunFolder
from flows.shift_counting import (
    HERE,
    Directory,
    Emulated,
    Output,
    Reason,
    signers,
    standing_line,
)
from flows.shift_view import advise_difference, print_differences, print_json
from stations.people_register.asking import Asking, First, PasswordsFrom, Second


def evacuate_command(
    *,
    reason: Annotated[str, Parameter("--reason", help="Why, as a code: fire, alarm, gas.")],
    by: Annotated[str | None, Parameter("--by", help="Code of whoever orders it; asked if left out.")] = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Freeze the line at once, by one person: nothing passes between stations, and no machine begins a job.

    Machines finish the document that they have begun; a running line stops by itself. Anybody who works on the line may
    order it, at any time. Two people end it by a blind count: passline shift return.
    """
    from flows.sealer import seal_now
    from flows.two_hands import as_one, workplace_of
    from stations.shift import evacuating
    from stations.shift.rules import EMULATED_LEADS, SECONDS
    from stations.vault import rules

    folder = RunFolder(directory)
    with workplace_of(folder, rules.STATION) as here:
        with here.database.read() as conn:
            evacuating.check_evacuate(conn, reason)
        if emulated:
            _emulated_only(folder)
            person, sign_in = EMULATED_LEADS[0], None
        else:
            party = as_one(here, Asking(passwords_from), by, SECONDS).party()
            person, sign_in = party.person, party.sign_in
        evacuation = evacuating.evacuate(here.database, reason, person, sign_in, emulated=here.emulated)
        mark = "EMULATED: " if here.emulated else ""
    if output == "json":
        print_json({"emulated": bool(mark), "evacuation_id": evacuation, "reason": reason, "ordered_by": person})
    else:
        sys.stdout.write(
            f"{mark}the line is evacuated ({reason}), by {person}: nothing passes between stations, nothing is "
            "drawn. Leave. Two people count when you are back: passline shift return\n"
        )
    seal_now(folder)
    return Exit.FINE


def return_command(
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
    """Lift the evacuation, on a blind count of all blanks by the two who sign: a lead and a second person.

    A count that differs is recorded and the line stays frozen: ends with 1. A lead's --reason lifts it all the same; it
    then stays open as a case.
    """
    from flows.sealer import seal_now
    from stations.shift import evacuating, rules

    folder = RunFolder(directory)
    rules.check_reason(reason)
    with standing_line(folder, counted, passwords_from, emulated=emulated) as (here, settings, parts, given):
        with here.database.read() as conn:
            evacuating.check_return(conn)
            count = given or seen(conn, parts, settings)
        by = signers(here, Asking(passwords_from), (first, second), emulated=emulated)
        returned = evacuating.come_back(here.database, count, by, reason)
        mark = "EMULATED: " if here.emulated else ""
    content: dict[str, Any] = {
        "emulated": bool(mark),
        "evacuation_id": returned.evacuation_id,
        "lifted": returned.how is not None,
        "how": returned.how,
        "counted": len(count.scans),
        "count_id": returned.count_id,
        "signed_by": [by.first, by.second],
        "differences": [one._asdict() for one in returned.differences],
    }
    if output == "json":
        print_json(content)
    else:
        how = "over, " + returned.how if returned.how is not None else "NOT over: the count differs from the log"
        sys.stdout.write(
            f"{mark}the evacuation ({returned.reason}) is {how}; {len(count.scans)} counted and signed by {by.first} "
            f"and {by.second}\n"
        )
        print_differences(returned.differences)
        if returned.how is None:
            advise_difference()
        elif returned.how == "forced":
            sys.stdout.write(f"{mark}forced; its case is open: passline shift settle {returned.evacuation_id}\n")
    seal_now(folder)
    return Exit.FINDINGS if returned.how is None else Exit.FINE


def _emulated_only(folder: RunFolder) -> None:
    from flows.configuration import read_settings

    if read_settings(folder).real_staff:
        raise NotEmulatedError
