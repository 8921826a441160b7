"""The commands of the register of people, told how to open a run folder."""

from pathlib import Path

from flows.run_folder import RunFolder
from stations.people_register import cli
from stations.people_register.badge_cli import badge_app


def _open_register(directory: Path) -> cli.OpenRegister:
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from handoff_logs.pseudonyms import pseudonym_key

    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    database = open_database(folder, folder.resolve_database(settings.database.url))
    return cli.OpenRegister(database, settings.emulated, pseudonym_key(folder.keys))


cli.open_register = _open_register
people_app = cli.people_app
people_app.command(badge_app)
people_app.command(
    "flows.sign_ins_command:sign_ins_command",
    name="sign-ins",
    help="""List who signed in or was refused, latest first: when, with which code, by what, how it ended.

A password's are those at the pages, at a terminal (then `place` is its computer, account and terminal) and for an act;
locked is who tried while the code was. A badge's are those begun by scanning one, with the password after it; why an
unknown or ended one was refused is the reason. The issuer's (`place` is its name) open pages and sign nothing, and say
by which rule one was refused; without a code it proved nobody. For auditors and administrators; asking is recorded.
""",
)
