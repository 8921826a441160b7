"""`passline logs record-archive`: two administrators say which files are the archive of a year, for good."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from sqlalchemy import Connection


def record_archive_command(
    archive: Annotated[Path, Parameter(help="The archive's folder, as `logs archive` made it.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Record the SHA-256 of a year's archive, signed by two administrators, so that no other passes for it.

    The archive is verified first, and held against the log: nothing of its year may have been left out of it.
    """
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from flows.rolled_back import refuse_rolled_back
    from handoff_logs import register
    from handoff_logs.archive.making import sound_archive
    from handoff_logs.archive.records import facts_of
    from handoff_logs.log import Stamp
    from handoff_logs.reading import open_reading
    from handoff_logs.register import Register
    from handoff_logs.writing import Entry
    from stations.people_register import rules
    from stations.people_register.sign_in import sign_in_two

    folder, asking = RunFolder(directory), Asking(passwords_from)
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    prepare(folder)
    url = folder.resolve_database(settings.database.url)
    # Before anybody is asked to sign.
    with open_reading(url) as reading:
        manifest = sound_archive(reading, archive)
    codes = asking.code("first", first), asking.code("second", second)
    rules.check_two(*codes)
    signers = asking.credentials(codes[0]), asking.credentials(codes[1])
    entries = [Entry(Register.ARCHIVE, str(manifest.year), field, value) for field, value in facts_of(manifest).items()]
    with open_database(folder, url) as database:
        by = sign_in_two(database, *signers, rules.ADMINISTRATORS)
        party = register.administration(by.first, by.first_sign_in)

        def record(tx: "Connection") -> None:
            stamp = Stamp(database.clock_us(tx), settings.emulated, second_sign_in=by.second_sign_in)
            register.record(tx, party, by.second, entries, stamp)

        database.write(record)
    mark = "EMULATED line: " if settings.emulated else ""
    sys.stdout.write(
        f"{mark}{archive} is the archive of {manifest.year}, SHA-256 {manifest.digest}; signed by {by.first} and"
        f" {by.second}; on record once it is sealed\n"
    )
    return Exit.FINE
