"""Where a run keeps its things, and the little that quick commands must know of it.

Nothing heavier than `tomllib` is imported here: `passline status` has half a second.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flows.errors import ConfigurationUnreadableError, RunFolderMissingError

ENVIRONMENT_PREFIX: Final = "PASSLINE_"
ENVIRONMENT_DELIMITER: Final = "__"
SQLITE: Final = "sqlite:///"


@dataclass(frozen=True, slots=True)
class LineIdentity:
    """What a quick command needs of `line.toml`."""

    centre: str
    mode: str
    database_url: str

    @property
    def emulated(self) -> bool:
        """True unless the line is a production line."""
        return self.mode != "production"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one line: configuration, database, keys, machines, logs. `path` is made absolute."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.expanduser().absolute())

    @property
    def configuration(self) -> Path:
        """`line.toml`."""
        return self.path / "line.toml"

    @property
    def database_file(self) -> Path:
        """The SQLite database, where none other is configured."""
        return self.path / "passline.db"

    @property
    def keys(self) -> Path:
        """Keys that open personal fields; readable by the owner alone."""
        return self.path / "keys"

    @property
    def signing_keys(self) -> Path:
        """The stations' private keys, which sign what they record."""
        return self.keys / "signing"

    @property
    def log_key(self) -> Path:
        """The log's own key, which only its sealer uses; `log.pub` is its public side, for auditors."""
        return self.keys / "log"

    @property
    def machines(self) -> Path:
        """One folder for each emulated machine: journal, control socket, link to its port."""
        return self.path / "machines"

    @property
    def witness(self) -> Path:
        """The emulated witness's key and store; a real one is on another's computer."""
        return self.path / "witness"

    @property
    def hold_lists(self) -> Path:
        """Review's hold list, as keyed hashes; readable by the owner alone."""
        return self.path / "hold-lists"

    @property
    def world(self) -> Path:
        """The emulated physical world."""
        return self.path / "world"

    @property
    def prefect_home(self) -> Path:
        """PREFECT_HOME of this line's own server and client."""
        return self.path / "prefect"

    @property
    def logs(self) -> Path:
        """Program logs; custody is in the database."""
        return self.path / "logs"

    @property
    def program_log(self) -> Path:
        """passline's own events, one JSON object a line."""
        return self.logs / "line.jsonl"

    @property
    def library_log(self) -> Path:
        """What Prefect and other libraries say."""
        return self.logs / "libraries.log"

    def make(self) -> None:
        """Create the folder, its owner's alone, and its sub-folders; existing ones stay as they are."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.machines, self.prefect_home, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def configured(self) -> dict[str, Any]:
        """The bare content of `line.toml`, unchecked.

        Raises RunFolderMissingError when there is none, ConfigurationUnreadableError when it is not TOML.
        """
        try:
            content = self.configuration.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RunFolderMissingError(self.path) from error
        try:
            return tomllib.loads(content.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationUnreadableError(self.configuration, str(error)) from error

    def resolve_database(self, url: str | None) -> str:
        """The database's full url: the folder's own SQLite file for None; relative SQLite paths start at the folder."""
        if not url:
            return f"{SQLITE}{self.database_file}"
        if url.startswith(SQLITE):
            return f"{SQLITE}{self.path / url.removeprefix(SQLITE)}"
        return url

    def line(self) -> LineIdentity:
        """Centre, mode and database from `line.toml` and the environment, without checking the rest."""
        content = self.configured()
        database = content.get("database")
        url = database.get("url") if isinstance(database, dict) else None
        return LineIdentity(
            centre=os.environ.get("PASSLINE_CENTRE") or str(content.get("centre", "")),
            mode=os.environ.get("PASSLINE_MODE") or str(content.get("mode", "")),
            database_url=self.resolve_database(os.environ.get("PASSLINE_DATABASE__URL") or url),
        )
