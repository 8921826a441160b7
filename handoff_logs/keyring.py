"""The private keys that a process signs with: one file a key, readable by its owner alone, its last number beside it.

A key's file is named `<owner>.<key id>.key` (PKCS 8, PEM), owners as `station-review`; a person's own is under their
PIN and named `….locked`; a revoked one is renamed to `….retired`. Beside it, `….number` holds the last number that the
key gave to a committed record and never goes back: a database that knows fewer was restored or cut.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from handoff_logs import pins
from handoff_logs.errors import KeyFileRefusedError, KeyMissingError, WrongPinError

SYNC_EVERY_S = 1.0
"""How far the numbers on disk may lag behind after a power loss; they lag, they never run ahead."""
KEY_ID_LENGTH = 16
NUMBER_WIDTH = 20
"""Digits of a number file: overwritten in place, so that no crash leaves half a number."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What others know of a key: its id (16 hex characters), its owner and the key itself (base64 of 32 bytes)."""

    key_id: str
    owner: str
    public: str


class KeyFileState(StrEnum):
    """How a key's file lies in the folder."""

    KEY = "key"
    LOCKED = "locked"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key's file in a folder, by its name alone."""

    path: Path
    owner: str
    key_id: str
    state: KeyFileState


def station_owner(station: str) -> str:
    """Return the owner under which a station's key is registered.

    >>> station_owner("review")
    'station:review'
    """
    return f"station:{station}"


def person_owner(person: str) -> str:
    """Return the owner under which a person's own key is registered."""
    return f"person:{person}"


def public_of(private: Ed25519PrivateKey, owner: str) -> PublicKey:
    """Return a private key's public side; its id is the beginning of the public key's SHA-256."""
    return registered_as(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), owner)


def registered_as(public: bytes, owner: str) -> PublicKey:
    """Return how a public key (32 bytes) is registered."""
    return PublicKey(hashlib.sha256(public).hexdigest()[:KEY_ID_LENGTH], owner, base64.b64encode(public).decode())


class SigningKey:
    """One private key and the last number it gave out."""

    def __init__(self, path: Path, private: Ed25519PrivateKey, owner: str) -> None:
        self.path, self.owner = path, owner
        self.public = public_of(private, owner)
        self._private = private
        self._lock = threading.Lock()
        self._numbers = os.open(_number_file(path), os.O_RDWR | os.O_CREAT, 0o600)
        self._last = _read_number(self._numbers)
        self._synced_s = 0.0

    @property
    def key_id(self) -> str:
        """The key's id: 16 hex characters."""
        return self.public.key_id

    @property
    def last(self) -> int:
        """The highest number that this key gave to a committed record, as far as its file knows."""
        return self._last

    def sign(self, message: bytes) -> str:
        """Return the Ed25519 signature in base64."""
        return base64.b64encode(self._private.sign(message)).decode()

    def gave(self, number: int) -> None:
        """Remember beside the key that a record with `number` is committed; the number never goes back."""
        with self._lock:
            if number <= self._last:
                return
            # Another process may sign with the same key: the higher number stays.
            fcntl.flock(self._numbers, fcntl.LOCK_EX)
            try:
                self._last = max(number, _read_number(self._numbers))
                os.pwrite(self._numbers, f"{self._last:0{NUMBER_WIDTH}d}".encode(), 0)
                if time.monotonic() - self._synced_s > SYNC_EVERY_S:
                    os.fdatasync(self._numbers)
                    self._synced_s = time.monotonic()
            finally:
                fcntl.flock(self._numbers, fcntl.LOCK_UN)

    def close(self) -> None:
        """Bring the number to disk."""
        with self._lock:
            if self._numbers >= 0:
                os.fdatasync(self._numbers)
                os.close(self._numbers)
                self._numbers = -1


class Keyring:
    """The keys in one folder (mode 0700), each owner's newest first, and people's own while they are unlocked.

    Raises KeyFileRefusedError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[SigningKey, ...]] = {}
        self._unlocked: dict[str, tuple[SigningKey, ...]] = {}
        self._by_id: dict[str, SigningKey] = {}
        self.reload()

    @classmethod
    def create(cls, folder: Path, owners: Iterable[str]) -> Self:
        """Open the folder, with a new key for each owner that never had one; a key is never replaced here."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for owner in owners:
            if not files(folder, owner):
                write_new(folder, owner)
        return cls(folder)

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """The public sides of each owner's newest key, by owner."""
        return tuple(self._keys[owner][0].public for owner in sorted(self._keys))

    def reload(self) -> None:
        """Read the folder again: keys were added or retired."""
        with self._lock:
            _refuse_open(self._folder)
            while (found := self._read()) is None:
                pass  # a key was retired between the look at the folder and at its file: another is there now
            self._keys = found

    def _read(self) -> dict[str, tuple[SigningKey, ...]] | None:
        found: dict[str, tuple[SigningKey, ...]] = {}
        for file in files(self._folder, state=KeyFileState.KEY):
            if file.key_id not in self._by_id:
                try:
                    self._by_id[file.key_id] = SigningKey(file.path, read_private(file.path), file.owner)
                except KeyFileRefusedError:
                    if file.path.exists():
                        raise
                    return None
            found[file.owner] = (*found.get(file.owner, ()), self._by_id[file.key_id])
        return found

    def of_station(self, station: str) -> SigningKey:
        """Return the key a station signs with. Raises KeyMissingError."""
        return self.of(station_owner(station))

    def of(self, owner: str) -> SigningKey:
        """Return an owner's newest key. Raises KeyMissingError."""
        return self.each_of(owner)[0]

    def each_of(self, owner: str) -> tuple[SigningKey, ...]:
        """Return an owner's keys, newest first: the log says which of them is in use. Raises KeyMissingError."""
        keys = self._unlocked.get(owner) or self._keys.get(owner)
        if not keys:
            raise KeyMissingError(owner, str(self._folder))
        return keys

    def has_own(self, person: str) -> bool:
        """Say whether a person has a key of their own here."""
        return bool(files(self._folder, person_owner(person), KeyFileState.LOCKED))

    def is_locked(self, person: str) -> bool:
        """Say whether a person has a key here that a PIN must unlock before it signs."""
        return person_owner(person) not in self._unlocked and self.has_own(person)

    def unlock(self, person: str, pin: str) -> None:
        """Let a person's own key sign from now on, beside the station's.

        Whoever calls it counts the attempts. Raises KeyMissingError, WrongPinError, KeyFileRefusedError.
        """
        owner = person_owner(person)
        locked = files(self._folder, owner, KeyFileState.LOCKED)
        if not locked:
            raise KeyMissingError(owner, str(self._folder))
        opened = []
        for file in locked:
            _refuse_open(file.path)
            content = file.path.read_bytes()
            if not pins.is_locked(content):
                raise KeyFileRefusedError(str(file.path), "is no key under a PIN; restore it from its backup")
            try:
                private = pins.unlocked(content, pin, file.key_id, person)
            except WrongPinError:
                continue  # what is left of an enrolment that was cut off has another
            opened.append(self._by_id.get(file.key_id) or SigningKey(file.path, private, owner))
        if not opened:
            raise WrongPinError(person)
        with self._lock:
            self._by_id |= {key.key_id: key for key in opened}
            self._unlocked = self._unlocked | {owner: tuple(opened)}

    def lock(self, person: str) -> None:
        """Let a person's own key sign nothing until it is unlocked again."""
        with self._lock:
            self._unlocked = {owner: keys for owner, keys in self._unlocked.items() if owner != person_owner(person)}

    def gave(self, numbers: Mapping[str, int]) -> None:
        """Remember which numbers of which keys (by id) are committed."""
        for key_id, number in numbers.items():
            self._by_id[key_id].gave(number)

    def close(self) -> None:
        """Bring all numbers to disk."""
        for key in self._by_id.values():
            key.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_new(folder: Path, owner: str) -> PublicKey:
    """Make a new key for an owner; it is the one in use from the next look at the folder on."""
    private = Ed25519PrivateKey.generate()
    public = public_of(private, owner)
    write_private(folder / f"{_file_owner(owner)}.{public.key_id}.key", private)
    return public


def write_locked(folder: Path, person: str, pin: str) -> PublicKey:
    """Make a new key for a person under their PIN. Raises PinFormError."""
    private, owner = Ed25519PrivateKey.generate(), person_owner(person)
    public = public_of(private, owner)
    path = folder / f"{_file_owner(owner)}.{public.key_id}.{KeyFileState.LOCKED}"
    _write(path, pins.locked(private, pin, public.key_id))
    return public


def write_private(path: Path, private: Ed25519PrivateKey) -> None:
    """Write a private key's file (PKCS 8, PEM, mode 0600), whole or not at all, whatever happens meanwhile."""
    _write(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a record that names the key must not outlive its name
    finally:
        os.close(folder)


def read_private(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file. Raises KeyFileRefusedError for one that is open to others or no such key."""
    _refuse_open(path)
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise KeyFileRefusedError(str(path), f"is no private key ({error}); restore it from its backup") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileRefusedError(str(path), "is no Ed25519 key; restore it from its backup")
    return private


def retire(folder: Path, key_id: str) -> None:
    """Take a revoked key out of use; its file stays, under another name. Raises KeyMissingError."""
    for file in files(folder):
        if file.key_id == key_id:
            file.path.rename(file.path.with_suffix(f".{KeyFileState.RETIRED}"))
            return
    raise KeyMissingError(key_id, str(folder))


def files(folder: Path, owner: str | None = None, state: KeyFileState | None = None) -> list[KeyFile]:
    """Return the keys' files in a folder, all or an owner's or those in a state, newest first."""
    found = []
    for path in folder.iterdir():
        name, _, rest = path.name.partition(".")
        key_id, _, suffix = rest.partition(".")
        if suffix in (*KeyFileState,) and len(key_id) == KEY_ID_LENGTH:
            file = KeyFile(path, name.replace("-", ":", 1), key_id, KeyFileState(suffix))
            if owner in (None, file.owner) and state in (None, file.state):
                with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
                    found.append((path.stat().st_mtime_ns, file))
    return [file for _, file in sorted(found, key=lambda one: one[0], reverse=True)]


def _file_owner(owner: str) -> str:
    return owner.replace(":", "-", 1)


def _number_file(path: Path) -> Path:
    return path.with_suffix(".number")


def _read_number(descriptor: int) -> int:
    return int(os.pread(descriptor, NUMBER_WIDTH, 0) or b"0")


def _refuse_open(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        raise KeyFileRefusedError(str(path), "is missing; restore it from the backup of this line's keys") from None
    if mode & 0o077:
        raise KeyFileRefusedError(str(path), f"is open to others (mode {mode:04o}); run `chmod go= {path}`")
