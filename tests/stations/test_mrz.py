"""Machine-readable zones, against the standard's specimens and the `mrz` package."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrz.generator.td3 import TD3CodeGenerator

from stations import mrz

NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=18)
DAYS = st.dates(date(1920, 1, 1), date(2099, 12, 31))
NUMBERS = st.from_regex("E[A-HJ-NP-Z][0-9]{7}", fullmatch=True)
SPECIMEN = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def test_the_specimen_of_the_standard_has_no_faults() -> None:
    assert mrz.faults(SPECIMEN) == ()


def test_the_permit_specimen_is_built_exactly() -> None:
    line = mrz.permit_line(code="CS", number="CA3273201", expires=date(2029, 1, 17), born=date(1981, 8, 3))
    assert line == "CSCA32732010<2901178<8108038<2"
    assert mrz.faults([line]) == ()


@given(NAMES, NAMES, NUMBERS, DAYS, DAYS, st.sampled_from("MF"))
def test_passport_lines_are_those_of_the_oracle(
    surname: str, given_names: str, number: str, born: date, expires: date, sex: str
) -> None:
    ours = mrz.passport_lines(
        surname=surname, given_names=given_names, number=number, born=born, sex=sex, expires=expires
    )
    oracle = TD3CodeGenerator(
        "PO", "CHN", surname, given_names, number, "CHN", f"{born:%y%m%d}", sex, f"{expires:%y%m%d}", force=True
    )
    theirs = str(oracle).splitlines()
    assert ours[0] == theirs[0]
    # An empty optional field may print its check digit as filler or 0; both count as 0 in the composite.
    assert ours[1] == theirs[1][:42] + "<" + theirs[1][43]


@pytest.mark.parametrize("place", [*range(10), *range(13, 20), *range(21, 28), 43])
def test_every_misread_digit_of_a_passport_is_a_fault(place: int) -> None:
    upper, lower = mrz.passport_lines(
        surname="LYU",
        given_names="XIAOMING",
        number="EJ1234567",
        born=date(1990, 1, 2),
        sex="M",
        expires=date(2036, 1, 1),
    )
    wrong = "1" if lower[place] != "1" else "2"
    assert mrz.faults((upper, lower[:place] + wrong + lower[place + 1 :])) != ()


@given(st.from_regex("C[A-HJ-NP-Z][0-9]{7}", fullmatch=True), DAYS, DAYS)
def test_a_permit_line_has_30_places_and_no_faults(number: str, expires: date, born: date) -> None:
    line = mrz.permit_line(code="CD", number=number, expires=expires, born=born)
    assert len(line) == 30
    assert mrz.faults([line]) == ()


def test_a_zone_of_wrong_length_or_characters_is_named_so() -> None:
    assert mrz.faults(["TOO<SHORT"]) == ("length",)
    assert mrz.faults(["cs" + "<" * 28]) == ("characters",)


def test_a_long_name_is_cut_to_its_field() -> None:
    assert len(mrz.name_field("A" * 50, "B")) == 39
    assert mrz.name_field("O'NEIL-SMITH", "ANN MARIE").startswith("ONEIL<SMITH<<ANN<MARIE<")
