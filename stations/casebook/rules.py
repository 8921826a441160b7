"""What a case may say: no name, no number, nothing that leads to whose it was."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Final

from stations.casebook.errors import CharactersRefusedError, WordsRefusedError
from stations.documents import PRODUCTS
from stations.intake.batch import ApplicationRecord
from stations.people import Role

LONGEST_WORDS: Final = 160
MOST_DIGITS: Final = 4
"""Digits in a row; more may be a number of a person, a document or a receipt. A year has four."""
LONGEST_TAKEN_FOR: Final = 8


class CaughtAt(StrEnum):
    """Where a mistake was caught."""

    REVIEW = "review"
    SECOND = "second"
    """At review, by the second look at a pass."""
    QC = "qc"
    PACKING = "packing"


WRITERS: Final[Mapping[CaughtAt, frozenset[Role]]] = {
    CaughtAt.REVIEW: frozenset({Role.REVIEWER, Role.LEAD}),
    CaughtAt.SECOND: frozenset({Role.REVIEWER, Role.LEAD}),
    CaughtAt.QC: frozenset({Role.INSPECTOR, Role.LEAD}),
    CaughtAt.PACKING: frozenset({Role.PACKER, Role.LEAD}),
}
"""Who writes what was caught at a station."""
ATTACHERS: Final = (Role.LEAD,)
"""Who attaches a case to a rule alone."""
SECONDS: Final = (Role.LEAD, Role.REVIEWER, Role.ENGINEER)
"""Two of these attach one together."""

NAMED_ITEMS: Final = frozenset({"person_name", "person_pinyin", "signature_characters"})
"""The items of a name: their cases have the character that differed."""

# Joined by these, digits are one number: 110105 1949-1231.
_JOINTS: Final = re.compile(r"(?<=\d)[\s.\-_/:,·]+(?=\d)")
_DIGITS: Final = re.compile(rf"\d{{{MOST_DIGITS + 1},}}")
_LONG_NAME: Final = 5
_CHINESE: Final = re.compile("[\u3400-\u9fff\U00020000-\U000323af]")
_READING: Final = re.compile(f"[A-Z]{{1,{LONGEST_TAKEN_FOR}}}")


def checked_words(words: str, record: ApplicationRecord | None = None) -> str:
    """The words in one line, as they are kept. Raises WordsRefusedError.

    Refused are numbers, what is printed on a document, and, where the `record` is known that the case is of, anything
    of its names and numbers: two characters of the name that follow each other, a part of the romanised one.

    >>> checked_words("  hair over the left ear ")
    'hair over the left ear'
    """
    plain = unicodedata.normalize("NFKC", words)
    kept = " ".join(plain.split())
    if not kept.isprintable() or len(kept) > LONGEST_WORDS:
        raise WordsRefusedError(f"are more than one line of {LONGEST_WORDS} characters")
    joined = _JOINTS.sub("", kept)
    if _DIGITS.search(joined) or any(_numbered(word) for word in re.findall(r"\w+", joined)):
        raise WordsRefusedError("have a number in them")
    if record is not None and _tells_of(kept, record):
        raise WordsRefusedError("have a name or a number of the applicant's in them")
    return kept


def checked_characters(item: str, character: str, taken_for: str) -> tuple[str, str]:
    """The character that differed and what it was taken for, as they are kept; both empty where the item has none.

    Raises CharactersRefusedError.

    >>> checked_characters("signature_characters", "晓", "哓")
    ('晓', '哓')
    """
    if not character and not taken_for:
        return "", ""
    if item not in NAMED_ITEMS:
        raise CharactersRefusedError("this item is not one of names")
    if not _CHINESE.fullmatch(character):
        raise CharactersRefusedError("the character is not one Chinese character")
    reading = item == "person_pinyin" and _READING.fullmatch(taken_for)
    if taken_for and not _CHINESE.fullmatch(taken_for) and not reading:
        raise CharactersRefusedError("it was taken for more than one character")
    if taken_for == character:
        raise CharactersRefusedError("a character is not taken for itself")
    return character, taken_for


def _numbered(word: str) -> bool:
    return any(product.number_is_valid(word.upper()) for product in PRODUCTS.values())


def _tells_of(words: str, record: ApplicationRecord) -> bool:
    person = record.applicant
    name = person.surname + person.given_names
    told = "".join(words.split())
    if any(pair in told for pair in map("".join, pairwise(name))):
        return True
    latin = {part for field in _latin(record) for part in re.findall(r"[A-Z]+", field)}
    if latin & set(re.findall(r"[A-Z]+", words.upper())):
        return True
    run = re.sub(r"[^A-Z]", "", words.upper())
    spelled = {
        re.sub(r"[^A-Z]", "", each) for each in (person.surname_latin + person.given_names_latin, *_latin(record))
    }
    # Shorter ones are in many a word.
    if any(len(each) >= _LONG_NAME and each in run for each in spelled):
        return True
    return any(number in told.upper() for number in (record.number, person.resident_id, person.phone))


def _latin(record: ApplicationRecord) -> Iterable[str]:
    person = record.applicant
    # Of one letter a part says nothing of anybody: "a" is a word.
    return (part for field in (person.surname_latin, person.given_names_latin) for part in field.split() if part[1:])
