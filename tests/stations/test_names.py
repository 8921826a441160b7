"""Romanised names."""

import pytest

from stations.names import Agreement, agreement, readings, romanise


@pytest.mark.parametrize(
    ("surname", "latin"),
    [("仇", "QIU"), ("解", "XIE"), ("曾", "ZENG"), ("区", "OU"), ("查", "ZHA"), ("单", "SHAN"), ("尉迟", "YUCHI")],
)
def test_surnames_have_readings_of_their_own(surname: str, latin: str) -> None:
    assert romanise(surname, "明")[0] == latin


def test_u_with_two_dots_is_written_yu() -> None:
    assert romanise("吕", "绿") == ("LYU", "LYU")


def test_given_names_are_one_word() -> None:
    assert romanise("欧阳", "晓明") == ("OUYANG", "XIAOMING")


@pytest.mark.parametrize(
    ("latin", "expected"),
    [
        (("WANG", "XIAO MING"), Agreement.EXPECTED),
        (("WANG", "XIAO'MING"), Agreement.EXPECTED),
        (("WANG", "XIAOMIN"), Agreement.DIFFERENT),
        (("HUANG", "XIAOMING"), Agreement.DIFFERENT),
    ],
)
def test_a_spelling_agrees_or_not(latin: tuple[str, str], expected: Agreement) -> None:
    assert agreement("王", "晓明", *latin) is expected


def test_another_reading_is_left_to_a_person() -> None:
    assert agreement("单", "乐", "SHAN", "YUE") is Agreement.OTHER_READING
    assert agreement("曾", "乐", "CENG", "LE") is Agreement.OTHER_READING


def test_what_is_no_chinese_character_has_no_reading() -> None:
    assert readings("A") == ()
