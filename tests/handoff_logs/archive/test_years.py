"""A unit belongs to the year (UTC) that its id begins with, to the millisecond."""

from datetime import UTC, datetime

import pytest

from handoff_logs.archive.years import ids_of
from handoff_logs.records import new_id


@pytest.mark.parametrize("year", [1970, 2024, 2025, 9997])
def test_years_meet_without_a_gap(year: int) -> None:
    begin_ms = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000
    end_ms = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()) * 1000
    first, last, next_first = (f"{ms:012x}" for ms in (begin_ms, end_ms - 1, end_ms))
    for tail in ("0" * 20, "f" * 20):
        assert first + tail in ids_of(year)
        assert last + tail in ids_of(year)
        assert next_first + tail not in ids_of(year)
    assert ids_of(year).end == ids_of(year + 1).first


def test_a_new_unit_is_of_this_year() -> None:
    assert new_id() in ids_of(datetime.now(UTC).year)
    assert None not in ids_of(2024)
