"""`logs snapshot` and `logs sql`: the sealed log as Parquet files, and any question that SQL can ask of it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from handoff_logs import cli, outputs, terminal
from handoff_logs.pseudonyms import hidden_sql

SNAPSHOTS = "snapshots"


def snapshot_command(
    *,
    out: Annotated[
        Path | None, Parameter("--out", help="The new folder; snapshots/SIZE in the run's folder if left out.")
    ] = None,
    directory: cli.Directory = cli.DEFAULT_DIRECTORY,
) -> None:
    """Copy all that is sealed into Parquet files, stamped with the log's newest checkpoint."""
    from handoff_logs.questions import state
    from handoff_logs.snapshot import take

    with cli.refusing(), cli.asked_of(directory, "export snapshot") as reading:
        sealed = next(iter(state(reading)))["sealed"]
        taken = take(reading, out or directory / SNAPSHOTS / str(sealed))
    counts = ", ".join(f"{rows} {name}s" for name, rows in taken.rows.items())
    print(f"{taken.folder}: {taken.size} records of {taken.origin} ({counts})")  # noqa: T201 a command's own voice


def sql_command(
    sql: Annotated[str, Parameter(help='One SELECT over event, unit, "case" and register.')],
    /,
    *,
    snapshot: Annotated[
        Path | None, Parameter("--snapshot", help="The snapshot's folder; the run's newest one if left out.")
    ] = None,
    printing: cli.Printing = cli.AS_USUAL,
) -> None:
    """Answer any SELECT from a snapshot of the sealed log; it can read nothing else and change nothing.

    What was asked is recorded, unless the snapshot lies outside every run's folder: an auditor's own copy.
    """
    from handoff_logs.snapshot import ask, opened

    form = printing.form()
    with cli.refusing():
        _record(printing.directory if snapshot is None else _line_around(snapshot), cli.asked_as("sql", form), sql)
        asked_of = opened(snapshot or _newest(printing.directory / SNAPSHOTS))
        answer = ask(asked_of, sql)
        title = f"As of {asked_of.size} records of {asked_of.origin}"
        if form == "table":
            outputs.print_table(answer.rows, [column.name for column in answer.columns], title, title)
        else:
            outputs.write(answer.rows, answer.columns, form, printing.out, title)


def _record(directory: Path | None, question: str, sql: str) -> None:
    """Record who asks what of a run's folder. Of an auditor's own copy, which lies in none, nobody can keep a record.

    That it was taken was recorded.
    """
    if directory is None:
        return
    cli.record(directory, question, sql=hidden_sql(sql, lambda word: terminal.hide(directory, word)))


def _line_around(snapshot: Path) -> Path | None:
    """The run's folder that a snapshot lies in, if any."""
    return next((folder for folder in snapshot.resolve().parents if (folder / "line.toml").is_file()), None)


def _newest(folder: Path) -> Path:
    sizes = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal()]
    return folder / str(max(sizes, default=0))
