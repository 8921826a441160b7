"""UPU S10 numbers: the standard's own arithmetic, and numbers that carriers printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import s10


@pytest.mark.parametrize("printed", ["RB123456785GB", "EE123456785CN", "RA473124829GB", "LK123456785DE"])
def test_known_numbers_are_valid(printed):
    """Numbers whose check digits were worked out by hand from weights 8 6 4 2 3 5 9 7."""
    assert s10.valid(printed)


@given(st.integers(0, s10.SERIALS - 1))
def test_every_serial_makes_a_valid_number(serial):
    """What is written is read as valid, thirteen characters long."""
    assert s10.valid(s10.number("EE", serial, "CN")) and len(s10.number("EE", serial, "CN")) == 13


@given(st.integers(0, s10.SERIALS - 1), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_of_the_serial_shows(serial, place, change):
    """The weights are prime to 11; only its two doubled check digits (5 and 0) let a single error pass."""
    written = s10.number("EE", serial, "CN")
    wrong = (int(written[2 + place]) + change) % 10
    damaged = written[: 2 + place] + str(wrong) + written[3 + place :]
    assert not s10.valid(damaged) or written[10] in "05"


@pytest.mark.parametrize("written", ["", "RA47312482GB", "ra473124829gb", "RA473124829G1", "RA473124820GB"])
def test_anything_else_is_refused(written):
    """Wrong length, case, country or check digit."""
    assert not s10.valid(written)


def test_a_serial_has_eight_digits():
    """A longer serial is refused, not cut."""
    with pytest.raises(ValueError, match="eight digits"):
        s10.number("EE", s10.SERIALS, "CN")
