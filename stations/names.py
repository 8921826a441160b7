"""Chinese names in Latin letters as documents print them: pinyin without tones, ü as YU, given names in one word.

Surnames follow their own readings, so a table stands before `pypinyin`. Where a character has several readings a person
decides; code only says whether a spelling is the expected one, another possible one, or none.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

# The expected reading first, then others that bearers of the name use.
SURNAME_READINGS: Mapping[str, tuple[str, ...]] = {
    "仇": ("QIU",),
    "解": ("XIE",),
    "曾": ("ZENG",),
    "区": ("OU",),
    "查": ("ZHA",),
    "单": ("SHAN",),
    "任": ("REN",),
    "华": ("HUA",),
    "翟": ("ZHAI", "DI"),
    "盖": ("GE", "GAI"),
    "缪": ("MIAO", "MOU"),
    "员": ("YUN", "YUAN"),
    "乐": ("YUE", "LE"),
    "种": ("CHONG",),
    "逄": ("PANG",),
    "覃": ("QIN", "TAN"),
    "折": ("SHE",),
    "祭": ("ZHAI",),
    "黑": ("HE",),
    "秘": ("BI",),
    "繁": ("PO",),
    "牟": ("MU", "MOU"),
    "谌": ("CHEN", "SHEN"),
    "朴": ("PIAO", "PU"),
    "冼": ("XIAN",),
    "洗": ("XIAN",),
    "纪": ("JI",),
    "那": ("NA",),
    "隗": ("WEI", "KUI"),
    "郇": ("XUN", "HUAN"),
    "都": ("DU",),
    "句": ("GOU",),
    "燕": ("YAN",),
    "宁": ("NING",),
    "车": ("CHE",),
    "沈": ("SHEN",),
    "盛": ("SHENG",),
    "葛": ("GE",),
    "曲": ("QU",),
    "尉迟": ("YUCHI",),
    "长孙": ("ZHANGSUN",),
    "万俟": ("MOQI",),
    "令狐": ("LINGHU",),
    "澹台": ("TANTAI",),
}

# Characters of given names that parents read one way or the other; a spelling alone doesn't say which they meant.
SEVERAL_READINGS: Mapping[str, tuple[str, ...]] = {
    "乐": ("LE", "YUE"),
    "茜": ("QIAN", "XI"),
    "行": ("XING", "HANG"),
    "重": ("CHONG", "ZHONG"),
    "朝": ("CHAO", "ZHAO"),
    "长": ("CHANG", "ZHANG"),
    "晟": ("SHENG", "CHENG"),
    "盛": ("SHENG", "CHENG"),
    "靓": ("LIANG", "JING"),
    "玟": ("WEN", "MIN"),
    "隽": ("JUAN", "JUN"),
    "柏": ("BAI", "BO"),
    "栖": ("QI", "XI"),
    "颉": ("JIE", "XIE"),
    "莞": ("WAN", "GUAN"),
    "翟": ("ZHAI", "DI"),
}
APART = "·"
"""Stands between the parts of names that other languages than Chinese gave."""


class Agreement(StrEnum):
    """How a Latin spelling relates to a Chinese name."""

    EXPECTED = "expected"
    OTHER_READING = "other_reading"
    DIFFERENT = "different"


def romanise(surname: str, given_names: str) -> tuple[str, str]:
    """The expected Latin spelling of a surname and of given names.

    >>> romanise("吕", "晓明"), romanise("仇", "丽")
    (('LYU', 'XIAOMING'), ('QIU', 'LI'))
    """
    return _expected_surname(surname), _expected(given_names)


def agreement(surname: str, given_names: str, surname_latin: str, given_names_latin: str) -> Agreement:
    """How a printed spelling agrees with the Chinese name; spaces, hyphens and apostrophes don't count.

    >>> agreement("曾", "丽", "CENG", "LI").value, agreement("王", "丽", "WANG", "MEI").value
    ('other_reading', 'different')
    """
    latin = (_letters(surname_latin), _letters(given_names_latin))
    if latin == romanise(surname, given_names):
        return Agreement.EXPECTED
    own = SURNAME_READINGS.get(surname, ())
    if (latin[0] in own or _can_be_read(surname, latin[0])) and _can_be_read(given_names, latin[1]):
        return Agreement.OTHER_READING
    return Agreement.DIFFERENT


def to_be_chosen(surname: str, given_names: str) -> dict[str, tuple[str, ...]]:
    """The parts of a name that are commonly read in more than one way, with their readings; a person chooses.

    >>> to_be_chosen("翟", "乐"), to_be_chosen("王", "明")
    ({'翟': ('ZHAI', 'DI'), '乐': ('LE', 'YUE')}, {})
    """
    own = SURNAME_READINGS.get(surname, ())
    chosen = {surname: own} if len(own) > 1 else {}
    return chosen | {each: SEVERAL_READINGS[each] for each in given_names if each in SEVERAL_READINGS}


def every_reading(surname: str, given_names: str) -> dict[str, tuple[str, ...]]:
    """The parts of a name that can be read in more than one way, the usual reading first.

    >>> every_reading("曾", "明")["曾"]
    ('ZENG', 'CENG')
    """
    own = SURNAME_READINGS.get(surname, ())
    parts = {surname: own} if len(surname) > 1 and own else {each: readings(each) for each in surname}
    if len(surname) == 1:
        parts[surname] = tuple(dict.fromkeys((*own, *readings(surname))))
    for each in given_names:
        parts.setdefault(each, readings(each))
    return {part: spelled for part, spelled in parts.items() if len(spelled) > 1}


def unread(name: str) -> str:
    """The characters of a name that no reading is known of.

    >>> unread("王明"), unread("王\U0003134f")
    ('', '\U0003134f')
    """
    return "".join(character for character in name if character != APART and not readings(character))


def misses_umlaut(surname: str, given_names: str, surname_latin: str, given_names_latin: str) -> bool:
    """Whether a spelling would be a reading of the name if its ü, written U or V, were written YU.

    >>> misses_umlaut("吕", "丽", "LV", "LI"), misses_umlaut("吕", "丽", "LYU", "LI")
    (True, False)
    """
    if agreement(surname, given_names, surname_latin, given_names_latin) is not Agreement.DIFFERENT:
        return False
    latin = (_letters(surname_latin), _letters(given_names_latin))
    surname_fits = latin[0] in SURNAME_READINGS.get(surname, ()) or _can_be_read(surname, latin[0], _loosely)
    return surname_fits and _can_be_read(given_names, latin[1], _loosely)


@lru_cache(maxsize=8_192)
def readings(character: str) -> tuple[str, ...]:
    """Every reading of one character, the commonest first; nothing for what is no Chinese character.

    >>> readings("女")
    ('NYU', 'RU')
    """
    found = _pinyin(character, heteronym=True)
    return tuple(dict.fromkeys(_printed(reading) for reading in found[0])) if found else ()


@lru_cache(maxsize=2_048)
def _expected_surname(surname: str) -> str:
    own = SURNAME_READINGS.get(surname)
    return own[0] if own else _expected(surname)


@lru_cache(maxsize=65_536)
def _expected(name: str) -> str:
    return "".join(_printed(syllable[0]) for syllable in _pinyin(name))


def _can_be_read(name: str, latin: str, reads: Callable[[str], tuple[str, ...]] = readings) -> bool:
    """Whether some choice of readings spells `latin`: follow every place that a prefix of the name can reach."""
    reached = {0}
    for character in name:
        spelled = reads(character)
        if spelled:
            reached = {at + len(reading) for at in reached for reading in spelled if latin.startswith(reading, at)}
    return len(latin) in reached


@lru_cache(maxsize=2_048)
def _loosely(character: str) -> tuple[str, ...]:
    """The readings of a character, ü also as U and as V."""
    found = _pinyin(character, heteronym=True)
    written = [syllable.replace("ü", "v") for syllable in found[0]] if found else []
    loose = {syllable.replace("v", letter).upper() for syllable in written for letter in "uv"}
    return (*readings(character), *loose)


def _pinyin(characters: str, *, heteronym: bool = False) -> Sequence[Sequence[str]]:
    """The readings of each Chinese character, without tones; what is none is left out."""
    # Its tables of phrases take a third of a second: whoever asks for no reading need not wait for them.
    from pypinyin import Style, pinyin

    found: Sequence[Sequence[str]] = pinyin(characters, style=Style.NORMAL, heteronym=heteronym, errors="ignore")
    return found


def _printed(syllable: str) -> str:
    return syllable.replace("ü", "v").replace("v", "yu").upper()


def _letters(latin: str) -> str:
    return "".join(letter for letter in latin.upper() if letter.isalpha())
