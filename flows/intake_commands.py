"""Intake's own commands, told how to open a run folder and what its line is set to."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.errors import FlowError
from flows.run_folder import RunFolder
from stations.intake import cli
from stations.people import Role

if TYPE_CHECKING:
    from flows.settings import LineSettings
    from stations.people_register.asking import Asking
    from stations.workplace import Workplace

STATION: Final = "intake"
CLERKS: Final = (Role.CLERK,)
"""Who loads a batch on a line of real people: each load is signed, for its orders begin in that person's hands."""
OPEN_IT: Final = "Open one: passline shift open on-call --on-call"


class NoClerkSignsError(FlowError):
    """Somebody was named as who loads a batch on a line whose clerks are EMULATED."""

    next_step = "Leave --by out."

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} can't load here: this line's clerks are EMULATED, and nobody signs in for them."


def _open_intake(directory: Path, by: str | None, asking: "Asking") -> cli.OpenIntake:
    # Generating a batch and printing its schema need none of this.
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.duty import roster_of, shift_now
    from flows.rolled_back import refuse_rolled_back
    from flows.two_hands import as_one
    from stations.intake.faces import open_face_finder
    from stations.personal import PersonalData
    from stations.workplace import Workplace

    folder = RunFolder(directory)
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    database = open_database(folder, folder.resolve_database(settings.database.url))
    try:
        record_settings(database, settings)
        with database.read() as conn:
            # An EMULATED batch comes whenever it comes; a clerk loads in the shift that is open.
            shift = shift_now(conn, settings) if settings.real_staff else settings.staff.shift
            people = roster_of(conn, settings, shift)[STATION]
        workplace = Workplace(database, STATION, shift, people, settings.emulated, PersonalData(folder.keys))
        if settings.real_staff:
            workplace = as_one(workplace, asking, by, CLERKS)
        elif by is not None:
            raise NoClerkSignsError(by)
    except BaseException:
        database.close()
        raise

    def loaded() -> None:
        if settings.on_call is not None:
            _tell_of_waiting(workplace, folder, settings)

    tray_size, allowances = settings.tray_size, settings.allowances.by_class()
    return cli.OpenIntake(workplace, tray_size, allowances, settings.acceptance.until, loaded, open_face_finder())


def _tell_of_waiting(here: "Workplace", folder: RunFolder, settings: "LineSettings") -> None:
    """Tell those on call where emergencies came and nobody is at work: a batch is no signature, and opens no shift."""
    from flows.on_call import tell_of_waiting

    told = tell_of_waiting(here, folder, settings)
    if told is not None:
        sys.stderr.write(f"passline: an emergency waits and no shift is open; {told}. {OPEN_IT}\n")


cli.open_intake = _open_intake
intake_app = cli.intake_app
