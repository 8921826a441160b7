"""The boundary where a database's own words become typed refusals."""

import re

from sqlalchemy.exc import DBAPIError, IntegrityError

from handoff_logs.errors import (
    AppendOnlyError,
    AtGateError,
    CustodyRefusedError,
    DatabaseBusyError,
    EmulatedPersonError,
    HandoffLogError,
    KeyNotRegisteredError,
    NotInsideError,
    NumberTakenError,
    SamePersonError,
    StaleStepError,
)

_GUARD = re.compile(r"custody: ([a-z-]+): ([^\n]*)")
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.*)")
_CONSTRAINT = re.compile(r"\b((?:ck|fk|uq)_\w+|\w+_pkey)\b")
_PART = re.compile(r"(?<=custody_unit)_(?:default|(?:to_)?\d{4}_\d\d(?:_to_\d{4}_\d\d)?)(?=_(?:pkey|position)$)")
"""What the keys of one month's units have in their names between those of the whole table's."""
_BUSY = ("database is locked", "database is busy", "deadlock detected", "could not serialize", "lock timeout")

_STALE = ("step-taken", "custody_unit_pkey", "custody_unit.unit_id, custody_unit.step", "uq_custody_event_answer",
          "already-answered", "custody_event.handoff_id, custody_event.act")  # fmt: skip
_SAME_PERSON = ("ck_event_same_person", "ck_event_same_two_people")
_OUTSIDE = {"not-inside": "person", "second-not-inside": "second_person"}
_NUMBER = ("uq_unit_number", "unit_number.kind, unit_number.number")
_OWN = (
    "custody_",
    "uq_custody_",
    "ck_event",
    "ck_unit",
    "ck_case",
    "fk_event",
    "fk_unit",
    "fk_case",
    "seal_",
    "uq_seal_",
    "fk_leaf",
    "ck_leaf",
    "fk_node",
    "ck_node",
    "ck_checkpoint",
    "fk_register",
    "ck_register",
)
"""How the custody tables' constraints begin; any other's broken constraint is another package's to translate."""


def translated(error: DBAPIError) -> HandoffLogError | DBAPIError:
    """Return the typed refusal for a database error, or the error itself when custody is not its subject."""
    message = str(error.orig)
    if any(words in message.lower() for words in _BUSY):
        return DatabaseBusyError(message.splitlines()[0])
    if not isinstance(error, IntegrityError):
        return error
    guard = _GUARD.search(message)
    if guard:
        slug, sentence = guard.groups()
        if slug == "append-only":
            return AppendOnlyError(sentence)
        if slug == "unknown-key":
            return KeyNotRegisteredError(sentence)
        if slug == "same-person":
            return SamePersonError("custody", None)
        if slug == "emulated-person":
            return EmulatedPersonError()
        if slug in _OUTSIDE:
            return NotInsideError("custody", _OUTSIDE[slug])
        if slug in ("inside-already", "outside-already"):
            return AtGateError(sentence)
        return StaleStepError("custody") if slug in _STALE else CustodyRefusedError(sentence)
    unique = _SQLITE_UNIQUE.search(message)
    named = _CONSTRAINT.search(message)
    rule = unique.group(1) if unique else _PART.sub("", named.group(1)) if named else message.splitlines()[0]
    if rule in _STALE:
        return StaleStepError("custody")
    if rule in _SAME_PERSON:
        return SamePersonError("custody", None)
    if rule in _NUMBER:
        return NumberTakenError(None, None)
    if rule.startswith(_OWN) or rule == "FOREIGN KEY constraint failed":
        return CustodyRefusedError(rule)
    return error
