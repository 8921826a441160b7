"""The line as a Prefect tutorial would write it: five station flows at once, in each of them a task for each document.

A table says which station a document waits at; each flow takes what waits for it, a task a document. No custody, no
machine, no second person, no rules: what is measured is the price of a task run for each document. Run as
`python -m benchmarks.tutorial_line FOLDER DOCUMENTS` with PREFECT_API_URL set; prints documents a second as JSON.
"""

import asyncio
import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from prefect import flow, task

STATIONS = ("review", "personalization", "qc", "packing", "mailing")
PORTION = 100
LOOK_AGAIN_S = 0.1
BUSY_TIMEOUT_S = 60


def _connect(database: str) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=BUSY_TIMEOUT_S)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@task
def work(database: str, document: int) -> None:
    """One document at one station: it waits at the next one, durably."""
    with closing(_connect(database)) as connection, connection:
        connection.execute("UPDATE document SET station = station + 1 WHERE document = ?", (document,))


@flow(flow_run_name="{station}")
def serve_station(database: str, station: str, documents: int) -> None:
    """One station: whatever waits for it, until all documents have passed."""
    here = STATIONS.index(station)
    passed = 0
    while passed < documents:
        with closing(_connect(database)) as connection:
            rows = connection.execute("SELECT document FROM document WHERE station = ? LIMIT ?", (here, PORTION))
            waiting = [document for (document,) in rows]
        if not waiting:
            time.sleep(LOOK_AGAIN_S)
        for future in [work.submit(database, document) for document in waiting]:
            future.result()
        passed += len(waiting)


async def _serve_all(database: str, documents: int) -> None:
    await asyncio.gather(*(asyncio.to_thread(serve_station, database, station, documents) for station in STATIONS))


def main(folder: Path, documents: int) -> None:
    """Run it on a new database in `folder` and print the rate."""
    database = str(folder / "tutorial.db")
    with closing(_connect(database)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE document (document INTEGER PRIMARY KEY, station INTEGER NOT NULL)")
        connection.executemany("INSERT INTO document VALUES (?, 0)", [(number,) for number in range(documents)])
    started = time.perf_counter()
    asyncio.run(_serve_all(database, documents))
    seconds = time.perf_counter() - started
    print(json.dumps({"documents": documents, "seconds": seconds, "documents_per_second": documents / seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
