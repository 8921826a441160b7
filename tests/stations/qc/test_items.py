"""The inspection items as data: complete, in both languages, every defect code of exactly one item."""

import csv
import io
import json
import re

import pytest

from flows.cli import run
from flows.errors import Exit
from stations.qc.items import ITEM_OF, ITEMS, Group, first_doubts_first
from stations.qc.rules import DEFECTS, READERS_ALONE

CHINESE = re.compile("[\u4e00-\u9fff]")


def test_every_defect_code_fails_exactly_one_item():
    assert sorted(ITEM_OF) == sorted(DEFECTS)
    assert sum(len(item.codes) for item in ITEMS.values()) == len(DEFECTS)
    assert {item.group for item in ITEMS.values()} == set(Group)


def test_every_item_asks_and_shows_in_both_languages():
    for item in ITEMS.values():
        assert item.question.endswith("?") and item.question_zh.endswith("？")
        assert item.shows.english and CHINESE.search(item.shows.chinese)


def test_what_only_a_reader_sees_belongs_to_items_that_a_reader_looks_at():
    assert all(ITEM_OF[code].automatic for code in READERS_ALONE)
    assert {code for code in DEFECTS if not ITEM_OF[code].automatic} == {"print", "portrait", "blank", "defaced"}


def test_what_is_suspected_comes_first():
    first, second, *rest = first_doubts_first(("chip_lock", "zone"))
    assert [first.id, second.id] == ["zone", "chip_lock"]
    assert [item.id for item in rest] == [item for item in ITEMS if item not in ("zone", "chip_lock")]


@pytest.mark.parametrize("output", ["table", "json", "csv", "markdown"])
def test_the_items_are_printed_with_every_code(output, capsys):
    assert run(["qc", "items", "--output", output]) == Exit.FINE
    printed = capsys.readouterr().out
    assert all(code in printed for code in DEFECTS)
    if output == "json":
        assert {code["code"] for item in json.loads(printed) for code in item["codes"]} == set(DEFECTS)
    if output == "csv":
        assert [row["code"] for row in csv.DictReader(io.StringIO(printed))] == [
            c for i in ITEMS.values() for c in i.codes
        ]
