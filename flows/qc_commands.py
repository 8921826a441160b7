"""`passline qc`: what is looked at on every document."""

from typing import Any

from cyclopts import App

from flows.errors import Exit
from flows.item_tables import ItemOutput, ItemTable, PrintedItem
from stations.qc.items import ITEMS, InspectionItem
from stations.qc.rules import DEFECTS, READERS_ALONE

app = App(name="qc", help="What is looked at on every document.")


@app.command(name="items")
def items_command(*, output: ItemOutput = "table") -> int:
    """Print every inspection item: its question, what the desk shows for it, if a reader looks, its defect codes."""
    item_table().show(output, [_as_json(item) for item in ITEMS.values()])
    return Exit.FINE


def item_table() -> ItemTable:
    """The inspection items, as they are printed."""
    return ItemTable("reader", "defect", "code", [_printed(item) for item in ITEMS.values()])


def _printed(item: InspectionItem) -> PrintedItem:
    return PrintedItem(
        item.id,
        item.question,
        item.question_zh,
        *item.shows,
        shown_as=item.shows.english,
        automatic=item.automatic,
        ends="fails as",
        codes=[(code, *DEFECTS[code]) for code in item.codes],
    )


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
