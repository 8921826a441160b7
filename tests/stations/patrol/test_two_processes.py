"""Two web servers that get the same form at the same moment record one round."""

import subprocess
import sys
from pathlib import Path

import click_round
from patrol_line import Patrolled

from handoff_logs.records import new_id


def test_two_processes_that_get_one_form_record_one_round(
    patrolled: Patrolled, database_url: str, tmp_path: Path
) -> None:
    by, round_id = patrolled.by("operator"), new_id()
    keys = [str(tmp_path / "signing"), str(tmp_path / "keys")]
    command = [sys.executable, click_round.__file__, database_url, *keys, round_id, by.code, str(by.sign_in)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    clicks = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for click in clicks:
        assert click.stdout.readline() == "ready\n"
    for click in clicks:
        click.stdin.write("go\n")
        click.stdin.flush()
    told = sorted(click.communicate(timeout=60)[0] for click in clicks)
    assert told == ["False\n", "True\n"]
    assert patrolled.rows("SELECT count(*) FROM patrol_round") == [(1,)]
    assert patrolled.rows("SELECT count(*) FROM patrol_finding") == [(1,)]
