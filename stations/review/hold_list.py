"""The hold list: persons whose applications wait, as keyed hashes in a file that the log vouches for.

Each list is a file named by its own SHA-256; the register says which one is in force, so a list that was changed or
taken away beside the log is noticed, and a crash leaves the one before in force. Resident ID numbers are in no file.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.records import Party
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations import resident_id
from stations.people import Role
from stations.personal import PersonalData
from stations.review.errors import HoldListDiffersError, HoldListLineError, HoldListUnreadableError
from stations.review.facts import Hold

KEEPERS = (Role.LEAD,)
"""Who sets the list."""

_SUBJECT, _DIGEST, _COUNT = "persons", "sha256", "count"


@dataclass(frozen=True, slots=True)
class InForce:
    """The list in force, by the register: the SHA-256 of its file and how many persons are on it."""

    sha256: str
    count: int


def lines_of(file: Path) -> list[str]:
    """The lines of a list as it was sent. Raises HoldListUnreadableError."""
    try:
        return file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise HoldListUnreadableError(str(file), error.strerror or "no such file") from None
    except UnicodeDecodeError:
        raise HoldListUnreadableError(str(file), "it is no text") from None


def keys_of(lines: Sequence[str], personal: PersonalData) -> frozenset[str]:
    """The keyed hashes of resident ID numbers, one a line; empty lines and what follows a # don't count.

    Raises HoldListLineError for the first line that is no such number; it is not repeated.
    """
    keys = set()
    for position, line in enumerate(lines, 1):
        if not (number := line.partition("#")[0].strip()):
            continue
        try:
            keys.add(personal.person_key(resident_id.parse(number).number))
        except ValueError as error:
            raise HoldListLineError(position, str(error)) from None
    return frozenset(keys)


def write(folder: Path, keys: frozenset[str]) -> InForce:
    """Write a list's file, whole or not at all, readable by its owner alone; it is not in force yet."""
    content = "".join(f"{key}\n" for key in sorted(keys)).encode()
    written = InForce(hashlib.sha256(content).hexdigest(), len(keys))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{written.sha256}.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / written.sha256)
    return written


def put_in_force(tx: Connection, by: Party, written: InForce, stamp: Stamp) -> InForce | None:
    """Record that a written list is the one from now on, signed by who set it; the one that was before.

    That is the same one where it was in force already: then nothing is recorded.
    """
    before = in_force(tx)
    if before != written:
        facts = {_DIGEST: written.sha256, _COUNT: str(written.count)}
        entries = [Entry(Register.HOLD_LIST, _SUBJECT, field, value) for field, value in facts.items()]
        register.record(tx, by, None, entries, stamp)
    return before


def remove(folder: Path, replaced: InForce) -> None:
    """Remove the file of a list that is in force no more."""
    (folder / replaced.sha256).unlink(missing_ok=True)


def in_force(conn: Connection) -> InForce | None:
    """What the register says of the list in force; None where none was ever set."""
    facts = register.state(conn, Register.HOLD_LIST)
    if (_SUBJECT, _DIGEST) not in facts:
        return None
    return InForce(facts[_SUBJECT, _DIGEST], int(facts[_SUBJECT, _COUNT]))


def persons(folder: Path, listed: InForce) -> frozenset[str]:
    """The keyed hashes of a list. Raises HoldListDiffersError where its file is gone or is not what was recorded."""
    try:
        return _read(folder / listed.sha256, (folder / listed.sha256).stat().st_mtime_ns)
    except (OSError, ValueError):
        raise HoldListDiffersError(listed.sha256) from None


def holds(conn: Connection, folder: Path | None, person_keys: Sequence[str]) -> list[Hold]:
    """What the list in force says of each person."""
    if folder is None or (listed := in_force(conn)) is None:
        return [Hold.NO_LIST] * len(person_keys)
    try:
        found = persons(folder, listed)
    except HoldListDiffersError:
        return [Hold.DIFFERS] * len(person_keys)
    return [Hold.HELD if key in found else Hold.FREE for key in person_keys]


# A few lists at most are of any use; a touched file is read and compared anew.
@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int) -> frozenset[str]:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.name:
        raise ValueError
    return frozenset(content.decode("ascii").split())
