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
people_app.command(
    "flows.sign_ins_command:sign_ins_command",
    name="sign-ins",
    help="""List who signed in or was refused, latest first: when, with which code, by password or issuer, how it ended.

A password's are those at the pages, at a terminal (then `place` is its computer, account and terminal) and for an act;
locked is who tried while the code was. The issuer's (`place` is its name) open pages and sign nothing, and say by which
rule one was refused; without a code it proved nobody. For auditors and administrators; asking is recorded.
""",
)
