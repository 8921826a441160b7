"""`witness`: make, run and look at the witness of a handoff log, on a machine that the centre does not administer."""

import base64
import json
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, validators

FINDINGS = 1
"""Exit code: a log has signed what does not continue what was cosigned."""

Directory = Annotated[Path, Parameter(name="--dir", help="The witness's own folder: its key and its store.")]
Output = Annotated[Literal["text", "json"], Parameter(name="--output", help="How to print.")]

DEFAULT_DIRECTORY = Path(".passline-witness")
PORT = 8474

app = App(name="witness", help="The witness that lets a handoff log only grow.")


@app.command
def init(
    *,
    name: Annotated[str, Parameter(help="The name in its key, such as ministry.example/witness.")],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Make a witness: its key, readable by this user alone, and an empty store. Print its public key for the log."""
    from handoff_logs.witness.folder import make_witness

    _print(str(make_witness(directory, name)))


@app.command
def serve(
    *,
    log: Annotated[list[str], Parameter(help="Public key of a log to cosign; again for each log.", negative="")],
    directory: Directory = DEFAULT_DIRECTORY,
    host: Annotated[str, Parameter(help="The address to answer on.")] = "127.0.0.1",
    port: Annotated[
        int,
        Parameter(help="The port to answer on; 0 takes a free one.", validator=validators.Number(gte=0, lte=65_535)),
    ] = PORT,
) -> None:
    """Cosign the checkpoints of these logs until Ctrl-C. Print the address; events go to standard error as JSON."""
    from handoff_logs.notes import VerifierKey
    from handoff_logs.witness.cosigner import Cosigner
    from handoff_logs.witness.errors import AddressTakenError
    from handoff_logs.witness.folder import open_witness
    from handoff_logs.witness.server import serve as answer

    key, sign, store = open_witness(directory)
    cosigner = Cosigner(key, sign, store, [VerifierKey.parse(one) for one in log])
    _set_up_log()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise AddressTakenError(host, port, str(error)) from error
    with listener:
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        _print(f"http://{shown}:{listener.getsockname()[1]}")
        answer(cosigner, listener)


app.command(
    "handoff_logs.accept_command:accept_command",
    name="accept",
    help="""Believe the key that a log changed to, if the key before signed for it; a running witness sees it at once.

The old key is believed no more above the size at which it ended. Compare the new key with what the log's people
tell you on another way. Exit 1 if the proof does not hold.
""",
)


@app.command
def show(*, directory: Directory = DEFAULT_DIRECTORY, output: Output = "text") -> None:
    """Print the public key, each log's last cosigned checkpoint and the evidence of two histories; exit 1 on such."""
    from handoff_logs.witness.folder import open_witness

    key, _, store = open_witness(directory)
    cosigned, evidence, changes = store.cosigned(), store.evidence(), store.key_changes()
    if output == "json":
        facts: dict[str, Any] = {"key": str(key), "cosigned": _plain(cosigned), "evidence": _plain(evidence)}
        facts["key_changes"] = [change._asdict() for change in changes]
        _print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        _print(str(key))
        for row in cosigned:
            _print(f"{_tree(row)}, last cosigned {_local(row['time_s'])}")
        for change in changes:
            _print(f"{change.origin}: above {change.size} leaves its key is {change.new_key}")
        for row in evidence:
            word = "REFUSED" if row["proven_s"] is None else "refused, later proven:"
            _print(f"{word} {_tree(row)}, at {_local(row['time_s'])}: {row['reason']}, {row['cosigned_size']} cosigned")
    if any(row["proven_s"] is None for row in evidence):
        sys.exit(FINDINGS)


def _tree(row: dict[str, Any]) -> str:
    return f"{row['origin']}: {row['size']} leaves, root {base64.b64encode(row['root']).decode()}"


def _local(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).astimezone().isoformat(" ")


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for JSON: roots as base64, notes as the text they are."""
    return [
        {name: value.decode() if name.endswith("note") else value for name, value in row.items()}
        | {"root": base64.b64encode(row["root"]).decode()}
        for row in rows
    ]


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 a command's own voice


def _set_up_log() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
