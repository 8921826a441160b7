"""What the centre makes."""

from datetime import date

import pytest

from stations.documents import PRODUCTS, age


@pytest.mark.parametrize(
    ("product", "number", "valid"),
    [
        ("passport", "EJ1234567", True),
        ("passport", "E12345678", True),
        ("passport", "G12345678", True),
        ("passport", "EO1234567", False),
        ("passport", "EJ12345678", False),
        ("hk_macau_permit", "CA3273201", True),
        ("hk_macau_permit", "C12345678", True),
        ("hk_macau_permit", "CI3273201", False),
        ("taiwan_permit", "L12345678", True),
        ("taiwan_permit", "LA1234567", False),
    ],
)
def test_numbers_follow_their_documents_form(product: str, number: str, valid: bool) -> None:
    assert PRODUCTS[product].number_is_valid(number) is valid


def test_an_adults_document_holds_ten_years_a_childs_five() -> None:
    issued = date(2026, 11, 23)
    assert PRODUCTS["passport"].expires_on(date(2010, 11, 23), issued) == date(2036, 11, 22)
    assert PRODUCTS["passport"].expires_on(date(2010, 11, 24), issued) == date(2031, 11, 22)


def test_a_document_issued_on_a_leap_day_expires_on_the_last_of_february() -> None:
    assert PRODUCTS["passport"].expires_on(date(2020, 1, 1), date(2024, 2, 29)) == date(2029, 2, 28)


def test_a_birthday_counts_on_the_day() -> None:
    assert age(date(2000, 2, 29), date(2018, 2, 28)) == 17
    assert age(date(2000, 2, 29), date(2018, 3, 1)) == 18
