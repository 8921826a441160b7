"""What the printed papers say can be printed: a character without a glyph refuses the whole paper."""

from pathlib import Path
from types import ModuleType

import pytest

from flows import manifest_paper, packing_paper, shift_paper
from stations.paper import MANIFEST_FONT_FILE, PACKING_FONT_FILE, REPORT_FONT_FILE, width_mm

FIRST_CHINESE = "\u2e80"


@pytest.mark.parametrize(
    ("paper", "font"),
    [
        (manifest_paper, MANIFEST_FONT_FILE),
        (packing_paper, PACKING_FONT_FILE),
        (shift_paper, REPORT_FONT_FILE),
    ],
)
def test_every_word_of_a_paper_is_in_its_font(paper: ModuleType, font: Path) -> None:
    assert paper.__file__ is not None
    chinese = {character for character in Path(paper.__file__).read_text("utf-8") if character >= FIRST_CHINESE}
    assert chinese
    width_mm("".join(sorted(chinese)), 10, font)
