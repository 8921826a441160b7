"""Telling Prefect of a closed shift, where its server runs; Prefect is not imported here, nor waited long for."""

import os
import subprocess
import sys
from typing import Final

from flows.prefect_client import client_environment
from flows.prefect_server import running_url
from flows.run_folder import RunFolder
from flows.settings import LineSettings

PATIENCE_S: Final = 40.0
"""Prefect takes seconds to import, on a busy machine many."""


def tell_prefect(folder: RunFolder, settings: LineSettings, shift_id: str) -> str:
    """Have a closed shift's table kept by Prefect, if its server answers; what became of that, in a sentence."""
    own = settings.prefect.own_server
    url = running_url(folder) if own else settings.prefect.api_url
    later = "the shift's table is put there when the line is next run (`passline run`)"
    if url is None:
        return f"No Prefect server runs now: {later}."
    command = [sys.executable, "-m", "flows.shift_artifact", str(folder.path), shift_id]
    # What a library says of a server that is away is no word for people; the report itself is in the database.
    try:
        ended = subprocess.run(
            command,
            env=os.environ | client_environment(folder, url, own_server=own),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Prefect did not answer: {later}."
    if ended.returncode:
        return f"Prefect did not take it: {later}."
    return f"Prefect's pages have the shift's table: artifact shift-report-{shift_id}."
