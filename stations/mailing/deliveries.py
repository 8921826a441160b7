"""A carrier's file of delivery events: CSV or JSON Lines, one event a line, each line read by itself.

What a line may say is one model, which `passline mailing deliveries schema` prints. No field has room for a person.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from handoff_logs.records import canonical
from stations.calendar import to_us
from stations.mailing.errors import DeliveryFileError
from stations.mailing.tables import DeliveryKind

MOST_BYTES: Final = 64_000_000
MOST_LINE_BYTES: Final = 2_000
FIELDS: Final = ("event_id", "event", "tracking", "manifest", "parcels", "note", "at")
"""The columns of a CSV file, in any order."""
REQUIRED: Final = frozenset({"event_id", "event", "at"})
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", re.ASCII)
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_BY_TYPE: Final = {"missing": "missing", "extra_forbidden": "unknown_field"}
_OWN: Final = frozenset({"item", "parcels", "note"})

Number = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$")]
ManifestId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Told(BaseModel):
    """One event of a carrier: what became of a parcel (`tracking`) or of an office's parcels (`manifest`), and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Annotated[Number, Field(description="The carrier's own id of the event; never given twice.")]
    event: DeliveryKind
    tracking: Annotated[Number | None, Field(description="The parcel's tracking number.")] = None
    manifest: Annotated[ManifestId | None, Field(description="The manifest of an office's parcels.")] = None
    parcels: Annotated[
        int | None, Field(ge=1, le=10_000, description="How many of the manifest's parcels; only with a manifest.")
    ] = None
    note: Annotated[Number | None, Field(description="The return note that comes with what comes back.")] = None
    at: Annotated[AwareDatetime, Field(description="When it happened, with its offset from UTC.")]

    @field_validator("at", mode="before")
    @classmethod
    def _written(cls, at: object) -> object:
        # A bare number of seconds would pass for an instant, and says neither unit nor offset.
        if isinstance(at, str) and _DAY.match(at) is None:
            raise PydanticCustomError("moment", "no date and time")
        return at if isinstance(at, str | datetime) else None

    @field_validator("parcels", mode="before")
    @classmethod
    def _counted(cls, parcels: object) -> object:
        return "" if isinstance(parcels, bool | float) else parcels

    @field_validator("at")
    @classmethod
    def _sane(cls, at: datetime) -> datetime:
        # What no clock of this line can have said would not fit the database's integers for long.
        if not _EARLIEST <= at.astimezone(UTC) < datetime(2100, 1, 1, tzinfo=UTC):
            raise PydanticCustomError("moment", "before 2020 or after 2099")
        return at

    @model_validator(mode="after")
    def _whole(self) -> "Told":
        if (self.tracking is None) == (self.manifest is None):
            raise PydanticCustomError("item", "either tracking or manifest")
        if (self.manifest is None) != (self.parcels is None):
            raise PydanticCustomError("parcels", "parcels with a manifest")
        if self.note is not None and self.event is not DeliveryKind.RETURNED:
            raise PydanticCustomError("note", "a note with what is returned")
        return self

    @property
    def at_us(self) -> int:
        """When it happened, in microseconds UTC."""
        return to_us(self.at)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 (hex) of what was said, whichever form of file it came in."""
        said = self.model_dump(exclude={"at"}) | {"event": self.event.value, "at_us": self.at_us}
        return hashlib.sha256(canonical(said)).hexdigest()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A line that was not believed: its number in the file, the field that it is about, and a code of REASONS."""

    line: int
    field: str | None
    reason: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line that says something: its number in the file, and what."""

    line: int
    told: Told


def schema() -> dict[str, Any]:
    """The JSON Schema of one event."""
    return Told.model_json_schema()


def read(file: Path) -> Iterator[Line | SetAside]:
    """The events of a file named .csv or .jsonl, and the lines that are none. Raises `DeliveryFileError`."""
    _form(str(file))
    try:
        if file.stat().st_size > MOST_BYTES:
            raise DeliveryFileError(str(file), f"has more than {MOST_BYTES:,} bytes")
        with file.open("rb") as content:
            yield from read_content(str(file), content)
    except OSError as error:
        raise DeliveryFileError(str(file), "can't be read") from error


def read_content(name: str, content: BinaryIO) -> Iterator[Line | SetAside]:
    """The same of an open file that has this name. Raises `DeliveryFileError`."""
    form, numbered = _form(name), _numbered(content)
    if form == ".csv":
        yield from _rows(name, numbered)
    else:
        yield from (_parsed(number, line) for number, line in numbered if _says(line))


def _form(name: str) -> str:
    form = Path(name).suffix.lower()
    if form not in (".csv", ".jsonl"):
        raise DeliveryFileError(name, "is named neither .csv nor .jsonl")
    return form


def check(file: Path) -> int:
    """How many lines a file has, of which each may still be set aside. Raises `DeliveryFileError`."""
    return sum(1 for _ in read(file))


def _numbered(content: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines by number; None for one that is too long. A byte order mark is no part of the first."""
    number = 0
    while line := content.readline(MOST_LINE_BYTES + 1):
        number += 1
        whole = line.endswith(b"\n") or len(line) <= MOST_LINE_BYTES
        if not whole:
            while rest := content.readline(MOST_LINE_BYTES + 1):
                if rest.endswith(b"\n"):
                    break
        yield number, (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line) if whole else None


def _says(line: bytes | None) -> bool:
    return line is None or bool(line.strip())


def _rows(name: str, numbered: Iterator[tuple[int, bytes | None]]) -> Iterator[Line | SetAside]:
    _, first = next(numbered, (1, b""))
    names = _columns(name, first)
    for number, line in numbered:
        if _says(line):
            yield _row(number, line, names)


def _columns(name: str, first: bytes | None) -> list[str]:
    try:
        names = _cells((first or b"").decode())
    except (UnicodeDecodeError, csv.Error) as error:
        raise DeliveryFileError(name, "does not begin with the names of its columns") from error
    known, needed = set(FIELDS), REQUIRED - set(names)
    if len(set(names)) != len(names) or not set(names) <= known or needed:
        raise DeliveryFileError(name, f"does not begin with columns out of {', '.join(FIELDS)}")
    return names


def _cells(line: str) -> list[str]:
    """The cells of one line; a quoted line break ends the line, as no cell has room for one."""
    (cells,) = csv.reader([line.rstrip("\r\n")], strict=True)
    return [cell.strip() for cell in cells]


def _row(number: int, line: bytes | None, names: Sequence[str]) -> Line | SetAside:
    if line is None:
        return SetAside(number, None, "too_long")
    try:
        cells = _cells(line.decode())
    except UnicodeDecodeError:
        return SetAside(number, None, "encoding")
    except (csv.Error, ValueError):
        return SetAside(number, None, "line")
    if len(cells) != len(names):
        return SetAside(number, None, "line")
    return _checked(number, {name: cell for name, cell in zip(names, cells, strict=True) if cell})


def _parsed(number: int, line: bytes | None) -> Line | SetAside:
    if line is None:
        return SetAside(number, None, "too_long")
    try:
        said = json.loads(line.decode(), object_pairs_hook=_once)
    except UnicodeDecodeError:
        return SetAside(number, None, "encoding")
    except (ValueError, RecursionError):
        return SetAside(number, None, "line")
    if not isinstance(said, dict):
        return SetAside(number, None, "line")
    # A JSON null is a field that is not there, as an empty cell is.
    return _checked(number, {name: value for name, value in said.items() if value is not None})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name stands twice")
    return said


def _checked(number: int, said: dict[str, Any]) -> Line | SetAside:
    try:
        return Line(number, Told.model_validate(said))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))[:40] or None
    if first["type"] in _OWN:
        reason, field = first["type"], field or first["type"]
    elif field == "at" and first["type"] != "missing":
        reason = "moment"
    else:
        reason = _BY_TYPE.get(first["type"], "value")
    named = said.get("event_id")
    return SetAside(number, field, reason, named[:40] if isinstance(named, str) else None)
