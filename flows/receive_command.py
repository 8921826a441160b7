"""`passline blanks receive`: two keepers take a supplier's delivery in, by serial range and count."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second


def receive_command(
    first_serial: Annotated[str, Parameter(help="The lowest serial of the delivery.")],
    last_serial: Annotated[str, Parameter(help="The highest.")],
    /,
    *,
    kind: Annotated[Literal["book", "card"], Parameter(help="What kind of blanks they are.")],
    count: Annotated[int, Parameter(help="How many both keepers counted.")],
    note: Annotated[str, Parameter(help="The number of the supplier's delivery note.")],
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Receive a supplier's blanks: two keepers who counted them sign in."""
    from flows.two_hands import as_two, emulated_parts, signed_by_two, workplace_of
    from stations.vault import receiving, rules
    from stations.vault.receiving import Delivery

    folder, asking = RunFolder(directory), Asking(passwords_from)
    delivery = Delivery(kind, first_serial, last_serial, count, note)
    serials = receiving.check(delivery)
    with workplace_of(folder, rules.STATION) as here:
        mark = "EMULATED: " if here.emulated else ""
        # Before anybody is asked to sign.
        with here.database.read() as conn:
            before = receiving.refuse_known(conn, delivery)
        if before is not None:
            sys.stdout.write(f"{mark}this delivery was received before (record {before.event_id}); nothing changed\n")
            return Exit.FINE
        by = signed_by_two(here, asking, (first, second), receiving.KEEPERS)
        with emulated_parts(folder) as parts:
            if parts is not None:
                parts.hands().deliver(serials, rules.shelf(kind))
            receipt = receiving.receive(as_two(here, by), delivery)
    sys.stdout.write(
        f"{mark}{receipt.count} {kind} blanks {first_serial} to {last_serial} of delivery {note} are on "
        f"{rules.shelf(kind)} of the vault; signed by {by.first} and {by.second} (record {receipt.event_id})\n"
    )
    return Exit.FINE
