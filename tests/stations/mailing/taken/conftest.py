"""A line whose documents the carrier took: worked once on each database, and copied for each test."""

import shutil
from functools import cache
from uuid import uuid4

import psycopg
import pytest
from sent_parcels import Sent, no_sockets, work_to_the_carrier
from signing_keys import keyring_copy
from small_line import Line

from handoff_logs.database import Database
from handoff_logs.keyring import Keyring

DOCUMENTS = 24


@pytest.fixture(scope="session")
def worked(tmp_path_factory, sqlite_templates, postgresql_databases, signing_keys):
    """Makes the line on a database; its url and its folder."""

    @cache
    def make(dialect):
        folder = tmp_path_factory.mktemp("taken")
        if dialect == "sqlite":
            shutil.copyfile(sqlite_templates(True), folder / "passline.db")
        url = f"sqlite:///{folder / 'passline.db'}" if dialect == "sqlite" else postgresql_databases(True)
        with Database(url, keyring=keyring_copy(signing_keys, folder / "signing")) as database:
            line = Line(database, folder)
            work_to_the_carrier(line, DOCUMENTS)
            line.close()
        return url, folder

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, worked, tmp_path, postgresql_server):
    """A copy of that line's database, with its folder and keys in `tmp_path`."""
    url, folder = worked(request.param)
    shutil.copytree(folder, tmp_path, ignore=no_sockets, dirs_exist_ok=True)
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'passline.db'}"
        return
    made, name = url.partition("?")[0].rpartition("/")[2], f"taken_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {made} STRATEGY FILE_COPY")
        yield url.replace(f"/{made}", f"/{name}", 1)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def keyring(database_url, tmp_path):
    """The keys that signed what is in the copy."""
    return Keyring(tmp_path / "signing")


@pytest.fixture
def sent(line, tmp_path):
    """The line, and a carrier that says things of what it took."""
    line.machines_made = DOCUMENTS
    return Sent(line, tmp_path)
