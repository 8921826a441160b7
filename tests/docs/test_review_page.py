"""docs/review.md shows the items as they are, and every limit with its usual value and range."""

from pathlib import Path

from flows.review_commands import item_table
from flows.settings import ReviewSettings

CLASSES = '`"normal"`, `"expedited"`, `"emergency"`'
PAGE = (Path(__file__).parents[2] / "docs" / "review.md").read_text("utf-8")


def test_the_page_shows_the_items_as_they_are() -> None:
    assert "\n".join(item_table().markdown()) in PAGE, "run: passline review items --output markdown"


def test_the_page_has_every_limit_with_its_usual_value_and_range() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for name, field in ReviewSettings.model_fields.items():
        (row,) = (line for line in rows if f"`{name}`" in line.split("|")[1])
        ends = {end: getattr(rule, end) for rule in field.metadata for end in ("ge", "le") if hasattr(rule, end)}
        assert (f"{field.default:g}" if field.default != frozenset() else "none") in row.split("|")[3], name
        assert row.split("|")[4].strip() == (f"{ends['ge']:g} to {ends['le']:g}" if ends else CLASSES), name
