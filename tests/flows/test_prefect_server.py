"""The line's own Prefect server: found again after a kill, its dead runs closed, stopped without a trace."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flows.default_line import write_default
from flows.prefect_client import client_environment
from flows.prefect_password import password_file, prefect_password
from flows.prefect_server import Home, prefect_server, stop
from flows.processes import ProcessMark
from flows.run_folder import RunFolder

DIES_WITHIN_A_FLOW = """
import os, signal, sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
import time
from prefect import flow, tags, task
from prefect.client.orchestration import get_client

@task
def tray():
    # The server learns of task runs from events, a moment later.
    with get_client(sync_client=True) as client:
        while not any(run.state is not None and run.state.is_running() for run in client.read_task_runs()):
            time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)

@flow
def station():
    tray()

with tags("passline", "centre:test"):
    station()
"""

CLOSES_THE_DEAD = """
import sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
from flows.stale_runs import crash_stale_runs
for tags in (["passline", "centre:other"], ["passline", "centre:test"], ["passline", "centre:test"]):
    closed = crash_stale_runs(tags)
    print(closed.flow_runs, closed.task_runs)
"""

ENDS_THE_FLOWS = """
import sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
from prefect.client.orchestration import get_client
from prefect.states import Completed
with get_client(sync_client=True) as client:
    for run in client.read_flow_runs():
        if run.state.is_running():
            client.set_flow_run_state(run.id, Completed(), force=True)
"""
"""What a kill leaves where a flow had ended and the server had not heard yet how its tasks did."""

WORKS_A_TRAY_WHILE_THE_SERVER_HANGS = """
import asyncio, os, signal, sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
from prefect import flow, tags
from flows.station_run import run_tray

async def act():
    return {"units": 1}

@flow
async def station():
    os.kill(int(sys.argv[3]), signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            print(await run_tray("qc", "tray-1", act, emulated=True))
    finally:
        os.kill(int(sys.argv[3]), signal.SIGCONT)

with tags("passline", "centre:test"):
    asyncio.run(station())
"""

STARTS_AND_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from flows.prefect_server import prefect_server
from flows.run_folder import RunFolder
with prefect_server(RunFolder(Path(sys.argv[1]))) as server:
    server.wait_until_ready()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=100)


def refuse_who_has_no_password(folder: RunFolder, api_url: str) -> None:
    """A deployment's steps are shell commands: who sets them is the line's account."""
    assert password_file(folder).stat().st_mode & 0o777 == 0o600
    for given in (None, ("passline", ""), ("passline", "guessed")):
        assert httpx.post(f"{api_url}/deployments/filter", json={}, auth=given).status_code == 401
    name, _, password = prefect_password(folder).partition(":")
    own = {"headers": {"Origin": "https://other.example"}, "auth": (name, password)}
    answer = httpx.post(f"{api_url}/deployments/filter", json={}, **own)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.line
def test_a_killed_line_leaves_a_server_that_the_next_one_uses_and_stops(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_default(folder)

    (folder.prefect_home / "prefect.db").write_text("a migration that a kill has torn")

    killed = python(STARTS_AND_IS_KILLED, str(folder.path))
    assert killed.returncode == -signal.SIGKILL
    assert killed.stderr == ""

    with prefect_server(folder) as server:
        assert server.adopted
        assert server.database is Home.OWN
        server.wait_until_ready()

        refuse_who_has_no_password(folder, server.api_url)

        dead = python(DIES_WITHIN_A_FLOW, str(folder.path), server.api_url)
        assert dead.returncode == -signal.SIGKILL
        assert dead.stderr == "", "Prefect spoke on the screen"

        closing = python(CLOSES_THE_DEAD, str(folder.path), server.api_url)
        assert closing.stdout.splitlines() == ["0 0", "1 1", "0 0"], closing.stderr

        python(DIES_WITHIN_A_FLOW, str(folder.path), server.api_url)
        python(ENDS_THE_FLOWS, str(folder.path), server.api_url)
        closing = python(CLOSES_THE_DEAD, str(folder.path), server.api_url)
        assert closing.stdout.splitlines() == ["0 0", "0 1", "0 0"], closing.stderr
    assert not server.mark.alive
    assert (folder.logs / "prefect-server.log").read_text() == ""
    assert not stop(folder)


@pytest.mark.line
def test_no_tray_waits_for_an_answer_of_prefects_server(tmp_path: Path) -> None:
    """An emergency's least of all: a server that hangs holds up nothing on the line."""
    folder = RunFolder(tmp_path)
    write_default(folder)
    with prefect_server(folder) as server:
        server.wait_until_ready()
        worked = python(WORKS_A_TRAY_WHILE_THE_SERVER_HANGS, str(folder.path), server.api_url, str(server.mark.pid))
    assert worked.stdout.splitlines() == ["{'units': 1}"], worked.stderr


def test_another_server_than_the_lines_own_is_not_told_its_password(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.make()
    own = client_environment(folder, "http://127.0.0.1:4300/api")
    assert own["PREFECT_API_AUTH_STRING"] == prefect_password(folder)
    other = client_environment(folder, "http://10.0.0.5:4200/api", own_server=False)
    assert "PREFECT_API_AUTH_STRING" not in other


def test_a_mark_of_a_process_long_gone_is_no_server(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.make()
    own = ProcessMark.of(os.getpid())
    assert own is not None
    ProcessMark(own.pid, own.start_ticks + 1, own.boot_id).write(folder.prefect_home / "server.json")
    assert not stop(folder)
    assert own.alive
