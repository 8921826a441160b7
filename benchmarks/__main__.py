"""`make bench`: the line, a tutorial's line, bare inserts, many machines, the green channel, a log, the review desk.

Absolute figures vary with the machine; compare the ratios of one run.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import (
    appending,
    delivery_events,
    generated_year,
    green_channel,
    many_machines,
    packing_match,
    questions,
    review_desk,
    verification,
)
from benchmarks.raw_inserts import raw_rate

START_S = 120.0
STYLES = {"loop": "task after task, as the quickstart calls them", "submit": "a station's tasks side by side"}
BOOKS, CARDS, READERS, TRAY = 4, 4, 2, 100


def the_line(folder: Path, documents: int, seed: int) -> dict[str, Any]:
    """(a) `passline demo --speed 0`: 8 personalizers, 2 readers, trays of 100, full durability."""
    passline = Path(sys.executable).with_name("passline")
    command = [str(passline), "demo", "--documents", str(documents), "--seed", str(seed)]
    command += ["--speed", "0", "--books", str(BOOKS), "--cards", str(CARDS), "--readers", str(READERS)]
    command += ["--tray-size", str(TRAY), "--dir", str(folder), "--output", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def the_tutorial(folder: Path, documents: int) -> dict[str, float]:
    """(b) One task a document a station, in each of two styles, against `prefect server start` as it comes.

    Documents a second by style. The line's own server is set otherwise (flows/prefect_server.py): part of the line.
    """
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    prefect = Path(sys.executable).with_name("prefect")
    api = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(folder), "DO_NOT_TRACK": "1"}
    command = [str(prefect), "server", "start", "--port", str(port)]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_for(f"{api}/health")
            return {
                style: _tutorial(style, folder, documents, environment | {"PREFECT_API_URL": api}) for style in STYLES
            }
        finally:
            server.terminate()


def _wait_for(url: str) -> None:
    give_up_s = time.monotonic() + START_S
    while True:
        with suppress(OSError), urllib.request.urlopen(url):
            return
        if time.monotonic() > give_up_s:
            raise TimeoutError(url)
        time.sleep(0.2)


def _tutorial(style: str, folder: Path, documents: int, environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.tutorial_line", style, str(folder), str(documents)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["documents_per_second"])


def main() -> None:
    """Run all and print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000, help="applications through the line (default 2000)")
    parser.add_argument("--tutorial-documents", type=int, default=200, help="of the tutorial's line (default 200)")
    parser.add_argument(
        "--machines-documents",
        type=int,
        default=many_machines.DOCUMENTS,
        help=f"through the line of many machines (default {many_machines.DOCUMENTS})",
    )
    parser.add_argument(
        "--waiting",
        type=int,
        default=green_channel.DOCUMENTS,
        help=f"applications before which the green channel goes (default {green_channel.DOCUMENTS:,})",
    )
    parser.add_argument(
        "--units",
        type=int,
        default=questions.UNIT_ROWS,
        help=f"unit rows of the log that the sixteen questions are asked of (default {questions.UNIT_ROWS:,})",
    )
    parser.add_argument(
        "--reviewed",
        type=int,
        default=review_desk.DOCUMENTS,
        help=f"applications that a scripted reviewer decides in a browser (default {review_desk.DOCUMENTS:,})",
    )
    parser.add_argument(
        "--events",
        type=int,
        default=delivery_events.EVENTS,
        help=f"delivery events of a carrier's file (default {delivery_events.EVENTS:,})",
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passline-bench-") as scratch:
        line = the_line(Path(scratch) / "line", asked.documents, asked.seed)
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        tutorial = the_tutorial(Path(scratch) / "tutorial", asked.tutorial_documents)
        rows, seconds = raw_rate(Path(scratch) / "line" / "passline.db", Path(scratch) / "raw.db")
        machines = many_machines.measure(Path(scratch) / "machines", asked.machines_documents, asked.seed)
        green = green_channel.measure(Path(scratch) / "green", asked.waiting, asked.seed)
        appended = appending.measure(Path(scratch) / "appending")
        on_postgresql = appending.measure_postgresql(Path(scratch) / "postgresql")
        verified = verification.measure(Path(scratch) / "verification")
        packed = packing_match.measure(Path(scratch) / "packing")
        delivered = delivery_events.run(Path(scratch) / "delivery", asked.events)
    line_rows_per_s = line["handoff_units"] / line["line_seconds"]
    ratio = line["documents_per_second"] / max(tutorial.values())
    print(f"(a) the line       {line['documents_per_second']:8.1f} documents/s, {line_rows_per_s:,.0f} handoff units/s")
    for style, rate in tutorial.items():
        print(f"(b) the tutorial   {rate:8.1f} documents/s, {STYLES[style]}")
    print(f"(c) bare inserts   {rows / seconds:8,.0f} handoff units/s")
    print(f"a/b {ratio:.1f}, by the faster tutorial   a/c {line_rows_per_s / (rows / seconds):.3f}")
    print(f"largest process of (a) {peak_mb:.0f} MB")
    violations = {name: line[name] for name in ("live_duplicates", "custody_violations", "blanks_unaccounted")}
    print(f"violations: {violations}, in doubt: {line['in_doubt']}")
    print()
    many_machines.report(machines)
    print()
    green_channel.report(green)
    print()
    print(f"(e) the log        {appended.line}")
    print(f"                   {on_postgresql.line}")
    verification.report(verified)
    for name, found in delivered.items():
        print(f"(f) delivery events, {name}: {found['loaded']:,} a second; again {found['loaded_again']:,}")
    packing_match.report(packed)
    print()
    with tempfile.TemporaryDirectory(prefix="passline-review-") as scratch:
        review_desk.run(
            Path(scratch), review_desk.VERDICTS, review_desk.OTHERS, asked.reviewed, review_desk.KILLS, asked.seed
        )
    print()
    with tempfile.TemporaryDirectory(prefix="passline-questions-") as scratch:
        questions.run(Path(scratch), asked.units, generated_year.DAYS, questions.DATABASES)


if __name__ == "__main__":
    main()
