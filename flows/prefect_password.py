"""The password of the line's own Prefect server: whoever may call it runs what they like as the line's account.

Prefect's server lets anybody who reaches its port set a deployment's steps, which are shell commands; on a shared
computer that is every account. Made once, readable by its owner alone.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from flows.run_folder import RunFolder

FILE: Final = "password"
USER: Final = "passline"
BYTES: Final = 32


def password_file(folder: RunFolder) -> Path:
    """Where it is kept, for whoever opens Prefect's pages."""
    return folder.prefect_home / FILE


def prefect_password(folder: RunFolder) -> str:
    """`passline:…`, as Prefect's AUTH_STRING settings and its pages take it; made at the first call."""
    path = password_file(folder)
    if not path.exists():
        _create(path)
    return path.read_text("ascii").strip()


def _create(path: Path) -> None:
    """Write a new one beside its place and link it there whole: a crash leaves no half, a race one winner."""
    fresh = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, f"{USER}:{secrets.token_urlsafe(BYTES)}\n".encode("ascii"))
        os.fsync(descriptor)
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        os.close(descriptor)
        fresh.unlink()
