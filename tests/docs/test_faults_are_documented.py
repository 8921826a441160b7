"""The page's table of faults is the program's."""

from pathlib import Path

from devices.emulation.faults import FAULTS, PHASES

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"


def test_every_fault_stands_on_the_page_with_what_comes_of_it() -> None:
    page = PAGE.read_text("utf-8")
    for name, kind in FAULTS.items():
        assert f"| `{name.value}` | {kind.occasion} | {kind.comes_of_it} |" in page
    assert all(phase in page for phase in PHASES)
