"""Romanised names."""

import pytest

from stations.names import (
    SEVERAL_READINGS,
    SURNAME_READINGS,
    Agreement,
    agreement,
    every_reading,
    misses_umlaut,
    readings,
    romanise,
    to_be_chosen,
    unread,
)


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


@pytest.mark.parametrize(
    ("latin", "missed"),
    [(("LV", "LI"), True), (("LU", "LI"), True), (("LYU", "LI"), False), (("LV", "MEI"), False), (("LI", "LI"), False)],
)
def test_a_missed_umlaut_is_told_from_any_other_spelling(latin: tuple[str, str], missed: bool) -> None:
    assert misses_umlaut("吕", "丽", *latin) is missed


def test_characters_with_several_readings_have_more_than_one_and_each_is_known() -> None:
    """Only what is commonly read either way: else every name would be left to a person."""
    assert len(SEVERAL_READINGS) < 30
    for character, spelled in SEVERAL_READINGS.items():
        assert len(spelled) > 1
        assert set(spelled) <= set(readings(character))


def test_a_surname_s_own_readings_come_first() -> None:
    assert every_reading("曾", "明")["曾"][0] == "ZENG"
    assert every_reading("尉迟", "明").keys() <= {"明"}
    assert to_be_chosen("翟", "行") == {"翟": SURNAME_READINGS["翟"], "行": SEVERAL_READINGS["行"]}


def test_a_character_that_nobody_here_can_read_is_named() -> None:
    assert unread("王\U0003134f·明") == "\U0003134f"
