"""Asking the log for somebody: the look-up is recorded first, then the log is opened read-only and answers."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from handoff_logs.lookups import record_lookup
from handoff_logs.pseudonyms import HIDDEN
from handoff_logs.questions.registry import ASKED
from handoff_logs.reading import Reading, open_reading
from handoff_logs.records import Scalar

_NUMBER: Final = "number"
_OWN: Final = frozenset({"session", "sql"})
"""Parameters that are no words of the asker's, or that were made keepable before."""
_QUESTIONS: Final = (*ASKED, "custody", "shift-report", "export shift-report pdf")
# Stations, shifts, machines and staff codes are the log's own words. Whatever else somebody typed may be a person's
# name or number, and a record of a look-up is never erased.
_CODE: Final = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9:_./-]{1,40}", re.ASCII)


class Asking:
    """Asks the log at a database url. `hide` turns a word into what only the holder of its key can compare it with."""

    def __init__(self, url: str, hide: Callable[[str], str]) -> None:
        self._url, self._hide = url, hide

    @contextmanager
    def answer(self, reader: str, question: str, /, **parameters: Scalar) -> Iterator[Reading]:
        """Record that `reader` asks `question`, then lend the log. Raises LookupNotRecordedError, and answers nothing.

        Raises UnreadableDatabaseError too.
        """
        self.record(reader, question, **parameters)
        with open_reading(self._url, by_index=question in _QUESTIONS) as reading:
            yield reading

    def record(self, reader: str, question: str, /, **parameters: Scalar) -> None:
        """Record that `reader` asks `question`. Raises LookupNotRecordedError, after which nothing may be answered."""
        record_lookup(self._url, reader, question, self._kept(parameters))

    def hidden(self, word: str) -> str:
        """Return what stands for a word in the records."""
        return HIDDEN + self._hide(word)

    @contextmanager
    def lend(self) -> Iterator[Reading]:
        """Lend the database for what is no look-up of the log. Raises UnreadableDatabaseError."""
        with open_reading(self._url) as reading:
            yield reading

    def _kept(self, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {name: self._keepable(name, value) for name, value in parameters.items() if value is not None}

    def _keepable(self, name: str, value: Scalar) -> Scalar:
        if not isinstance(value, str) or name in _OWN or (name != _NUMBER and _CODE.fullmatch(value)):
            return value
        return self.hidden(value)
