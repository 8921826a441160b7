"""The line as Prefect's own tutorials would write it: in one flow, a task for each document at each station.

`loop` calls the tasks one after another, as the quickstart does; `submit` runs a station's tasks side by side, as
the page on concurrency does. A table says which station a document waits at. No custody, no machine, no second
person, no rules: what is measured is the price of a task run for each document. Run as `python -m
benchmarks.tutorial_line STYLE FOLDER DOCUMENTS` with PREFECT_API_URL set; prints documents a second as JSON.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from prefect import flow, task

STATIONS = ("review", "personalization", "qc", "packing", "mailing")
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


@flow
def loop(database: str, documents: int) -> None:
    """Each document through all stations, then the next."""
    for document in range(documents):
        for station in STATIONS:
            work.with_options(name=station)(database, document)


@flow
def submit(database: str, documents: int) -> None:
    """All documents through a station, side by side, then the next."""
    for station in STATIONS:
        here = work.with_options(name=station)
        for future in [here.submit(database, document) for document in range(documents)]:
            future.result()


STYLES = {"loop": loop, "submit": submit}


def main(style: str, folder: Path, documents: int) -> None:
    """Run it on a new database in `folder` and print the rate."""
    database = str(folder / f"{style}.db")
    with closing(_connect(database)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE document (document INTEGER PRIMARY KEY, station INTEGER NOT NULL)")
        connection.executemany("INSERT INTO document VALUES (?, 0)", [(number,) for number in range(documents)])
    started = time.perf_counter()
    STYLES[style](database, documents)
    seconds = time.perf_counter() - started
    print(json.dumps({"documents": documents, "seconds": seconds, "documents_per_second": documents / seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
