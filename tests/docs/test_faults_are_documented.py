"""The page's table of faults is the program's."""

import re
from pathlib import Path

import pytest

from devices.emulation.faults import BURSTS, FAULTS, PHASES, FaultName, striking
from devices.emulation.line import LATE_BURST_S

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"


def test_every_fault_stands_on_the_page_with_what_comes_of_it() -> None:
    page = PAGE.read_text("utf-8")
    for name, kind in FAULTS.items():
        assert f"| `{name.value}` | {kind.occasion} | {kind.comes_of_it} |" in page
    assert all(phase in page for phase in PHASES)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("any of them", BURSTS),
        ("a CRT-591 also", striking("crt-591") - BURSTS),
        ("an air shower also", striking("modbus-air-shower") - BURSTS),
        ("a climate transmitter also", striking("modbus-climate") - BURSTS),
        ("a particle counter also", striking("modbus-particle-counter") - BURSTS),
    ],
)
def test_what_strikes_machines_with_protocols_of_their_own_stands_on_the_page(
    row: str, names: frozenset[FaultName]
) -> None:
    page = PAGE.read_text("utf-8")
    found = re.search(rf"^\| {row} \| (.*) \|$", page, re.MULTILINE)
    assert found is not None
    assert found[1].split(", ") == [f"`{name}`" for name in FAULTS if name in names]
    assert f"one that is late, by {LATE_BURST_S} s," in page
