"""Who may query: a file of readers, readable by its owner alone, with the hashes of their tokens."""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from handoff_logs.errors import HandoffLogError

FILE = "epcis-readers.json"
TOKEN_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_NO_HASH = "0" * 64


class ReadersFileError(HandoffLogError):
    """The file of readers can't be trusted: open to others, or not what this program writes."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return f"the file of readers {self.path} {self.fault}; nobody is let in by it"


class ReaderNameError(HandoffLogError):
    """A reader's name that is taken, unknown or no name."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(name, fault)
        self.name, self.fault = name, fault

    def __str__(self) -> str:
        return f"reader {self.name!r} {self.fault}"


@dataclass(frozen=True, slots=True)
class Reader:
    """A party that may query; of its token only the SHA-256 is kept, which is enough for 256 random bits."""

    name: str
    token_hash: str
    created: str


class Readers:
    """The readers of one run's key folder. The file is read at each use: a token that is revoked is out at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def create(self, name: str) -> str:
        """Add a reader and return its token, which is shown this once. Raises ReaderNameError."""
        if not _NAME.fullmatch(name):
            raise ReaderNameError(name, "is no name: small letters, digits, dot, dash and underscore, at most 40")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._changing() as readers:
            if any(reader.name == name for reader in readers):
                raise ReaderNameError(name, "is there already; revoke it first")
            readers.append(Reader(name, _hash(token), datetime.now(UTC).isoformat(timespec="seconds")))
        return token

    def revoke(self, name: str) -> None:
        """Take a reader away. Raises ReaderNameError for one who isn't there."""
        with self._changing() as readers:
            kept = [reader for reader in readers if reader.name != name]
            if len(kept) == len(readers):
                raise ReaderNameError(name, "is not there")
            readers[:] = kept

    def all(self) -> list[Reader]:
        """Return the readers by name. Raises ReadersFileError."""
        try:
            mode, content = stat.S_IMODE(self._path.stat().st_mode), self._path.read_text("utf-8")
        except FileNotFoundError:
            return []
        if mode & 0o077:
            raise ReadersFileError(str(self._path), f"is open to others (mode {mode:04o}, wanted 0600)")
        try:
            return sorted((Reader(**row) for row in json.loads(content)), key=lambda reader: reader.name)
        except (ValueError, TypeError) as error:
            raise ReadersFileError(str(self._path), f"can't be read ({type(error).__name__})") from error

    def known_by(self, token: str) -> str | None:
        """Return the name of the reader whose token this is, or None. Takes as long for either, and for any reader."""
        shown, name = _hash(token), None
        for reader in [*self.all(), Reader("", _NO_HASH, "")]:
            if hmac.compare_digest(reader.token_hash, shown):
                name = reader.name
        return name

    @contextmanager
    def _changing(self) -> Iterator[list[Reader]]:
        """Lend the readers to one change at a time, and put them back whole."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            readers = self.all()
            yield readers
            fresh = self._path.with_name(f".{self._path.name}.{os.urandom(4).hex()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump([asdict(reader) for reader in readers], file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            os.close(lock)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
