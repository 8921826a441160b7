"""Intake's own commands, told how to open a run folder as their workplace."""

from pathlib import Path
from typing import TYPE_CHECKING

from flows.run_folder import RunFolder
from stations.intake import cli

if TYPE_CHECKING:
    from stations.workplace import Workplace


def _open_workplace(directory: Path, station: str) -> "Workplace":
    # Generating a batch and printing its schema need none of this.
    from flows.composition import prepare
    from flows.configuration import read_settings
    from handoff_logs.database import Database
    from stations.people import emulated_roster
    from stations.personal import PersonalData
    from stations.workplace import Workplace

    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    return Workplace(
        database=Database(folder.resolve_database(settings.database.url)),
        station=station,
        shift=settings.staff.shift,
        people=emulated_roster(settings.staff.shift, settings.staff.people_per_station)[station].codes,
        emulated=settings.emulated,
        personal=PersonalData(folder.keys),
    )


cli.open_workplace = _open_workplace
intake_app = cli.intake_app
