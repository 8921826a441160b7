"""The sealer beside a line: started with it, watched, started again if it dies, told to seal the rest at the end.

An emulated witness is started with it. It is under the same administration and so no witness; it shows how one works.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from flows.errors import Exit, SealerLostError
from flows.processes import ProcessMark
from flows.run_folder import RunFolder
from flows.sealer import EMULATED
from flows.settings import LineSettings
from handoff_logs import log_key

log = structlog.get_logger()

LOOK_EVERY_S: Final = 0.5
LOOK_BRIEFLY_S: Final = 0.02
START_AGAIN_AFTER_S: Final = 5.0
STOP_PATIENCE_S: Final = 60.0
"""How long what is left to seal may take at the end of a run."""
SEALER_LOG: Final = "sealer.log"
MARK: Final = "sealer.json"


class SealerWatch:
    """One sealer process. `ended` says why it can't go on, None while it seals."""

    def __init__(self, folder: RunFolder, witness_url: str | None) -> None:
        self._folder, self._witness_url = folder, witness_url
        self._over = threading.Event()
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, name="sealer-watch", daemon=True)
        self.ended: str | None = None

    def begin(self) -> None:
        """Watch it from now on."""
        self._watcher.start()

    def finish(self) -> None:
        """Have it seal what is left and end. Raises SealerLostError where it did not."""
        self._over.set()
        self._watcher.join()
        self._wait_until_it_heeds()
        self._process.terminate()
        try:
            status = self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status != Exit.FINE and self.ended is None:
            self.ended = _last_line(self._folder)
        if self.ended is not None:
            raise SealerLostError(self.ended, self._folder.logs / SEALER_LOG)

    def _wait_until_it_heeds(self) -> None:
        """Told to stop before it heeds that, it would end with what was recorded unsealed; it marks itself then."""
        give_up_s = time.monotonic() + STOP_PATIENCE_S
        while self._process.poll() is None and time.monotonic() < give_up_s:
            mark = ProcessMark.read(self._folder.logs / MARK)
            if mark is not None and mark.pid == self._process.pid:
                return
            time.sleep(LOOK_BRIEFLY_S)

    def _start(self) -> "subprocess.Popen[bytes]":
        mark = self._folder.logs / MARK
        command = [sys.executable, "-m", "flows.sealer_process", str(mark), str(self._folder.path)]
        command += [self._witness_url] if self._witness_url else []
        with (self._folder.logs / SEALER_LOG).open("ab") as output:
            # A session of its own, or Ctrl-C would reach it before the line has ended.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            status = self._process.poll()
            if status is None:
                continue
            if status == Exit.FINDINGS:
                # It refused by itself: another history, another log, another sealer. People must look.
                self.ended = _last_line(self._folder)
                log.error("sealer_stopped", code=status)
                return
            log.warning("sealer_restarted", code=status)
            self._process = self._start()
            self._over.wait(START_AGAIN_AFTER_S)


@contextmanager
def sealer_beside(folder: RunFolder, settings: LineSettings) -> Iterator[SealerWatch | None]:
    """A sealer for as long as the block runs, and until all of it is sealed; None where it is a service of its own."""
    if not settings.log.own_sealer:
        yield None
        return
    _end_left_behind(folder)
    with _emulated_witness(folder, settings) as witness_url:
        watch = SealerWatch(folder, witness_url)
        watch.begin()
        try:
            yield watch
        finally:
            watch.finish()


def _end_left_behind(folder: RunFolder) -> None:
    """End the sealer of a line that was killed; it would end by itself, once it has seen that and sealed the rest."""
    mark = ProcessMark.read(folder.logs / MARK)
    if mark is not None:
        mark.end(patience_s=STOP_PATIENCE_S)


@contextmanager
def _emulated_witness(folder: RunFolder, settings: LineSettings) -> Iterator[str | None]:
    if settings.log.witness != EMULATED:
        yield None
        return
    log_name = str(log_key.read_verifier(folder.log_key))
    command = [sys.executable, "-m", "flows.witness_process", str(folder.witness), log_name]
    with (folder.logs / "witness.log").open("ab") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    assert process.stdout is not None  # noqa: S101 it is a pipe
    try:
        yield process.stdout.readline().decode("ascii").strip() or None
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _last_line(folder: RunFolder) -> str:
    lines = (folder.logs / SEALER_LOG).read_text("utf-8", errors="replace").splitlines()
    return next((line.removeprefix("passline: ") for line in reversed(lines) if line.startswith("passline: ")), "")
