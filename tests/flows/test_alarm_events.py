"""Steps of alarms at a real Prefect server: kept once however often they are told, and sent on by its automation."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alarm_target import Hook, hook

from flows.default_line import write_default
from flows.prefect_server import PrefectServer, prefect_server
from flows.run_folder import RunFolder

pytestmark = pytest.mark.line

BEGIN = """
import json, sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
import time
from prefect.client.orchestration import get_client
from flows.alarm_automation import follow_automation
from flows.alarm_events import tell_prefect
from flows.alarm_targets import NotToldError
from stations.alarms.outbox import Notice

def notice(alarm, step="raised", position=1):
    return Notice(alarm, position, step, 1_790_000_000_000_000, "machine-held", "book-01", None, 1, True, None, None)

def events(client):
    found = client.request("POST", "/events/filter", json={"limit": 50}).raise_for_status().json()["events"]
    return [each for each in found if each["event"].startswith("passline.")]
"""
TELLS = """
for _ in range(3):
    tell_prefect("test", notice(7))
tell_prefect("test", notice(7, "escalated", 2))
with get_client(sync_client=True) as client:
    give_up_s = time.monotonic() + 60
    while len(events(client)) < 2 and time.monotonic() < give_up_s:
        time.sleep(0.1)
    time.sleep(1)
    print(json.dumps([[each["event"], each["resource"]["prefect.resource.id"], each["payload"]["title"]]
                      for each in sorted(events(client), key=lambda each: each["event"])]))
"""
FAILS = """
try:
    tell_prefect("test", notice(7))
except NotToldError as error:
    print(error.code)
"""
FOLLOWS = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock
said = {"title": "{{subject}}", "body": "{{body}}"}
CustomWebhookNotificationBlock(name="duty", url=sys.argv[3], json_data=said).save("duty")
for _ in range(2):
    follow_automation("test", "custom-webhook/duty")
with get_client(sync_client=True) as client:
    (made,) = client.read_automations_by_name("passline alarms · test")
for alarm in (21, 22):
    tell_prefect("test", notice(alarm))
tell_prefect("other", notice(23))
tell_prefect("test", notice(21, "cleared", 2))
"""
LEAVES = """
from flows.alarm_automation import BlockMissingError
try:
    follow_automation("test", "custom-webhook/nobody")
except BlockMissingError as error:
    print(error)
follow_automation("test", None)
with get_client(sync_client=True) as client:
    print(len(client.read_automations_by_name("passline alarms · test")))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A line's own server."""
    folder = RunFolder(tmp_path_factory.mktemp("line"))
    write_default(folder)
    with prefect_server(folder) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture
def duty() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


def python(server: PrefectServer, program: str, *arguments: str, url: str | None = None) -> str:
    command = [sys.executable, "-c", BEGIN + program, str(server.folder.path), url or server.api_url, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_an_event_is_kept_once_however_often_it_is_told(server: PrefectServer) -> None:
    found: list[Any] = json.loads(python(server, TELLS))
    assert [(event, resource) for event, resource, _ in found] == [
        ("passline.alarm.escalated", "passline.alarm.7"),
        ("passline.alarm.raised", "passline.alarm.7"),
    ]
    assert all("EMULATED" in title and "book-01" in title for _, _, title in found)


def test_a_server_that_is_away_was_not_told(server: PrefectServer) -> None:
    assert python(server, FAILS, url="http://127.0.0.1:9/api").startswith("prefect_")


def test_the_automation_sends_every_step_of_this_centres_alarms_on_through_its_block(
    server: PrefectServer, duty: Hook, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{duty.port}/hook"
    python(server, FOLLOWS, address)
    told = duty.wait_for(3, patience_s=60)
    assert sorted(each["title"].rpartition("(")[2] for each in told) == [
        "over 已解除)",
        "raised 新警报)",
        "raised 新警报)",
    ]
    assert {each["title"].split(" · ")[1] for each in told} == {"test"}
    assert python(server, LEAVES).splitlines() == [
        "Prefect has no block custom-webhook/nobody to send alarms through; nothing was started.",
        "0",
    ]
