"""What makes a line of a batch be set aside. Pure: no database, no files."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stations.intake.batch import ApplicationRecord
from stations.intake.tables import ApplicationState

_PICTURE_REASONS: Mapping[str, str] = {
    "missing": "The {role} file is not in the batch.",
    "not_image": "The {role} file is no JPEG or PNG picture, or its picture data is damaged.",
    "truncated": "The {role} file is cut off.",
    "trailing_data": "The {role} file carries other data beside the picture.",
    "too_large": "The {role} file is larger than a {role} may be.",
    "not_jpeg": "The {role} is not a JPEG file.",
}

REASONS: Mapping[str, str] = {
    "broken_line": "The line is not one JSON object.",
    "line_too_long": "The line is longer than a line may be.",
    "unknown_field": "The field is not part of an application.",
    "missing_field": "The field is required and missing.",
    "wrong_value": "The value does not fit the field; `passline intake schema` describes it.",
    "check_digit": "The resident ID number is wrong in itself: check character, date or digits.",
    "unknown_office": "No accepting office has that code.",
    "already_on_file": "This revision of the application is on file already.",
    "revision_not_next": "Only the next revision of an application that was returned or held is accepted.",
    "person_has_live_application": "This person already has a live application of this type.",
} | {
    f"{role}_{reason}": sentence.format(role=role)
    for role in ("photo", "signature")
    for reason, sentence in _PICTURE_REASONS.items()
}
"""Every reason code with the sentence that the reply file gives for it."""

_BY_ERROR_TYPE: Mapping[str, str] = {
    "json_invalid": "broken_line",
    "model_type": "broken_line",
    "extra_forbidden": "unknown_field",
    "missing": "missing_field",
    "check_digit": "check_digit",
    "unknown_office": "unknown_office",
}

_NUMBER = re.compile("[A-Z0-9][A-Z0-9-]{7,31}")
_FIELD_NAME = re.compile("[a-z][a-z_]{0,30}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line is set aside. `field`: dotted, empty for the whole line; `number`: the application's, if legible."""

    field: str
    reason: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class OnFile:
    """The newest revision of an application that the centre knows."""

    application_id: str
    revision: int
    state: ApplicationState


def read_line(line: bytes | None) -> ApplicationRecord | Refusal:
    """The application of one line, or why there is none. `line` is None when it was too long to be read."""
    if line is None:
        return Refusal("", "line_too_long")
    try:
        return ApplicationRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = _BY_ERROR_TYPE.get(first["type"], "wrong_value")
        # A wrong type deeper down is a wrong value; only the line itself can be broken.
        if reason == "broken_line" and first["loc"]:
            reason = "wrong_value"
        return Refusal(_field(first), reason, _number(line))


def revision_refusal(record: ApplicationRecord, on_file: OnFile | None) -> Refusal | None:
    """Why this revision may not enter, given the newest one on file; None if it may.

    A new application begins with revision 1; later ones follow one by one, each only after a return or a hold.
    """
    newest = on_file.revision if on_file else 0
    if record.revision <= newest:
        return Refusal("revision", "already_on_file", record.number)
    if record.revision != newest + 1:
        return Refusal("revision", "revision_not_next", record.number)
    if on_file and on_file.state not in (ApplicationState.RETURNED, ApplicationState.HELD):
        return Refusal("revision", "revision_not_next", record.number)
    return None


def priority(record: ApplicationRecord) -> int:
    """0 for the green channel (an emergency with its approval), 2 for everything else."""
    return 0 if record.service_class == "emergency" and record.emergency is not None else 2


def _field(error: ErrorDetails) -> str:
    """The dotted place of an error; a name that the sender made up is not repeated, it could be anything."""
    known = [part if isinstance(part, str) and _FIELD_NAME.fullmatch(part) else "(other)" for part in error["loc"]]
    return ".".join(known)


def _number(line: bytes) -> str | None:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    number = record.get("number") if isinstance(record, dict) else None
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else None
