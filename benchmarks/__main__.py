"""`make bench`: the line, the line as a tutorial would write it, bare inserts, and many machines, one after another.

Absolute figures vary with the machine; compare the ratios of one run.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import many_machines
from benchmarks.raw_inserts import raw_rate
from flows.prefect_client import client_environment
from flows.prefect_server import prefect_server
from flows.run_folder import RunFolder

BOOKS, CARDS, READERS, TRAY = 4, 4, 2, 100


def the_line(folder: Path, documents: int, seed: int) -> dict[str, Any]:
    """(a) `passline demo --speed 0`: 8 personalizers, 2 readers, trays of 100, full durability."""
    passline = Path(sys.executable).with_name("passline")
    command = [str(passline), "demo", "--documents", str(documents), "--seed", str(seed)]
    command += ["--speed", "0", "--books", str(BOOKS), "--cards", str(CARDS), "--readers", str(READERS)]
    command += ["--tray-size", str(TRAY), "--dir", str(folder), "--output", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def the_tutorial(folder: Path, documents: int) -> dict[str, Any]:
    """(b) One task a document a station, against a Prefect server of its own with the settings of the line's."""
    run = RunFolder(folder)
    with prefect_server(run) as server:
        server.wait_until_ready()
        environment = {**os.environ, **client_environment(run, server.api_url)}
        command = [sys.executable, "-m", "benchmarks.tutorial_line", str(folder), str(documents)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Run all and print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000, help="applications through the line (default 2000)")
    parser.add_argument("--tutorial-documents", type=int, default=1000, help="of the tutorial's line (default 1000)")
    parser.add_argument(
        "--machines-documents",
        type=int,
        default=many_machines.DOCUMENTS,
        help=f"through the line of many machines (default {many_machines.DOCUMENTS})",
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passline-bench-") as scratch:
        line = the_line(Path(scratch) / "line", asked.documents, asked.seed)
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        tutorial = the_tutorial(Path(scratch) / "tutorial", asked.tutorial_documents)
        rows, seconds = raw_rate(Path(scratch) / "line" / "passline.db", Path(scratch) / "raw.db")
        machines = many_machines.measure(Path(scratch) / "machines", asked.machines_documents, asked.seed)
    line_rows_per_s = line["handoff_units"] / line["line_seconds"]
    ratio = line["documents_per_second"] / tutorial["documents_per_second"]
    print(f"(a) the line       {line['documents_per_second']:8.1f} documents/s, {line_rows_per_s:,.0f} handoff units/s")
    print(f"(b) the tutorial   {tutorial['documents_per_second']:8.1f} documents/s")
    print(f"(c) bare inserts   {rows / seconds:8,.0f} handoff units/s")
    print(f"a/b {ratio:.1f}   a/c {line_rows_per_s / (rows / seconds):.3f}   largest process {peak_mb:.0f} MB")
    violations = {name: line[name] for name in ("live_duplicates", "custody_violations", "blanks_unaccounted")}
    print(f"violations: {violations}, in doubt: {line['in_doubt']}")
    print()
    many_machines.report(machines)


if __name__ == "__main__":
    main()
