"""`passline mailing returns`: what came back is received by two people and a blind scan, and decided by two."""

import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from flows.configuration import read_settings
from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.two_hands import as_two, emulated_parts, signed_by_two, workplace_of
from stations.intake.deadline_changes import in_force
from stations.mailing import decisions, delivery_load, returns
from stations.people_register.asking import Asking, First, PasswordsFrom, Second
from stations.personalization.rules import VOIDED
from stations.trays import TimeNodes, table_place, tray_place
from stations.vault import scans

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Item = Annotated[str, Parameter(help="The parcel's label or tracking number.")]
HERE: Final = Path(".passline")
STATION: Final = delivery_load.STATION


def receive_command(
    scanned: Annotated[Path, Parameter(help="A file with the scanned labels, one a line.")],
    /,
    *,
    note: Annotated[str | None, Parameter("--note", help="The carrier's return note, as its events name it.")] = None,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Receive what came back by a blind scan; two people sign."""
    folder, asking = RunFolder(directory), Asking(passwords_from)
    labels = scans.read(scanned)
    with workplace_of(folder, STATION) as here:
        by = signed_by_two(here, asking, (first, second), delivery_load.LOADERS)
        receipt = returns.receive(as_two(here, by), labels, note)
        with emulated_parts(folder) as parts:
            if parts is not None and receipt.received:
                parts.mailer().put(receipt.received, table_place(STATION, returns.RETURNED))
    mark = "EMULATED: " if here.emulated else ""
    record = f" (record {receipt.record})" if receipt.record else ""
    sys.stdout.write(
        f"{mark}{len(receipt.received)} parcels are received to {returns.RETURNED} of {STATION}, "
        f"{len(receipt.repeated)} were before; signed by {by.first} and {by.second}{record}\n"
    )
    for labels_of, told in (
        (receipt.missing, "the note says, and is not here: the carrier still answers"),
        (receipt.unannounced, "is here, and the carrier had not said so: received"),
        (receipt.strays, "is here, and the log has it elsewhere: put it in quarantine"),
    ):
        for label in labels_of:
            sys.stdout.write(f"{mark}case: {label} {told}\n")
    differs = receipt.missing or receipt.unannounced or receipt.strays
    return Exit.IN_DOUBT if differs else Exit.FINE


def send_again_command(
    item: Item,
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Send a parcel that came back again, under a new number; two people sign."""
    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            decisions.check(conn, item)
        by = signed_by_two(here, asking, (first, second), delivery_load.LOADERS)
        label, tray = decisions.send_again(as_two(here, by), item)
        with emulated_parts(folder) as parts:
            if parts is not None:
                parts.mailer().put([label], tray_place(tray))
    mark = "EMULATED: " if here.emulated else ""
    sys.stdout.write(
        f"{mark}parcel {label} goes into tray {tray}; it is weighed, numbered anew and offered to the carrier when "
        f"mailing next works; signed by {by.first} and {by.second}\n"
    )
    return Exit.FINE


def destroy_command(
    item: Item,
    /,
    *,
    remake: Annotated[bool, Parameter("--remake", negative=(), help="Make its applications again, each once.")] = False,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record that two people opened what came back and defaced what was in it; both sign."""
    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            decisions.check(conn, item)
            nodes = TimeNodes(in_force(conn), read_settings(folder).allowances.by_class())
        by = signed_by_two(here, asking, (first, second), delivery_load.LOADERS)
        destroyed = decisions.destroy(as_two(here, by), item, remake=remake, nodes=nodes)
        with emulated_parts(folder) as parts:
            if parts is not None:
                parts.mailer().put(destroyed.serials, table_place(STATION, VOIDED))
    mark = "EMULATED: " if here.emulated else ""
    again = f"; made again in {len(destroyed.remakes)} trays" if remake else ""
    sys.stdout.write(
        f"{mark}{len(destroyed.serials)} documents are voided{again}; signed by {by.first} and {by.second}. "
        f"For their destruction: passline blanks return --voided --station {STATION}\n"
    )
    return Exit.FINE
