"""`passline database`: roles and months of a line's PostgreSQL database. Heavy modules load with their command."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators

from flows.errors import FlowError
from flows.run_folder import RunFolder
from handoff_logs.months import Month, Part
from handoff_logs.unit_parts import AHEAD, MOST_AHEAD, months_ahead, read_parts

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.exc import DBAPIError

    from handoff_logs.partitions import Made
    from handoff_logs.roles import Roles

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]

app = App(name="database", help="The line's PostgreSQL database: its roles, and the months of its log.")


class NoRolesError(FlowError):
    """The line's database has no logins of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self.next_step = (
            'Set url = "postgresql+psycopg://SERVICE@HOST/NAME" under [database] in line.toml; SERVICE is the login'
            " as which the line runs."
        )

    def __str__(self) -> str:
        return f"{self.url} is no PostgreSQL database with a login of the line's own; nothing was done."


class OtherDatabaseError(FlowError):
    """The administrator's login leads to another database than the line's."""

    def __init__(self, named: str, wanted: str) -> None:
        super().__init__(named, wanted)
        self.named, self.wanted = named, wanted
        self.next_step = f"End --as in /{wanted}."

    def __str__(self) -> str:
        return f"--as leads to the database {self.named}, and the line's is {self.wanted}; nothing was done."


class DatabaseRefusedError(FlowError):
    """The server refused what was asked; `reason` is its own sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = "Let --as be the login of an administrator (superuser) of that server, and repeat it."

    def __str__(self) -> str:
        return f"The database refused: {self.reason}. What was done before stands, and repeating it does no harm."


@app.command
def roles(
    *,
    directory: Directory = Path(".passline"),
    administrator: Annotated[
        str | None,
        Parameter("--as", help="postgresql://ADMIN@HOST/NAME: apply them with this login, which is not kept."),
    ] = None,
) -> None:
    """Print what makes the three roles of the line's database and gives them their rights; with --as, do it.

    The owner of all tables can't log in; the service, whose login is in line.toml, appends to custody tables and reads
    them; the auditor only reads. With --as the tables are brought up to date first, as their owner, and the months to
    come are made (see `passline database months`). Repeat it after an update of passline.
    """
    from handoff_logs.roles import creation, grants
    from stations import table_rights

    named, database = _named(directory)
    if administrator is None:
        statements = [
            *creation(named, database),
            f"-- now `passline database roles --as …` brings the tables up to date, as {named.owner}",
            *grants(named),
            *table_rights.grants(named),
        ]
        sys.stdout.writelines(f"{each}{'' if each.startswith('--') else ';'}\n" for each in statements)
        return
    apply(administrator, named, database)
    sys.stdout.write(
        f"{named.owner} owns the tables and can't log in; the line runs as {named.service}; auditors read as"
        f" {named.auditor}.\n"
    )


@app.command
def months(
    *,
    directory: Directory = Path(".passline"),
    ahead: Annotated[
        int, Parameter(help="Months after this one, 0 to 24.", validator=validators.Number(gte=0, lte=MOST_AHEAD))
    ] = AHEAD,
    administrator: Annotated[
        str | None,
        Parameter("--as", help="postgresql://ADMIN@HOST/NAME: make them with this login, which is not kept."),
    ] = None,
) -> None:
    """Print for which months of birth the log has tables for its units; with --as, make those to come.

    The units born in a month lie in a table of their own, which the owner of the tables makes beforehand; the line may
    be running. Units of a month without one are taken all the same, into a table for the rest: the next time this is
    repeated, that table becomes the month's, if nothing else lies in it. Repeat it twice a year.
    """
    from handoff_logs.reading import open_reading

    named, database = _named(directory)
    if administrator is None:
        with open_reading(RunFolder(directory).line().database_url) as reading:
            _print_months(read_parts(reading), Month.at(time.time_ns() // 1_000))
        return
    made = make_ahead(administrator, named, database, ahead)
    _print_made(made)


def make_ahead(administrator: str, roles: "Roles", database: str, ahead: int) -> "Made":
    """Make the months up to `ahead` months after this one, as the tables' owner.

    Raises OtherDatabaseError, DatabaseRefusedError, DatabaseBusyError.
    """
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    from handoff_logs.partitions import make_months

    engine = create_engine(_as_owner(_of(administrator, database), roles), poolclass=pool.NullPool)
    try:
        return make_months(engine, ahead)
    except DBAPIError as error:
        raise _refused(error) from error
    finally:
        engine.dispose()


def apply(administrator: str, roles: "Roles", database: str) -> None:
    """Make the roles, bring the tables up to date as their owner, make the months to come, and give the rights.

    Safe to repeat. Raises OtherDatabaseError, DatabaseRefusedError, DatabaseBusyError.
    """
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    from handoff_logs.migrations import upgrade as upgrade_custody
    from handoff_logs.roles import creation, grants
    from stations import table_rights
    from stations.migrations import upgrade as upgrade_stations

    url = _of(administrator, database)
    as_owner = _as_owner(url, roles)
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        _run(engine, creation(roles, database))
        upgrade_custody(as_owner)
        upgrade_stations(as_owner)
        make_ahead(administrator, roles, database, AHEAD)
        _run(engine, [*grants(roles), *table_rights.grants(roles)])
    except DBAPIError as error:
        raise _refused(error) from error
    finally:
        engine.dispose()


def _named(directory: Path) -> tuple["Roles", str]:
    """Return the roles and the name of a line's database. Raises NoRolesError."""
    from sqlalchemy import make_url

    from handoff_logs.roles import Roles

    url = make_url(RunFolder(directory).line().database_url)
    if url.get_backend_name() != "postgresql" or not url.username or not url.database:
        raise NoRolesError(url.render_as_string(hide_password=True))
    return Roles.of(url.username), url.database


def _of(administrator: str, database: str) -> "URL":
    from sqlalchemy import make_url

    url = make_url(administrator).set(drivername="postgresql+psycopg")
    if url.database != database:
        raise OtherDatabaseError(str(url.database), database)
    return url


def _as_owner(url: "URL", roles: "Roles") -> str:
    return url.update_query_dict({"options": f"-c role={roles.owner}"}).render_as_string(hide_password=False)


def _refused(error: "DBAPIError") -> DatabaseRefusedError:
    return DatabaseRefusedError(str(error.orig).splitlines()[0].rstrip("."))


def _print_months(there: Sequence[Part], now: Month) -> None:
    sys.stdout.writelines(f"{part.words}\n" for part in sorted(there, key=lambda part: part.last or Month(9999, 12)))
    sys.stdout.write(f"{months_ahead(there, now) or 0} months ahead of {now}\n")


def _print_made(made: "Made") -> None:
    sys.stdout.writelines(f"made: {part.words}\n" for part in made.parts)
    for month in made.kept:
        sys.stderr.write(
            f"{month} has none: units of it lie among the rest, beside others that are not of it. They stay; nothing"
            " is lost by it but that their year can't be taken out.\n"
        )
    if not made.parts and not made.kept:
        sys.stdout.write("nothing to make\n")


def _run(engine: "Engine", statements: list[str]) -> None:
    with engine.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)
