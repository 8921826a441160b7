"""docs/epcis.md shows the table that the mapping reads, and the parameters that the query reads."""

import re
from pathlib import Path

from handoff_logs.epcis.meanings import MEANINGS, Meaning
from handoff_logs.epcis.parameters import FILTERS, PAGING

PAGE = (Path(__file__).parents[2] / "docs" / "epcis.md").read_text("utf-8")


def row(meaning: Meaning) -> str:
    act = f"`{meaning.act}`" if meaning.act else "any"
    by = f" by {meaning.station}" if meaning.station else ""
    kinds = f" of a {' or '.join(meaning.kinds)}" if meaning.kinds else ""
    after = ", ".join(f"`{state}`" for state in meaning.after)
    before = ", ".join(f"`{state}`" for state in meaning.before)
    states = f"{before} → {after or 'any'}" if before else after or "any"
    states = {"tray": "under another tray", "case": "not moved: a case"}.get(meaning.subject, states)
    states += f" as `{meaning.outcome}`" if meaning.outcome else ""
    told = " ".join(filter(None, (meaning.type, meaning.action)))
    line = f"{meaning.line}, beside" if meaning.beside else meaning.line
    return f"| {line} | {act}{by}{kinds} | {states} | {told} | {meaning.biz_step} | {meaning.disposition} |"


def test_the_page_shows_the_table_that_the_mapping_reads() -> None:
    assert "\n".join(map(row, MEANINGS)) in PAGE


def test_the_page_names_every_parameter_and_no_other() -> None:
    named = set(re.findall(r"`((?:GE|LT|EQ|MATCH)_\w+|eventType|orderBy|orderDirection|perPage|nextPageToken)`", PAGE))
    assert named == set(FILTERS) | set(PAGING)
