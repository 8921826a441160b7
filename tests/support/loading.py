"""Loads of a carrier's file in processes of their own, which may die where they are told to."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from at_once import PROCESSES

from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations.mailing import decisions, delivery_load
from stations.mailing.errors import NotReturnedError
from stations.people import emulated_duty
from stations.personal import PersonalData
from stations.workplace import Workplace

PATIENCE_S = 60.0
REFUSED = 3


def load_at_once(url: str, keys: Path, personal: Path, *files: tuple[Path, Path]) -> list[int]:
    """Load each file (with its reply) in a process, all at the same instant; how each process ended."""
    start = PROCESSES.Barrier(len(files))
    loading = [
        PROCESSES.Process(target=_load, args=(url, keys, personal, file, reply, start, None)) for file, reply in files
    ]
    for process in loading:
        process.start()
    for process in loading:
        process.join(PATIENCE_S)
    return [process.exitcode for process in loading]


def decide_at_once(url: str, keys: Path, personal: Path, item: str, *decisions: str) -> list[int]:
    """Decide of one parcel that came back, each in a process, all at the same instant: 0 decided, 3 refused."""
    start = PROCESSES.Barrier(len(decisions))
    deciding = [
        PROCESSES.Process(target=_decide, args=(url, keys, personal, item, decision, start)) for decision in decisions
    ]
    for process in deciding:
        process.start()
    for process in deciding:
        process.join(PATIENCE_S)
    return [process.exitcode for process in deciding]


def _decide(url: str, keys: Path, personal: Path, item: str, decision: str, start: Any) -> None:
    people = emulated_duty("mailing", "day").codes
    with Database(url, keyring=Keyring(keys)) as database:
        here = Workplace(database, "mailing", "day", people, True, PersonalData(personal))
        start.wait(PATIENCE_S)
        try:
            if decision == "send-again":
                decisions.send_again(here, item)
            else:
                decisions.destroy(here, item, remake=True)
        except NotReturnedError:
            sys.exit(REFUSED)


def load_and_die(url: str, keys: Path, personal: Path, file: Path, reply: Path, at: tuple[str, int]) -> int:
    """Load a file in a process that is killed `at` ("before" or "after" a commit, its number from 0); how it ended."""
    process = PROCESSES.Process(target=_load, args=(url, keys, personal, file, reply, None, at))
    process.start()
    process.join(PATIENCE_S)
    return process.exitcode


def _load(
    url: str, keys: Path, personal: Path, file: Path, reply: Path, start: Any, at: tuple[str, int] | None
) -> None:
    commits = {"before": 0, "after": 0}

    def watch(phase: str) -> None:
        if at is not None and at == (phase, commits[phase]):
            os.kill(os.getpid(), signal.SIGKILL)
        commits[phase] += 1

    people = emulated_duty("mailing", "day").codes
    with Database(url, keyring=Keyring(keys), on_commit=watch) as database:
        here = Workplace(database, "mailing", "day", people, True, PersonalData(personal))
        if start is not None:
            start.wait(PATIENCE_S)
        delivery_load.load(here, file, reply, chunk_lines=1)
