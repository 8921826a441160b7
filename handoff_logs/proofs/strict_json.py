"""JSON read strictly: every value at its place, and whatever is not exactly what was asked for is refused."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn
from unicodedata import category

from handoff_logs.proofs.errors import MalformedProofError
from handoff_logs.records import MAX_INTEGER

MAX_BYTES = 32 * 1024 * 1024
"""A proof of a document is some hundred kilobytes."""
MAX_TEXT = 400
"""Characters of a column."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Pairs(list[tuple[str, Any]]):
    """An object's members as written, twice the same name included."""


class _NoNumber:
    """A number that has no place in a proof: with a fraction or an exponent, or too long."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value and where it stands. Every method raises MalformedProofError for another kind of value."""

    place: str
    value: Any

    def fields(self, *names: str) -> dict[str, "Value"]:
        """Return the members of an object that has these names, each once, and no others."""
        if not isinstance(self.value, _Pairs):
            self.refuse("it is no object")
        found: dict[str, Value] = {}
        for name, value in self.value:
            if name in found:
                self.refuse(f"{name!r} stands there twice")
            if name not in names:
                self.refuse(f"{name[:40]!r} is unknown there")
            found[name] = Value(f"{self.place}.{name}".lstrip("."), value)
        if missing := [name for name in names if name not in found]:
            self.refuse(f"{missing[0]!r} is missing")
        return found

    def names(self) -> frozenset[str]:
        """Return the names of an object's members."""
        if not isinstance(self.value, _Pairs):
            self.refuse("it is no object")
        return frozenset(name for name, _ in self.value)

    def items(self, most: int) -> list["Value"]:
        """Return the items of an array of at most `most`."""
        if not isinstance(self.value, list) or isinstance(self.value, _Pairs):
            self.refuse("it is no array")
        if len(self.value) > most:
            self.refuse(f"it has more than {most} items")
        return [Value(f"{self.place}[{number}]", value) for number, value in enumerate(self.value)]

    def text(self, most: int = MAX_TEXT, *, lines: bool = False) -> str:
        """Return a string of at most `most` characters that all can be seen, and newlines where `lines`."""
        if not isinstance(self.value, str):
            self.refuse("it is no string")
        if len(self.value) > most:
            self.refuse(f"it has more than {most} characters")
        # What a stranger's file says is printed: nothing in it may move the cursor or turn the text about.
        for character in self.value:
            if category(character) in _UNSEEN and not (lines and character == "\n"):
                self.refuse(f"it has the character U+{ord(character):04X}, which can't be seen")
        return self.value

    def matching(self, pattern: re.Pattern[str], what: str) -> str:
        """Return a string that is wholly `pattern`, described as `what`."""
        text = self.text()
        if not pattern.fullmatch(text):
            self.refuse(f"it is not {what}")
        return text

    def integer(self) -> int:
        """Return an integer between -MAX_INTEGER and MAX_INTEGER."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or abs(self.value) > MAX_INTEGER:
            self.refuse("it is no integer below 2^53")
        return self.value

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.refuse("it is neither true nor false")
        return self.value

    def refuse(self, fault: str) -> NoReturn:
        """Refuse the whole for what stands here."""
        raise MalformedProofError(self.place or "its outermost object", fault)


def read(data: bytes) -> Value:
    """Return the JSON value that `data` is. Raises MalformedProofError."""
    if len(data) > MAX_BYTES:
        raise MalformedProofError(f"byte {MAX_BYTES}", "it is longer than any proof")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_Pairs, parse_float=_no_number, parse_constant=_no_number, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise MalformedProofError(f"byte {error.start}", "it is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedProofError(f"line {error.lineno}, column {error.colno}", f"it is no JSON: {error.msg}") from None
    except RecursionError:
        raise MalformedProofError("some place", "its values are nested too deep") from None
    return Value("", value)


def _no_number(_text: str) -> _NoNumber:
    return _NoNumber()


def _integer(text: str) -> int | _NoNumber:
    return int(text) if len(text) <= len(str(-MAX_INTEGER)) and text != "-0" else _NoNumber()
