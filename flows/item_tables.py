"""The items that a desk asks of everything it decides on, printed alike by `passline review` and `passline qc`."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from handoff_logs.sheets import SheetWriter

ItemOutput = Annotated[
    Literal["table", "json", "csv", "markdown"], Parameter(help="How to print them; markdown is that of the docs.")
]


@dataclass(frozen=True, slots=True)
class PrintedItem:
    """One item: its question and what the desk shows for it, each in English and Chinese, and its codes.

    `shown_as`: what a sheet calls what is shown. `automatic`: whether something looks at it before a person does.
    `ends`: what its codes end in. Each of `codes` is a code and its words in English and in Chinese.
    """

    code: str
    question: str
    question_zh: str
    shown: str
    shown_zh: str
    shown_as: str
    automatic: bool
    ends: str
    codes: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class ItemTable:
    """All items of a desk. `looks`: what looks at some of them first, such as `rule`; `kind` and `code`: its codes."""

    looks: str
    kind: str
    code: str
    items: Sequence[PrintedItem]

    def markdown(self) -> Iterator[str]:
        """The table of the desk's page in docs/, line by line."""
        columns = ("item", "question", "问题", "shown", f"by a {self.looks}", f"{self.kind} codes")
        yield f"| {' | '.join(columns)} |"
        yield "| --- " * len(columns) + "|"
        for item in self.items:
            codes = "<br>".join(f"`{code}` {english} {chinese}" for code, english, chinese in item.codes)
            row = (f"`{item.code}`", item.question, item.question_zh, item.shown, _yes_or_no(item), codes)
            yield f"| {' | '.join(row)} |"

    def show(self, output: str, as_json: Sequence[dict[str, Any]]) -> None:
        """Print it as one of `ItemOutput`; `as_json` is what JSON says of the items, which is each desk's own."""
        match output:
            case "json":
                sys.stdout.write(json.dumps(as_json, ensure_ascii=False, indent=2) + "\n")
            case "csv":
                writer = SheetWriter(sys.stdout)
                words = ("english", "chinese", "question", "question_zh", "shown")
                writer.writerow(("item", self.code, *words, self.looks))
                writer.writerows(self._rows())
            case "markdown":
                sys.stdout.write("\n".join(self.markdown()) + "\n")
            case "table":
                self._print_blocks()

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for item in self.items:
            for code in item.codes:
                yield (item.code, *code, item.question, item.question_zh, item.shown_as, _yes_or_no(item))

    def _print_blocks(self) -> None:
        """One block an item: a table with both languages is too wide for a terminal."""
        for item in self.items:
            looks = f"a {self.looks} looks first" if item.automatic else "a person alone"
            sys.stdout.write(f"{item.code}  {item.question} {item.question_zh}\n")
            sys.stdout.write(f"  shown: {item.shown} {item.shown_zh}; {looks}; {item.ends}:\n")
            for code, english, chinese in item.codes:
                sys.stdout.write(f"    {code}  {english} {chinese}\n")


def _yes_or_no(item: PrintedItem) -> str:
    return "yes" if item.automatic else "no"
