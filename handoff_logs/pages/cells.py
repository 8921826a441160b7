"""A question's rows as cells for eyes: local times, the log's words in the reader's language, links to go on with."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from handoff_logs.pages.moments import exact, shown
from handoff_logs.pages.rendering import address
from handoff_logs.pages.terms import FAMILIES
from handoff_logs.pages.words import Words
from handoff_logs.questions.answers import Column, Type
from handoff_logs.questions.registry import Question

IDS: Final = frozenset({"unit_id", "event_id", "handoff_id", "case_id", "corrects", "container", "tray", "inside"})
WHERE, PEOPLE = "where", "people"
"""What tables show for a station with its place, and for both hands of an act."""


class Cell(NamedTuple):
    """A cell: its text, an address it leads to, the class it is drawn by, what it says when pointed at."""

    text: str
    link: str = ""
    look: str = ""
    hint: str = ""


_LINKS: Final[dict[str, Callable[[str], str]]] = {
    "number": lambda value: address("/custody", {"number": value}),
    "inside": lambda value: address("/custody", {"number": value}),
    "station": lambda value: address("/station", {"name": value}),
    "from_station": lambda value: address("/station", {"name": value}),
    "to_station": lambda value: address("/station", {"name": value}),
    "person": lambda value: address("/questions/person", {"code": value}),
    "second_person": lambda value: address("/questions/person", {"code": value}),
}


class Table:
    """How a question's rows are shown: the few columns of its table, or all."""

    def __init__(self, question: Question, words: Words, everything: bool) -> None:
        self._words = words
        self._columns = {column.name: column for column in question.columns}
        self._readable = {name.removesuffix("_us"): name for name in self._columns}
        self.names = tuple(self._columns) if everything else question.shown
        self.headings = [Cell(words.column(name), look=self._look(name)) for name in self.names]

    def cells(self, row: Mapping[str, Any]) -> list[Cell]:
        """Return a row's cells, one a heading."""
        return [self._cell(name, row) for name in self.names]

    def _cell(self, name: str, row: Mapping[str, Any]) -> Cell:
        if name == WHERE:
            return Cell(f"{self._words.term('station', row['station'])}: {row['place']}")
        if name == PEOPLE:
            return Cell(" + ".join(filter(None, (row["person"], row.get("second_person")))), look="code")
        column = self._columns[self._readable.get(name, name)]
        value = row[column.name]
        if value is None:
            return Cell("")
        if column.type is Type.TIME:
            return Cell(shown(value), look="time", hint=exact(value))
        if column.type is Type.FLAG:
            return Cell(self._words("yes" if value else "no"))
        text = self._words.term(FAMILIES[column.name], value) if column.name in FAMILIES else str(value)
        link = _LINKS.get(column.name)
        return Cell(text, link(value) if link else "", self._look(name))

    def _look(self, name: str) -> str:
        column: Column | None = self._columns.get(self._readable.get(name, name))
        if column is not None and column.type in (Type.INTEGER, Type.TIME):
            return "count" if column.type is Type.INTEGER else "time"
        if name in IDS:
            return "id"
        return "code" if name in ("number", "person", PEOPLE, "second_person", "machine", "left_machine") else ""
