"""docs/qc-desk.md shows the inspection items as they are."""

from pathlib import Path

from flows.qc_commands import item_table

PAGE = (Path(__file__).parents[2] / "docs" / "qc-desk.md").read_text("utf-8")


def test_the_items_are_printed_as_they_are() -> None:
    assert "\n".join(item_table().markdown()) in PAGE, "run: passline qc items --output markdown"
