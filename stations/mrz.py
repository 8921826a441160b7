"""Machine-readable zones: the passport's two lines of 44 (ICAO Doc 9303 part 4) and the permits' one line of 30.

Check digits follow Doc 9303 part 3: weights 7-3-1, letters count from A = 10, the filler as 0.
"""

from collections.abc import Sequence
from datetime import date
from itertools import cycle
from operator import mul

FILLER = "<"
ISSUER = "CHN"
PASSPORT_WIDTH = 44
NAME_WIDTH = 39
PERMIT_WIDTH = 30

_WEIGHTS = (7, 3, 1)
_VALUE = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {FILLER: 0}


def check_digit(text: str) -> str:
    """The check digit of `text` (A–Z, 0–9 and the filler). Raises `KeyError` for any other character.

    >>> check_digit("L898902C3"), check_digit("740812")
    ('6', '2')
    """
    return str(sum(map(mul, map(_VALUE.__getitem__, text), cycle(_WEIGHTS))) % 10)


def name_field(surname: str, given_names: str, width: int = NAME_WIDTH) -> str:
    """Surname and given names as a zone prints them: fillers between, apostrophes dropped, cut to `width`.

    >>> name_field("LYU", "XIAO MING", 16)
    'LYU<<XIAO<MING<<'
    """
    parts = [_zone_name(part) for part in (surname, given_names)]
    return FILLER.join((parts[0], "", parts[1]) if parts[1] else parts[:1]).ljust(width, FILLER)[:width]


def names_in(field: str) -> tuple[str, str]:
    """Surname and given names of a zone's name field, their parts apart by one space; what was cut off is missing.

    >>> names_in("LYU<<XIAO<MING<<")
    ('LYU', 'XIAO MING')
    """
    surname, _, given_names = field.rstrip(FILLER).partition(FILLER * 2)
    return surname.replace(FILLER, " "), given_names.replace(FILLER, " ")


def passport_lines(
    *, surname: str, given_names: str, number: str, born: date, sex: str, expires: date, code: str = "PO"
) -> tuple[str, str]:
    """Both lines of a passport; the optional field stays empty, and so (Doc 9303) does its check digit."""
    upper = code.ljust(2, FILLER) + ISSUER + name_field(surname, given_names)
    numbered = _checked(number.ljust(9, FILLER))
    birth, expiry = _checked(_day(born)), _checked(_day(expires))
    optional = FILLER * 15
    composite = check_digit(numbered + birth + expiry + optional)
    return upper, f"{numbered}{ISSUER}{birth}{sex}{expiry}{optional}{composite}"


def permit_line(*, code: str, number: str, expires: date, born: date) -> str:
    """The line of a permit card; its composite runs over the checked fields without the fillers between them.

    >>> permit_line(code="CS", number="CA3273201", expires=date(2029, 1, 17), born=date(1981, 8, 3))
    'CSCA32732010<2901178<8108038<2'
    """
    fields = [_checked(number.ljust(9, FILLER)), _checked(_day(expires)), _checked(_day(born))]
    return code + FILLER.join([*fields, check_digit("".join(fields))])


def faults(lines: Sequence[str]) -> tuple[str, ...]:
    """What a printed zone contradicts in itself, by name; nothing for a sound one.

    >>> faults(["CSCA32732010<2901178<8108038<2"]), faults(["CSCA32732010<2901178<8108038<3"])
    ((), ('composite',))
    """
    if not _VALUE.keys() >= set("".join(lines)):
        return ("characters",)
    if [len(line) for line in lines] == [PASSPORT_WIDTH] * 2:
        return _passport_faults(lines[1])
    if [len(line) for line in lines] == [PERMIT_WIDTH]:
        return _permit_faults(lines[0])
    return ("length",)


def _passport_faults(line: str) -> tuple[str, ...]:
    spans = {"number": (0, 9), "birth": (13, 19), "expiry": (21, 27)}
    wrong = [name for name, (start, end) in spans.items() if check_digit(line[start:end]) != line[end]]
    # An empty optional field may print its check digit as filler or as 0.
    if check_digit(line[28:42]) != line[42] and line[28:43].strip(FILLER):
        wrong.append("optional")
    if check_digit(line[0:10] + line[13:20] + line[21:43]) != line[43]:
        wrong.append("composite")
    return tuple(wrong)


def _permit_faults(line: str) -> tuple[str, ...]:
    spans = {"number": (2, 11), "expiry": (13, 19), "birth": (21, 27)}
    wrong = [name for name, (start, end) in spans.items() if check_digit(line[start:end]) != line[end]]
    if check_digit(line[2:12] + line[13:20] + line[21:28]) != line[29]:
        wrong.append("composite")
    return tuple(wrong)


def _checked(field: str) -> str:
    return field + check_digit(field)


def _day(day: date) -> str:
    return f"{day:%y%m%d}"


def _zone_name(name: str) -> str:
    return FILLER.join(name.upper().replace("'", "").replace("-", " ").split())
