"""The review desk in Chromium: how soon the next application is painted, and if a run of thousands loses a verdict.

Run as `python -m benchmarks.review_desk`. First one reviewer decides by the keyboard, alone and beside twenty others
who ask the same server over HTTP for what their browsers would, each at a reviewer's pace. Then a scripted reviewer
decides thousands of applications on a running line, `passline run` and `passline desk`, whose desk is killed twice on
the way; afterwards the database is held against what the reviewer pressed, and the log is verified. EMULATED, but for
the desk.
"""

import argparse
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import numpy as np
from PIL import Image

from benchmarks.many_machines import share
from flows.composition import open_database, open_line, prepare
from flows.default_line import write_default
from flows.run_folder import RunFolder
from handoff_logs import offers
from handoff_logs.records import new_id
from stations.intake.batch import APPLICATIONS, IMAGES, MANIFEST
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import register
from stations.people_register.credentials import Credentials
from stations.people_register.sign_in import sign_in_two
from stations.review import station

DAY: Final = date(2026, 9, 1)
SOUND: Final = Shares(emergencies=0, intake_defects=0, review_defects=0)
PHOTO_BYTES: Final = 60_000
PASSWORD: Final = "the reviewer's own words"
FOUNDERS: Final = (Credentials("p-0001", "first administrator"), Credentials("p-0002", "second administrator"))
OTHERS: Final = 20
PACE_S: Final = 14.0
"""What a reviewer takes for an application."""
VERDICTS: Final = 100
DOCUMENTS: Final = 2_000
KILLS: Final = 2
AHEAD_AT_A_KILL: Final = 5
"""Applications that are decided while no desk is there: the browser has them."""
LOOK_MS: Final = 410
"""A little more than the desk takes a second press for the same."""
AGAIN_S: Final = 4.0
"""After so long a key that did nothing is pressed again."""
RETURN_EVERY: Final = 40
LIMITS_MS: Final = {0: 30.0, OTHERS: 60.0}
"""What 95 % are to be painted within, by how many others there are."""
PATIENCE_S: Final = 120.0
CHROMIUM: Final = os.environ.get("PASSLINE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SWITCHES: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

NOISE: Final = 14
"""Grain that makes a drawn portrait as large a file as a photograph."""

DECIDED = """
    SELECT lease.lease_id, decision.outcome FROM review_decision AS decision
    JOIN review_lease AS lease ON lease.lease_id = decision.lease_id WHERE decision.undone_us IS NULL
"""
DOUBLED = """
    SELECT count(*) FROM (SELECT 1 FROM review_decision WHERE undone_us IS NULL
    GROUP BY application_id, revision, round HAVING count(*) > 1)
"""
BOOKED = "SELECT count(*), count(DISTINCT application_id) FROM review_verdict"


@dataclass(frozen=True, slots=True)
class Painted:
    """From the key to the frame with the next application: milliseconds, beside so many others."""

    others: int
    took_ms: Sequence[float]
    answered: int
    """Applications that the others decided meanwhile."""
    server_s: float
    """Of a processor, by the desk's process."""
    clock_s: float

    def at(self, part: float) -> float:
        """What this part of them took at most."""
        return share(sorted(self.took_ms), part)


@dataclass
class Decided:
    """What came of a long run: what the reviewer pressed by lease, and what the database has of it."""

    pressed: dict[str, str] = field(default_factory=dict)
    kills: int = 0
    unsent_at_kills: list[int] = field(default_factory=list)
    stored: int = 0
    lost: int = 0
    otherwise: int = 0
    doubled: int = 0
    booked: int = 0
    verified: bool = False
    clock_s: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether each key became one verdict, the one that was pressed, and the log holds."""
        same = len(self.pressed) == self.stored == self.booked
        return same and self.verified and not (self.lost or self.otherwise or self.doubled)


def people(count: int) -> list[str]:
    """The codes of so many reviewers."""
    return [f"p-{1000 + number}" for number in range(count)]


def make_line(folder: Path, documents: int, reviewers: int, seed: int, tray: int) -> RunFolder:
    """A prepared emulated line whose reviewers are people, with applications on file."""
    run = RunFolder(folder)
    write_default(run, books=1, cards=1, readers=1, small=1, speed=0)
    said = run.configuration.read_text("utf-8")
    run.configuration.write_text(said.replace('review = "emulated"', 'review = "people"', 1), "utf-8")
    prepare(run)
    with open_database(run, run.line().database_url) as database:
        register.found(database, *FOUNDERS, emulated=True)
        by = sign_in_two(database, *FOUNDERS, (Role.ADMINISTRATOR,))
        for code in people(reviewers):
            register.enrol(database, by, Credentials(code, PASSWORD), (Role.REVIEWER,), emulated=True)
    batch = folder.with_name(f"{folder.name}-batch")
    generate(batch, documents, seed, day=DAY, shares=SOUND)
    thicken(batch, seed)
    with open_line(run, shift="day", stations=("intake",)) as line:
        load(line.workplace("intake"), batch, folder / "replies", tray_size=tray)
    return run


def thicken(batch: Path, seed: int) -> None:
    """Make each photograph of a batch as large as a camera's, and seal the batch again."""
    grain, lines = np.random.default_rng(seed), []
    for content in (batch / APPLICATIONS).read_text("utf-8").splitlines():
        record = json.loads(content)
        path = batch / IMAGES / record["photo"]["file"]
        with Image.open(path) as picture:
            pixels = np.asarray(picture, dtype=np.int16)
            noisy = np.clip(pixels + grain.integers(-NOISE, NOISE, pixels.shape[:2])[..., None], 0, 255)
            kept = {"dpi": picture.info["dpi"], "comment": picture.info["comment"]}
            made = _saved(Image.fromarray(noisy.astype(np.uint8)), kept)
        path.write_bytes(made)
        record["photo"]["sha256"] = hashlib.sha256(made).hexdigest()
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    data = "".join(lines).encode()
    (batch / APPLICATIONS).write_bytes(data)
    manifest = json.loads((batch / MANIFEST).read_text("utf-8"))
    sealed = manifest | {"applications_sha256": hashlib.sha256(data).hexdigest()}
    (batch / MANIFEST).write_text(json.dumps(sealed), "utf-8")


def _saved(picture: Image.Image, kept: dict[str, Any]) -> bytes:
    for quality in (90, 80, 70, 60):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, **kept)
        if file.tell() <= PHOTO_BYTES * 1.1:
            break
    return file.getvalue()


@contextmanager
def desk(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`passline desk` in a process of its own, once it answers; ended, if it still is there, by Ctrl-C."""
    served = start_desk(folder, port)
    try:
        yield served
    finally:
        if served.poll() is None:
            served.send_signal(signal.SIGINT)
        served.wait(PATIENCE_S)


def start_desk(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers."""
    command = [str(Path(sys.executable).with_name("passline")), "desk", "--dir", str(folder), "--port", str(port)]
    with folder.with_name(f"{folder.name}-desk").open("ab") as said:
        served = subprocess.Popen(command, stdout=said, stderr=said)
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return served
        except httpx.TransportError:
            if served.poll() is not None or time.monotonic() > give_up_s:
                raise SystemExit(f"the desk of {folder} did not start") from None
            time.sleep(0.1)


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def browser(address: str) -> Iterator[Any]:
    """A page of Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        context = chromium.new_context(base_url=address, viewport={"width": 1366, "height": 768})
        yield context.new_page()
        chromium.close()


def sit_down(page: Any, code: str) -> None:
    """Sign in at the desk, and wait for an application or for the word that there is none."""
    page.goto("/review")
    if page.locator("[name=password]").count():
        page.fill("[name=code]", code)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/review")


def on_desk(page: Any, before: str | None, patience_s: float = PATIENCE_S) -> str | None:
    """The lease that is shown, once it is another; None if there is none in that time."""
    from playwright.sync_api import TimeoutError as NothingCameError

    other = "before => { const now = document.querySelector('article')?.dataset.lease; return now !== before && now; }"
    try:
        return str(page.wait_for_function(other, arg=before, timeout=1_000 * patience_s).json_value())
    except NothingCameError:
        return None


def press(page: Any, number: int) -> str:
    """Decide what is shown, after a look; the outcome."""
    page.wait_for_timeout(LOOK_MS)
    if number % RETURN_EVERY == RETURN_EVERY - 1:
        page.keyboard.press("r")
        page.keyboard.press("c")
        return "return"
    page.keyboard.press("p")
    return "pass"


def decide(page: Any, lease: str, pressed: dict[str, str], patience_s: float = PATIENCE_S) -> str | None:
    """Decide what is shown, and again where nothing came of it; the next lease, None if there is none in that time."""
    number, give_up_s = len(pressed), time.monotonic() + patience_s
    while True:
        pressed[lease] = press(page, number)
        following = on_desk(page, lease, AGAIN_S)
        if following is not None or time.monotonic() > give_up_s:
            return following
        if not page.locator("article").count():
            # It was decided; the next one is not there yet, or never.
            return on_desk(page, lease, max(0.1, give_up_s - time.monotonic()))


def measure_painting(folder: Path, others: int, verdicts: int, seed: int) -> Painted:
    """Let one reviewer decide so many by the keyboard, beside the others."""
    # Nine in each reviewer's hand, and what they decide meanwhile.
    documents = verdicts + 10 + others * (9 + round(2 * verdicts / PACE_S))
    run = make_line(folder, documents, 1 + others, seed, 100)
    with open_line(run, shift="day", stations=("review",)) as line:
        here = line.workplace("review")
        with here.database.read() as conn:
            waiting = offers.waiting(conn, "review")
        for offer in waiting:
            station.accept_tray(here, offer)
    first, *rest = people(1 + others)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with desk(folder, port) as served, beside(address, rest) as decided, browser(address) as page:
        sit_down(page, first)
        lease = on_desk(page, None)
        page.wait_for_timeout(2_000)
        began_s, used_s, before = time.monotonic(), _cpu_s(served.pid), decided()
        pressed: dict[str, str] = {}
        while lease is not None and len(pressed) < verdicts:
            lease = decide(page, lease, pressed)
        took_ms = page.evaluate("performance.getEntriesByName('verdict-to-painted').map(each => each.duration)")
        clock_s, used_s = time.monotonic() - began_s, _cpu_s(served.pid) - used_s
        return Painted(others, took_ms, decided() - before, used_s, clock_s)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def beside(address: str, codes: Sequence[str]) -> Iterator[Any]:
    """The others at work, in a process of their own; yields what tells how many verdicts they have had stored."""
    if not codes:
        yield lambda: 0
        return
    command = [sys.executable, "-m", "benchmarks.review_desk", "--as-others", address, *codes]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as others:
        assert others.stdin and others.stdout
        asked, told = others.stdin, others.stdout

        def decided() -> int:
            asked.write("?\n")
            asked.flush()
            return int(told.readline())

        if told.readline() != "seated\n":
            raise SystemExit("the others could not sit down")
        yield decided
        asked.close()


class Other:
    """A reviewer without a screen, who asks the server for what their browser would."""

    def __init__(self, address: str, code: str, number: int) -> None:
        # An address of their own: sign-ins are limited by it.
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number + 1}")
        self._client = httpx.Client(base_url=address, transport=transport, trust_env=False, timeout=30)
        self._pace, self._code, self._seen = random.Random(number), code, set[str]()
        self.decided = 0

    def sit_down(self) -> None:
        """Sign in and take the first ones."""
        form = {
            "code": self._code,
            "password": PASSWORD,
            "token": self._token("/sign-in", 'name="token" value'),
            "to": "",
        }
        assert self._client.post("/sign-in", data=form).status_code == 303
        self._own = self._token("/review", "data-token")
        self._held = self._take()

    def work(self) -> None:
        """Decide one after another, each after a look of a reviewer's length."""
        time.sleep(self._pace.uniform(0, PACE_S))
        while self._held:
            lease = self._held[0]
            facts = {**{name: lease[name] for name in ("lease", "revision", "round")}, "outcome": "pass", "reasons": ""}
            answer = self._client.post("/review/verdict", data={"token": self._own, "decision": new_id(), **facts})
            self.decided += answer.status_code == 200
            self._held = self._take()
            time.sleep(self._pace.uniform(0.6, 1.4) * PACE_S)

    def _take(self) -> list[dict[str, Any]]:
        held = list(self._client.post("/review/take", data={"token": self._own}).json()["held"])
        for lease in (each["lease"] for each in held if each["lease"] not in self._seen):
            self._seen.add(lease)
            page = self._client.get(f"/review/case/{lease}").text
            for picture in re.findall(r'src="(/review/picture/[^"]+)"', page):
                self._client.get(picture)
        return held

    def _token(self, path: str, named: str) -> str:
        return re.findall(rf'{named}="([^"]+)"', self._client.get(path).text)[0]


def work_beside(address: str, codes: Sequence[str]) -> None:
    """Be the others, until standard input ends; each line asks how many verdicts were stored."""
    others = [Other(address, code, number) for number, code in enumerate(codes)]
    for other in others:
        other.sit_down()
    for other in others:
        threading.Thread(target=other.work, daemon=True).start()
    print("seated", flush=True)
    for _ in sys.stdin:
        print(sum(other.decided for other in others), flush=True)


def measure_run(folder: Path, documents: int, kills: int, seed: int) -> Decided:
    """Let a scripted reviewer decide all of them on a running line, the desk killed so often on the way."""
    make_line(folder, documents, 1, seed, 25)
    found, (code,), port = Decided(), people(1), free_port()
    address = f"http://127.0.0.1:{port}"
    at = {round(documents * (number + 1) / (kills + 1)) for number in range(kills)}
    began_s = time.monotonic()
    with _running(folder), closing(_database(folder)) as database:
        served = start_desk(folder, port)
        try:
            with browser(address) as page:
                sit_down(page, code)
                lease = on_desk(page, None)
                while lease is not None and len(found.pressed) < documents:
                    last = len(found.pressed) == documents - 1
                    lease = decide(page, lease, found.pressed, AGAIN_S if last else PATIENCE_S)
                    if lease is not None and len(found.pressed) in at:
                        os.kill(served.pid, signal.SIGKILL)
                        served.wait()
                        _decide_alone(page, lease, found)
                        served = start_desk(folder, port)
                        sit_down(page, code)
                        lease = on_desk(page, None)
                page.wait_for_function("() => document.getElementById('unsent').textContent === '0'", timeout=60_000)
        finally:
            served.send_signal(signal.SIGINT)
            served.wait(PATIENCE_S)
        _wait_until_booked(database, len(found.pressed))
        _count(database, found)
    found.clock_s = time.monotonic() - began_s
    command = [str(Path(sys.executable).with_name("passline")), "logs", "verify", "--dir", str(folder)]
    found.verified = subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    return found


def _decide_alone(page: Any, lease: str, found: Decided) -> None:
    """Go on with what the browser holds while there is no desk; what it could not send waits in the browser."""
    left: str | None = lease
    for _ in range(AHEAD_AT_A_KILL):
        if left is not None:
            left = decide(page, left, found.pressed, AGAIN_S)
    found.kills += 1
    found.unsent_at_kills.append(int(page.locator("#unsent").inner_text()))


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    command = [str(Path(sys.executable).with_name("passline")), "run", "--dir", str(folder)]
    with (
        folder.with_name(f"{folder.name}-said").open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said) as line,
    ):
        try:
            yield
        finally:
            line.send_signal(signal.SIGINT)


def _database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder / 'passline.db'}?mode=ro", uri=True, isolation_level=None)


def _wait_until_booked(database: sqlite3.Connection, verdicts: int) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while database.execute(BOOKED).fetchone()[0] < verdicts and time.monotonic() < give_up_s:
        time.sleep(0.5)


def _count(database: sqlite3.Connection, found: Decided) -> None:
    stored = database.execute(DECIDED).fetchall()
    outcomes = dict(stored)
    found.stored = len(stored)
    found.lost = sum(lease not in outcomes for lease in found.pressed)
    found.otherwise = sum(outcomes.get(lease, outcome) != outcome for lease, outcome in found.pressed.items())
    (found.doubled,) = database.execute(DOUBLED).fetchone()
    rows, applications = database.execute(BOOKED).fetchone()
    found.booked = applications
    found.doubled += rows - applications


def report_painting(run: Painted) -> None:
    """Print how soon the next application was painted."""
    limit = LIMITS_MS.get(run.others, max(LIMITS_MS.values()))
    beside_them = f"beside {run.others} others ({run.answered} verdicts of theirs)" if run.others else "alone"
    each_ms = 1_000 * run.server_s / (len(run.took_ms) + run.answered)
    print(f"key to next application painted, {beside_them}, {len(run.took_ms)} verdicts, ms")
    shown = "".join(
        f"{name} {value:.1f}  "
        for name, value in (("median", median(run.took_ms)), ("95 %", run.at(0.95)), ("most", max(run.took_ms)))
    )
    print(f"  {shown} limit of 95 % {limit:.0f}: {'held' if run.at(0.95) < limit else 'NOT held'}")
    print(f"  the desk's process: {100 * run.server_s / run.clock_s:.0f} % of a processor, {each_ms:.1f} ms a verdict")


def report_run(run: Decided) -> None:
    """Print what came of the long run."""
    pressed, killed = len(run.pressed), f"the desk killed {run.kills} times"
    print(f"{pressed:,} applications decided by keyboard in {run.clock_s:.0f} s, {killed}")
    print(f"  unsent in the browser at the kills: {run.unsent_at_kills}")
    wrong = f"lost {run.lost}, other than pressed {run.otherwise}, doubled {run.doubled}"
    print(f"  stored {run.stored:,}, booked {run.booked:,}; {wrong}")
    print(f"  the log {'verifies' if run.verified else 'does NOT verify'}: {'held' if run.is_sound else 'NOT held'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--documents", type=int, default=DOCUMENTS, help=f"in the long run (default {DOCUMENTS:,}; 0: none)"
    )
    parser.add_argument(
        "--verdicts", type=int, default=VERDICTS, help=f"timed, each time (default {VERDICTS}; 0: none)"
    )
    parser.add_argument("--others", type=int, default=OTHERS, help=f"reviewers beside (default {OTHERS})")
    parser.add_argument("--kills", type=int, default=KILLS, help=f"of the desk in the long run (default {KILLS})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-others", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.as_others:
        work_beside(asked.as_others[0], asked.as_others[1:])
        return
    with tempfile.TemporaryDirectory(prefix="passline-review-") as scratch:
        run(Path(scratch), asked.verdicts, asked.others, asked.documents, asked.kills, asked.seed)


def run(folder: Path, verdicts: int, others: int, documents: int, kills: int, seed: int) -> None:
    """Measure and print what is asked, in folders of this one."""
    if not Path(CHROMIUM).exists():
        print(f"review desk: no Chromium at {CHROMIUM}; install it, or name it in PASSLINE_CHROMIUM")
        return
    for count in (0, others) if verdicts else ():
        report_painting(measure_painting(folder / f"beside-{count}", count, verdicts, seed))
    if documents:
        report_run(measure_run(folder / "long", documents, kills, seed))


if __name__ == "__main__":
    main()
