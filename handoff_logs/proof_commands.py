"""`logs prove`, `prove-key`, `check`, `consistency`, `line`, `check-line`: what leaves the log to be verified.

Whoever has an earlier key of the log than its present one verifies all of it too.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from cyclopts import Parameter

from handoff_logs import cli, opened, outputs
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.cli import AS_USUAL, DEFAULT_DIRECTORY, FINDINGS, HELP, UNKNOWN, Directory, Output, Printing
from handoff_logs.errors import HandoffLogError
from handoff_logs.notes import Note, VerifierKey
from handoff_logs.proofs import making
from handoff_logs.proofs.errors import BrokenProofError, LineNotContainedError
from handoff_logs.proofs.proof_file import ConsistencyProof, checkpoint_of, parse
from handoff_logs.proofs.spoken_line import SpokenLine
from handoff_logs.proofs.strict_json import MAX_BYTES
from handoff_logs.proofs.verifying import NOT_SAID, Continued, Verified, verify
from handoff_logs.questions.answers import Column, Type
from handoff_logs.reading import Reading
from handoff_logs.records import Scalar
from handoff_logs.terminal import Audience

T = TypeVar("T")

Key = Annotated[
    Path | None, Parameter(name="--key", help="The log's public key, as in its log.pub; an earlier one does too.")
]
Witnesses = Annotated[
    list[str] | None,
    Parameter(name="--witness", negative="", help="Public key of a witness that must have seen it; again for each."),
]
Number = Annotated[str, Parameter(help=HELP["number"])]

SHOWN = ("happened", "act", "kind", "number", "state", "where", "people", "signed_by", "sealed")
COLUMNS = tuple(Column(name, kind) for name, kind in {
    "leaf": Type.INTEGER, "unit_id": Type.TEXT, "number": Type.TEXT, "kind": Type.TEXT, "step": Type.INTEGER,
    "act": Type.TEXT, "state": Type.TEXT, "station": Type.TEXT, "place": Type.TEXT, "person": Type.TEXT,
    "second_person": Type.TEXT, "signed_by": Type.TEXT, "key_id": Type.TEXT, "happened_us": Type.TIME,
    "written_us": Type.TIME, "event_id": Type.TEXT, "emulated": Type.FLAG,
}.items())  # fmt: skip
"""Of a verified step, for files."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9-]+")


def prove(
    number: Number,
    /,
    *,
    out: Annotated[Path | None, Parameter(name="--out", help="The file to write, else NUMBER.proof.json here.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Write one file that proves the whole custody of a number to whoever has the log's public key."""
    path = out or Path(f"{_NOT_IN_A_NAME.sub('-', number)}.proof.json")

    def proved(reading: Reading) -> tuple[bytes, VerifierKey, int]:
        proof = making.prove(reading, number)
        absent = opened.absent_count(reading, (str(one.event["event_id"]) for one in proof.events))
        return proof.encode(), making.log_key(reading, checkpoint_of(proof.note).size), absent

    proof, key, absent = _ask(directory, proved, "proof", Audience.READERS, number=number)
    # What the database says may be damaged: nobody is given a file that proves nothing.
    told = _proven(proof, key)
    _write(path, proof)
    _say(f"{path}: {_summary(told)}")
    if absent:
        _say(
            f"Of its records, {absent} rows are of units of years that are not opened here; they are not in the proof."
        )


def prove_key(
    *,
    out: Annotated[Path, Parameter(name="--out", help="The file to write.")] = Path("log-key.proof.json"),
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Write one file that shows the log's present key to whoever has an earlier one: an auditor, or its witness."""

    def proved(reading: Reading) -> tuple[bytes, VerifierKey]:
        proof = making.prove_key(reading)
        return proof.encode(), making.log_key(reading, checkpoint_of(proof.new).size)

    proof, key = _ask(directory, proved, "prove-key")
    told = _proven(proof, key)
    _write(out, proof)
    _say(f"{out}: {_summary(told)}")
    _say_key_changes(told)


def check(
    proof: Annotated[Path | None, Parameter(help="A proof to verify; without one, the run's own log.")] = None,
    /,
    *,
    key: Key = None,
    witness: Witnesses = None,
    printing: Printing = AS_USUAL,
) -> None:
    """Verify a proof offline, or recompute every custody rule from the records; exit 1 if one does not hold."""
    if proof is None:
        if key is not None or witness:
            _fail("--key and --witness verify a proof; name its file.", UNKNOWN)
        cli.check_rules(printing)
        return
    form = printing.form()
    if key is None:
        _fail("A proof is verified with the log's public key; give it with --key log.pub.", UNKNOWN)
    data, log_key = _read(proof), _read_key(key)
    witnesses = _held(lambda: [VerifierKey.parse(one) for one in witness or ()])
    _print(_proven(data, log_key, witnesses, form), form, printing.out)


def consistency(
    old: Annotated[Path, Parameter(help="A signed checkpoint, or a proof, which has one.")],
    new: Annotated[Path | None, Parameter(help="The later one; without it, the log's newest checkpoint.")] = None,
    /,
    *,
    key: Key = None,
    out: Annotated[Path | None, Parameter(name="--out", help="Write the proof, for others to check.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Prove that the log still begins with what an earlier checkpoint signed; exit 1 if it does not."""
    earlier, later = _read_note(old), None if new is None else _read_note(new)
    given = None if key is None else _read_key(key)

    def prove_between(reading: Reading) -> tuple[bytes, VerifierKey]:
        proof = making.prove_consistency(reading, earlier, later, given)
        return proof.encode(), given or making.log_key(reading, checkpoint_of(proof.new).size)

    proof, log_key = _ask(directory, prove_between, "consistency")
    told = _proven(proof, log_key)
    if out is not None:
        _write(out, proof)
    _print(told, "table")


def line(
    *,
    size: Annotated[int | None, Parameter(help="Of the checkpoint with so many records; else the newest.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Print the line that two people sign at the shift's close: the log's name, its size and its root's beginning."""

    def signed(reading: Reading) -> Checkpoint:
        return making.signed_checkpoint_of(reading, size)

    _say(str(SpokenLine.of(_ask(directory, signed, "line", size=size))))


def check_line(
    *text: Annotated[str, Parameter(help="The line as it was printed.")], directory: Directory = DEFAULT_DIRECTORY
) -> None:
    """Say whether the log still contains what a printed line says; exit 1 if it does not, 2 if it was mistyped."""
    spoken = _held(lambda: SpokenLine.parse(" ".join(text)))

    def compare(reading: Reading) -> None:
        spoken.expect(making.leaves_at(reading, spoken.size), making.origin(reading))

    try:
        _ask(directory, compare, "check-line", size=spoken.size)
    except LineNotContainedError as error:
        _fail(_sentence(error), FINDINGS)
    _say(f"The log still contains {spoken}.")


def _ask(
    directory: Path,
    question: Callable[[Reading], T],
    name: str,
    audience: Audience = Audience.ANYBODY,
    /,
    **parameters: Scalar,
) -> T:
    def ask() -> T:
        with cli.asked_of(directory, name, audience, **parameters) as reading:
            return question(reading)

    return _sound(lambda: _held(ask))


def _held(work: Callable[[], T]) -> T:
    """Return what `work` returns; what can't be read or asked ends the command, what does not hold is raised."""
    try:
        return work()
    except (BrokenProofError, LineNotContainedError):
        raise
    except HandoffLogError as error:
        _fail(_sentence(error), UNKNOWN)


def _proven(
    proof: bytes, key: VerifierKey, witnesses: Sequence[VerifierKey] = (), output: str = "table"
) -> Verified | Continued:
    return _sound(lambda: _held(lambda: verify(proof, key, witnesses)), output)


def _sound(work: Callable[[], T], output: str = "table") -> T:
    """Return what `work` returns; what does not hold ends the command."""
    try:
        return work()
    except BrokenProofError as error:
        if output == "json":
            _say(json.dumps({"holds": False, "place": error.place, "fault": error.fault}, ensure_ascii=False, indent=2))
        _fail(_sentence(error), FINDINGS)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        _fail(f"Can't read {path}: {error.strerror}.", UNKNOWN)


def _read_key(path: Path) -> VerifierKey:
    return _held(lambda: VerifierKey.parse(_read(path).decode("utf-8", "replace").strip()))


def _read_note(path: Path) -> Note:
    """Return the note in a file: itself one, or the newest checkpoint of a proof."""
    data = _read(path)
    if data.lstrip().startswith(b"{"):
        proof = _held(lambda: parse(data))
        return proof.new if isinstance(proof, ConsistencyProof) else proof.note
    note = _held(lambda: Note.parse(data))
    _held(lambda: Checkpoint.parse(note.text))
    return note


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        _fail(f"Can't write {path}: {error.strerror}.", UNKNOWN)


def _print(told: Verified | Continued, form: Output, out: Path | None = None) -> None:
    if form == "json" and out is None:
        _say(json.dumps(_facts(told), ensure_ascii=False, indent=2))
        return
    if isinstance(told, Continued):
        _say(f"The proof holds: {_summary(told)}")
        _say_key_changes(told)
        return
    title = f"The proof holds: {_summary(told)}"
    if form != "table":
        outputs.write(told.steps, COLUMNS, form, out, title)
        return
    shown = [row | {"sealed": "not yet" if row["leaf"] is None else f"leaf {row['leaf']}"} for row in told.steps]
    outputs.print_table(shown, SHOWN, title, title)
    _say_key_changes(told)
    _say(NOT_SAID)


def _summary(told: Verified | Continued) -> str:
    if isinstance(told, Continued):
        return f"{SpokenLine.of(told.new)} continues {SpokenLine.of(told.old)}"
    seen = [f"witnessed by {one.witness} at {_local(one.time_s)}" for one in told.witnessed]
    seen += [f"cosigned by {name} (not checked: its key was not given)" for name in told.unchecked]
    waiting = sum(row["leaf"] is None for row in told.steps)
    return (
        f"{len(told.steps)} steps under {SpokenLine.of(told.checkpoint)}, {'; '.join(seen) or 'not witnessed'}"
        + f"; {waiting} of them not sealed yet: only signatures stand for these" * bool(waiting)
    )


def _say_key_changes(told: Verified | Continued) -> None:
    for sentence in cli.key_changes((one.leaf, str(one.key)) for one in told.key_changes):
        _say(sentence)


def _facts(told: Verified | Continued) -> dict[str, Any]:
    if isinstance(told, Continued):
        lines = {"old": str(SpokenLine.of(told.old)), "new": str(SpokenLine.of(told.new))}
        return {"holds": True, **lines, "key_changes": _changes(told)}
    return {
        "holds": True,
        "origin": told.checkpoint.origin,
        "size": told.checkpoint.size,
        "root": told.checkpoint.root.hex(),
        "line": str(SpokenLine.of(told.checkpoint)),
        "witnessed": [{"witness": one.witness, "time_s": one.time_s} for one in told.witnessed],
        "unchecked_witnesses": list(told.unchecked),
        "key_changes": _changes(told),
        "steps": told.steps,
        "not_said": NOT_SAID,
    }


def _changes(told: Verified | Continued) -> list[dict[str, Any]]:
    return [{"leaf": one.leaf, "key": str(one.key)} for one in told.key_changes]


def _local(time_s: int) -> str:
    # A witness's clock may show what no calendar does.
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(time_s, UTC).astimezone().isoformat(" ", "seconds")
    return f"second {time_s}"


def _sentence(error: HandoffLogError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 a command's own voice


def _fail(sentence: str, status: int) -> NoReturn:
    print(f"passline: {sentence}", file=sys.stderr)  # noqa: T201 a command's own voice
    sys.exit(status)
