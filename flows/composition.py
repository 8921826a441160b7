"""The one place that opens real or emulated parts: database, keys, machines, readers, people.

A line is opened once in a process. Flows ask for it by its folder, so that their parameters are plain words that
Prefect may show, and a flow that runs alone in a worker of its own opens just what its station needs.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.exc import DBAPIError

from flows.configuration import read_settings
from flows.core_gate import staff_goes_in
from flows.duty import refuse_unstaffed, roster_of, shift_now
from flows.errors import NotMigratedError, RecoveringError
from flows.line_state import Line
from flows.locks import station_lock
from flows.parts import Parts
from flows.program_log import set_up_log
from flows.recovering import loss_folder, written
from flows.registered import registered
from flows.rolled_back import refuse_rolled_back
from flows.run_folder import RunFolder
from flows.sealer import EMULATED, witness_key
from flows.settings import LineSettings
from handoff_logs import log_key, partitions, register
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.keyring import Keyring, registered_as, station_owner
from handoff_logs.log import Stamp
from handoff_logs.migrations import upgrade as upgrade_custody
from handoff_logs.records import ADMINISTRATION
from handoff_logs.recovering import State
from handoff_logs.unit_parts import FEW_AHEAD
from handoff_logs.witness.folder import make_witness
from stations.climate import station as climate
from stations.intake.deadline_changes import keep_up
from stations.migrations import upgrade as upgrade_stations
from stations.people import STAFFING
from stations.personal import PersonalData
from stations.personalization.signer import create_emulated_authority

INSUFFICIENT_PRIVILEGE = "42501"
"""PostgreSQL's code (appendix A)."""

_OPEN: dict[Path, Line] = {}

log = structlog.get_logger()


def prepare(folder: RunFolder) -> None:
    """Make what a line needs before it is first opened: folders, keys, tables. Repeating changes nothing.

    Raises RecoveringError while a loss is being declared: its keys are not in their places.
    """
    if loss_folder(folder).exists():
        raise RecoveringError(folder.path, tuple(written(State(unfinished=True))))
    folder.make()
    PersonalData.create(folder.keys)
    identity = folder.line()
    if identity.emulated:
        create_emulated_authority(folder.keys)
    url = identity.database_url
    _upgrade(url, folder)
    with Keyring.create(folder.signing_keys, station_owners()) as keyring:
        keys = (*keyring.public_keys, log_key.create(folder.log_key, identity.centre).public)
    with open_database(folder, url) as database:
        database.write(lambda tx: register.begin(tx, keys, Stamp(database.clock_us(tx), identity.emulated)))


def station_owners() -> list[str]:
    """Return who has a key of their own on every line: the administration and each station."""
    return [station_owner(station) for station in (ADMINISTRATION, *STAFFING)]


def register_witness(folder: RunFolder, settings: LineSettings, database: Database) -> None:
    """Make the emulated witness of a line that has one, and register the key of the line's witness, once."""
    if settings.log.witness == EMULATED and not folder.witness.exists():
        make_witness(folder.witness, f"emulated.{settings.centre}/witness")
    key = witness_key(folder, settings)
    if key is None:
        return
    entry = registered_as(key.public, f"witness:{key.name}")

    def write(tx: Connection) -> None:
        if (entry.key_id, "owner") not in register.state(tx, register.Register.KEY):
            stamp = Stamp(database.clock_us(tx), settings.emulated)
            register.record(tx, register.administration(), None, register.key_entries([entry]), stamp)

    database.write(write)


def _upgrade(url: str, folder: RunFolder) -> None:
    try:
        upgrade_custody(url)
        upgrade_stations(url)
        _make_months(url)
    except DBAPIError as error:
        # Only the owner of its tables, who can't log in, may change them.
        if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
            raise NotMigratedError(folder.path) from error
        raise


def _make_months(url: str) -> None:
    """Make the months that units will be born in, when few are left, where the line itself owns its tables.

    Elsewhere their owner does (`passline database months`), and `open_line` says so; nothing waits for it.
    """
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            ahead = partitions.ahead(connection)
        if ahead is not None and ahead < FEW_AHEAD:
            partitions.make_months(engine)
    except (DBAPIError, HandoffLogError):
        return
    finally:
        engine.dispose()


def _say_months(database: Database) -> None:
    with database.read() as connection:
        ahead = partitions.ahead(connection)
    if ahead is not None and ahead < FEW_AHEAD:
        log.warning("few_months_ahead", count=ahead)


def open_database(folder: RunFolder, url: str, *, on_commit: Callable[[str], None] | None = None) -> Database:
    """Open a line's database with the keys that sign what is recorded in it.

    A production line's login must be unable to change custody tables; others may run as the tables' owner.
    """
    bound = not folder.line().emulated
    return Database(url, keyring=Keyring(folder.signing_keys), on_commit=on_commit, bound=bound)


@contextmanager
def open_line(
    folder: RunFolder, *, shift: str, stations: tuple[str, ...], alone: bool = False, parts: Parts | None = None
) -> Iterator[Line]:
    """Open the line of `folder` in this process for `stations`; machines and readers open when first asked for.

    What line.toml says of stations, machines and thresholds is recorded where the log's registers say otherwise, and
    deadlines are reckoned anew where calendar or line.toml changed since they last were.
    `alone`: other stations of this line run in processes of their own. `parts`: the line's, where they are
    open already. Real people work under the shift that is open, whatever `shift` says: its name and people.
    Raises RecoveringError, ShiftNeededError.
    """
    settings = read_settings(folder)
    refuse_rolled_back(folder, settings)
    database = open_database(folder, folder.resolve_database(settings.database.url))
    _register(database, settings)
    try:
        with database.read() as conn:
            refuse_unstaffed(conn, settings)
            shift = shift_now(conn, settings) if settings.real_staff else shift
            roster = roster_of(conn, settings, shift)
    except BaseException:
        database.close()
        raise
    line = Line(
        folder=folder,
        settings=settings,
        database=database,
        personal=PersonalData(folder.keys),
        roster=roster,
        shift=shift,
        stations=stations,
        parts=parts or Parts(folder, settings, leave_emulators=alone),
    )
    _OPEN[folder.path] = line
    try:
        _say_months(line.database)
        register_witness(folder, settings, line.database)
        staff_goes_in(folder, settings, line.database, line.parts, shift, stations)
        yield line
    finally:
        del _OPEN[folder.path]
        line.close()


def record_settings(database: Database, settings: LineSettings) -> None:
    """Record what line.toml says of stations, machines, zones and thresholds where the log's registers say otherwise.

    Raises SuspendedZoneChangedError.
    """
    by, wanted = register.administration(), registered(settings)

    def follow(tx: Connection) -> None:
        climate.follow_settings(tx, settings.zones, emulated=settings.emulated)
        register.follow(tx, by, wanted, Stamp(database.clock_us(tx), settings.emulated))

    database.write(follow)


def _register(database: Database, settings: LineSettings) -> None:
    try:
        record_settings(database, settings)
        keep_up(database, settings.acceptance.until, emulated=settings.emulated)
    except BaseException:
        database.close()
        raise


@asynccontextmanager
async def line_of(folder: str, shift: str, station: str) -> AsyncIterator[Line]:
    """The line that this process has open in `folder`, or one opened for `station` alone and closed again."""
    path = RunFolder(Path(folder)).path
    if path in _OPEN:
        yield _OPEN[path]
        return
    alone = RunFolder(path)
    settings = read_settings(alone)
    set_up_log(alone, level=settings.logging.level, form=settings.logging.form)
    with (
        station_lock(alone, station),
        open_line(alone, shift=shift, stations=(station,), alone=True) as line,
    ):
        yield line
