"""Who asks at the terminal: nobody is answered there before the log has recorded who asked what."""

import os
import pwd
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from handoff_logs.asking import Asking
from handoff_logs.pseudonyms import hidden, pseudonym_key

KEYS = "keys"
"""The folder of a run that holds its keys, beside the database and not in it."""


class Audience(StrEnum):
    """Who may have an answer."""

    READERS = "readers"
    """It tells of documents or people."""
    OVERSEERS = "overseers"
    """It tells what others looked up."""
    ANYBODY = "anybody"
    """It tells of the log as a whole, its size and root and whether it holds; recorded all the same."""


class Asker(NamedTuple):
    """Who asks, as the record of a look-up names them; `session`: the id of their session at a terminal."""

    reader: str
    session: str | None = None


def account() -> str:
    """Return the account that runs this, as the system knows it: the environment's word could be anybody's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def unsigned(_directory: Path, _audience: Audience) -> Asker:
    """Return the account that asks, where nobody signs in."""
    return Asker(f"unsigned:{account()}")


who_asks: Callable[[Path, Audience], Asker] = unsigned
"""Who asks the log of a run's folder, or raises a refusal; the program that signs people in puts its own here."""


def asking(url: str, directory: Path) -> Asking:
    """Return what asks the log of a run's folder; its key of pseudonyms is read once something is to be hidden."""
    return Asking(url, lambda word: hide(directory, word))


def hide(directory: Path, word: str) -> str:
    """Return what stands for a word in the records of a run's folder. Raises PseudonymKeyError."""
    return hidden(pseudonym_key(directory / KEYS), word)
