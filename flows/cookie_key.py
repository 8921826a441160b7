"""The key that signs the pages' cookies: made once in the run's key folder, readable by its owner alone."""

import os
import stat
from pathlib import Path
from typing import Final

from flows.errors import FlowError

FILE: Final = "pages-cookie.key"
BYTES: Final = 32


class CookieKeyRefusedError(FlowError):
    """The key is open to others or has another length."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault
        self.next_step = f"Delete {path}: the next start makes a new one, and whoever is signed in signs in again."

    def __str__(self) -> str:
        return f"The key {self.path} {self.fault}; the pages were not started."


def cookie_key(folder: Path) -> bytes:
    """The key in a folder of keys, made at the first call. Raises CookieKeyRefusedError."""
    path = folder / FILE
    if not path.exists():
        _create(path)
    mode, key = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if mode & 0o077:
        raise CookieKeyRefusedError(path, f"is open to others (mode {mode:04o}, wanted 0600)")
    if len(key) != BYTES:
        raise CookieKeyRefusedError(path, f"has {len(key)} bytes instead of {BYTES}")
    return key


def _create(path: Path) -> None:
    """Write a new key beside its place and link it there whole: a crash leaves no half key, a race one winner."""
    fresh = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(BYTES))
        os.fsync(descriptor)
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        os.close(descriptor)
        fresh.unlink()
