"""A batch on disk: checked whole against its manifest first, then read line by line in bounded memory."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from stations.intake.batch import APPLICATIONS, IMAGES, MANIFEST, MAX_IMAGE_BYTES, MAX_LINE_BYTES, Manifest
from stations.intake.errors import BatchRefusedError

_READ_BYTES = 1 << 20
_MAX_MANIFEST_BYTES = 65_536
_ROLES = ("photo", "signature")


class OversizeImageError(Exception):
    """An image file has more than `MAX_IMAGE_BYTES`; it was not read."""


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """A batch whose lines and images are those that the sender sealed. Made by `open_batch`."""

    path: Path
    manifest: Manifest
    manifest_sha256: str

    def lines(self) -> Iterator[bytes | None]:
        """Every line of the applications, without its end; None for one longer than `MAX_LINE_BYTES`."""
        with _regular(self.path / APPLICATIONS) as file:
            while line := file.readline(MAX_LINE_BYTES):
                if line.endswith(b"\n") or len(line) < MAX_LINE_BYTES:
                    yield line.rstrip(b"\r\n")
                    continue
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield None

    def image(self, file: str, sha256: str) -> bytes | None:
        """The bytes of an image, or None if there is no such regular file (links are not followed).

        Raises `OversizeImageError`, and `BatchRefusedError` when the bytes are not those that were sealed.
        """
        try:
            opened = _regular(self.path / IMAGES / file)
        except OSError:
            return None
        with opened:
            if os.fstat(opened.fileno()).st_size > MAX_IMAGE_BYTES:
                raise OversizeImageError(file)
            data = opened.read(MAX_IMAGE_BYTES)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BatchRefusedError(
                str(self.path), f"{IMAGES}/{file}", "is not the file that was sealed (hash differs)"
            )
        return data


def open_batch(path: Path) -> BatchFolder:
    """Check a batch whole: manifest, count and hash of the lines, count and hashes of the images.

    Raises `BatchRefusedError` naming the file that is missing, cut off or altered.
    """
    content = _manifest_bytes(path)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BatchRefusedError(str(path), MANIFEST, f"{place or 'as a whole'}: {first['msg']}") from None
    _check_lines(path, manifest)
    folder = BatchFolder(path, manifest, hashlib.sha256(content).hexdigest())
    _check_images(folder)
    return folder


def _regular(path: Path) -> IO[bytes]:
    """Open a file that is one: no link, which leads anywhere, no pipe or device, which never ends. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "is no file but a folder, a pipe or a device")


def _manifest_bytes(path: Path) -> bytes:
    try:
        with _regular(path / MANIFEST) as file:
            return file.read(_MAX_MANIFEST_BYTES)
    except OSError as error:
        raise BatchRefusedError(str(path), MANIFEST, f"cannot be read ({error.strerror})") from None


def _check_lines(path: Path, manifest: Manifest) -> None:
    digest, ends, last = hashlib.sha256(), 0, b"\n"
    try:
        with _regular(path / APPLICATIONS) as file:
            while portion := file.read(_READ_BYTES):
                digest.update(portion)
                ends += portion.count(b"\n")
                last = portion[-1:]
    except OSError as error:
        raise BatchRefusedError(str(path), APPLICATIONS, f"cannot be read ({error.strerror})") from None
    lines = ends + (last != b"\n")
    if lines != manifest.applications:
        raise BatchRefusedError(
            str(path), APPLICATIONS, f"has {lines} lines where the manifest says {manifest.applications}"
        )
    if digest.hexdigest() != manifest.applications_sha256:
        raise BatchRefusedError(str(path), APPLICATIONS, "is not the file that was sealed (hash differs)")


def _check_images(folder: BatchFolder) -> None:
    place = folder.path / IMAGES
    if place.is_symlink():
        raise BatchRefusedError(str(folder.path), IMAGES, "is a link; the images themselves belong there")
    try:
        with os.scandir(place) as entries:
            images = sum(1 for _ in entries)
    except FileNotFoundError:
        images = 0
    except OSError as error:
        raise BatchRefusedError(str(folder.path), IMAGES, f"cannot be read ({error.strerror})") from None
    if images != folder.manifest.images:
        raise BatchRefusedError(
            str(folder.path), IMAGES, f"holds {images} files where the manifest says {folder.manifest.images}"
        )
    for line in folder.lines():
        for picture in _pictures(line):
            try:
                folder.image(*picture)
            except OversizeImageError:
                continue  # set aside with its line, when that is read


def _pictures(line: bytes | None) -> Iterator[tuple[str, str]]:
    """File and hash of each picture that a line names, as far as it can be read at all."""
    try:
        record: Any = json.loads(line or b"null")
    except (ValueError, RecursionError):
        return
    for role in _ROLES:
        picture = record.get(role) if isinstance(record, dict) else None
        if not isinstance(picture, dict):
            continue
        file, sha256 = picture.get("file"), picture.get("sha256")
        if isinstance(file, str) and isinstance(sha256, str) and "/" not in file and "\x00" not in file:
            yield file, sha256
