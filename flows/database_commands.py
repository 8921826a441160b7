"""`passline database`: the roles of a line's PostgreSQL database. Heavy modules load with their command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from flows.errors import FlowError
from flows.run_folder import RunFolder

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from handoff_logs.roles import Roles

app = App(name="database", help="The line's PostgreSQL database: its roles and what they may do.")


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
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    administrator: Annotated[
        str | None,
        Parameter("--as", help="postgresql://ADMIN@HOST/NAME: apply them with this login, which is not kept."),
    ] = None,
) -> None:
    """Print what makes the three roles of the line's database and gives them their rights; with --as, do it.

    The owner of all tables can't log in; the service, whose login is in line.toml, appends to custody tables and reads
    them; the auditor only reads. With --as the tables are brought up to date first, as their owner. Repeat it after an
    update of passline.
    """
    from sqlalchemy import make_url

    from handoff_logs.roles import Roles, creation, grants
    from stations import table_rights

    url = make_url(RunFolder(directory).line().database_url)
    if url.get_backend_name() != "postgresql" or not url.username or not url.database:
        raise NoRolesError(url.render_as_string(hide_password=True))
    named = Roles.of(url.username)
    if administrator is None:
        statements = [
            *creation(named, url.database),
            f"-- now `passline database roles --as …` brings the tables up to date, as {named.owner}",
            *grants(named),
            *table_rights.grants(named),
        ]
        sys.stdout.writelines(f"{each}{'' if each.startswith('--') else ';'}\n" for each in statements)
        return
    apply(administrator, named, url.database)
    sys.stdout.write(
        f"{named.owner} owns the tables and can't log in; the line runs as {named.service}; auditors read as"
        f" {named.auditor}.\n"
    )


def apply(administrator: str, roles: "Roles", database: str) -> None:
    """Make the roles, bring the tables up to date as their owner, and give the rights. Safe to repeat.

    Raises OtherDatabaseError, DatabaseRefusedError.
    """
    from sqlalchemy import create_engine, make_url, pool
    from sqlalchemy.exc import DBAPIError

    from handoff_logs.migrations import upgrade as upgrade_custody
    from handoff_logs.roles import creation, grants
    from stations import table_rights
    from stations.migrations import upgrade as upgrade_stations

    url = make_url(administrator).set(drivername="postgresql+psycopg")
    if url.database != database:
        raise OtherDatabaseError(str(url.database), database)
    as_owner = url.update_query_dict({"options": f"-c role={roles.owner}"}).render_as_string(hide_password=False)
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        _run(engine, creation(roles, database))
        upgrade_custody(as_owner)
        upgrade_stations(as_owner)
        _run(engine, [*grants(roles), *table_rights.grants(roles)])
    except DBAPIError as error:
        raise DatabaseRefusedError(str(error.orig).splitlines()[0].rstrip(".")) from error
    finally:
        engine.dispose()


def _run(engine: "Engine", statements: list[str]) -> None:
    with engine.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)
