"""`passline shift relieve`: what an absent person answers for passes to another, on a count by a lead and a witness."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.counts import CountedFiles, CountNeededError
from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.shift_counting import (
    HERE,
    Directory,
    Emulated,
    Output,
    standing_line,
)
from flows.shift_view import print_differences, print_handed, print_json
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from stations.shift.counting import Signers
    from stations.shift.relieving import Taking
    from stations.workplace import Workplace


def relieve_command(
    person: Annotated[str, Parameter(help="Code of the absent person.")],
    /,
    *,
    by: Annotated[str, Parameter("--by", help="Code of whoever takes over: a person of that station, or a lead.")],
    reason: Annotated[str, Parameter("--reason", help="Why, as a code: ill, left, called-away.")],
    counted: CountedFiles = (),
    first: First = None,
    second: Second = None,
    emulated: Emulated = False,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
    output: Output = "table",
) -> int:
    """Relieve an absent person: all that they answer for and a blind count finds passes to whoever takes over.

    A lead signs in, then a witness, then whoever takes over, unless it is that lead. The count is of all pieces at the
    stations where something of the absent person lies: blanks and documents. What nobody finds stays with the absent
    one, and the command ends with 1. The absent one signs nothing until this shift is closed or handed over.
    """
    from flows.core_gate import let_in
    from flows.sealer import seal_now
    from stations.shift import eyes, relieving
    from stations.shift.counting import Counted

    folder = RunFolder(directory)
    with standing_line(folder, counted, passwords_from, emulated=emulated, needed=()) as (here, settings, parts, given):
        taking = relieving.Taking(person, by, reason)
        with here.database.read() as conn:
            _, needed = relieving.check_relieve(conn, taking)
            count = given
            if count is None and not needed:
                count = Counted((), frozenset())
            elif count is None and parts is not None:
                count = eyes.count_held(conn, parts.operators(), person)
        if count is None:
            raise CountNeededError
        signed, taking = _signed(here, Asking(passwords_from), (first, second), taking, emulated=emulated)
        if emulated and parts is not None:
            let_in(folder, settings, here.database, parts, (signed.first, signed.second, by))
        relieved = relieving.relieve(here.database, taking, count, signed)
        mark = "EMULATED: " if here.emulated else ""
    content: dict[str, Any] = {
        "emulated": bool(mark),
        "shift": relieved.shift,
        "absent": person,
        "reliever": by,
        "reason": reason,
        "relief_id": relieved.relief_id,
        "count_id": relieved.count_id,
        "counted": len(count.scans),
        "signed_by": [signed.first, signed.second],
        "units": dict(relieved.units),
        "passed": [one._asdict() for one in relieved.passed],
        "differences": [one._asdict() for one in relieved.differences],
    }
    if output == "json":
        print_json(content)
    else:
        sys.stdout.write(
            f"{mark}{person} is relieved by {by}: {sum(relieved.units.values())} units passed; {len(count.scans)} "
            f"counted and signed by {signed.first} and {signed.second}\n"
        )
        print_handed(content["units"], content["passed"])
        print_differences(relieved.differences)
        if relieved.differences:
            sys.stdout.write(f"{mark}what nobody found stays with {person}: look, then passline blanks report-lost\n")
    seal_now(folder)
    return Exit.FINDINGS if relieved.differences else Exit.FINE


def _signed(
    here: "Workplace", asking: Asking, codes: tuple[str | None, str | None], taking: "Taking", *, emulated: bool
) -> tuple["Signers", "Taking"]:
    """The lead and the witness, and the taking with the sign-in of whoever takes over."""
    from dataclasses import replace

    from flows.two_hands import signed_by_lead
    from stations.people_register.sign_in import sign_in_as, unlock_own
    from stations.shift import relieving
    from stations.shift.counting import Signers
    from stations.shift.rules import EMULATED_LEADS, SECONDS

    if emulated:
        others = [lead for lead in EMULATED_LEADS if lead not in (taking.absent, taking.reliever)]
        lead = taking.reliever if taking.reliever in EMULATED_LEADS else others.pop()
        return Signers(lead, others[0]), taking
    if None not in codes:
        relieving.check_signers(taking, Signers(str(codes[0]), str(codes[1])))
    by = signed_by_lead(here, asking, codes, SECONDS)
    signers = Signers(by.first, by.second, by.first_sign_in, by.second_sign_in)
    relieving.check_signers(taking, signers)
    if taking.reliever == by.first:
        return signers, taking
    taker = sign_in_as(here.database, asking.credentials(taking.reliever), SECONDS)
    unlock_own(here.database, [taker.code], asking.pin)
    return signers, replace(taking, sign_in=taker.sign_in)
