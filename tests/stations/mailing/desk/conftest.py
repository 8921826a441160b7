"""A line whose parcels are offered to mailing, and its people: worked once on each database, copied for each test."""

import shutil
from functools import cache

import pytest
from mailing_desk import MailingDesk
from sent_parcels import copied_line, work_to_mailing, worked_line

from handoff_logs.keyring import Keyring

DOCUMENTS = 10


@pytest.fixture(scope="session")
def worked(tmp_path_factory, sqlite_templates, postgresql_databases, signing_keys):
    """Makes the line on a database; its url and its folder."""

    @cache
    def make(dialect):
        folder = tmp_path_factory.mktemp("packed")
        if dialect == "sqlite":
            shutil.copyfile(sqlite_templates(True), folder / "passline.db")
        url = f"sqlite:///{folder / 'passline.db'}" if dialect == "sqlite" else postgresql_databases(True)
        return worked_line(url, folder, signing_keys, lambda line: work_to_mailing(line, DOCUMENTS))

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
def desk(line):
    """Mailing's desk, whose trays are accepted; nothing is weighed."""
    return MailingDesk.of(line)
