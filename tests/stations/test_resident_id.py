"""Resident identity numbers, against python-stdnum."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from stations import resident_id

DAYS = st.dates(date(1920, 1, 1), date(2026, 1, 1))


def test_the_number_of_the_standard_is_valid() -> None:
    assert resident_id.parse("11010519491231002X") == resident_id.ResidentId(
        "11010519491231002X", "110105", date(1949, 12, 31), "F"
    )


@given(DAYS, st.integers(0, 999))
def test_a_composed_number_satisfies_the_oracle(born: date, sequence: int) -> None:
    number = resident_id.compose("370102", born, sequence)
    assert ric.calc_check_digit(number) == number[-1]
    assert ric.get_birth_date(number) == born
    assert resident_id.parse(number).sex == ("M" if sequence % 2 else "F")


@given(st.from_regex("[0-9]{17}[0-9X]", fullmatch=True))
def test_a_number_is_valid_exactly_when_the_oracle_says_so(number: str) -> None:
    try:
        ric.get_birth_date(number)
        valid = ric.calc_check_digit(number) == number[-1]
    except ric.InvalidComponent:
        valid = False
    if valid:
        assert resident_id.parse(number).number == number
    else:
        with pytest.raises(ValueError):
            resident_id.parse(number)


@pytest.mark.parametrize(
    "text", ["", "1" * 18, "11010519491231002x ", "１１０１０５19491231002X", "1101051949123100²X"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        resident_id.parse(text)


def test_a_region_of_no_province_is_doubtful_but_valid() -> None:
    assert resident_id.parse(resident_id.compose("990102", date(1990, 1, 1), 1)).region_is_doubtful
    assert not resident_id.parse(resident_id.compose("370102", date(1990, 1, 1), 1)).region_is_doubtful
