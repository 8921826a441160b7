"""The commands of the register of people, told how to open a run folder."""

from pathlib import Path

from flows.run_folder import RunFolder
from stations.people_register import cli


def _open_register(directory: Path) -> cli.OpenRegister:
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings

    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    return cli.OpenRegister(open_database(folder, folder.resolve_database(settings.database.url)), settings.emulated)


cli.open_register = _open_register
people_app = cli.people_app
