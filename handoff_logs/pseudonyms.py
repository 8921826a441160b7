"""The key of a line's pseudonyms, and what stands for a word in a record that may not keep it."""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from handoff_logs.errors import HandoffLogError

KEY_FILE = "epcis-pseudonym.key"
KEY_BYTES = 32
PSEUDONYM_DIGITS = 32
"""Hexadecimal digits of the hash that are shown: 128 bits, as many as a unit's own id has."""
HIDDEN: Final = "hidden:"
"""Begins what stands for a word in a record that may not keep it: the same for the same word."""

# Names and operators of SQL say what was asked; between its quotes may stand anything.
_SQL: Final = re.compile(
    r"""'(?P<text>(?:[^']|'')*)'|"(?P<name>(?:[^"]|"")*)"|\$(?P<tag>\w*)\$(?P<dollar>.*?)\$(?P=tag)\$"""
    r"""|--[^\n]*|/\*.*?\*/|(?P<word>\w+)|(?P<sign>.)""",
    re.DOTALL,
)
_SQL_WORD: Final = re.compile(r"[A-Za-z_]{1,40}[0-9]{0,2}|[0-9]{1,6}", re.ASCII)


class PseudonymKeyError(HandoffLogError):
    """The key of the pseudonyms is missing, of another length, or open to others."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return f"the key {self.path} {self.fault}; nothing is answered or exported without it"


def hidden(key: bytes, word: str) -> str:
    """Return what stands for a word in the record of a look-up: nobody's number, the same each time.

    >>> hidden(bytes(32), "E1")
    '3dcc20f00e4daeec92cb9ca0284b6fa5'
    """
    return hmac.digest(key, f"asked:{word}".encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:PSEUDONYM_DIGITS]


def hidden_sql(sql: str, hide: Callable[[str], str]) -> str:
    """Return a statement of SQL as a record may keep it: what is quoted, and every long number, stands hidden.

    >>> hidden_sql("SELECT count(*) FROM unit WHERE number = 'EJ0000020' -- of 王", str.lower)
    "SELECT count(*) FROM unit WHERE number = 'hidden:ej0000020'"
    """

    def kept(found: re.Match[str]) -> str:
        quoted = [found[group] for group in ("text", "name", "dollar") if found[group] is not None]
        if quoted or (found["word"] and not _SQL_WORD.fullmatch(found["word"])):
            return f"'{HIDDEN}{hide(quoted[0] if quoted else found['word'])}'"
        sign = found["sign"]
        return found["word"] or (" " if sign is None else sign if sign.isascii() else "?")

    return " ".join(_SQL.sub(kept, sql).split())


def pseudonym_key(folder: Path) -> bytes:
    """Return the key of a run's key folder; made at the first call (folder 0700, file 0600), never replaced.

    Raises PseudonymKeyError when it is open to others or has another length.
    """
    path = folder / KEY_FILE
    if not path.exists():
        _create(path)
    mode, key = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if mode & 0o077:
        raise PseudonymKeyError(str(path), f"is open to others (mode {mode:04o}, wanted 0600)")
    if len(key) != KEY_BYTES:
        raise PseudonymKeyError(str(path), f"has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def _create(path: Path) -> None:
    """Write a new key beside its place and link it there whole: a crash leaves no half key, a race one winner."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_BYTES))
        os.fsync(descriptor)
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        os.close(descriptor)
        fresh.unlink()
