"""Intake's own commands, told how to open a run folder and what its line is set to."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.run_folder import RunFolder
from stations.intake import cli

if TYPE_CHECKING:
    from flows.settings import LineSettings
    from stations.workplace import Workplace

OPEN_IT: Final = "Open one: passline shift open on-call --on-call"


def _open_intake(directory: Path) -> cli.OpenIntake:
    # Generating a batch and printing its schema need none of this.
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
    from stations.intake.faces import open_face_finder
    from stations.people import emulated_roster
    from stations.personal import PersonalData
    from stations.workplace import Workplace

    folder = RunFolder(directory)
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    roster = emulated_roster(settings.staff.shift, settings.staff.people_per_station)
    database = open_database(folder, folder.resolve_database(settings.database.url))
    try:
        record_settings(database, settings)
    except BaseException:
        database.close()
        raise
    workplace = Workplace(
        database=database,
        station="intake",
        shift=settings.staff.shift,
        people=roster["intake"].codes,
        emulated=settings.emulated,
        personal=PersonalData(folder.keys),
    )

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
