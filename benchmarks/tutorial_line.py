"""The line as a Prefect tutorial would write it: one task for each document and station, one table, nothing else.

No custody, no machine, no second person: what is measured is the price of a task run for each document. Run as
`python -m benchmarks.tutorial_line FOLDER DOCUMENTS` with PREFECT_API_URL set; prints documents a second as JSON.
"""

import json
import sqlite3
import sys
import time
from pathlib import Path

from prefect import flow, task

STATIONS = ("review", "personalization", "qc", "packing", "mailing")


@task
def work(database: str, station: str, document: int) -> int:
    """One document at one station: a row, durably."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("INSERT INTO passage VALUES (?, ?, ?)", (document, station, time.time_ns()))
    connection.close()
    return document


@flow
def tutorial_line(database: str, documents: int) -> None:
    """All documents through all stations, a station's tasks submitted at once."""
    waiting = list(range(documents))
    for station in STATIONS:
        waiting = [future.result() for future in [work.submit(database, station, document) for document in waiting]]


def main(folder: Path, documents: int) -> None:
    """Run it on a new database in `folder` and print the rate."""
    database = folder / "tutorial.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE passage (document INTEGER, station TEXT, at_ns INTEGER)")
    connection.close()
    started = time.perf_counter()
    tutorial_line(str(database), documents)
    seconds = time.perf_counter() - started
    print(json.dumps({"documents": documents, "seconds": seconds, "documents_per_second": documents / seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
