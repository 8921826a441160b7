"""Words of cases: nothing by which somebody could be known."""

import pytest
from small_facts import sound

from stations.casebook.errors import CharactersRefusedError, WordsRefusedError
from stations.casebook.rules import checked_characters, checked_words

RECORD = sound().filed.record
NUMBER = RECORD.applicant.resident_id


@pytest.mark.parametrize(
    "words",
    [
        NUMBER,
        f"id {NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}",
        NUMBER.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        "document EJ1234567",
        "document e12345678",
        "C 1234-5678",
        "13800000000",
        "x" * 161,
        "two\x00",
    ],
)
def test_numbers_of_persons_and_documents_are_refused_whoever_they_are_of(words: str) -> None:
    with pytest.raises(WordsRefusedError):
        checked_words(words)


@pytest.mark.parametrize(
    "words", ["王晓明", "王 晓 明", "晓明的", "Mr Wang", "xiaoming", "WANG XIAO MING", "xiao-ming"]
)
def test_the_records_name_is_refused_in_every_spelling(words: str) -> None:
    with pytest.raises(WordsRefusedError):
        checked_words(words, RECORD)


@pytest.mark.parametrize(
    "words", ["", "hair over the left ear", "左耳被头发遮住", "one stroke more, as in 哓", "in 2026"]
)
def test_how_it_was_seen_is_kept_in_one_line(words: str) -> None:
    assert checked_words(f"  {words} \n", RECORD) == words


@pytest.mark.parametrize(
    ("item", "character", "taken_for"),
    [
        ("signature_characters", "晓明", "哓"),
        ("signature_characters", "晓", "哓明"),
        ("signature_characters", "晓", "晓"),
        ("signature_characters", "", "哓"),
        ("signature_characters", "晓", "XIAO"),
        ("photo_ears", "晓", "哓"),
        ("person_pinyin", "乐", "LEYUELEYUE"),
    ],
)
def test_of_a_name_there_is_never_more_than_one_character(item: str, character: str, taken_for: str) -> None:
    with pytest.raises(CharactersRefusedError):
        checked_characters(item, character, taken_for)


def test_a_reading_is_in_letters() -> None:
    assert checked_characters("person_pinyin", "乐", "LE") == ("乐", "LE")
    assert checked_characters("signature_characters", "晓", "") == ("晓", "")
