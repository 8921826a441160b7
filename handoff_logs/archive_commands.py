"""`logs archive`, `check-archive`, `open-archive`, `archives`: a year's custody in files, and what becomes of them."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

from cyclopts import Parameter

from handoff_logs import cli, outputs
from handoff_logs.archive import custody
from handoff_logs.archive.errors import BrokenArchiveError
from handoff_logs.archive.records import Recorded, recorded
from handoff_logs.archive.years import ids_of
from handoff_logs.cli import AS_USUAL, DEFAULT_DIRECTORY, FINDINGS, UNKNOWN, Directory, Printing
from handoff_logs.errors import HandoffLogError
from handoff_logs.notes import VerifierKey
from handoff_logs.opened import refuse_opened
from handoff_logs.questions.answers import Column, Type
from handoff_logs.reading import Reading, Row
from handoff_logs.records import Scalar

if TYPE_CHECKING:
    from handoff_logs.archive.checking import Checked

T = TypeVar("T")

MAX_KEY = 4_096
"""Bytes of a public key's file."""

NOT_SAID = (
    "It does not say that no record was left out of it: whether it is the archive that two people recorded,"
    " `passline logs verify --archive FOLDER` tells from the log, and `passline logs archives` lists its SHA-256."
)

Keys = Annotated[
    tuple[Path, ...],
    Parameter(name="--key", negative="", help="The log's public key (log.pub); again, if a loss was declared."),
]
Witnesses = Annotated[
    tuple[Path, ...],
    Parameter(name="--witness", negative="", help="Public key of a witness that must have seen it; again for each."),
]
Output = Annotated[Literal["table", "json"], Parameter(name="--output", help="How to print.")]

COLUMNS = tuple(Column(name, kind) for name, kind in {
    "year": Type.INTEGER, "manifest": Type.TEXT, "rows": Type.INTEGER, "checkpoint": Type.TEXT, "person": Type.TEXT,
    "second_person": Type.TEXT, "written_us": Type.TIME, "leaf": Type.INTEGER, "counts": Type.FLAG,
    "still_here": Type.INTEGER, "last_written_us": Type.TIME, "event_id": Type.TEXT, "emulated": Type.FLAG,
}.items())  # fmt: skip
SHOWN = ("year", "manifest", "checkpoint", "people", "sealed", "in_log", "last_written")


def archive(
    year: Annotated[
        int, Parameter(help="A year that is over; units belong to the year (UTC) that their ids begin with.")
    ],
    /,
    *,
    out: Annotated[Path, Parameter(name="--out", help="The new folder.")],
    without_numbers: Annotated[
        bool, Parameter(name="--without-numbers", negative="", help="Leave numbers and their salts out.")
    ] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Put a year's custody away in files that prove themselves; the log keeps its rows."""
    from handoff_logs.archive.making import make

    made = _ask(
        directory, "export archive", lambda reading: make(reading, year, out, numbers=not without_numbers), year=year
    )
    manifest, newest = made.manifest, made.manifest.newest
    mark = "EMULATED log: " if manifest.emulated else ""
    seen = ", ".join(one.witness for one in newest.cosignatures)
    _say(
        f"{mark}{out}: {manifest.rows:,} rows of {year} under the first {newest.checkpoint.size:,} records of"
        f" {newest.checkpoint.origin}, {f'cosigned by {seen}' if seen else 'not witnessed'}"
    )
    if made.numbers:
        _say(f"{made.numbers:,} numbers with their salts are in it: only its owner can read it, keep it so")
    if made.still_here:
        here = ", ".join(f"{units:,} {kind}s {state}" for kind, state, units in made.still_here)
        _say(f"Still in custody, so the log has more to say of them: {here}")
    _say(f"SHA-256 {manifest.digest}; let two administrators record it: passline logs record-archive {out}")


def check_archive(
    folder: Annotated[Path, Parameter(help="An archive's folder.")],
    /,
    *,
    key: Keys,
    witness: Witnesses = (),
    output: Output = "table",
) -> None:
    """Verify an archive offline, without a database; exit 1 if it is broken, 2 on findings or if it can't be read."""
    from handoff_logs.archive.checking import check
    from handoff_logs.verify.progress import shown

    keys, witnesses = _keys(key), _keys(witness)
    with shown() as progress:
        checked = _held(lambda: check(folder, keys, witnesses, progress), output)
    _print(checked, output)
    sys.exit(checked.verdict.exit_code)


def open_archive(
    folders: Annotated[tuple[Path, ...], Parameter(help="Archives of different years of one log.", negative="")],
    /,
    *,
    out: Annotated[Path, Parameter(name="--out", help="The new folder, to be asked with --dir.")],
    key: Keys,
    witness: Witnesses = (),
    output: Output = "table",
) -> None:
    """Open archives in a new folder that answers questions and makes proofs; exit as `check-archive`."""
    from handoff_logs.archive.opening import open_archives
    from handoff_logs.verify.progress import shown

    keys, witnesses = _keys(key), _keys(witness)
    if not folders:
        _fail("Name the folder of an archive, or of several.", UNKNOWN)
    with shown() as progress:
        checked = _held(lambda: open_archives(folders, out, keys, witnesses, progress), output)
    _print(checked, output)
    if out.is_dir():
        sys.stderr.write(f"passline: opened in {out}; ask it: passline logs document NUMBER --dir {out}\n")
    sys.exit(checked.verdict.exit_code)


def archives(*, printing: Printing = AS_USUAL) -> None:
    """List the archives that two people recorded, and whether their years' rows may leave the log."""
    form = printing.form()
    rows = _ask(printing.directory, cli.asked_as("archives", form), _listed)
    if form != "table":
        outputs.write(rows, COLUMNS, form, printing.out, "Recorded archives")
        return
    shown = [
        row
        | {
            "sealed": "not yet" if row["leaf"] is None else f"leaf {row['leaf']}",
            "in_log": "gone" if row["last_written_us"] is None else f"{row['still_here']} in custody",
            "year": row["year"] if row["counts"] else f"{row['year']} (replaced)",
        }
        for row in rows
    ]
    outputs.print_table(shown, SHOWN, "Recorded archives", "No archive was recorded")


def _listed(reading: Reading) -> list[Row]:
    refuse_opened(reading)
    records = recorded(reading)
    latest = {one.year: one for one in records}
    return [_row(reading, one, counts=latest[one.year] is one) for one in records]


def _row(reading: Reading, one: Recorded, *, counts: bool) -> Row:
    ids = ids_of(one.year)
    here = sum(kept.units for kept in custody.still_here(reading, ids))
    return _fact(one) | {"counts": counts, "still_here": here, "last_written_us": custody.last_written_us(reading, ids)}


def _fact(one: Recorded) -> Row:
    row = one._asdict()
    del row["epoch"]
    return row


def _print(checked: "Checked", output: str) -> None:
    from handoff_logs.verify import report

    verdict, manifests = checked.verdict, checked.manifests
    if output == "json":
        facts = report.as_json(verdict)
        del facts["open_offers"], facts["unsealed"]
        archived = [{"year": one.year, "sha256": one.digest, "rows": one.rows} for one in manifests]
        witnessed = [{"witness": one.witness, "time_s": one.time_s} for one in checked.witnessed]
        facts["recorded_before"] = [_fact(one) for one in checked.recorded]
        facts |= {"archives": archived, "born": checked.units, "numbers": checked.numbers, "witnessed": witnessed}
        _say(json.dumps(facts | {"not_said": NOT_SAID}, ensure_ascii=False, indent=2))
        return
    _say(_summary(checked))
    outputs.print_table(report.step_rows(verdict), ("step", "what", "outcome"), "The archive's verification", "")
    if verdict.problems:
        columns = ("finding", "step", "rule", "subject", "explained_by")
        outputs.print_table(report.problem_rows(verdict), columns, "What does not hold", "")
    for one in manifests:
        _say(f"{one.year}: SHA-256 {one.digest}")
    for record in checked.recorded:
        _say(f"On record under this checkpoint: {record.year}, SHA-256 {record.manifest}, leaf {record.leaf}")
    _say(NOT_SAID)


def _summary(checked: "Checked") -> str:
    verdict = checked.verdict
    years = ", ".join(str(one.year) for one in checked.manifests)
    newest = checked.manifests[-1].newest.checkpoint
    seen = "; ".join(f"cosigned by {one.witness} at {_local(one.time_s)}" for one in checked.witnessed)
    return (
        f"{'EMULATED log: ' if verdict.emulated else ''}{years}: {checked.units:,} units born, the numbers of"
        f" {checked.numbers:,}; {verdict.units:,} of their steps in {verdict.events:,} of the {newest.size:,} records"
        f" of {newest.origin}; {seen or 'not witnessed'}"
    )


def _local(time_s: int) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return f"second {time_s}"


def _ask(directory: Path, name: str, question: Callable[[Reading], T], **parameters: Scalar) -> T:
    def ask() -> T:
        with cli.asked_of(directory, name, **parameters) as reading:
            return question(reading)

    return _held(ask)


def _held(work: Callable[[], T], output: str = "table") -> T:
    try:
        return work()
    except BrokenArchiveError as error:
        if output == "json":
            broken: dict[str, Any] = {"verdict": "broken", "place": error.place, "fault": error.fault}
            _say(json.dumps(broken, ensure_ascii=False, indent=2))
        _fail(_sentence(error), FINDINGS)
    except HandoffLogError as error:
        _fail(_sentence(error), UNKNOWN)


def _keys(paths: Sequence[Path]) -> list[VerifierKey]:
    return [_held(lambda path=path: VerifierKey.parse(_text(path))) for path in paths]  # type: ignore[misc]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY).decode("utf-8", "replace").strip()
    except OSError as error:
        _fail(f"Can't read {path}: {error.strerror}.", UNKNOWN)


def _sentence(error: HandoffLogError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 a command's own voice


def _fail(sentence: str, status: int) -> NoReturn:
    sys.stderr.write(f"passline: {sentence}\n")
    sys.exit(status)
