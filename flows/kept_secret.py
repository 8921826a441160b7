"""Secrets that a line is configured with: in a file of its owner's alone or in the environment, never in line.toml."""

import os
from collections.abc import Mapping

from flows.run_folder import RunFolder


class SecretRefusedError(Exception):
    """A secret can't be read; `reason` follows the name of its place in a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def secret_place(file: str | None, variable: str | None) -> str:
    """Where a secret is, in words: one of the two is given."""
    return file if file is not None else f"the variable {variable}"


def kept_secret(
    folder: RunFolder, file: str | None, variable: str | None, environment: Mapping[str, str], *, longest: int
) -> str:
    """The secret in a file of the folder's or in a variable; a longer one is cut so that it still is too long.

    Raises SecretRefusedError.
    """
    if file is None:
        return environment.get(variable or "", "").strip()
    try:
        with (folder.path / file).open("r", encoding="utf-8") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise SecretRefusedError("is open to others; make it its owner's alone: chmod 600")
            return opened.read(longest + 2).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretRefusedError(f"can't be read ({type(error).__name__})") from None
