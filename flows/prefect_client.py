"""How a process that runs flows is pointed at its Prefect server; nothing here imports Prefect."""

import json
import logging
import os
import sys

from flows.errors import PrefectImportedTooEarlyError
from flows.prefect_password import prefect_password
from flows.run_folder import RunFolder


def client_environment(folder: RunFolder, api_url: str, *, own_server: bool = True) -> dict[str, str]:
    """What a process that runs flows against `api_url` needs in its environment before it imports Prefect.

    Another server than the line's own is not told its password: PREFECT_API_AUTH_STRING of the environment stays.
    """
    config = folder.prefect_home / "logging.json"
    # Prefect reads the file as a string.Template, where a dollar sign in a path must be doubled.
    config.write_text(json.dumps(_client_logging(folder)).replace("$", "$$"), "utf-8")
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(folder.prefect_home),
        "PREFECT_API_URL": api_url,
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_CONFIG_PATH": str(config),
        # Without it Prefect starts a temporary server of its own when ours is gone, and says so with tracebacks.
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    } | ({"PREFECT_API_AUTH_STRING": prefect_password(folder)} if own_server else {})


def enter_client(folder: RunFolder, api_url: str, *, own_server: bool = True) -> None:
    """Point this process at `api_url`. Call it before anything imports Prefect, which reads its settings once."""
    if "prefect" in sys.modules:
        raise PrefectImportedTooEarlyError
    os.environ.update(client_environment(folder, api_url, own_server=own_server))
    # Python's own switch: a handler that can't deliver (the server is gone) must not write on the board.
    logging.raiseExceptions = False


def _client_logging(folder: RunFolder) -> dict[str, object]:
    """Prefect's logging for a line: run logs to its server, everything else to a file, nothing to the screen."""
    quiet = {"level": "WARNING", "handlers": ["file"], "propagate": False}
    runs = {"level": "INFO", "handlers": ["api"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "filename": str(folder.library_log),
                "formatter": "line",
                "delay": True,
            },
            "api": {"class": "prefect.logging.handlers.APILogHandler", "level": "INFO"},
        },
        "loggers": {
            "prefect": quiet,
            "prefect.flow_runs": runs,
            "prefect.task_runs": runs,
            "prefect._internal": quiet,
            "uvicorn": quiet,
            "fastapi": quiet,
        },
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
