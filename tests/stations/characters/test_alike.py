"""Characters that are taken for one another: the known pairs are there, and the file is what its script makes."""

from itertools import pairwise
from pathlib import Path

import pytest
from pypinyin import Style, pinyin

from stations.characters import measure
from stations.characters.alike import FILE, GRID, MOST, Likeness, alike

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
ORDER = [Likeness.BOTH, Likeness.LOOKS, Likeness.SOUNDS]
HEADS = [line[0] for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    "group", ["晓哓", "己已巳", "未末", "土士", "日曰", "戊戌戍", "侯候", "睛晴", "祎袆", "玮炜", "媛嫒", "昊吴"]
)
def test_who_is_known_to_be_confused_is_shown_beside_each_other(group: str) -> None:
    """In both directions, with the part that differs."""
    for head in group:
        found = {each.character: each for each in alike(head)}
        for other in set(group) - {head}:
            assert found[other].likeness in (Likeness.BOTH, Likeness.LOOKS) and found[other].differs is not None


def test_the_part_that_differs_is_where_the_strokes_are() -> None:
    """晓 and 哓 share their right side, 己 and 已 all but where a stroke begins."""
    left, _, width, _ = alike("晓")[0].differs or (0, 0, 0, 0)
    assert alike("晓")[0].character == "哓" and left + width <= GRID // 2
    (open_,) = [each.differs for each in alike("己") if each.character == "已"]
    assert open_ is not None and open_[2] < GRID / 2


def test_the_hardest_to_see_come_first_and_there_are_at_most_six() -> None:
    """Looks and sounds alike, then looks, then sounds; nothing twice, and never the character itself."""
    for head in HEADS:
        found = alike(head)
        kinds = [ORDER.index(each.likeness) for each in found]
        assert len(found) <= MOST and all(before <= after for before, after in pairwise(kinds))
        assert len({each.character for each in found} | {head}) == len(found) + 1
        for each in found:
            if each.differs:
                left, top, width, height = each.differs
                assert 0 <= left < left + width <= GRID and 0 <= top < top + height <= GRID


def test_homophones_are_spoken_alike_and_look_alikes_only_where_they_say_so() -> None:
    def spoken(character: str) -> str:
        return str(pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)[0][0])[:-1]

    for head in "晓伟丽敏静杨张哓玮昊":
        for each in alike(head):
            assert (spoken(each.character) == spoken(head)) == (each.likeness is not Likeness.LOOKS), (head, each)


def test_every_character_of_gb_2312_is_there() -> None:
    """And what names take beyond it; nothing is made up for the others."""
    assert tuple(HEADS) == measure.characters() and len(HEADS) > 6_700
    assert sum(not alike(head) for head in HEADS) < 20
    assert alike("·") == alike("\U0003134f") == ()


@pytest.mark.skipif(not FONT.exists(), reason=f"no {FONT}: apt-get install fonts-wqy-microhei")
def test_the_file_is_what_its_script_makes() -> None:
    """Of some characters; all of them take twenty seconds."""
    measured = measure.Measured(measure.characters(), FONT)
    made = list(measure.lines(measured, "晓己末侯玮媛昊杨丽明"))
    kept = FILE.read_text("utf-8").splitlines()
    assert [line for line in made if line not in kept] == []
