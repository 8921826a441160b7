"""Tracking numbers come from ranges, each once."""

import pytest

from stations import s10
from stations.mailing import tracking
from stations.mailing.tracking import TrackingNumbersSpentError


def test_numbers_are_given_out_once_and_in_order(line):
    """The S10 range first, for it was entered first; then the opaque one."""
    line.database.write(
        lambda tx: tracking.add_range(
            tx, form="opaque", prefix="1100", suffix="", first=5, last=6, width=9, emulated=True
        )
    )
    first = line.database.write(lambda tx: tracking.take(tx, 3))
    rest = line.database.write(lambda tx: tracking.take(tx, 99_996 + 2))
    assert all(s10.valid(number) for number in first)
    assert rest[-2:] == ["1100000000005", "1100000000006"]
    assert len({*first, *rest}) == 99_999 + 2


def test_a_spent_range_gives_nothing_at_all(line):
    """All or none: nothing is taken when there are too few."""
    with pytest.raises(TrackingNumbersSpentError, match="99999 are left"):
        line.database.write(lambda tx: tracking.take(tx, 100_000))
    assert line.database.write(lambda tx: tracking.take(tx, 1)) == [s10.number("EE", 1, "CN")]


@pytest.mark.parametrize("parts", [{"prefix": "E"}, {"suffix": "china"}, {"last": 10**8}])
def test_a_range_that_makes_no_numbers_is_refused(line, parts):
    """When it is entered, not when the first number is needed."""
    given = {"form": "s10", "prefix": "EE", "suffix": "CN", "first": 1, "last": 9, "emulated": True} | parts
    with pytest.raises(ValueError, match=r"letters|digits"):
        line.database.write(lambda tx: tracking.add_range(tx, **given))
