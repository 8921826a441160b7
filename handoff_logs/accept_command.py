"""`witness accept`: the witness is shown, by its own administrator, that a log it cosigns has another key now."""

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter

from handoff_logs.errors import MalformedNoteError
from handoff_logs.notes import VerifierKey
from handoff_logs.proofs.errors import BrokenProofError, MalformedProofError
from handoff_logs.proofs.proof_file import ConsistencyProof, checkpoint_of, parse
from handoff_logs.proofs.strict_json import MAX_BYTES
from handoff_logs.proofs.verifying import Continued, verify
from handoff_logs.witness.cli import DEFAULT_DIRECTORY, FINDINGS, Directory
from handoff_logs.witness.errors import NoKeyChangeError, WitnessError
from handoff_logs.witness.store import KeyChange, Store

REFUSED = 2


def accept_command(
    proof: Annotated[Path, Parameter(help="The file that the log's people made with `passline logs prove-key`.")],
    /,
    *,
    log: Annotated[list[str], Parameter(help="A key of the log that you have, as for `serve`.", negative="")],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Believe the key that a log changed to, if the key before signed for it; a running witness sees it at once.

    The old key is believed no more above the size at which it ended. Compare the new key with what the log's people
    tell you on another way. Exit 1 if the proof does not hold.
    """
    from handoff_logs.witness.folder import open_witness

    try:
        with proof.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        keys = [VerifierKey.parse(one) for one in log]
        changes = accept(open_witness(directory).store, keys, data)
    except BrokenProofError as error:
        _fail(error, FINDINGS)
    except (OSError, MalformedNoteError, MalformedProofError, WitnessError) as error:
        _fail(error, REFUSED)
    for change, is_new in changes:
        word = "is" if is_new else "was already"
        print(f"{change.origin}: above {change.size} leaves {word} believed {change.new_key}")  # noqa: T201
        print(f"  and no more {change.old_key}")  # noqa: T201


def accept(store: Store, keys: Sequence[VerifierKey], data: bytes) -> list[tuple[KeyChange, bool]]:
    """Verify a proof of a log's changed key with one of `keys`, and keep what it shows: each change, and if it is new.

    A file that does not hold changes nothing. Raises BrokenProofError, MalformedProofError, NoKeyChangeError,
    KeyChangedOtherwiseError, StoreBusyError.
    """
    found = []
    for one in _told(keys, data).key_changes:
        change = KeyChange(one.key.name, one.leaf + 1, str(one.old), str(one.key))
        found.append((change, store.change_key(change, int(time.time()))))
    return found


def _told(keys: Sequence[VerifierKey], data: bytes) -> Continued:
    proof = parse(data)
    if not isinstance(proof, ConsistencyProof) or not proof.events:
        raise NoKeyChangeError
    origin = checkpoint_of(proof.new).origin
    for key in keys:
        if key.name == origin:
            with contextlib.suppress(BrokenProofError):
                return _continued(data, key)
    # Said of the key that was named first.
    return _continued(data, keys[0])


def _continued(data: bytes, key: VerifierKey) -> Continued:
    told = verify(data, key)
    if not isinstance(told, Continued) or not told.key_changes:
        raise NoKeyChangeError
    return told


def _fail(error: Exception, status: int) -> NoReturn:
    print(f"passline: {str(error)[:1].upper()}{str(error)[1:]}.", file=sys.stderr)  # noqa: T201
    sys.exit(status)
