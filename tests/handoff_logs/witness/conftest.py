"""Witnesses as they run: processes of their own on real ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from small_log import SmallLog

from handoff_logs.notes import VerifierKey
from handoff_logs.witness.folder import make_witness, open_witness

MAIN = "from flows.cli import main; main()"
PATIENCE_S = 20.0


class WitnessProcess:
    """`passline witness serve` on a free port; `prelude` is what its process does before, to be killed or hurried."""

    def __init__(self, folder: Path, logs: Sequence[SmallLog] = (), prelude: str = "") -> None:
        self.folder = folder
        if not folder.exists():
            make_witness(folder, "witness.example/w1")
        keys = [word for log in logs or [SmallLog(seed) for seed in range(1, 30)] for word in ("--log", str(log.key))]
        serve = ["witness", "serve", "--dir", str(folder), "--port", "0", *keys]
        self._said = (folder / f"said-{os.urandom(4).hex()}").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\n{MAIN}", *serve], stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    @property
    def key(self) -> VerifierKey:
        """Its public key."""
        return open_witness(self.folder).key

    @property
    def said(self) -> str:
        """Everything on standard error."""
        self._said.seek(0)
        return self._said.read()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.said.splitlines()]

    @property
    def port(self) -> int:
        """The port that it answers on."""
        return int(self.url.rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process; how it ended."""
        self.process.send_signal(number)
        return self.wait()

    def close(self) -> None:
        """Kill it if it still runs."""
        self.stop(signal.SIGKILL)
        self._said.close()

    def wait(self) -> int:
        """How it ended by itself."""
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


Start = Callable[..., WitnessProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts witnesses in this test's folder, and ends those that still run."""
    started: list[WitnessProcess] = []

    def start_one(prelude: str = "") -> WitnessProcess:
        started.append(WitnessProcess(tmp_path / "witness", prelude=prelude))
        return started[-1]

    yield start_one
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessProcess]:
    """A witness that a module's tests share, each with a small log of its own; it loses patience soon."""
    prelude = "import handoff_logs.witness.server as server; server.PATIENCE_S = 0.8"
    witness = WitnessProcess(tmp_path_factory.mktemp("running") / "witness", prelude=prelude)
    yield witness
    witness.close()
