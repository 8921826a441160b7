"""`passline qc`: what is looked at on every document."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit
from handoff_logs.sheets import SheetWriter
from stations.qc.items import ITEMS, InspectionItem
from stations.qc.rules import DEFECTS, READERS_ALONE

app = App(name="qc", help="What is looked at on every document.")
COLUMNS: Final = ("item", "question", "问题", "shown", "by a reader", "defect codes")


@app.command(name="items")
def items_command(
    *,
    output: Annotated[
        Literal["table", "json", "csv", "markdown"], Parameter(help="How to print them; markdown is that of the docs.")
    ] = "table",
) -> int:
    """Print every inspection item: its question, what the desk shows for it, if a reader looks, its defect codes."""
    match output:
        case "json":
            sys.stdout.write(json.dumps([_as_json(item) for item in ITEMS.values()], ensure_ascii=False, indent=2))
            sys.stdout.write("\n")
        case "csv":
            writer = SheetWriter(sys.stdout)
            writer.writerow(["item", "code", "english", "chinese", "question", "question_zh", "shown", "reader"])
            writer.writerows(_csv_rows())
        case "markdown":
            sys.stdout.write("\n".join(markdown()) + "\n")
        case "table":
            _print_table()
    return Exit.FINE


def markdown() -> Iterator[str]:
    """The table of docs/qc-desk.md, line by line."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "| --- " * len(COLUMNS) + "|"
    for item in ITEMS.values():
        codes = "<br>".join(f"`{code}` {' '.join(DEFECTS[code])}" for code in item.codes)
        row = (f"`{item.id}`", item.question, item.question_zh, item.shows.english, _by_reader(item), codes)
        yield f"| {' | '.join(row)} |"


def _by_reader(item: InspectionItem) -> str:
    return "yes" if item.automatic else "no"


def _as_json(item: InspectionItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "group": item.group.value,
        "question": item.question,
        "question_zh": item.question_zh,
        "shown": item.shows.english,
        "shown_zh": item.shows.chinese,
        "automatic": item.automatic,
        "codes": [
            {
                "code": code,
                "english": DEFECTS[code][0],
                "chinese": DEFECTS[code][1],
                "reader_alone": code in READERS_ALONE,
            }
            for code in item.codes
        ],
    }


def _csv_rows() -> Iterator[tuple[str, ...]]:
    for item in ITEMS.values():
        for code in item.codes:
            yield (
                *(item.id, code, *DEFECTS[code], item.question, item.question_zh),
                *(item.shows.english, _by_reader(item)),
            )


def _print_table() -> None:
    """One block an item: a table with both languages is too wide for a terminal."""
    for item in ITEMS.values():
        looks = "a reader looks first" if item.automatic else "a person alone"
        sys.stdout.write(f"{item.id}  {item.question} {item.question_zh}\n")
        sys.stdout.write(f"  shown: {item.shows.english} {item.shows.chinese}; {looks}; fails as:\n")
        for code in item.codes:
            sys.stdout.write(f"    {code}  {' '.join(DEFECTS[code])}\n")
