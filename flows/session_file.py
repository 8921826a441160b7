"""The file that holds a terminal session's secret: its account's alone, one for each line's folder.

It lies with the account and not with the line: in XDG_RUNTIME_DIR, which the system empties when the account logs out,
or else in XDG_STATE_HOME. What is a link, or another's, or open to others is neither read nor written over.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from flows.errors import FlowError
from stations.people_register.terminal_sessions import Secret

MOST_BYTES: Final = 256
_FOLDERS: Final = ("passline", "sessions")
_CONTENT: Final = re.compile(rb"([0-9a-f]{32}) ([A-Za-z0-9_-]{43})\n")


class SessionFileRefusedError(FlowError):
    """A session's file, or the folder that it lies in, can't be trusted."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault
        self.next_step = f"Find out who made it so, delete {path}, and sign in anew: `passline sign-in`."

    def __str__(self) -> str:
        return f"{self.path} {self.fault}; nobody is signed in by it, and nothing was answered."


def read(line: Path) -> Secret | None:
    """The secret of the session on a line's folder; None where nobody signed in. Raises SessionFileRefusedError."""
    name = _name(line)
    with _opened(make=False) as (folder, descriptor):
        if descriptor is None:
            return None
        try:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SessionFileRefusedError(folder / name, f"can't be read: {error.strerror}") from error
        try:
            _require_own(folder / name, os.fstat(file), stat.S_ISREG)
            found = _CONTENT.fullmatch(os.read(file, MOST_BYTES))
        finally:
            os.close(file)
    if found is None:
        raise SessionFileRefusedError(folder / name, "is not what passline writes")
    return Secret(found[1].decode(), found[2].decode())


def write(line: Path, secret: Secret) -> Path:
    """Keep a secret in the place of an earlier one, whole or not at all; its path. Raises SessionFileRefusedError."""
    name = _name(line)
    with _opened(make=True) as (folder, descriptor):
        fresh = f".{name}.{os.urandom(4).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(fresh, flags, 0o600, dir_fd=descriptor)
        try:
            os.write(file, f"{secret.session_id} {secret.token}\n".encode())
            os.fsync(file)
            # Takes the place of a link itself, not of what it leads to.
            os.rename(fresh, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=descriptor)
            raise
        finally:
            os.close(file)
    return folder / name


def remove(line: Path) -> None:
    """Forget the secret of a line's folder, if there is one. Raises SessionFileRefusedError."""
    with _opened(make=False) as (_, descriptor):
        if descriptor is not None:
            with suppress(FileNotFoundError):
                os.unlink(_name(line), dir_fd=descriptor)


def _name(line: Path) -> str:
    """One for each folder, by whichever path it is named."""
    return hashlib.sha256(os.fsencode(os.path.realpath(line))).hexdigest()[:32]


@contextmanager
def _opened(*, make: bool) -> Iterator[tuple[Path, int | None]]:
    """The account's folder of sessions, opened; None where there is none and none is to be made."""
    folder = _base()
    for name in _FOLDERS:
        folder = folder / name
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield folder, None
        return
    except OSError as error:
        raise SessionFileRefusedError(folder, f"can't be opened: {error.strerror}") from error
    try:
        _require_own(folder, os.fstat(descriptor), stat.S_ISDIR)
        yield folder, descriptor
    finally:
        os.close(descriptor)


def _base() -> Path:
    """Where this account's programs keep such files; the runtime folder only if it is what it should be."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "-")
    with suppress(OSError):
        found = runtime.lstat()
        if runtime.is_absolute() and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == stat.S_IRWXU:
            return runtime
    state = Path(os.environ.get("XDG_STATE_HOME") or "-")
    return state if state.is_absolute() else Path.home() / ".local" / "state"


def _require_own(path: Path, found: os.stat_result, is_wanted: Callable[[int], bool]) -> None:
    """Raise SessionFileRefusedError unless it is of the wanted kind, this account's, and closed to all others."""
    faults = {
        "is a link, or no file at all": not is_wanted(found.st_mode),
        "belongs to another account": found.st_uid != os.geteuid(),
        f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})": bool(found.st_mode & 0o077),
        "has a second name": stat.S_ISREG(found.st_mode) and found.st_nlink != 1,
    }
    for fault, holds in faults.items():
        if holds:
            raise SessionFileRefusedError(path, fault)
