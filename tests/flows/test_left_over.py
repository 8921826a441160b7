"""A run that leaves something says what and which command comes next, and does not call the line done."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from line_books import MADE, NOW_US, Books
from rich.console import Console
from sqlalchemy import create_engine, select, update
from sqlmodel import col

from flows.default_line import write_default
from flows.demo_report import print_json, print_report
from flows.left_over import left_over
from flows.reckoning import reckon
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.tables import Whereabouts
from stations.intake.tables import Application
from stations.personalization.tables import Job, MachineState

GO_ON = "passline run --dir here"


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = create_engine(database_url)
    yield Books(engine)
    engine.dispose()


@pytest.fixture
def folder(books: Books, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("PASSLINE_DATABASE__URL", database_url)
    made = RunFolder(tmp_path / "run")
    write_default(made)
    return made


@pytest.fixture
def left(database_url: str) -> Any:
    def ask() -> list[tuple[str, str]]:
        with open_reading(database_url) as reading:
            return list(left_over(reading, Path("here"), GO_ON))

    return ask


def said(folder: RunFolder, database_url: str) -> str:
    screen = io.StringIO()
    with open_reading(database_url) as reading:
        print_report(folder, reckon(reading, None), Console(file=screen, width=200), GO_ON)
    return screen.getvalue()


def test_a_line_with_nothing_left_is_done(books: Books, folder: RunFolder, database_url: str, left: Any) -> None:
    for state in ("dispatched", "returned", "held"):
        books.application(state)
    assert left() == []
    assert "The line is done." in said(folder, database_url)


def test_what_is_left_is_told_by_station_in_a_documents_way(books: Books, folder: RunFolder, left: Any) -> None:
    for at in ("qc", "review", "review"):
        books.application("waiting", order_unit=books.unit("order", "held", at))
    books.put(MachineState, machine="book-01", state="held", reason="jam", since_us=NOW_US, emulated=True)
    assert left() == [("held, put it right: book-01 (jam)", GO_ON), ("3 applications: 2 at review, 1 at qc", GO_ON)]


def test_what_is_in_doubt_comes_first_with_the_command_that_settles_it(
    books: Books, folder: RunFolder, database_url: str, left: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    books.job("book-01", "UNCERTAIN", doubt="machine_silent")
    books.unit("document", "doubt", "qc")
    whats = [what for what, _ in left()]
    assert whats[:2] == ["in doubt: 1 job", "in doubt or missing: 1 unit"]
    shown = said(folder, database_url)
    assert "The line is done." not in shown and f"passline devices settle --dir {folder.path}" in shown
    with open_reading(database_url) as reading:
        print_json(folder, reckon(reading, None), GO_ON)
    told = json.loads(capsys.readouterr().out)["left"]
    assert told[0] == {"what": "in doubt: 1 job", "next": f"passline devices settle --dir {folder.path}"}


def test_a_document_is_left_where_it_is_and_not_where_its_order_was(books: Books, folder: RunFolder, left: Any) -> None:
    books.job("book-01", *MADE, outcome="good")
    with books.engine.begin() as tx:
        order, document = tx.execute(select(col(Application.order_unit), col(Job.document_unit)).join_from(
            Job, Application, col(Application.application_id) == col(Job.application_id))).one()  # fmt: skip
    books.unit("order", "ended", "personalization", unit=order)
    parcel = books.unit("parcel", "held", "mailing")
    books.unit("document", "packed", "packing", unit=document)
    with books.engine.begin() as tx:
        tx.execute(update(Whereabouts).where(col(Whereabouts.unit_id) == document).values(container=parcel))
    assert left() == [("1 application: 1 at mailing", GO_ON)]
