"""A line whose documents the carrier took: worked once on each database, and copied for each test."""

import shutil
from functools import cache

import pytest
from sent_parcels import Sent, copied_line, work_to_the_carrier, worked_line

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
        return worked_line(url, folder, signing_keys, lambda line: work_to_the_carrier(line, DOCUMENTS))

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, worked, tmp_path, postgresql_server):
    """A copy of that line's database, with its folder and keys in `tmp_path`."""
    with copied_line(*worked(request.param), tmp_path, postgresql_server) as url:
        yield url


@pytest.fixture
def keyring(database_url, tmp_path):
    """The keys that signed what is in the copy."""
    return Keyring(tmp_path / "signing")


@pytest.fixture
def sent(line, tmp_path):
    """The line, and a carrier that says things of what it took."""
    line.machines_made = DOCUMENTS
    return Sent(line, tmp_path)
