"""Writing a generated batch: images and lines first, the manifest last, so that an interrupted one is no batch."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TextIO

from stations.calendar import CHINA
from stations.errors import StationError
from stations.intake.batch import APPLICATIONS, FORMAT, IMAGES, MANIFEST
from stations.intake.generator.applications import Filed, applications
from stations.intake.generator.defects import Found, Shares
from stations.intake.generator.faces import make_face, with_defect
from stations.intake.generator.portraits import portrait
from stations.intake.generator.signatures import signature

_PROGRESS_EVERY = 25
_SEALING_TIME = time(18)
_NO_IMAGE = b"PK\x03\x04 this is no picture"


class BatchFolderTakenError(StationError):
    """A batch is generated only into a new or empty folder."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def __str__(self) -> str:
        return f"folder {self.directory} is not empty; name a new one or empty it first"


@dataclass(frozen=True, slots=True)
class GeneratedBatch:
    """What was written. `defects`: how often each seeded code occurs, for intake and for review."""

    directory: Path
    documents: int
    images: int
    intake_defects: Mapping[str, int]
    review_defects: Mapping[str, int]


def generate(
    directory: Path,
    documents: int,
    seed: int,
    *,
    day: date,
    shares: Shares | None = None,
    truth: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> GeneratedBatch:
    """Write a batch of `documents` applications accepted on `day`; the same arguments write the same bytes.

    `truth`: where to state, one JSON line for each seeded defect, what is wrong with which line (outside the batch: the
    line must find it by itself). Raises `BatchFolderTakenError`.
    """
    if directory.exists() and any(directory.iterdir()):
        raise BatchFolderTakenError(str(directory))
    (directory / IMAGES).mkdir(parents=True, exist_ok=True)
    counts = {found: Counter[str]() for found in Found}
    digest, images = hashlib.sha256(), 0
    with (directory / APPLICATIONS).open("wb") as lines, _Truth(truth) as stated:
        for filed in applications(documents, seed, day, shares or Shares()):
            images += _add_pictures(directory / IMAGES, filed, day)
            line = _line(filed)
            lines.write(line)
            digest.update(line)
            if filed.defect:
                counts[filed.defect.found][filed.defect.code] += 1
                stated.state(filed)
            if progress and filed.index % _PROGRESS_EVERY == 0:
                progress(filed.index + 1, documents)
    manifest = {
        "format": FORMAT,
        "created_at": datetime.combine(day, _SEALING_TIME, CHINA).isoformat(),
        "emulated": True,
        "applications": documents,
        "applications_sha256": digest.hexdigest(),
        "images": images,
    }
    beside = directory / f"{MANIFEST}.part"
    beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    beside.replace(directory / MANIFEST)
    return GeneratedBatch(directory, documents, images, dict(counts[Found.INTAKE]), dict(counts[Found.REVIEW]))


class _Truth:
    """The open truth file, or none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> "_Truth":
        if self._path is not None:
            self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def state(self, filed: Filed) -> None:
        """Add the defect of one application."""
        if self._file is None or filed.defect is None:
            return
        stated = {
            "line": filed.index + 1,
            "number": filed.record["number"],
            "found": filed.defect.found.value,
            "code": filed.defect.code,
        }
        self._file.write(json.dumps(stated) + "\n")


def _add_pictures(images: Path, filed: Filed, day: date) -> int:
    """Draw photo and signature, name them in the record; how many files were written."""
    code = filed.defect.code if filed.defect else ""
    sight = [code] if filed.defect and filed.defect.found is Found.REVIEW else []
    face = make_face(filed.rng, filed.person.sex, filed.person.years(day))
    photo_sight = [code for code in sight if code.startswith("photo_") and code != "photo_age"]
    for seen in photo_sight:
        face = with_defect(face, seen)
    photo = _damaged(code, "photo", portrait(filed.rng, face, photo_sight))
    name = f"{filed.index + 1:07d}-photo.jpg"
    filed.record["photo"] = _picture(name, photo or b"")
    written = _write(images / name, photo)
    if code == "signature_present":
        return written
    signature_sight = [code for code in sight if code.startswith("signature_")]
    drawn = _damaged(code, "signature", signature(filed.rng, filed.person.name, signature_sight))
    name = f"{filed.index + 1:07d}-signature.png"
    filed.record["signature"] = _picture(name, drawn or b"")
    return written + _write(images / name, drawn)


_DAMAGES: Mapping[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "not_image": lambda _: _NO_IMAGE,
    "truncated": lambda picture: picture[: len(picture) * 2 // 3],
}


def _damaged(code: str, role: str, picture: bytes) -> bytes | None:
    """The file as the defect leaves it; None for one that is left out of the batch."""
    kind = code.removeprefix(f"{role}_") if code.startswith(role) else ""
    return _DAMAGES[kind](picture) if kind in _DAMAGES else picture


def _picture(file: str, data: bytes) -> dict[str, Any]:
    return {"file": file, "sha256": hashlib.sha256(data).hexdigest()}


def _write(path: Path, data: bytes | None) -> int:
    if data is None:
        return 0
    path.write_bytes(data)
    return 1


def _line(filed: Filed) -> bytes:
    line = json.dumps(filed.record, ensure_ascii=False, separators=(",", ":"))
    if filed.defect and filed.defect.code == "broken_line":
        line = line[: len(line) // 2]
    return line.encode() + b"\n"
