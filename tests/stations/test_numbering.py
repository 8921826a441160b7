"""Ranges of numbers: given by two who sign, recorded, none twice, none shrunk; on both databases."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pwdlib.hashers.argon2 import Argon2Hasher
from small_line import Line
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs import register
from handoff_logs.reading import open_reading
from stations import numbering, s10
from stations.mailing import tracking
from stations.mailing.tracking import TrackingNumbersSpentError
from stations.numbering import RangeRefusedError, span
from stations.people import Role
from stations.people_register import passwords
from stations.people_register import register as people
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.sign_in import sign_in_two
from stations.personalization import numbers
from stations.personalization.errors import NumbersExhaustedError
from stations.review import station as review

Left = Callable[[], dict[str, int]]
FOUNDERS = Credentials("p-0001", "first administrator"), Credentials("p-0002", "second administrator")


@pytest.fixture
def by(line: Line, monkeypatch: pytest.MonkeyPatch) -> TwoSigned:
    """Two administrators who have just signed in."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    people.found(line.database, *FOUNDERS, emulated=True)
    return sign_in_two(line.database, *FOUNDERS, (Role.ADMINISTRATOR,))


@pytest.fixture
def bare(line: Line) -> Line:
    """A line that was given no numbers."""
    with pytest.raises(NumbersExhaustedError):
        line.database.write(lambda tx: numbers.take(tx, "taiwan_permit"))
    return line


def give(line: Line, by: TwoSigned, *asked: str) -> str:
    return numbering.give(line.at("mailing"), by, span(*asked))


@pytest.fixture
def left(line: Line, database_url: str) -> Callable[[], dict[str, int]]:
    """Tells how many numbers of each range are left."""

    def told() -> dict[str, int]:
        with open_reading(database_url) as reading:
            return {f"{one.numbered} {one.last}": one.left for one in numbering.given(reading)}

    return told


def test_numbers_are_given_out_from_one_range_after_another_and_none_beyond(
    bare: Line, by: TwoSigned, left: Left
) -> None:
    """A prefix may have several ranges."""
    give(bare, by, "taiwan_permit", "L00000008", "L00000009")
    give(bare, by, "taiwan_permit", "L00000001", "L00000002")
    taken = [bare.database.write(lambda tx: numbers.take(tx, "taiwan_permit")) for _ in range(4)]
    assert taken == ["L00000001", "L00000002", "L00000008", "L00000009"]
    with pytest.raises(NumbersExhaustedError, match="passline numbers add taiwan_permit"):
        bare.database.write(lambda tx: numbers.take(tx, "taiwan_permit"))
    assert {told: more for told, more in left().items() if told.startswith("taiwan")} == {
        "taiwan_permit L00000002": 0,
        "taiwan_permit L00000009": 0,
    }


@pytest.mark.parametrize(
    ("first", "last"), [("RR000000014CN", "RR000000031CN"), ("SF0001", "SF0003"), ("9-01-X", "9-03-X")]
)
def test_a_carriers_numbers_are_given_out_as_it_wrote_them(bare: Line, by: TwoSigned, first: str, last: str) -> None:
    bare.database.write(lambda tx: tracking.take(tx, 99_999))
    if "-" in first:
        with pytest.raises(RangeRefusedError):
            span("parcel", first, last)
        return
    give(bare, by, "parcel", first, last)
    taken = bare.database.write(lambda tx: tracking.take(tx, 3))
    assert (taken[0], taken[-1]) == (first, last)
    with pytest.raises(TrackingNumbersSpentError, match="passline numbers add parcel"):
        bare.database.write(lambda tx: tracking.take(tx, 1))


def test_a_range_is_recorded_with_the_two_who_signed_it(bare: Line, by: TwoSigned) -> None:
    event = give(bare, by, "hk_macau_permit", "CA0000001", "CA0000100")
    rows = bare.facts(
        "SELECT person, second_person, sign_in, second_sign_in FROM custody_event WHERE event_id = '" + event + "'"
    )
    assert [tuple(row) for row in rows] == [(by.first, by.second, by.first_sign_in, by.second_sign_in)]
    with bare.database.read() as tx:
        told = register.state(tx, register.Register.NUMBERS)
    assert told == {("hk_macau_permit", "CA0000001 CA0000100"): "100"}


@pytest.mark.parametrize(
    ("first", "last"),
    [("CA0000050", "CA0000060"), ("CA0000100", "CA0000200"), ("CA0000001", "CA0000001"), ("CA0000000", "CA9999999")],
)
def test_no_number_is_given_to_a_line_twice(bare: Line, by: TwoSigned, left: Left, first: str, last: str) -> None:
    give(bare, by, "hk_macau_permit", "CA0000001", "CA0000100")
    before = left()
    with pytest.raises(RangeRefusedError, match="given some of these numbers before"):
        give(bare, by, "hk_macau_permit", first, last)
    assert left() == before
    give(bare, by, "hk_macau_permit", "CA0000101", "CA0000200")
    give(bare, by, "hk_macau_permit", "C00000001", "C00000100")


def test_a_number_that_is_on_a_document_is_given_to_nobody(bare: Line, by: TwoSigned, left: Left) -> None:
    """However it came there: by an earlier passline, or with a restored database."""
    bare.file(12)
    for offer in bare.waiting("review"):
        review.work_tray(bare.at("review"), offer, bare.reviewer)
    bare.make_documents()
    rows = bare.facts("SELECT product, document_number FROM job WHERE product <> 'passport' ORDER BY document_number")
    product, used = rows[0]
    with pytest.raises(RangeRefusedError, match=f"{used} is on a document already"):
        give(bare, by, product, used, used)
    assert not any(told.startswith(product) for told in left())


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE number_range SET next_number = next_number - 1",
        "UPDATE number_range SET last_number = 500",
        "UPDATE number_range SET prefix = 'CB'",
        "DELETE FROM number_range",
        "INSERT INTO number_range VALUES ('taiwan_permit', 'CA', 7, 5, 5, 9)",
        "UPDATE tracking_range SET next_serial = next_serial - 1",
        "UPDATE tracking_range SET width = 4",
        "DELETE FROM tracking_range",
    ],
)
def test_a_range_shrinks_for_nobody_in_plain_sql(bare: Line, by: TwoSigned, left: Left, forged: str) -> None:
    give(bare, by, "hk_macau_permit", "CA0000001", "CA0000100")
    give(bare, by, "parcel", "SF0001", "SF0009")
    bare.database.write(lambda tx: (numbers.take(tx, "hk_macau_permit"), tracking.take(tx, 1)))
    before = left()
    with pytest.raises(DBAPIError, match=r"given out|given to a line twice"):
        bare.database.write(lambda tx: tx.execute(text(forged)))
    assert left() == before


@pytest.mark.parametrize(
    ("numbered", "first", "last"),
    [
        ("passport", "EJ0000001", "EJ0000009"),
        ("hk_macau_permit", "CI0000001", "CI0000009"),
        ("hk_macau_permit", "CA0000001", "CB0000009"),
        ("hk_macau_permit", "CA0000009", "CA0000001"),
        ("taiwan_permit", "CA0000001", "CA0000009"),
        ("taiwan_permit", "L0000000１", "L00000009"),
        ("parcel", "EE000000019CN", "EE000000021CN"),
        ("parcel", "EE000000018CN", "EX000000021CN"),
        ("parcel", "sf1", "sf9"),
        ("parcel", "SF1", "SF10"),
        ("parcel", "", ""),
        ("parcel", "1" * 5_000, "2" * 5_000),
        ("parcel", "SF1\n", "SF2\n"),
    ],
)
def test_what_is_no_range_is_refused_with_its_reason(numbered: str, first: str, last: str) -> None:
    with pytest.raises(RangeRefusedError) as refused:
        span(numbered, first, last)
    assert len(str(refused.value)) < 400 and refused.value.reason


@settings(deadline=None)
@given(st.integers(0, 99_999_999), st.integers(0, 99_999_999))
def test_a_range_of_s10_numbers_has_the_serials_between(one: int, other: int) -> None:
    first, last = (s10.number("EE", serial, "CN") for serial in sorted((one, other)))
    asked = span("parcel", first, last)
    assert (asked.form, asked.size) == ("s10", abs(one - other) + 1)
    assert re.fullmatch(r"EE\d{9}CN", asked.first)
