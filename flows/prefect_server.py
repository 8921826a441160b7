"""The line's own local Prefect server: started with the line, stopped with the line, silent on the screen.

It runs in a session of its own, or Ctrl-C would reach it before the flows have ended. Prefect is not imported
here (it takes seconds): the server is another process and its health is asked over HTTP.
"""

import importlib.metadata
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from flows.errors import PrefectServerError
from flows.prefect_password import prefect_password
from flows.processes import ProcessMark
from flows.run_folder import RunFolder

HOST: Final = "127.0.0.1"
SERVER_LOG: Final = "prefect-server.log"
START_PATIENCE_S: Final = 120.0
"""A fresh home migrates for 13 s on two idle cores; a busy machine takes several times as long."""
STOP_PATIENCE_S: Final = 15.0
HEALTH_EVERY_S: Final = 0.1
HEALTH_ANSWER_S: Final = 2.0

SERVER_SETTINGS: Final = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    # About 20 KB a task run would otherwise stay for good.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
}


class Home(Enum):
    """What database a server found in its home when it was started."""

    FRESH = "fresh"
    SEEDED = "seeded"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A server that was started or found: its process, where it answers. Not yet ready: see `wait_until_ready`.

    `process` is None for one that a killed line of this folder had left running.
    """

    folder: RunFolder
    mark: ProcessMark
    port: int
    process: subprocess.Popen[bytes] | None
    database: Home

    @property
    def adopted(self) -> bool:
        """True for one that an earlier line of this folder had started."""
        return self.process is None

    @property
    def api_url(self) -> str:
        """What PREFECT_API_URL must say."""
        return f"{self.pages_url}/api"

    @property
    def pages_url(self) -> str:
        """Where its pages are, for a browser on this computer."""
        return f"http://{HOST}:{self.port}"

    def wait_until_ready(self) -> None:
        """Return once it answers; raise PrefectServerError when it ends or stays silent instead."""
        log = self.folder.logs / SERVER_LOG
        deadline = time.monotonic() + START_PATIENCE_S
        while not _healthy(self.port):
            if not self.mark.alive:
                raise PrefectServerError("ended before it answered", log)
            if time.monotonic() > deadline:
                raise PrefectServerError(f"did not answer within {START_PATIENCE_S:g} s", log)
            time.sleep(HEALTH_EVERY_S)
        if self.database is Home.FRESH:
            _keep_template(self.folder)
        _answered_file(self.folder).touch()


@contextmanager
def prefect_server(folder: RunFolder, port: int = 0) -> Iterator[PrefectServer]:
    """A local server for as long as the block runs; `port` 0 takes a free one.

    The block is entered at once, while the server still starts: Prefect can be imported meanwhile, and
    `wait_until_ready` called when the first flow needs it. One that a killed line of this folder left behind is
    used again if it answers, else ended first.
    """
    folder.make()
    server = _left_behind(folder) or _start(folder, port or _free_port())
    try:
        yield server
    finally:
        stop(folder)
        if server.process is not None:
            server.process.wait()


def restart(server: PrefectServer) -> PrefectServer:
    """Start this server again, where it died: same home, same port, so that its clients find it. Not yet ready."""
    if server.process is not None:
        server.process.wait()
    return _start(server.folder, server.port)


def running_url(folder: RunFolder) -> str | None:
    """Where this folder's server answers now, if it does; nothing is started or ended."""
    mark = ProcessMark.read(_mark_file(folder))
    port = _kept_port(folder)
    return f"http://{HOST}:{port}/api" if mark is not None and mark.alive and port and _healthy(port) else None


def stop(folder: RunFolder) -> bool:
    """End this folder's server, if one runs, and wait until it is gone. True when one was running."""
    mark = ProcessMark.read(_mark_file(folder))
    running = mark is not None and mark.alive
    if mark is not None and running:
        mark.end(patience_s=STOP_PATIENCE_S)
    _mark_file(folder).unlink(missing_ok=True)
    _port_file(folder).unlink(missing_ok=True)
    return running


def _left_behind(folder: RunFolder) -> PrefectServer | None:
    mark = ProcessMark.read(_mark_file(folder))
    if mark is None or not mark.alive:
        return None
    port = _kept_port(folder)
    if port and _healthy(port) and not _open_to_all(port):
        return PrefectServer(folder, mark, port, None, Home.OWN)
    stop(folder)
    return None


def _kept_port(folder: RunFolder) -> int:
    try:
        return int(_port_file(folder).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def _start(folder: RunFolder, port: int) -> PrefectServer:
    database = _seed_database(folder)
    command = [sys.executable, "-m", "flows.prefect_process", str(_mark_file(folder))]
    command += ["--factory", "prefect.server.api.server:create_app", "--host", HOST, "--port", str(port)]
    command += ["--log-level", "warning"]
    log = folder.logs / SERVER_LOG
    _port_file(folder).write_text(str(port), "ascii")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=_environment() | SERVER_SETTINGS | _own_settings(folder, port, database),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    mark = ProcessMark.of(process.pid)
    if mark is None:
        raise PrefectServerError(f"ended at once with status {process.wait()}", log)
    mark.write(_mark_file(folder))
    return PrefectServer(folder, mark, port, process, database)


def _environment() -> dict[str, str]:
    """The environment without what it says of Prefect: that is meant for clients, perhaps of another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


def _own_settings(folder: RunFolder, port: int, database: Home) -> dict[str, str]:
    settings = {
        "PREFECT_HOME": str(folder.prefect_home),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{_database_file(folder)}",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # Its pages ask this address; the default names port 4200 whatever the server listens on.
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_API_AUTH_STRING": prefect_password(folder),
        # The default lets the pages of any site ask.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port},http://localhost:{port}",
    }
    if database is Home.SEEDED:
        # Both were done in the database that was copied: a second and a half less.
        settings["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] = "false"
        settings["PREFECT_SERVER_REGISTER_BLOCKS_ON_START"] = "false"
    return settings


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/api/health", timeout=HEALTH_ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _open_to_all(port: int) -> bool:
    """True for one that asks for no password, as servers of earlier passlines did."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/api/admin/version", timeout=HEALTH_ANSWER_S):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _seed_database(folder: RunFolder) -> Home:
    """Give a fresh home the migrated database kept from an earlier start, if one is kept."""
    database, template = _database_file(folder), _template()
    if database.exists() and _answered_file(folder).exists():
        return Home.OWN
    # A kill in the middle of the first migration leaves a database that no later start can use; it holds nothing yet.
    for part in database.parent.glob(f"{database.name}*"):
        part.unlink()
    if not template.exists():
        return Home.FRESH
    beside = database.with_suffix(".new")
    beside.write_bytes(template.read_bytes())
    beside.replace(database)
    return Home.SEEDED


def _keep_template(folder: RunFolder) -> None:
    """Keep the just migrated, still empty database for later starts: they then take seconds."""
    template = _template()
    template.parent.mkdir(parents=True, exist_ok=True)
    beside = template.with_suffix(f".{os.getpid()}")
    with closing(sqlite3.connect(_database_file(folder))) as source, closing(sqlite3.connect(beside)) as copy:
        source.backup(copy)
    beside.replace(template)


def _template() -> Path:
    cache = os.environ.get("PASSLINE_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "passline" / f"prefect-{importlib.metadata.version('prefect')}.db"


def _database_file(folder: RunFolder) -> Path:
    return folder.prefect_home / "prefect.db"


def _answered_file(folder: RunFolder) -> Path:
    """There since the server of this home first answered."""
    return folder.prefect_home / "server.answered"


def _mark_file(folder: RunFolder) -> Path:
    return folder.prefect_home / "server.json"


def _port_file(folder: RunFolder) -> Path:
    return folder.prefect_home / "server.port"
