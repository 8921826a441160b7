"""Stations' keys for tests, and the first record of a log, which registers them."""

import shutil
import tempfile
from pathlib import Path

from handoff_logs import log_key, register
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.log import Stamp
from handoff_logs.records import ADMINISTRATION
from stations.people import STAFFING

STATIONS = (ADMINISTRATION, *STAFFING)


def make_keys(folder: Path) -> Path:
    """Make a key for each station in `folder`."""
    folder.chmod(0o700)
    Keyring.create(folder, map(station_owner, STATIONS)).close()
    log_key.create(log_key_of(folder), "test")
    return folder


def log_key_of(keys: Path) -> Path:
    """The folder of the log's own key that goes with these stations' keys."""
    return keys.with_name(f"{keys.name}-log")


def begin(url: str, keys: Path) -> None:
    """Write the log's first record with the keys in `keys`."""
    with tempfile.TemporaryDirectory() as home:
        keyring = keyring_copy(keys, Path(home) / "signing")
        with Database(url, keyring=keyring) as database:
            public = (*keyring.public_keys, log_key.read(log_key_of(keys)).public)
            database.write(lambda tx: register.begin(tx, public, Stamp(database.clock_us(tx), True)))


def keyring_copy(keys: Path, folder: Path) -> Keyring:
    """Copy the keys for a database of its own, and open them."""
    shutil.copytree(keys, folder)
    return Keyring(folder)


def open_signed(url: str, keys: Path, folder: Path) -> Database:
    """Open a database with keys of its own."""
    return Database(url, keyring=keyring_copy(keys, folder))
