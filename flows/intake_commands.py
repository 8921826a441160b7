"""Intake's own commands, told how to open a run folder and what its line is set to."""

from pathlib import Path

from flows.run_folder import RunFolder
from stations.intake import cli


def _open_intake(directory: Path) -> cli.OpenIntake:
    # Generating a batch and printing its schema need none of this.
    from flows.composition import open_database, prepare, record_settings
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
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
    return cli.OpenIntake(workplace, settings.tray_size, settings.allowances.by_class(), settings.acceptance.until)


cli.open_intake = _open_intake
intake_app = cli.intake_app
