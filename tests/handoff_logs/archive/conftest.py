"""A log of two years on each database, and what is archived of it: read only, so made once."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from signing_keys import keyring_copy, log_key_of
from two_years import fill_two_years

from handoff_logs import log_key
from handoff_logs.archive.making import Made, make
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.notes import VerifierKey
from handoff_logs.reading import open_reading


class TwoYears:
    """The log's url, its units by name, its key, and archives of it as they are asked for."""

    def __init__(self, url: str, units: dict[str, str], key: VerifierKey, signing: Path, folder: Path) -> None:
        self.url, self.units, self.key, self.signing = url, units, key, signing
        self._folder = folder
        self._made: dict[int, Made] = {}

    def archived(self, year: int) -> Path:
        """The archive of a year; nobody may change it."""
        if year not in self._made:
            with open_reading(self.url) as reading:
                self._made[year] = make(reading, year, self._folder / str(year))
        return self._made[year].folder

    def made(self, year: int) -> Made:
        """What was told of it."""
        self.archived(year)
        return self._made[year]

    def copy(self, year: int, to: Path) -> Path:
        """An archive to be changed."""
        shutil.copytree(self.archived(year), to)
        return to


@pytest.fixture(scope="session")
def two_years_on(
    signing_keys: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], TwoYears]:
    """Returns the two years' log on a database of a dialect."""

    @cache
    def fill(dialect: str) -> TwoYears:
        folder = tmp_path_factory.mktemp("two-years")
        if dialect == "sqlite":
            path = folder / "passline.db"
            path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("postgresql_databases")()
        keyring_copy(signing_keys, folder / "signing").close()
        keyring = Keyring.create(folder / "signing", [person_owner("vault-2")])
        key = log_key.read(log_key_of(signing_keys))
        with Database(url, keyring=keyring) as database:
            units = fill_two_years(database, keyring, key)
        return TwoYears(url, units, key.verifier, folder / "signing", folder)

    return fill


@pytest.fixture(params=("sqlite", "postgresql"))
def two_years(request: pytest.FixtureRequest, two_years_on: Callable[[str], TwoYears]) -> TwoYears:
    """The two years' log, once on SQLite and once on PostgreSQL."""
    return two_years_on(request.param)


@pytest.fixture
def on_sqlite(two_years_on: Callable[[str], TwoYears]) -> TwoYears:
    """The two years' log on SQLite alone, for what an archive's source does not matter to."""
    return two_years_on("sqlite")
