"""`passline blanks issue`, `accept`, `return`: blanks between the vault and a station, a signature on either side."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, PasswordsFrom

if TYPE_CHECKING:
    from handoff_logs.offers import OpenOffer
    from stations.workplace import Workplace

By = Annotated[str | None, Parameter("--by", help="Code of who signs; asked if left out.")]
ScannedFile = Annotated[
    Path | None,
    Parameter("--scanned", help="A file with the serials that were scanned, one a line; EMULATED pieces need none."),
]
Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Kind = Literal["book", "card"]
DEFAULT_DIRECTORY: Final = Path(".passline")


class ScanMissingError(FlowError):
    """Real pieces are scanned; only emulated ones are seen by the program itself."""

    next_step = "Scan every piece into a file, one serial a line, and name it with --scanned."

    def __str__(self) -> str:
        return "Nobody has scanned the pieces; nothing was recorded."


class WhatToReturnError(FlowError):
    """A return is of unmarked blanks of one kind, or of voided pieces."""

    next_step = "Name --kind book, --kind card or --voided, or a file of what was scanned."

    def __str__(self) -> str:
        return "It was not said what goes back to the vault; nothing was recorded."


class HandoffUnknownError(FlowError):
    """No blanks are offered to the station under this name."""

    next_step = "`passline blanks accept --station …` without a handoff lists what is offered."

    def __init__(self, handoff: str, station: str) -> None:
        super().__init__(handoff, station)
        self.handoff, self.station = handoff, station

    def __str__(self) -> str:
        return f"No blanks are offered to {self.station} as {self.handoff}; nothing was recorded."


def issue_command(
    *,
    kind: Annotated[Kind, Parameter(help="What kind of blanks.")],
    count: Annotated[int | None, Parameter(help="How many; all that are needed, if left out.")] = None,
    scanned: ScannedFile = None,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Offer blanks from the vault to personalization; a keeper signs."""
    from flows.configuration import read_settings
    from flows.two_hands import as_one, emulated_parts, workplace_of
    from handoff_logs.records import new_id
    from stations.people import Role
    from stations.trays import tray_place
    from stations.vault import rules, scans, station
    from stations.vault.need import need

    folder = RunFolder(directory)
    reserve = read_settings(folder).vault.kept
    serials = None if scanned is None else scans.read(scanned)
    with workplace_of(folder, rules.STATION) as here, emulated_parts(folder) as parts:
        with here.database.read() as conn:
            wanted = need(conn, kind, reserve)
        asked = len(serials) if serials is not None else wanted.short if count is None else count
        if asked == 0:
            sys.stdout.write(
                f"{_mark(here)}no {kind} blanks are needed: {wanted.there} lie there or are on their way\n"
            )
            return Exit.FINE
        # Before anybody is asked to sign.
        rules.refuse_surplus(wanted, asked)
        if serials is None and parts is None:
            raise ScanMissingError
        signed = as_one(here, Asking(passwords_from), by, (Role.KEEPER,))
        if serials is None and parts is not None:
            handoff = station.issue(signed, parts.operators(), kind, asked, reserve)
        else:
            tray = new_id()
            if parts is not None:
                parts.operators().put(serials or (), tray_place(tray))
            handoff = station.issue_scanned(signed, serials or (), reserve, tray)
    sys.stdout.write(
        f"{_mark(here)}{asked} {kind} blanks are offered to personalization by {signed.people[0]}; an operator counts "
        f"them blind and signs: passline blanks accept {handoff}\n"
    )
    return Exit.FINE


def accept_command(
    handoff: Annotated[str | None, Parameter(help="The handoff; without it what is offered is listed.")] = None,
    /,
    *,
    station: Annotated[
        Literal["personalization", "vault"], Parameter(help="Where they are accepted.")
    ] = "personalization",
    scanned: ScannedFile = None,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Accept offered blanks or voided pieces by a blind count; an operator, or at the vault a keeper, signs."""
    from flows.two_hands import as_one, emulated_parts, workplace_of
    from stations.people import STAFFING
    from stations.vault import scans
    from stations.vault import station as vault

    folder = RunFolder(directory)
    counted = None if scanned is None else scans.Scanned(scans.read(scanned))
    with workplace_of(folder, station) as here, emulated_parts(folder) as parts:
        offered = vault.offered(here)
        if handoff is None:
            for waiting in offered.values():
                sys.stdout.write(f"{_mark(here)}{_told(waiting)}\n")
            return Exit.FINE
        offer = offered.get(handoff)
        if offer is None:
            raise HandoffUnknownError(handoff, station)
        desk = counted or (None if parts is None else parts.operators())
        if desk is None:
            raise ScanMissingError
        role, _ = STAFFING[station]
        signed = as_one(here, Asking(passwords_from), by, (role,))
        place = vault.place_of(here, offer)
        acceptance = vault.accept(signed, desk, offer, place)
        if counted is not None and parts is not None:
            parts.operators().put(counted.serials, place)
    missing, surplus = len(acceptance.missing), len(acceptance.surplus)
    sys.stdout.write(
        f"{_mark(here)}{len(acceptance.accepted)} pieces are accepted to {place} of {station} by {signed.people[0]}\n"
    )
    if missing or surplus:
        sys.stdout.write(
            f"{missing} that were offered were not found and {surplus} are too many: two people settle each case; "
            "see passline logs differences\n"
        )
        return Exit.IN_DOUBT
    return Exit.FINE


def return_command(
    *,
    kind: Annotated[Kind | None, Parameter(help="Unmarked blanks of this kind, from the stock.")] = None,
    count: Annotated[int | None, Parameter(help="How many of them; all, if left out.")] = None,
    voided: Annotated[bool, Parameter(help="The voided pieces instead, for their destruction.", negative=())] = False,
    station: Annotated[
        Literal["personalization", "qc", "mailing"], Parameter(help="Where they come from.")
    ] = "personalization",
    scanned: ScannedFile = None,
    by: By = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Offer unmarked blanks or voided pieces of a station back to the vault; one of its people signs."""
    from flows.two_hands import as_one, emulated_parts, workplace_of
    from handoff_logs.records import new_id
    from stations.people import STAFFING
    from stations.trays import tray_place
    from stations.vault import scans
    from stations.vault import station as vault

    folder = RunFolder(directory)
    if scanned is None and voided == (kind is not None):
        raise WhatToReturnError
    with workplace_of(folder, station) as here, emulated_parts(folder) as parts:
        if scanned is not None:
            serials = scans.read(scanned)
        elif parts is None:
            raise ScanMissingError
        else:
            serials = vault.returnable(here, kind)[: count if count is not None else scans.MOST]
        if not serials:
            sys.stdout.write(f"{_mark(here)}nothing of that is at {station} to go back\n")
            return Exit.FINE
        role, _ = STAFFING[station]
        signed = as_one(here, Asking(passwords_from), by, (role,))
        tray = new_id()
        if parts is not None:
            parts.operators().put(serials, tray_place(tray))
        handoff = vault.give_back(signed, serials, tray)
    sys.stdout.write(
        f"{_mark(here)}{len(serials)} pieces are offered to the vault by {signed.people[0]}; a keeper counts them "
        f"blind and signs: passline blanks accept {handoff} --station vault\n"
    )
    return Exit.FINE


def _told(offer: "OpenOffer") -> str:
    from datetime import datetime

    since = datetime.fromtimestamp(offer.offered_us / 1e6).astimezone()
    # How many is what the count must find out by itself.
    return f"{offer.handoff_id} from {offer.from_station}, offered by {offer.person} at {since:%Y-%m-%d %H:%M:%S}"


def _mark(here: "Workplace") -> str:
    return "EMULATED: " if here.emulated else ""
